"""The deployer `argocd-helm`: a chart whose manifests are the Applications, so that an installation can still choose.

The files of the chart, what may be chosen when it is installed, and what of it is published.
Source: reference rows B11, B12, B22, B23, B37.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from clusterbook.bundle.argocd import chart_templates
from clusterbook.bundle.argocd.applications import (
    HEALTH,
    HEALTH_FILE,
    PARENT,
    chart_name,
    labels,
    refuse_names,
    version,
    waves,
)
from clusterbook.bundle.argocd.readme import chart_readme
from clusterbook.bundle.components import BundleComponent
from clusterbook.bundle.folders import Plan
from clusterbook.bundle.local_chart import CHART, VALUES, head, local_chart, vendored_chart, vendored_values
from clusterbook.bundle.options import (
    DNS_LABEL,
    DNS_NAME,
    NAME_PREFIX,
    REPO,
    REVISION,
    SERVER,
    Options,
)
from clusterbook.bundle.readme import README, slug
from clusterbook.bundle.settings import Path
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

SCHEMA, IGNORE = "values.schema.json", ".helmignore"
OWN = ("repoURL", "targetRevision", "appName", "deployer", "part", "global")
"""Installation values that are not a component's; the last is Helm's."""
UNPUBLISHED = (
    "/recipe.yaml",
    "/options.yaml",
    "/checksums.txt",
    "/provenance.yaml",
    "/attestation/",
    "/.git/",
    "/*/Chart.yaml",
    "/*/values.yaml",
)
"""What a published chart does without, as .helmignore says it: Helm keeps a whole chart in a Secret of 1 MiB. Charts in
numbered folders are for Git repositories alone."""
Recipe = Mapping[str, Any]


def files(recipe: Recipe, plan: Plan, options: Options) -> dict[str, str]:
    """Return the files of the chart by path.

    Raises:
        InvalidRequest: a name is too long or not the only one of its kind, or charts travel to a registry.
    """
    refuse_names(plan, options)
    _refuse_charts_in_a_chart(options)
    keys = install_keys(plan)
    first, shared, wave = head(recipe), labels(recipe), waves(plan.folders)
    found = {
        README: chart_readme(recipe, plan, options, wave, keys),
        CHART: first + dump(_chart(recipe)),
        VALUES: first + _values(plan, options, keys),
        SCHEMA: json.dumps(_schema(plan, options, keys), indent=2, sort_keys=True, ensure_ascii=False) + "\n",
        IGNORE: "".join(f"{line}\n" for line in UNPUBLISHED),
        HEALTH_FILE: first + dump(HEALTH),
        f"templates/{chart_templates.HELPERS_FILE}": chart_templates.helpers(),
        f"templates/{chart_templates.PARTS_FILE}": chart_templates.parts(),
        f"templates/{chart_templates.PARENT_FILE}": chart_templates.parent(
            shared, cascade_delete=options.cascade_delete
        ),
    }
    for folder in plan.folders:
        static = ""
        if folder.chart is None or folder.vendored is not None:
            values = vendored_values(folder, folder.values) if folder.vendored else {}
            found |= local_chart(folder, folder.path) | vendored_chart(folder, folder.path)
            found[f"{folder.path}/{VALUES}"] = first + dump(values)
        elif folder.values:
            static = f"static/{folder.name}.yaml"
            found[static] = dump(folder.values)
        found[f"templates/{folder.name}.yaml"] = chart_templates.child(
            folder,
            shared,
            wave=wave[folder.name],
            static=static,
            key=keys.get(folder.name, ""),
            cascade_delete=options.cascade_delete,
        )
    return found


def notes(options: Options) -> tuple[str, ...]:
    """Return what a user should hear about the bundle."""
    if options.repo:
        return ()
    return ("the chart's own address is not set: give it with --repo, or as repoURL at install time",)


def package(files: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Return what the published chart holds, in the order in which Helm writes it, below a folder of the chart's name.

    Args:
        files: the whole bundle.
    """
    name = re.search(rb"^name: (\S+)$", files[CHART], re.MULTILINE)
    assert name is not None, "Chart.yaml has no name"
    kept = [path for path in files if not any(_ignores(line, path) for line in UNPUBLISHED)]
    order = {CHART: 0, VALUES: 1, SCHEMA: 2}
    kept.sort(key=lambda path: (order.get(path, 3 if path.startswith("templates/") else 4), path))
    return [(f"{name[1].decode()}/{path}", files[path]) for path in kept]


def _ignores(line: str, path: str) -> bool:
    """Return whether a line of UNPUBLISHED speaks of a path."""
    if line.endswith("/"):
        return f"/{path}".startswith(line)
    if line.startswith("/*/"):
        return path.count("/") == 1 and path.endswith(line.removeprefix("/*"))
    return f"/{path}" == line


def install_keys(plan: Plan) -> dict[str, str]:
    """Return the installation value of each release that leaves something open, by release.

    Raises:
        InvalidRequest: there is no name left for it.
    """
    found: dict[str, str] = {}
    for folder in plan.folders:
        if not folder.dynamic:
            continue
        part = folder.part
        free = [key for key in (part.key, part.name) if key not in OWN and key not in found.values()]
        if not free:
            raise InvalidRequest(
                f"--dynamic {part.name}: an install-time value cannot be named {part.key}",
                hint="change the component's valueOverrideKeys",
            )
        found[folder.name] = free[0]
    return found


def _refuse_charts_in_a_chart(options: Options) -> None:
    """Raise InvalidRequest when Argo CD would have to find charts inside a chart."""
    if options.vendor_charts and options.repo.startswith("oci://"):
        raise InvalidRequest(
            "--vendor-charts: from a registry Argo CD cannot read charts that travel inside another",
            hint="name a Git repository with --repo, or copy the charts into a registry of your own",
        )


def _chart(recipe: Recipe) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": chart_name(recipe),
        "description": f"Applications for Argo CD that install recipe {slug(recipe)}",
        "type": "application",
        "version": version(recipe),
    }


def _values(plan: Plan, options: Options, keys: Mapping[str, str]) -> str:
    """Return values.yaml without its first line: what may be chosen, each with its meaning."""
    deployer = {
        "destinationServer": options.destination_server,
        "namePrefix": options.name_prefix,
        "project": options.project,
    }
    found = [
        ("Where this chart lies: a Git repository, or oci:// and the folder of a registry.", {"repoURL": options.repo}),
        (
            'Branch, tag or commit in Git, or version in a registry; "" is the default branch, or that of this chart.',
            {"targetRevision": options.target_revision},
        ),
        (
            f'Name of the parent Application; "" is {PARENT} behind the prefix.',
            {"appName": options.app_name},
        ),
        (
            "API server that the releases go to, what the names of Applications begin with, and their AppProject.",
            {"deployer": deployer},
        ),
        (
            'What is rendered: "" is the parent Application, "applications" are all others; Argo CD asks for the rest.',
            {"part": ""},
        ),
    ]
    for folder in plan.folders:
        if folder.name in keys:
            found.append(
                (f"Values of {folder.component} that are set at install time.", {keys[folder.name]: folder.dynamic})
            )
    return "\n".join(f"# {comment}\n{dump(value)}" for comment, value in found)


def _schema(plan: Plan, options: Options, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return values.schema.json, which refuses what the chart would silently ignore. Source: reference row B12."""
    parts = [folder.path for folder in plan.folders if folder.chart is None]
    deployer = {
        "destinationServer": _text(SERVER),
        "namePrefix": _text(NAME_PREFIX, empty=True),
        "project": _text(DNS_NAME),
    }
    properties: dict[str, Any] = {
        "repoURL": _text(REPO, empty=True),
        "targetRevision": _text(REVISION, empty=True),
        "appName": _text(DNS_LABEL, empty=True),
        "deployer": _closed(deployer),
        "part": {"enum": ["", chart_templates.APPLICATIONS, *parts]},
        "global": {"type": "object"},
    }
    for folder in plan.folders:
        if folder.name in keys:
            properties[keys[folder.name]] = _only(_open_paths(folder.part, options))
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_closed(properties)}


def _text(pattern: str, *, empty: bool = False) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern}){'?' if empty else ''}$"}


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _only(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the schema of a map in which only these paths may be set, to anything."""
    below: dict[str, list[Path]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    return _closed({key: _only(rest) if all(rest) else {} for key, rest in below.items()})


def _open_paths(part: BundleComponent, options: Options) -> list[Path]:
    """Return the paths that a component leaves to the installation."""
    names = {part.name, *(part.facts.get("valueOverrideKeys") or ())}
    return [each.path for each in options.dynamic if each.target in names]
