"""Visit: one round to a source: recall, open, verify, hand out, and remember when all went well.

Whoever reads an index on behalf of a user visits its source, so that an older index is noticed the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from clusterbook.artifacts.memory import memory
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.files.context import Context
from clusterbook.oci.open import Access, absolute, open_source
from clusterbook.trust.policy import Trusting

Result = TypeVar("Result")


def always(_: object) -> bool:
    """Return that all went well."""
    return True


def visit(
    where: str,
    use: Callable[[OpenIndex], Result],
    *,
    access: Access,
    trusting: Trusting,
    around: Context,
    well: Callable[[Result], bool] = always,
) -> tuple[Result, str]:
    """Return what `use` makes of the index of a source, and what the user has to hear of the visit, "" for nothing.

    Args:
        where: the source, as `open_source` takes it.
        use: what is done with its index.
        access: how registries and sites are spoken to.
        trusting: whom to believe.
        around: environment and home, which say where the memory is, and the time.
        well: whether what came of it lets the index be remembered; an error never does.

    Raises:
        ClusterbookError: as `open_source`, `open_index` and `use`; what was remembered of the source stays.
    """
    known, source = memory(around.environment, around.home), absolute(where)
    opened = open_index(open_source(where, access), trusting, now=around.now, seen=known.recall(source))
    result = use(opened)
    return result, known.remember(source, opened.seen) if well(result) else ""
