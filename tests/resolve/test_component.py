"""One component: the merge rule of each field, the registry's defaults, its values, and whether it can be deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.documents.api_version import API_VERSION, FIRST_GENERATION, REFERENCE
from clusterbook.resolve.component import Component, Conflict
from tests.support.trees import component, resolve

EKS = Criteria("eks")
H100 = Criteria("eks", "h100")


def merged(
    *parts: str, files: Mapping[str, str] | None = None, name: str = "a", api_version: str = API_VERSION
) -> Component:
    """Return component `name` of base ← eks ← h100-eks, each of which says one of `parts` about it."""
    heads = ["", "criteria: {service: eks}\n", "base: eks\ncriteria: {service: eks, accelerator: h100}\n"]
    layers = {
        layer: f"{head}componentRefs:\n- {{name: {name}{', ' if part else ''}{part}}}\n"
        for layer, head, part in zip(("base", "eks", "h100-eks"), heads, parts, strict=False)
    }
    query = H100 if len(parts) > 2 else EKS
    return component(resolve({**layers, **(files or {})}, query, api_version=api_version), name)


def conflict(*parts: str, files: Mapping[str, str] | None = None, name: str = "a") -> Conflict:
    """Return why the same component cannot be resolved."""
    with pytest.raises(Conflict) as caught:
        merged(*parts, files=files, name=name)
    return caught.value


# --- row R28: words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["namespace", "chart", "source", "version", "healthCheckAsserts"])
def test_the_later_non_empty_word_wins(field: str) -> None:
    assert merged(f"{field}: low", f"{field}: high").word(field) == "high"


@pytest.mark.parametrize("field", ["namespace", "chart", "source", "version", "healthCheckAsserts"])
@pytest.mark.parametrize("empty", ["''", "null", "~", ""])
def test_an_empty_word_clears_nothing(field: str, empty: str) -> None:
    assert merged(f"{field}: low", f"{field}: {empty}", f"{field}: ''").word(field) == "low"


def test_a_word_remembers_every_layer_that_said_it() -> None:
    found = merged("version: '1'", "version: '2'", "version: '3'")
    assert [(origin.layer, origin.value) for origin in found.words["version"]] == [
        ("registry", "1.0.0"), ("base", "1"), ("eks", "2"), ("h100-eks", "3"),
    ]  # fmt: skip


def test_a_version_is_the_text_that_was_written() -> None:
    assert merged("version: 1.10").word("version") == "1.10"
    assert merged("version: 0x1F, chart: 007").word("chart") == "007"


def test_the_path_and_tag_of_a_kustomization_win_like_other_words() -> None:
    found = merged("type: Kustomize, source: git, path: one, tag: v1", "path: two", name="plain", files=PLAIN)
    assert (found.word("path"), found.word("tag")) == ("two", "v1")


# --- rows R30, R31, R32: lists and flags ------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["manifestFiles", "preManifestFiles"])
def test_lists_add_up_without_repetition_the_parents_first(field: str) -> None:
    found = merged(f"{field}: [x, y, x]", f"{field}: [z, y]", f"{field}: []")
    assert found.words_of(field) == ["x", "y", "z"]
    assert [origin.layer for origin in found.lists[field]] == ["base", "base", "eks"]


def test_dependencies_add_up_too() -> None:
    files = {"base": "componentRefs: [{name: a, dependencyRefs: [b]}, {name: b}, {name: c}]",
             "eks": "criteria: {service: eks}\ncomponentRefs: [{name: a, dependencyRefs: [c, b]}]"}  # fmt: skip
    assert component(resolve(files, EKS), "a").words_of("dependencyRefs") == ["b", "c"]


def test_expected_resources_are_replaced_by_a_list_that_is_not_empty() -> None:
    low, high = "{kind: Pod, name: x}", "{kind: Job, name: y, namespace: z}"
    found = merged(f"expectedResources: [{low}]", f"expectedResources: [{high}]", "expectedResources: []")
    assert found.replaced["expectedResources"][-1].value == [{"kind": "Job", "name": "y", "namespace": "z"}]


@pytest.mark.parametrize("field", ["cleanup", "healthCheckSkip"])
def test_a_flag_stays_once_it_is_set(field: str) -> None:
    assert field in merged(f"{field}: true", f"{field}: false").sticky
    assert field in merged(f"{field}: false", f"{field}: true").sticky
    assert field not in merged(f"{field}: false").sticky


# --- row R29: overrides -----------------------------------------------------------------------------------------------


def test_overrides_merge_deeply_and_replace_lists_and_words() -> None:
    found = merged(
        "overrides: {m: {a: 1, l: [1, 2]}, s: x}", "overrides: {m: {l: [3]}}", "overrides: {m: {b: 2}, s: {t: 1}}"
    )
    assert found.settled == {"m": {"a": 1, "b": 2, "l": [3]}, "s": {"t": 1}}


FILE = {"components/a/values.yaml": "m: {x: 1, y: 2}\nk: keep\n"}
USE = "valuesFile: components/a/values.yaml"


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        ("m: {x: null}", "n: 1", {"m": {"y": 2}, "k": "keep", "n": 1}),
        ("m: null", "n: 1", {"k": "keep", "n": 1}),
        ("m: null", "m: {z: 3}", {"m": {"x": 1, "y": 2, "z": 3}, "k": "keep"}),
        ("m: {z: 3}", "m: null", {"k": "keep"}),
        ("m: {x: null}", "m: {x: 9}", {"m": {"x": 9, "y": 2}, "k": "keep"}),
        ("m: {x: 9}", "m: {x: null}", {"m": {"y": 2}, "k": "keep"}),
        ("new: {x: null}", "n: 1", {"m": {"x": 1, "y": 2}, "k": "keep", "new": {"x": None}, "n": 1}),
        ("nothing: null", "n: 1", {"m": {"x": 1, "y": 2}, "k": "keep", "n": 1}),
        ("m: word", "m: {z: 3}", {"m": {"x": 1, "y": 2, "z": 3}, "k": "keep"}),
        ("m: {z: 3}", "m: word", {"m": "word", "k": "keep"}),
        ("k: {z: 1}", "n: 1", {"m": {"x": 1, "y": 2}, "k": {"z": 1}, "n": 1}),
    ],
)
def test_in_trees_of_the_reference_overrides_become_one_before_they_meet_the_file_and_null_deletes_only_then(
    low: str, high: str, values: dict[str, Any]
) -> None:
    parts = (f"{USE}, overrides: {{{low}}}", f"overrides: {{{high}}}")
    assert merged(*parts, files=FILE, api_version=REFERENCE).settled == values


@pytest.mark.parametrize("version", [API_VERSION, FIRST_GENERATION])
@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        ("m: {x: null}", "n: 1", {"m": {"x": None, "y": 2}, "k": "keep", "n": 1}),
        ("m: null", "n: 1", {"m": None, "k": "keep", "n": 1}),
        ("m: null", "m: null", {"m": None, "k": "keep"}),
        ("m: null", "m: {z: 3}", {"m": {"x": 1, "y": 2, "z": 3}, "k": "keep"}),
        ("m: {z: 3}", "m: null", {"m": None, "k": "keep"}),
        ("m: {x: null}", "m: {x: 9}", {"m": {"x": 9, "y": 2}, "k": "keep"}),
        ("nothing: null", "n: 1", {"m": {"x": 1, "y": 2}, "k": "keep", "nothing": None, "n": 1}),
        ("new: {x: null}", "new: {y: 1}", {"m": {"x": 1, "y": 2}, "k": "keep", "new": {"x": None, "y": 1}}),
    ],
)
def test_in_our_trees_and_the_oldest_null_stays_for_helm_to_read(
    low: str, high: str, values: dict[str, Any], version: str
) -> None:
    parts = (f"{USE}, overrides: {{{low}}}", f"overrides: {{{high}}}")
    assert merged(*parts, files=FILE, api_version=version).settled == values


def test_a_null_over_the_null_of_a_values_file_stays_null() -> None:
    files = {**FILE, "components/a/values-managed.yaml": "m: {x: null}\n"}
    found = merged("valuesFile: components/a/values-managed.yaml", "overrides: {m: {x: null}}", files=files)
    assert found.settled == {"m": {"x": None, "y": 2}, "k": "keep"}


# --- row R37: where values come from ----------------------------------------------------------------------------------


def test_without_a_values_file_the_components_own_file_plays_no_part() -> None:
    assert merged("namespace: x", files=FILE).settled == {}
    assert merged("overrides: {n: 1}", files=FILE).settled == {"n": 1}


def test_the_own_file_comes_first_then_the_chosen_one_then_overrides() -> None:
    files = {**FILE, "components/a/values-eks.yaml": "m: {y: 3}\nk: null\ns: file\n"}
    found = merged(USE, "valuesFile: components/a/values-eks.yaml, overrides: {s: override}", files=files)
    assert found.settled == {"m": {"x": 1, "y": 3}, "k": None, "s": "override"}
    origins = found.values.children["m"].children["y"].origins  # type: ignore[union-attr]
    assert [origin.layer for origin in origins] == ["components/a/values.yaml", "components/a/values-eks.yaml"]


def test_the_own_file_may_be_missing_when_another_is_chosen() -> None:
    files = {"components/a/values-eks.yaml": "k: null\nn: {z: null}\ns: 1\n"}
    assert merged("valuesFile: components/a/values-eks.yaml", files=files).settled == {
        "k": None,
        "n": {"z": None},
        "s": 1,
    }


def test_the_own_file_is_read_once_when_it_is_the_chosen_one() -> None:
    files = {"components/a/values.yaml": "k: null\n"}
    assert merged(USE, files=files).settled == {"k": None}


def test_a_values_file_may_belong_to_another_component() -> None:
    files = {"components/b/values.yaml": "n: 1\n", **FILE}
    assert merged("valuesFile: components/b/values.yaml", files=files).settled["n"] == 1


@pytest.mark.parametrize(
    "path", ["components/a/custom.yaml", "components/a/gke/values.yaml", "values/a.yaml", "a.yaml"]
)
def test_a_values_file_may_lie_anywhere_in_the_tree(path: str) -> None:
    assert merged(f"valuesFile: {path}", files={path: "n: 1\n"}).settled == {"n": 1}


@pytest.mark.parametrize("path", ["components/a/values-none.yaml", "components/a/values.yaml", "../values.yaml"])
def test_a_values_file_that_is_missing_is_a_conflict_with_its_place(path: str) -> None:
    found = conflict(f"valuesFile: {path}")
    assert path in found.what
    assert str(found.place).startswith("overlays/base.yaml:")


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n"])
def test_an_empty_values_file_has_no_values(text: str) -> None:
    files = {"components/a/values.yaml": text}
    assert merged(USE, files=files).settled == {}
    assert merged(f"{USE}, overrides: {{n: 1}}", files=files).settled == {"n": 1}


# --- row R36: defaults of the registry --------------------------------------------------------------------------------

DEFAULTS = """\
kind: ComponentRegistry
components:
- name: a
  helm: {defaultRepository: oci://x/charts, defaultChart: repo/sub/chart-a, defaultVersion: 1.10, defaultNamespace: ns}
  healthCheck: {assertFile: checks/a/health-check.yaml}
- name: k
  kustomize: {defaultSource: https://git.example/k, defaultPath: deploy, defaultTag: v1.0}
- name: empty
  helm: {defaultRepository: "", defaultChart: ""}
- name: bare
"""
REGISTRY = {"registry.yaml": DEFAULTS, "checks/a/health-check.yaml": "apiVersion: v1\nkind: Pod\n"}
PLAIN = {"registry.yaml": "kind: ComponentRegistry\ncomponents: [{name: plain}]\n"}


def words(found: Component, *fields: str) -> list[str]:
    """Return several fields of a component."""
    return [found.word(field) for field in fields]


def test_empty_fields_are_filled_from_the_registry() -> None:
    found = merged("", files=REGISTRY)
    assert words(found, "type", "source", "chart", "version", "namespace") == [
        "Helm", "oci://x/charts", "chart-a", "1.10", "ns",
    ]  # fmt: skip


def test_what_a_layer_says_wins_over_the_registry() -> None:
    found = merged("chart: other/chart, version: '2'", files=REGISTRY)
    assert words(found, "source", "chart", "version") == ["oci://x/charts", "other/chart", "2"]
    assert found.words["version"][0].layer == "registry"


def test_a_kustomize_component_takes_source_path_and_tag() -> None:
    found = merged("", files=REGISTRY, name="k")
    assert words(found, "type", "source", "path", "tag", "chart", "version", "namespace") == [
        "Kustomize", "https://git.example/k", "deploy", "v1.0", "", "", "",
    ]  # fmt: skip


def test_a_component_of_another_type_than_the_registrys_takes_no_defaults() -> None:
    found = merged("type: Kustomize, path: p", files=REGISTRY)
    assert words(found, "type", "source", "chart", "version") == ["Kustomize", "", "", ""]


def test_a_type_may_be_written_small() -> None:
    assert merged("type: helm", files=REGISTRY).word("type") == "Helm"
    assert merged("type: KUSTOMIZE", files=REGISTRY, name="k").word("type") == "Kustomize"


def test_a_component_without_a_chart_is_of_type_helm() -> None:
    for name in ("empty", "bare"):
        found = merged("manifestFiles: [m.yaml]", files=REGISTRY, name=name)
        assert words(found, "type", "source", "chart") == ["Helm", "", ""]


def test_the_registrys_health_check_is_put_in_place() -> None:
    (origin,) = merged("", files=REGISTRY).words["healthCheckAsserts"]
    assert (origin.value, str(origin.place)) == ("apiVersion: v1\nkind: Pod\n", "checks/a/health-check.yaml:1:1")
    assert merged("healthCheckAsserts: mine", files=REGISTRY).word("healthCheckAsserts") == "mine"
    assert merged("healthCheckSkip: true", files=REGISTRY).word("healthCheckAsserts") == ""


# --- row R39: switched off --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "enabled"),
    [("false", False), ("true", True), ("'false'", True), ("no", True), ("0", True), ("null", True), ("{}", True)],
)
def test_only_a_real_false_switches_a_component_off(switch: str, enabled: bool) -> None:
    assert merged(f"overrides: {{enabled: {switch}}}").enabled is enabled


def test_a_later_overlay_switches_a_component_on_again() -> None:
    assert merged("overrides: {enabled: false}", "overrides: {enabled: true}").enabled
    assert not merged("overrides: {enabled: true}", "overrides: {enabled: false}").enabled


def test_a_values_file_switches_nothing_off() -> None:
    assert merged(USE, files={"components/a/values.yaml": "enabled: false\n"}).enabled


# --- row R42: coherence -----------------------------------------------------------------------------------------------

INCOHERENT = {
    "patches": ("patches: [p.yaml]", "declares patches"),
    "helm-tag": ("tag: v1", "is Helm with a tag or path"),
    "helm-path": ("path: deploy", "is Helm with a tag or path"),
    "padded-chart": ("chart: ' c'", "spaces around its chart"),
    "padded-source": ("source: 'https://x '", "spaces around its source"),
    "padded-version": ("version: ' 1.0'", "spaces around its version"),
    "blank-version": ("version: ' '", "spaces around its version"),
    "bare-v": ("version: v", "has the version 'v'"),
    "unknown-type": ("type: Ansible", "has the type 'Ansible'"),
}
BARE = {
    "source-without-version": ("source: https://x", "has a source but no version"),
    "chart-without-source": ("chart: c", "has the chart 'c' but no source"),
    "nothing": ("namespace: x", "has nothing to deploy"),
    "only-before": ("preManifestFiles: [m.yaml]", "has nothing to deploy"),
    "kustomize-without-path": ("type: Kustomize, source: https://x", "is Kustomize without a path"),
    "tag-without-source": ("type: Kustomize, path: p, tag: v1", "is Kustomize with a tag but no source"),
    "kustomize-manifests": ("type: Kustomize, path: p, manifestFiles: [m.yaml]", "is Kustomize with manifestFiles"),
    "bare-v-manifests": ("manifestFiles: [m.yaml], version: v", "has the version 'v'"),
}


@pytest.mark.parametrize("case", INCOHERENT)
def test_a_component_that_no_deployer_understands_is_a_conflict(case: str) -> None:
    part, what = INCOHERENT[case]
    found = conflict(part)
    assert found.what.startswith("component 'a' ")
    assert what in found.what
    assert found.hint
    assert str(found.place).startswith("overlays/base.yaml:")


@pytest.mark.parametrize("case", BARE)
def test_a_component_that_has_nothing_to_deploy_is_a_conflict(case: str) -> None:
    part, what = BARE[case]
    assert what in conflict(part, files=PLAIN, name="plain").what


def test_the_word_that_is_wrong_is_the_place_of_the_conflict() -> None:
    assert str(conflict("namespace: x", "version: ' 1'").place) == "overlays/eks.yaml:7:24"


@pytest.mark.parametrize("case", [*INCOHERENT, *BARE])
def test_what_is_switched_off_need_not_be_coherent(case: str) -> None:
    name, files = ("a", {}) if case in INCOHERENT else ("plain", PLAIN)
    part, _ = (INCOHERENT | BARE)[case]
    assert not merged(f"{part}, overrides: {{enabled: false}}", files=files, name=name).enabled


def test_no_component_may_be_called_deployer() -> None:
    files = {"registry.yaml": "kind: ComponentRegistry\ncomponents: [{name: deployer}]\n"}
    assert "deployer" in conflict("manifestFiles: [m.yaml]", files=files, name="deployer").what


@pytest.mark.parametrize(
    "part",
    [
        "manifestFiles: [m.yaml]",
        "manifestFiles: [m.yaml], version: 2",
        "source: https://x, version: v1.0",
        "source: oci://x, chart: c, version: '1'",
        "type: Kustomize, path: p",
        "type: Kustomize, path: p, source: https://x, tag: v1",
    ],
)
def test_what_can_be_deployed_is_no_conflict(part: str) -> None:
    assert merged(part, files=PLAIN, name="plain").enabled


def test_a_component_that_the_registry_does_not_know_has_no_type() -> None:
    assert "is not in the component registry" in conflict("source: https://x, version: '1'", name="unknown").what
