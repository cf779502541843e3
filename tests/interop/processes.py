"""Servers that live as long as a test needs them: started, waited for, and ended by their process id, whatever happens.

Each program is its own process group, so that Ctrl-C reaches the test first, and takes
what it started along when it ends; where the kernel can, it ends with this process even if that is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.server
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

Condition = Callable[[], bool]

POLL_S = 0.05
LONG_S = 300
"""A wait ends with what is waited for; after this long, a machine that is busy is no reason any more."""
LOG_LINES = 20

_SERVERS_PORTS = range(12000, 32000)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class NotReadyError(Exception):
    """A server ended too early, or a condition did not come true in time; the text ends with what the server said."""


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on, all different.

    None is of those that the kernel gives to whoever calls somebody: such a call could take it before the server does.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(_SERVERS_PORTS, len(_SERVERS_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise NotReadyError(f"no {count} ports are free")


MOST_STEPS_S = 6 * LONG_S
"""What goes on step by step is waited for no longer than this, however it moves: it may move in a circle."""


def wait_until(
    condition: Condition,
    what: str,
    *,
    timeout_s: float = LONG_S,
    poll_s: float = POLL_S,
    steps: Callable[[], object] | None = None,
) -> None:
    """Return as soon as `condition` holds.

    Args:
        condition: what is waited for.
        what: how a message calls it.
        timeout_s: how long it may take.
        poll_s: how long after one look the next one follows.
        steps: how far it has come, where it comes about step by step: the time then counts from the last step.

    Raises:
        NotReadyError: it did not in time; says `what` was waited for.
    """
    begun = last = time.monotonic()
    reached = steps() if steps else None
    while not condition():
        now = time.monotonic()
        if steps and now < begun + MOST_STEPS_S and (here := steps()) != reached:
            reached, last = here, now
        if now > last + timeout_s:
            raise NotReadyError(f"not after {now - begun:.3g} s: {what}")
        time.sleep(poll_s)


_WORK_S = 0.2


def slowness() -> float:
    """Return how many times as long as its processor time work takes at the moment; 1 where nothing else runs."""
    clock, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < _WORK_S:
        pass
    return max(1.0, (time.monotonic() - clock) / _WORK_S)


def listens(port: int) -> bool:
    """Return whether somebody takes connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(
    *command: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Return what a program prints; where it fails, the error carries its last words.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    done = subprocess.run(
        [str(word) for word in command], input=stdin, env={**os.environ, **(env or {})}, cwd=cwd,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        error.add_note(f"stdout: …{done.stdout[-2000:]}\nstderr: …{done.stderr[-2000:]}")
        raise error
    return done.stdout


@dataclass(frozen=True, slots=True)
class Server:
    """One running program and the file that holds all it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self, lines: int = LOG_LINES) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def wait_until(self, condition: Condition, what: str, *, timeout_s: float = LONG_S) -> None:
        """Return as soon as `condition` holds.

        Raises:
            NotReadyError: the program ended before, or it took too long.
        """

        def ended_or_true() -> bool:
            if self.process.poll() is not None:
                raise NotReadyError(f"{self.name} ended with {self.process.returncode}, not {what}\n{self.said()}")
            return condition()

        try:
            wait_until(ended_or_true, what, timeout_s=timeout_s)
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{self.name} said:\n{self.said()}") from None

    def first_line(self) -> str:
        """Return the first line it prints; ours print their address there."""
        self.wait_until(lambda: b"\n" in self.log.read_bytes(), "printing its address")
        return self.log.read_text(encoding="utf-8").splitlines()[0]

    def end(self) -> None:
        """Kill it and what it started: nothing that it holds outlives the test."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Servers:
    """A folder of logs and the programs that write them; ends them all, the last one first."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: list[Server] = []

    def __enter__(self) -> Servers:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._running:
            self._running.pop().end()

    def start(self, name: str, *command: str | Path, env: Mapping[str, str] | None = None) -> Server:
        """Start a program; `env` comes on top of ours."""
        log = self.logs / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                process_group=0,
                preexec_fn=_end_with_parent,
            )
        server = Server(name, process, log)
        self._running.append(server)
        return server


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    """Answer HTTP on a free loopback port by `handler`, in this process; gives the port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="serving")
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
