"""Links: that each leads somewhere.

All pages are looked at as they will lie, whoever wrote them; one dead link and nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

from clusterbook.site.errors import BrokenSite

_ELSEWHERE = re.compile(r"(?:[a-z]+:|//)")
_SHOWN = 10


class LinkChecker:
    """Collects every file once, and reports dead links at the end."""

    def __init__(self, url: str = "") -> None:
        """Begin with an empty site, which will stand at `url`."""
        self._top = urlsplit(url).path.strip("/")
        self._files: set[str] = set()
        self._ids: dict[str, frozenset[str]] = {}
        self._shared: dict[frozenset[str], frozenset[str]] = {}
        self._checked: set[tuple[str, bytes]] = set()
        self._dead: list[str] = []
        self._links: dict[tuple[str, str], str] = {}

    def add(self, path: str, content: bytes) -> None:
        """Note a file, and the links of a page."""
        self._files.add(path)
        if not path.endswith(".html"):
            return
        ids = frozenset(unescape(value.decode()) for value in _attributes(content, b"id"))
        self._ids[path] = ids = self._shared.setdefault(ids, ids)  # pages of one kind have the same, kept once
        home, climb = dirname(path), b"../" * path.count("/")
        for raw in {*_attributes(content, b"href"), *_attributes(content, b"src")}:
            folder = home
            if climb and raw.startswith(climb) and raw[len(climb) :][:1] not in (b"", b"#", b"?"):
                folder, raw = "", raw[len(climb) :]  # the same from everywhere, so looked at once
            if (folder, raw) in self._checked:
                continue
            link = unescape(raw.decode())
            if link.startswith("#"):
                if not _has(ids, unquote(link[1:])):
                    self._dead.append(f"{path} has no {link}")
                continue
            self._checked.add((folder, raw))
            if _ELSEWHERE.match(link):
                continue
            target, _, anchor = link.partition("#")
            target = unquote(target.partition("?")[0])
            if path == "404.html":  # it may be shown for any address, so its links begin at the top
                target = target.lstrip("/").removeprefix(self._top).lstrip("/") or "."
            where = normpath(join(folder, target)) if target else path
            self._links.setdefault((where, unquote(anchor)), path)

    def check(self) -> None:
        """Raise BrokenSite when a link leads nowhere."""
        dead = self._dead
        for (where, anchor), path in sorted(self._links.items()):
            file = where if where in self._files else normpath(join(where, "index.html"))
            if file not in self._files:
                dead.append(f"{path}: there is no {where}")
            elif file in self._ids and not _has(self._ids[file], anchor):
                dead.append(f"{path}: {file} has no #{anchor}")
        if dead:
            more = f" and {len(dead) - _SHOWN} more" if len(dead) > _SHOWN else ""
            raise BrokenSite(
                f"{len(dead)} dead links: {'; '.join(dead[:_SHOWN])}{more}", hint="fix the pages that have them"
            )


def _attributes(content: bytes, name: bytes) -> Iterator[bytes]:
    """Yield the values of an attribute; pages are cut at its name, which is ten times as fast as a pattern."""
    for before, piece in pairwise(content.split(name + b'="')):
        if before[-1:].isspace():
            yield piece.partition(b'"')[0]


def _has(ids: frozenset[str], anchor: str) -> bool:
    """Return whether a page with `ids` has `anchor`; the top of a page and what the theme toggles are always there."""
    return not anchor or anchor in ids or anchor.startswith("__")
