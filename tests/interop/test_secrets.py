"""What is kept in a Secret or in a file reaches a chart as it is, by Helm and by Helmfile, the second time as well."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import render
from tests.interop.cluster import Cluster
from tests.interop.processes import run

PASSWORD, NOTE = 'h,u=n"$(t)\\e\n2', "007\n"
_CHART = {
    "Chart.yaml": "apiVersion: v2\nname: kept\nversion: 0.1.0\n",
    "templates/kept.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\ndata:\n"
    '  password: {{ required "a password" (.Values.auth).password | b64enc | quote }}\n'
    "  note: {{ .Values.note | toString | b64enc | quote }}\n",
}


def chart() -> VendoredChart:
    """Return a chart that writes down what it is given, and refuses to be rendered without a password."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in _CHART.items():
            entry = tarfile.TarInfo(f"kept/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return VendoredChart("kept-0.1.0.tgz", packed.getvalue(), "helm")


def write(folder: Path, namespace: str, deployer: str, note: Path) -> None:
    """Write the bundle of the chart."""
    component = {"name": "kept", "type": "Helm", "source": "https://charts.test/x", "chart": "kept", "version": "0.1.0"}
    recipe: dict[str, Any] = {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "RecipeResult",
        "metadata": {"slug": "kept"},
        "criteria": {},
        "deploymentOrder": ["kept"],
        "componentRefs": [{**component, "namespace": namespace}],
    }
    words = ["kept:auth.password=login/the.password", f"kept:note={note}"]
    made = render(recipe, {"deployer": deployer, "vendorCharts": True, "setSecret": words}, "1", {"kept": chart()})
    for path, data in made.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


@pytest.mark.parametrize("deployer", ["helm", "helmfile"])
def test_a_chart_is_given_what_is_kept(
    cluster: Cluster, namespace: str, tools_env: dict[str, str], tmp_path: Path, deployer: str
) -> None:
    env = {**tools_env, **cluster.env}
    (tmp_path / "note").write_text(NOTE)
    write(tmp_path / "bundle", namespace, deployer, tmp_path / "note")
    install = {
        "helm": ("bash", tmp_path / "bundle/deploy.sh", "--retries", "0"),
        "helmfile": ("helmfile", "--file", tmp_path / "bundle/helmfile.yaml", "sync"),
    }[deployer]
    run("kubectl", "create", "secret", "generic", "login", "--namespace", namespace,
        f"--from-literal=the.password={PASSWORD}", "--from-literal=other=no", env=env)  # fmt: skip
    for _ in range(2):
        said = run(*install, env=env)
        assert PASSWORD not in said
        kept = json.loads(run("kubectl", "get", "configmap", "kept", "--namespace", namespace, "-o", "json", env=env))
        found = {key: base64.b64decode(value).decode() for key, value in kept["data"].items()}
        assert found == {"password": PASSWORD, "note": NOTE}
