"""Fields of a release that somebody else has changed, and what installing it again makes of them: with Helm 3 and 4.

Helm 4 applies on the server's side, where every field has an owner: what another one changed is a conflict, at which
it stops unless it is told to go on. The recipe's values win, whichever Helm and whichever deployer it is; what the
chart does not say stays. Charts are made for the test; the cluster is a real control plane.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.interop.cluster import Cluster
from tests.interop.one_release import DEPLOYERS, HELMS, OneRelease, helm_environment, use_helm
from tests.interop.processes import run
from tests.support.helm import pack
from tests.support.whole_recipes import Recipe, small, written

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {team: platform}}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: "registry.example/app:VERSION", env: [{name: LEVEL, value: info}]}]}
"""
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {size: 'VERSION', keep: 'yes'}\n"
WITHOUT_WAITING = {"COMPONENT_WAIT_ARGS": ""}


def chart(folder: Path, version: str, **more: str) -> Path:
    """Return a chart with a Deployment and a ConfigMap that say its version."""
    templates = {"deployment": DEPLOYMENT, "settings": SETTINGS, **more}
    files = {f"templates/{name}.yaml": text.replace("VERSION", version) for name, text in templates.items()}
    return pack(folder, "gpu", version, files)


def alone(namespace: str) -> Recipe:
    """Return a recipe of one component that is a chart and nothing else."""
    recipe = small(operator={"namespace": namespace, "dependencyRefs": [], "manifestFiles": [], "preManifestFiles": []})
    kept = [each for each in recipe["componentRefs"] if each["name"] == "operator"]
    return {**recipe, "componentRefs": kept, "deploymentOrder": ["operator"]}


@pytest.fixture(params=HELMS)
def env(request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster) -> Mapping[str, str]:
    found = helm_environment(tmp_path / "tools", request.param, "helmfile")
    return {**found, **cluster.env, **WITHOUT_WAITING}


@pytest.fixture(params=DEPLOYERS)
def release(request: pytest.FixtureRequest, tmp_path: Path, namespace: str, env: Mapping[str, str]) -> OneRelease:
    bundle = written(tmp_path / "bundle", alone(namespace), deployer=request.param)
    return OneRelease(bundle, "operator", namespace, env, request.param)


def said(release: OneRelease) -> dict[str, Any]:
    """Return the fields that the charts of these tests set."""
    app, settings = release.object("deployment", "app"), release.object("configmap", "settings")
    (container,) = app["spec"]["template"]["spec"]["containers"]
    return {
        "replicas": app["spec"]["replicas"],
        "image": container["image"].rpartition(":")[2],
        "level": container["env"],
        "team": app["metadata"]["labels"]["team"],
        "data": settings["data"],
    }


def as_charted(version: str) -> dict[str, Any]:
    level = [{"name": "LEVEL", "value": "info"}]
    data = {"size": version, "keep": "yes"}
    return {"replicas": 2, "image": version, "level": level, "team": "platform", "data": data}


def change_everything(cluster: Cluster, namespace: str) -> None:
    """Change each field that the charts set, each by another way and under another owner's name."""
    app = f"/apis/apps/v1/namespaces/{namespace}/deployments/app"
    settings = f"/api/v1/namespaces/{namespace}/configmaps/settings"
    container = {"name": "app", "image": "registry.example/app:hotfix", "env": [{"name": "LEVEL", "value": "debug"}]}
    cluster.call("PATCH", f"{app}/scale?fieldManager=autoscaler", {"spec": {"replicas": 5}})
    pods = {"template": {"spec": {"containers": [container]}}}
    cluster.call("PATCH", f"{app}?fieldManager=kubectl-edit", {"spec": pods})
    cluster.call("PATCH", f"{app}?fieldManager=kubectl-label", {"metadata": {"labels": {"team": "others"}}})
    cluster.call("PATCH", f"{settings}?fieldManager=controller", {"data": {"size": "patched"}})
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"keep": "no"}}
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", "-")
    cluster.kubectl("-n", namespace, *words, stdin=json.dumps(other))


def test_what_others_changed_is_as_the_recipe_says_after_the_next_run(
    release: OneRelease, cluster: Cluster, tmp_path: Path
) -> None:
    first = chart(tmp_path, "1.0.0")
    release.install(first)
    assert said(release) == as_charted("1.0.0")
    change_everything(cluster, release.namespace)
    assert said(release) != as_charted("1.0.0")
    release.install(first)
    assert said(release) == as_charted("1.0.0")


def test_an_upgrade_gets_through_to_fields_that_others_changed(
    release: OneRelease, cluster: Cluster, tmp_path: Path
) -> None:
    release.install(chart(tmp_path, "1.0.0"))
    change_everything(cluster, release.namespace)
    release.install(chart(tmp_path, "2.0.0"))
    assert said(release) == as_charted("2.0.0")
    change_everything(cluster, release.namespace)
    release.install(chart(tmp_path, "3.0.0"))
    assert said(release) == as_charted("3.0.0")


def test_what_no_chart_says_stays_with_whoever_said_it(release: OneRelease, tmp_path: Path) -> None:
    scaled = DEPLOYMENT.replace("  replicas: 2\n", "")
    release.install(chart(tmp_path, "1.0.0", deployment=scaled))
    release.kubectl("scale", "deployment/app", "--replicas=4")
    release.kubectl("annotate", "deployment/app", "example.org/owner=somebody")
    release.kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"more":"mine"}}')
    release.install(chart(tmp_path, "2.0.0", deployment=scaled))
    app = release.object("deployment", "app")
    assert app["spec"]["replicas"] == 4
    assert app["metadata"]["annotations"]["example.org/owner"] == "somebody"
    assert release.object("configmap", "settings")["data"] == {"size": "2.0.0", "keep": "yes", "more": "mine"}


def test_a_field_that_a_new_chart_sets_first_is_taken_from_whoever_had_it(release: OneRelease, tmp_path: Path) -> None:
    release.install(chart(tmp_path, "1.0.0", deployment=DEPLOYMENT.replace("  replicas: 2\n", "")))
    release.kubectl("scale", "deployment/app", "--replicas=4")
    release.install(chart(tmp_path, "2.0.0"))
    assert said(release) == as_charted("2.0.0")


def test_an_object_that_is_not_of_this_release_is_never_taken(release: OneRelease, tmp_path: Path) -> None:
    release.kubectl("create", "configmap", "settings", "--from-literal=size=theirs")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        release.install(chart(tmp_path, "1.0.0"))
    assert "invalid ownership metadata" in caught.value.stderr + caught.value.stdout
    assert release.object("configmap", "settings")["data"] == {"size": "theirs"}


@pytest.fixture(params=DEPLOYERS)
def moving(request: pytest.FixtureRequest, tmp_path: Path, namespace: str, cluster: Cluster) -> OneRelease:
    """Give a release that begins with Helm 3."""
    env = {**helm_environment(tmp_path / "tools", "helm", "helmfile"), **cluster.env, **WITHOUT_WAITING}
    bundle = written(tmp_path / "bundle", alone(namespace), deployer=request.param)
    return OneRelease(bundle, "operator", namespace, env, request.param)


def test_a_release_goes_from_helm_3_to_4_and_back(moving: OneRelease, cluster: Cluster, tmp_path: Path) -> None:
    for number, helm in enumerate(("helm", "helm4", "helm4", "helm", "helm4"), 1):
        use_helm(tmp_path / "tools", helm)
        moving.install(chart(tmp_path, f"{number}.0.0"))
        assert said(moving) == as_charted(f"{number}.0.0")
        change_everything(cluster, moving.namespace)
        moving.install(chart(tmp_path, f"{number}.0.0"))
        assert said(moving) == as_charted(f"{number}.0.0"), helm
    assert moving.revision() == 10


def lock(release: OneRelease) -> None:
    """Leave the release as a helm does that was killed in the middle of an upgrade."""
    name = f"sh.helm.release.v1.{release.name}.v"
    secret = release.object("secret", f"{name}1")
    content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    content |= {"version": 2, "info": {**content["info"], "status": "pending-upgrade"}}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    labels = {**secret["metadata"]["labels"], "version": "2", "status": "pending-upgrade"}
    metadata = {"name": f"{name}2", "labels": labels}
    release.kubectl("create", "-f", "-", feed=json.dumps({**secret, "metadata": metadata, "data": {"release": packed}}))


def test_a_lock_is_rolled_back_past_fields_that_others_changed(
    env: Mapping[str, str], namespace: str, cluster: Cluster, tmp_path: Path
) -> None:
    release = OneRelease(written(tmp_path / "bundle", alone(namespace)), "operator", namespace, env, "helm")
    release.install(chart(tmp_path, "1.0.0"))
    lock(release)
    change_everything(cluster, namespace)
    said_by_deploy = run("bash", "deploy.sh", "--skip-preflight", cwd=release.folder, env={**env, "RETRY_S": "0"})
    assert "the last upgrade of operator was interrupted; rolling back, then upgrading again" in said_by_deploy
    assert "conflict" not in said_by_deploy
    assert said(release) == as_charted("1.0.0")
    assert release.revision() == 4  # installed, locked, rolled back, upgraded
