"""Pairs of recipes that everybody who compares must agree about: every step of a version, and 300 pairs of recipes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

from clusterbook.cli import comparison
from clusterbook.cli.releases.sources import open_sources
from clusterbook.diff.recipes import Diff
from tests.support import sites

PAIRS = 300


def steps() -> list[tuple[str, str, str]]:
    """Return every step from one published version of a recipe to the next: slug, old and new number."""
    summaries = sites.our_data().recipes
    return [(each.slug, step.before, step.number) for each in summaries for step in each.versions if step.before]


def recipes() -> list[tuple[str, str]]:
    """Return pairs of current recipes, the same at each run, and the ones that were once called equal wrongly."""
    slugs = [each.slug for each in sites.our_data().recipes]
    random = Random(15)  # noqa: S311 - pairs, no secrets
    chosen = [(first, second) for first, second in (random.sample(slugs, 2) for _ in range(PAIRS))]
    return [("h100", "gb200"), ("a100", "b200"), *chosen]


def words() -> Iterator[tuple[str, str]]:
    """Yield every pair as the commands take it."""
    yield from ((f"{slug}@{old}", f"{slug}@{new}") for slug, old, new in steps())
    yield from recipes()


@cache
def answers() -> dict[tuple[str, str], Diff]:
    """Return what `clusterbook diff` finds, by pair."""
    sources = open_sources(sites.OURS / "registry", str(sites.OURS / "dist" / "index"))
    subject = cache(lambda word: comparison.subject(word, sources))
    return {pair: comparison.diff_of(*map(subject, pair)) for pair in words()}
