"""Golden bundles: what five deployers make of three recipes, kept as text so that a change of them can be read.

One file holds a bundle. The recipes are kept too, so that editing the
catalog changes no golden bundle, and changing a deployer shows all that it changes.

usage: python -m tests.support.goldens [--recipes]

Makes all of them again; with `--recipes`, from what the catalog says now.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.rederive import document
from clusterbook.bundle.render import RECIPE, render
from clusterbook.documents.yaml_writer import dump
from tests.support.whole_recipes import wholes

HOME = Path(__file__).parents[1] / "golden"
VERSION = "0"
"""What options.yaml says of the program: golden bundles do not change with its version."""
SUFFIX = ".txtar"


class Golden(NamedTuple):
    """One recipe, and how each deployer is asked to bundle it."""

    slug: str
    requests: Mapping[str, Mapping[str, Any]]


def _requests(common: Mapping[str, Any], **own: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a request for each deployer: what all are asked, and what is its own, - written as _."""
    return {name: {"deployer": name, **common, **own.get(name.replace("-", "_"), {})} for name in DEPLOYERS}


_ALL_OPTIONS = {
    "set": ["gpu-operator:driver.version=580.105.08", "kai-scheduler:enabled=false"],
    "setJson": ['gpuoperator:driver.manager={"env":[{"name":"ENABLE_GPU_POD_EVICTION","value":"true"}]}'],
    "setFile": ['gpu-operator:toolkit.env=[{"name":"ACCEPT_NVIDIA_VISIBLE_DEVICES_AS_VOLUME_MOUNTS","value":"true"}]'],
    "systemNodeSelector": ["node-group=system"],
    "systemNodeToleration": ["dedicated=system:NoSchedule"],
    "acceleratedNodeSelector": ["node-group=gpu"],
    "acceleratedNodeToleration": ["nvidia.com/gpu=present:NoSchedule", "example.com/gpu"],
    "workloadGate": "example.com/tuned=no:NoSchedule",
    "workloadSelector": ["team=research"],
    "nodes": "8",
    "storageClass": "premium-rwo",
    "sharedStorageClass": "standard-rwx",
}
_DYNAMIC = {"dynamic": ["gpu-operator:driver.enabled", "kube-prometheus-stack:grafana.adminPassword"]}
_KEPT = {"setSecret": ["kube-prometheus-stack:grafana.env.TOKEN=grafana-login/token"]}
_READY = {"readinessHooks": True}
GOLDENS = (
    Golden("h100-eks-ubuntu-training-kubeflow", _requests({})),
    Golden(
        "h100-gke-cos-training",
        _requests(
            _ALL_OPTIONS,
            helm=_DYNAMIC | _KEPT | _READY,
            helmfile=_DYNAMIC | _KEPT,
            argocd={"repo": "https://git.example.org/clusters.git", "targetRevision": "v1.10", **_READY},
            argocd_helm={"repo": "oci://registry.example.org/charts", **_DYNAMIC, **_READY},
            flux={"repo": "https://git.example.org/clusters.git", "fluxNamespace": "gitops", **_DYNAMIC, **_KEPT},
        ),
    ),
    Golden(
        "ocp-training",
        _requests(
            {},
            argocd={
                "repo": "oci://registry.example.org/bundles/ocp",
                "appName": "gpu",
                "set": ["deployer:namePrefix=east-", "deployer:cascadeDelete=true", "deployer:project=gpu"],
            },
            argocd_helm={"set": ["deployer:namePrefix=east-", "deployer:destinationServer=https://10.0.0.1:6443"]},
            flux={"repo": "oci://registry.example.org/bundles/ocp", "fluxOciSourceName": "gpu"},
        ),
    ),
)


def recipe(golden: Golden) -> dict[str, Any]:
    """Return the recipe as it was kept."""
    return document({RECIPE: (HOME / golden.slug / RECIPE).read_bytes()}, RECIPE)


def bundle(found: Mapping[str, Any], golden: Golden, deployer: str) -> dict[str, str]:
    """Return the files of one bundle; its recipe is left out, since it lies beside it."""
    files = render(found, golden.requests[deployer], VERSION).files
    assert files[RECIPE] == dump(found).encode()
    return {path: data.decode() for path, data in files.items() if path != RECIPE}


def archived(files: Mapping[str, str]) -> str:
    """Return files as one text. Source: https://pkg.go.dev/golang.org/x/tools/txtar#hdr-Txtar_format."""
    found = "".join(f"-- {path} --\n{text}" for path, text in sorted(files.items()))
    assert unarchived(found) == files, "a file does not end in a newline, or holds a line that looks like a path"
    return found


def unarchived(text: str) -> dict[str, str]:
    """Return the files in such a text."""
    parts = re.split(r"^-- (\S+) --\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def main(words: list[str]) -> None:
    """Make all golden bundles again."""
    if words not in ([], ["--recipes"]):
        sys.exit(f"usage: python3 tools/dev.py golden [--recipes]; '{words[0]}' is unknown")
    now = wholes() if words else {}
    found: dict[str, str] = {}
    for golden in GOLDENS:
        source = now[golden.slug] if now else recipe(golden)
        found[f"{golden.slug}/{RECIPE}"] = dump(source)
        for deployer in DEPLOYERS:
            found[f"{golden.slug}/{deployer}{SUFFIX}"] = archived(bundle(source, golden, deployer))
    shutil.rmtree(HOME, ignore_errors=True)
    for path, text in found.items():
        (HOME / path).parent.mkdir(parents=True, exist_ok=True)
        (HOME / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
