"""Deployment order: dependencies first, alphabetical wherever there is a choice. Source: reference rows R39, R40."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from clusterbook.resolve.component import Component, Conflict


def deployment_order(components: Sequence[Component]) -> tuple[str, ...]:
    """Return the enabled components' names, dependencies first, alphabetical wherever there is a choice.

    Raises:
        Conflict: a dependency is unknown, or components wait for each other.
        Source: reference rows R39, R40.
    """
    known = {component.name: component for component in components}
    for component in components:
        for origin in component.lists.get("dependencyRefs", ()):
            if origin.value not in known:
                raise Conflict(
                    f"component '{component.name}' depends on '{origin.value}', which is not in the recipe",
                    place=origin.place,
                    hint="add the component, or remove the dependency",
                )
    _refuse_cycle(known)
    waiting = {c.name: {d for d in c.words_of("dependencyRefs") if known[d].enabled} for c in components if c.enabled}
    dependents: dict[str, list[str]] = {}
    for name, needs in waiting.items():
        for need in needs:
            dependents.setdefault(need, []).append(name)
    ready = [name for name, needs in waiting.items() if not needs]
    heapify(ready)
    order = []
    while ready:
        name = heappop(ready)
        order.append(name)
        for dependent in dependents.get(name, ()):
            waiting[dependent].discard(name)
            if not waiting[dependent]:
                heappush(ready, dependent)
    return tuple(order)


def _refuse_cycle(known: Mapping[str, Component]) -> None:
    """Raise Conflict when components depend on each other in a circle, disabled ones included."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = [*path[path.index(name) :], name]
            place = next(o.place for o in known[path[-1]].lists["dependencyRefs"] if o.value == name)
            raise Conflict(
                f"components depend on each other: {' → '.join(circle)}",
                place=place,
                hint="remove one of these dependencyRefs",
            )
        if name in done:
            return
        for need in known[name].words_of("dependencyRefs"):
            visit(need, (*path, name))
        done.add(name)

    for name in known:
        visit(name, ())
