"""Whole recipes for tests of bundles: those of our own catalog, and a small one with every kind of release in it."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

from clusterbook.bundle.render import render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve import matrix
from clusterbook.resolve.content import Gatherer

ROOT = Path(__file__).resolve().parents[2]
Recipe = dict[str, Any]


@cache
def wholes(tree: Path = ROOT / "recipes") -> dict[str, Recipe]:
    """Return every recipe that a source tree serves, by slug."""
    made = matrix.build(load_catalog(read_tree(tree)))
    gatherer = Gatherer(made.catalog)
    return {
        slug: gatherer.whole(recipe, state=made.answer(recipe.criteria).state) for slug, recipe in served_recipes(made)
    }


def small(**changes: dict[str, Any]) -> Recipe:
    """Return a recipe of four components; `changes` are merged into their entries, by name with _ for -.

    crds (plain chart) ← operator (chart from an OCI registry, manifests before and after it) ← settings (manifests);
    ← metrics (chart from the repository of crds).
    """
    recipe = copy.deepcopy(_SMALL)
    for name, change in changes.items():
        entry = next(each for each in recipe["componentRefs"] if each["name"] == name.replace("_", "-"))
        entry |= change
    return recipe


def written(folder: Path, recipe: dict[str, Any] | None = None, **request: Any) -> Path:
    """Return the folder of a Helm bundle."""
    for path, data in render(recipe or small(), {"deployer": "helm", **request}, "1.0").files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def bundle_name(folder: Path) -> str:
    """Return what the releases of a Helm bundle are labelled with."""
    return re.findall(r"^BUNDLE=(\w+)$", (folder / "labels.env").read_text(), re.M)[0]


def with_facts(folder: Path, *, values: dict[str, Any] | None = None, **registry: Any) -> Path:
    """Return the deploy.sh of a bundle whose operator has these registry facts, and perhaps these values."""
    change = {"registry": registry, **({"values": values} if values else {})}
    return written(folder, small(operator=change)) / "deploy.sh"


RELEASES = ["crds", "operator-pre", "operator", "operator-post", "metrics", "settings"]
"""What the small recipe installs, in order."""
_CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\ndata:\n  note: '{}'\n"
_SMALL: Recipe = {
    "apiVersion": "clusterbook.dev/v1alpha1",
    "kind": "RecipeResult",
    "metadata": {"slug": "h100-eks"},
    "criteria": {"accelerator": "h100", "service": "eks"},
    "deploymentOrder": ["crds", "operator", "metrics", "settings"],
    "componentRefs": [
        {
            "name": "crds",
            "type": "Helm",
            "source": "https://charts.example/stable",
            "chart": "crds",
            "version": "1.10",
            "namespace": "system",
            "values": {"keep": "yes", "port": 8080},
        },
        {
            "name": "operator",
            "type": "Helm",
            "source": "oci://registry.example/charts",
            "chart": "gpu",
            "version": "v26.3.2",
            "namespace": "gpu",
            "dependencyRefs": ["crds"],
            "values": {"driver": {"enabled": True, "version": "580.1"}, "tolerations": []},
            "preManifestFiles": ["components/operator/manifests/before.yaml"],
            "manifestFiles": ["components/operator/manifests/after.yaml"],
            "registry": {"hasSelfRefCRDs": True, "manifestsUseChartCRDs": True},
        },
        {
            "name": "metrics",
            "type": "Helm",
            "source": "https://charts.example/stable/",
            "chart": "metrics",
            "version": "2.0.0",
            "namespace": "monitoring",
            "dependencyRefs": ["crds"],
            "registry": {"install": {"wait": False, "timeout": "20m", "retries": 1}},
        },
        {
            "name": "settings",
            "type": "Helm",
            "namespace": "gpu",
            "dependencyRefs": ["metrics", "operator"],
            "manifestFiles": ["components/settings/manifests/settings.yaml"],
        },
    ],
    "files": {
        "components/operator/manifests/before.yaml": _CONFIG.format("before", "first"),
        "components/operator/manifests/after.yaml": _CONFIG.format("after", '{{ "{{ .Release.Name }}" }}'),
        "components/settings/manifests/settings.yaml": _CONFIG.format("settings", "last"),
    },
}
