"""Parts: one component of one recipe, as a page shows it.

The content of a component and its origins become rows, the same way for what the sources say now and for what the
ledger recorded, so that a version that was published looks as it did on its day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.catalog.images import pattern
from clusterbook.catalog.proofs import Effect, Proof
from clusterbook.documents.selector import from_pointer, locate, spell
from clusterbook.mirror.list import recorded_gaps
from clusterbook.resolve.document import Brief, escape
from clusterbook.resolve.recipe import ComponentRef
from clusterbook.site.errors import BrokenSite

Document = dict[str, Any]
_SHOWN = 160
"""Most characters of a value that a row shows; the rest is in the JSON."""


@dataclass(frozen=True, slots=True)
class OriginView:
    """What one layer set a value to; `file` and `line` are where, `removed` that it took the value away."""

    layer: str
    file: str
    line: int
    text: str
    removed: bool = False


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value: its path as `query` takes it, what it is, and every layer that set it, the winner last."""

    path: str
    text: str
    full: str
    origins: tuple[OriginView, ...]
    removed: bool = False
    effect: Effect | None = None

    @property
    def does(self) -> str:
        """Return what the value changes first and how much besides, all of it is with `explain`; "" where unproven."""
        effect = self.effect
        if effect is None:
            return ""
        more = len(effect.changes) - 1 + effect.more
        said = f"{effect.changes[0]}{f' and {more} more' if more else ''}" if effect.changes else effect.why
        default = f"; chart default: {row_text(effect.default[0])}" if effect.default else ""
        return f"{said}{default}".removeprefix("; ")

    @property
    def by(self) -> str:
        """Return the layer that had the last word."""
        return self.origins[-1].layer if self.origins else ""


@dataclass(frozen=True, slots=True)
class PartView:
    """One component as one or more recipes resolve it; `key` is the same for the same part.

    `image_gaps` say what its images lack, and why. `document` is its entry in a recipe's content, `winners` who had the
    last word about each pointer in it. `proof` is None where nobody has rendered it.
    """

    key: str
    name: str
    kind: str
    version: str
    chart: str
    source: str
    namespace: str
    needs: tuple[str, ...]
    images: tuple[str, ...]
    image_gaps: tuple[str, ...]
    manifests: tuple[str, ...]
    has_health_check: bool
    rows: tuple[ValueRow, ...]
    facts: tuple[ValueRow, ...]
    document: Document
    winners: Mapping[str, OriginView]
    proof: Proof | None = None

    @property
    def deployable(self) -> str:
        """Return what is deployed: the chart, or the Git path of a kustomization."""
        return self.chart or ("manifests" if not self.source else self.kind)

    @property
    def proven(self) -> bool:
        """Return whether it is known of any value what it does."""
        return any(row.effect is not None for row in self.rows)

    @property
    def override_count(self) -> int:
        """Return how many of its values some layer other than the component's own values file set."""
        return sum(not row.by.startswith("components/") for row in self.rows)


_FACTS = ("version", "tag", "namespace", "chart", "source", "path", "type")


def part_view(component: Document, origins: Mapping[str, Brief], key: str, proof: Proof | None = None) -> PartView:
    """Return the part that `component`, an entry of a recipe's content, is; origins are by pointer below it.

    `proof` is what is known of its values and its chart.

    Raises:
        BrokenSite: something in it has no origin.
    """
    needs = tuple(str(name) for name in component.get("dependencyRefs", ()))
    return PartView(
        key=key,
        name=component["name"],
        kind=component.get("type", ""),
        version=component.get("version") or component.get("tag") or "",
        chart=component.get("chart", ""),
        source=component.get("source", ""),
        namespace=component.get("namespace", ""),
        needs=needs,
        images=(
            *component.get("images", ()),
            *(pattern(each["image"], each["suffix"]) for each in component.get("imageVariants", ())),
        ),
        image_gaps=tuple(gap.sentence for gap in recorded_gaps(ComponentRef(component))),
        manifests=tuple(component.get("manifests", ())),
        has_health_check="healthCheck" in component,
        rows=tuple(_rows(component, origins, proof.effects if proof else {})),
        facts=tuple(
            ValueRow(
                field,
                str(component[field]),
                str(component[field]),
                history(origin(origins, f"/{field}", component["name"]), component[field]),
            )
            for field in _FACTS
            if component.get(field)
        ),
        document=component,
        winners=_with_overrides(winners(origins)),
        proof=proof,
    )


def _with_overrides(values: Mapping[str, OriginView]) -> dict[str, OriginView]:
    """Return winners with those of the overrides, which are the values that layers say themselves."""
    overrides = {
        f"/overrides/{pointer.removeprefix('/values/')}": origin
        for pointer, origin in values.items()
        if pointer.startswith("/values/")
    }
    return {**values, **overrides}


def winners(origins: Mapping[str, Brief]) -> dict[str, OriginView]:
    """Return who had the last word, by pointer."""
    return {pointer: history(brief, None)[-1] for pointer, brief in origins.items() if brief}


def _rows(component: Document, origins: Mapping[str, Brief], effects: Mapping[str, Effect]) -> Iterator[ValueRow]:
    """Yield a row for each value, those that a layer removed included."""
    values = component.get("values", {})
    for pointer in _leaves(values, "/values") if values else ():
        origin(origins, pointer, component["name"])
    for pointer, brief in sorted(origins.items()):
        if not pointer.startswith("/values/"):
            continue
        steps = from_pointer(pointer)[1:]
        if not isinstance(brief, str) and brief[-1].get("removed"):
            yield ValueRow(spell(steps), "", "", history(brief, None), removed=True)
            continue
        value = locate(values, steps)[1]
        effect = effects.get(pointer.removeprefix("/values"))
        yield ValueRow(spell(steps), row_text(value), compact(value), history(brief, value), effect=effect)


def _leaves(value: Any, pointer: str) -> Iterator[str]:
    """Yield the pointer of every scalar, list and empty map."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _leaves(child, f"{pointer}/{escape(key)}")
    else:
        yield pointer


def origin(origins: Mapping[str, Brief], pointer: str, owner: str) -> Brief:
    """Return the origins of what is at `pointer` in `owner`.

    Raises:
        BrokenSite: there are none; nothing is shown of which nobody can say who set it.
    """
    if pointer not in origins:
        raise BrokenSite(
            f"{owner}: {pointer} has no origin", hint="its origin is lost in merging; see clusterbook explain"
        )
    return origins[pointer]


def history(brief: Brief, value: Any) -> tuple[OriginView, ...]:
    """Return the origins of a value, the winner last, out of their brief form; `value` is what came of it."""
    if isinstance(brief, str):
        brief = [{"by": brief, "value": value}]
    return tuple(_origin_view(origin) for origin in brief)


def _origin_view(origin: Mapping[str, Any]) -> OriginView:
    layer, _, place = origin["by"].rpartition(" ")  # a layer of a profile has blanks in its name
    file, _, position = place.partition(":")
    line = position.partition(":")[0]
    return OriginView(layer, file, int(line or 1), row_text(origin.get("value")), bool(origin.get("removed")))


def compact(value: Any) -> str:
    """Return a value on one line: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def row_text(value: Any) -> str:
    """Return a value as a row shows it; text that could be taken for something else is quoted."""
    text = compact(value)
    if isinstance(value, str) and (not text or text.strip() != text or _is_json(text)):
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _is_json(text: str) -> bool:
    return text in ("true", "false", "null") or text[0] in '"[{' or text.replace(".", "", 1).lstrip("-").isdecimal()
