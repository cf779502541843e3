"""The preview: on loopback alone, rendered again when a source changes, and never down because of a mistake."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.build.site.preview import Preview
from clusterbook.core.errors import InvalidRequest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of sources with one file."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.txt").write_text("one", encoding="utf-8")
    return folder


@pytest.fixture
def preview(source: Path, tmp_path: Path) -> Preview:
    """Return a preview whose page is the source, and which refuses `bad`."""
    output = tmp_path / "out"

    def again() -> None:
        text = (source / "a.txt").read_text(encoding="utf-8")
        if text == "bad":
            raise InvalidRequest("this is bad", hint="write something else")
        output.mkdir(exist_ok=True)
        (output / "index.html").write_text(f"<p>{text}</p>", encoding="utf-8")
        (output / "data.json").write_text("{}", encoding="utf-8")

    again()
    return Preview(again, output, [source])


@pytest.fixture
def address(preview: Preview) -> Iterator[str]:
    """Return where the preview answers."""
    server = preview.server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def test_only_this_machine_may_look(preview: Preview) -> None:
    with preview.server(0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_page_asks_whether_it_changed_and_other_files_are_as_they_are(address: str) -> None:
    assert "<p>one</p>" in get(f"{address}/")
    assert "/_changed" in get(f"{address}/index.html")
    assert get(f"{address}/data.json") == "{}"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{address}/nothing.html")


def test_what_lies_outside_is_not_shown(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{address}/../sources/a.txt")


def test_a_changed_source_is_rendered_and_pages_are_told(preview: Preview, source: Path, address: str) -> None:
    said: list[str] = []
    before = get(f"{address}/_changed")
    assert not preview.refresh(said.append)
    (source / "a.txt").write_text("two!", encoding="utf-8")
    assert preview.refresh(said.append)
    assert "<p>two!</p>" in get(f"{address}/")
    assert get(f"{address}/_changed") != before
    assert said[0].startswith("rendered again in ")


def test_a_new_and_a_removed_source_count_as_changed(preview: Preview, source: Path) -> None:
    (source / "b.txt").write_text("x", encoding="utf-8")
    assert preview.refresh(print)
    (source / "b.txt").unlink()
    assert preview.refresh(print)
    assert not preview.refresh(print)


def test_a_mistake_is_said_and_the_last_good_page_stays(preview: Preview, source: Path, address: str) -> None:
    said: list[str] = []
    (source / "a.txt").write_text("bad", encoding="utf-8")
    assert not preview.refresh(said.append)
    assert "this is bad" in said[0]
    assert "write something else" in said[0]
    assert "<p>one</p>" in get(f"{address}/")
    (source / "a.txt").write_text("good", encoding="utf-8")
    assert preview.refresh(said.append)
