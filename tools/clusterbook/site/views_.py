"""Views: how a recipe becomes what a page shows.

Knows a recipe's content document and the origins in it, wherever they come from. Does not know HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.schema import PHASES
from clusterbook.resolve.provenance_ import Brief
from clusterbook.site import svg as graph
from clusterbook.site import wording as plain
from clusterbook.site.model import Demand, Document, PhaseView, RecipeView
from clusterbook.site.parts import Part, history, origin, winners


def view(
    content: Document, origins: Mapping[str, Brief], parts: Mapping[str, Part], *, note: str, checks: Mapping[str, str]
) -> RecipeView:
    """Return the view of a recipe.

    Args:
        content: the recipe with its parts in place, as its digest covers it.
        origins: those of its own constraints and phases, by pointer.
        parts: its components by name.
        note: what to say about its state, "" for nothing.
        checks: what each check of the validator catalog checks.
    """
    slug = content["metadata"]["slug"]
    order = [name for name in content["deploymentOrder"] if name in parts]
    needs = {name: parts[name].needs for name in order}
    criteria = content.get("criteria", {})
    validation = content.get("validation", {})
    return RecipeView(
        slug=slug,
        title=plain.title(criteria),
        criteria={name: criteria[name] for name in Criteria._fields if name in criteria},
        state=content["metadata"]["state"],
        note=note,
        layers=tuple(content["metadata"]["appliedOverlays"]),
        parts=tuple(parts[name] for name in order),
        switched_off=tuple(part for name, part in sorted(parts.items()) if name not in order),
        levels=graph.levels(needs, order),
        constraints=tuple(_demands(content.get("constraints", ()), "/constraints", origins, slug)),
        phases=tuple(_phase(name, validation[name], origins, checks, slug) for name in PHASES if name in validation),
        document=content,
        winners=winners(origins),
    )


def _demands(found: Any, root: str, origins: Mapping[str, Brief], slug: str) -> Iterator[Demand]:
    for number, each in enumerate(found):
        said = history(origin(origins, f"{root}/{number}", slug), each)
        yield Demand(
            each["name"],
            each["value"],
            plain.meaning(each["name"], each["value"]),
            said,
            each.get("remediation", ""),
            each.get("unit", ""),
        )


def _phase(name: str, said: Document, origins: Mapping[str, Brief], checks: Mapping[str, str], slug: str) -> PhaseView:
    constraints = _demands(said.get("constraints", ()), f"/validation/{name}/constraints", origins, slug)
    named = tuple((check, checks.get(check, "")) for check in said.get("checks", ()))
    return PhaseView(name, plain.PHASES[name], named, tuple(constraints))
