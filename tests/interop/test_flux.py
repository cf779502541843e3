"""Flux bundles on real programs: kustomize builds them, and an API server with Flux's own definitions takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.render import Bundle, render
from tests.interop.cluster import Cluster
from tests.interop.processes import run, wait_until
from tests.support.trees import shared_folder
from tests.support.whole_recipes import small, wholes

FULL = "h100-eks-ubuntu-training-kubeflow"
GIT = "https://git.example.org/clusters.git"
HOMES: tuple[dict[str, str], ...] = ({}, {"repo": GIT}, {"repo": "oci://registry.example/bundles/h100"})
UNDEFINED = "ArtifactGenerator"
"""The kind whose definition does not lie beside the checkout."""


def write(made: Bundle, folder: Path) -> Path:
    """Write a bundle, and return its folder."""
    for path, data in made.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def built(folder: Path, env: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the objects that kustomize makes of a bundle."""
    return list(YAML(typ="safe").load_all(run("kustomize", "build", folder, env=env)))


@pytest.fixture(scope="module")
def flux(cluster: Cluster) -> Cluster:
    """Give the shared cluster with the definitions and the namespace of Flux."""
    cluster.kubectl("apply", "--server-side", "--filename", shared_folder("charts/crds/flux"))
    wanted = {"helmreleases", "helmrepositories", "gitrepositories", "ocirepositories", "kustomizations"}
    wait_until(lambda: wanted <= set(_resources(cluster)), "Flux's kinds are served")
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
    return cluster


def _resources(cluster: Cluster) -> list[str]:
    return [line.partition(".")[0] for line in cluster.kubectl("api-resources", "--output", "name").splitlines()]


def test_kustomize_gives_back_every_object(tmp_path: Path, tools_env: Mapping[str, str]) -> None:
    for number, home in enumerate(HOMES):
        made = render(wholes()[FULL], {"deployer": "flux", **home}, "1.2.3")
        listed = YAML(typ="safe").load(made.files["kustomization.yaml"])["resources"]
        found = built(write(made, tmp_path / str(number)), tools_env)
        written = [YAML(typ="safe").load(made.files[path]) for path in listed]
        assert sorted(map(str, found)) == sorted(map(str, written))


@pytest.mark.parametrize("home", HOMES)
def test_the_api_server_takes_what_kustomize_builds(
    home: dict[str, str], flux: Cluster, tmp_path: Path, tools_env: Mapping[str, str]
) -> None:
    for name, recipe in {"full": wholes()[FULL], "small": small()}.items():
        options = {"dynamic": ["operator:driver.version"]} if name == "small" else {}
        folder = write(render(recipe, {"deployer": "flux", **home, **options}, "1.2.3"), tmp_path / name)
        objects = [each for each in built(folder, tools_env) if each["kind"] != UNDEFINED]
        if home:
            objects += YAML(typ="safe").load_all((folder / "sync.yaml").read_text(encoding="utf-8"))
        stream = "".join(f"---\n{json.dumps(each)}\n" for each in objects)
        out = flux.kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", "-", stdin=stream)
        assert len(out.splitlines()) == len(objects)
