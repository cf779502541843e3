"""The deployer `argocd`: a directory for a Git repository, which Argo CD reads as an app of apps.

app-of-apps.yaml, and numbered folders with one Application each. Source: reference rows B9, B10, B37.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.bundle.argocd.applications import (
    HEALTH,
    HEALTH_FILE,
    HOME,
    HOME_SERVER,
    PLACEHOLDER,
    SYNC_POLICY,
    application,
    chart_source,
    child_annotations,
    differences,
    labels,
    parent_name,
    refuse_names,
    release,
    version,
    waves,
)
from clusterbook.bundle.argocd.readme import directory_readme
from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.local_chart import VALUES, head, local_chart, vendored_chart, vendored_values
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import README
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

PARENT_FILE, CHILD_FILE = "app-of-apps.yaml", "application.yaml"
Recipe = Mapping[str, Any]


def files(recipe: Recipe, plan: Plan, options: Options) -> dict[str, str]:
    """Return the files of the bundle by path.

    Raises:
        InvalidRequest: two Applications would have one name, or a name is too long.
    """
    refuse_names(plan, options)
    first = head(recipe)
    wave = waves(plan.folders)
    revision = _revision(recipe, options)
    found = {
        README: directory_readme(recipe, plan, options, wave),
        PARENT_FILE: first + dump(_parent(recipe, options, revision)),
        HEALTH_FILE: first + dump(HEALTH),
    }
    for folder in plan.folders:
        child = _child(recipe, folder, options, revision, wave[folder.name])
        found[f"{folder.path}/{CHILD_FILE}"] = first + dump(child)
        found |= local_chart(folder, folder.path) | vendored_chart(folder, folder.path)
        values = folder.values if folder.vendored is None else vendored_values(folder, folder.values)
        found[f"{folder.path}/{VALUES}"] = first + dump(values)
    return found


def notes(options: Options) -> tuple[str, ...]:
    """Return what a user should hear about the bundle."""
    if not options.repo:
        return (f"the Applications read from {PLACEHOLDER}: name the repository of the bundle with --repo",)
    if options.repo.startswith("oci://"):
        return ("Argo CD reads a directory from an OCI registry since 3.1; for older ones choose argocd-helm, or Git",)
    return ()


def _revision(recipe: Recipe, options: Options) -> dict[str, str]:
    """Return the repository of the bundle as part of a source: a Git repository's default branch, or a tag."""
    oci = options.repo.startswith("oci://")
    default = version(recipe) if oci else "HEAD"
    return {"repoURL": options.repo or PLACEHOLDER, "targetRevision": options.target_revision or default}


def _parent(recipe: Recipe, options: Options, revision: Mapping[str, str]) -> dict[str, Any]:
    """Return the Application of all Applications. What a chart calls application.yaml lies deeper, and is left out."""
    directory = {"recurse": True, "include": f"*/{CHILD_FILE}", "exclude": "*/*/*"}
    spec = {
        "destination": {"namespace": HOME, "server": HOME_SERVER},
        "source": {**revision, "path": ".", "directory": directory},
        "syncPolicy": SYNC_POLICY,
    }
    return application(parent_name(options), {"namespace": HOME, "labels": labels(recipe)}, spec, options)


def _child(recipe: Recipe, folder: Folder, options: Options, revision: Mapping[str, str], wave: int) -> dict[str, Any]:
    """Return the Application of one release."""
    metadata = {"namespace": HOME, "labels": labels(recipe), "annotations": child_annotations(wave)}
    spec = {
        "destination": {"namespace": folder.namespace, "server": options.destination_server},
        "syncPolicy": SYNC_POLICY,
        **_sources(folder, revision),
        **differences(folder),
    }
    return application(options.name_prefix + folder.name, metadata, spec, options)


def _sources(folder: Folder, revision: Mapping[str, str]) -> dict[str, Any]:
    """Return where the chart and its values come from.

    The release is called as its folder, not as its Application: a prefix must not rename what is in the cluster.
    """
    helm = release(folder)
    if folder.chart is None or folder.vendored is not None:
        return {"source": {**revision, "path": folder.path, "helm": helm}}
    source = chart_source(folder.chart)
    if revision["repoURL"].startswith("oci://"):  # only Git repositories can be a source of values beside a chart
        values = {"valuesObject": folder.values} if folder.values else {}
        return {"source": {**source, "helm": helm | values}}
    helm["valueFiles"] = [f"$values/{folder.path}/{VALUES}"]
    return {"sources": [{**source, "helm": helm}, {**revision, "ref": "values"}]}
