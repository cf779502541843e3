"""Git: what the history says about a folder. Nothing here writes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import ClusterbookError, NotFound, UnreadableSource
from clusterbook.ledger.plan import Commit

_TIMEOUT_S = 60


class NoHistory(ClusterbookError):
    """Git cannot be used: it is not installed, or the folder is not in a checkout.

    A release is made from commits, so make it in a clone.
    """

    code = "CB122"
    exit_status = 8


def commit(folder: Path, revision: str) -> Commit:
    """Return the commit that `revision` names, with its date in UTC.

    Raises:
        NoHistory: git cannot be asked.
        NotFound: there is no such commit.
    """
    try:
        line = _git(folder, "log", "-1", "--format=%H %cI", "--end-of-options", f"{revision}^{{commit}}", "--")
    except NoHistory as error:
        _git(folder, "rev-parse", "--git-dir")  # says so when there is no history at all
        raise NotFound(f"there is no commit {revision}", hint="type git log --oneline to see them") from error
    name, _, date = line.decode().strip().partition(" ")
    return Commit(name, datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def merge_base(folder: Path, one: str, other: str) -> str:
    """Return the commit from which two revisions parted.

    Raises:
        NoHistory: git cannot be asked.
        NotFound: there is no such commit, or the two have none in common.
    """
    ends = [commit(folder, revision).id for revision in (one, other)]
    try:
        return _git(folder, "merge-base", *ends).decode().strip()
    except NoHistory as error:
        what = f"{one} and {other} have no commit in common"
        raise NotFound(what, hint="a shallow clone lacks it: git fetch --unshallow") from error


def texts(folder: Path, revision: str) -> dict[str, str]:
    """Return the text of every file below `folder` as it was at `revision`, by its path below `folder`.

    Files are taken as `workspace.read` takes them: those whose name begins with a dot, and binary ones, are left out.

    Raises:
        NoHistory: git cannot be asked.
        NotFound: the folder was not there then.
        UnreadableSource: a link, or YAML that is not UTF-8.
    """
    top, below = _place(folder)
    try:
        archive = _git(top, "archive", "--format=tar", revision, "--", below)
    except NoHistory as error:
        raise NotFound(f"{revision} has no folder {below}", hint="name another commit or folder") from error
    files: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if member.isdir() or any(part.startswith(".") for part in path.relative_to(below).parts):
                continue
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                raise UnreadableSource("a link", hint="links are not followed; copy the file", place=path)
            yaml = path.suffix in (".yaml", ".yml")
            try:
                files[path.relative_to(below).as_posix()] = file.read().decode("utf-8-sig" if yaml else "utf-8")
            except UnicodeDecodeError as error:
                if yaml:
                    raise UnreadableSource("not UTF-8 text", hint="save it as UTF-8", place=path) from error
    return files


def is_dirty(folder: Path) -> bool:
    """Return whether anything below `folder` differs from the last commit. Raises NoHistory."""
    return bool(_git(folder, "status", "--porcelain", "--untracked-files=all", "--", "."))


def _place(folder: Path) -> tuple[Path, str]:
    """Return the top of the checkout that `folder` is in, and its path below."""
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")).resolve()
    return top, folder.absolute().resolve().relative_to(top).as_posix()


def _git(folder: Path, *arguments: str) -> bytes:
    """Return what git prints about `folder`, or the nearest one above: what a commit had may be gone from the disk.

    Raises:
        NoHistory: it is missing, or fails.
    """
    CONSOLE.step(f"run git {arguments[0]}", program="git")
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
    try:
        done = subprocess.run(
            ["git", "-C", str(there), *arguments], capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoHistory(f"git cannot be run: {error}", hint="install git, and run this in a clone") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines() or ["it failed"]
        raise NoHistory(f"git {arguments[0]}: {lines[-1]}", hint="run this in a clone that has the history")
    return done.stdout
