"""The site of our own catalog in a real browser: over HTTP at the top and below a path, and from a disk.

A machine without a browser skips the tier, saying so; in CI it fails. A page that raises an error, or that asks any
other place for anything, fails whichever test opened it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from clusterbook.site import build
from tests.support import sites

BELOW = "catalog/of/ours"


@pytest.fixture(scope="session")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that a server could serve: the site lies below it."""
    folder = tmp_path_factory.mktemp("browser")
    build.build(sites.our_data(), sites.SOURCES, folder / BELOW, sites.PROGRAMS)
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing about requests."""


def serve(folder: Path) -> Iterator[str]:
    """Yield where a folder is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def http(top: Path) -> Iterator[str]:
    """Return the address of the site at the top of a server."""
    yield from serve(top / BELOW)


@pytest.fixture(scope="session")
def below(top: Path) -> Iterator[str]:
    """Return the address of the site below a path of a server."""
    for address in serve(top):
        yield f"{address}{BELOW}/"


@pytest.fixture(scope="session", params=["http", "below", "file"])
def address(request: pytest.FixtureRequest, top: Path) -> str:
    """Return where the site stands, each way in turn."""
    if request.param == "file":
        return f"file://{top / BELOW}/"
    return str(request.getfixturevalue(request.param))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the browser that is installed."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("no browser is installed: apt-get install chromium")
        pytest.skip("no browser is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a fresh profile that may use the clipboard."""
    found = browser.new_context(viewport={"width": 1280, "height": 900})
    found.set_default_timeout(10_000)
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, top: Path) -> Iterator[Page]:
    """Return an empty page; its errors, and its requests to any other place, fail the test."""
    found = context.new_page()
    wrong: list[str] = []
    ours = ("http://127.0.0.1:", f"file://{top}/", "data:", "blob:")
    found.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    found.on("request", lambda sent: None if sent.url.startswith(ours) else wrong.append(f"asks {sent.url}"))
    yield found
    assert wrong == []
