"""Charts of our own: the files by which Helm installs one folder, whatever asks Helm to.

The chart that a folder's own templates become, the values that a folder is installed with, and the chart around a chart
that travels along. Source: reference rows B6, B7, B23, B33.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clusterbook.bundle.folders import Folder, Plan, escape_template
from clusterbook.bundle.readme import generated_line
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

CHART, VALUES, LATER = "Chart.yaml", "values.yaml", "cluster-values.yaml"
CHART_VERSION = "0.1.0"
"""Version of charts of our own: it says nothing, the bundle's checksums do."""


def head(recipe: Mapping[str, Any]) -> str:
    """Return the line that opens generated YAML."""
    return f"# {generated_line(recipe)}\n"


def local_chart(folder: Folder, where: str) -> dict[str, str]:
    """Return the chart of a folder's own templates under the path `where`, {} for a folder without any.

    Templates are rendered already: Helm gives them back as they are.
    """
    if not folder.templates:
        return {}
    files = {f"{where}/{CHART}": dump(_chart(folder))}
    files |= {
        f"{where}/templates/{name}": escape_template(keep_on_uninstall(text)) for name, text in folder.templates.items()
    }
    return files


def keep_on_uninstall(text: str) -> str:
    """Return a manifest whose namespaces, volume claims and kinds stay when their release is removed.

    What is in them would go as well, and nobody can make it again. Source: Helm, resource policies.
    """
    if not _PRECIOUS.search(text):
        return text
    return "---\n".join(_keep_document(each) if _PRECIOUS.search(each) else each for each in _SEPARATOR.split(text))


def _keep_document(document: str) -> str:
    from clusterbook.documents.yaml_reader import parse

    node = parse(document, "manifest")
    value = node.data() if node else None
    if not isinstance(value, dict):
        return document
    metadata = value.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), "helm.sh/resource-policy": "keep"}
    return dump({**value, "metadata": {**metadata, "annotations": annotations}})


_PRECIOUS = re.compile(
    r"^kind: *[\"']?(?:Namespace|PersistentVolumeClaim|CustomResourceDefinition)[\"']? *(?:#.*)?$", re.M
)
_SEPARATOR = re.compile(r"^---.*\n", re.M)


def vendored_chart(folder: Folder, where: str) -> dict[str, str]:
    """Return Chart.yaml around the archive that travels along as `where`/charts/…, {} when none does.

    For deployers that install a directory only. Those that take an archive install it directly, with plain values.
    """
    if folder.vendored is None or folder.chart is None:
        return {}
    needs = [{"name": folder.chart.name, "version": folder.chart.version, "repository": ""}]
    return {f"{where}/{CHART}": dump({**_chart(folder), "dependencies": needs})}


def vendored_values(folder: Folder, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as the chart around a folder's archive hands them to it."""
    assert folder.chart is not None, f"{folder.name} has no chart to include"
    return {folder.chart.name: dict(values)} if values else {}


def values_files(folder: Folder, where: str) -> dict[str, str]:
    """Return values.yaml, and cluster-values.yaml with what is left to the installation."""
    return {f"{where}/{VALUES}": dump(folder.values), f"{where}/{LATER}": dump(folder.dynamic)}


def open_values(plan: Plan) -> str:
    """Return the paragraph about the values that are left to the installation, "" where there are none."""
    left = [f"`{folder.path}/{LATER}`" for folder in plan.folders if folder.dynamic]
    return f"First set the install-time values in {', '.join(left)}.\n\n" if left else ""


def secret_values(plan: Plan, namespace: str = "") -> str:
    """Return the paragraph about the values that are taken from where they are kept, "" where there are none.

    `namespace` is where the Secrets lie, "" for that of each release.
    """
    lines = [
        f"| {folder.name} | `{each.dotted()}` | {each.value}"
        f"{'' if each.value.file else f', in the namespace {namespace or folder.namespace}'} |"
        for folder in plan.folders
        for each in folder.secrets
    ]
    if not lines:
        return ""
    table = "\n".join(("| release | value | read from |", "|---|---|---|", *lines))
    return f"These values are not in the bundle; create their sources before you deploy:\n\n{table}\n\n"


def has_unknown_kinds(folder: Folder) -> bool:
    """Return whether a folder holds objects of kinds that nobody knows before its component is installed.

    Source: reference rows F11, B15.
    """
    return bool(folder.part.facts.get("hasSelfRefCRDs" if folder.chart else "manifestsUseChartCRDs"))


def _chart(folder: Folder) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": folder.name,
        "description": _WHAT[folder.phase].format(folder.component),
        "type": "application",
        "version": CHART_VERSION,
    }


_WHAT = {
    "pre": "Prerequisites of {}",
    "main": "{}",
    "post": "Resources that belong to {}",
    "readiness": "Completes when {} is ready",
}
