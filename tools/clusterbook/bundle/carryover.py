"""Carry-over: the options of an older bundle, for the bundle that takes its place.

What was chosen once goes on, and what is typed now lies over it. An option that has nothing to speak to any more is
refused, with what took its place: it was somebody's decision, and nobody but them can drop it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusterbook.bundle.components import with_standing
from clusterbook.bundle.customisation import option_words
from clusterbook.bundle.options import OPTIONS, OptionWords, flag
from clusterbook.bundle.settings import read_dynamic
from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.records import Any
from clusterbook.resolve.recipe import ComponentRef, RecipeResult

TARGETED = ("set", "setJson", "setFile", "setSecret", "dynamic")
"""Options whose words begin with COMPONENT:PATH; each word stands for itself, so that one is laid over the others."""


def carry_over(old: OptionWords, new: OptionWords, dropped: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of a bundle that is like an older one: its own, those typed now over them.

    Args:
        old: the options of the older bundle.
        new: those typed now: one of COMPONENT:PATH takes the place of what was said of the same path, others take the
            place of the whole option.
        dropped: COMPONENT or COMPONENT:PATH of what is not carried over.

    Raises:
        InvalidRequest: something is dropped that was never said.
    """
    typed = {target(word) for option in TARGETED for word in new.get(option, ())}
    found: dict[str, Any] = {}
    met: set[str] = set()
    for option in OPTIONS:
        if option not in TARGETED:
            found[option] = new.get(option, old.get(option))
            continue
        kept = []
        for word in old.get(option, ()):
            named = target(word)
            gone = [each for each in dropped if named == each or named.startswith((f"{each}:", f"{each}."))]
            met.update(gone)
            kept += [] if gone or named in typed else [word]
        found[option] = [*kept, *new.get(option, ())]
    for each in dropped:
        if each not in met:
            known = sorted({target(word) for option in TARGETED for word in old.get(option, ())})
            hint = did_you_mean(each, known) if known else "the older bundle sets no such value"
            raise InvalidRequest(f"--drop {each}: the older bundle does not set it", hint=hint)
    return {option: value for option, value in found.items() if value}


def target(word: str) -> str:
    """Return COMPONENT:PATH of a word, as it is written."""
    return word.partition("=")[0]


def check_carried(
    old: OptionWords, kept: OptionWords, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return notes about options of an older bundle whose values the recipe no longer speaks of.

    The chart may read such a value all the same: a recipe that says less says nothing about its chart.

    Args:
        old: the options of the older bundle.
        kept: those of the new one, the older ones that were carried over among them.
        before: the recipe of the older bundle.
        after: the recipe of the new one.

    Raises:
        InvalidRequest: an option speaks of a component that is gone; the hint names what took its place.
    """
    were, are, notes = _components(before), _components(after), []
    carried = ((option, word) for option in TARGETED for word in old.get(option, ()) if word in kept.get(option, ()))
    for option, word in carried:
        name, _, path = target(word).partition(":")
        if name == "deployer":
            continue
        if name not in are:
            raise InvalidRequest(
                f"{flag(option)} {target(word)} of the older bundle: the recipe has no {name} any more",
                hint=f"{_successor(name, path, option, were, after)}; --drop {target(word)} leaves it out",
            )
        if name in were and _is_gone(path, were[name], are[name]):
            near = did_you_mean(path, list(_paths(are[name].values)))
            notes.append(
                f"{flag(option)} {target(word)} is carried over, but the recipe no longer sets anything there: "
                f"check that the chart still reads it{f'; {near}' if near else ''}"
            )
    return tuple(notes)


def _components(recipe: Mapping[str, Any]) -> dict[str, ComponentRef]:
    """Return the components of a recipe by each word that options call them."""
    return {
        str(key): each
        for each in RecipeResult(recipe).components
        for key in (each.name, *(each.facts.get("valueOverrideKeys") or ()))
    }


def _successor(name: str, path: str, option: str, were: Mapping[str, ComponentRef], after: Mapping[str, Any]) -> str:
    """Return a hint at the component that took the place of another."""
    former = were[name].name if name in were else name
    components = RecipeResult(after).components
    names = {each.name for each in components}
    for each in components:
        if former in (with_standing(each.name, each.facts, names).get("renamedFrom") or ()):
            rest = f":{path}" if path else ""
            return f"it is now called {each.name}: {flag(option)} {each.name}{rest}…"
    return did_you_mean(name, [each.name for each in components])


def _is_gone(path: str, before: ComponentRef, after: ComponentRef) -> bool:
    """Return whether a recipe set a value, or values below it, and the other has nothing there and nothing above it."""
    steps = read_dynamic(f"{before.name}:{path}").path if path and path != "enabled" else ()
    return bool(steps) and _has(before.values, steps) and not _has(after.values, steps[:-1] or steps)


def _has(values: Any, steps: Sequence[str]) -> bool:
    """Return whether there is a value at a path."""
    for step in steps:
        if not isinstance(values, Mapping) or step not in values:
            return False
        values = values[step]
    return True


def _paths(values: Any, prefix: str = "") -> Iterator[str]:
    for key, value in values.items() if isinstance(values, Mapping) else ():
        dotted = f"{prefix}.{key}" if prefix else str(key)
        yield dotted
        yield from _paths(value, dotted)


def changed_options(before: OptionWords, after: OptionWords) -> tuple[str, ...]:
    """Return how the options of a bundle differ from those of the one that it takes the place of, in a line each."""
    found = []
    if (one := str(before.get("deployer") or "helm")) != (other := str(after.get("deployer") or "helm")):
        found.append(f"--deployer {other}, not {one}")
    were, are = option_words(before), option_words(after)
    found += [f"no longer {word}" for word in were if word not in are]
    return (*found, *(f"now {word}" for word in are if word not in were))
