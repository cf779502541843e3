"""Archives are the same bytes everywhere, and nothing leaves the folder they are unpacked into."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import NotFound, Unwritable
from clusterbook.diagnostics.transport import UnsafeArchive
from clusterbook.files.archive import (
    entries_below,
    pack,
    pack_file,
    tar_entry,
    unpack,
    unpack_file,
)
from clusterbook.files.tar_reader import Limits, members

LIMITS = Limits(files=100, total_bytes=1 << 20)
FILES = {"a/b.yaml": b"x: 1\n", "a/deploy.sh": b"#!/bin/sh\n", "a-b": b"", "Z": bytes(5000), "ä/ö": b"umlaut"}


def packed(files: dict[str, bytes], *, compress: bool = False) -> bytes:
    """Return an archive of some files; `.sh` can be executed."""
    target = io.BytesIO()
    pack(
        [tar_entry(name, data, executable=name.endswith(".sh")) for name, data in files.items()],
        target,
        compress=compress,
    )
    return target.getvalue()


def tar_of(*heads: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an archive with whatever heads, each followed by as many bytes as it says."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as tar:
        for head in heads:
            tar.addfile(head, io.BytesIO(b"x" * head.size) if head.isreg() else None)
    return target.getvalue()


def head(name: str, kind: bytes = tarfile.REGTYPE, *, size: int = 0, link: str = "") -> tarfile.TarInfo:
    """Return one head."""
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname = kind, size, link
    return found


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_packed_comes_back(tmp_path: Path, compress: bool) -> None:
    names = unpack(io.BytesIO(packed(FILES, compress=compress)), "x", tmp_path / "out", limits=LIMITS)
    assert names == sorted(FILES, key=str.encode)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names} == FILES
    assert (tmp_path / "out/a/deploy.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/a/b.yaml").stat().st_mode & 0o777 == 0o644


def test_the_bytes_of_an_archive_are_known_beforehand() -> None:
    known = hashlib.sha256(packed(FILES)).hexdigest()
    assert known == "37f0c87dec22d8bbeac02ac390153d5dc4ae345ca292fa05e253e4739c6bd9aa"
    zipped = packed(FILES, compress=True)
    assert zipped[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no time, no name, no system
    assert gzip.decompress(zipped) == packed(FILES)


def test_order_times_modes_and_owners_do_not_show(tmp_path: Path) -> None:
    archives = set()
    for round_, names in enumerate(list(permutations(FILES))[::50]):
        root = tmp_path / str(round_)
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(FILES[name])
            (root / name).chmod((0o700 if name.endswith(".sh") else 0o600) | (0o044 * (round_ % 2)))
            os.utime(root / name, (round_ * 1000, round_ * 1000))
        target = io.BytesIO()
        pack(entries_below(root), target, compress=True)
        archives.add(target.getvalue())
    assert archives == {packed(FILES, compress=True)}


def test_long_names_and_many_bytes_pass() -> None:
    long = f"{'d' * 90}/{'e' * 120}/f"
    (found,) = members(io.BytesIO(packed({long: b"x"})), "x", limits=LIMITS)
    assert found.name == long


def test_what_is_skipped_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "keep").write_bytes(b"1")
    (tmp_path / ".partial").write_bytes(b"2")
    assert [each.name for each in entries_below(tmp_path, skip=lambda name: name.startswith("."))] == ["keep"]


def test_links_are_not_packed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(UnsafeArchive, match="not a regular file"):
        list(entries_below(tmp_path))


@pytest.mark.parametrize("names", [["../a"], ["/a"], ["a//b"], ["a/./b"], ["a\\b"], ["c:x"], ["a", "A"], ["a", "a/b"]])
def test_names_that_could_not_be_unpacked_are_not_packed(names: list[str]) -> None:
    with pytest.raises(UnsafeArchive):
        pack([tar_entry(name, b"") for name in names], io.BytesIO(), compress=False)


def test_a_file_that_changes_meanwhile_is_noticed() -> None:
    for size in (2, 4):
        changed = tar_entry("a", b"x" * size)
        with pytest.raises(UnsafeArchive, match="changed"):
            pack([type(changed)("a", 3, changed.open)], io.BytesIO(), compress=False)


def flipped(data: bytes, position: int) -> bytes:
    """Return bytes of which one bit is another."""
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


ATTACKS: dict[str, Callable[[], bytes]] = {
    "a name that leads up": lambda: tar_of(head("../pwned")),
    "a name that leads up from below": lambda: tar_of(head("a/../../pwned")),
    "an absolute name": lambda: tar_of(head("/pwned")),
    "a dot in a name": lambda: tar_of(head("./a")),
    "an empty name": lambda: tar_of(head("")),
    "a backslash": lambda: tar_of(head("..\\pwned")),
    "a drive": lambda: tar_of(head("c:pwned")),
    "what cannot be seen": lambda: tar_of(head("a\u202eb")),
    "a line break": lambda: tar_of(head("a\nb")),
    "a blank end": lambda: tar_of(head("a ")),
    "a symbolic link": lambda: tar_of(head("d", tarfile.SYMTYPE, link="/etc"), head("d/pwned")),
    "a hard link": lambda: tar_of(head("d", tarfile.LNKTYPE, link="/etc/passwd")),
    "a device": lambda: tar_of(head("d", tarfile.CHRTYPE)),
    "a pipe": lambda: tar_of(head("d", tarfile.FIFOTYPE)),
    "a folder": lambda: tar_of(head("d", tarfile.DIRTYPE)),
    "a name twice": lambda: tar_of(head("a"), head("a")),
    "a name twice but for its case": lambda: tar_of(head("readme"), head("README")),
    "a folder twice but for its case": lambda: tar_of(head("a/x"), head("A/y")),
    "a file below a file": lambda: tar_of(head("a"), head("a/b")),
    "a file in the place of a folder": lambda: tar_of(head("a/b"), head("a")),
    "too many files": lambda: tar_of(*(head(str(each)) for each in range(101))),
    "too many bytes": lambda: tar_of(head("a", size=1 << 20), head("b", size=1)),
    "a bomb": lambda: gzip.compress(tar_of(head("a", size=8 << 20))),
    "a name of a hundred thousand letters": lambda: tar_of(head("a" * 100_000)),
    "the same, as GNU writes it": lambda: tar_of(head("a" * 100_000), form=tarfile.GNU_FORMAT),
    "no archive": lambda: b"no archive at all" * 100,
    "nothing": lambda: b"",
    "half of a gzip": lambda: packed(FILES, compress=True)[:-20],
    "a gzip with a wrong checksum": lambda: packed(FILES, compress=True)[:-8] + bytes(8),
    "one that was cut between two members": lambda: packed({"a": b"x", "b": b"y"})[:1024],
    "one that was cut within a member": lambda: packed({"a": b"x" * 600})[:1024],
    "a damaged head of the last member": lambda: flipped(packed({"a": b"x", "b": b"y", "c": b"z"}), 2048 + 130),
    "a damaged checksum of a head": lambda: flipped(packed({"a": b"x", "b": b"y"}), 1024 + 150),
    "the same, compressed": lambda: gzip.compress(flipped(packed({"a": b"x", "b": b"y"}), 1024 + 3)),
    "something after the end": lambda: packed({"a": b"x"}) + b"more" * 1_000_000,
}


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_an_attack_is_refused_and_leaves_nothing(tmp_path: Path, attack: str) -> None:
    with pytest.raises(UnsafeArchive) as caught:
        unpack(io.BytesIO(ATTACKS[attack]()), "gift.tar", tmp_path / "inner" / "out", limits=LIMITS)
    assert str(caught.value).startswith("CB149 ")
    assert list((tmp_path / "inner").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]


def test_an_archive_is_not_unpacked_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    unpack(io.BytesIO(packed({"a": b"1"})), "x", tmp_path / "out", limits=LIMITS)
    with pytest.raises(Unwritable, match="exists already"):
        unpack(io.BytesIO(packed({"a": b"2"})), "x", tmp_path / "out", limits=LIMITS)
    assert (tmp_path / "out/a").read_bytes() == b"1"


def test_files_are_packed_and_unpacked_by_name(tmp_path: Path) -> None:
    pack_file([tar_entry("a", b"1")], tmp_path / "x.tar.gz", compress=True)
    assert unpack_file(tmp_path / "x.tar.gz", tmp_path / "out", limits=LIMITS) == ["a"]
    with pytest.raises(NotFound):
        unpack_file(tmp_path / "y.tar", tmp_path / "out2", limits=LIMITS)
    with pytest.raises(Unwritable):
        pack_file([tar_entry("a", b"1")], tmp_path / "no" / "x.tar", compress=False)


def test_a_failed_packing_leaves_the_old_archive(tmp_path: Path) -> None:
    pack_file([tar_entry("a", b"1")], tmp_path / "x.tar", compress=False)
    before = (tmp_path / "x.tar").read_bytes()
    with pytest.raises(UnsafeArchive):
        pack_file([tar_entry("a", b"1"), tar_entry("../b", b"2")], tmp_path / "x.tar", compress=False)
    assert (tmp_path / "x.tar").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


FOLDERS = [head("./", tarfile.DIRTYPE), head("./a/", tarfile.DIRTYPE), head("./a/b", size=1)]


def test_folders_that_tar_lists_are_passed_over_where_they_may_be() -> None:
    found = list(members(io.BytesIO(tar_of(*FOLDERS)), "x", limits=LIMITS, folders=True))
    assert [each.name for each in found] == ["a/b"]
    with pytest.raises(UnsafeArchive):
        list(members(io.BytesIO(tar_of(*FOLDERS)), "x", limits=LIMITS))


@pytest.mark.parametrize("name", ["././a", ".//a", "./../a", "./", "/a", "./a\\b"])
def test_names_that_lead_elsewhere_stay_refused_among_folders(name: str) -> None:
    with pytest.raises(UnsafeArchive):
        list(members(io.BytesIO(tar_of(head(name, size=1))), "x", limits=LIMITS, folders=True))


def test_folders_count_as_files_do() -> None:
    many = tar_of(*(head(f"{n}/", tarfile.DIRTYPE) for n in range(LIMITS.files + 1)))
    with pytest.raises(UnsafeArchive, match="more than 100 files"):
        list(members(io.BytesIO(many), "x", limits=LIMITS, folders=True))
