"""Upgrades on a real control plane, with the charts of March and today: releases that are renamed, kinds that move.

Done by deploy.sh, and by hand in the words of the plan: what is run there is what a user reads.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterbook.upgrade.instruction import renamed, taken_over
from clusterbook.upgrade.side import PlacedRelease
from tests.interop.cluster import Cluster
from tests.interop.one_release import HELMS, helm_environment
from tests.interop.processes import run
from tests.support.helm import pack
from tests.support.trees import shared_folder
from tests.support.whole_recipes import Recipe, small, written

CRDS = "monitoring.coreos.com"


@pytest.fixture(params=HELMS)
def env(request: pytest.FixtureRequest, tmp_path: Path, fresh_cluster: Cluster) -> Mapping[str, str]:
    """Give an environment in which `helm` is Helm 3, then Helm 4, for a cluster of its own."""
    return {**helm_environment(tmp_path / "tools", request.param), **fresh_cluster.env}


def placed(name: str, namespace: str) -> PlacedRelease:
    return PlacedRelease(name, name, namespace)


def install(name: str, chart: Path, namespace: str, env: Mapping[str, str], *words: str) -> str:
    old_helm = run("helm", "version", "--short", env=env).startswith("v3")
    apply = () if old_helm else ("--server-side=true", "--force-conflicts")  # as the scripts of a bundle have it
    more = ("--namespace", namespace, "--create-namespace", *apply, *words)
    return run("helm", "upgrade", "--install", name, str(chart), *more, env=env)


def owners(kind: str, namespace: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return which release owns each object of a kind."""
    found = json.loads(run("kubectl", "get", kind, "-n", namespace, "-o", "json", env=env))["items"]
    key = "meta.helm.sh/release-name"
    return {each["metadata"]["name"]: each["metadata"].get("annotations", {}).get(key, "") for each in found}


SAME_NAMES = {"fullnameOverride": "skyhook-operator"}


def today() -> Recipe:
    """Return a recipe with the operator under its new name, and the kinds of Prometheus in a release of their own."""
    recipe = small()
    crds, old_operator, metrics = (
        next(each for each in recipe["componentRefs"] if each["name"] == name)
        for name in ("crds", "operator", "metrics")
    )
    plain = {"manifestFiles": [], "preManifestFiles": [], "dependencyRefs": []}
    wait = {"install": {"wait": False}}
    components = [
        {**crds, **plain, "name": "prometheus-operator-crds", "namespace": "monitoring", "values": {},
         "registry": {"takesOver": ["kube-prometheus-stack"], **wait}},
        {**metrics, **plain, "name": "kube-prometheus-stack", "namespace": "monitoring", "values": {},
         "dependencyRefs": ["prometheus-operator-crds"], "registry": {"crdGroups": [CRDS], **wait}},
        {**old_operator, **plain, "name": "nodewright-operator", "namespace": "skyhook", "values": SAME_NAMES,
         "registry": {"renamedFrom": ["skyhook-operator"], **wait}},
    ]  # fmt: skip
    return {**recipe, "componentRefs": components, "deploymentOrder": [each["name"] for each in components]}


def use(bundle: Path, **charts: Path) -> None:
    """Make releases of a bundle install archives at hand, by name with _ for -."""
    for name, chart in charts.items():
        (folder,) = bundle.glob(f"[0-9]*-{name.replace('_', '-')}")
        (folder / "upstream.env").write_text(f"CHART='{chart}'\nREPO=''\nVERSION=''\n")


def listed(namespace: str, env: Mapping[str, str]) -> list[str]:
    return sorted(each["name"] for each in json.loads(run("helm", "list", "-n", namespace, "-o", "json", env=env)))


def test_deploy_takes_over_what_an_older_bundle_called_otherwise_and_resumes(
    env: Mapping[str, str], tmp_path: Path
) -> None:
    charts = shared_folder("charts")
    names = ("--set", "fullnameOverride=skyhook-operator")
    install("skyhook-operator", charts / "2026.03" / "skyhook-operator-v0.14.0.tgz", "skyhook", env, *names)
    stack = charts / "2026.03" / "kube-prometheus-stack-82.8.0.tgz"
    run("bash", "-c", f"helm show crds {stack} | kubectl apply --server-side -f -", env=env)
    kept = "kubectl get crd skyhooks.skyhook.nvidia.com -o jsonpath={.metadata.uid}".split()
    kind = run(*kept, env=env)
    bundle = written(tmp_path / "bundle", today())
    monitoring = pack(tmp_path, "stack", "1.0.0", {"templates/none.yaml": ""})
    new = charts / "nodewright-operator-v0.15.1.tgz"
    use(
        bundle,
        prometheus_operator_crds=charts / "prometheus-operator-crds-28.0.1.tgz",
        kube_prometheus_stack=monitoring,
        nodewright_operator=tmp_path / "nowhere.tgz",
    )
    deploy = ("bash", bundle / "deploy.sh", "--retries", "0")
    with pytest.raises(subprocess.CalledProcessError):
        run(*deploy, env={**env, "RETRY_S": "0"})
    assert "skyhook-operator" in listed("skyhook", env)
    use(bundle, nodewright_operator=new)
    said = run(*deploy, env=env)
    assert "the release skyhook-operator is now nodewright-operator" in said
    assert (listed("skyhook", env), run(*kept, env=env)) == (["nodewright-operator"], kind)
    assert listed("monitoring", env) == ["kube-prometheus-stack", "prometheus-operator-crds"]
    own = owners("deployments,serviceaccounts,services,networkpolicies,roles", "skyhook", env)
    assert {own[name] for name in own if name != "default"} == {"nodewright-operator"}
    assert set(owners("crd", "monitoring", env).values()) == {"nodewright-operator", "prometheus-operator-crds"}
    fresh = run("helm", "get", "manifest", "nodewright-operator", "-n", "skyhook", env=env)
    wanted = run(
        "helm", "template", "nodewright-operator", str(new), "-n", "skyhook", *names, "--no-hooks",
        "--kube-version", "1.34.0", env=env,
    )  # fmt: skip
    assert fresh.count("\nkind: ") == wanted.count("\nkind: ")
    again = run(*deploy, env=env)
    assert "taking over" not in again


def _object(kind: str, name: str, more: str = "", annotations: str = "{}") -> str:
    head = "apiVersion: v1\nkind: {}\nmetadata: {{name: {}, annotations: {}}}\n{}"
    return head.format(kind, name, annotations, more)


def test_what_a_renamed_release_no_longer_has_goes_but_for_what_is_to_be_kept(
    env: Mapping[str, str], tmp_path: Path
) -> None:
    claim = "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"
    before = {
        "templates/both.yaml": _object("ConfigMap", "both"),
        "templates/gone.yaml": _object("ConfigMap", "gone"),
        "templates/kept.yaml": _object("ConfigMap", "kept", annotations="{helm.sh/resource-policy: keep}"),
        "templates/claim.yaml": _object("PersistentVolumeClaim", "disk", claim),
    }
    install("skyhook-operator", pack(tmp_path, "old", "1.0.0", before), "skyhook", env)
    recipe = today()
    (operator,) = (each for each in recipe["componentRefs"] if each["name"] == "nodewright-operator")
    recipe = {**recipe, "componentRefs": [{**operator, "dependencyRefs": []}], "deploymentOrder": [operator["name"]]}
    bundle = written(tmp_path / "bundle", recipe)
    use(
        bundle,
        nodewright_operator=pack(tmp_path, "new", "2.0.0", {"templates/both.yaml": before["templates/both.yaml"]}),
    )
    said = run("bash", bundle / "deploy.sh", "--retries", "0", env=env)
    assert "removing configmap/gone" in said
    assert listed("skyhook", env) == ["nodewright-operator"]
    assert {name for name in owners("configmaps", "skyhook", env) if name != "kube-root-ca.crt"} == {"both", "kept"}
    assert list(owners("persistentvolumeclaims", "skyhook", env)) == ["disk"]


ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: metrics}\nrules: []\n"


def test_what_another_release_has_now_outlives_the_one_that_had_it(env: Mapping[str, str], tmp_path: Path) -> None:
    """A chart has what a manifest of ours had, and a release moves to another namespace with its ClusterRole."""
    shared = "components/operator/manifests/after.yaml"
    before = small(operator={"preManifestFiles": []})
    before = {**before, "deploymentOrder": ["operator", "metrics"]}
    before["files"][shared] = _object("ConfigMap", "shared", "data: {from: ours}")
    after = small(operator={"preManifestFiles": [], "manifestFiles": []}, metrics={"namespace": "observability"})
    after = {**after, "deploymentOrder": ["operator", "metrics"]}
    metrics = {"templates/role.yaml": ROLE, "templates/map.yaml": _object("ConfigMap", "settings")}
    chart = pack(tmp_path, "metrics", "1.0.0", metrics)
    old, new = written(tmp_path / "old", before), written(tmp_path / "new", after)
    use(old, operator=pack(tmp_path, "empty", "1.0.0", {"templates/x.yaml": _object("ConfigMap", "x")}), metrics=chart)
    with_shared = {"templates/shared.yaml": _object("ConfigMap", "shared", "data: {from: theirs}")}
    use(new, operator=pack(tmp_path, "full", "2.0.0", with_shared), metrics=chart)
    run("bash", old / "deploy.sh", "--retries", "0", env=env)
    uid = "kubectl get clusterrole metrics -o jsonpath={.metadata.uid}".split()
    role = run(*uid, env=env)
    said = run("bash", new / "deploy.sh", "--retries", "0", env=env)
    assert "configmap/shared of operator-post is part of operator now" in said
    assert owners("configmaps", "gpu", env)["shared"] == "operator"
    assert (listed("gpu", env), listed("monitoring", env)) == (["operator", "operator-post"], ["metrics"])
    assert owners("configmaps", "monitoring", env)["settings"] == "metrics"
    run("bash", new / "deploy.sh", "--retries", "0", "--prune", "--yes", env=env)
    assert (listed("gpu", env), listed("monitoring", env), listed("observability", env)) == (
        ["operator"],
        [],
        ["metrics"],
    )
    assert owners("configmaps", "gpu", env)["shared"] == "operator"
    assert "settings" not in owners("configmaps", "monitoring", env)
    assert run(*uid, env=env) == role


def test_by_hand_a_renamed_release_takes_over_what_the_old_one_had(env: Mapping[str, str]) -> None:
    charts = shared_folder("charts")
    old, new = charts / "2026.03" / "skyhook-operator-v0.14.0.tgz", charts / "nodewright-operator-v0.15.1.tgz"
    same_names = ("--set", "fullnameOverride=skyhook-operator")
    install("skyhook-operator", old, "skyhook", env, *same_names)
    before = owners("deployments,serviceaccounts,networkpolicies", "skyhook", env)
    with pytest.raises(Exception, match="returned non-zero"):
        install("nodewright-operator", new, "skyhook", env, *same_names)
    note = renamed(placed("skyhook-operator", "skyhook"), placed("nodewright-operator", "skyhook"), "helmfile")
    first, room, _, last = (step.strip() for step in note.do.split("; "))
    run("bash", "-c", first, env=env)
    run("bash", "-c", room.partition(": ")[2], env=env)
    install("nodewright-operator", new, "skyhook", env, *same_names)
    run("bash", "-c", last.partition(": ")[2], env=env)
    after = owners("deployments,serviceaccounts,networkpolicies", "skyhook", env)
    assert before.keys() & after.keys()
    assert {after[name] for name in before.keys() & after.keys()} <= {"nodewright-operator", ""}
    assert [each["name"] for each in json.loads(run("helm", "list", "-n", "skyhook", "-o", "json", env=env))] == [
        "nodewright-operator"
    ]


def test_by_hand_kinds_that_had_no_owner_get_the_release_that_brings_them_now(env: Mapping[str, str]) -> None:
    charts = shared_folder("charts")
    stack, crds = (
        charts / "2026.03" / "kube-prometheus-stack-82.8.0.tgz",
        charts / "prometheus-operator-crds-28.0.1.tgz",
    )
    run("bash", "-c", f"helm show crds {stack} | kubectl apply --server-side -f -", env=env)
    with pytest.raises(Exception, match="returned non-zero"):
        install("prometheus-operator-crds", crds, "monitoring", env)
    release = placed("prometheus-operator-crds", "monitoring")
    note = taken_over(release, "kube-prometheus-stack", "helmfile")
    names = run("kubectl", "get", "crd", "-o", "name", env=env).split()
    kinds = " ".join(name.rpartition("/")[2] for name in names if name.endswith(CRDS))
    run("bash", "-c", note.do.partition(": ")[2].replace("NAME ...", kinds), env=env)
    install("prometheus-operator-crds", crds, "monitoring", env)
    assert set(owners("crd", "monitoring", env).values()) == {"prometheus-operator-crds"}
