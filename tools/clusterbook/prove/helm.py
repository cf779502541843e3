"""Helm: the program that renders charts. It is only ever started here; no cluster is asked, nothing is written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.prove.objects import Rendering, split

TIMEOUT_S = 120
MAX_REFUSAL = 400
"""Most characters of what helm says that are kept; schema errors repeat themselves."""
_VERSION = re.compile(r"v(?P<major>\d+)\.\d+(\.\d+)?")
_MAJORS = ("3", "4")
_TROUBLE = re.compile(
    r"too many open files|no space left on device|cannot allocate memory|resource temporarily unavailable|"
    r"input/output error|permission denied|text file busy|stale file handle",
    re.IGNORECASE,
)
"""What operating systems say; helm passes it on with the status of a refusal."""
_OF_THE_CHART = ("template:", "execution error at", "meet the specifications")
"""What helm says of a chart that it could read; a chart may say anything in its own words."""
_REFUSES = 1
"""The exit status of a helm that does not render; Go's runtime ends with 2, shells with more than 128."""


class NoHelm(ClusterbookError):
    """Proving values renders charts with helm, which is not installed or is not a supported version.

    Install Helm 3 or 4 (https://helm.sh/docs/intro/install/), or name it with `--helm`. Existing proofs are used
    without it.
    """

    code = "CB241"
    exit_status = 6


class HelmFailed(ClusterbookError):
    """Helm failed: it was stopped, or could not pull a chart.

    The message quotes it.
    """

    code = "CB242"
    exit_status = 6


class Helm:
    """One helm program."""

    def __init__(self, program: str = "helm") -> None:
        """Find `program` and ask which version it is.

        Raises:
            NoHelm: there is none, or it is no Helm 3 or 4.
        """
        path = shutil.which(program)
        if path is None:
            raise NoHelm(f"{program} is not on PATH", hint="install Helm 3 or 4, or name it with --helm")
        self.program = path
        # With the driver of another store, and no such store here, helm renders nothing and calls that a success.
        self._environment = {**os.environ, "KUBECONFIG": os.devnull, "HELM_DEBUG": "false", "HELM_DRIVER": ""}
        try:
            done = self._run(["version", "--short"])
        except OSError as error:
            raise NoHelm(f"{path} cannot be started: {error.strerror}", hint="name Helm 3 or 4 with --helm") from error
        version = _VERSION.search(done.stdout)
        if done.returncode or version is None or version["major"] not in _MAJORS:
            said = (done.stdout or done.stderr).strip()[:80] or f"status {done.returncode}"
            raise NoHelm(f"{path} is not Helm 3 or 4: {said}", hint="name another with --helm")
        self.version = version[0]

    def render(
        self,
        archive: Path,
        release: str,
        namespace: str,
        values: Mapping[str, Any],
        *,
        kubernetes: str,
        crds: bool = False,
    ) -> Rendering:
        """Return the manifests of a chart, or helm's words when it refuses.

        Raises:
            HelmFailed: helm took too long or was stopped.
        """
        words = ["template", release, str(archive), "-n", namespace, "--kube-version", f"v{kubernetes}", "-f", "-"]
        done = self._run([*words, *(["--include-crds"] if crds else [])], json.dumps(values))
        if done.returncode < 0:
            raise HelmFailed(f"helm was stopped by signal {-done.returncode}", place=archive)
        if done.returncode not in (0, _REFUSES):
            said = next(iter(done.stderr.strip().splitlines()), "nothing")[:MAX_REFUSAL]
            what = f"helm ended with status {done.returncode}, which is not about the chart: {said}"
            raise HelmFailed(
                what, place=archive, hint="the machine may be out of memory; run it again, existing proofs are kept"
            )
        trouble = _TROUBLE.search(done.stderr) if done.returncode else None
        if trouble and not any(words in done.stderr for words in _OF_THE_CHART):
            what = f"helm failed, which is not about the chart: {trouble[0]}"
            raise HelmFailed(what, place=archive, hint="fix that and run it again; existing proofs are kept")
        return Rendering((), _refusal(done.stderr, archive)) if done.returncode else Rendering(split(done.stdout))

    def pull(self, source: str, chart: str, version: str, folder: Path) -> Path:
        """Return the archive of a chart, pulled into `folder`, which has to be there.

        Raises:
            HelmFailed: helm cannot pull it.
        """
        where = [f"{source}/{chart}"] if source.startswith("oci://") else [chart, "--repo", source]
        with tempfile.TemporaryDirectory(dir=folder) as apart:
            done = self._run(["pull", *where, "--version", version, "--destination", apart])
            archives = sorted(Path(apart).glob("*.tgz"))
            if done.returncode or len(archives) != 1:
                said = done.stderr.strip().splitlines()[-1:] or [f"{len(archives)} archives"]
                raise HelmFailed(
                    f"helm pull {chart} {version}: {said[0]}", hint="name a folder of charts with --charts"
                )
            return archives[0].replace(folder / archives[0].name)

    def _run(self, words: list[str], feed: str | None = None) -> subprocess.CompletedProcess[str]:
        CONSOLE.step(f"run {self.program} {' '.join(words[:2])}", program=self.program)
        try:
            return subprocess.run(
                [self.program, *words],
                input=feed,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
                env=self._environment,
                encoding="utf-8",
                errors="replace",
            )
        except subprocess.TimeoutExpired as error:
            what = f"helm {words[0]} took longer than {TIMEOUT_S} s"
            raise HelmFailed(what, hint="the machine may be busy; run it again, existing proofs are kept") from error


def _refusal(said: str, archive: Path) -> str:
    """Return helm's reason in one line, without the path of the archive, which is another on every machine."""
    lines = [line.strip() for line in said.replace(str(archive), archive.name).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("WARNING:", "Use --debug", "level="))]
    return " ".join(kept).removeprefix("Error: ")[:MAX_REFUSAL]
