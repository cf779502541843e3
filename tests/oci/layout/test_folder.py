"""Layouts on disk: readable by others, never half written, and not a way out of their folder."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import Unwritable
from clusterbook.diagnostics.transport import Malformed, NoArtifact, WrongContent
from clusterbook.files import archive
from clusterbook.files.tar_reader import Limits
from clusterbook.oci import transfer
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import INDEX, REF_NAME, Descriptor, describe, index
from clusterbook.oci.reference import referrers_tag
from clusterbook.oci.store import from_bytes
from tests.contract.store_contract import put
from tests.support.memory import MemoryStore

BIG = bytes(range(256)) * 20_000


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout", create=True)


def listed(layout: Layout) -> list[tuple[str, str]]:
    """Return (name, artifact type) of each entry of the index, as others read it."""
    document = json.loads((layout.path / "index.json").read_bytes())
    return [(m.get("annotations", {}).get(REF_NAME, ""), m.get("artifactType", "")) for m in document["manifests"]]


def test_the_files_are_those_of_the_specification(layout: Layout) -> None:
    kept = put(layout, "", b"recipe", tag="1.0.0")
    assert json.loads((layout.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    document = json.loads((layout.path / "index.json").read_bytes())
    assert (document["schemaVersion"], document["mediaType"]) == (2, INDEX)
    (entry,) = document["manifests"]
    assert entry == {
        "mediaType": kept.descriptor.media_type,
        "digest": kept.digest,
        "size": len(kept.raw),
        "artifactType": kept.artifact_type,
        "annotations": {REF_NAME: "1.0.0"},
    }
    assert (layout.path / "blobs" / "sha256" / kept.digest[7:]).read_bytes() == kept.raw


def test_a_referrer_is_an_entry_without_a_name(layout: Layout) -> None:
    kept = put(layout, "a/b", b"recipe", tag="1.0.0")
    put(layout, "a/b", b"signature", subject=kept.descriptor)
    assert [name for name, _ in listed(layout)] == ["a/b:1.0.0", ""]
    assert layout.roots() == [("a/b:1.0.0", layout._entries()[0])]


def test_what_others_list_in_a_fallback_index_is_found(layout: Layout) -> None:
    kept = put(layout, "", b"recipe", tag="1.0.0")
    memory = MemoryStore()
    note = put(memory, "", b"signature", subject=kept.descriptor)
    for blob in note.blobs:
        layout.put_blob("", blob, from_bytes(memory.blobs["", blob.digest]))
    layout.put_blob("", note.descriptor, from_bytes(note.raw))
    layout.put_manifest("", index([note.descriptor]), tag=referrers_tag(kept.digest))
    assert [each.digest for each in layout.referrers("", kept.digest)] == [note.digest]
    assert layout.tags("") == ["1.0.0"]


def test_a_layout_is_opened_and_not_made_by_mistake(tmp_path: Path) -> None:
    with pytest.raises(NoArtifact, match="not an OCI layout"):
        Layout(tmp_path)
    assert list(tmp_path.iterdir()) == []
    Layout(tmp_path, create=True)
    Layout(tmp_path)
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(Malformed, match=r"2\.0\.0"):
        Layout(tmp_path, create=True)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schemaVersion": 2}', '{"schemaVersion": 2, "manifests": [1]}', "[" * 100_000,
     '{"schemaVersion": 2, "manifests": [{"mediaType": "a/b", "size": 1, "digest": "sha256:../../x"}]}',
     '{"schemaVersion": 2, "manifests": [], "layers": []}'],
)  # fmt: skip
def test_a_damaged_index_is_said_to_be_damaged(layout: Layout, text: str) -> None:
    (layout.path / "index.json").write_text(text)
    with pytest.raises(Malformed):
        layout.tags("")


def test_a_digest_is_not_a_path(layout: Layout) -> None:
    with pytest.raises(Malformed):
        b"".join(layout.stream("", Descriptor("a/b", "sha256:../../../etc/passwd", 3)))
    with pytest.raises(Malformed):
        layout.put_blob("", Descriptor("a/b", "sha256:../../pwned", 1), from_bytes(b"x"))


def test_an_interrupted_blob_is_gone_on_with(layout: Layout) -> None:
    blob, asked = describe("a/b", BIG), []

    def content(start: int) -> Iterator[bytes]:
        asked.append(start)
        yield BIG[start : start + 1_000_000]
        if len(asked) == 1:
            raise NoArtifact("gone")
        yield BIG[start + 1_000_000 :]

    with pytest.raises(NoArtifact):
        layout.put_blob("", blob, content)
    assert not layout.exists("", blob)
    assert layout.put_blob("", blob, content)
    assert asked == [0, 1_000_000]
    assert layout.read("", blob, limit_bytes=len(BIG)) == BIG


def test_the_remains_of_another_blob_are_not_gone_on_with(layout: Layout) -> None:
    blob = describe("a/b", b"the right bytes")
    part = layout.path / ".partial" / blob.digest[7:]
    for remains in (b"wrong", b"wrong and much longer than it"):
        part.write_bytes(remains)
        assert layout.put_blob("", blob, from_bytes(b"the right bytes"))
        assert layout.read("", blob, limit_bytes=100) == b"the right bytes"
        (layout.path / "blobs/sha256" / blob.digest[7:]).unlink()


def test_wrong_bytes_leave_nothing(layout: Layout) -> None:
    with pytest.raises(WrongContent):
        layout.put_blob("", describe("a/b", b"right"), from_bytes(b"wrong"))
    assert list((layout.path / "blobs/sha256").iterdir()) == []
    assert [path.name for path in (layout.path / ".partial").iterdir()] == ["index"]


def test_many_manifests_are_listed_at_once(layout: Layout) -> None:
    stamps = set()
    with layout.batch(), ThreadPoolExecutor(4) as pool:
        for each in pool.map(lambda n: put(layout, "a/b", b"%d" % n, tag=f"v{n}"), range(20)):
            assert layout.exists("a/b", each.descriptor)
            stamps.add((layout.path / "index.json").stat().st_mtime_ns)
        assert len(layout.tags("a/b")) == 20
    assert len(stamps) == 1
    assert len(listed(layout)) == 20
    assert len(Layout(layout.path).tags("a/b")) == 20


def test_what_was_put_before_an_error_is_listed(layout: Layout) -> None:
    def broken_off() -> None:
        with layout.batch():
            put(layout, "a/b", b"1", tag="v1")
            raise NoArtifact("x")

    with pytest.raises(NoArtifact):
        broken_off()
    assert Layout(layout.path).tags("a/b") == ["v1"]


def test_two_processes_write_one_layout(layout: Layout) -> None:
    program = textwrap.dedent("""
        import sys; sys.path.insert(0, sys.argv[1])
        from pathlib import Path
        from clusterbook.oci.layout.folder import Layout
        from tests.contract.store_contract import put
        for number in range(25):
            data = b"same" if number % 2 else sys.argv[3].encode()
            put(Layout(Path(sys.argv[2])), "a/b", data, tag=f"{sys.argv[3]}-{number}")
    """)
    root = str(Path(__file__).resolve().parents[3])
    both = [subprocess.Popen([sys.executable, "-c", program, root, str(layout.path), name]) for name in ("x", "y")]
    assert [each.wait() for each in both] == [0, 0]
    assert len(layout.tags("a/b")) == 50


def test_a_writer_that_is_killed_leaves_a_layout_that_can_be_gone_on_with(layout: Layout) -> None:
    program = textwrap.dedent("""
        import sys; sys.path.insert(0, sys.argv[1])
        from pathlib import Path
        from clusterbook.oci.layout.folder import Layout
        from tests.contract.store_contract import put
        layout = Layout(Path(sys.argv[2]))
        for number in range(10_000):
            put(layout, "a/b", b"%d" % number * 100_000, tag=f"v{number}")
            print(number, flush=True)
    """)
    root = str(Path(__file__).resolve().parents[3])
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, root, str(layout.path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(5):
                child.stdout.readline()
            os.kill(child.pid, signal.SIGKILL)
        opened = Layout(layout.path)
        tags = opened.tags("a/b")
        assert len(tags) >= 5
        for tag in tags:
            found = opened.manifest("a/b", tag)
            assert b"".join(opened.blob("a/b", found.layers[0]))
    put(layout, "a/b", b"after", tag="after")
    assert "after" in Layout(layout.path).tags("a/b")


def test_a_layout_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable):
        Layout(tmp_path / "file" / "layout", create=True)


def test_a_full_disk_leaves_the_old_state_and_the_next_run_finishes(layout: Layout, tmp_path: Path) -> None:
    put(layout, "a/b", b"old", tag="old")
    (tmp_path / "big").write_bytes(BIG)
    program = textwrap.dedent("""
        import sys; sys.path.insert(0, sys.argv[1])
        from pathlib import Path
        from clusterbook.oci.layout.folder import Layout
        from clusterbook.diagnostics.errors import Unwritable
        from tests.contract.store_contract import put
        try:
            put(Layout(Path(sys.argv[2])), "a/b", Path(sys.argv[3]).read_bytes(), tag="new")
        except Unwritable as error:
            sys.exit(f"said: {error}")
    """)
    root = str(Path(__file__).resolve().parents[3])
    words = [sys.executable, "-c", program, root, str(layout.path), str(tmp_path / "big")]
    small = ["/bin/sh", "-c", 'ulimit -f 2000; exec "$@"', "sh", *words]  # a file that may not grow is a full disk
    full = subprocess.run(small, capture_output=True, text=True, check=False)
    assert full.stderr.startswith(f"said: CB107 {layout.path} cannot be written"), full.stderr
    assert Layout(layout.path).tags("a/b") == ["old"]
    assert subprocess.run(words, check=False).returncode == 0
    opened = Layout(layout.path)
    assert opened.tags("a/b") == ["new", "old"]
    assert opened.read("a/b", opened.manifest("a/b", "new").layers[0], limit_bytes=len(BIG)) == BIG


def test_a_layout_travels_as_an_archive(layout: Layout, tmp_path: Path) -> None:
    kept = put(layout, "recipes/eks", b"recipe", tag="1.0.0")
    note = put(layout, "recipes/eks", b"signature", subject=kept.descriptor)
    digests = set()
    for _ in range(2):
        archive.pack_file(
            archive.entries_below(layout.path, skip=Layout.is_partial), tmp_path / "x.tar", compress=False
        )
        digests.add((tmp_path / "x.tar").read_bytes())
    assert len(digests) == 1
    archive.unpack(io.BytesIO(digests.pop()), "x.tar", tmp_path / "far", limits=Limits())
    target = MemoryStore()
    done = transfer.copy(Layout(tmp_path / "far"), "recipes/eks", "1.0.0", target, "mirror/eks", tags=["1.0.0"])
    assert done.manifest.raw == kept.raw
    assert [each.raw for each in target.referrers("mirror/eks", kept.digest)] == [note.raw]


def test_a_copy_into_a_layout_that_is_broken_off_is_finished_by_the_next(tmp_path: Path) -> None:
    source = MemoryStore()
    kept = put(source, "a/b", BIG, tag="1.0.0")
    layout = Layout(tmp_path / "layout", create=True)
    right = source.blobs["a/b", kept.layers[0].digest]
    source.blobs["a/b", kept.layers[0].digest] = right[:-1] + b"!"
    with pytest.raises(WrongContent):
        transfer.copy(source, "a/b", "1.0.0", layout, "a/b", tags=["1.0.0"])
    assert layout.tags("a/b") == []
    source.blobs["a/b", kept.layers[0].digest] = right
    assert transfer.copy(source, "a/b", "1.0.0", layout, "a/b", tags=["1.0.0"]).moved_bytes == len(BIG)
    assert layout.tags("a/b") == ["1.0.0"]
