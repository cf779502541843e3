"""File names: which ones mean the same on every system, and do not get in each other's way.

Knows what a name may look like that travels in an archive or a bundle. Does not know any file.
"""

from __future__ import annotations

from clusterbook.diagnostics.transport import UnsafeArchive


class Names:
    """The names in one archive, as far as they have been seen."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def check(self, name: str, archive: str = "the archive") -> None:
        """Take note of a name.

        Raises:
            UnsafeArchive: it is not a plain relative one, or in the way of one that was there before.
        """
        parts = name.split("/")
        if any(part in ("", ".", "..") or part != part.strip() for part in parts) or not _plain_text(name):
            raise UnsafeArchive(f"{archive}: the name {name[:200]!a} is not a plain relative one")
        folded = name.casefold()
        other = self._seen.get(folded) or self._folders.get(folded)
        if other is not None:
            raise UnsafeArchive(f"{archive}: {name!a} is in the way of {other!a}")
        self._seen[folded] = name
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            spelled = self._folders.setdefault(folder.casefold(), folder)
            if spelled != folder or folder.casefold() in self._seen:
                raise UnsafeArchive(f"{archive}: {name!a} is in the way of {spelled!a}")


def _plain_text(name: str) -> bool:
    """Return whether a name means the same on every system: no backslash, no colon, nothing that cannot be seen."""
    return name.isprintable() and not set(name) & set('\\:*?"<>|')
