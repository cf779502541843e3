"""Like: the options of an older bundle, taken over for the one that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.carryover import carry_over, changed_options, check_carried
from clusterbook.bundle.disk import is_archive, read_bundle
from clusterbook.bundle.options import read_options_document
from clusterbook.bundle.render import OPTIONS, RECIPE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.inputs.fast import read_document


class LikedOptions(NamedTuple):
    """The options of a bundle, and what its user should hear of how they are others than those of the older one."""

    options: dict[str, Any]
    notes: tuple[str, ...]


def options_like(
    where: str, options: Mapping[str, Any], recipe: Mapping[str, Any], dropped: tuple[str, ...]
) -> LikedOptions:
    """Return the options of the bundle at `where`, those typed now over them.

    Args:
        where: the older bundle: a folder or an archive.
        options: those typed now.
        recipe: the recipe of the new bundle.
        dropped: COMPONENT or COMPONENT:PATH of what is not taken over.

    Raises:
        InvalidRequest: it is no bundle, or an option of it speaks of what is gone.
    """
    old = read_recorded(where)
    found = carry_over(old, options, dropped)
    notes = check_carried(old, found, _recorded(where, RECIPE), recipe)
    changed = changed_options(old, found)
    more = f", but {'; '.join(changed)}" if changed else ""
    return LikedOptions(found, (f"options are those of {where}{more}", *notes))


def read_recorded(where: str) -> dict[str, Any]:
    """Return the options that a bundle records. Raises InvalidRequest where it is none."""
    return read_options_document(_recorded(where, OPTIONS))[0]


def _recorded(where: str, name: str) -> dict[str, Any]:
    if not is_archive(where):
        return read_document(f"{where.rstrip('/')}/{name}")
    from clusterbook.bundle.rederive import document

    files = read_bundle(where)
    if name not in files:
        raise InvalidRequest(f"{where} has no {name}, so it is not a bundle", hint="name a bundle")
    return document(files, name)
