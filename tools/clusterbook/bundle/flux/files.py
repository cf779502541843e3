"""Flux: one HelmRelease for each folder, started as soon as those that it needs are ready.

The objects by which Flux installs charts of others, and charts of our own from Git or from an OCI registry.
Source: reference rows B13, B14, B23, L13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clusterbook.bundle.flux.source import (
    GIT,
    LATER,
    SOURCE,
    SYNC,
    BundleSource,
    bundle_source,
    installation_section,
    source,
    sync,
    values_config_map_name,
)
from clusterbook.bundle.folders import POD_SECURITY, Folder, Plan
from clusterbook.bundle.integers import Path, spell_path, walk_integers, without
from clusterbook.bundle.local_chart import has_unknown_kinds, head, local_chart
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import README, readme
from clusterbook.bundle.repositories import repository_names
from clusterbook.bundle.settings import Setting
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

INTERVAL, INDEX_INTERVAL = "10m", "1h"
RETRIES = 5
"""As often as deploy.sh tries. Source: reference row B17."""
_HELM = "helm.toolkit.fluxcd.io/v2"
_GENERATOR = "source.extensions.fluxcd.io/v1beta1"
_WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}
"""A label by which a change of the ConfigMap is acted on at once. Source: HelmRelease v2, valuesFrom."""
_TARGET = re.compile(r"([a-zA-Z0-9_.\\/-]|\[[0-9]{1,5}\])+")
"""Source: HelmRelease v2, valuesFrom, targetPath."""
_LONGEST_TARGET = 250

Objects = dict[str, dict[str, Any]]


def files(recipe: Mapping[str, Any], plan: Plan, options: Options) -> dict[str, str]:
    """Return the files of a Flux bundle by path.

    Raises:
        InvalidRequest: Flux cannot reach the repository that the bundle is to lie in.
    """
    home, opening, names = bundle_source(options), head(recipe), repository_names(plan)
    objects: Objects = {f"sources/helmrepo-{name}.yaml": _helm_repository(name, url) for url, name in names.items()}
    texts: dict[str, str] = {}
    for folder in plan.folders:
        objects |= _release(folder, home, names)
        texts |= local_chart(folder, folder.path)
    if home.kind == GIT and any(_lies_in_bundle(folder) for folder in plan.folders):
        objects[f"sources/gitrepo-{home.name}.yaml"] = source(home)
    for each in objects.values():
        each["metadata"]["namespace"] = options.flux_namespace
    names_privileged = sorted({folder.namespace for folder in plan.folders if folder.privileged})
    objects |= {f"namespaces/{name}.yaml": _privileged_namespace(name) for name in names_privileged}
    texts |= {path: opening + dump(each) for path, each in objects.items()}
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    texts["kustomization.yaml"] = opening + dump({**kustomization, "resources": sorted(objects)})
    if home.url:
        texts[SYNC] = opening + "---\n".join(map(dump, sync(home, options.flux_namespace)))
    texts[README] = readme(recipe, plan, options, sections=installation_section(home, plan, options.flux_namespace))
    return texts


def _privileged_namespace(namespace: str) -> dict[str, Any]:
    """Return a namespace that admits privileged pods; it outlives the bundle, as what is in it may be precious."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace,
            "annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"},
            "labels": {POD_SECURITY: "privileged"},
        },
    }


def _lies_in_bundle(folder: Folder) -> bool:
    """Return whether the chart of a folder lies in the bundle."""
    return folder.chart is None or folder.vendored is not None


def _helm_repository(name: str, url: str) -> dict[str, Any]:
    """Return the object that says where charts are pulled from."""
    # An OCI registry has no index that could be read from time to time.
    spec = {"type": "oci"} if url.startswith("oci://") else {"interval": INDEX_INTERVAL}
    return {
        "apiVersion": SOURCE,
        "kind": "HelmRepository",
        "metadata": {"name": name},
        "spec": {"url": url, **spec},
    }


def _release(folder: Folder, home: BundleSource, names: Mapping[str, str]) -> Objects:
    """Return the objects of one folder by path."""
    wait = {} if folder.wait else {"disableWait": True}
    validation = {"disableOpenAPIValidation": True} if has_unknown_kinds(folder) else {}
    retries = RETRIES if folder.retries is None else folder.retries
    owns = folder.part.facts.get("ownsCRDs", True)
    install, upgrade = ("CreateReplace", "CreateReplace") if owns else ("Create", "Skip")
    action = {"remediation": {"retries": retries}, **wait, **validation}
    spec: dict[str, Any] = {
        "interval": INTERVAL,
        "releaseName": folder.name,
        "targetNamespace": folder.namespace,
        "timeout": _duration(folder.timeout_s),
        "install": {"crds": install, **action, "createNamespace": True},
        "upgrade": {"crds": upgrade, **action},
    }
    if wait:
        spec["rollback"] = wait
    if folder.needs:
        spec["dependsOn"] = [{"name": name} for name in folder.needs]
    found: Objects = {}
    numbers = _integers(folder)
    lists = {path for number in numbers if (path := _list_of(number))}
    values = without(folder.values, {path for path in numbers if not _list_of(path)} | lists)
    if values:
        spec["values"] = values
    name = f"{folder.name}-integers"
    sources: list[dict[str, Any]] = [{"kind": "ConfigMap", "name": name}] if lists else []
    if folder.dynamic:
        sources.append({"kind": "ConfigMap", "name": values_config_map_name(folder)})
        found[f"{folder.path}/{LATER}"] = _values_config_map(folder, home)
    if numbers:
        for key, path in enumerate(numbers):
            source_of = {"kind": "ConfigMap", "name": name, "valuesKey": str(key), "targetPath": spell_path(path)}
            sources.append(source_of)
        digits = {str(key): str(number) for key, number in enumerate(numbers.values())}
        if lists:
            digits["values.yaml"] = dump(_only(folder.values, lists))
        metadata = {"name": name, "labels": _WATCHED}
        configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": digits}
        found[f"{folder.path}/integers.yaml"] = configuration
    for each in folder.secrets:
        _refuse_long_target(each)
        kept = {"kind": "Secret", "name": each.value.name, "valuesKey": each.value.key}
        sources.append({**kept, "targetPath": each.dotted()})
    if sources:
        spec["valuesFrom"] = sources
    if not _lies_in_bundle(folder):
        assert folder.chart is not None, "only a chart of somebody else's lies elsewhere"
        origin = {"kind": "HelmRepository", "name": names[folder.chart.repository]}
        chart = {"chart": folder.chart.name, "version": folder.chart.version, "sourceRef": origin}
        spec["chart"] = {"spec": chart}
    elif home.kind == GIT:
        spec["chart"] = {"spec": _chart_in_git(folder, home)}
    else:
        generator = _generator(folder, home)
        spec["chartRef"] = {"kind": "ExternalArtifact", "name": generator["metadata"]["name"]}
        found[f"{folder.path}/artifactgenerator.yaml"] = generator
    found[f"{folder.path}/helmrelease.yaml"] = {
        "apiVersion": _HELM,
        "kind": "HelmRelease",
        "metadata": {"name": folder.name},
        "spec": spec,
    }
    return found


def _refuse_long_target(setting: Setting) -> None:
    """Raise InvalidRequest where Flux takes no path as long as that of a setting."""
    if len(setting.dotted()) > _LONGEST_TARGET:
        what = f"--set-secret {setting.target}:{setting.dotted()} is a path of more than {_LONGEST_TARGET} characters"
        raise InvalidRequest(what, hint="Flux does not accept it; choose another deployer")


def _integers(folder: Folder) -> dict[Path, int]:
    """Return the large integers that Flux is given one by one.

    Values are laid over what comes from elsewhere, and lists replace lists, so what is given may stand there only: a
    number goes out of the values, and with one inside a list the whole list, into the ConfigMap with the numbers. A
    list with a number that no path can name stays as it is.
    """
    numbers = dict(walk_integers(folder.values)) if folder.chart else {}
    nameless = {_list_of(path) for path in numbers if not _is_target(path)}
    return {path: numbers[path] for path in numbers if _is_target(path) and (_list_of(path) or ()) not in nameless}


def _is_target(path: Path) -> bool:
    """Return whether a path can be said to Flux."""
    spelled = spell_path(path)
    return len(spelled) <= _LONGEST_TARGET and _TARGET.fullmatch(spelled) is not None


def _list_of(path: Path) -> Path | None:
    """Return the path of the outermost list that a path leads through, None for none."""
    return next((path[:number] for number, step in enumerate(path) if isinstance(step, int)), None)


def _only(values: Mapping[str, Any], paths: set[Path]) -> dict[str, Any]:
    """Return of values what stands at some paths, none of which leads through a list."""
    found: dict[str, Any] = {}
    for path in sorted(paths, key=spell_path):
        inner, source = found, values
        for step in path[:-1]:
            inner, source = inner.setdefault(str(step), {}), source[str(step)]
        inner[str(path[-1])] = source[str(path[-1])]
    return found


_IN_QUOTES = "# Helm reads numbers from 1000000 on as floats here: a chart prints 1e+06. Write those in quotes.\n"


def _values_config_map(folder: Folder, home: BundleSource) -> dict[str, Any]:
    """Return the ConfigMap with the values that are left to the installation.

    In Git they are given in its file. What comes from an OCI registry cannot be edited: there, Flux leaves the
    ConfigMap alone once it exists.
    """
    metadata: dict[str, Any] = {"name": values_config_map_name(folder), "labels": _WATCHED}
    if home.kind != GIT:
        metadata["annotations"] = {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"values.yaml": f"{_IN_QUOTES}{dump(folder.dynamic)}"},
    }


def _chart_in_git(folder: Folder, home: BundleSource) -> dict[str, Any]:
    """Return where in the Git repository a chart lies.

    Charts of our own always have the same version, so it is the commit that tells when one has changed.
    """
    origin = {"kind": GIT, "name": home.name}
    if folder.vendored:
        return {"chart": f"./{folder.path}/charts/{folder.vendored.tarball}", "sourceRef": origin}
    return {"chart": f"./{folder.path}", "sourceRef": origin, "reconcileStrategy": "Revision"}


def _generator(folder: Folder, home: BundleSource) -> dict[str, Any]:
    """Return the object that cuts a chart out of the bundle: files under one folder, as in every chart archive."""
    if folder.vendored:
        archive = f"@bundle/{folder.path}/charts/{folder.vendored.tarball}"
        copies = [{"from": archive, "to": "@artifact/", "strategy": "Extract"}]
    else:
        copies = [
            {"from": f"@bundle/{folder.path}/Chart.yaml", "to": f"@artifact/{folder.name}/Chart.yaml"},
            {"from": f"@bundle/{folder.path}/templates/**", "to": f"@artifact/{folder.name}/templates/"},
        ]
    name = f"{home.name}-{folder.name}"
    return {
        "apiVersion": _GENERATOR,
        "kind": "ArtifactGenerator",
        "metadata": {"name": name},
        "spec": {
            "sources": [{"alias": "bundle", "kind": home.kind, "name": home.name}],
            "artifacts": [{"name": name, "copy": copies}],
        },
    }


def _duration(seconds: int) -> str:
    """Return a duration as Go reads it."""
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
