"""The site: pages, a static API and feeds, from the catalog and the ledger.

    gather ─ authored pages and the frame, by a generator ─ pages, api, feeds ─ links ─ one folder, all at once

One straight way, the same for a whole site and for a preview, which makes each file when somebody looks at it.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import click

from clusterbook.diff.export import Exporter
from clusterbook.files.write import write_folder
from clusterbook.site import api, feeds, frame, guide, links, mkdocs, pages
from clusterbook.site.model import SiteData
from clusterbook.site.recipe_yaml import RecipeWriter

MARKER = "api/v1/index.json"
"""This file marks a folder as a site of ours, which may be replaced."""
Programs = Mapping[str, click.Group]
PageProgress = Callable[[str, str], object]


def build(
    data: SiteData,
    sources: Path,
    output: Path,
    programs: Programs,
    *,
    generator: str = "mkdocs",
    url: str = "",
    progress: PageProgress = lambda _phase, _name: None,
) -> int:
    """Render the site into the folder `output`, replacing it as a whole; return how many files it has.

    Args:
        data: what the site knows.
        sources: the folder with mkdocs.yml, docs/, templates/ and assets/.
        output: where the site goes.
        programs: whose commands the guide describes, by name.
        generator: who makes authored pages, a module: mkdocs or properdocs.
        url: where the site will stand, "" when nobody knows: then nothing in it says.
        progress: hears what is being made.

    Raises:
        BrokenPageTemplate: a template asks for what does not exist.
        BrokenSite: a link leads nowhere, or the generator fails.
        Unwritable: the folder cannot be written.
    """
    with _seldom_collected():
        progress("authored pages", generator)
        made = files(data, sources, programs, generator=generator, url=url)
        return len(write_folder(output, _counted(made, progress), marker=MARKER))


def _counted(made: Iterable[tuple[str, bytes]], progress: PageProgress) -> Iterator[tuple[str, bytes]]:
    """Yield what is made, telling of each."""
    for number, (path, content) in enumerate(made, 1):
        progress("catalog pages", f"{number:,} files, {path}")
        yield path, content


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Keep the collector from what lives to the end anyway: all that is known of the catalog. A tenth of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def files(
    data: SiteData, sources: Path, programs: Programs, *, generator: str = "mkdocs", url: str = ""
) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of every file of the site; raises as `build`, at the latest behind the last file."""
    with tempfile.TemporaryDirectory(prefix="clusterbook-site-") as work:
        built = mkdocs.run(sources, Path(work), guide.pages(programs), program=generator, url=url, date=data.date)
    checker = links.LinkChecker(url)
    digests = {}
    for path, make in makers(data, sources, built, url=url):
        content = make()
        checker.add(path, content)
        if path.startswith("api/") and not path.endswith(".html"):
            digests[path.removeprefix("api/")] = f"sha256:{sha256(content).hexdigest()}"
        yield path, content
    yield "api/v1/catalog.json", api.inventory(data, digests)
    checker.add("api/v1/catalog.json", b"")
    checker.check()


def makers(
    data: SiteData, sources: Path, built: Mapping[str, bytes], *, url: str = ""
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield path and maker of every file but the inventory; pages are rendered when their maker is called.

    Args:
        data: what the site knows.
        sources: the folder with the templates.
        built: what the generator made: authored pages, the frame, the theme's files.
        url: as for `build`.

    Raises:
        BrokenSite: the frame lacks a mark. A maker raises as `build`.
    """
    shell = frame.read(built, sources)
    noted = [release.name for release in data.releases if f"changes/to-{release.name}.html" in built]
    renderer = pages.Renderer(data, sources / "templates", url=url, noted=noted)
    writer, exporter = RecipeWriter(), Exporter()
    entries: list[tuple[str, str, str]] = []
    authored = [path for path in built if path.endswith(".html") and path not in ("404.html", frame.SHELL)]

    def file(page: frame.Page) -> tuple[str, Callable[[], bytes]]:
        if page.entry is not None:
            entries.append((page.path, page.title, page.entry))
        return page.path, lambda: shell.page(page, renderer.footer(page.path))

    for summary in data.recipes:
        yield from map(file, renderer.recipe(summary))
        yield from api.recipe_files(data, summary, writer, exporter)
        for version in summary.versions:
            page = f"recipes/{summary.slug}/{version.number}.html"
            title = f"{summary.slug} {version.number} by its digest"
            by_digest = f"recipes/d/{version.digest.removeprefix('sha256:')[:12]}.html"
            yield by_digest, partial(pages.redirect, by_digest, page, title)
    yield from map(file, renderer.other_pages())
    for path, content in (*api.files(data), *feeds.files(data, url)):
        yield path, partial(bytes, content)
    for path, content in built.items():
        if path.endswith(".html") and path != frame.SHELL:
            yield path, partial(_fill, shell, renderer, path, content)
        elif path.startswith("search/search_index"):
            yield path, partial(frame.search_index, path, content, entries)
        elif path not in ("sitemap.xml", "sitemap.xml.gz", frame.SHELL):
            yield path, partial(bytes, content)
    if url:
        yield "sitemap.xml", partial(frame.sitemap, url, sorted([*authored, *(path for path, _, _ in entries)]))


def _fill(shell: frame.Frame, renderer: pages.Renderer, path: str, content: bytes) -> bytes:
    """Return an authored page with what its marks stand for."""
    return shell.fill(path, content, renderer.fragments, renderer.footer(path))
