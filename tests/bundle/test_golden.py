"""Golden bundles: what the deployers make of three recipes is what was read and kept."""

from __future__ import annotations

from difflib import unified_diff

import pytest

from clusterbook.bundle.options import DEPLOYERS, OPTIONS
from clusterbook.bundle.render import RECIPE
from clusterbook.documents.yaml_writer import dump
from tests.support import goldens
from tests.support.goldens import GOLDENS, HOME, SUFFIX, Golden

SHOWN_LINES = 60


@pytest.mark.parametrize("deployer", DEPLOYERS)
@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.slug)
def test_a_bundle_is_as_it_was_kept(golden: Golden, deployer: str) -> None:
    kept = (HOME / golden.slug / f"{deployer}{SUFFIX}").read_text(encoding="utf-8")
    made = goldens.archived(goldens.bundle(goldens.recipe(golden), golden, deployer))
    if made != kept:
        lines = list(unified_diff(kept.splitlines(), made.splitlines(), "kept", "made", lineterm=""))
        more = f"\n... and {len(lines) - SHOWN_LINES} lines more" if len(lines) > SHOWN_LINES else ""
        difference = "\n".join(lines[:SHOWN_LINES]) + more
        pytest.fail(f"{difference}\nis it meant? `python3 tools/dev.py golden`, then read `git diff`", pytrace=False)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.slug)
def test_a_recipe_is_kept_as_a_bundle_holds_it(golden: Golden) -> None:
    assert (HOME / golden.slug / RECIPE).read_text(encoding="utf-8") == dump(goldens.recipe(golden))


def test_nothing_is_kept_that_nobody_makes() -> None:
    kept = {path.relative_to(HOME).as_posix() for path in HOME.rglob("*") if path.is_file()}
    files = (RECIPE, *(f"{deployer}{SUFFIX}" for deployer in DEPLOYERS))
    assert kept == {f"{golden.slug}/{name}" for golden in GOLDENS for name in files}


def test_golden_bundles_use_every_option_but_the_one_that_needs_charts() -> None:
    used = {option for golden in GOLDENS for request in golden.requests.values() for option in request}
    assert set(OPTIONS) - used == {"vendorCharts"}
