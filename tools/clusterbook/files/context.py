"""The context of a command: environment, home and clock, read once so that all that comes after is told them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple


class Context(NamedTuple):
    """The environment, the home of the user and the time."""

    environment: Mapping[str, str]
    home: Path
    now: datetime

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Context:
        """Return the context of this process."""
        return cls(environment, Path(environment.get("HOME") or "/"), datetime.now(UTC))
