"""Hold a release of the ledger against facts about the reference's recipes of its day, and print what differs.

    python -m tests.contract.facts FACTS RELEASE [--registry registry]

FACTS is a folder with one JSON file per recipe: criteria, constraints, components with their hydrated values,
deployment order and validation. Prints `equal` or the differing JSON Pointers per recipe, then `equal N/M`; exits 0
when all are equal. Only what a fact states is compared.
A release never changes, so neither does the answer. What the sources say today is held by parity.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clusterbook.catalog.criteria import Criteria
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.resolve.views import query_view

_FIELDS = ("name", "type", "source", "namespace", "chart", "version", "tag", "path", "dependencyRefs", "manifestFiles",
           "preManifestFiles", "expectedResources", "enabled")  # fmt: skip


def compare(fact: dict[str, Any], ledger: Ledger, release: str) -> list[str]:
    """Return the JSON Pointers at which a released recipe differs from a fact, with both values."""
    slug = Criteria(**{name: value for name, value in fact["criteria"].items() if value}).slug()
    entry = ledger.entries(release).get(slug)
    if entry is None:
        return [f": release {release} has no recipe {slug}"]
    recipe = query_view(ledger.content(slug, entry.version))
    ours = stated(recipe, enabled=set(recipe["deploymentOrder"]))
    return [f"{at}: {what}" for at, what in differences(ours, stated(fact, enabled=None), "")]


def stated(document: dict[str, Any], *, enabled: set[str] | None) -> dict[str, Any]:
    """Return the parts of a document that facts state; `enabled` names the components in the deployment order."""
    components = {}
    for name, component in document["components"].items():
        kept = {field: component[field] for field in _FIELDS if field in component}
        on = component.get("enabled", True) if enabled is None else name in enabled
        components[name] = {**kept, "enabled": on, "values": component.get("values") or {}}
    validation = {
        phase: {field: part[field] for field in ("checks", "constraints") if part.get(field)}
        for phase, part in (document.get("validation") or {}).items()
    }
    return {
        "components": components,
        "constraints": {each["name"]: each["value"] for each in document.get("constraints") or ()},
        "deploymentOrder": document["deploymentOrder"],
        "validation": {phase: part for phase, part in validation.items() if part},
    }


def differences(ours: Any, fact: Any, at: str) -> Iterator[tuple[str, str]]:
    """Yield (pointer, what differs); 1 and true differ, as in JSON."""
    if isinstance(ours, dict) and isinstance(fact, dict):
        for key in sorted(ours.keys() | fact.keys()):
            step = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in ours:
                yield step, f"missing, fact has {json.dumps(fact[key])[:80]}"
            elif key not in fact:
                yield step, f"too much: {json.dumps(ours[key])[:80]}"
            else:
                yield from differences(ours[key], fact[key], step)
    elif json.dumps(ours, sort_keys=True) != json.dumps(fact, sort_keys=True):
        yield at, f"{json.dumps(ours)[:80]} is not {json.dumps(fact)[:80]}"


def run(facts: Path, ledger: Ledger, release: str) -> tuple[dict[str, list[str]], int]:
    """Return the differences by recipe, and how many recipes are equal."""
    paths = sorted(facts.glob("*.json"))
    found = {path.stem: compare(json.loads(path.read_text(encoding="utf-8")), ledger, release) for path in paths}
    return found, sum(not different for different in found.values())


def main() -> int:
    """Print the comparison; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path)
    parser.add_argument("release")
    parser.add_argument("--registry", type=Path, default=Path("registry"))
    arguments = parser.parse_args()
    try:
        found, equal = run(arguments.facts, open_ledger(arguments.registry), arguments.release)
    except ClusterbookError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    for name, different in found.items():
        print(f"{name}: {'equal' if not different else 'different'}")
        for difference in different:
            print(f"  {difference}")
    print(f"equal {equal}/{len(found)}")
    return 0 if equal == len(found) and found else 1


if __name__ == "__main__":
    sys.exit(main())
