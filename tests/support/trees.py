"""Small source trees for tests: YAML text by path in, what the core makes of it out.

A path without a suffix is short for an overlay or a mixin, whose text is then only its spec:

    {"eks": "criteria: {service: eks}", "mixins/os": "constraints: […]", "components/a/values.yaml": "x: 1"}

A registry of five Helm components and an empty base are added where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import Catalog, load_catalog
from clusterbook.catalog.tree import SourceFile, SourceTree
from clusterbook.documents.api_version import API_VERSION
from clusterbook.resolve import matrix
from clusterbook.resolve.component import Component
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.resolver import Evaluator, Recipe, Resolver

SHARED = Path(__file__).resolve().parents[3] / "shared"
"""What lies beside a checkout of ours, and not in it; see `shared_folder`."""

NAMES = "abcde"

REGISTRY = "kind: ComponentRegistry\ncomponents:\n" + "".join(
    f"""\
- name: {name}
  helm: {{defaultRepository: https://charts.example/{name}, defaultChart: repo/{name}, defaultVersion: "1.0.0",
          defaultNamespace: ns-{name}}}
"""
    for name in NAMES
)


def shared_folder(path: str) -> Path:
    """Return a file or folder of the shared data; skips the test where a checkout stands alone."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"shared data is not here: no {path} beside the checkout")
    return found


def document(path: str, spec: str, *, api_version: str = API_VERSION) -> tuple[str, str]:
    """Return the path and the text of an overlay (`eks`) or a mixin (`mixins/os`) with this spec."""
    name = path.rpartition("/")[2]
    kind = "RecipeMixin" if path.startswith("mixins/") else "RecipeMetadata"
    body = indent(dedent(spec).strip() or "{}", "  ")
    head = f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
    return (path if "/" in path else f"overlays/{path}") + ".yaml", f"{head}{body}\n"


def texts(files: Mapping[str, str], *, api_version: str = API_VERSION) -> dict[str, str]:
    """Return whole files by whole path, with a registry and a base."""
    written = {"registry.yaml": REGISTRY} | dict([document("base", "", api_version=api_version)])
    for path, text in files.items():
        if path.endswith((".yaml", ".yml", ".txt")):
            written[path] = dedent(text)
        else:
            written |= dict([document(path, text, api_version=api_version)])
    return written


def tree(
    files: Mapping[str, str], *, strict: bool = True, without: Iterable[str] = (), api_version: str = API_VERSION
) -> SourceTree:
    """Return the source tree of `files`; `without` names files that are left out after all."""
    written = texts(files, api_version=api_version)
    kept = {path: text for path, text in written.items() if path not in set(without)}
    return SourceTree(files={path: SourceFile(text, path) for path, text in kept.items()}, under={}, strict=strict)


def load(files: Mapping[str, str], **more: Any) -> Catalog:
    """Return the catalog of `files`."""
    return load_catalog(tree(files, **more))


def build(files: Mapping[str, str], **more: Any) -> Matrix:
    """Return the matrix of `files`."""
    return matrix.build(load(files, **more))


def resolve(
    files: Mapping[str, str], query: Criteria | None = None, *, evaluate: Evaluator | None = None, **more: Any
) -> Recipe:
    """Return the recipe that `files` give for `query`; default: no criteria at all."""
    return Resolver(load(files, **more)).resolve(query or Criteria(), evaluate)


def component(recipe: Recipe, name: str) -> Component:
    """Return one component of a recipe."""
    return {each.name: each for each in recipe.components}[name]


def values(recipe: Recipe, name: str) -> dict[str, Any]:
    """Return the settled values of one component."""
    return component(recipe, name).settled


def constraints(recipe: Recipe) -> dict[str, str]:
    """Return the constraints of a recipe: name → value."""
    return {name: origins[-1].value["value"] for name, origins in recipe.constraints}
