"""Mirroring: what a bundle pulls, listed for those who carry it across an air gap.

Knows the way from a request to a list. Does not know click. Source: reference rows D4-D6, L6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clusterbook.bundle.make import make, requested
from clusterbook.bundle.options import Request, read_options
from clusterbook.bundle.render import Bundle
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.lookup.find import Reply
from clusterbook.mirror.chart_images_ import chart_images, objects
from clusterbook.mirror.formats import FORMATS
from clusterbook.mirror.list import Gap, MirrorList, checked, joined, mirror_list

_SHOWN = 5


class Incomplete(ClusterbookError):
    """It is not known of every component which images it starts; the list on standard output names which.

    `--check` asks helm about charts. What an operator starts from a catalog of its own has to be mirrored with that.
    """

    code = "CB200"
    exit_status = 10


def respond(found: Mapping[str, list[str]], slugs: Iterable[str]) -> Reply:
    """List what the bundles of one or several recipes pull.

    Args:
        found: words by flag key.
        slugs: recipes; none where flags say which.

    Raises:
        ClusterbookError: no recipe answers, or helm cannot render a chart.
    """
    made = [list_of(found, slug, check="check" in found) for slug in list(slugs) or [""]]
    whole = joined(each for each, _ in made)
    notes = tuple(dict.fromkeys(note for _, said in made for note in said))
    return Reply(FORMATS[found.get("format", ["yaml"])[0]](whole), notes, error=incomplete(whole.gaps))


def list_of(found: Mapping[str, list[str]], slug: str, *, check: bool) -> tuple[MirrorList, tuple[str, ...]]:
    """Return what one bundle pulls, and notes."""
    asked = requested(found, slug)
    bundle = make(asked.recipe, asked.request)
    known = listed(asked.recipe, bundle, asked.request)
    if not check:
        return known, asked.notes
    whole, lacking = checked(known, chart_images(bundle.plan.folders))
    said = (f"the catalog's list of {each.component} lacks {each.image}; it was added" for each in lacking)
    return whole, (*asked.notes, *said)


def listed(recipe: Mapping[str, Any], bundle: Bundle, request: Request) -> MirrorList:
    """Return what a bundle pulls, made of a whole recipe with `request`."""
    releases = bundle.plan.folders
    ours = {
        folder.name: [
            each for name, text in folder.templates.items() for each in objects(text, f"{folder.name}/{name}")
        ]
        for folder in releases
    }
    return mirror_list(recipe, bundle.plan, read_options(request), ours)


def incomplete(gaps: tuple[Gap, ...]) -> Incomplete | None:
    """Return the error that a list with gaps ends in."""
    if not gaps:
        return None
    named = "; ".join(f"{gap.component}: {gap.why}" for gap in gaps[:_SHOWN])
    more = f"; and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
    hint = "--check asks helm what the charts pull" if any(gap.helm_knows for gap in gaps) else "mirror them by hand"
    return Incomplete(f"the list is not complete: {named}{more}", hint=hint)
