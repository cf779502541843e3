"""Flux bundles: what waits for what, that every file is used, every reference leads somewhere, what Flux takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.trees import shared_folder
from tests.support.whole_recipes import Recipe, small, wholes

GIT = "https://git.example.org/clusters.git"
HOMES = ({}, {"repo": GIT}, {"repo": "oci://registry.example/bundles/h100"})
Objects = dict[str, dict[str, Any]]


def files(recipe: Recipe, charts: dict[str, VendoredChart] | None = None, **request: Any) -> dict[str, str]:
    """Return the files of a Flux bundle, as text."""
    made = render(recipe, {"deployer": "flux", **request}, "1.2.3", charts)
    return {path: data.decode() for path, data in made.files.items() if not path.endswith(".tgz")}


def read(text: str) -> Any:
    """Return a YAML document; recipes share most of theirs, so none is read twice but for its head."""
    return _read(text.partition("\n")[2] if text.startswith("# ") else text)


@cache
def _read(text: str) -> Any:
    return YAML(typ="safe").load(text)


def read_all(text: str) -> list[Any]:
    """Return the documents of a YAML stream."""
    return list(YAML(typ="safe").load_all(text))


def objects(found: dict[str, str]) -> Objects:
    """Return the objects that kustomization.yaml lists, by path."""
    return {path: read(found[path]) for path in read(found["kustomization.yaml"])["resources"]}


def releases(found: dict[str, str]) -> Objects:
    """Return the HelmReleases by name."""
    return {each["metadata"]["name"]: each for each in objects(found).values() if each["kind"] == "HelmRelease"}


def of_kind(found: dict[str, str], kind: str) -> Objects:
    """Return the objects of one kind by name."""
    return {each["metadata"]["name"]: each for each in objects(found).values() if each["kind"] == kind}


def waits_for(found: dict[str, str]) -> dict[str, set[str]]:
    """Return what each HelmRelease waits for."""
    return {name: {each["name"] for each in it["spec"].get("dependsOn", ())} for name, it in releases(found).items()}


def test_releases_wait_for_what_they_need_and_for_nothing_else() -> None:
    assert waits_for(files(small())) == {
        "crds": set(),
        "operator-pre": {"crds"},
        "operator": {"operator-pre"},
        "operator-post": {"operator"},
        "metrics": {"crds"},
        "settings": {"metrics", "operator-post"},
    }


def test_the_graph_of_every_recipe_is_that_of_its_components() -> None:
    for slug, recipe in wholes().items():
        found = files(recipe)
        assert waits_for(found) == _chained(recipe, found), slug


def _chained(recipe: Recipe, found: dict[str, str]) -> dict[str, set[str]]:
    """Return what each release has to wait for, as the recipe tells it."""
    chains = {name: [f"{name}{end}" for end in ("-pre", "", "-post") if f"{name}{end}/helmrelease.yaml" in found]
              for name in recipe["deploymentOrder"]}  # fmt: skip
    references = {each["name"]: each for each in recipe["componentRefs"]}
    expected: dict[str, set[str]] = {}
    for name, chain in chains.items():
        first = {chains[need][-1] for need in references[name].get("dependencyRefs", ()) if chains.get(need)}
        expected |= {each: {before} if before else first for before, each in zip(["", *chain], chain, strict=False)}
    return expected


@pytest.mark.parametrize("home", HOMES)
def test_every_object_is_listed_and_everything_listed_exists(home: dict[str, str]) -> None:
    found = files(small(), dynamic=["operator:driver.version"], **home)
    listed = read(found["kustomization.yaml"])["resources"]
    aside = {"kustomization.yaml", "sync.yaml", "recipe.yaml", "options.yaml"}
    there = {path for path in found if path.endswith(".yaml") and not re.search("Chart.yaml|/templates/", path)}
    assert listed == sorted(set(listed))
    assert set(listed) == there - aside


@pytest.mark.parametrize("home", HOMES)
def test_every_reference_leads_somewhere(home: dict[str, str]) -> None:
    found = files(small(), dynamic=["operator:driver.version"], **home)
    known = {(each["kind"], each["metadata"]["name"]) for each in objects(found).values()}
    known |= {("ExternalArtifact", name) for name in of_kind(found, "ArtifactGenerator")}
    for name, release in releases(found).items():
        assert set(references(release["spec"])) <= known, name
        path = release["spec"].get("chart", {}).get("spec", {}).get("chart", "")
        assert not path.startswith("./") or f"{path[2:]}/Chart.yaml" in found
    for name, generator in of_kind(found, "ArtifactGenerator").items():
        (artifact,) = generator["spec"]["artifacts"]
        assert artifact["name"] == name
        copied = [each["from"].removeprefix("@bundle/").removesuffix("**") for each in artifact["copy"]]
        assert all(any(path.startswith(start) for path in found) for start in copied)


def references(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield kind and name of the sources and ConfigMaps that a HelmRelease speaks of."""
    if "chart" in spec:
        yield spec["chart"]["spec"]["sourceRef"]["kind"], spec["chart"]["spec"]["sourceRef"]["name"]
    else:
        yield spec["chartRef"]["kind"], spec["chartRef"]["name"]
    for each in spec.get("valuesFrom", ()):
        yield each["kind"], each["name"]
    for each in spec.get("dependsOn", ()):
        yield "HelmRelease", each["name"]


def test_a_chart_of_somebody_elses_comes_from_its_repository_at_its_version() -> None:
    found = files(small())
    crds, operator = releases(found)["crds"]["spec"], releases(found)["operator"]["spec"]
    repositories = of_kind(found, "HelmRepository")
    assert crds["chart"]["spec"] == {
        "chart": "crds",
        "version": "1.10",
        "sourceRef": {"kind": "HelmRepository", "name": "charts-example-stable"},
    }
    assert crds["values"] == {"keep": "yes", "port": 8080}
    assert crds["releaseName"] == "crds"
    assert crds["targetNamespace"] == "system"
    assert operator["chart"]["spec"]["version"] == "v26.3.2"
    assert repositories["charts-example-stable"]["spec"] == {"interval": "1h", "url": "https://charts.example/stable"}
    assert repositories["registry-example-charts"]["spec"] == {"type": "oci", "url": "oci://registry.example/charts"}


def test_two_repositories_that_would_be_called_the_same_are_told_apart() -> None:
    sources = ["https://a.example/b", "https://a/example/b", "http://a.example/b", f"https://{'long.' * 20}example"]
    recipe = small()
    for entry, source in zip(recipe["componentRefs"], sources, strict=True):
        entry |= {"source": source, "chart": "x", "version": "1.0.0"}
    repositories = of_kind(files(recipe), "HelmRepository")
    assert sorted(each["spec"]["url"] for each in repositories.values()) == sorted(sources)
    assert all(re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) for name in repositories)
    assert repositories == of_kind(files(recipe), "HelmRepository")


def test_a_chart_of_ours_is_found_by_its_path_in_git() -> None:
    found = files(small(), repo=GIT)
    assert releases(found)["settings"]["spec"]["chart"]["spec"] == {
        "chart": "./settings",
        "reconcileStrategy": "Revision",
        "sourceRef": {"kind": "GitRepository", "name": "git-example-org-clusters"},
    }
    spec = read(found["sources/gitrepo-git-example-org-clusters.yaml"])["spec"]
    assert spec == {"interval": "10m", "ref": {"branch": "main"}, "url": GIT}
    assert not of_kind(found, "ArtifactGenerator")


@pytest.mark.parametrize(
    ("revision", "ref"),
    [
        ("stable", {"branch": "stable"}),
        ("v1.2.3", {"tag": "v1.2.3"}),
        ("refs/heads/1.2.3", {"name": "refs/heads/1.2.3"}),
        ("0123456789" * 4, {"commit": "0123456789" * 4}),
    ],
)
def test_a_revision_is_followed_for_what_it_is(revision: str, ref: dict[str, str]) -> None:
    found = files(small(), repo=GIT, targetRevision=revision)
    (source,) = of_kind(found, "GitRepository").values()
    assert source["spec"]["ref"] == ref


@pytest.mark.parametrize(
    "repo", ["git@git.example.org:team/clusters.git", "ssh://git@git.example.org/team/clusters.git"]
)
def test_git_over_ssh_gets_a_key(repo: str) -> None:
    found = files(small(), repo=repo)
    (source,) = of_kind(found, "GitRepository").values()
    assert source["spec"]["url"] == "ssh://git@git.example.org/team/clusters.git"
    assert source["spec"]["secretRef"]["name"] in found["README.md"]


def test_a_chart_of_ours_is_cut_out_of_the_bundle_where_that_lies_in_a_registry() -> None:
    found = files(small(), fluxOciSourceName="gpu-stack")
    assert releases(found)["settings"]["spec"]["chartRef"] == {"kind": "ExternalArtifact", "name": "gpu-stack-settings"}
    assert of_kind(found, "ArtifactGenerator")["gpu-stack-settings"]["spec"] == {
        "sources": [{"alias": "bundle", "kind": "OCIRepository", "name": "gpu-stack"}],
        "artifacts": [
            {
                "name": "gpu-stack-settings",
                "copy": [
                    {"from": "@bundle/settings/Chart.yaml", "to": "@artifact/settings/Chart.yaml"},
                    {"from": "@bundle/settings/templates/**", "to": "@artifact/settings/templates/"},
                ],
            }
        ],
    }
    assert not of_kind(found, "GitRepository")
    assert "sync.yaml" not in found  # nobody said where the registry is


@pytest.mark.parametrize(
    ("repo", "revision", "tag"), [("/h100", "", "latest"), ("/h100:1.4.0", "", "1.4.0"), ("/h100", "2.0.0", "2.0.0")]
)
def test_one_file_makes_flux_follow_a_bundle_in_a_registry(repo: str, revision: str, tag: str) -> None:
    host = "oci://registry.example:5000/bundles"
    found = files(small(), repo=host + repo, **({"targetRevision": revision} if revision else {}))
    source, kustomization = read_all(found["sync.yaml"])
    assert source["spec"] == {"interval": "10m", "url": f"{host}/h100", "ref": {"tag": tag}}
    assert kustomization["spec"]["sourceRef"] == {"kind": "OCIRepository", "name": source["metadata"]["name"]}


def test_a_bundle_without_charts_of_ours_needs_no_source_of_its_own() -> None:
    recipe = small()
    recipe["deploymentOrder"] = ["crds", "metrics"]
    found = files(recipe, repo=GIT)
    assert sorted(each["kind"] for each in objects(found).values()) == ["HelmRelease", "HelmRelease", "HelmRepository"]


def test_a_chart_that_travels_along_is_installed_from_the_bundle() -> None:
    charts = {name: VendoredChart(f"{name}.tgz", b"chart", "helm") for name in ("crds", "operator", "metrics")}
    in_git = files(small(), charts, vendorCharts=True, repo=GIT)
    chart = releases(in_git)["operator"]["spec"]["chart"]["spec"]
    assert chart["chart"] == "./operator/charts/operator.tgz"
    assert f"  {chart['chart'][2:]}\n" in in_git["checksums.txt"]
    assert not of_kind(in_git, "HelmRepository")
    (artifact,) = of_kind(files(small(), charts, vendorCharts=True), "ArtifactGenerator")[
        "clusterbook-bundle-operator"
    ]["spec"]["artifacts"]
    assert artifact["copy"] == [
        {"from": "@bundle/operator/charts/operator.tgz", "to": "@artifact/", "strategy": "Extract"}
    ]


def test_values_left_open_lie_in_a_config_map() -> None:
    found = files(small(), dynamic=["operator:driver.version"], repo=GIT)
    release = releases(found)["operator"]["spec"]
    config = read(found["operator/configmap-values.yaml"])
    assert release["values"]["driver"] == {"enabled": True}
    assert release["valuesFrom"] == [{"kind": "ConfigMap", "name": "operator-values"}]
    assert read(config["data"]["values.yaml"]) == {"driver": {"version": "580.1"}}
    assert "annotations" not in config["metadata"]
    assert "operator/configmap-values.yaml" in found["README.md"]


def test_values_left_open_are_kept_where_the_bundle_cannot_be_edited() -> None:
    found = files(small(), dynamic=["operator:driver.version"])
    config = read(found["operator/configmap-values.yaml"])
    assert config["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
    assert "kubectl edit configmap operator-values" in found["README.md"]


def test_waiting_and_time_are_those_of_the_component() -> None:
    found = releases(files(small()))
    metrics, crds = found["metrics"]["spec"], found["crds"]["spec"]
    assert (crds["timeout"], metrics["timeout"]) == ("10m", "20m")
    assert crds["install"] == {"crds": "CreateReplace", "createNamespace": True, "remediation": {"retries": 5}}
    assert metrics["upgrade"] == {"crds": "CreateReplace", "disableWait": True, "remediation": {"retries": 1}}
    assert metrics["rollback"] == {"disableWait": True}


@pytest.mark.parametrize(
    ("owns", "actions"),
    [
        ({}, ("CreateReplace", "CreateReplace")),
        ({"ownsCRDs": True}, ("CreateReplace", "CreateReplace")),
        ({"ownsCRDs": False}, ("Create", "Skip")),
    ],
)
def test_kinds_are_replaced_unless_a_chart_is_said_not_to_own_them(
    owns: dict[str, bool], actions: tuple[str, str]
) -> None:
    recipe = small()
    for component in recipe["componentRefs"]:
        component["registry"] = {**component.get("registry", {}), **owns}
    spec = releases(files(recipe))["crds"]["spec"]
    assert (spec["install"]["crds"], spec["upgrade"]["crds"]) == actions


def test_kinds_that_nobody_knows_yet_are_not_validated() -> None:
    found = releases(files(small()))
    lenient = {name for name, each in found.items() if each["spec"]["install"].get("disableOpenAPIValidation")}
    assert lenient == {"operator", "operator-pre", "operator-post"}


def test_everything_lies_in_the_namespace_that_was_asked_for() -> None:
    found = files(small(), fluxNamespace="gitops", repo=GIT, dynamic=["operator:driver.version"])
    every = [*objects(found).values(), *read_all(found["sync.yaml"])]
    assert {each["metadata"]["namespace"] for each in every} == {"gitops"}


def test_templates_of_a_chart_of_ours_come_out_of_helm_as_they_went_in() -> None:
    assert '{{ "{{" }} .Release.Name }}' in files(small())["operator-post/templates/after.yaml"]


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"repo": "git://git.example.org/clusters"}, "--repo git://git.example.org/clusters"),
        ({"targetRevision": "v1.0.0"}, "--target-revision v1.0.0"),
    ],
)
def test_what_flux_cannot_follow_is_refused(request_: dict[str, str], word: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(word)):
        files(small(), **request_)


def test_a_kustomize_component_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="component metrics is Kustomize"):
        files(small(metrics={"type": "Kustomize", "path": "deploy"}))


@pytest.mark.parametrize("home", HOMES)
def test_flux_takes_every_object(home: dict[str, str]) -> None:
    schemas = _schemas()
    kept: dict[str, Any] = {}
    for recipe in [small(), *wholes().values()]:
        found = files(recipe, **home)
        texts = {path: text.partition("\n")[2] for path, text in found.items() if path in objects(found)}
        kept |= {text: read(text) for text in texts.values()}
        kept |= {str(each): each for each in (read_all(found["sync.yaml"]) if home else [])}
    undefined = {"ArtifactGenerator", "Namespace"}  # of which we have no definition
    checked = [each for each in kept.values() if each["kind"] not in undefined]
    assert {each["kind"] for each in checked} >= {"HelmRelease", "HelmRepository"}
    for each in checked:
        wrong = [error.message for error in schemas[each["apiVersion"], each["kind"]].iter_errors(each)]
        assert not wrong, each["metadata"]["name"]


def test_the_namespace_of_privileged_pods_admits_them_and_outlives_the_bundle() -> None:
    found = files(small(operator={"registry": {"podSecurity": "privileged"}}))
    assert [path for path in found if path.startswith("namespaces/")] == ["namespaces/gpu.yaml"]
    metadata = read(found["namespaces/gpu.yaml"])["metadata"]
    assert metadata["labels"] == {"pod-security.kubernetes.io/enforce": "privileged"}
    assert metadata["annotations"] == {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
    assert "namespace" not in metadata
    assert "namespaces/gpu.yaml" in read(found["kustomization.yaml"])["resources"]


def test_the_definitions_would_refuse_a_field_that_flux_does_not_have() -> None:
    release = releases(files(small()))["crds"]
    schema = _schemas()[release["apiVersion"], "HelmRelease"]
    release = {**release, "spec": {**release["spec"], "instal": {}}}
    assert ["instal" in error.message for error in schema.iter_errors(release)] == [True]


def _schemas() -> dict[tuple[str, str], Draft202012Validator]:
    """Return what Flux's own definitions say, by apiVersion and kind; unknown fields are refused as by the server."""
    found = {}
    for path in sorted(shared_folder("charts/crds/flux").iterdir()):
        spec = read(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object", "required": ["name", "namespace"]}
            key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[key] = Draft202012Validator(schema)
    return found


def _closed(schema: Any) -> Any:
    """Return a schema in which every object with known properties has no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        open_ = schema.get("x-kubernetes-preserve-unknown-fields")
        found |= {} if open_ else {"additionalProperties": False}
    return found


def test_what_needs_a_component_waits_until_it_is_ready() -> None:
    found = files(wholes()["h100-eks-ubuntu-training"], readinessHooks=True)
    ready = read(found["gpu-operator-readiness/helmrelease.yaml"])["spec"]
    assert (ready["timeout"], ready["dependsOn"]) == ("95m", [{"name": "gpu-operator"}])
    assert {"name": "gpu-operator-readiness"} in read(found["nvsentinel/helmrelease.yaml"])["spec"]["dependsOn"]
