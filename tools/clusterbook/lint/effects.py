"""Effects: values that a chart was seen to ignore or to refuse, and those that say no more than the chart itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from clusterbook.catalog.proofs import DEAD, DEFAULT, REFUSED, BrokenProof, Effect
from clusterbook.catalog.values import walk
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.scope import Scope
from clusterbook.lint.style import has_why
from clusterbook.resolve.component import Component
from clusterbook.resolve.document import escape
from clusterbook.resolve.proof import Proofs

INEFFECTIVE = Code(
    "CB065",
    "value that changes nothing",
    "warning",
    "The chart renders the same with it and without it: the value looks like a setting but has no effect.",
    "Use the key that the chart has (the hint names the nearest), or remove the value.",
)
REFUSED_VALUE = Code(
    "CB066",
    "value that the chart refuses",
    "error",
    "Helm fails to render the chart with it, so the recipe cannot be deployed.",
    "Correct the value; the message quotes helm.",
)
REPEATED_DEFAULT = Code(
    "CB071",
    "value that equals the chart's default",
    "warning",
    "It has no effect today, and it hides a better default of a later chart.",
    "Remove it, or write `# why: …` right above it: why it should stay if the chart's default changes.",
)


class _ValueEffect(NamedTuple):
    """One value in one proven component: what it is called, what it does there, and in which chart.

    `alone` says that no broader layer has the value too; else it keeps that one out, whatever it does to the chart.
    `ours` says that no value of the component comes from a private tree.
    """

    path: str
    effect: Effect
    chart: str
    alone: bool
    ours: bool


def ineffective(scope: Scope) -> Iterator[Finding]:
    """Yield CB065 for each value that does nothing in a recipe, CB066 for each that a chart refuses.

    A private tree may switch off what ours turns on: there a value of ours has to do nothing wherever it is proven.
    """
    for place, values in _values(scope).items():
        refused = next((each for each in values if each.effect.effect == REFUSED), None)
        if refused is not None:
            what = f"{refused.chart} refuses '{refused.path}': {refused.effect.why}"
            yield REFUSED_VALUE.finding(place, what, "correct the value; helm's message says what is allowed")
            continue
        dead = [each for each in values if each.alone and each.effect.effect == DEAD]
        if len(dead) == len(values) or any(each.ours for each in dead):
            first = next((each for each in dead if each.ours), dead[0])
            where = "" if len(dead) == len(values) else f" in {len(dead)} of {len(values)} sets of values"
            what = f"'{first.path}' has no effect{where}: {_why(first)}"
            yield INEFFECTIVE.finding(place, what, _hint(first.effect, everywhere=not where))


def repeated_defaults(scope: Scope) -> Iterator[Finding]:
    """Yield CB071 for each value of ours that is the chart's own wherever it is proven, and does not say why."""
    for place, values in _values(scope).items():
        if not scope.ours(place.file) or not all(each.alone and each.effect.effect == DEFAULT for each in values):
            continue
        if not has_why(scope.lines[place.file], place.line, beside=False):
            first = values[0]
            what = f"'{first.path}' equals the default of {first.chart or 'the chart'}"
            yield REPEATED_DEFAULT.finding(place, what, "remove it, or write '# why: …' right above it")


def _why(value: _ValueEffect) -> str:
    return value.effect.why.replace("the chart", value.chart, 1) if value.chart else value.effect.why


def _hint(effect: Effect, *, everywhere: bool) -> str:
    if not everywhere:
        return "set it in a layer or a values file of only those recipes where it has an effect"
    if effect.near:
        return f"did you mean '{_dotted(effect.near)}'? else remove it"
    if effect.switch:
        return f"turn '{_dotted(effect.switch)}', or remove it"
    return "remove it, or use a value that has the intended effect"


def _dotted(pointer: str) -> str:
    return pointer[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")


def _values(scope: Scope) -> dict[Place, list[_ValueEffect]]:
    """Return what is proven of each value, by the place of the layer that won."""
    proofs = Proofs(scope.catalog)
    found: dict[Place, list[_ValueEffect]] = {}
    for component in scope.components:
        try:
            effects = proofs.effects(component) if component.enabled else {}
        except BrokenProof:
            continue
        leaves = list(walk(component.values)) if effects else []
        ours = all(scope.ours(each.place.file) for _, origins in leaves for each in origins)
        for path, origins in leaves:
            effect = effects.get("".join(f"/{escape(key)}" for key in path))
            if effect is not None:
                value = _ValueEffect(".".join(path), effect, _chart(component), len(origins) == 1, ours)
                found.setdefault(origins[-1].place, []).append(value)
    return found


def _chart(component: Component) -> str:
    return f"{component.word('chart')} {component.word('version')}" if component.word("source") else ""
