"""Tools are built once, by whoever comes first, and found again without Go; without Go the tier is skipped, aloud."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.interop import toolchain
from tests.interop.toolchain import BuildError, GoMissingError, GoTooOldError

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def stand_in_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `go` first on PATH that writes its arguments to a file and, as the program, what is in `makes`."""
    folder = tmp_path / "go"
    folder.mkdir()
    go = folder / "go"
    go.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/calls\n[ -f {folder}/fails ] && {{ cat {folder}/fails >&2; exit 1; }}\n'
        'sleep 0.2\nwhile [ "$1" != -o ]; do shift; done\necho program > "$2"\n'
    )
    go.chmod(go.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.usefixtures("empty_cache")
def test_a_tool_is_built_once_however_many_ask_for_it_at_once(stand_in_go: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(toolchain.program, ["kubeconform"] * 4))
    assert [path.read_text() for path in paths] == ["program\n"]
    assert len((stand_in_go / "calls").read_text().splitlines()) == 1


@pytest.mark.usefixtures("stand_in_go")
def test_a_tool_that_was_built_is_found_without_go(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = toolchain.program("kubeconform")
    monkeypatch.setenv("PATH", "")
    assert toolchain.program("kubeconform") == built
    assert built.is_relative_to(empty_cache)


@pytest.mark.usefixtures("empty_cache")
def test_a_build_that_fails_says_what_go_said_and_leaves_nothing(stand_in_go: Path) -> None:
    (stand_in_go / "fails").write_text("missing go.sum entry for module x")
    with pytest.raises(BuildError, match=r"kubeconform does not build\nmissing go\.sum entry"):
        toolchain.program("kubeconform")
    assert toolchain.found("kubeconform") is None
    (stand_in_go / "fails").unlink()
    assert toolchain.program("kubeconform").is_file()


@pytest.mark.usefixtures("empty_cache")
def test_a_go_that_is_too_old_is_told_from_a_build_that_fails(stand_in_go: Path) -> None:
    (stand_in_go / "fails").write_text("go: go.mod requires go >= 1.26.0 (running go 1.22.2; GOTOOLCHAIN=local)")
    with pytest.raises(GoTooOldError, match=r"kubeconform: go: go.mod requires go >= 1.26.0"):
        toolchain.program("kubeconform")


@pytest.mark.usefixtures("empty_cache")
def test_a_machine_without_go_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GoMissingError, match="Go is not on PATH"):
        toolchain.program("kubeconform")


def test_without_go_the_tier_is_skipped_aloud(empty_cache: Path, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(empty_cache), "HOME": str(tmp_path), "CI": "true"}
    command = [sys.executable, "-m", "tests.interop.toolchain"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("SKIPPED: Go is not on PATH")
    tests = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/interop/test_registries.py"]
    done = subprocess.run(tests, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "6 skipped" in done.stdout
    assert "Go is not on PATH" in done.stdout


def test_a_changed_source_or_flag_is_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kwok = toolchain.PROGRAMS["kwok"]
    before = toolchain.home_of(kwok)
    assert toolchain.home_of(toolchain.Program(kwok.name, kwok.folder, kwok.package, {"x": "y"})) != before
    shutil.copytree(toolchain.TOOLS / "kwok", tmp_path / "kwok")
    monkeypatch.setattr(toolchain, "TOOLS", tmp_path)
    assert toolchain.home_of(kwok) == before
    (tmp_path / "kwok" / "go.sum").write_text("")
    assert toolchain.home_of(kwok) != before


def test_every_folder_of_tools_is_used_and_every_program_has_one() -> None:
    folders = {path.name for path in toolchain.TOOLS.iterdir()}
    assert folders == {program.folder for program in toolchain.PROGRAMS.values()}
    for program in toolchain.PROGRAMS.values():
        pinned = (toolchain.TOOLS / program.folder / "go.mod").read_text()
        assert program.package == "." or f"tool {program.package}\n" in pinned or f"\t{program.package}\n" in pinned


@pytest.mark.parametrize("name", ["helm", "kubectl"])
def test_tools_say_the_versions_that_are_pinned(name: str) -> None:
    words = {"helm": ("version", "--short"), "kubectl": ("version", "--client")}[name]
    said = subprocess.run([toolchain.program(name), *words], capture_output=True, text=True, check=True).stdout
    assert {"helm": "v3.22.0", "kubectl": f"v{toolchain.KUBERNETES}"}[name] in said
