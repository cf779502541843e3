"""What freshness found, as a table, as data, and as the change of one pin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.freshness.age import BEHIND, UNKNOWN, PinAge
from clusterbook.freshness.pins import ChartPin

HEADING = ["COMPONENT", "PINNED", "NEWEST", "BEHIND", "AGE", "WAITING", "WHERE"]


def rows(found: Sequence[PinAge]) -> list[list[str]]:
    """Return one row for each pin; what is not known is a dash."""
    return [
        [
            each.pin.component,
            each.pin.version,
            each.newest or "-",
            "-" if each.state == UNKNOWN else str(each.behind),
            _days(each.age_days),
            _days(each.waiting_days),
            each.pin.layer or "registry",
        ]
        for each in found
    ]


def _days(number: int | None) -> str:
    return "-" if number is None else f"{number} d"


def gaps(found: Sequence[PinAge]) -> list[str]:
    """Return a line for each pin of which nothing is known, and why."""
    return [
        f"not known: {each.pin.component} {each.pin.version}: {each.why}" for each in found if each.state == UNKNOWN
    ]


def document(found: Sequence[PinAge], date: str) -> dict[str, Any]:
    """Return all of it as data."""
    states = [each.state for each in found]
    return {
        "date": date,
        "pins": len(found),
        "behind": states.count(BEHIND),
        "unknown": states.count(UNKNOWN),
        "components": [each.document() for each in found],
    }


def as_json(found: Sequence[PinAge], date: str) -> str:
    """Return all of it as JSON."""
    return json.dumps(document(found, date), indent=2) + "\n"


def bumped(text: str, pin: ChartPin, version: str) -> str:
    """Return the source that pins a chart with another version in its place; nothing else of it changes.

    Raises:
        InvalidRequest: the pin does not stand where it should.
    """
    lines = text.splitlines(keepends=True)
    line = lines[pin.place.line - 1] if 0 < pin.place.line <= len(lines) else ""
    head, tail = line[: pin.place.column - 1], line[pin.place.column - 1 :]
    for quote in ('"', "'", ""):
        old, new = (f"{quote}{word}{quote}" for word in (pin.version, version))
        if tail.startswith(old) and (quote or not tail[len(old) : len(old) + 1].strip()):
            lines[pin.place.line - 1] = head + new + tail[len(old) :]
            return "".join(lines)
    what = f"{pin.component} {pin.version} is not pinned at {pin.place.file}:{pin.place.line}:{pin.place.column}"
    raise InvalidRequest(what, hint="change the version by hand")


def choose(found: Sequence[ChartPin], component: str) -> list[ChartPin]:
    """Return the pins of one component, all of them where none is named."""
    return [pin for pin in found if not component or pin.component == component]
