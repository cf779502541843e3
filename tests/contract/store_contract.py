"""What every store does, whichever it is: each test runs on all of them (test_stores), and on real registries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clusterbook.diagnostics.transport import NoArtifact, WrongContent
from clusterbook.oci import transfer
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import (
    EMPTY_BLOB,
    EMPTY_CONFIG,
    Descriptor,
    Manifest,
    artifact,
    describe,
    index,
)
from clusterbook.oci.store import Store, from_bytes, from_file

TYPE = "application/vnd.example.recipe.v1+json"
NOTE = "application/vnd.example.note.v1+json"
MISSING = f"sha256:{'0' * 64}"


def put(store: Store, repository: str, data: bytes, *, tag: str = "", subject: Descriptor | None = None) -> Manifest:
    """Return an artifact with one layer, having put it into a store."""
    layer = describe("application/octet-stream", data)
    store.put_blob(repository, EMPTY_CONFIG, from_bytes(EMPTY_BLOB))
    store.put_blob(repository, layer, from_bytes(data))
    found = artifact(NOTE if subject else TYPE, [layer], subject=subject, annotations={"example.com/of": "a test"})
    store.put_manifest(repository, found, tag=tag)
    return found


class StoreContract:
    """Subclasses give the fixtures `store`, and `damage`, which changes the bytes kept under a digest, or None."""

    def test_an_artifact_comes_back_byte_for_byte(self, store: Store) -> None:
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        for wanted in ("1.0.0", kept.digest):
            found = store.manifest("a/b", wanted)
            assert (found.raw, found.artifact_type) == (kept.raw, TYPE)
        assert b"".join(store.blob("a/b", found.layers[0])) == b"recipe"
        assert store.read("a/b", found.layers[0], limit_bytes=6) == b"recipe"

    def test_what_was_said_about_an_artifact_is_listed(self, store: Store) -> None:
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        assert store.referrer_digests("a/b", kept.digest) == set()
        notes = [put(store, "a/b", data, subject=kept.descriptor) for data in (b"signature", b"sbom")]
        assert store.referrer_digests("a/b", kept.digest) == {each.digest for each in notes}
        assert store.referrer_digests("a/b", notes[0].digest) == set()

    def test_what_is_not_there_is_said_to_be_missing(self, store: Store) -> None:
        put(store, "a/b", b"recipe", tag="1.0.0")
        for wanted in ("2.0.0", MISSING):
            with pytest.raises(NoArtifact):
                store.manifest("a/b", wanted)
        with pytest.raises(NoArtifact):
            b"".join(store.blob("a/b", Descriptor("x/y", MISSING, 3)))
        assert not store.exists("a/b", Descriptor("x/y", MISSING, 3))
        assert store.referrers("a/b", MISSING) == []
        assert store.tags("a/never") == []

    def test_a_blob_larger_than_one_piece_and_an_empty_one_pass(self, store: Store) -> None:
        for data in (bytes(range(256)) * 12_000, b""):
            blob = describe("application/octet-stream", data)
            assert store.put_blob("a/b", blob, from_bytes(data))
            assert store.exists("a/b", blob)
            assert b"".join(store.blob("a/b", blob)) == data
            assert b"".join(store.stream("a/b", blob, len(data) // 2)) == data[len(data) // 2 :]

    def test_what_is_there_is_not_moved_again(self, store: Store) -> None:
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        asked: list[int] = []

        def content(start: int) -> Iterator[bytes]:
            asked.append(start)
            yield b"recipe"

        assert not store.put_blob("a/b", kept.layers[0], content)
        assert not store.put_manifest("a/b", kept, tag="1.0.0")
        assert not store.put_manifest("a/b", kept)
        assert asked == []

    def test_a_blob_that_is_near_need_not_be_moved(self, store: Store) -> None:
        kept = put(store, "a/b", b"recipe")
        assert not store.put_blob("a/c", kept.layers[0], from_bytes(b"recipe"), mount_from="a/b")
        assert b"".join(store.blob("a/c", kept.layers[0])) == b"recipe"

    @pytest.mark.parametrize("data", [b"recipf", b"recip", b"recipes", b""])
    def test_content_that_is_not_what_it_is_said_to_be_is_not_kept(self, store: Store, data: bytes) -> None:
        blob = describe("application/octet-stream", b"recipe")
        with pytest.raises(WrongContent):
            store.put_blob("a/b", blob, from_bytes(data))
        assert not store.exists("a/b", blob)
        assert store.put_blob("a/b", blob, from_bytes(b"recipe"))

    def test_damaged_bytes_are_noticed(self, store: Store, damage: Callable[[str, str], None] | None) -> None:
        if damage is None:
            pytest.skip("nobody can damage this store from here")
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        damage("a/b", kept.layers[0].digest)
        with pytest.raises(WrongContent):
            store.read("a/b", kept.layers[0], limit_bytes=100)
        damage("a/b", kept.digest)
        with pytest.raises(WrongContent):
            store.manifest("a/b", kept.digest)

    def test_a_tag_moves_and_the_old_artifact_stays(self, store: Store) -> None:
        old, new = put(store, "a/b", b"old", tag="latest"), put(store, "a/b", b"new", tag="latest")
        assert store.manifest("a/b", "latest").digest == new.digest
        assert store.manifest("a/b", old.digest).raw == old.raw
        assert store.tags("a/b") == ["latest"]

    def test_tags_are_those_of_the_repository_without_the_ones_that_list_referrers(self, store: Store) -> None:
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        put(store, "a/b", b"recipe", tag="1.10.0")
        put(store, "a/b2", b"other", tag="2.0.0")
        put(store, "a/b", b"signature", subject=kept.descriptor)
        assert store.tags("a/b") == ["1.0.0", "1.10.0"]

    def test_what_refers_to_an_artifact_is_found_by_its_kind(self, store: Store) -> None:
        kept, other = put(store, "a/b", b"recipe", tag="1.0.0"), put(store, "a/b", b"other", tag="2.0.0")
        notes = [put(store, "a/b", data, subject=kept.descriptor) for data in (b"one", b"two")]
        put(store, "a/b", b"three", subject=other.descriptor)
        found = store.referrers("a/b", kept.digest)
        assert sorted(each.digest for each in found) == sorted(each.digest for each in notes)
        assert {each.artifact_type for each in found} == {NOTE}
        assert store.referrers("a/b", kept.digest, TYPE) == []
        assert len(store.referrers("a/b", kept.digest, NOTE)) == 2

    def test_many_at_once_refer_to_one_artifact(self, store: Store) -> None:
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        with ThreadPoolExecutor(8) as pool:
            notes = list(pool.map(lambda each: put(store, "a/b", b"%d" % each, subject=kept.descriptor), range(12)))
        assert {each.digest for each in store.referrers("a/b", kept.digest)} == {each.digest for each in notes}

    def test_a_graph_is_copied_with_its_parts_and_what_refers_to_them(self, store: Store, tmp_path: Path) -> None:
        parts = [put(store, "images/x", data) for data in (b"amd64", b"arm64")]
        whole = index([part.descriptor for part in parts])
        store.put_manifest("images/x", whole, tag="v1")
        note = put(store, "images/x", b"signed", subject=whole.descriptor)
        about = put(store, "images/x", b"signed part", subject=parts[0].descriptor)
        layout = Layout(tmp_path / "layout", create=True)
        done = transfer.copy(store, "images/x", "v1", layout, "images/x", tags=["v1"])
        assert (done.manifest.digest, done.moved_manifests) == (whole.digest, 5)
        assert b"".join(layout.blob("images/x", parts[1].layers[0])) == b"arm64"
        back = transfer.copy(layout, "images/x", "v1", store, "far/x", tags=["v1", "latest"])
        assert back.manifest.raw == whole.raw
        assert [each.digest for each in store.referrers("far/x", whole.digest)] == [note.digest]
        assert [each.digest for each in store.referrers("far/x", parts[0].digest)] == [about.digest]
        again = transfer.copy(layout, "images/x", "v1", store, "far/x", tags=["v1", "latest"])
        assert (again.moved_blobs, again.moved_manifests) == (0, 0)
        assert store.tags("far/x") == ["latest", "v1"]

    def test_a_blob_is_saved_as_a_file(self, store: Store, tmp_path: Path) -> None:
        data = bytes(range(256)) * 12_000
        blob = describe("application/octet-stream", data)
        (tmp_path / "blob").write_bytes(data)
        store.put_blob("a/b", blob, from_file(tmp_path / "blob"))
        heard: list[int] = []
        assert transfer.save(store, "a/b", blob, tmp_path / "new" / "file", progress=lambda _, size: heard.append(size))
        assert (tmp_path / "new" / "file").read_bytes() == data
        assert sum(heard) == len(data)
        assert not transfer.save(store, "a/b", blob, tmp_path / "new" / "file")
        (tmp_path / "new" / "file").write_bytes(data[::-1])
        assert transfer.save(store, "a/b", blob, tmp_path / "new" / "file")
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]
