"""The catalog: which file of a tree is what, and what is refused, warned about or read as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from clusterbook.catalog.criteria import ANY, Criteria
from clusterbook.catalog.load import Catalog, survey_catalog
from clusterbook.diagnostics.findings import Finding, SourceErrors
from clusterbook.documents.api_version import API_VERSION, AUTHORED, PROFILED, PROFILED_ALPHA, READ, REFERENCE
from clusterbook.resolve.matching import COMPOSED, CURATED
from tests.support.hints import nearest
from tests.support.trees import REGISTRY, build, load, resolve, tree

OVERLAY = "kind: RecipeMetadata\nmetadata: {name: %s}\nspec: {criteria: {service: %s}}\n"
BLOCK = "kind: RecipeMetadata\nmetadata: {name: %s}\nspec:\n  criteria: {service: %s}\n"
MIXIN = "kind: RecipeMixin\nmetadata: {name: %s}\nspec: {constraints: [{name: OS, value: x}]}\n"


def refusals(files: Mapping[str, str], **more: Any) -> list[Finding]:
    """Return the errors in a tree: ours is refused with them, somebody else's without base or registry as well."""
    found = survey_catalog(tree(files, **more))
    if more.get("strict", True):
        with pytest.raises(SourceErrors) as caught:
            load(files, **more)
        assert caught.value.findings == found.findings
    return [finding for finding in found.findings if finding.severity == "error"]


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    """Return place and code of findings."""
    return [(str(finding.place), finding.code) for finding in findings]


def both(files: Mapping[str, str]) -> list[Catalog]:
    """Return a tree read as our own and as somebody else's."""
    return [load(files, strict=True), load(files, strict=False)]


# --- row F2: what is an overlay ---------------------------------------------------------------------------------------


def test_overlays_are_found_wherever_they_lie() -> None:
    files = {
        "overlays/sub/deep/x.yaml": OVERLAY % ("x", "eks"),
        "elsewhere/y.yaml": OVERLAY % ("y", "eks"),
        "z.yaml": OVERLAY % ("z", "eks"),
    }
    for found in both(files):
        assert list(found.overlays) == ["y", "x", "z"]


@pytest.mark.parametrize(
    "path",
    ["checks/a/x.yaml", "overlays/checks/x.yaml", "overlays/registry.yaml", "overlays/data-v1.yaml", "data-v1.yaml",
     "components/a/x.yaml", "evidence/r/x.yaml", "overlays/x.yml", "overlays/x.txt", "components/a/manifests/x.yaml"],
)  # fmt: skip
def test_what_the_reference_skips_is_no_overlay(path: str) -> None:
    for found in both({path: OVERLAY % ("x", "eks")}):
        assert list(found.overlays) == []


def test_a_document_of_another_kind_is_skipped_in_somebody_elses_tree_and_refused_in_ours() -> None:
    files = {"overlays/other.yaml": "kind: ValidatorCatalog\nvalidators: []\n"}
    assert list(load(files, strict=False).overlays) == []
    assert ("overlays/other.yaml:1:7", "CB015") in said(refusals(files))


@pytest.mark.parametrize("text", ["kind: Kustomization\n", "- RecipeMetadata\n", "a RecipeMetadata text\n", "x: 1\n"])
def test_yaml_outside_overlays_that_is_none_is_left_alone(text: str) -> None:
    for found in both({"docs/x.yaml": text}):
        assert list(found.overlays) == []


def test_base_is_the_file_overlays_base_yaml_whatever_it_calls_itself() -> None:
    for found in both({"overlays/base.yaml": OVERLAY % ("root", "eks")}):
        assert (found.base.name, found.base.file, list(found.overlays)) == ("base", "overlays/base.yaml", [])


def test_a_tree_without_base_or_registry_is_refused_and_says_both_at_once() -> None:
    findings = refusals({}, without=["overlays/base.yaml", "registry.yaml"])
    assert said(findings) == [("overlays/base.yaml", "CB014"), ("registry.yaml", "CB014")]


def test_two_mixins_of_one_name_are_refused_everywhere() -> None:
    files = {"mixins/a.yaml": MIXIN % "os", "mixins/b.yaml": MIXIN % "os"}
    for strict in (True, False):
        assert said(refusals(files, strict=strict)) == [("mixins/b.yaml:2:18", "CB028")]


def test_of_two_overlays_of_one_name_the_last_wins_in_somebody_elses_tree_and_ours_is_refused() -> None:
    files = {"overlays/a.yaml": OVERLAY % ("x", "eks"), "overlays/b.yaml": OVERLAY % ("x", "gke")}
    found = load(files, strict=False)
    assert found.overlays["x"].file == "overlays/b.yaml"
    assert [(finding.code, finding.severity) for finding in found.findings] == [("CB028", "warning")]
    assert said(refusals(files)) == [("overlays/b.yaml:2:18", "CB028")]


# --- spellings of apiVersion ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", READ["RecipeMixin"])
def test_each_spelling_of_api_version_is_read(version: str) -> None:
    head = f"apiVersion: {version}\n"
    files = {"registry.yaml": head + REGISTRY, "overlays/x.yaml": head + OVERLAY % ("x", "eks"),
             "mixins/os.yaml": head + MIXIN % "os"}  # fmt: skip
    for found in both(files):
        assert (list(found.overlays), list(found.mixins)) == (["x"], ["os"])


@pytest.mark.parametrize("version", [PROFILED_ALPHA, PROFILED])
def test_the_api_version_of_a_profile_and_the_profile_belong_together(version: str) -> None:
    profile = "  profile: {name: p, default: x, values: {x: {}}}\n"
    bare, declaring = BLOCK % ("x", "eks"), BLOCK % ("x", "eks") + profile
    for text, place in (
        (f"apiVersion: {version}\n{bare}", "1:13"),
        (f"apiVersion: {REFERENCE}\n{declaring}", "6:3"),
        (f"apiVersion: {AUTHORED}\n{declaring}", "6:3"),
        (f"apiVersion: {version}\n{bare.replace('RecipeMetadata', 'RecipeMetadat')}", "1:13"),
    ):
        assert (f"overlays/x.yaml:{place}", "CB015") in said(refusals({"overlays/x.yaml": text}, strict=False))
    for ours in (f"apiVersion: {version}\n{declaring}", f"apiVersion: {API_VERSION}\n{declaring}"):
        assert list(load({"overlays/x.yaml": ours}).overlays) == ["x"]


@pytest.mark.parametrize("more", ["    extra: 1\n", "---\nkind: RecipeMetadata\n"])
def test_of_a_document_that_declares_a_profile_nothing_is_overlooked(more: str) -> None:
    profile = "  profile: {name: p, default: x, values: {x: {}}}\n"
    text = f"apiVersion: {PROFILED}\n{BLOCK % ('x', 'eks')}{profile}{more}"
    found = survey_catalog(tree({"overlays/x.yaml": text}, strict=False))
    assert (list(found.overlays), list(found.unread)) == ([], ["x"])


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: aicr.run/v9\n%s",
        "apiVersion: aicr.run/v1\n%s",
        "%s  componentRefs: {name: a}\n",
        "%s  constraints: [{name: K}]\n",
        "%s  mixins: [\n",
    ],
)
def test_an_overlay_that_is_not_understood_costs_what_builds_on_it_and_no_more(text: str) -> None:
    files = {
        "overlays/eks.yaml": text % (BLOCK % ("eks", "eks")),
        "eks-training": "{base: eks, criteria: {service: eks, intent: training}}",
        "h100-eks-training": "{base: eks-training, criteria: {service: eks, intent: training, accelerator: h100}}",
        "gke": "criteria: {service: gke}",
    }
    found = load(files, strict=False)
    assert (list(found.overlays), sorted(found.unread)) == (["gke"], ["eks", "eks-training", "h100-eks-training"])
    (finding,) = [finding for finding in found.findings if finding.code == "CB031"]
    assert finding.place.file == "overlays/eks.yaml"
    assert finding.place.line > 0
    assert "eks-training, h100-eks-training" in finding.what
    whole = build(files, strict=False)
    assert sorted(whole.recipes) == ["base", "gke"]
    assert whole.answer(Criteria(service="gke")).state == CURATED
    for query in (Criteria(service="eks", intent="training"), Criteria("eks", "h100", "training")):
        assert whole.answer(query).state not in (CURATED, COMPOSED)
    with pytest.raises(SourceErrors):
        load(files)


def test_a_mixin_that_is_not_understood_costs_what_names_it() -> None:
    files = {
        "mixins/os": "constraint: []",
        "eks": "{criteria: {service: eks}, mixins: [os]}",
        "gke": "criteria: {service: gke}",
    }
    whole = build(files, strict=False)
    assert sorted(whole.recipes) == ["base", "gke"]
    assert [str(finding.place) for finding in whole.findings] == ["mixins/os.yaml:5:3"]


def test_api_version_may_be_left_out() -> None:
    for found in both({"overlays/x.yaml": OVERLAY % ("x", "eks")}):
        assert list(found.overlays) == ["x"]


def test_another_api_version_is_refused_with_those_that_are_read() -> None:
    (finding,) = refusals({"overlays/x.yaml": "apiVersion: v1\n" + OVERLAY % ("x", "eks")}, strict=False)
    assert (str(finding.place), finding.code) == ("overlays/x.yaml:1:13", "CB015")
    assert "clusterbook.dev/v1alpha1" in finding.hint


# --- unknown keys: ours are refused, others warn ----------------------------------------------------------------------

TYPO = "criteria: {servise: eks, service: eks}\ncomponentRefs: [{name: a, verion: '1'}]"


def test_an_unknown_key_is_refused_in_our_tree_with_its_place_and_the_nearest_name() -> None:
    findings = refusals({"eks": TYPO})
    assert said(findings) == [("overlays/eks.yaml:5:14", "CB012"), ("overlays/eks.yaml:6:29", "CB012")]
    assert [nearest(finding.hint) for finding in findings] == ["service", "version"]


def test_an_unknown_key_is_a_warning_in_somebody_elses_tree() -> None:
    found = load({"eks": TYPO}, strict=False)
    assert [(finding.code, finding.severity) for finding in found.findings] == [("CB012", "warning")] * 2
    assert list(found.overlays) == ["eks"]


def test_an_unknown_key_of_a_mixin_is_refused_everywhere() -> None:
    files = {"mixins/os": "constraint: []"}
    for strict in (True, False):
        assert said(refusals(files, strict=strict)) == [("mixins/os.yaml:5:3", "CB012")]


@pytest.mark.parametrize("field", ["base: eks", "criteria: {os: x}", "validation: {}", "mixins: []"])
def test_a_mixin_has_constraints_and_components_only(field: str) -> None:
    assert [finding.code for finding in refusals({"mixins/os": field}, strict=False)] == ["CB012"]


def test_values_of_components_are_not_judged() -> None:
    for found in both({"base": "componentRefs: [{name: a, overrides: {anything: {goes: [1, null, {x: y}]}}}]"}):
        assert found.findings == ()


# --- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "place", "code"),
    [
        ("componentRefs: {name: a}", "5:18", "CB010"),
        ("componentRefs: [a]", "5:19", "CB010"),
        ("componentRefs: [{version: '1'}]", "5:19", "CB011"),
        ("componentRefs: [{name: [a]}]", "5:26", "CB010"),
        ("componentRefs: [{name: a, version: {x: 1}}]", "5:38", "CB010"),
        ("componentRefs: [{name: a, overrides: [1]}]", "5:40", "CB010"),
        ("componentRefs: [{name: a, dependencyRefs: b}]", "5:45", "CB010"),
        ("componentRefs: [{name: a, cleanup: maybe}]", "5:38", "CB010"),
        ("componentRefs: [{name: a, valuesFile: /etc/passwd}]", "5:41", "CB010"),
        ("componentRefs: [{name: ''}]", "5:26", "CB010"),
        ("constraints: [{name: K}]", "5:17", "CB011"),
        ("constraints: [{name: K, value: ''}]", "5:34", "CB010"),
        ("criteria: eks", "5:13", "CB010"),
        ("criteria: {nodes: many}", "5:21", "CB010"),
        ("criteria: {nodes: -1}", "5:21", "CB010"),
        ("criteria: {nodes: 8.5}", "5:21", "CB010"),
        ("mixins: os", "5:11", "CB010"),
        ("validation: {deployment: [a]}", "5:28", "CB010"),
        ("validation: {deployment: {nodeSelection: {maxNodes: 1.5}}}", "5:55", "CB010"),
    ],
)
def test_what_has_the_wrong_shape_is_refused_at_its_place(spec: str, place: str, code: str) -> None:
    for strict in (True, False):
        assert said(refusals({"x": spec}, strict=strict)) == [(f"overlays/x.yaml:{place}", code)]


@pytest.mark.parametrize(
    ("text", "nodes"),
    [("8", 8), ("'8'", 8), ("8.0", 8), ("1_0", 10), ("' 8 '", 8), ("010", 8), ("+8", 8), ("~", 0), ("", 0), ("0", 0)],
)
def test_a_number_of_nodes_is_what_yaml_says(text: str, nodes: int) -> None:
    spec = f"criteria: {{nodes: {text}}}\nvalidation: {{deployment: {{nodeSelection: {{maxNodes: {text}}}}}}}"
    layer = load({"x": spec}).overlays["x"]
    assert layer.criteria is not None
    assert layer.criteria.nodes == nodes
    assert layer.phases["deployment"].others["nodeSelection"].value.get("maxNodes", 0) == nodes


@pytest.mark.parametrize("text", ["true", "yes", "on", "y", "Y", "True", "1", "t", "'true'"])
def test_a_flag_that_is_accepted_is_set(text: str) -> None:
    assert "cleanup" in resolve({"base": f"componentRefs: [{{name: a, cleanup: {text}}}]"}).components[0].sticky


@pytest.mark.parametrize("text", ["false", "no", "off", "n", "0", "f", "'no'", "~"])
def test_a_flag_that_is_denied_is_not_set(text: str) -> None:
    assert "cleanup" not in resolve({"base": f"componentRefs: [{{name: a, cleanup: {text}}}]"}).components[0].sticky


def test_all_errors_of_all_files_are_told_at_once() -> None:
    findings = refusals({"a": "base: [x]", "b": "x: [", "mixins/c": "constraints: 1", "registry.yaml": "kind: X\n"})
    assert [(finding.place.file, finding.code) for finding in findings] == [
        ("mixins/c.yaml", "CB010"), ("overlays/a.yaml", "CB010"), ("overlays/b.yaml", "CB002"),
        ("registry.yaml", "CB011"), ("registry.yaml", "CB015"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_overlay_is_refused(text: str) -> None:
    assert said(refusals({"overlays/x.yaml": text})) == [("overlays/x.yaml:1:1", "CB011")]


def test_a_key_without_a_value_says_nothing() -> None:
    spec = "base:\ncriteria: {service: eks, os: }\nmixins:\nconstraints: ~\ncomponentRefs:\nvalidation: null"
    for found in both({"x": spec}):
        layer = found.overlays["x"]
        assert (layer.base, layer.mixins, layer.constraints, layer.components) == ("", (), (), ())
        assert layer.phases == {}


def test_only_the_first_document_of_somebody_elses_file_is_read() -> None:
    files = {"overlays/x.yaml": OVERLAY % ("x", "eks") + "---\n" + OVERLAY % ("y", "eks")}
    assert list(load(files, strict=False).overlays) == ["x"]
    assert [finding.code for finding in refusals(files)] == ["CB002"]


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: &x {b: 1}\nc: {<<: *x}\n", "a: !!str 1\n"])
def test_anchors_merge_keys_and_tags_are_read_in_somebody_elses_tree_and_refused_in_ours(text: str) -> None:
    files = {"components/a/values.yaml": text}
    load(files, strict=False)
    assert {finding.code for finding in refusals(files)} == {"CB006"}


# --- the registry -----------------------------------------------------------------------------------------------------


def test_a_component_that_stands_twice_is_refused() -> None:
    files = {"registry.yaml": "kind: ComponentRegistry\ncomponents:\n- name: a\n- name: a\n"}
    assert said(refusals(files)) == [("registry.yaml:4:3", "CB028")]


def test_every_field_of_the_reference_is_known() -> None:
    entry = """\
kind: ComponentRegistry
apiVersion: aicr.run/v1alpha2
components:
- name: a
  displayName: A
  valueOverrideKeys: [x, y]
  helm: {defaultRepository: r, defaultChart: c, defaultVersion: 1.0, defaultNamespace: n}
  nodeScheduling:
    system: {nodeSelectorPaths: [x], tolerationPaths: [x], taintPaths: [x], taintStrPaths: [x]}
    accelerated: {nodeSelectorPaths: [x], requireNodeSelector: true, requireNodeSelectorIfStorageClassSet: false}
    nodeCountPaths: [x]
  podScheduling: {workload: {workloadSelectorPaths: [x]}}
  storageClassPaths: [x]
  validations: [{function: f, severity: warning, conditions: {service: [eks]}, message: m}]
  healthCheck: {assertFile: checks/a/health-check.yaml}
  gkeCriticalPriority: true
  ownsCRDs: true
  sharedStorageClassPaths: [x]
  manifestFiles: [components/a/manifests/x.yaml]
  mixinSafeOverridePaths: [x.y]
  class: ops
  upgrades: {file: components/a/upgrades.yaml}
  hasSelfRefCRDs: true
  manifestsUseChartCRDs: true
  testTier: t
- name: k
  kustomize: {defaultSource: s, defaultPath: p, defaultTag: t}
"""
    for found in both({"registry.yaml": entry}):
        assert found.findings == ()
        assert list(found.components) == ["a", "k"]


def test_every_field_of_an_overlay_is_known() -> None:
    spec = """\
base: base
criteria: {service: eks, accelerator: h100, intent: training, os: ubuntu, platform: kubeflow, nodes: 8}
mixins: []
constraints: [{name: K, value: v, severity: error, remediation: r, unit: u}]
componentRefs:
- {name: a, namespace: n, chart: c, type: Helm, source: s, version: v, valuesFile: components/a/values.yaml,
   overrides: {x: 1}, dependencyRefs: [], manifestFiles: [m], preManifestFiles: [m], cleanup: true,
   expectedResources: [{kind: K, name: n, namespace: x}], healthCheckAsserts: x, healthCheckSkip: true, patches: [],
   tag: '', path: ''}
validation:
  readiness: &phase {timeout: 5m, constraints: [{name: K, value: v}], checks: [c], infrastructure: i,
    nodeSelection: {selector: {a: b}, maxNodes: 2, excludeNodes: [n]}}
  deployment: *phase
  performance: *phase
  conformance: *phase
"""
    assert load({"x": spec}, strict=False).findings == ()


def test_validators_are_read_by_name() -> None:
    text = """\
kind: ValidatorCatalog
apiVersion: validator.nvidia.com/v1alpha1
validators:
- {name: one, phase: deployment, description: d, image: i, timeout: 5m, args: [a], env: [{name: N, value: v}],
   resources: {cpu: 1, memory: 1Gi}, dependencyAffinity: [{componentRef: a, requirement: required}]}
"""
    for found in both({"validators/catalog.yaml": text}):
        assert (list(found.validators), found.findings) == (["one"], ())


# --- row R7: criteria values ------------------------------------------------------------------------------------------

CRITERIA = """\
apiVersion: clusterbook.dev/v1alpha1
kind: CriteriaCatalog
metadata: {name: criteria}
spec:
  dimensions:
    service: {values: [eks, ocp], aliases: {openshift: ocp}, any: [vanilla]}
    accelerator: {values: [h100]}
    intent: {values: [training]}
    os: {values: [amazonlinux], aliases: {al2: amazonlinux}}
    platform: {values: [nim]}
"""


def test_criteria_values_come_from_the_criteria_file_and_from_overlays() -> None:
    found = load({"criteria.yaml": CRITERIA, "x": "criteria: {service: new, accelerator: h100}"}).vocabulary
    assert found.values("service") == ("eks", "new", "ocp")
    assert found.values("service", strict=True) == ("eks", "ocp")
    assert found.values("accelerator") == ("h100",)
    assert (found.read("service", "openshift"), found.read("service", "vanilla")) == ("ocp", ANY)
    assert found.read("os", "al2") == "amazonlinux"


def test_without_a_criteria_file_overlays_alone_say_which_values_there_are() -> None:
    found = load({"x": "criteria: {service: eks, nodes: 4}", "y": "criteria: {service: gke, os: cos}"}).vocabulary
    assert {name: found.values(name) for name in ("service", "os", "intent")} == {
        "service": ("eks", "gke"), "os": ("cos",), "intent": (),
    }  # fmt: skip


# --- values files -----------------------------------------------------------------------------------------------------


def test_a_values_file_that_is_no_map_is_refused() -> None:
    for text in ("[1]\n", "word\n", "1\n"):
        assert said(refusals({"components/a/values-x.yaml": text})) == [("components/a/values-x.yaml:1:1", "CB010")]


def test_manifests_are_not_read_as_values_nor_as_documents() -> None:
    files = {"components/a/manifests/m.yaml": "{{ if .x }}\nnot: [yaml\n", "checks/a/health-check.yaml": "{{"}
    for found in both(files):
        assert found.findings == ()


def test_a_broken_file_of_somebody_elses_tree_is_reported_once() -> None:
    found = survey_catalog(tree({"overlays/x.yaml": "kind: [\n"}, strict=False)).findings
    assert [finding.code for finding in found] == ["CB002", "CB031"]


def test_only_base_yaml_is_base() -> None:
    found = survey_catalog(tree({"overlays/zz.yaml": "kind: RecipeMetadata\nmetadata: {name: base}\nspec: {}\n"}))
    assert found.base.file == "overlays/base.yaml"
    assert [finding.code for finding in found.findings] == ["CB028"]
