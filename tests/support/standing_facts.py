"""Standing facts, as the catalog has them: written to the file that the bundler reads.

usage: python -m tests.support.standing_facts
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import clusterbook.bundle.template
from clusterbook.bundle.components import STANDING
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve.content import Gatherer
from tests.support.whole_recipes import ROOT

HOME = Path(clusterbook.bundle.template.__file__).parent / "templates" / "standing_facts.json"


def standing_facts(registry: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what stands of each component of a catalog, by the facts that its registry has of it."""
    found = {name: {key: facts[key] for key in STANDING if facts.get(key)} for name, facts in sorted(registry.items())}
    return {name: facts for name, facts in found.items() if facts}


def text() -> str:
    """Return what the file has to hold."""
    facts = standing_facts(Gatherer(load_catalog(read_tree(ROOT / "recipes"))).inputs.registry)
    return json.dumps(facts, indent=2) + "\n"


if __name__ == "__main__":
    HOME.write_text(text(), encoding="utf-8")
