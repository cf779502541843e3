"""Helm itself takes every chart of every bundle that our recipes make, and renders them to what the recipes say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.render import Bundle, render
from tests.interop.processes import run
from tests.support.template_cases import documents
from tests.support.whole_recipes import wholes

LOCAL = {"helm": {"readinessHooks": True}, "argocd": {"readinessHooks": True}, "flux": {"readinessHooks": True}}
"""Deployers whose bundles hold local charts of their own making, helmfile's being those of helm; and what they are
asked."""
GIT = "https://git.example.org/clusters.git"
NOT_OF_THE_CHART = ("install.sh", "application.yaml", "helmrelease.yaml", "configmap-values.yaml")


def below(made: Bundle, folder: str) -> dict[str, bytes]:
    """Return the files of one folder of a bundle that are a chart's."""
    return {
        path.removeprefix(f"{folder}/"): data
        for path, data in made.files.items()
        if path.startswith(f"{folder}/") and not path.endswith(NOT_OF_THE_CHART)
    }


def local_charts() -> Iterator[tuple[Folder, dict[str, bytes]]]:
    """Yield folder and files of every local chart of every recipe; those that differ in the slug alone, once."""
    seen = set()
    for slug, recipe in wholes().items():
        for deployer, request in LOCAL.items():
            made = render(recipe, {"deployer": deployer, **request}, "0")
            for folder in made.plan.folders:
                files = below(made, folder.path) if folder.chart is None else {}
                key = tuple(sorted((path, data.replace(slug.encode(), b"")) for path, data in files.items()))
                if files and key not in seen:
                    seen.add(key)
                    yield folder, files


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files below a folder; return it."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def said(text: str) -> list[str]:
    """Return the objects in manifests as text that sorts; Helm puts them into the order of installation."""
    return sorted(json.dumps(each, sort_keys=True) for each in documents(text))


def test_every_local_chart_is_sound_and_renders_to_what_stands_in_it(
    tmp_path: Path, tools_env: Mapping[str, str]
) -> None:
    charts = {
        write(files, tmp_path / str(number) / folder.name): (folder, files)
        for number, (folder, files) in enumerate(local_charts())
    }
    assert len(charts) > 100
    run("helm", "lint", "--strict", "--quiet", *charts, env=tools_env)
    for chart, (folder, files) in charts.items():
        manifests = [data.decode() for path, data in files.items() if path.startswith("templates/")]
        wanted = said("\n---\n".join(text.replace('{{ "{{" }}', "{{") for text in manifests))
        assert wanted, folder.name
        assert said(run("helm", "template", folder.name, chart, "-n", folder.namespace, env=tools_env)) == wanted


def charts_of_applications() -> Iterator[tuple[str, Bundle]]:
    """Yield the slug and the chart of Applications of recipes that differ in what they install."""
    seen = set()
    for slug, recipe in wholes().items():
        made = render(recipe, {"deployer": "argocd-helm", "readinessHooks": True}, "0")
        key = tuple((folder.name, folder.phase, folder.chart) for folder in made.plan.folders)
        if key not in seen:
            seen.add(key)
            yield slug, made


def test_every_chart_of_applications_is_sound_with_and_without_a_repository(
    tmp_path: Path, tools_env: Mapping[str, str]
) -> None:
    charts = {write(made.files, tmp_path / slug): made for slug, made in charts_of_applications()}
    assert len(charts) > 30
    run("helm", "lint", "--strict", "--quiet", *charts, env=tools_env)
    for chart, made in charts.items():
        run("helm", "lint", "--strict", "--quiet", "--set", f"repoURL={GIT}", chart, env=tools_env)
        assert names(chart, tools_env, "--set", f"repoURL={GIT}") == {"clusterbook-stack"}
        releases = {folder.name for folder in made.plan.folders}
        assert names(chart, tools_env, "--set", f"repoURL={GIT},part=applications") == releases
        if all(folder.chart for folder in made.plan.folders):
            assert names(chart, tools_env) == releases
        else:
            with pytest.raises(subprocess.CalledProcessError) as refused:
                names(chart, tools_env)
            assert "repoURL is not set" in refused.value.stderr


def names(chart: Path, env: Mapping[str, str], *words: str) -> set[str]:
    """Return the names of the Applications that Helm renders of a chart."""
    found: list[dict[str, Any]] = documents(run("helm", "template", "stack", chart, "-n", "argocd", *words, env=env))
    assert {each["kind"] for each in found} == {"Application"}
    return {each["metadata"]["name"] for each in found}
