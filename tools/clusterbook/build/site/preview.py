"""The preview: the site on loopback, rendered again when a source changes.

Knows HTTP as far as a browser on the same machine needs it. Does not know what a site consists of. Pages ask
`/_changed` and load themselves anew when the answer moves; nothing of that is in the site itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from clusterbook.core.errors import ClusterbookError

_WATCH = b"""<script>
let seen; setInterval(async () => {
  const said = await (await fetch("/_changed")).text().catch(() => seen);
  if (seen !== undefined && said !== seen) location.reload();
  seen = said;
}, 300);
</script>"""
_LOOK_EVERY_S = 0.25


class Preview:
    """A site that is served, and rendered again when it is out of date."""

    def __init__(self, render: Callable[[], object], output: Path, watched: Iterable[Path]) -> None:
        """Prepare to serve `output`, which `render` makes from what lies in `watched`."""
        self._render = render
        self._output = output
        self._watched = tuple(watched)
        self._seen = self._stamp()
        self.count = 0

    def _stamp(self) -> int:
        """Return a number that moves when a file below the watched folders does."""
        found = []
        for root in self._watched:
            for path in root.rglob("*"):
                try:
                    found.append((str(path), path.stat().st_mtime_ns))
                except OSError:  # gone since it was listed
                    continue
        return hash(tuple(sorted(found)))

    def refresh(self, say: Callable[[str], None]) -> bool:
        """Render again when something changed; return whether it did. A mistake in a source is said, not raised."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        begun = time.monotonic()
        try:
            self._render()
        except ClusterbookError as error:
            say(str(error))
            return False
        self.count += 1
        say(f"rendered again in {time.monotonic() - begun:.1f} s")
        return True

    def server(self, port: int) -> ThreadingHTTPServer:
        """Return the server, on loopback alone; port 0 is any free one."""
        return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, preview=self, directory=str(self._output)))

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


class _Handler(SimpleHTTPRequestHandler):
    """Answers with the site's files; pages also ask whether they changed."""

    def __init__(self, *arguments: object, preview: Preview, directory: str) -> None:
        self._preview = preview
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]  # handed on as they came

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/_changed":
            self._answer(str(self._preview.count).encode(), "text/plain")
            return
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() and self.path.endswith("/") else path
        if path.suffix == ".html" and path.is_file():
            self._answer(path.read_bytes() + _WATCH, "text/html; charset=utf-8")
        else:
            super().do_GET()

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing about single requests."""
