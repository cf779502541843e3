"""What our own catalog's site may cost: bytes that travel, and time to make it."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Mapping
from functools import cache

from tests.bench import run
from tests.support import sites

PAGE_BYTES = INDEX_BYTES = 20_000
SEARCH_BYTES = 100_000
SCRIPT_BYTES = 40_000
SITE_TO_WORK = 10 / 0.24
"""10 s of a processor, children included, over the 0.24 s of the fixed work that tests/bench measures by."""


def used_s() -> float:
    """Return how many seconds of a processor this process and its children have used."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(found.ru_utime + found.ru_stime for found in each)


@cache
def ours() -> tuple[Mapping[str, bytes], float]:
    """Return every file of the site of our own catalog and ledger, and how many times the fixed work it took."""
    [before_s] = run.least_cpu_s(run.WORKING, times=2)
    begun = used_s()
    files = sites.files(sites.our_data())
    taken_s = used_s() - begun
    [after_s] = run.least_cpu_s(run.WORKING, times=2)
    return files, 2 * taken_s / (before_s + after_s)


def packed(content: bytes) -> int:
    """Return how many bytes travel."""
    return len(gzip.compress(content, 9, mtime=0))


def test_our_site_is_made_in_time() -> None:
    assert ours()[1] <= SITE_TO_WORK


def test_a_page_of_a_recipe_is_small() -> None:
    pages = {path: packed(text) for path, text in ours()[0].items() if path.startswith("recipes/") and ".html" in path}
    assert len(pages) > 400
    assert {path: size for path, size in pages.items() if size > PAGE_BYTES} == {}


def test_what_the_finder_loads_is_small() -> None:
    assert packed(ours()[0]["api/v1/index.js"]) <= INDEX_BYTES


def test_the_search_index_is_small() -> None:
    assert packed(ours()[0]["search/search_index.json"]) <= SEARCH_BYTES


def test_scripts_of_our_own_are_small() -> None:
    own = [
        content
        for path, content in ours()[0].items()
        if path.startswith("assets/") and path.endswith(".js") and "/" not in path.removeprefix("assets/")
    ]
    assert len(own) >= 2
    assert sum(map(packed, own)) <= SCRIPT_BYTES
