"""Snapshotting: what was collected, made into the document that was asked for.

Knows the clock, who is asking, and the forms in which a snapshot is written. Does not know how anything is collected.
Source: reference rows S31-S34.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clusterbook.cli.render import render, table
from clusterbook.evidence import redact
from clusterbook.lookup.find import open_shelf
from clusterbook.validate import checks

Document = dict[str, Any]

_WIDEST = 100
"""Longest value in a table."""
_SHOWN = 10
"""Most gaps that are told one by one."""


def redacted(taken: Document) -> Document:
    """Return a snapshot that may be shown: names stay where one of the published recipes says them."""
    words: set[str] = set()
    namespaces: set[str] = set()
    shelf = open_shelf({})
    for line in shelf.listing():
        said, places = redact.public_names(shelf.stored(line["slug"]))
        words |= said
        namespaces |= places
    words |= checks.words(checks.read_checks(shelf.validators()).values())
    return redact.redact(taken, words=words, namespaces=namespaces, groups=shelf.public_groups())


def written(taken: Document, form: str) -> str:
    """Return a snapshot as yaml, json or a table for people."""
    return render(taken, form, lambda _: table(["READING", "VALUE"], [list(row) for row in rows(taken)]))


def rows(taken: Document) -> Iterator[tuple[str, str]]:
    """Yield path, as a constraint writes it, and value of everything in a snapshot; objects are only counted."""
    for name, entry in sorted((taken.get("fingerprint") or {}).items()):
        said = entry if isinstance(entry, dict) else {"value": entry}
        yield f"fingerprint.{name}", " ".join(_short(said[key]) for key in ("value", "version", "note") if key in said)
    for measurement in taken["measurements"]:
        for group in measurement["subtypes"]:
            name = f'"{group["subtype"]}"' if "." in group["subtype"] else group["subtype"]
            below = [(name, group["data"])]
            below += [(f"{name}[{number}]", item["data"]) for number, item in enumerate(group.get("items") or ())]
            for place, data in below:
                for key, value in sorted(data.items()):
                    yield f"{measurement['type']}.{place}.{key}", _short(value)
    for group in taken.get("objects") or ():
        yield f"objects/{group['apiVersion']}/{group['kind']}", str(len(group["items"]))
    for each in taken.get("releases") or ():
        yield f"releases/{each.get('namespace', '')}/{each['name']}", f"{each.get('chart')} {each.get('version')}"


def _short(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def gaps(taken: Document) -> tuple[str, ...]:
    """Return a sentence for each thing that could not be seen, so that nobody overlooks it."""
    found = taken.get("coverage") or []
    said = [f"not seen: {gap['part']} ({gap['state']}): {gap.get('reason', 'no reason given')}" for gap in found]
    more = [f"not seen: {len(said) - _SHOWN} more; see coverage"] if len(said) > _SHOWN else []
    return (*said[:_SHOWN], *more)
