"""Records of our own catalog: whoever comes from a release of ours is led on, and never into a dead end."""

from __future__ import annotations

from typing import get_args

from clusterbook.ledger.folder import open_ledger
from clusterbook.transition.schema import Deployer
from clusterbook.transition.version_range import rank
from clusterbook.upgrade.verdict import judge
from tests.support import sites


def released() -> set[tuple[str, str]]:
    """Return which versions of which components a release of ours has in a recipe."""
    ledger = open_ledger(sites.OURS / "registry")
    return {
        (part["name"], str(part.get("version", "")))
        for release in ledger.releases()
        for slug, entry in ledger.entries(release).items()
        for part in ledger.recipe(slug, entry.version)["recipe"]["componentRefs"]
    }


def test_no_step_from_a_release_of_ours_to_what_is_pinned_today_is_blocked() -> None:
    catalog = sites.ours().catalog
    asked = 0
    for name, version in sorted(released()):
        record = catalog.upgrades.get(name)
        if record is None or not rank(version):
            continue
        pinned = str(catalog.components[name].defaults["version"].value)
        for deployer in get_args(Deployer) if version != pinned else ():
            verdict = judge(record, version, pinned, deployer)
            asked += 1
            assert verdict.verdict in ("safe", "manual", "unknown"), (name, version, verdict.why)
            assert (verdict.verdict == "manual") == bool(verdict.steps), (name, version, deployer)
    assert asked


def test_each_record_is_about_a_component_that_is_pinned() -> None:
    catalog = sites.ours().catalog
    assert catalog.upgrades
    for name, record in catalog.upgrades.items():
        assert rank(str(catalog.components[name].defaults["version"].value)) is not None
        assert record.transitions, name
