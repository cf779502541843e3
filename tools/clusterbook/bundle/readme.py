"""The README.md of a bundle: what it installs, how, and how somebody can tell that it is whole.

What is the same for every deployer; how a deployer is used is said by its own module. Source: reference row B5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clusterbook.bundle.advice import needs
from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.options import Options
from clusterbook.bundle.template import fill
from clusterbook.records import Any

README = "README.md"
MADE = "Made by Clusterbook from recipe {}. Do not edit: make it again with `clusterbook bundle`."


def generated_line(recipe: Mapping[str, Any]) -> str:
    """Return the sentence that opens generated files; `#` and a blank before it make it a comment."""
    return MADE.format(slug(recipe))


def slug(recipe: Mapping[str, Any]) -> str:
    """Return the name of a recipe; those of other programs have none, so their criteria are joined.

    It goes into comments of scripts, so what could end a comment is taken out: anybody may write a recipe.
    """
    metadata = recipe.get("metadata") or {}
    criteria = recipe.get("criteria") or {}
    words = (criteria.get(name) for name in ("accelerator", "service", "os", "intent", "platform"))
    name = str(metadata.get("slug") or "-".join(str(word) for word in words if word and word != "any") or "base")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def readme(recipe: Mapping[str, Any], plan: Plan, options: Options, *, sections: str) -> str:
    """Return README.md. `sections` is Markdown of the deployer's own, its sections headed by `##`."""
    version = str((recipe.get("metadata") or {}).get("version") or "")
    criteria = recipe.get("criteria") or {}
    query = ", ".join(f"{key} {_cell(value)}" for key, value in sorted(criteria.items()) if value and value != "any")
    kinds = _needs(plan)
    words = {
        "SLUG": slug(recipe),
        "RECIPE": f"`{slug(recipe)}`{f', version {version}' if version else ''}{f' ({query})' if query else ''}",
        "DEPLOYER": _TITLES[options.deployer],
        "EDITED": generated_line(recipe).partition(". ")[2],
        "RELEASES": "".join(_row(folder) for folder in plan.folders),
        "NEEDS": kinds,
        "HOW": sections.strip("\n"),
        "AIR_GAP": _air_gap(plan, options.deployer),
    }
    return fill(README, words, sections=("needs",) if kinds else ())


_TITLES = {
    "helm": "Helm",
    "helmfile": "Helmfile",
    "argocd": "Argo CD",
    "argocd-helm": "Argo CD, as a chart",
    "flux": "Flux",
}


def _row(folder: Folder) -> str:
    """Return a release as a row of the table; those of one level do not need each other."""
    version = _cell(folder.chart.version) if folder.chart else ""
    return (
        f"| {folder.number:03d} | {folder.level} | {folder.name} | {folder.namespace} "
        f"| {version} | {_cell(_origin(folder))} |\n"
    )


def _needs(plan: Plan) -> str:
    """Return what has to be in the cluster before; "" where the bundle brings all that it needs."""
    return "\n\n".join(
        f"{', '.join(f'`{kind}`' for kind in need.kinds)}, for {', '.join(need.components)}:\n\n    {need.how}"
        for need in needs(plan)
    )


def _origin(folder: Folder) -> str:
    """Return where the content of a release comes from."""
    if folder.vendored is not None:
        return f"{folder.vendored.tarball}, in this bundle"
    if folder.chart is None:
        return "manifests in this bundle"
    return folder.chart.uri if folder.chart.oci else f"{folder.chart.name} of {folder.chart.repository}"


def _cell(value: Any) -> str:
    """Return text that stays in its cell of a table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


_FROM_A_MIRROR = {
    "helm": "CHART_MIRROR=oci://HOST/BASE ./deploy.sh",
    "helmfile": "CHART_MIRROR=oci://HOST/BASE helmfile sync --skip-deps",
}
"""How a deployer is told that charts are where `clusterbook mirror load` put them; others name their sources."""


def _air_gap(plan: Plan, deployer: str) -> str:
    """Return what has to be brought along to where nothing can be fetched."""
    command = _FROM_A_MIRROR.get(deployer)
    mirror = f" `{command}` uses the charts that `clusterbook mirror load` put there." if command else ""
    away = sorted({_host(folder.chart.repository) for folder in plan.folders if folder.chart and not folder.vendored})
    charts = (
        f"Charts are fetched from {', '.join(away)}; "
        f"`clusterbook bundle --vendor-charts` puts them into the bundle.{mirror}"
        if away
        else "All charts are in this bundle."
    )
    images = "Container images are not included: `recipe.yaml` names them, in `componentRefs[].images`."
    return f"{charts} {images}"


def _host(repository: str) -> str:
    """Return the host of a chart repository."""
    return repository.partition("://")[2].partition("/")[0]
