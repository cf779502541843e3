"""Bundles on disk: nothing of anybody else's is lost, and nothing is believed that was not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusterbook.bundle.checksums import CHECKSUMS, checksums
from clusterbook.bundle.disk import ForeignFiles, read_bundle, write_bundle
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, Unwritable


def files(**more: str) -> dict[str, bytes]:
    """Return a bundle's files; `__` stands for a slash."""
    texts = {"options.yaml": "kind: BundleOptions\n", "001-a/install.sh": "#!/bin/sh\n"}
    texts |= {name.replace("__", "/").replace("_yaml", ".yaml"): text for name, text in more.items()}
    found = {name: text.encode() for name, text in texts.items()}
    return {**found, CHECKSUMS: checksums(found)}


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    bundle = files(a__b_yaml="x: 1\n")
    assert write_bundle(tmp_path / "new" / "deep", bundle, force=False) == []
    assert read_bundle(tmp_path / "new" / "deep") == bundle
    assert os.access(tmp_path / "new/deep/001-a/install.sh", os.X_OK)
    assert not os.access(tmp_path / "new/deep/options.yaml", os.X_OK)


def test_stale_files_of_an_older_bundle_go(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(**{"002-b__values_yaml": "x", "002-b__templates__t_yaml": "y"}), force=False)
    assert write_bundle(tmp_path, files(), force=False) == ["002-b/templates/t.yaml", "002-b/values.yaml"]
    assert not (tmp_path / "002-b").exists()
    assert read_bundle(tmp_path) == files()


def test_a_folder_with_other_files_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ForeignFiles, match=r"notes\.txt, which does not belong to a bundle"):
        write_bundle(tmp_path, files(), force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_put_into_a_bundle_is_refused_and_kept_with_force(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(), force=False)
    (tmp_path / "001-a/mine.yaml").write_text("mine")
    with pytest.raises(ForeignFiles, match=r"001-a/mine\.yaml"):
        write_bundle(tmp_path, files(), force=False)
    write_bundle(tmp_path, files(), force=True)
    assert (tmp_path / "001-a/mine.yaml").read_text() == "mine"


def test_an_edited_file_is_refused_and_replaced_with_force(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(), force=False)
    (tmp_path / "001-a/install.sh").write_text("edited")
    with pytest.raises(ForeignFiles, match=r"001-a/install\.sh, which was edited since"):
        write_bundle(tmp_path, files(), force=False)
    write_bundle(tmp_path, files(), force=True)
    assert read_bundle(tmp_path) == files()


def test_an_interrupted_run_is_completed_by_the_next(tmp_path: Path) -> None:
    old, new = files(z_yaml="old"), files(a_yaml="new")
    write_bundle(tmp_path, old, force=False)
    (tmp_path / "a.yaml").write_bytes(new["a.yaml"])  # as far as the interrupted run came
    write_bundle(tmp_path, new, force=False)
    assert read_bundle(tmp_path) == new


def test_the_first_run_when_interrupted_is_completed_by_the_next(tmp_path: Path) -> None:
    new = files(a_yaml="new")
    (tmp_path / "a.yaml").write_bytes(new["a.yaml"])
    write_bundle(tmp_path, new, force=False)
    assert read_bundle(tmp_path) == new


def test_a_file_of_which_a_killed_run_wrote_a_part_is_written_anew(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(z_yaml="old"), force=False)
    for part in (".z.yaml.part", ".a.yaml.part", "001-a/.install.sh.part"):
        (tmp_path / part).write_text("half a")
    new = files(a_yaml="new")
    write_bundle(tmp_path, new, force=False)
    assert read_bundle(tmp_path) == new


def test_signatures_lie_beside_the_files_and_stay_as_long_as_they_do(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(), force=False)
    (tmp_path / "attestation").mkdir()
    (tmp_path / "attestation/bundle.sigstore.json").write_text("{}")
    write_bundle(tmp_path, files(), force=False)
    assert (tmp_path / "attestation/bundle.sigstore.json").exists()
    assert read_bundle(tmp_path) == files()
    other = files(a__b_yaml="x: 1\n")
    assert write_bundle(tmp_path, other, force=False) == ["attestation/bundle.sigstore.json"]
    assert not (tmp_path / "attestation").exists()


def test_a_link_is_no_file_of_a_bundle(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(), force=False)
    (tmp_path / "001-a/link").symlink_to("/etc/passwd")
    for action in (lambda: read_bundle(tmp_path), lambda: write_bundle(tmp_path, files(), force=True)):
        with pytest.raises(InvalidRequest, match="001-a/link, which is a link"):
            action()


def test_a_linked_folder_is_not_followed(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", files(), force=False)
    (tmp_path / "bundle/out").symlink_to(tmp_path)
    with pytest.raises(InvalidRequest, match=r"\bout\b"):
        read_bundle(tmp_path / "bundle")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="none"):
        read_bundle(tmp_path / "none")


def test_what_is_no_bundle_because_of_its_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 11)
    with pytest.raises(InvalidRequest, match="holds more than 10 bytes"):
        read_bundle(tmp_path, most_bytes=10)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ForeignFiles, match="is not a folder"):
        write_bundle(tmp_path / "file", files(), force=True)
    with pytest.raises(Unwritable, match="cannot be written"):
        write_bundle(tmp_path / "file" / "below", files(), force=False)


def test_a_file_that_is_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    old, new = files(a_yaml="same", z_yaml="old"), files(a_yaml="same", z_yaml="new")
    write_bundle(tmp_path, old, force=False)
    before = {path: (tmp_path / path).stat().st_ino for path in old}
    write_bundle(tmp_path, new, force=False)
    assert {path for path, inode in before.items() if (tmp_path / path).stat().st_ino != inode} == {"z.yaml", CHECKSUMS}
    assert read_bundle(tmp_path) == new


def test_a_script_that_nobody_may_run_any_more_is_made_runnable_again(tmp_path: Path) -> None:
    write_bundle(tmp_path, files(), force=False)
    (tmp_path / "001-a/install.sh").chmod(0o600)
    write_bundle(tmp_path, files(), force=False)
    assert os.access(tmp_path / "001-a/install.sh", os.X_OK)
