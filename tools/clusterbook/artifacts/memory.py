"""Memory: what is remembered of each source between two visits, so that it cannot show something older the next time.

A file that cannot be read counts as nothing remembered; one that cannot be written is said aloud, since the next visit
is then as good as the first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from clusterbook.artifacts.freshness import RollbackState, parse_rollback_state
from clusterbook.oci.blob_file import lock_file

_LARGEST_BYTES = 1 << 20


class Memory(NamedTuple):
    """The folder with one file for each source."""

    folder: Path

    def recall(self, source: str) -> RollbackState | None:
        """Return what is remembered of a source, None for nothing."""
        try:
            with self._file(source).open("rb") as file:
                return parse_rollback_state(json.loads(file.read(_LARGEST_BYTES)))
        except (OSError, ValueError, RecursionError):
            return None

    def remember(self, source: str, seen: RollbackState) -> str:
        """Keep what was seen of a source, unless somebody saw something newer meanwhile.

        Returns what the user has to hear, "" when all went well.
        """
        if self.recall(source) == seen:
            return ""
        file = self._file(source)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with lock_file(file.with_suffix(".lock")):
                known = self.recall(source)
                if known is None or known.sequence <= seen.sequence:
                    fresh = file.with_suffix(f".{os.getpid()}")
                    fresh.write_text(json.dumps({"source": source, **seen.document()}, sort_keys=True), "utf-8")
                    fresh.replace(file)
        except OSError as error:
            return f"{file} cannot be written ({error.strerror}): an older index would not be noticed the next time"
        return ""

    def forget(self, source: str) -> bool:
        """Forget a source; return whether anything was known of it."""
        try:
            self._file(source).unlink()
        except FileNotFoundError:
            return False
        return True

    def _file(self, source: str) -> Path:
        return self.folder / f"{sha256(source.encode()).hexdigest()[:32]}.json"


def memory(environment: Mapping[str, str], home: Path) -> Memory:
    """Return where this user's memory is. Source: XDG base directory specification."""
    state = Path(environment.get("XDG_STATE_HOME", ""))
    return Memory((state if state.is_absolute() else home / ".local" / "state") / "clusterbook" / "seen")
