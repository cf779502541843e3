"""The preview: on loopback alone, rendered again when a source changes, and never down because of a mistake."""

from __future__ import annotations

import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.site.preview import PreviewServer, SiteSources
from tests.support import sites


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of sources with one file."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.txt").write_text("one", encoding="utf-8")
    return folder


@pytest.fixture
def preview(source: Path) -> PreviewServer:
    """Return a preview whose page is the source; `bad` cannot be read, and `worse` not rendered."""

    def gather() -> dict[str, Callable[[], bytes]]:
        text = (source / "a.txt").read_text(encoding="utf-8")
        if text == "bad":
            raise InvalidRequest("this is bad", hint="write something else")

        def page() -> bytes:
            if text == "worse":
                raise InvalidRequest("this is <worse>")
            return f"<p>{text}</p>".encode()

        return {"index.html": page, "data.json": lambda: b"{}", "404.html": lambda: b"<p>lost</p>"}

    return PreviewServer(gather, [source])


@pytest.fixture
def address(preview: PreviewServer) -> Iterator[str]:
    """Return where the preview answers."""
    server = preview.server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def test_only_this_machine_may_look(preview: PreviewServer) -> None:
    with preview.server(0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_page_asks_whether_it_changed_and_other_files_are_as_they_are(address: str) -> None:
    assert "<p>one</p>" in get(f"{address}/")
    assert "/_changed" in get(f"{address}/index.html")
    assert get(f"{address}/data.json") == "{}"
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        get(f"{address}/nothing.html")
    assert b"lost" in caught.value.read()
    caught.value.close()


def test_what_lies_outside_is_not_shown(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        get(f"{address}/../sources/a.txt")
    caught.value.close()


def test_a_changed_source_is_rendered_and_pages_are_told(preview: PreviewServer, source: Path, address: str) -> None:
    said: list[str] = []
    before = get(f"{address}/_changed")
    assert not preview.refresh(said.append)
    (source / "a.txt").write_text("two!", encoding="utf-8")
    assert preview.refresh(said.append)
    assert "<p>two!</p>" in get(f"{address}/")
    assert get(f"{address}/_changed") != before
    assert said[0].startswith("read again in ")


def test_a_new_and_a_removed_source_count_as_changed(preview: PreviewServer, source: Path) -> None:
    (source / "b.txt").write_text("x", encoding="utf-8")
    assert preview.refresh(print)
    (source / "b.txt").unlink()
    assert preview.refresh(print)
    assert not preview.refresh(print)


def test_a_mistake_is_said_and_the_last_good_page_stays(preview: PreviewServer, source: Path, address: str) -> None:
    said: list[str] = []
    (source / "a.txt").write_text("bad", encoding="utf-8")
    assert not preview.refresh(said.append)
    assert "this is bad" in said[0]
    assert "write something else" in said[0]
    assert "<p>one</p>" in get(f"{address}/")
    (source / "a.txt").write_text("good", encoding="utf-8")
    assert preview.refresh(said.append)


def test_a_page_that_cannot_be_rendered_says_why_instead(preview: PreviewServer, source: Path, address: str) -> None:
    (source / "a.txt").write_text("worse", encoding="utf-8")
    assert preview.refresh(print)
    with pytest.raises(urllib.error.HTTPError, match="500") as caught:
        get(f"{address}/")
    said = caught.value.read().decode()
    caught.value.close()
    assert "this is &lt;worse&gt;" in said
    assert "/_changed" in said


# --- our own catalog -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of our own sources, to be changed."""
    folder = tmp_path_factory.mktemp("preview")
    for name in ("recipes", "site"):
        shutil.copytree(sites.OURS / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def ours(checkout: Path) -> PreviewServer:
    """Return a preview of them."""
    watched = [checkout / name for name in ("recipes", "registry", "site")]
    desk = SiteSources(*watched, sites.PROGRAMS, published="oci://registry.example/book")
    return PreviewServer(desk.pages, watched)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_changed_overlay_shows_within_two_seconds_of_work(checkout: Path, ours: PreviewServer) -> None:
    overlay = checkout / "recipes" / "overlays" / "h100-eks-training.yaml"
    assert b"eks-changed" not in ours.file("/recipes/h100-eks-training.html")[2]
    text = overlay.read_text(encoding="utf-8")
    overlay.write_text(f"{text}# eks-changed\n", encoding="utf-8")
    begun = time.process_time()
    assert ours.refresh(print)
    status, _, page = ours.file("/recipes/h100-eks-training.html")
    taken_s = time.process_time() - begun
    assert status == 200
    assert b"_changed" in page
    assert b"eks-changed" in ours.file("/sources/recipes/overlays/h100-eks-training.yaml.html")[2]
    assert taken_s < 2


def test_a_changed_template_and_a_changed_page_of_the_guide_show(checkout: Path, ours: PreviewServer) -> None:
    change(checkout / "site" / "templates" / "coverage.html", "All combinations", "Every combination")
    change(checkout / "site" / "docs" / "coverage.md", "# Coverage", "# What there is")
    assert ours.refresh(print)
    page = ours.file("/coverage.html")[2].decode()
    assert "Every combination" in page
    assert "What there is" in page


def test_the_preview_shows_what_the_site_has(ours: PreviewServer, checkout: Path) -> None:
    assert not ours.refresh(print)
    for path in ("/", "/api/v1/index.json", "/recipes/h100-eks-training.html", "/assets/clusterbook.css", "/llms.txt"):
        status, _, content = ours.file(path)
        assert status == 200
        assert content
    assert ours.file("/recipes/nothing.html")[0] == 404
    assert b"/_changed" in ours.file("/recipes/nothing.html")[2]
    assert checkout.exists()
