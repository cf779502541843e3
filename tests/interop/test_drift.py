"""Drift on a real control plane: what Helm installed from a bundle has not drifted, and what somebody changed has."""

from __future__ import annotations

import json
from pathlib import Path

from clusterbook.bundle.make import make
from clusterbook.cli import main
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deployment import environment, prepare
from tests.interop.processes import run
from tests.support.whole_recipes import ROOT, wholes

SLUG = "h100-eks-ubuntu-training-kubeflow"


def drift(bundle: Path, cluster: Cluster, folder: Path) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the exit status of `diff` from a bundle to a cluster, and (kind, severity) by path."""
    taken, report = folder / "taken.json", folder / "drift.json"
    words = ["--kubeconfig", str(cluster.kubeconfig), "--helm-values", "-t", "json", "-o", str(taken)]
    assert main.run(["snapshot", *words], {}) == 0
    status = main.run(["diff", str(bundle), str(taken), "--exit-code", "-t", "json", "-o", str(report)], {})
    changes = json.loads(report.read_text())["changes"]
    return status, {each["path"]: (each["kind"], each["severity"]) for each in changes}


def test_what_was_deployed_has_not_drifted_until_somebody_changes_it(
    fresh_cluster: Cluster, standin_servers: ChartServers, tmp_path: Path
) -> None:
    recipe = wholes(standin_servers.redirect(ROOT / "recipes", tmp_path / "recipes"))[SLUG]
    env = {**environment(tmp_path / "tools", "helm", "kubectl"), **standin_servers.env, **fresh_cluster.env}
    prepare(make(recipe, {}), "eks", tmp_path / "bundle", fresh_cluster, env).deploy()
    folder = tmp_path / "bundle"
    assert drift(folder, fresh_cluster, tmp_path) == (0, {})

    fresh_cluster.kubectl("delete", "secrets", "-n", "node-feature-discovery", "-l", "owner=helm")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "mine", "version": "0.1.0"}))
    run("helm", "install", "mine", str(tmp_path / "mine"), "-n", "default", env=env)
    values = ["--reuse-values", "--set", "webhook.replicaCount=7"]
    run("helm", "upgrade", "cert-manager", str(tmp_path / "mine"), "-n", "cert-manager", *values, env=env)
    status, found = drift(folder, fresh_cluster, tmp_path)
    assert status == 10
    assert found == {
        "components.nfd": ("removed", "critical"),
        "components.cert-manager.chart": ("modified", "critical"),
        "components.cert-manager.version": ("modified", "warning"),
        "components.cert-manager.values.webhook.replicaCount": ("added", "warning"),
        "releases.default/mine": ("added", "info"),
    }
