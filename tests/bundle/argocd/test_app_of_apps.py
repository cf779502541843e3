"""The deployer argocd: one Application a release, in waves, and one that holds them all."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from jsonschema.validators import validator_for

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.argo import application_schema, bundle, load, texts
from tests.support.trees import shared_folder
from tests.support.whole_recipes import wholes

A = {"name": "a", "chart": "chart-a", "values": {"x": 1}}
MANIFESTS = ["components/a/manifests/task.yaml"]
GIT = "https://git.example.org/cluster.git"


def files(*references: dict[str, Any], **request: Any) -> dict[str, str]:
    return texts(bundle(*references, **{"deployer": "argocd", "repo": GIT, **request}))


def child(path: str, *references: dict[str, Any], **request: Any) -> dict[str, Any]:
    found: dict[str, Any] = load(files(*references, **request)[f"{path}/application.yaml"])
    return found


def waves(found: dict[str, str]) -> dict[str, str]:
    children = [load(text) for path, text in found.items() if path.endswith("/application.yaml")]
    return {
        each["metadata"]["name"]: each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] for each in children
    }


def test_a_chart_is_two_files_and_manifests_are_a_chart_of_their_own() -> None:
    reference = {**A, "manifestFiles": MANIFESTS, "preManifestFiles": ["components/a/manifests/first.yaml"]}
    assert sorted(files(reference)) == [
        "001-a-pre/Chart.yaml",
        "001-a-pre/application.yaml",
        "001-a-pre/templates/first.yaml",
        "001-a-pre/values.yaml",
        "002-a/application.yaml",
        "002-a/values.yaml",
        "003-a-post/Chart.yaml",
        "003-a-post/application.yaml",
        "003-a-post/templates/task.yaml",
        "003-a-post/values.yaml",
        "README.md",
        "app-of-apps.yaml",
        "argocd-cm-patch.yaml",
        "checksums.txt",
        "options.yaml",
        "recipe.yaml",
    ]


def test_a_chart_comes_from_its_repository_and_its_values_from_git() -> None:
    found = files(A)
    application = load(found["001-a/application.yaml"])
    assert application["spec"]["sources"] == [
        {
            "chart": "chart-a",
            "repoURL": "https://charts.example.org",
            "targetRevision": "1.2.3",
            "helm": {"releaseName": "a", "valueFiles": ["$values/001-a/values.yaml"]},
        },
        {"repoURL": GIT, "targetRevision": "HEAD", "ref": "values"},
    ]
    assert application["spec"]["destination"] == {"namespace": "ns", "server": "https://kubernetes.default.svc"}
    assert load(found["001-a/values.yaml"]) == {"x": 1}


def test_a_registry_has_no_scheme_and_its_tag_stays_as_it_is() -> None:
    source = child("001-a", {**A, "source": "oci://ghcr.io/x/charts"})["spec"]["sources"][0]
    assert (source["repoURL"], source["targetRevision"]) == ("ghcr.io/x/charts", "v1.2.3")


@pytest.mark.parametrize("version", ["v1.10", "vNext", "1.10.0"])
def test_a_v_stays_where_the_rest_would_mean_more_than_one_version(version: str) -> None:
    source = child("001-a", {**A, "version": version})["spec"]["sources"][0]
    assert source["targetRevision"] == version


def test_manifests_come_from_their_folder() -> None:
    application = child("001-a", {**A, "source": "", "manifestFiles": MANIFESTS}, targetRevision="v7")
    assert application["spec"]["source"] == {
        "path": "001-a",
        "repoURL": GIT,
        "targetRevision": "v7",
        "helm": {"releaseName": "a"},
    }


def test_what_does_not_need_each_other_shares_a_wave_and_parts_follow_each_other() -> None:
    found = files(
        {"name": "a", "preManifestFiles": MANIFESTS, "manifestFiles": MANIFESTS},
        {"name": "b"},
        {"name": "c", "dependencyRefs": ["b"]},
        {"name": "d", "dependencyRefs": ["a", "c"]},
    )
    assert waves(found) == {"a-pre": "0", "a": "1", "a-post": "2", "b": "0", "c": "1", "d": "3"}


def test_what_nobody_waits_for_holds_up_no_other() -> None:
    slow = {"install": {"wait": False, "timeout": "20m"}}
    chain = ({"name": "b"}, {"name": "c", "dependencyRefs": ["b"]})
    assert waves(files({"name": "a", "registry": slow}, *chain)) == {"a": "1", "b": "0", "c": "1"}
    needed = {"name": "d", "dependencyRefs": ["a"]}
    assert waves(files({"name": "a", "registry": slow}, *chain, needed)) == {"a": "0", "b": "0", "c": "1", "d": "1"}


def test_in_a_registry_values_stand_in_the_application() -> None:
    registry = "oci://ghcr.io/x/bundle"
    found = files(A, {"name": "b", "source": "", "manifestFiles": MANIFESTS}, repo=registry)
    assert load(found["001-a/application.yaml"])["spec"]["source"] == {
        "chart": "chart-a",
        "repoURL": "https://charts.example.org",
        "targetRevision": "1.2.3",
        "helm": {"releaseName": "a", "valuesObject": {"x": 1}},
    }
    local = load(found["002-b/application.yaml"])["spec"]["source"]
    assert (local["repoURL"], local["path"], local["targetRevision"]) == (registry, "002-b", "0.1.0")


@pytest.mark.parametrize(
    ("version", "tag"), [("1.4.0", "1.4.0"), ("v2.0.0-rc.1", "2.0.0-rc.1"), ("main", "0.1.0"), ("1.4", "0.1.0")]
)
def test_in_a_registry_the_version_of_the_recipe_is_the_tag(version: str, tag: str) -> None:
    made = bundle(A, metadata={"version": version}, deployer="argocd", repo="oci://ghcr.io/x/bundle")
    assert load(made.files["app-of-apps.yaml"])["spec"]["source"]["targetRevision"] == tag


def test_the_parent_reads_the_applications_and_nothing_else() -> None:
    made = files({**A, "manifestFiles": MANIFESTS})
    parent = load(made["app-of-apps.yaml"])
    assert parent["metadata"]["name"] == "clusterbook-stack"
    assert parent["spec"]["destination"] == {"namespace": "argocd", "server": "https://kubernetes.default.svc"}
    directory = parent["spec"]["source"]["directory"]
    assert (parent["spec"]["source"]["path"], directory["recurse"]) == (".", True)
    # Argo CD's patterns go across slashes, as those of fnmatch do.
    read = [
        path
        for path in [*made, "002-a-post/templates/application.yaml"]
        if fnmatch.fnmatchcase(path, directory["include"]) and not fnmatch.fnmatchcase(path, directory["exclude"])
    ]
    assert read == ["001-a/application.yaml", "002-a-post/application.yaml"]


def test_nobody_named_a_repository_so_a_placeholder_stands_there_and_is_spoken_of() -> None:
    made = bundle(A, deployer="argocd")
    assert load(made.files["app-of-apps.yaml"])["spec"]["source"]["repoURL"].startswith("https://github.com/YOUR-ORG/")
    assert any("--repo" in note for note in made.notes)
    assert not bundle(A, deployer="argocd", repo=GIT).notes


def test_settings_of_the_deployer_reach_every_application_but_rename_no_release() -> None:
    settings = {"namePrefix": "eu-", "destinationServer": "https://10.0.0.1:6443", "project": "gpu"}
    found = files(A, set=[f"deployer:{key}={value}" for key, value in settings.items()])
    application, parent = load(found["001-a/application.yaml"]), load(found["app-of-apps.yaml"])
    assert application["metadata"]["name"] == "eu-a"
    assert application["spec"]["sources"][0]["helm"]["releaseName"] == "a"
    assert application["spec"]["destination"]["server"] == "https://10.0.0.1:6443"
    assert parent["metadata"]["name"] == "eu-clusterbook-stack"
    assert parent["spec"]["destination"]["server"] == "https://kubernetes.default.svc"  # Applications live with Argo CD
    assert {application["spec"]["project"], parent["spec"]["project"]} == {"gpu"}


@pytest.mark.parametrize(
    ("asked", "finalizers"), [("true", ["resources-finalizer.argocd.argoproj.io"]), ("false", None)]
)
def test_what_was_installed_goes_with_its_application_only_when_asked_for(asked: str, finalizers: Any) -> None:
    found = files(A, set=[f"deployer:cascadeDelete={asked}"])
    for path in ("app-of-apps.yaml", "001-a/application.yaml"):
        assert load(found[path])["metadata"].get("finalizers") == finalizers


def test_a_name_that_was_asked_for_is_the_parents_to_the_letter() -> None:
    found = files(A, appName="mine", set=["deployer:namePrefix=eu-"])
    assert load(found["app-of-apps.yaml"])["metadata"]["name"] == "mine"


@pytest.mark.parametrize("request_", [{"appName": "a"}, {"appName": "eu-a", "set": ["deployer:namePrefix=eu-"]}])
def test_two_applications_of_one_name_are_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="both called"):
        files(A, **request_)


def test_a_name_that_no_label_can_hold_is_refused() -> None:
    name = "a" * 40
    with pytest.raises(InvalidRequest, match=r"has 64 characters, the limit is 63\n.*namePrefix"):
        files({"name": name}, set=[f"deployer:namePrefix={'b' * 24}"])
    assert files({"name": name}, set=[f"deployer:namePrefix={'b' * 23}"])


def test_a_chart_that_travels_along_is_installed_from_its_folder() -> None:
    charts = {"a": VendoredChart("chart-a-v1.2.3.tgz", b"chart", "helm v3")}
    made = bundle(A, deployer="argocd", repo=GIT, vendorCharts=True, charts=charts)
    found = texts(made)
    assert made.files["001-a/charts/chart-a-v1.2.3.tgz"] == b"chart"
    assert load(found["001-a/Chart.yaml"])["dependencies"] == [
        {"name": "chart-a", "version": "v1.2.3", "repository": ""}
    ]
    assert load(found["001-a/values.yaml"]) == {"chart-a": {"x": 1}}
    source = load(found["001-a/application.yaml"])["spec"]["source"]
    assert (source["repoURL"], source["path"]) == (GIT, "001-a")


def test_a_manifest_is_no_hook_for_argo_cd_would_never_look_at_it() -> None:
    found = files({**A, "source": "", "manifestFiles": MANIFESTS})["001-a/templates/task.yaml"]
    assert load(found) == {"kind": "Task", "metadata": {"name": "a"}}


def test_secrets_that_somebody_else_fills_are_left_alone() -> None:
    spec = child("001-a", {**A, "registry": {"ownedSecrets": ["cert", "keys"]}})["spec"]
    assert spec["ignoreDifferences"] == [
        {"kind": "Secret", "name": "cert", "jsonPointers": ["/data"]},
        {"kind": "Secret", "name": "keys", "jsonPointers": ["/data"]},
    ]
    assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]
    assert "ignoreDifferences" not in child("001-a", A)["spec"]


def test_the_namespace_of_privileged_pods_admits_them() -> None:
    label = {"pod-security.kubernetes.io/enforce": "privileged"}
    policy = child("001-a", {**A, "registry": {"podSecurity": "privileged"}})["spec"]["syncPolicy"]
    assert policy["managedNamespaceMetadata"] == {"labels": label}
    assert "managedNamespaceMetadata" not in child("001-a", A)["spec"]["syncPolicy"]
    system = {**A, "namespace": "kube-system", "registry": {"podSecurity": "privileged"}}
    assert "managedNamespaceMetadata" not in child("001-a", system)["spec"]["syncPolicy"]


def test_argo_cd_keeps_what_is_installed_as_it_was_read() -> None:
    policy = child("001-a", A)["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert {"CreateNamespace=true", "ServerSideApply=true", "SkipDryRunOnMissingResource=true"} <= set(
        policy["syncOptions"]
    )
    assert policy["retry"]["limit"] > 1


def test_the_readme_says_what_to_type_and_what_comes_when() -> None:
    said = files(A, {"name": "b", "dependencyRefs": ["a"]})["README.md"]
    assert "kubectl apply -f app-of-apps.yaml" in said
    assert "--patch-file argocd-cm-patch.yaml" in said
    assert "| 0 | a |\n| 1 | b |" in said
    assert GIT in said


def test_every_application_of_every_recipe_fits_argo_cds_definition() -> None:
    shared_folder("charts")
    schema = application_schema()
    requests = {"repo": GIT}, {"repo": "oci://ghcr.io/x/bundle", "set": ["deployer:cascadeDelete=true"]}
    applications = {
        data
        for recipe in wholes().values()
        for request in requests
        for path, data in render(
            {**recipe, "metadata": {"slug": "any"}}, {"deployer": "argocd", **request}, "0"
        ).files.items()
        if path.endswith(("/application.yaml", "app-of-apps.yaml"))
    }
    judge = validator_for(schema)(schema)
    assert len(applications) > 200
    assert [error.message for data in sorted(applications) for error in judge.iter_errors(load(data))] == []
