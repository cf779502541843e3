"""The host: the machine that is looked at: its files below a root, its kernel, its programs.

The root is `/` on the machine itself, and where its root is mounted in a pod. A file may be a link, huge, no text or no
file at all, and a program may hang: each read and each run is bounded.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clusterbook.snapshot.inventory import ABSENT, DENIED, FAILED, Gap

MAX_BYTES = 1 << 20
"""Most that is read of a file. Source: reference row S5."""
_MAX_LINKS = 40
"""As many as Linux follows."""


class ProgramOutput(NamedTuple):
    """What a program said; both outputs are text, what is not UTF-8 as escapes."""

    status: int
    out: str
    err: str = ""


Runner = Callable[[Sequence[str], Mapping[str, str], float], ProgramOutput]
"""Runs a program: words, variables on top of our own, seconds. Raises OSError, TimeoutError when it takes longer."""


class Host(NamedTuple):
    """One machine. `kernel` is where its /proc and /sys lie; `contained` says that the root is a container's own."""

    root: Path
    kernel: Path
    run: Runner
    contained: bool = False

    def text(self, name: str) -> str:
        """Return the text of the file `name`, which counts from the root.

        Raises:
            OSError: it is not there, may not be read, is no file, or is larger than 1 MiB.
        """
        return read(self.path(name))

    def path(self, name: str) -> Path:
        """Return where `name` lies; links count from the root, as they do on the machine itself.

        Raises:
            OSError: links go in a circle.
        """
        at, rest, links = self.root, [part for part in reversed(name.split("/")) if part], 0
        while rest:
            part = rest.pop()
            if part == "..":
                at = at if at == self.root else at.parent
                continue
            below = at / part
            if part == "." or not below.is_symlink():
                at = below
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(below))
            target = str(below.readlink())
            at = self.root if target.startswith("/") else at
            rest += [each for each in reversed(target.split("/")) if each]
        return at


def this_host(root: str = "/", *, contained: bool = False) -> Host:
    """Return the machine whose root is mounted at `root`.

    Where nobody mounted its /proc and /sys there, ours show the same kernel.
    """
    place = Path(root)
    kernel = place if (place / "proc" / "sys").is_dir() else Path("/")
    return Host(place, kernel, run_program, contained and place == Path("/"))


def read(path: Path) -> str:
    """Return the text of a file, what is not UTF-8 as escapes. Raises as `Host.text`."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "no file", str(path))
        data = b""
        while piece := os.read(handle, MAX_BYTES + 1 - len(data)):
            data += piece
    finally:
        os.close(handle)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, "larger than 1 MiB", str(path))
    return data.decode("utf-8", "backslashreplace")


def gap(part: str, error: OSError, what: str = "") -> Gap:
    """Return the line of `coverage` for a file that could not be read; `what` names it otherwise than by its path."""
    state = FAILED
    if isinstance(error, PermissionError):
        state = DENIED
    elif isinstance(error, FileNotFoundError | NotADirectoryError):
        state = ABSENT
    return Gap(part, state, f"{what or error.filename}: {error.strerror or error}")


def run_program(words: Sequence[str], variables: Mapping[str, str], timeout_s: float) -> ProgramOutput:
    """Return what a program said. Raises OSError, TimeoutError; see `Runner`."""
    if "/" not in words[0] and shutil.which(words[0]) is None:  # else a folder of PATH that is closed to us is "denied"
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), words[0])
    environment = {**os.environ, "LC_ALL": "C", **variables}
    try:
        done = subprocess.run(
            words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(errno.ETIMEDOUT, f"no answer within {timeout_s:g} s", words[0]) from error
    out, err = (text.decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr))
    return ProgramOutput(done.returncode, out, err)
