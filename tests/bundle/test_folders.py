"""Which releases a recipe becomes, and in which order."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusterbook.bundle.components import select
from clusterbook.bundle.folders import Chart, Plan, VendoredChart, escape_template, plan
from clusterbook.bundle.options import DEPLOYERS, read_options
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest

READY = """
apiVersion: chainsaw.kyverno.io/v1alpha1
kind: Test
metadata: {name: x}
spec:
  steps:
    - try:
        - assert: {resource: {apiVersion: nvidia.com/v1, kind: ClusterPolicy, status: {state: ready}}}
        - error: {resource: {apiVersion: v1, kind: Pod}}
"""
OBJECT = 'kind: X\nname: {{ .Release.Namespace }}-{{ (index .Values "a").word }}\n'


def planned(
    *references: dict[str, Any],
    files: dict[str, str] | None = None,
    service: str = "eks",
    charts: dict[str, VendoredChart] | None = None,
    **request: Any,
) -> Plan:
    """Return the folders of a recipe with the given components."""
    usual = {"type": "Helm", "source": "https://charts/", "version": "1.0", "namespace": "ns", "registry": {}}
    whole = {
        "metadata": {"slug": "x"},
        "criteria": {"service": service},
        "componentRefs": [{**usual, **each} for each in references],
        "deploymentOrder": [each["name"] for each in references],
        "files": files or {},
    }
    options = read_options(request)
    return plan(whole, select(whole, options), options, charts or {})


def test_a_component_with_a_chart_is_one_release() -> None:
    (folder,) = planned({"name": "a", "chart": "chart-a", "values": {"x": 1}}).folders
    assert (folder.path, folder.namespace, folder.phase) == ("001-a", "ns", "main")
    assert folder.chart == Chart("chart-a", "https://charts", "1.0")
    assert folder.values == {"x": 1}


def test_manifests_come_before_and_after_their_chart() -> None:
    reference = {
        "name": "a",
        "values": {"word": "w"},
        "preManifestFiles": ["components/a/manifests/p.yaml"],
        "manifestFiles": ["components/a/manifests/m.yaml"],
    }
    files = {"components/a/manifests/p.yaml": "kind: P\n", "components/a/manifests/m.yaml": OBJECT}
    found = planned(reference, files=files).folders
    assert [(folder.path, folder.phase) for folder in found] == [
        ("001-a-pre", "pre"),
        ("002-a", "main"),
        ("003-a-post", "post"),
    ]
    assert found[2].templates == {"m.yaml": "kind: X\nname: ns-w\n"}
    assert [folder.needs for folder in found] == [(), ("a-pre",), ("a",)]
    assert {folder.level for folder in found} == {0}


def test_a_component_without_a_chart_is_its_manifests() -> None:
    reference = {"name": "a", "source": "", "values": {"word": "w"}, "manifestFiles": ["m/one.yaml", "n/one.yaml"]}
    (folder,) = planned(reference, files={"m/one.yaml": OBJECT, "n/one.yaml": "kind: Y"}).folders
    assert (folder.chart, folder.phase, folder.values) == (None, "main", {"word": "w"})
    assert folder.templates == {"one.yaml": "kind: X\nname: ns-w\n", "n-one.yaml": "kind: Y\n"}


def test_a_manifest_belongs_to_its_release_even_if_it_asks_to_be_a_hook() -> None:
    hook = "kind: X\nmetadata:\n  name: x\n  annotations:\n    helm.sh/hook: post-install,post-upgrade\n"
    for deployer in ("helm", "helmfile", "argocd", "argocd-helm", "flux"):
        (folder,) = planned(
            {"name": "a", "source": "", "manifestFiles": ["m.yaml"]}, files={"m.yaml": hook}, deployer=deployer
        ).folders
        assert folder.templates == {"m.yaml": "kind: X\nmetadata:\n  name: x\n"}


def test_manifests_that_come_out_empty_are_no_release() -> None:
    comment = {"m.yaml": "# only a comment\n---\n{{- if false }}\nkind: X\n{{- end }}\n"}
    assert [f.name for f in planned({"name": "a", "manifestFiles": ["m.yaml"]}, files=comment).folders] == ["a"]
    bare = planned({"name": "a", "source": "", "manifestFiles": ["m.yaml"]}, {"name": "b"}, files=comment)
    assert [folder.path for folder in bare.folders] == ["001-b"]
    assert "a has nothing to install" in bare.notes[0]


def test_a_release_waits_for_the_last_release_of_what_its_component_needs() -> None:
    found = planned(
        {"name": "a", "manifestFiles": ["m.yaml"]},
        {"name": "empty", "source": "", "manifestFiles": ["e.yaml"], "dependencyRefs": ["a"]},
        {"name": "b", "dependencyRefs": ["a", "empty"]},
        {"name": "c", "dependencyRefs": ["b", "not-there"]},
        files={"m.yaml": "kind: X", "e.yaml": "#"},
    ).folders
    assert {folder.name: (folder.level, folder.needs) for folder in found} == {
        "a": (0, ()),
        "a-post": (0, ("a",)),
        "b": (2, ("a-post",)),
        "c": (3, ("b",)),
    }


def test_a_component_that_becomes_nothing_still_passes_on_what_it_waited_for() -> None:
    found = planned(
        {"name": "a"},
        {"name": "empty", "source": "", "manifestFiles": ["e.yaml"], "dependencyRefs": ["a"]},
        {"name": "b", "dependencyRefs": ["empty"]},
        files={"e.yaml": "#"},
    ).folders
    assert found[1].needs == ("a",)


def test_gke_gets_a_quota_for_critical_pods() -> None:
    reference = {"name": "a", "registry": {"gkeCriticalPriority": True}}
    assert [folder.name for folder in planned(reference).folders] == ["a"]
    pre, _ = planned(reference, service="gke").folders
    assert (pre.name, 'pods: "32"' in pre.templates["critical-pods-quota.yaml"]) == ("a-pre", True)
    pre, _ = planned(reference, service="gke", nodes="4").folders
    assert 'pods: "128"' in pre.templates["critical-pods-quota.yaml"]


def test_readiness_is_a_release_of_its_own_when_asked_for() -> None:
    files = {"components/a/readiness.yaml": READY}
    assert [folder.name for folder in planned({"name": "a"}, files=files).folders] == ["a"]
    main, ready = planned({"name": "a"}, {"name": "b"}, files=files, readinessHooks=True).folders[:2]
    assert (ready.path, ready.phase, ready.needs, ready.timeout_s) == ("002-a-readiness", "readiness", ("a",), 5700)
    assert set(ready.templates) == {"access.yaml", "job.yaml", "test.yaml"}
    access = ready.templates["access.yaml"]
    assert "- clusterpolicies" in access
    assert "- pods" in access
    assert "*" not in access
    assert main.name == "a"


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_what_changes_about_a_component_is_asked_anew_whether_it_is_ready(deployer: str) -> None:
    def job(**more: Any) -> str:
        files = {"components/a/readiness.yaml": READY}
        reference = {"name": "a", "source": "https://charts.example", "chart": "a", "version": "1", **more}
        _, ready = planned(reference, files=files, readinessHooks=True, deployer=deployer).folders
        (name,) = re.findall("^  name: (.*)$", ready.templates["job.yaml"], re.M)
        return str(name)

    assert job() == job()
    names = {job(), job(version="2"), job(values={"x": 1})}
    if deployer == "helm":  # install.sh removes the Job
        assert names == {"a-readiness"}
    else:
        assert len(names) == 3
        assert all(re.fullmatch("a-readiness-[0-9a-f]{8}", name) for name in names)


def test_a_readiness_test_that_asserts_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="has no assertion"):
        planned({"name": "a"}, files={"components/a/readiness.yaml": "kind: Test"}, readinessHooks=True)


def test_how_a_release_waits_is_said_by_the_registry() -> None:
    install = {"wait": False, "timeout": "20m", "retries": 1}
    (folder,) = planned({"name": "a", "registry": {"install": install}}).folders
    assert (folder.wait, folder.timeout_s, folder.retries) == (False, 1200, 1)


def test_charts_travel_along_when_asked_for() -> None:
    chart = VendoredChart("a-1.0.tgz", b"bytes", "v3")
    (folder,) = planned({"name": "a"}, vendorCharts=True, charts={"a": chart}).folders
    assert folder.vendored == chart
    with pytest.raises(InvalidRequest, match="the chart of a could not be pulled"):
        planned({"name": "a"}, vendorCharts=True)


def test_a_kustomization_is_the_manifest_that_was_built() -> None:
    reference = {"name": "a", "type": "Kustomize", "path": "x"}
    (folder,) = planned(reference, files={"components/a/build.yaml": "kind: K\n"}).folders
    assert (folder.chart, folder.templates) == (None, {"manifest.yaml": "kind: K\n"})
    with pytest.raises(InvalidRequest, match="Kustomize and was not built"):
        planned(reference)


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ({"name": "../evil"}, "'../evil' cannot name a release"),
        ({"name": "A"}, "'A' cannot name a release"),
        ({"name": "a" * 54}, "cannot name a release"),
        ({"name": "a", "namespace": "../x"}, "'../x' is not a namespace"),
        ({"name": "a", "namespace": ""}, "'' is not a namespace"),
        ({"name": "a", "chart": "../x"}, "'../x' is not a chart's name"),
    ],
)
def test_a_name_that_could_leave_its_place_is_refused(reference: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(what)):
        planned(reference)


def test_two_releases_cannot_have_one_name() -> None:
    files = {"m.yaml": "kind: X"}
    with pytest.raises(InvalidRequest, match="two releases have the name a-post"):
        planned({"name": "a", "manifestFiles": ["m.yaml"]}, {"name": "a-post"}, files=files)


def test_a_thousand_folders_are_too_many() -> None:
    with pytest.raises(InvalidRequest, match="1000 folders"):
        planned(*({"name": f"c{number}"} for number in range(1000)))


def test_a_manifest_that_cannot_be_rendered_is_an_error_with_its_place() -> None:
    with pytest.raises(ClusterbookError, match=r"m\.yaml:1:\d+"):
        planned({"name": "a", "manifestFiles": ["m.yaml"]}, files={"m.yaml": "a: {{ .Values.a.b.c }}"})


def test_braces_in_a_manifest_survive_being_a_template() -> None:
    assert escape_template("a: {{ x }}") == 'a: {{ "{{" }} x }}'
    assert escape_template("a: {b}") == "a: {b}"
