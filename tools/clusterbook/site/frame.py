"""The frame: what surrounds every page, taken from the pages that the generator made.

Marks in those pages say where what belongs to one page goes; a mark that is missing is an error, never a gap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from clusterbook.site.errors import BrokenSite

SHELL = "_/shell.html"
FOOTER = "<!-- catalog:footer -->"
_MARK = re.compile(r"<!-- catalog:([a-z]+) -->")
_TOC = re.compile(r'<li class="md-nav__item">\s*<a href="#catalog-toc".*?</li>', re.DOTALL)
_BODY = re.compile(r"<!-- catalog:begin -->.*<!-- catalog:end -->", re.DOTALL)
_ABOVE = re.compile(r'(?<=")\.\.(?=[/"])')
_SLOT = re.compile(r"(@@TITLE@@|@@DESCRIPTION@@|@@BODY@@|@@TOC@@|@@HEAD@@|<!-- catalog:footer -->|(?<=/)_/shell\.html)")


@dataclass(frozen=True, slots=True)
class Page:
    """One catalog page, whose body is only rendered when it is asked for.

    `toc` are (anchor, title), `data` its JSON from the site's top, `entry` what search finds, `trail` the pages above,
    (title, path), the topmost first.
    """

    path: str
    title: str
    description: str
    body: Callable[[], str]
    section: str
    toc: Sequence[tuple[str, str]] = ()
    data: str = ""
    entry: str | None = None
    feed: str = ""
    trail: Sequence[tuple[str, str]] = ()


class Frame:
    """The frame of catalog pages."""

    def __init__(self, shell: str) -> None:
        """Cut the shell page into what stays and what every page has of its own.

        Raises:
            BrokenSite: a mark is missing, because the theme changed.
        """
        shell, bodies = _BODY.subn("@@BODY@@", shell)
        shell, tocs = _TOC.subn("@@TOC@@", shell)
        if not (bodies and tocs) or FOOTER not in shell:
            raise BrokenSite("the page frame lacks a marker", hint="check docs/_/shell.md and templates/theme")
        self._shell = shell.replace("</head>", "@@HEAD@@</head>").replace('href="#title"', 'href="#top"')
        self._cuts: dict[tuple[int, str], list[str]] = {}

    def page(self, page: Page, footer: str) -> bytes:
        """Return a page in the frame."""
        depth = page.path.count("/")
        own = {
            "@@TITLE@@": escape(page.title),
            "@@DESCRIPTION@@": escape(page.description),
            "@@BODY@@": _trail(page, "../" * depth) + page.body(),
            "@@TOC@@": "".join(
                f'<li class="md-nav__item"><a href="#{anchor}" class="md-nav__link">'
                f'<span class="md-ellipsis">{escape(title)}</span></a></li>'
                for anchor, title in page.toc
            ),
            "@@HEAD@@": _head(page, "../" * depth),
            FOOTER: footer,
            SHELL: escape(page.path),
        }
        return "".join(own.get(piece, piece) for piece in self._pieces(depth, page.section)).encode()

    def _pieces(self, depth: int, section: str) -> list[str]:
        """Return the shell as a page of `section` at `depth` has it, cut at its slots."""
        if (depth, section) not in self._cuts:
            above = "/".join([".."] * depth) or "."
            text = _ABOVE.sub(above, self._shell)
            lead = f'href="{above}/{section}'
            at = text.find(lead, text.find("md-tabs__list"))
            item = text.rfind('class="md-tabs__item', 0, at)
            if section and at > 0 and item > 0:
                end = item + len('class="md-tabs__item')
                text = f"{text[:end]} md-tabs__item--active{text[end:]}"
            self._cuts[depth, section] = _SLOT.split(text)
        return self._cuts[depth, section]

    def fill(self, path: str, content: bytes, fragments: Mapping[str, Callable[[str], str]], footer: str) -> bytes:
        """Return an authored page with the fragments that its marks name.

        Raises:
            BrokenSite: a mark names no fragment.
        """
        text = content.decode()

        def fragment(mark: re.Match[str]) -> str:
            name = mark[1]
            if name == "footer":
                return footer
            if name not in fragments:
                raise BrokenSite(f"{path}: there is no fragment {name}", hint=f"fragments: {', '.join(fragments)}")
            return fragments[name](path)

        return _MARK.sub(fragment, text).encode()


def read(built: Mapping[str, bytes], sources: Path) -> Frame:
    """Return the frame that is in what the generator made.

    Raises:
        BrokenSite: it is not there, or lacks a mark.
    """
    shell = built.get(SHELL)
    if shell is None:
        raise BrokenSite(f"{sources / 'docs' / '_' / 'shell.md'} is missing", hint="every page gets its frame from it")
    return Frame(shell.decode())


def _trail(page: Page, above: str) -> str:
    """Return the way from the top to a page, "" where it begins there."""
    if not page.trail:
        return ""
    steps = "".join(f'<li><a href="{above}{escape(path)}">{escape(title)}</a></li>' for title, path in page.trail)
    return f'<nav class="cb-trail" aria-label="Way to this page"><ol>{steps}</ol></nav>'


def _head(page: Page, above: str) -> str:
    links = []
    if page.data:
        links.append(f'<link rel="alternate describedby" type="application/json" href="{above}{page.data}">')
    if page.feed:
        links.append(f'<link rel="alternate feed" type="application/atom+xml" href="{above}{page.feed}">')
    return "".join(links)


def search_index(path: str, content: bytes, entries: Sequence[tuple[str, str, str]]) -> bytes:
    """Return the search index with (path, title, text) of catalog pages in it."""
    text = content.decode()
    lead, brace, rest = text.partition("{")
    index = json.loads(brace + rest.rstrip().rstrip(";"))
    index["docs"] = [doc for doc in index["docs"] if not doc["location"].startswith(("_/", "decisions/"))]
    index["docs"] += [
        {"location": path, "title": escape(title), "text": escape(words)} for path, title, words in entries
    ]
    tail = ";" if path.endswith(".js") and text.rstrip().endswith(";") else ""
    return f"{lead}{json.dumps(index, ensure_ascii=False, separators=(',', ':'))}{tail}".encode()


def sitemap(url: str, paths: Sequence[str]) -> bytes:
    """Return the sitemap of a site that stands at `url`."""
    places = "".join(f"<url><loc>{escape(url.rstrip('/'))}/{escape(path)}</loc></url>" for path in paths)
    head = '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    return f"{head}{places}</urlset>\n".encode()
