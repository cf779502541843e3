"""Effects: what each value does, judged by rendering the chart with it and without it.

Everything here is decided from what `render` gives back; what that starts is its caller's business. What differs
between two equal renders is no effect of any value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from clusterbook.catalog.chart import ChartKeys
from clusterbook.catalog.proofs import DEAD, DEFAULT, LIVE, OWN, REFUSED, Effect
from clusterbook.prove.objects import ObjectChange, Reader, Rendering
from clusterbook.prove.values import (
    ABSENT,
    Steps,
    get,
    known_steps,
    leaves,
    nearest_pointer,
    other_value,
    pointer,
    same,
    switches,
    with_value,
    without,
)
from clusterbook.resolve.recipe import SWITCHES

MOST_CHANGES = 6
"""Most changes of one value that are written down; the others are counted."""
MOST_SWITCHES = 12
"""Most values that are tried as the one that switches a dead value off."""
Render = Callable[[Mapping[str, Any]], Rendering]
"""Renders manifests with other values."""


class ChartRender(Protocol):
    """Renders a chart with other values."""

    def __call__(self, values: Mapping[str, Any], *, crds: bool = False) -> Rendering:
        """Return the manifests; with `crds` the kinds beside the templates as well."""
        ...


class ChartEffects(NamedTuple):
    """Effects by pointer, and what was rendered with all values: twice, so that what is new each time is known."""

    effects: Mapping[str, Effect]
    base: Rendering
    unstable: tuple[ObjectChange, ...]


def judge(values: Mapping[str, Any], chart: ChartKeys, render: ChartRender, own: Render) -> ChartEffects:
    """Return the effect of each value on a chart.

    Args:
        values: what the chart is given.
        chart: what it has by itself.
        render: renders it with other values.
        own: renders our own manifests of the component, which read the same values.
    """
    return _EffectJudge(values, chart, render, own).judged()


def judge_manifests(values: Mapping[str, Any], own: Render) -> ChartEffects:
    """Return the effect of each value on the manifests of a component that has no chart."""
    nothing = ChartKeys("", "", {})
    return _EffectJudge(values, nothing, _no_chart, own).judged()


def _no_chart(values: Mapping[str, Any], *, crds: bool = False) -> Rendering:  # noqa: ARG001 (there is nothing to render)
    return Rendering(())


class _EffectJudge:
    """One set of values on trial."""

    def __init__(self, values: Mapping[str, Any], chart: ChartKeys, render: ChartRender, own: Render) -> None:
        self.values, self.chart, self.render, self.own = values, chart, render, own
        self.reader = Reader()
        self._conditions = {path for paths in chart.conditions.values() for path in paths}
        self.base = render(values)
        self.refused: dict[Steps, Effect] = {}
        if self.base.refusal:
            self._lift_refusal()
        again = render(self.values) if not self.base.refusal else self.base
        self.unstable = tuple(self.reader.changes(self.base.documents, again.documents))
        self._unstable = set(self.unstable)

    def _lift_refusal(self) -> None:
        """Take out the value that the chart refuses, if it is one."""
        for path, value in leaves(self.values):
            lesser = without(self.values, path)
            rendered = self.render(lesser)
            if not rendered.refusal:
                self.refused[path] = Effect(REFUSED, default=self._default(path, value), why=self.base.refusal)
                self.values, self.base = lesser, rendered
                return

    def judged(self) -> ChartEffects:
        if self.base.refusal:
            return ChartEffects({}, self.base, ())
        found = dict(self.refused)
        idle: list[Steps] = []
        own = self.own(self.values)
        for path, value in leaves(self.values):
            default = self._default(path, value)
            mine = self._own(own, path)
            equal = bool(default) and same(default[0], value)
            changes = [] if equal else self._changes(self.values, path)
            if isinstance(changes, str):
                found[path] = Effect(LIVE, default=default, why=f"without it the chart does not render: {changes}")
            elif changes:
                found[path] = self._live(changes, default)
            elif mine is not None:
                found[path] = mine
            elif equal:
                found[path] = Effect(DEFAULT)
            elif path in self._conditions and (kinds := self._kinds(path)):
                found[path] = self._live(kinds, default)
            else:
                idle.append(path)
        found |= self._idle(idle)
        return ChartEffects({pointer(path): found[path] for path in sorted(found)}, self.base, self.unstable)

    def _default(self, path: Steps, value: Any) -> tuple[Any, ...]:
        """Return the chart's own value at a path, () where it has none; maps stand only beside maps."""
        default = get(self.chart.values, path)
        return () if default is ABSENT or (isinstance(default, Mapping) and value != {}) else (default,)

    def _changes(
        self, values: Mapping[str, Any], *paths: Steps, below: Rendering | None = None
    ) -> list[ObjectChange] | str:
        """Return what `values` change by what stands at `paths`; why the chart refuses to be without it."""
        rendered = self.render(without(values, *paths))
        if rendered.refusal:
            return rendered.refusal
        changes = self.reader.changes((below or self.base).documents, rendered.documents)
        return [each for each in changes if each not in self._unstable]

    def _kinds(self, path: Steps) -> list[ObjectChange]:
        """Return which kinds beside the templates come and go with the value that switches a subchart."""
        whole, lesser = self.render(self.values, crds=True), self.render(without(self.values, path), crds=True)
        changes = self.reader.changes(whole.documents, lesser.documents)
        return [] if lesser.refusal else [each for each in changes if each not in self._unstable]

    def _own(self, own: Rendering, path: Steps) -> Effect | None:
        """Return what a value does to our own manifests, None for nothing; switches at the top are the bundler's."""
        lesser = self.own(without(self.values, path))
        if lesser.refusal and not own.refusal:
            return Effect(OWN, why=f"without it our manifest does not render: {lesser.refusal}")
        changes = self.reader.changes(own.documents, lesser.documents)
        if changes:
            return Effect(OWN, changes=_first(changes), more=_rest(changes))
        switch = len(path) == 1 and path[0] in SWITCHES
        return Effect(OWN, why="says whether the component is deployed") if switch else None

    def _live(self, changes: Sequence[ObjectChange], default: tuple[Any, ...], shared: Sequence[Steps] = ()) -> Effect:
        return Effect(
            LIVE,
            changes=_first(changes),
            more=_rest(changes),
            default=default,
            shared=tuple(map(pointer, shared)),
        )

    def _idle(self, idle: list[Steps]) -> dict[Steps, Effect]:
        """Return the effects of values without which nothing changes, as long as all the others stay."""
        found: dict[Steps, Effect] = {}
        if len(idle) > 1 and self._changes(self.values, *idle):
            found = self._shared(idle)
        found |= {path: self._dead(path) for path in idle if path not in found}
        return found

    def _shared(self, idle: Sequence[Steps]) -> dict[Steps, Effect]:
        """Return the effects of values that say the same as others: each alone may go, all of them may not."""
        gone: list[Steps] = []
        found: dict[Steps, Effect] = {}
        for path in idle:
            if not self._changes(self.values, *gone, path):
                gone.append(path)
                continue
            others = [each for each in gone if self._changes(self.values, each, path)]
            changes = self._changes(self.values, *(others or gone), path)
            listed = [] if isinstance(changes, str) else changes
            for each in (path, *others):
                rest = [other for other in (path, *others) if other != each]
                found[each] = self._live(listed, self._default(each, get(self.values, each)), rest)
        return found

    def _dead(self, path: Steps) -> Effect:
        """Return why a value changes nothing."""
        value = get(self.values, path)
        default = self._default(path, value)
        if value == {} and default and default[0]:
            why = "an empty map takes nothing away from the chart's own; null would"
            return Effect(DEAD, default=default, why=why)
        probed = self._probe(path, value)
        if probed is not None:
            return probed
        known = known_steps(self.chart, path)
        if known < len(path):
            why = f"the chart has no {pointer(path[: known + 1])}" if self.chart.name else "no manifest reads it"
            return Effect(DEAD, default=default, near=nearest_pointer(self.chart, path, known), why=why)
        switch = self._switch(path)
        if switch:
            return Effect(DEAD, default=default, switch=pointer(switch), why=f"{pointer(switch)} switches it off")
        return Effect(
            DEAD, default=default, why="the chart has it, and nothing that it renders with these values reads it"
        )

    def _probe(self, path: Steps, value: Any) -> Effect | None:
        """Return the effect of a value that is read, as another one in its place changes something; else None."""
        other = with_value(self.values, path, other_value(value))
        if self.reader.changes(self.own(self.values).documents, self.own(other).documents):
            return Effect(OWN, why="our manifests come to the same without it")
        rendered = self.render(other)
        changes = self.reader.changes(self.base.documents, rendered.documents)
        if rendered.refusal or [each for each in changes if each not in self._unstable]:
            return Effect(DEFAULT, default=self._default(path, value), why="the chart comes to the same without it")
        return None

    def _switch(self, path: Steps) -> Steps:
        """Return the value that keeps another from having an effect, () where none was found."""
        tried = 0
        for switch, other in switches(self.chart, self.values, path):
            tried += 1
            if tried > MOST_SWITCHES:
                break
            turned = with_value(self.values, switch, other)
            rendered = self.render(turned)
            if rendered.refusal or rendered.documents == self.base.documents:
                continue
            again = self.render(turned) if self.unstable else rendered
            noise = set(self.reader.changes(rendered.documents, again.documents)) | self._unstable
            changes = self._changes(turned, path, below=rendered)
            if isinstance(changes, str) or [each for each in changes if each not in noise]:
                return switch
        return ()


def _first(changes: Sequence[ObjectChange]) -> tuple[str, ...]:
    return tuple(each.text() for each in changes[:MOST_CHANGES])


def _rest(changes: Sequence[ObjectChange]) -> int:
    return max(0, len(changes) - MOST_CHANGES)
