"""Parts: one component of one recipe, as a page shows it.

Knows how the content of a component and its origins become rows. The same way for what the sources say now and for what
the ledger recorded, so that a version that was published looks as it did on its day. Does not know HTML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.documents.selector import from_pointer, locate, spell
from clusterbook.resolve.document import escape
from clusterbook.resolve.provenance_ import Brief
from clusterbook.site.broken_ import BrokenSite

Document = dict[str, Any]
_SHOWN = 160
"""Most characters of a value that a row shows; the rest is in the JSON."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one layer said about one value; `file` and `line` are where, `removed` that it took the value away."""

    layer: str
    file: str
    line: int
    text: str
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One value: its path as `query` takes it, what it is, and all that was said about it, the winner last."""

    path: str
    text: str
    full: str
    said: tuple[Said, ...]
    removed: bool = False

    @property
    def by(self) -> str:
        """Return the layer that had the last word."""
        return self.said[-1].layer if self.said else ""


@dataclass(frozen=True, slots=True)
class Part:
    """One component as one or more recipes resolve it; `key` is the same for the same part.

    `document` is its entry in a recipe's content, `winners` who had the last word about each pointer in it.
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
    manifests: tuple[str, ...]
    has_health_check: bool
    rows: tuple[Row, ...]
    facts: tuple[Row, ...]
    document: Document
    winners: Mapping[str, Said]

    @property
    def named(self) -> str:
        """Return what is deployed: the chart, or the Git path of a kustomization."""
        return self.chart or ("manifests" if not self.source else self.kind)

    @property
    def varied(self) -> int:
        """Return how many of its values some layer but the component's own values file set."""
        return sum(not row.by.startswith("components/") for row in self.rows)


_FACTS = ("version", "tag", "namespace", "chart", "source", "path", "type")


def read_part(component: Document, origins: Mapping[str, Brief], key: str) -> Part:
    """Return the part that `component`, an entry of a recipe's content, is; origins are by pointer below it.

    Raises:
        BrokenSite: something in it has no origin.
    """
    needs = tuple(str(name) for name in component.get("dependencyRefs", ()))
    return Part(
        key=key,
        name=component["name"],
        kind=component.get("type", ""),
        version=component.get("version") or component.get("tag") or "",
        chart=component.get("chart", ""),
        source=component.get("source", ""),
        namespace=component.get("namespace", ""),
        needs=needs,
        images=tuple(component.get("images", ())),
        manifests=tuple(component.get("manifests", ())),
        has_health_check="healthCheck" in component,
        rows=tuple(_rows(component, origins)),
        facts=tuple(
            Row(
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
    )


def _with_overrides(found: Mapping[str, Said]) -> dict[str, Said]:
    """Return winners with those of the overrides, which are the values that layers say themselves."""
    over = {
        f"/overrides/{at.removeprefix('/values/')}": said for at, said in found.items() if at.startswith("/values/")
    }
    return {**found, **over}


def winners(origins: Mapping[str, Brief]) -> dict[str, Said]:
    """Return who had the last word, by pointer."""
    return {pointer: history(found, None)[-1] for pointer, found in origins.items() if found}


def _rows(component: Document, origins: Mapping[str, Brief]) -> Iterator[Row]:
    """Yield a row for each value, those that a layer removed included."""
    values = component.get("values", {})
    for pointer in _leaves(values, "/values") if values else ():
        origin(origins, pointer, component["name"])
    for pointer, found in sorted(origins.items()):
        if not pointer.startswith("/values/"):
            continue
        steps = from_pointer(pointer)[1:]
        if not isinstance(found, str) and found[-1].get("removed"):
            yield Row(spell(steps), "", "", history(found, None), removed=True)
            continue
        value = locate(values, steps)[1]
        yield Row(spell(steps), shown(value), compact(value), history(found, value))


def _leaves(value: Any, pointer: str) -> Iterator[str]:
    """Yield the pointer of every scalar, list and empty map."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{pointer}/{escape(key)}")
    else:
        yield pointer


def origin(origins: Mapping[str, Brief], pointer: str, owner: str) -> Brief:
    """Return the origins of what is at `pointer` in `owner`.

    Raises:
        BrokenSite: there are none; nothing is shown of which nobody can say who set it.
    """
    if pointer not in origins:
        raise BrokenSite(
            f"{owner}: {pointer} has no origin", hint="its merging loses who said it; see clusterbook explain"
        )
    return origins[pointer]


def history(found: Brief, value: Any) -> tuple[Said, ...]:
    """Return what was said, the winner last, out of origins in few words; `value` is what came of it."""
    if isinstance(found, str):
        found = [{"by": found, "value": value}]
    return tuple(_said(each) for each in found)


def _said(each: Mapping[str, Any]) -> Said:
    layer, _, place = each["by"].partition(" ")
    file, _, position = place.partition(":")
    line = position.partition(":")[0]
    return Said(layer, file, int(line or 1), shown(each.get("value")), bool(each.get("removed")))


def compact(value: Any) -> str:
    """Return a value on one line: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def shown(value: Any) -> str:
    """Return a value as a row shows it; text that could be taken for something else is quoted."""
    text = compact(value)
    if isinstance(value, str) and (not text or text.strip() != text or _is_json(text)):
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _is_json(text: str) -> bool:
    return text in ("true", "false", "null") or text[0] in '"[{' or text.replace(".", "", 1).lstrip("-").isdecimal()
