"""Durations: how long something may take, as people write it: 90s, 5m, 1h30m. Source: Go's time.ParseDuration."""

from __future__ import annotations

import re

from clusterbook.diagnostics.errors import InvalidRequest

_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds(text: str) -> float:
    """Return a duration in seconds.

    Raises:
        InvalidRequest: it is written otherwise, or is nothing at all.
    """
    parts = _PART.findall(text)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not total:
        raise InvalidRequest(f"'{text}' is no duration", hint="write 90s, 5m or 1h30m")
    return total
