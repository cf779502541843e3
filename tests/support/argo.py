"""Recipes for tests of the deployers of Argo CD, the bundles they become, and the definition of an Application."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import Bundle, render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix, views
from clusterbook.resolve.bundle_inputs import complete
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.gather_inputs import gather_inputs
from clusterbook.resolve.matrix import Matrix
from tests.support.trees import shared_folder

USUAL = {"type": "Helm", "source": "https://charts.example.org/", "version": "v1.2.3", "namespace": "ns"}
TASKS = """\
kind: Task
metadata:
  name: a
  annotations:
    helm.sh/hook: post-install
"""
FILES = {"components/a/manifests/task.yaml": TASKS, "components/a/manifests/first.yaml": "kind: First\n"}


def recipe(*references: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a whole recipe with these components; what they do not say is USUAL."""
    return {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "RecipeResult",
        "metadata": {"slug": "h100-any", **(metadata or {})},
        "criteria": {"accelerator": "h100"},
        "componentRefs": [{**USUAL, "registry": {}, **each} for each in references],
        "deploymentOrder": [each["name"] for each in references],
        "files": FILES,
    }


def bundle(
    *references: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    charts: Mapping[str, VendoredChart] | None = None,
    **request: Any,
) -> Bundle:
    """Return the bundle of a recipe with these components."""
    return render(recipe(*references, metadata=metadata), request, "0", charts)


def texts(made: Bundle) -> dict[str, str]:
    """Return the files of a bundle that are text."""
    return {path: data.decode() for path, data in made.files.items() if not path.endswith(".tgz")}


def load(text: str | bytes) -> Any:
    """Return the one document in `text`."""
    return YAML(typ="safe").load(text)


def application_schema() -> dict[str, Any]:
    """Return the schema of an Application in which fields that it does not know are errors."""
    definition = load(shared_folder("charts/crds/argocd/application-crd.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = closed(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    found["properties"]["metadata"] = {"type": "object"}
    return found


def closed(schema: Any) -> Any:
    """Return a schema of the API server that refuses what the server would drop."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "properties" in found and not found.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def whole(tree: Path, slug: str) -> dict[str, Any]:
    """Return a recipe of the source tree at `tree` with all that a bundle needs."""
    built = matrix.build(load_catalog(read_tree(tree)))
    return completed(built, slug)


def completed(built: Matrix, slug: str) -> dict[str, Any]:
    """Return a recipe of a matrix with all that a bundle needs."""
    recipe = built.recipes[slug]
    document = recipe_document(recipe, state=built.answer(recipe.criteria).state)
    checked = views.with_health_checks(document, health_checks(recipe))
    return complete(checked, gather_inputs(built.catalog))
