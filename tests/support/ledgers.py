"""Small ledgers for tests: source trees in, the files of their releases out."""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.ledger import plan as release_plan
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.plan import Commit, Release
from tests.support import trees

MARCH = {
    "base": """
        constraints: [{name: K8s.server.version, value: ">= 1.30"}]
        componentRefs: [{name: a, valuesFile: components/a/values.yaml}]
        """,
    "components/a/values.yaml": "x: 1\n",
    "eks": "criteria: {service: eks}\ncomponentRefs: [{name: b, overrides: {size: 1}}]",
    "aks": "criteria: {service: aks}",
}
JULY = {
    **MARCH,
    "components/a/values.yaml": "# moved down\nx: 1\n",
    "eks": "criteria: {service: eks}\ncomponentRefs: [{name: b, overrides: {size: 2}}, {name: c}]",
    "gke": "criteria: {service: gke}",
}


def commit(name: str) -> Commit:
    """Return the commit of a release of that name."""
    year, month, _ = name.split(".")
    return Commit(f"{int(month):040x}", f"{year}-{int(month):02}-01T00:00:00Z")


def plan(files: Mapping[str, str], name: str, ledger: Mapping[str, str] | None = None) -> Release:
    """Return the release called `name` of a source tree, over the files of a ledger."""
    return release_plan.plan(trees.build(files), Ledger(ledger or {}), name=name, commit=commit(name))


def two() -> dict[str, str]:
    """Return the files of a ledger with two releases: 2026.3.0 of MARCH and 2026.7.0 of JULY."""
    march = dict(plan(MARCH, "2026.3.0").files)
    return {**march, **plan(JULY, "2026.7.0", march).files}
