"""Helmfile bundles: levels, what waits inside one, where charts come from, and that every file named is there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.helmfile import InterpretedText
from clusterbook.bundle.render import render
from tests.support.whole_recipes import Recipe, small, wholes

Levels = list[dict[str, Any]]


def files(recipe: Recipe, charts: dict[str, VendoredChart] | None = None, **request: Any) -> dict[str, bytes]:
    """Return the files of a Helmfile bundle."""
    return dict(render(recipe, {"deployer": "helmfile", **request}, "1.2.3", charts).files)


def read(data: bytes) -> Any:
    """Return a YAML document."""
    return YAML(typ="safe").load(data)


def levels(found: dict[str, bytes]) -> Levels:
    """Return the state files that helmfile.yaml lists, in its order."""
    return [read(found[each["path"]]) for each in read(found["helmfile.yaml"])["helmfiles"]]


def releases(found: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """Return all releases by name."""
    return {each["name"]: each for level in levels(found) for each in level["releases"]}


def test_levels_follow_one_another() -> None:
    found = files(small())
    names = [[each["name"] for each in level["releases"]] for level in levels(found)]
    assert names == [["crds"], ["operator-pre", "operator", "operator-post", "metrics"], ["settings"]]


def test_a_release_waits_for_those_of_its_own_level_only() -> None:
    found = releases(files(small()))
    needs = {name: each["needs"] for name, each in found.items() if "needs" in each}
    assert needs == {"operator": ["gpu/operator-pre"], "operator-post": ["gpu/operator"]}


def test_in_every_recipe_what_is_needed_comes_first() -> None:
    for slug, recipe in wholes().items():
        found = levels(files(recipe))
        level = {each["name"]: number for number, state in enumerate(found) for each in state["releases"]}
        assert len(level) == sum(len(state["releases"]) for state in found), slug
        for reference in recipe["componentRefs"]:
            name = reference["name"]
            for need in reference.get("dependencyRefs", ()) if name in level else ():
                assert level.get(need, -1) < level[name], f"{slug}: {name} before {need}"


def elsewhere(chart: str) -> str:
    """Return where a chart comes from without a mirror."""
    return chart.partition("{{ else }}")[2].removesuffix("{{ end }}") or chart


def test_every_file_that_is_named_exists() -> None:
    for slug, recipe in {"small": small(), **wholes()}.items():
        found = files(recipe)
        for release in releases(found).values():
            assert all(path in found for path in release["values"]), slug
            if release["chart"].startswith("./"):
                assert f"{release['chart'][2:]}/Chart.yaml" in found, slug


def test_every_repository_that_is_named_is_there_once() -> None:
    for slug, recipe in wholes().items():
        urls: dict[str, str] = {}
        for level in levels(files(recipe)):
            named = {each["name"]: each["url"] for each in level.get("repositories", ())}
            assert len(named) == len(level.get("repositories", ())), slug
            used = {elsewhere(each["chart"]).split("/")[0] for each in level["releases"]} - {".", "oci:"}
            assert used == set(named), slug
            assert all(urls.setdefault(name, url) == url for name, url in named.items()), slug


def test_charts_come_from_where_the_recipe_says_at_its_version() -> None:
    found = releases(files(small()))
    assert (elsewhere(found["crds"]["chart"]), found["crds"]["version"]) == ("charts-example-stable/crds", "1.10")
    assert (elsewhere(found["operator"]["chart"]), found["operator"]["version"]) == (
        "oci://registry.example/charts/gpu",
        "v26.3.2",
    )
    assert found["settings"]["chart"] == "./006-settings"
    assert "version" not in found["settings"]
    assert levels(files(small()))[0]["repositories"] == [
        {"name": "charts-example-stable", "url": "https://charts.example/stable"}
    ]


def test_charts_come_from_the_mirror_that_the_environment_names() -> None:
    found = releases(files(small()))
    mirrored = "{{ with env `CHART_MIRROR` }}{{ trimSuffix `/` . }}/charts/registry.example/charts/gpu{{ else }}"
    assert found["operator"]["chart"].startswith(mirrored)
    assert "CHART_MIRROR" not in found["settings"]["chart"]
    assert "`CHART_MIRROR=oci://HOST/BASE helmfile sync --skip-deps`" in files(small())["README.md"].decode()


def test_a_chart_that_travels_along_needs_no_repository() -> None:
    charts = {name: VendoredChart(f"{name}.tgz", b"chart", "helm") for name in ("crds", "operator", "metrics")}
    found = files(small(), charts, vendorCharts=True)
    chart = releases(found)["operator"]["chart"]
    assert chart == "./003-operator/charts/operator.tgz"
    assert chart[2:] in found
    assert not any("repositories" in level for level in levels(found))


def test_a_chart_is_prepared_for_and_tidied_up_after() -> None:
    facts = {"ownedSecrets": ["cert"], "podSecurity": "privileged"}
    found = files(small(operator={"registry": facts}))
    before, after = releases(found)["operator"]["hooks"]
    assert (before["events"], after["events"]) == (["presync"], ["postsync"])
    assert before["args"][:2] == ["release.sh", "before"]
    assert before["args"][-3:] == ["003-operator", "privileged", "cert"]
    assert "release.sh" in found
    (only,) = releases(found)["crds"]["hooks"]
    assert (only["events"], only["args"][-1]) == (["presync"], "any")
    assert "hooks" not in releases(found)["settings"]


def test_a_bundle_without_charts_has_nothing_to_prepare() -> None:
    recipe = small()
    recipe["componentRefs"] = [
        {**each, "dependencyRefs": []} for each in recipe["componentRefs"] if not each.get("source")
    ]
    recipe["deploymentOrder"] = [each["name"] for each in recipe["componentRefs"]]
    found = files(recipe)
    assert releases(found)
    assert "release.sh" not in found
    assert b"release.sh" not in found["README.md"]


def test_waiting_and_time_are_those_of_the_component() -> None:
    found = files(small())
    said = {name: (each.get("wait"), each.get("timeout")) for name, each in releases(found).items()}
    assert said.pop("metrics") == (False, 1200)
    assert set(said.values()) == {(None, None)}


def test_every_level_lies_over_the_same_defaults_which_ask_helm_for_its_version() -> None:
    found = files(small())
    assert [level["bases"] for level in levels(found)] == [["defaults.yaml.gotmpl"]] * 3
    assert not any("helmDefaults" in level for level in levels(found))
    plain = re.sub(rb"(?m)^\{\{.*\n", b"", found["defaults.yaml.gotmpl"])
    flags = ["--server-side=true", "--force-conflicts"]
    assert read(plain) == {"helmDefaults": {"createNamespace": True, "timeout": 600, "wait": True, "syncArgs": flags}}


def test_kinds_that_nobody_knows_yet_are_not_validated() -> None:
    lenient = {name for name, each in releases(files(small())).items() if each.get("disableValidation")}
    assert lenient == {"operator", "operator-pre", "operator-post"}


def test_values_left_open_lie_beside_the_others() -> None:
    found = files(small(), dynamic=["operator:driver.version"])
    assert read(found["003-operator/values.yaml"])["driver"] == {"enabled": True}
    assert read(found["003-operator/cluster-values.yaml"]) == {"driver": {"version": "580.1"}}
    assert b"`003-operator/cluster-values.yaml`" in found["README.md"]


def test_text_that_looks_like_a_number_stays_text() -> None:
    found = files(small())
    assert read(found["001-crds/values.yaml"]) == {"keep": "yes", "port": 8080}
    assert isinstance(releases(found)["crds"]["version"], str)


def test_a_readiness_release_is_waited_for_until_its_job_ends() -> None:
    found = releases(files(wholes()["h100-eks-ubuntu-training"], readinessHooks=True))
    ready = found["gpu-operator-readiness"]
    assert (ready["waitForJobs"], ready["timeout"], ready["needs"]) == (True, 5700, ["gpu-operator/gpu-operator"])
    assert [name for name, release in found.items() if "waitForJobs" in release] == ["gpu-operator-readiness"]


@pytest.mark.parametrize(
    "request_",
    [
        {"set": ["operator:level=ref+file:///etc/shadow"]},
        {"setJson": ['operator:notes={"a":["see ref+envsubst://$HOME for more"]}']},
        {"setFile": ['operator:notes="first\\nsecretref+vault://secret/data/x#/y"']},
        {"setJson": ['operator:labels={"ref+echo://x":"y"}']},
        {"set": ["operator:level=ref+file:///etc/shadow"], "dynamic": ["operator:level"]},
    ],
)
def test_text_that_helmfile_would_look_up_is_refused(request_: dict[str, list[str]]) -> None:
    with pytest.raises(InterpretedText) as caught:
        files(small(), **request_)
    assert (caught.value.code, caught.value.component) == ("CB204", "operator")
    assert render(small(), {"deployer": "helm", **request_}, "1.2.3").files


@pytest.mark.parametrize("text", ["https://example.org/ref+x", "ref+1", "a ref + file://x", "refs://x"])
def test_text_that_only_looks_alike_is_deployed(text: str) -> None:
    assert read(files(small(), set=[f"operator:level={text}"])["level-1.yaml"])
