"""Memory: what is remembered of each source and of each publisher between two visits, so that neither goes back.

A source is an address; a publisher is who signed, and of which catalog: an archive under another name, or another
mirror, is another source of the same publisher. What is there and cannot be read is said aloud, as is what cannot be
written, since a visit is then as good as the first. It is on the disk, not on its way there, before anything else is
done with what was seen.
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


class MemoryRecord(NamedTuple):
    """What is remembered under a name: what was seen, where and of which release, and who signed it.

    `catalog` tells the catalogs of one publisher apart; "" where nobody asked.
    """

    state: RollbackState
    source: str = ""
    release: str = ""
    publisher: str = ""
    signer: str = ""
    issuer: str = ""
    catalog: str = ""

    def of_publisher(self) -> str:
        """Return the name under which the same is remembered of its publisher, "" where nobody signed."""
        return f"publisher {self.publisher} {self.catalog}" if self.publisher else ""


class Memory(NamedTuple):
    """The folder with one file for each name: a source, or a publisher."""

    folder: Path

    def recall(self, name: str) -> RollbackState | None:
        """Return what was seen, None for nothing."""
        record = self.record(name)
        return record.state if record else None

    def record(self, name: str) -> MemoryRecord | None:
        """Return what is remembered, None for nothing, or for what cannot be read."""
        return self._read(name)[0]

    def damage(self, name: str) -> str:
        """Return what the user has to hear where something is remembered that cannot be read, else ""."""
        why = self._read(name)[1]
        what = "whether this index is older than the last one cannot be told"
        return f"{self._file(name)} is damaged ({why}): {what}" if why else ""

    def remember(self, name: str, record: MemoryRecord, *, replaces: MemoryRecord | None = None) -> str:
        """Keep what was seen, unless somebody saw something newer meanwhile.

        Args:
            name: the source's or the publisher's.
            record: what was seen.
            replaces: what was remembered and no longer counts, whatever its number.

        Returns what the user has to hear, "" when all went well.
        """
        if self.record(name) == record:
            return ""
        file = self._file(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with lock_file(file.with_suffix(".lock")):
                current = self.record(name)
                if current is None or current == replaces or current.state.sequence <= record.state.sequence:
                    self._write(file, {"name": name, **record._asdict(), **record.state.document()})
        except OSError as error:
            return f"{file} cannot be written ({error.strerror}): an older index would not be noticed the next time"
        return ""

    def forget(self, source: str) -> bool:
        """Forget a source, and its publisher as it was seen there; return whether anything was known of it."""
        record = self.record(source)
        try:
            self._file(source).unlink()
        except FileNotFoundError:
            return False
        if record is not None and record.publisher:
            self._file(record.of_publisher()).unlink(missing_ok=True)
        return True

    def _write(self, file: Path, document: Mapping[str, object]) -> None:
        temporary = file.with_suffix(f".{os.getpid()}")
        fields = {key: value for key, value in document.items() if key != "state"}
        with temporary.open("w", encoding="utf-8") as opened:
            opened.write(json.dumps(fields, sort_keys=True))
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(file)
        if os.name == "posix":
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _read(self, name: str) -> tuple[MemoryRecord | None, str]:
        """Return what is remembered, and why it cannot be read."""
        try:
            with self._file(name).open("rb") as file:
                document = json.loads(file.read(_LARGEST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return None, ""
        except OSError as error:
            return None, str(error.strerror)
        except (ValueError, RecursionError):
            return None, "it is not JSON"
        state = parse_rollback_state(document)
        if state is None:
            return None, "it has no index number"
        words = [str(document.get(key, "")) for key in MemoryRecord._fields[1:]]
        return MemoryRecord(state, *words), ""

    def _file(self, name: str) -> Path:
        return self.folder / f"{sha256(name.encode()).hexdigest()[:32]}.json"


def memory(environment: Mapping[str, str], home: Path) -> Memory:
    """Return where this user's memory is. Source: XDG base directory specification."""
    state = Path(environment.get("XDG_STATE_HOME", ""))
    return Memory((state if state.is_absolute() else home / ".local" / "state") / "clusterbook" / "seen")
