"""The kit: what our registry says of a component holds in trees whose registry has no words for it, and only there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import tree_from_texts, with_registry
from clusterbook.resolve.gather_inputs import gather_inputs

ROOT = Path(__file__).resolve().parents[2]
OURS = """\
kind: ComponentRegistry
components:
  - {name: operator, crdGroups: [ours.example], nodeTaints: [ours.example/taint], install: {wait: false}}
  - {name: other, crdGroups: [other.example]}
alsoForReference:
  operator: [crdGroups, install]
"""
BASE = "kind: RecipeMetadata\nmetadata: {name: base}\nspec: {}\n"
THEIRS = """\
apiVersion: aicr.run/v1alpha2
kind: ComponentRegistry
components:
  - {name: operator, install: {timeout: 5m}}
  - {name: other}
"""


def facts(registry: str, ours: str = OURS) -> Mapping[str, Mapping[str, Any]]:
    """Return the facts of a tree with this registry, by component."""
    texts = {"registry.yaml": registry, "overlays/base.yaml": BASE}
    tree = with_registry(tree_from_texts(texts, label="x"), lambda: {"registry.yaml": ours})
    return gather_inputs(load_catalog(tree)).registry


def test_a_tree_of_the_reference_gets_what_its_registry_cannot_say() -> None:
    assert facts(THEIRS) == {"operator": {"crdGroups": ["ours.example"], "install": {"timeout": "5m"}}, "other": {}}


@pytest.mark.parametrize("owner", ["true", "false"])
def test_in_a_tree_of_the_reference_that_names_owners_of_kinds_the_others_own_none(owner: str) -> None:
    theirs = THEIRS.replace("{name: other}", f"{{name: other, ownsCRDs: {owner}}}")
    owns = {name: each["ownsCRDs"] for name, each in facts(theirs).items()}
    assert owns == {"operator": False, "other": owner == "true"}


@pytest.mark.parametrize(("said", "found"), [("true", True), ("false", False)])
def test_our_own_tree_says_of_each_component_whether_it_owns_its_kinds(said: str, found: bool) -> None:
    own = f"kind: ComponentRegistry\ncomponents:\n  - {{name: operator, ownsCRDs: {said}}}\n  - {{name: other}}\n"
    assert facts(own) == {"operator": {"ownsCRDs": found}, "other": {}}


def test_our_own_tree_means_what_it_says_and_nothing_else() -> None:
    own = "kind: ComponentRegistry\ncomponents:\n  - {name: operator}\n"
    assert facts(own) == {"operator": {}}


def test_what_is_named_for_the_reference_is_said_of_that_component() -> None:
    registry = YAML(typ="safe").load((ROOT / "recipes" / "registry.yaml").read_text(encoding="utf-8"))
    entries = {entry["name"]: entry for entry in registry["components"]}
    assert registry["alsoForReference"]
    for name, keys in registry["alsoForReference"].items():
        assert set(keys) <= entries[name].keys()
