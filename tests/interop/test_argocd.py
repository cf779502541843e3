"""Bundles for Argo CD, judged by Helm and brought to life by Argo CD itself."""

from __future__ import annotations

import json
import subprocess
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for

from clusterbook.bundle.argocd.applications import waves
from clusterbook.bundle.argocd.helm_chart import package
from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import Bundle, render
from clusterbook.bundle.value_tree import put
from clusterbook.documents.yaml_reader import parse
from clusterbook.documents.yaml_writer import dump
from tests.interop import standin
from tests.interop.argo import IN_CLUSTER, NAMESPACE, RESYNC_S, ArgoCD, is_done
from tests.interop.charts import ChartServers
from tests.interop.gitserver import GitServer
from tests.interop.processes import run, wait_until
from tests.support import argo
from tests.support.argo import application_schema, bundle
from tests.support.template_cases import documents
from tests.support.values import WHOLE_CORPUS
from tests.support.whole_recipes import ROOT, Recipe, wholes

FULL = "h100-eks-ubuntu-training-kubeflow"


@pytest.fixture(scope="session")
def recipe(standin_servers: ChartServers, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Give a full recipe whose charts are all on loopback."""
    return wholes(standin_servers.redirect(ROOT / "recipes", tmp_path_factory.mktemp("redirected") / "recipes"))[FULL]


def write(made: Mapping[str, bytes], folder: Path) -> Path:
    for path, data in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tell_about_health(argo_cd: ArgoCD, bundle: Path) -> None:
    """Do what the README says is to be done once."""
    patch = ("--patch-file", bundle / "argocd-cm-patch.yaml")
    argo_cd.cluster.kubectl("patch", "configmap", "argocd-cm", "--namespace", NAMESPACE, *patch)


def judge(
    argo_cd: ArgoCD, made: Bundle, *, prefix: str = "", chosen: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Wait until all of a bundle is deployed; then see that waves were kept and values arrived.

    Args:
        argo_cd: who deploys it.
        made: what is deployed.
        prefix: what the names of Applications begin with.
        chosen: the values by path that the installation chose, by release.
    """
    wave = {prefix + name: number for name, number in waves(made.plan.folders).items()}
    found = argo_cd.wait_until_healthy(f"{prefix}clusterbook-stack", *wave)
    assert set(found) == {f"{prefix}clusterbook-stack", *wave}
    for number in range(1, max(wave.values()) + 1):
        before = [found[name]["status"]["operationState"]["finishedAt"] for name in wave if wave[name] == number - 1]
        now = [found[name]["metadata"]["creationTimestamp"] for name in wave if wave[name] == number]
        assert max(before) <= min(now), f"wave {number} did not wait"
    for folder in made.plan.folders:
        if folder.chart is not None:
            expected = folder.part.all_values()
            for path, value in (chosen or {}).get(folder.name, {}).items():
                put(expected, tuple(path.split(".")), value)
            record = f"/api/v1/namespaces/{folder.namespace}/configmaps/{folder.name}-values"
            given = json.loads(argo_cd.cluster.get(record)["data"]["values.json"])
            assert given == expected


def helm(env: Mapping[str, str], *words: str | Path) -> str:
    return run("helm", *words, env=env)


def template(env: Mapping[str, str], chart: Path, *words: str) -> list[dict[str, Any]]:
    """Return what Helm renders of a chart, in the namespace of Argo CD."""
    return documents(helm(env, "template", "stack", chart, "--namespace", NAMESPACE, *words))


def chart(folder: Path, *references: Mapping[str, Any], **request: Any) -> Path:
    """Return a folder with the chart of a recipe with these components."""
    return write(bundle(*references, **{"deployer": "argocd-helm", **request}).files, folder)


@pytest.mark.parametrize("slug", [FULL, "gb200-eks-ubuntu-inference-dynamo", "h100-gke-cos-training"])
def test_helm_takes_every_chart_and_renders_what_argo_cd_knows(
    slug: str, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    recipe = wholes()[slug]
    judge = validator_for(application_schema())(application_schema())
    for deployer in ("argocd", "argocd-helm"):
        made = render(recipe, {"deployer": deployer, "readinessHooks": True}, "0")
        folder = write(made.files, tmp_path / deployer)
        charts = sorted(path.parent for path in folder.rglob("Chart.yaml"))
        assert charts
        for each in charts:
            helm(tools_env, "lint", "--strict", each)
        for each in charts[deployer == "argocd-helm" :]:
            assert template(tools_env, each)
    (parent,) = template(tools_env, folder, "--set", "repoURL=https://git.example.org/x.git")
    judge.validate(parent)
    for url in ("https://git.example.org/x.git", "oci://ghcr.io/x"):
        children = template(tools_env, folder, "--set", f"repoURL={url},part=applications")
        assert {each["metadata"]["name"] for each in children} == {each.name for each in made.plan.folders}
        for each in children:
            judge.validate(each)
    values = {each["metadata"]["name"]: each["spec"]["source"]["helm"].get("valuesObject", {}) for each in children}
    for each in made.plan.folders:
        assert values[each.name] == (each.values if each.chart else {"part": each.path})


def test_a_part_is_what_the_chart_in_its_folder_is(tmp_path: Path, tools_env: dict[str, str]) -> None:
    folder = write(render(wholes()[FULL], {"deployer": "argocd-helm"}, "0").files, tmp_path / "chart")
    for each in sorted(path.parent for path in folder.glob("*/Chart.yaml")):
        part = template(tools_env, folder, "--set", f"part={each.name}")
        assert part == template(tools_env, each)
        assert part


def test_without_a_home_charts_of_others_are_rendered_and_manifests_refused(
    tmp_path: Path, tools_env: dict[str, str]
) -> None:
    (found,) = template(tools_env, chart(tmp_path / "without", {"name": "a"}))
    assert found["metadata"]["name"] == "a"
    folder = chart(tmp_path / "with", {"name": "a", "manifestFiles": ["components/a/manifests/task.yaml"]})
    with pytest.raises(subprocess.CalledProcessError) as refused:
        template(tools_env, folder)
    assert "repoURL is not set" in refused.value.stderr
    helm(tools_env, "lint", folder)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ("bogus=1", "bogus"),
        ("deployer.cascadeDelete=true", "cascadeDelete"),
        ("part=002-b", "part"),
        ("akey.y=1", "'y'"),
        ("repoURL=nowhere", "repoURL"),
        ("deployer.namePrefix=Upper-", "namePrefix"),
        ("part=applications,appName=a", "both called a"),
        (f"part=applications,deployer.namePrefix={'p' * 30}", "shorten deployer.namePrefix"),
    ],
)
def test_what_the_chart_cannot_do_is_refused(wrong: str, word: str, tmp_path: Path, tools_env: dict[str, str]) -> None:
    keys = {"registry": {"valueOverrideKeys": ["akey"]}, "values": {"x": 1}}
    folder = chart(tmp_path / "chart", {"name": "a", **keys}, {"name": "b" * 40}, repo="https://git/x", dynamic=["a:x"])
    with pytest.raises(subprocess.CalledProcessError) as refused:
        template(tools_env, folder, "--set", wrong)
    assert word in refused.value.stderr


def test_what_is_chosen_at_installation_goes_over_what_is_settled(tmp_path: Path, tools_env: dict[str, str]) -> None:
    settled = {"million": 1_000_000, "half": 0.5, "version": "1.10", "on": True, "map": {"kept": 1, "open": 2}}
    reference = {"name": "a", "values": settled}
    folder = chart(tmp_path / "chart", reference, dynamic=["a:on", "a:map.open", "a:more"])
    (before,) = template(tools_env, folder)
    assert before["spec"]["source"]["helm"]["valuesObject"] == {**settled, "more": ""}
    (after,) = template(tools_env, folder, "--set", "a.on=false,a.map.open=0", "--set-json", 'a.more={"x":[1,"1.0"]}')
    expected = {**settled, "on": False, "map": {"kept": 1, "open": 0}, "more": {"x": [1, "1.0"]}}
    assert after["spec"]["source"]["helm"]["valuesObject"] == expected


def test_text_of_a_recipe_is_text_to_helm(tmp_path: Path, tools_env: dict[str, str]) -> None:
    evil = '{{ fail "ran" }} \' }} \\ {{- /* */ -}} # : |'
    values = {evil: f"{evil}\n  {evil}\n", "open": evil}
    manifest = dump({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": values})
    files = {"components/a/m.yaml": "{{ .Values.a.text }}"}
    reference = {"name": "a", "source": "https://x/?a=$(b)&c=%7B", "manifestFiles": list(files)}
    recipe = argo.recipe({**reference, "values": {"text": manifest, **values}}) | {"files": files}
    request = {"deployer": "argocd-helm", "repo": "oci://ghcr.io/x", "dynamic": ["a:open"]}
    folder = write(render(recipe, request, "0").files, tmp_path / "chart")
    found = {
        each["metadata"]["name"]: each["spec"]["source"]
        for each in template(
            tools_env, folder, "--set", "part=applications", "--set-json", "a.open=" + json.dumps(evil)
        )
    }
    assert found["a"]["repoURL"] == "https://x/?a=$(b)&c=%7B"
    assert found["a"]["helm"]["valuesObject"] == {"text": manifest, **values}
    for rendered in (
        template(tools_env, folder, "--set", "part=002-a-post"),
        template(tools_env, folder / "002-a-post"),
    ):
        assert rendered == [{"kind": "ConfigMap", "metadata": {"name": "x"}, "data": values}]


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm"])
def test_a_chart_that_travels_along_is_given_its_values(
    deployer: str, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    reference = {"name": "a", "chart": "chart-a", "version": "v1.2.3", "values": {"x": 1, "global": {"y": 2}}}
    archive = standin.archive("a", "chart-a", "v1.2.3", "")
    charts = {"a": VendoredChart("chart-a-v1.2.3.tgz", archive, "helm v3")}
    open_ = {"dynamic": ["a:x"]} if deployer == "argocd-helm" else {}
    folder = chart(tmp_path / "chart", reference, deployer=deployer, vendorCharts=True, charts=charts, **open_)
    given = {"x": 1, "global": {"y": 2}}
    words = []
    if open_:
        home = "repoURL=https://git.example.org/x.git,part=applications"
        (child,) = template(tools_env, folder, "--set", f"{home},a.x=7")
        assert child["spec"]["source"]["path"] == "001-a"
        (tmp_path / "later.yaml").write_text(dump(child["spec"]["source"]["helm"]["valuesObject"]))
        words, given = ["--values", str(tmp_path / "later.yaml")], {**given, "x": 7}
        with pytest.raises(subprocess.CalledProcessError) as refused:
            template(tools_env, folder, "--set", "repoURL=oci://ghcr.io/x,part=applications")
        assert "set repoURL to a Git repository" in refused.value.stderr
    helm(tools_env, "lint", "--strict", folder / "001-a")
    (record,) = template(tools_env, folder / "001-a", *words)
    assert json.loads(record["data"]["values.json"]) == given


def test_what_is_published_is_what_helm_would_package(tmp_path: Path, tools_env: dict[str, str]) -> None:
    made = render(wholes()[FULL], {"deployer": "argocd-helm"}, "0")
    folder = write(made.files, tmp_path / "chart")
    helm(tools_env, "package", folder, "--destination", tmp_path)
    with tarfile.open(tmp_path / f"{FULL}-0.1.0.tgz") as theirs:
        names = theirs.getnames()
        bytes_of = {name: theirs.extractfile(name).read() for name in names if not name.endswith("Chart.yaml")}  # type: ignore[union-attr]
    ours = package(made.files)
    assert sorted(names) == sorted(path for path, _ in ours)
    assert bytes_of == {path: data for path, data in ours if path in bytes_of}


def test_argo_cd_brings_an_app_of_apps_to_synced_and_healthy_in_waves(
    argo_cd: ArgoCD, git_server: GitServer, recipe: Recipe, tmp_path: Path
) -> None:
    made = render(recipe, {"deployer": "argocd", "repo": git_server.url("stack")}, "0")
    folder = write(made.files, tmp_path / "bundle")
    git_server.publish("stack", folder)
    tell_about_health(argo_cd, folder)
    argo_cd.cluster.kubectl("apply", "--filename", folder / "app-of-apps.yaml")
    judge(argo_cd, made)


def test_a_chart_from_git_becomes_a_parent_and_its_applications(
    argo_cd: ArgoCD, git_server: GitServer, recipe: Recipe, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    request = {"deployer": "argocd-helm", "dynamic": ["gpuoperator:driver.version", "gpuoperator:toolkit"]}
    made = render(recipe, request, "0")
    folder = write(made.files, tmp_path / "bundle")
    url = git_server.publish("chart", folder)
    tell_about_health(argo_cd, folder)
    run(
        "helm", "install", "stack", folder, "--namespace", NAMESPACE, "--set", f"repoURL={url}",
        "--set", "deployer.namePrefix=eu-,gpuoperator.driver.version=1.10,gpuoperator.toolkit.enabled=false",
        env={**tools_env, **argo_cd.cluster.env},
    )  # fmt: skip
    judge(argo_cd, made, prefix="eu-", chosen={"gpu-operator": {"driver.version": "1.10", "toolkit.enabled": False}})


def test_a_chart_from_a_registry_becomes_a_parent_and_its_applications(
    argo_cd: ArgoCD, standin_servers: ChartServers, recipe: Recipe, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    home = f"oci://{standin_servers.registry.host}/bundles/argocd-helm"
    made = render(recipe, {"deployer": "argocd-helm", "repo": home}, "0")
    archive = tmp_path / f"{FULL}-0.1.0.tgz"
    archive.write_bytes(standin.pack(dict(package(made.files))))
    env = {**tools_env, **standin_servers.env, **argo_cd.cluster.env}
    run("helm", "push", archive, home, env=env)
    tell_about_health(argo_cd, write(made.files, tmp_path / "bundle"))
    run("helm", "install", "stack", f"{home}/{FULL}", "--version", "0.1.0", "--namespace", NAMESPACE, env=env)
    judge(argo_cd, made)


HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    helm.sh/hook: post-install
data: {x: "1"}
"""


def two(servers: ChartServers, **values: Any) -> Recipe:
    """Return a recipe of a chart and of a manifest that asks Helm to be a hook and needs the chart."""
    pin = next(each.pin for each in servers.charts if each.pin.component == "nvsentinel")
    chart = {"source": servers.url(pin.source), "chart": pin.chart, "version": pin.version}
    manifest = {"name": "settings", "source": "", "manifestFiles": ["hook.yaml"], "dependencyRefs": ["nvsentinel"]}
    made = argo.recipe({"name": "nvsentinel", "values": values, **chart}, manifest)
    return made | {"files": {"hook.yaml": HOOK}}


def corpus() -> dict[str, Any]:
    """Return a corpus of values as our reader reads it."""
    node = parse(WHOLE_CORPUS, "author.yaml")
    assert node is not None
    return dict(node.data())


def refuse_other_values(
    argo_cd: ArgoCD, servers: ChartServers, namespace: str, folder: Path, env: Mapping[str, str]
) -> None:
    """Fail unless Argo CD has given the chart of `two` the corpus that Helm reads in the author's file."""
    (archive,) = (each.archive for each in servers.charts if each.pin.component == "nvsentinel")
    (folder / "chart.tgz").write_bytes(archive)
    (folder / "author.yaml").write_text(WHOLE_CORPUS, encoding="utf-8")
    rendered = documents(helm(env, "template", "x", folder / "chart.tgz", "-f", folder / "author.yaml"))
    (wanted,) = (each["data"]["values.json"] for each in rendered if each["metadata"]["name"] == "x-values")
    record = argo_cd.cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/nvsentinel-values")
    assert json.loads(record["data"]["values.json"]) == json.loads(wanted)


def test_a_bundle_made_again_is_followed_and_deleting_its_parent_takes_everything_away(
    argo_cd: ArgoCD,
    git_server: GitServer,
    standin_servers: ChartServers,
    tmp_path: Path,
    tools_env: dict[str, str],
) -> None:
    request = {"deployer": "argocd", "repo": git_server.url("two"), "set": ["deployer:cascadeDelete=true"]}
    folder = write(render(two(standin_servers, **corpus()), request, "0").files, tmp_path / "bundle")
    git_server.publish("two", folder)
    tell_about_health(argo_cd, folder)
    argo_cd.cluster.kubectl("apply", "--filename", folder / "app-of-apps.yaml")
    argo_cd.wait_until_healthy("clusterbook-stack", "nvsentinel", "settings")
    settings, record = (f"/api/v1/namespaces/ns/configmaps/{name}" for name in ("settings", "nvsentinel-values"))
    assert argo_cd.cluster.get(settings)["data"] == {"x": "1"}
    refuse_other_values(argo_cd, standin_servers, "ns", tmp_path, tools_env)

    git_server.publish("two", write(render(two(standin_servers, x=2), request, "0").files, folder))
    look = "argocd.argoproj.io/refresh=normal"  # what a webhook of the Git server would say
    argo_cd.cluster.kubectl("annotate", "applications", "--all", "--namespace", NAMESPACE, look)
    wait_until(lambda: '"x":2' in argo_cd.cluster.get(record)["data"]["values.json"], "new values")

    argo_cd.cluster.kubectl("delete", "application", "clusterbook-stack", "--namespace", NAMESPACE, "--timeout=60s")
    assert not argo_cd.applications()
    assert not argo_cd.cluster.exists(settings)
    assert not argo_cd.cluster.exists(record)


def test_an_application_that_renders_its_own_parent_becomes_it_and_stays(
    argo_cd: ArgoCD,
    git_server: GitServer,
    standin_servers: ChartServers,
    tmp_path: Path,
    tools_env: dict[str, str],
) -> None:
    made = render(two(standin_servers, **corpus()), {"deployer": "argocd-helm"}, "0")
    folder = write(made.files, tmp_path / "bundle")
    url = git_server.publish("own", folder)
    tell_about_health(argo_cd, folder)
    source = {"repoURL": url, "path": ".", "targetRevision": "main", "helm": {"valuesObject": {"repoURL": url}}}
    own = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "clusterbook-stack", "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "destination": {"server": IN_CLUSTER, "namespace": NAMESPACE},
            "source": source,
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }
    argo_cd.cluster.apply([own])
    names = {"clusterbook-stack", "nvsentinel", "settings"}
    argo_cd.wait_until_healthy(*names)
    refuse_other_values(argo_cd, standin_servers, "ns", tmp_path, tools_env)
    time.sleep(2 * RESYNC_S)  # long enough for Argo CD to prune what it believes to be left over
    found = argo_cd.applications()
    assert set(found) == names
    assert all(is_done(each) for each in found.values())
    assert found["clusterbook-stack"]["spec"]["source"]["helm"]["valuesObject"]["part"] == "applications"
