"""Plug-ins: programs that a kubeconfig names and that say who we are, as kubectl runs them.

In the folder where the user is, with the user's PATH; a program named by a path lies beside its kubeconfig. What it
brought is kept until it runs out. Source: client-go, plugin/pkg/client/auth/exec; client.authentication.k8s.io/v1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, NamedTuple

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.kubernetes.errors import BrokenKubeconfig, ClusterDenied

API_VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))
MODES = ("Never", "IfAvailable", "Always")


class ExecCredential(NamedTuple):
    """What a plug-in brought: a token, a certificate with its key, or both; `until` is when it runs out."""

    token: str = ""
    certificate: str = ""
    key: str = ""
    until: datetime | None = None


LIMIT_S = 300.0
"""How long one may take: some wait for a login in a browser, and kubectl waits for ever."""


class Plugin:
    """One plug-in. Threads may share it."""

    def __init__(
        self, entry: Mapping[str, Any], cluster: Mapping[str, Any], where: str, *, limit_s: float = LIMIT_S
    ) -> None:
        """Read what a kubeconfig says of a plug-in.

        Args:
            entry: `exec` of a user, its command resolved.
            cluster: what it is told of the cluster where it asks for that.
            where: the user, for messages.
            limit_s: how long it may take.

        Raises:
            BrokenKubeconfig: kubectl would not run it either.
        """
        self.where, self._cluster, self._limit_s = where, cluster, limit_s
        self._command, self._api_version = str(entry.get("command") or ""), str(entry.get("apiVersion") or "")
        if not self._command:
            raise BrokenKubeconfig(f"{where}: exec has no command", hint="see `kubectl config view`")
        if self._api_version not in API_VERSIONS:
            hint = f"write {' or '.join(API_VERSIONS)}; newer versions of the plug-in support it"
            raise BrokenKubeconfig(f"{where}: exec.apiVersion '{self._api_version}' is not supported", hint=hint)
        mode = str(entry.get("interactiveMode") or ("" if self._api_version == API_VERSIONS[0] else "IfAvailable"))
        if mode not in MODES:
            hint = f"write {', '.join(MODES[:-1])} or {MODES[-1]}; kubectl requires it, too"
            raise BrokenKubeconfig(f"{where}: exec.interactiveMode is '{mode}'", hint=hint)
        self._interactive = mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
        if mode == "Always" and not self._interactive:
            what = f"{where}: the plug-in '{self._command}' is interactive, and standard input is not a terminal"
            raise ClusterDenied(what, hint="run it in a terminal")
        self._words = [self._command, *map(str, entry.get("args") or ())]
        self._env = {str(each.get("name")): str(each.get("value") or "") for each in entry.get("env") or ()}
        self._tells_cluster = entry.get("provideClusterInfo") is True
        self._hint = str(entry.get("installHint") or "")
        self._kept: ExecCredential | None = None
        self._lock = Lock()

    def credential(self) -> ExecCredential:
        """Return what the plug-in brings; it runs only where nothing is kept, or what is has run out.

        Raises:
            ClusterDenied: it brings nothing.
        """
        with self._lock:
            if self._kept is None or (self._kept.until is not None and datetime.now(UTC) > self._kept.until):
                self._kept = self._read(self._run())
            return self._kept

    def _fault(self, why: str, hint: str = "") -> ClusterDenied:
        hint = hint or f"run '{self._command}' by itself to see why, or log in again"
        return ClusterDenied(f"{self.where}: no credentials: {why}", hint=hint)

    def _run(self) -> str:
        """Return what the program prints."""
        spec: dict[str, Any] = {"interactive": self._interactive}
        if self._tells_cluster:
            spec["cluster"] = self._cluster
        document = {"kind": "ExecCredential", "apiVersion": self._api_version, "spec": spec}
        env = {**os.environ, **self._env, "KUBERNETES_EXEC_INFO": json.dumps(document)}
        # A bare name is looked for where kubectl does: in the user's PATH, whatever PATH the plug-in is given.
        program = self._command if os.sep in self._command else shutil.which(self._command)
        if program is None:
            hint = self._hint or f"install '{self._command}', or add it to PATH"
            raise self._fault(f"'{self._command}' is not on PATH", hint)
        CONSOLE.step(f"run {program} to log in to the cluster", program=program)
        try:
            done = subprocess.run(
                self._words, executable=program, env=env, check=False, text=True, errors="replace",
                stdin=None if self._interactive else subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=None if self._interactive else subprocess.PIPE, timeout=self._limit_s,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            why = f"'{self._command}' did not finish within {self._limit_s:g} s"
            raise self._fault(why, f"run '{self._command}' by itself: it may be waiting for a login") from error
        except OSError as error:
            raise self._fault(f"'{self._command}' cannot be run: {error.strerror}", self._hint) from error
        if done.returncode:
            words = " ".join((done.stderr or "").split())
            raise self._fault(f"'{self._command}' exited with status {done.returncode}{f': {words}' if words else ''}")
        return done.stdout

    def _read(self, text: str) -> ExecCredential:
        """Return what a program printed."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._fault(f"cannot decode the output of '{self._command}': {error}") from error
        status = document.get("status") if isinstance(document, dict) else None
        version = document.get("apiVersion") if isinstance(document, dict) else None
        if version != self._api_version or document.get("kind") != "ExecCredential":
            raise self._fault(f"'{self._command}' answered in the version '{version}', not '{self._api_version}'")
        status = status if isinstance(status, dict) else {}
        token, certificate, key = (
            str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if not (token or certificate or key):
            raise self._fault(f"'{self._command}' returned neither a token nor a certificate")
        if bool(certificate) != bool(key):
            raise self._fault(f"'{self._command}' returned a certificate without its key, or a key alone")
        return ExecCredential(token, certificate, key, self._until(status.get("expirationTimestamp")))

    def _until(self, text: object) -> datetime | None:
        if not text:
            return None
        try:
            until = datetime.fromisoformat(str(text))
        except ValueError as error:
            raise self._fault(f"'{self._command}' returned the invalid expirationTimestamp '{text}'") from error
        return until if until.tzinfo else until.replace(tzinfo=UTC)
