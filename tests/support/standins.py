"""Programs that stand in for helm and kubectl: they write down how they were called, and do what a test asked them to.

They keep releases like Helm does, locks included, so a script that is run twice meets what it left behind. What
kubectl's templates make of objects is real kubectl's business: here a resource's file is the answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_HELM = r"""#!/usr/bin/env bash
set -u
cd "$STANDIN" || exit 99
call() { printf '%s %s %s\n' "${EPOCHREALTIME:-$(date +%s.%N)}" "$1" "$2" >>calls; }
pause() { [ ! -s "sleep/$release" ] || sleep "$(<"sleep/$release")"; }
said="$*"
words=''
while [ $# -gt 0 ]; do
    case $1 in
        --namespace) namespace="$2"; shift ;;
        --output | --timeout | --labels | --revision | -f | --repo | --version | --kube-context | --template) shift ;;
        -*) ;;
        *) words="$words $1" ;;
    esac
    shift
done
set -- $words
[ "$1" = version ] && { printf '%s\n' "$(<version)"; exit 0; }
printf 'helm %s\n' "$said" >>words
release="${!#}"
case $1 in upgrade | rollback) release="$2" ;; esac
file="releases/${namespace:-none}.$release"
case "$1" in
    upgrade)
        call start "$release"
        if [ -f "$file" ]; then
            case $(<"$file") in pending-* | uninstalling) echo 'Error: another operation is in progress'; exit 1 ;;
            esac
        fi
        if [ -s "fail/$release" ]; then
            left="$(<"fail/$release")"
            if [ "$left" -gt 0 ]; then
                echo "$((left - 1))" >"fail/$release"
                echo failed >"$file"
                echo "Error: $release does not want to"
                exit 1
            fi
        fi
        [ -f "$file" ] && echo pending-upgrade >"$file" || echo pending-install >"$file"
        if [ -f "hang/$release" ]; then
            ends="$(<"hang/$release")"
            rm "hang/$release"
            asked() { echo "$release has been cancelled"; sleep "$ends"; echo failed >"$file"; exit 1; }
            trap '[ -z "$ends" ] || asked' TERM
            call hang "$release"
            while :; do sleep 0.1; done
        fi
        pause
        echo deployed >"$file"
        echo "Release \"$release\" is there"
        call end "$release" ;;
    uninstall)
        [ -f "$file" ] || { echo "Error: uninstall: Release not loaded: $release: release: not found" >&2; exit 1; }
        call start "$release"
        if [ -s "fail/$release" ]; then
            left="$(<"fail/$release")"
            [ "$left" -gt 0 ] && { echo "$((left - 1))" >"fail/$release"; echo "Error: $release stays" >&2; exit 1; }
        fi
        pause
        rm "$file"
        call end "$release" ;;
    rollback)
        call rollback "$release"
        if [ -s "fail/$release" ]; then
            left="$(<"fail/$release")"
            [ "$left" -gt 0 ] && { echo "$((left - 1))" >"fail/$release"; echo "Error: $release stays" >&2; exit 1; }
        fi
        pause
        echo deployed >"$file" ;;
    status)
        [ ! -f unreadable ] || { echo 'Error: forbidden' >&2; exit 1; }
        [ -f "$file" ] || { echo 'Error: release: not found' >&2; exit 1; }
        printf '{"name":"%s","info":{"status":"%s"}}\n' "$release" "$(<"$file")" ;;
    template) release="$2"; [ ! -f "templates/$release" ] || cat "templates/$release" ;;
    get)
        [ "$2" != metadata ] || { printf 'NAME: %s\nVERSION: %s\n' "$release" "$(cat "versions/$release")"; exit 0; }
        if [ "$2" = manifest ]; then
            [ -f "$file" ] || { echo 'Error: release: not found' >&2; exit 1; }
            [ ! -f "manifests/$release" ] || cat "manifests/$release"
            exit 0
        fi
        [ ! -f "hooks/$release" ] || cat "hooks/$release" ;;
    *) echo "Error: unknown $*" >&2; exit 1 ;;
esac
"""

_KUBECTL = r"""#!/usr/bin/env bash
set -u
cd "$STANDIN" || exit 99
said="$*"
printf 'kubectl %s\n' "${said//$'\n'/ }" >>words
case "$1 ${2-}" in
    'apply '*) cat >>applied; echo "apply done" ;;
    'patch '*)
        while [ $# -gt 1 ]; do
            [ "$1" != --patch-file ] || cat "$2" >>patched
            shift
        done ;;
    'get --raw') [ ! -f unreachable ] || { echo 'connection refused' >&2; exit 1; }; echo '{}' ;;
    'get '*)
        name="$2"
        namespace=''
        while [ $# -gt 0 ]; do
            case $1 in
                --namespace) namespace="$2" ;;
                --selector) case $2 in owner=helm,name=*) name="${2##*=}.revisions" ;; esac ;;
            esac
            shift
        done
        case "$said" in *' --filename - '*) name=manifest ;; esac
        file="objects/${namespace:+$namespace.}${name%%,*}"
        [ ! -f "$file.forbidden" ] || { echo 'Error from server (Forbidden)' >&2; exit 1; }
        [ ! -f "$file" ] || cat "$file" ;;
    'api-resources '*) echo things ;;
    'config view') echo https://standin.invalid ;;
    *) echo "$1 done" ;;
esac
"""


class Call(NamedTuple):
    """One moment in the life of a release: what happened to it, and when."""

    at_s: float
    what: str
    release: str


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True, slots=True)
class Standins:
    """The folder of both programs and of what they know."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        """Environment in which scripts find the stand-ins, and wait for nothing."""
        return {
            "PATH": f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "STANDIN": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "RETRY_S": "0",
            "STOP_S": "0",
        }

    def set(self, path: str, text: str | int | float = "") -> None:
        """Write down what a program is to know.

        `fail/RELEASE`: how many times; `sleep/RELEASE`: for how many seconds; `hang/RELEASE`: after how many seconds
        it ends when it is asked to, never when empty; `templates/RELEASE`: what its chart renders to;
        `manifests/RELEASE`: what it was installed as; `versions/RELEASE`: the version of its chart;
        `objects/NAMESPACE.RELEASE.revisions`: what its template makes of the Secrets of a release;
        `objects/[NAMESPACE.]KIND`: what kubectl's template makes of it; `objects/NAMESPACE.manifest`: the names of
        objects of a manifest that are there.
        """
        file = self.home / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{text}\n" if str(text) else "", encoding="utf-8")

    def release(self, namespace: str, name: str) -> str:
        """Return the status of a release, "" when there is none."""
        file = self.home / "releases" / f"{namespace}.{name}"
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""

    def releases(self) -> dict[str, str]:
        """Return the status of every release, by namespace.name."""
        return {file.name: file.read_text(encoding="utf-8").strip() for file in (self.home / "releases").iterdir()}

    def calls(self) -> list[Call]:
        """Return what happened to releases, in order of time."""
        lines = self._lines("calls")
        return [Call(float(at), what, release) for at, what, release in map(str.split, lines)]

    def order(self, what: str = "start") -> list[str]:
        """Return the releases to which something happened, in order of time."""
        return [call.release for call in self.calls() if call.what == what]

    def words(self, start: str = "") -> list[str]:
        """Return how the programs were called, one line each: those that begin like this."""
        return [line.rstrip() for line in self._lines("words") if line.startswith(start)]

    def forget(self) -> None:
        """Forget how the programs were called."""
        for name in ("calls", "words"):
            (self.home / name).unlink(missing_ok=True)

    def _lines(self, name: str) -> list[str]:
        file = self.home / name
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []

    def run(self, script: Path, *flags: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Return how a script ended, with what it said."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", script, *flags],
            env={**os.environ, **self.env, **env}, capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL, cwd=self.home,
        )  # fmt: skip

    def start(self, script: Path, *flags: str, **env: str) -> subprocess.Popen[str]:
        """Return a script that runs, as a process group of its own, as if started in a terminal.

        Tests that somebody runs in the background inherit that interrupts are ignored, and so would the script.
        """
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", script, *flags],
            env={**os.environ, **self.env, **env}, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.home,
            preexec_fn=_heed_interrupts,
        )  # fmt: skip

    def wait_for(self, what: str, release: str, *, timeout_s: float = 20) -> None:
        """Return once something has happened to a release."""
        end = time.monotonic() + timeout_s
        while not any((call.what, call.release) == (what, release) for call in self.calls()):
            assert time.monotonic() < end, f"{what} {release} did not happen: {self.calls()}"
            time.sleep(0.02)

    def left(self) -> list[str]:
        """Return the commands of processes that still run and were started with these stand-ins."""
        return list(self._running().values())

    def end(self) -> None:
        """End what a test that failed left running."""
        for process in self._running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _running(self) -> dict[int, str]:
        mark = f"STANDIN={self.home}".encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(process.name)] = command
            except OSError:
                continue
        return found


def make(home: Path) -> Standins:
    """Return stand-ins that know nothing yet and succeed at everything."""
    for name in ("bin", "releases", "fail", "hang", "sleep", "hooks", "objects", "tmp"):
        (home / name).mkdir(parents=True)
    for name, text in (("helm", _HELM), ("kubectl", _KUBECTL)):
        program = home / "bin" / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
    found = Standins(home)
    found.set("version", "v3.22.0+gabcdef0")
    return found


def objects(rows: Mapping[str, str]) -> str:
    """Return the answer of kubectl's template for some rows."""
    return "\n".join(f"{name} {rest}".rstrip() for name, rest in rows.items())
