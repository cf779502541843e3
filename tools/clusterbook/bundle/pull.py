"""Pulling: charts and kustomizations that a bundle is to carry along.

helm pulls, kustomize builds; nothing is rendered here. Source: reference rows B4, B33, G17.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clusterbook.bundle.folders import Chart, VendoredChart, chart_of
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.oci.reference import is_loopback
from clusterbook.resolve.recipe import RecipeResult

TIMEOUT_S = 300
_AT_ONCE = 4


class ToolFailed(ClusterbookError):
    """A program that a bundle needs is not installed, or failed.

    The message quotes its output. Install it, or fix what it reports, and run the command again.
    """

    code = "CB112"
    exit_status = 6


def pull_charts(recipe: Mapping[str, Any], names: list[str]) -> dict[str, VendoredChart]:
    """Return the charts of the named components, pulled with helm, four at a time.

    Raises:
        InvalidRequest: what a component says of its chart cannot be.
        ToolFailed: helm is not installed, or cannot pull one of them.
    """
    wanted = [
        (component.name, chart_of(component.document))
        for component in RecipeResult(recipe).components
        if component.name in names and component.source and component.type != "Kustomize"
    ]
    helm = program("helm", "charts are pulled with it")
    puller = run([helm, "version", "--short"]).strip()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        pulled = pool.map(lambda each: _pull(helm, each[1], puller), wanted)
        return {name: found for (name, _), found in zip(wanted, pulled, strict=True)}


def _pull(helm: str, chart: Chart, puller: str) -> VendoredChart:
    """Return one chart; a password goes to helm through standard input, never onto a command line."""
    with tempfile.TemporaryDirectory() as folder:
        where = [f"{chart.repository}/{chart.name}"] if chart.oci else [chart.name, "--repo", chart.repository]
        login = None if chart.oci else _login(chart.repository, os.environ)
        if login is not None:
            user, password = login
            own = ["--repository-config", f"{folder}/repositories.yaml", "--repository-cache", f"{folder}/cache"]
            run(
                [helm, "repo", "add", "own", chart.repository, "--username", user, "--password-stdin", *own],
                feed=password,
            )
            where = [f"own/{chart.name}", *own]
        run([helm, "pull", *where, "--version", chart.version, "--destination", folder])
        archives = sorted(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise ToolFailed(f"helm pull {chart.name} left {len(archives)} archives", hint="run it by hand to see why")
        return VendoredChart(archives[0].name, archives[0].read_bytes(), puller)


def _login(repository: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password for a chart repository, None where they are for another host or there are none.

    Raises:
        InvalidRequest: it is not said for which host they are, or they would go there in clear.
    """
    user, password = environment.get("HELM_REPOSITORY_USERNAME"), environment.get("HELM_REPOSITORY_PASSWORD")
    if not user or not password:
        return None
    host = environment.get("HELM_REPOSITORY_HOST", "").strip().lower()
    if not host:
        hint = "set HELM_REPOSITORY_HOST to the one host (with its port, if any) that may receive it"
        raise InvalidRequest("HELM_REPOSITORY_PASSWORD is set without HELM_REPOSITORY_HOST", hint=hint)
    try:
        parts = urlsplit(repository)
        named = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError as error:
        raise InvalidRequest(f"{repository} is not the URL of a chart repository", hint="fix the recipe") from error
    if host not in (named, f"{named}:443"):
        return None
    if parts.scheme != "https" and not is_loopback(named):
        hint = f"use the repository over https, or unset HELM_REPOSITORY_PASSWORD if {named} needs none"
        raise InvalidRequest(f"{repository} would receive the password of {user} without TLS", hint=hint)
    return user, password


def build_kustomization(reference: Mapping[str, Any]) -> str:
    """Return what `kustomize build` makes of a component.

    Raises:
        ToolFailed: kustomize is not installed, or fails.
        InvalidRequest: the component says no path, or one that would be a flag. Source: reference row B4.
    """
    path = str(reference.get("path") or "")
    if not path:
        raise InvalidRequest(f"component {reference['name']} is Kustomize without a path", hint="add 'path:'")
    source, tag = str(reference.get("source") or ""), str(reference.get("tag") or "")
    target = f"{source}//{path}{'?ref=' + tag if tag else ''}" if source else path
    if target.startswith("-"):
        raise InvalidRequest(
            f"component {reference['name']}: '{target}' is a flag of kustomize, not a source", hint="put ./ before it"
        )
    return run([program("kustomize", "kustomizations are built with it"), "build", target])


def program(name: str, why: str) -> str:
    """Return the path of a program. Raises ToolFailed when it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise ToolFailed(f"{name} is not on PATH; {why}", hint=f"install {name}, then run the command again")
    return found


def run(words: list[str], *, feed: str = "") -> str:
    """Return what a program prints.

    Raises:
        ToolFailed: it fails or takes longer than five minutes.
    """
    what = f"{Path(words[0]).name} {words[1]}"
    CONSOLE.step(f"run {what}", program=words[0])
    try:
        done = subprocess.run(words, input=feed, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(
            f"{what} took longer than {TIMEOUT_S} s", hint="check that the repository is reachable"
        ) from error
    except OSError as error:
        raise ToolFailed(f"{what} cannot be run: {error.strerror}", hint="install it again") from error
    if done.returncode:
        said = (done.stderr.strip() or "no output").splitlines()[-1]
        raise ToolFailed(f"{what} {' '.join(words[2:3])} failed: {said}", hint="check that the repository is reachable")
    return done.stdout
