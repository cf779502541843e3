"""Image lists: what components/<name>/images.yaml may say, and where a mistake in it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.catalog import read as workspace
from clusterbook.catalog.load import load, survey
from clusterbook.catalog.tree import SourceFile, SourceTree
from clusterbook.diagnostics.findings import Finding

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
DIGEST = f"sha256:{'0' * 64}"
GOOD = f"""\
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentImages
metadata:
  name: a
spec:
  images:
    - {{registry: quay.io, repository: a/b, tag: "1.10", source: chart}}
    - {{registry: "localhost:5000", repository: library/c, tag: v1, digest: "{DIGEST}", source: operator}}
"""
REGISTRY = "kind: ComponentRegistry\ncomponents: [{name: a}]\n"
BASE = "apiVersion: clusterbook.dev/v1alpha1\nkind: RecipeMetadata\nmetadata: {name: base}\nspec: {}\n"


def findings(text: str, *, path: str = "components/a/images.yaml", strict: bool = True) -> list[Finding]:
    """Return what is found in a tree whose only image list has this text."""
    files = {"registry.yaml": REGISTRY, "overlays/base.yaml": BASE, path: text}
    tree = SourceTree({name: SourceFile(body, name) for name, body in files.items()}, {}, strict)
    return list(survey(tree).findings)


def test_a_list_that_says_all_it_has_to_is_silent() -> None:
    assert findings(GOOD) == []


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("source: chart", "source: guess", "CB010"),
        (", source: chart}", "}", "CB011"),
        ("digest:", "digset:", "CB012"),
        (DIGEST, "sha256:abc", "CB010"),
        ("repository: a/b", "repository: a/b:1", "CB010"),
        ("kind: ComponentImages", "kind: Images", "CB015"),
        ("name: a\n", "name: b\n", "CB035"),
    ],
)
def test_a_mistake_is_found_in_its_place(right: str, wrong: str, code: str) -> None:
    (found,) = findings(GOOD.replace(right, wrong, 1))
    line = GOOD[: GOOD.index(right)].count("\n") + 1
    assert (found.code, found.place.file, found.place.line) == (code, "components/a/images.yaml", line)


def test_a_list_for_an_unknown_component_is_found() -> None:
    (found,) = findings(GOOD, path="components/b/images.yaml")
    assert found.code == "CB023"


def test_trees_of_others_may_mean_something_else_by_the_name() -> None:
    assert findings("- whatever\n", strict=False) == []


def test_a_file_of_that_name_elsewhere_is_no_image_list() -> None:
    assert findings("a: 1\n", path="components/a/manifests/images.yaml") == []


def test_our_own_lists_can_be_loaded() -> None:
    documents = load(workspace.read(RECIPES, strict=True)).documents
    assert all(documents[path].get("spec", "images") for path in documents if path.endswith("/images.yaml"))
