"""Notes: what there is to know about an upgrade, and to do."""

from __future__ import annotations

from clusterbook.records import NamedTuple


class UpgradeNote(NamedTuple):
    """What there is to know, and what to do about it; `needs_you` says that nobody else does it."""

    topic: str
    text: str
    do: str = ""
    needs_you: bool = False
