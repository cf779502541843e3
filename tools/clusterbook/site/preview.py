"""The preview: the site on loopback, a page rendered when somebody looks at it, and anew when a source changed.

What did not change is not read again. Pages ask `/_changed` and load themselves anew when the answer moves; nothing of
that is in the site itself.
"""

from __future__ import annotations

import mimetypes
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree, with_registry
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.evidence.ledger import TRUST, LedgerEvidence, read_evidence
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.upgrades import UpgradeFacts
from clusterbook.ledger.write_releases import read_upgrades
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.resolve import matrix
from clusterbook.site import guide, mkdocs
from clusterbook.site.build import makers
from clusterbook.site.gather import gather
from clusterbook.site.versions import PublishedVersions

_AUTHORED = ("mkdocs.yml", "docs", "assets", "templates/theme")
_WATCH = b"""<script>
let seen; setInterval(async () => {
  const said = await (await fetch("/_changed")).text().catch(() => seen);
  if (seen !== undefined && said !== seen) location.reload();
  seen = said;
}, 300);
</script>"""
_LOOK_EVERY_S = 0.25
Pages = Mapping[str, Callable[[], bytes]]


class SiteSources:
    """The sources of one site: the catalog, the ledger, and the pages that people wrote."""

    def __init__(
        self, recipes: Path, registry: Path, site: Path, programs: Mapping[str, click.Group], *, published: str
    ) -> None:
        """Prepare for any number of looks."""
        self.recipes, self.registry, self.site = recipes, registry, site
        self._programs, self._published = programs, published
        self._versions: tuple[int, PublishedVersions, tuple[LedgerEvidence, ...], UpgradeFacts] | None = None
        self._built: tuple[object, Mapping[str, bytes]] | None = None

    def pages(self) -> dict[str, Callable[[], bytes]]:
        """Return a maker for each file of the site as its sources are now.

        Raises:
            SourceErrors: the sources contradict themselves, or evidence does not hold.
            BrokenLedger: the ledger is not what it should be.
            BrokenSite: the generator fails, or a mark is missing.
        """
        whole = matrix.whole(load_catalog(with_registry(read_tree(self.recipes, label="recipes"), embedded_texts)))
        versions, proofs, upgrades = self._ledger()
        data = gather(whole, versions, published=self._published, proofs=proofs, upgrades=upgrades)
        return dict(makers(data, self.site, self._generated(data.date)))

    def _ledger(self) -> tuple[PublishedVersions, tuple[LedgerEvidence, ...], UpgradeFacts]:
        trust = self.site / TRUST
        now = stamp([self.registry, trust, self.site / "keys"])
        if self._versions is None or self._versions[0] != now:
            ledger = open_ledger(self.registry)
            evidence = read_evidence(self.registry, ledger, trust)
            self._versions = (now, PublishedVersions(ledger), evidence, read_upgrades(self.registry))
        return self._versions[1:]

    def _generated(self, date: str) -> Mapping[str, bytes]:
        now = (date, stamp(self.site / name for name in _AUTHORED))
        if self._built is None or self._built[0] != now:
            with tempfile.TemporaryDirectory(prefix="clusterbook-site-") as work:
                pages = guide.pages(self._programs)
                files = mkdocs.run(self.site, Path(work), pages, program="mkdocs", url="", date=date)
            self._built = (now, files)
        return self._built[1]


def stamp(roots: Iterable[Path]) -> int:
    """Return a number that moves when one of `roots`, or a file below one, does."""
    times = []
    for root in roots:
        for path in (root, *root.rglob("*")):
            try:
                times.append((str(path), path.stat().st_mtime_ns))
            except OSError:  # gone since it was listed, or never there
                continue
    return hash(tuple(sorted(times)))


class PreviewServer:
    """A site that is served, and gathered again when it is out of date."""

    def __init__(self, gather: Callable[[], Pages], watched: Iterable[Path]) -> None:
        """Prepare to serve what `gather` makes of what lies in `watched`. Raises as `gather`."""
        self._gather = gather
        self._watched = tuple(watched)
        self._stamp = stamp(self._watched)
        self._pages = gather()
        self.count = 0

    def refresh(self, say: Callable[[str], None]) -> bool:
        """Gather again when something changed; return whether it did. A mistake in a source is said, not raised."""
        now = stamp(self._watched)
        if now == self._stamp:
            return False
        self._stamp = now
        start_s = time.monotonic()
        try:
            self._pages = self._gather()
        except ClusterbookError as error:
            say(str(error))
            return False
        self.count += 1
        say(f"read again in {time.monotonic() - start_s:.1f} s")
        return True

    def file(self, address: str) -> tuple[int, str, bytes]:
        """Return HTTP status, media type and bytes of what lies at `address`."""
        path = unquote(urlsplit(address).path).removeprefix("/")
        path = f"{path}index.html" if not path or path.endswith("/") else path
        make, status = self._pages.get(path), 200
        if make is None:
            path, status = "404.html", 404
            make = self._pages.get(path, lambda: b"<h1>There is no such page</h1>")
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        try:
            content = make()
        except ClusterbookError as error:
            return 500, "text/html; charset=utf-8", f"<pre>{escape(str(error))}</pre>".encode() + _WATCH
        if kind != "text/html":
            return status, kind, content
        return status, f"{kind}; charset=utf-8", content + _WATCH

    def server(self, port: int) -> ThreadingHTTPServer:
        """Return the server, on loopback alone; port 0 is any free one."""
        return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, preview=self))

    def run(self, port: int, say: Callable[[str], None]) -> None:
        """Serve, and look for changes, until somebody interrupts."""
        server = self.server(port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        say(f"http://127.0.0.1:{server.server_address[1]}/ shows the site; Ctrl-C ends it")
        try:
            while True:
                time.sleep(_LOOK_EVERY_S)
                self.refresh(say)
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers with the site's files; pages also ask whether they changed."""

    def __init__(self, *arguments: object, preview: PreviewServer) -> None:
        self._preview = preview
        super().__init__(*arguments)  # type: ignore[arg-type]  # handed on as they came

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/_changed":
            self._answer(200, "text/plain", str(self._preview.count).encode())
        else:
            self._answer(*self._preview.file(self.path))

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing about single requests."""
