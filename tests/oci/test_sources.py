"""Sources: a layout reads the same from a folder, an archive and a web site, and is never believed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import NotFound
from clusterbook.diagnostics.transport import (
    AccessDenied,
    BadReference,
    Malformed,
    NoArtifact,
    Patience,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
    UnsafeArchive,
    WrongContent,
)
from clusterbook.files import archive
from clusterbook.oci.http import Clock
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.layout.tar import TarLayout
from clusterbook.oci.layout.web import SiteLayout
from clusterbook.oci.manifest import Manifest, describe
from clusterbook.oci.open import Access, absolute, open_source
from tests.contract.store_contract import NOTE, put
from tests.support.servers.site import Fault, Site, serving

BIG = bytes(range(256)) * 8_000
QUICK = {"patience": Patience(read_s=0.3), "clock": Clock(sleep=lambda _: None)}


class Filled:
    """A layout with one artifact called latest, a signature on it, and another artifact beside."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder, create=True)
        self.kept: Manifest = put(self.layout, "index", b"index", tag="latest")
        self.note = put(self.layout, "index", b"signature", subject=self.kept.descriptor)
        self.other = put(self.layout, "recipes/eks", BIG, tag="1.0.0")
        self.sbom = put(self.layout, "recipes/eks", b"sbom", subject=self.other.descriptor)

    def pack(self, target: Path) -> Path:
        """Return the layout as an archive."""
        entries = archive.entries_below(self.layout.path, skip=Layout.is_partial)
        archive.pack_file(entries, target, compress=target.suffix == ".gz")
        return target


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    return Filled(tmp_path / "layout")


@pytest.mark.parametrize("kind", ["folder", "archive", "site"])
def test_a_layout_reads_the_same_wherever_it_lies(filled: Filled, tmp_path: Path, kind: str) -> None:
    with serving(Site(filled.layout.path)) as site:
        where = {
            "folder": str(filled.layout.path),
            "archive": str(filled.pack(tmp_path / "x.tar")),
            "site": site.address,
        }
        store = open_source(where[kind], Access()).store
        assert store.manifest("index", "latest").raw == filled.kept.raw
        assert store.manifest("recipes/eks", filled.other.digest).raw == filled.other.raw
        assert [each.raw for each in store.referrers("index", filled.kept.digest, NOTE)] == [filled.note.raw]
        assert [each.raw for each in store.referrers("x", filled.other.digest)] == [filled.sbom.raw]
        assert store.referrers("index", filled.kept.digest, "a/other") == []
        assert store.tags("recipes/eks") == ["1.0.0"]
        assert store.read("", filled.other.layers[0], limit_bytes=len(BIG)) == BIG
        assert b"".join(store.stream("", filled.other.layers[0], len(BIG) - 3)) == BIG[-3:]
        assert store.exists("", filled.other.layers[0])
        absent = describe("a/b", b"absent")
        assert not store.exists("", absent)
        for ask in (lambda: store.manifest("index", "2"), lambda: store.read("", absent, limit_bytes=9)):
            with pytest.raises(NoArtifact):
                ask()
        if kind != "folder":
            with pytest.raises(Refused):
                put(store, "a/b", b"x")


@pytest.mark.parametrize("kind", ["folder", "archive", "site"])
def test_bytes_that_were_changed_are_noticed(filled: Filled, tmp_path: Path, kind: str) -> None:
    for digest in (filled.kept.digest, filled.other.layers[0].digest):
        path = filled.layout.path / "blobs/sha256" / digest[7:]
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    with serving(Site(filled.layout.path)) as site:
        where = {
            "folder": str(filled.layout.path),
            "archive": str(filled.pack(tmp_path / "x.tar")),
            "site": site.address,
        }
        store = open_source(where[kind], Access()).store
        with pytest.raises(WrongContent):
            store.manifest("index", "latest")
        with pytest.raises(WrongContent):
            store.read("", filled.other.layers[0], limit_bytes=len(BIG))


def test_a_site_is_asked_for_little(filled: Filled) -> None:
    for number in range(20):
        put(filled.layout, "recipes/gke", b"%d" % number, tag=f"1.0.{number}")
    with serving(Site(filled.layout.path)) as site:
        store = open_source(site.address, Access()).store
        kept = store.manifest("index", "latest")
        store.referrers("index", kept.digest, NOTE)
        assert site.asked == ["oci-layout", "latest.json", *(f"blobs/sha256/{each.digest[7:]}"
                              for each in (filled.kept, filled.note, filled.note))]  # fmt: skip


def test_a_short_listing_of_another_index_is_not_used(filled: Filled, tmp_path: Path) -> None:
    short = (filled.layout.path / "latest.json").read_bytes()
    newer = put(filled.layout, "index", b"newer", tag="latest")
    (filled.layout.path / "latest.json").write_bytes(short)
    assert Layout(filled.layout.path).manifest("index", "latest").digest == newer.digest
    assert TarLayout(filled.pack(tmp_path / "x.tar")).manifest("index", "latest").digest == newer.digest
    for text in (b"", b"{}", b"[" * 100_000):
        (filled.layout.path / "latest.json").write_bytes(text)
        assert Layout(filled.layout.path).manifest("index", "latest").digest == newer.digest
        with serving(Site(filled.layout.path)) as site:
            assert SiteLayout(site.address).manifest("index", "latest").digest == newer.digest


def test_what_others_put_beside_without_a_hint_is_found(filled: Filled) -> None:
    path = filled.layout.path / "index.json"
    path.write_bytes(path.read_bytes().replace(b"dev.clusterbook.subject", b"org.example.subject"))
    assert [each.raw for each in Layout(filled.layout.path).referrers("", filled.kept.digest)] == [filled.note.raw]


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("oci-layout", status=404), NoArtifact),
        (Fault("index.json", status=404), NoArtifact),
        (Fault("oci-layout", status=403), AccessDenied),
        (Fault("oci-layout", status=401), AccessDenied),
        (Fault("index.json", status=429, headers={"Retry-After": "3600"}), RateLimited),
        (Fault("index.json", status=503, times=9), Unreachable),
        (Fault("index.json", cut=10, times=9), Unreachable),
        (Fault("index.json", silent_s=1, times=9), TimedOut),
        (Fault("index.json", body=b"<html>not found</html>"), Malformed),
        (Fault("oci-layout", body=b"<html>not found</html>"), Malformed),
        (Fault("oci-layout", body=b"x" * 5000), Malformed),
        (Fault("oci-layout", status=302, headers={"Location": "ftp://x/"}), Malformed),
    ],
)
def test_what_a_site_does_wrong_is_named(filled: Filled, fault: Fault, error: type[Exception]) -> None:
    with serving(Site(filled.layout.path, [fault])) as site, pytest.raises(error):
        SiteLayout(site.address, **QUICK).tags("index")


@pytest.mark.parametrize(
    "fault",
    [Fault("index.json", status=503, times=2), Fault("index.json", cut=10), Fault("index.json", silent_s=1),
     Fault("index.json", status=429, headers={"Retry-After": "1"}), Fault("blobs/", cut=1000, times=3)],
)  # fmt: skip
def test_what_a_site_does_wrong_for_a_while_is_outlasted(filled: Filled, fault: Fault) -> None:
    with serving(Site(filled.layout.path, [fault])) as site:
        store = SiteLayout(site.address, **QUICK)
        assert store.tags("index") == ["latest"]
        assert store.read("", filled.other.layers[0], limit_bytes=len(BIG)) == BIG


def test_nobody_listens() -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        SiteLayout("http://127.0.0.1:9", **QUICK)


@pytest.mark.parametrize(
    "where",
    ["https://ann:secret@host/x", "https://ann@host/x", "https://host/x?token=secret", "https:///x", "https://h:x/",
     "ftp://host/x", "https://host/x#y", "oci://ann:secret@host/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_secrets(where: str) -> None:
    with pytest.raises(BadReference) as caught:
        open_source(where, Access())
    assert "secret" not in str(caught.value)


def tarred(path: Path, members: Callable[[tarfile.TarFile], None]) -> Path:
    """Return an archive with some members."""
    with tarfile.open(path, "w") as tar:
        members(tar)
    return path


def member(name: str, data: bytes = b"x", **changes: object) -> Callable[[tarfile.TarFile], None]:
    """Return what adds a member."""

    def add(tar: tarfile.TarFile) -> None:
        head = tarfile.TarInfo(name)
        head.size = len(data)
        for key, value in changes.items():
            setattr(head, key, value)
        tar.addfile(head, io.BytesIO(data))

    return add


def test_archives_that_are_none_are_named(filled: Filled, tmp_path: Path) -> None:
    whole = filled.pack(tmp_path / "x.tar").read_bytes()
    cases: list[tuple[bytes, type[Exception]]] = [
        (b"no archive", UnsafeArchive),
        (whole[: len(whole) // 2], UnsafeArchive),
        (filled.pack(tmp_path / "x.tar.gz").read_bytes(), UnsafeArchive),
        (tarred(tmp_path / "a.tar", member("readme")).read_bytes(), NoArtifact),
        (tarred(tmp_path / "b.tar", member("oci-layout", type=tarfile.SYMTYPE, size=0)).read_bytes(), NoArtifact),
    ]
    for number, (data, error) in enumerate(cases):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(data)
        with pytest.raises(error):
            open_source(str(path), Access())
    with pytest.raises(NotFound, match="absent") as caught:
        open_source(str(tmp_path / "absent"), Access())
    assert "archive" in caught.value.hint


def test_a_file_that_stands_twice_in_an_archive_could_be_read_in_two_ways(filled: Filled, tmp_path: Path) -> None:
    path = filled.pack(tmp_path / "x.tar")
    with tarfile.open(path, "a") as tar:
        member("index.json")(tar)
    with pytest.raises(UnsafeArchive, match="twice"):
        TarLayout(path)


def test_a_source_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("x") == absolute("oci-layout:./x") == absolute(str(tmp_path / "x"))
    assert absolute("oci://host/a/") == "oci://host/a"
