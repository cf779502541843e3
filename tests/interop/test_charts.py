"""The chart servers serve every chart that our recipes pin, and real Helm installs from them what it was told to."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix
from clusterbook.resolve.matrix import Matrix
from tests.interop import charts, standin
from tests.interop.charts import ChartServers, Pin
from tests.interop.cluster import Cluster
from tests.interop.conftest import RECIPES
from tests.interop.processes import run
from tests.support.trees import shared_folder

VALUES = {"driver": {"version": "580.126.20", "enabled": True}, "list": [1, "1.10", None], "empty": {}}


def pinned(servers: ChartServers, component: str) -> Pin:
    return next(chart.pin for chart in servers.charts if chart.pin.component == component)


def words_for(servers: ChartServers, pin: Pin) -> list[str]:
    """Return how Helm names a chart, as install.sh does."""
    url = servers.url(pin.source)
    where = [f"{url}/{pin.chart}"] if url.startswith("oci://") else [pin.chart, "--repo", url]
    return [*where, "--version", pin.version]


def test_every_pin_of_every_recipe_is_served(standin_servers: ChartServers, recipes: Matrix) -> None:
    assert [chart.pin for chart in standin_servers.charts] == charts.pins(recipes.recipes.values())
    assert {chart.real for chart in standin_servers.charts} == {False}


@pytest.mark.parametrize("component", ["gpu-operator", "nvsentinel"], ids=["from HTTP", "from OCI over TLS"])
def test_helm_installs_a_chart_with_the_values_it_is_given(
    component: str,
    cluster: Cluster,
    namespace: str,
    standin_servers: ChartServers,
    tools_env: dict[str, str],
    tmp_path: Path,
) -> None:
    env = {**tools_env, **standin_servers.env, **cluster.env}
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps(VALUES))
    words = words_for(standin_servers, pinned(standin_servers, component))
    run("helm", "upgrade", "--install", component, *words, "-n", namespace, "-f", values, "--wait", env=env)
    given = json.loads(run("helm", "get", "values", component, "-n", namespace, "-o", "json", env=env))
    assert given == VALUES
    recorded = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{component}-values")["data"]["values.json"]
    assert json.loads(recorded) == VALUES
    pods = cluster.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    assert [each["status"]["phase"] for each in pods] == ["Running"]


def test_a_chart_comes_with_the_kinds_its_manifests_need(
    cluster: Cluster, namespace: str, standin_servers: ChartServers, tools_env: dict[str, str]
) -> None:
    env = {**tools_env, **standin_servers.env, **cluster.env}
    words = words_for(standin_servers, pinned(standin_servers, "nodewright-operator"))
    run("helm", "upgrade", "--install", "nodewright", *words, "-n", namespace, "--wait", env=env)
    cluster.apply(
        [{"apiVersion": "nodewright.nvidia.com/v1alpha1", "kind": "NodeWright", "metadata": {"name": namespace}}]
    )
    cluster.kubectl("delete", "nodewright", namespace)


def test_helm_renders_for_the_kubernetes_that_runs(tools_env: dict[str, str], tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(
        '{"apiVersion": "v2", "name": "chart", "version": "0.1.0", "kubeVersion": ">=1.36.0-0"}'
    )
    (chart / "templates" / "version.yaml").write_text("version: {{ .Capabilities.KubeVersion.Version }}\n")
    assert "v1.36." in run("helm", "template", chart, env=tools_env)


def test_a_redirected_tree_differs_in_its_sources_alone(
    standin_servers: ChartServers, recipes: Matrix, tmp_path: Path
) -> None:
    tree = standin_servers.redirect(RECIPES, tmp_path / "recipes")
    redirected = matrix.build(load_catalog(read_tree(tree))).recipes
    assert redirected.keys() == recipes.recipes.keys()
    theirs = charts.pins(recipes.recipes.values())
    ours = charts.pins(redirected.values())
    assert ours == sorted(Pin(pin.component, standin_servers.url(pin.source), pin.chart, pin.version) for pin in theirs)
    assert {re.sub(r":\d+/.*", "", pin.source) for pin in ours} == {"http://127.0.0.1", "oci://localhost"}
    for slug, recipe in recipes.recipes.items():
        assert [each.settled for each in redirected[slug].components] == [each.settled for each in recipe.components]


def test_nobody_serves_charts_any_more_once_the_servers_are_off(
    certificates: charts.Certificates, tools_env: dict[str, str], tmp_path: Path
) -> None:
    made = [
        charts.Chart(pin, standin.archive("x", pin.chart, pin.version, ""), real=False)
        for pin in (Pin("x", "https://charts.example/x", "x", "1.0.0"), Pin("x", "oci://ghcr.io/x", "x", "1.0.0"))
    ]
    with charts.serve(tmp_path / "charts", certificates, made) as servers:
        env = {**tools_env, **servers.env}
        for chart in made:
            assert "version: 1.0.0" in run("helm", "show", "chart", *words_for(servers, chart.pin), env=env)
    for chart in made:
        with pytest.raises(Exception, match="non-zero exit status") as caught:
            run("helm", "show", "chart", *words_for(servers, chart.pin), env=env)
        assert "refused" in caught.value.stderr  # type: ignore[attr-defined]
    assert servers.asked == ["/charts.example/x/index.yaml", "/charts.example/x/x-1.0.0.tgz"]


def test_real_charts_are_served_where_they_lie_beside_the_checkout(
    chart_servers: ChartServers, tools_env: dict[str, str]
) -> None:
    shared_folder("charts")
    env = {**tools_env, **chart_servers.env}
    real = [chart.pin for chart in chart_servers.charts if chart.real]
    assert len(real) >= 20
    for pin in real:
        said = run("helm", "show", "chart", *words_for(chart_servers, pin), env=env)
        assert re.search(rf"^version: {re.escape(pin.version)}$", said, re.MULTILINE), pin


def test_a_chart_from_before_a_kind_was_renamed_does_not_stand_for_a_later_one(chart_servers: ChartServers) -> None:
    shared_folder("charts")
    (found,) = [chart for chart in chart_servers.charts if chart.pin == pinned(chart_servers, "nodewright-operator")]
    assert not found.real


def test_every_kind_in_our_manifests_has_a_definition() -> None:
    builtin = re.compile(r"^(v1|apps/v1|batch/v1|policy/v1|\w+(\.authorization|\.authentication)?\.k8s\.io/\S+)$")
    known = {(f"{kind.group}/{version}", kind.name) for kind in standin.KINDS for version in kind.versions}
    used = set()
    for path in RECIPES.glob("components/*/manifests/*.yaml"):
        for document in re.split(r"^---.*$", path.read_text(), flags=re.MULTILINE):
            head = dict(re.findall(r"^(apiVersion|kind):\s*(\S+)", document, re.MULTILINE))
            if head and not builtin.match(head["apiVersion"]):
                used.add((head["apiVersion"], head["kind"]))
    assert used <= known


def test_an_archive_is_the_same_bytes_every_time() -> None:
    check = (RECIPES / "checks" / "gpu-operator" / "health-check.yaml").read_text()
    one, two = (standin.archive("gpu-operator", "gpu-operator", "v26.3.2", check) for _ in range(2))
    assert one == two


def test_components_that_have_one_chart_together_each_deploy_their_own(tmp_path: Path) -> None:
    pins = [charts.Pin(name, "oci://x.example/charts", "dra", "1.0.0") for name in ("nvidia-dra-driver-gpu", "other")]
    for name in ("nvidia-dra-driver-gpu", "other"):
        check = tmp_path / "checks" / name / "health-check.yaml"
        check.parent.mkdir(parents=True)
        expected = f"{{kind: Deployment, metadata: {{name: {name}-controller, namespace: x}}}}"
        check.write_text(f"spec: {{steps: [{{try: [{{assert: {{resource: {expected}}}}}]}}]}}\n")
    one, other = charts.charts(pins, tmp_path, real=tmp_path / "none")
    assert one.archive == other.archive
    with tarfile.open(fileobj=io.BytesIO(one.archive)) as tar:
        files = {entry.name: charts.content(tar, entry).decode() for entry in tar}
    assert "dra/crds/computedomains.resource.nvidia.com.yaml" in files
    for name in ("nvidia-dra-driver-gpu", "other"):
        assert files[f"dra/templates/{name}-00.yaml"].startswith(f'{{{{ if eq .Release.Name "{name}" }}}}')
