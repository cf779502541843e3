"""The README.md of bundles for Argo CD: how they are handed over, the order of things, and a way out.

Source: design, section 8; reference rows B9-B12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterbook.bundle.argocd.applications import (
    HEALTH_FILE,
    HOME,
    HOME_SERVER,
    PLACEHOLDER,
    SYNC_POLICY,
    application,
    chart_name,
    home_source,
    labels,
    parent_name,
    version,
)
from clusterbook.bundle.folders import Plan
from clusterbook.bundle.handover import upgrade_section
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import readme
from clusterbook.bundle.template import fill
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

Recipe = Mapping[str, Any]


def directory_readme(recipe: Recipe, plan: Plan, options: Options, waves: Mapping[str, int]) -> str:
    """Return README.md of a directory that Argo CD reads."""
    words = {"WHERE": options.repo or PLACEHOLDER, **_operation(recipe, plan, options, waves)}
    how = fill("argocd/directory.md", words, sections=() if options.repo else ("unnamed",))
    return readme(recipe, plan, options, sections=how)


def chart_readme(
    recipe: Recipe, plan: Plan, options: Options, waves: Mapping[str, int], keys: Mapping[str, str]
) -> str:
    """Return README.md of a chart of Applications; `keys` are the installation values by release."""
    left = ", ".join(f"`{keys[name]}` ({name})" for name in keys)
    words = {
        "CHART": chart_name(recipe),
        "VERSION": version(recipe),
        "APPLICATION": dump(_parent(recipe, options)),
        "OPEN": f" These values are left for you to set: {left}." if left else "",
        **_operation(recipe, plan, options, waves),
    }
    return readme(recipe, plan, options, sections=fill("argocd/chart.md", words))


def _parent(recipe: Recipe, options: Options) -> dict[str, Any]:
    """Return the parent Application as somebody writes it who does not install the chart with Helm."""
    url, parent = options.repo or PLACEHOLDER, parent_name(options)
    values = {"appName": parent, "part": "applications", "repoURL": url}
    spec = {
        "destination": {"namespace": HOME, "server": HOME_SERVER},
        "source": {**home_source(recipe, url, options.target_revision), "helm": {"valuesObject": values}},
        "syncPolicy": SYNC_POLICY,
    }
    return application(parent, {"namespace": HOME}, spec, options)


def _operation(recipe: Recipe, plan: Plan, options: Options, waves: Mapping[str, int]) -> dict[str, str]:
    """Return what marks of both READMEs stand for: the order of things, and how Argo CD is dealt with."""
    words = {
        "HOME": HOME,
        "HEALTH_FILE": HEALTH_FILE,
        "PARENT": parent_name(options),
        "LABELS": ",".join(f"{key}={value}" for key, value in labels(recipe).items()),
        "UPGRADE": upgrade_section(plan, options.deployer),
        "WAVES": "".join(f"| {wave} | {names} |\n" for wave, names in _names_by_wave(waves)),
    }
    sections = ("cascade",) if options.cascade_delete else ("orphan",)
    return {
        **words,
        "HEALTH": fill("argocd/health.md", words),
        "OPERATE": fill("argocd/operate.md", words, sections=sections),
    }


def _names_by_wave(waves: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """Yield each wave and the names of its releases."""
    for wave in range(max(waves.values(), default=-1) + 1):
        yield wave, ", ".join(name for name in waves if waves[name] == wave)
