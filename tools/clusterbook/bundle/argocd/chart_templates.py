"""The templates of a chart whose manifests are Applications.

Helm decides when the chart is installed where Argo CD finds the chart itself, what Applications are called, and which
of three things is rendered. Every text of a recipe passes through `escaped`, so none becomes a template.

    part ""              the parent Application, which renders this chart again with `part: applications`; without a
                         repoURL there is nothing it could read, so the Applications themselves are rendered
    part "applications"  one Application a release, in waves
    part "003-x-post"    the manifests of one folder, asked for by its Application when the chart lies in a registry:
                         from there Argo CD reads charts, and no directories
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from clusterbook.bundle.argocd.applications import (
    API_VERSION,
    COMPARE,
    FINALIZER,
    HOME_SERVER,
    KIND,
    LONGEST_NAME,
    PARENT,
    SYNC_POLICY,
    chart_source,
    child_annotations,
    differences,
    release,
)
from clusterbook.bundle.folders import Folder, escape_template
from clusterbook.bundle.integers import spell_path
from clusterbook.bundle.template import fill
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

APPLICATIONS = "applications"
HELPERS_FILE, PARENT_FILE, PARTS_FILE = "_helpers.tpl", f"{PARENT}.yaml", "stack.parts.yaml"


def helpers() -> str:
    """Return what the other templates include."""
    return fill("argocd/_helpers.tpl", {"APPLICATIONS": APPLICATIONS, "PARENT": PARENT, "LONGEST": str(LONGEST_NAME)})


def parts() -> str:
    """Return the template of the manifests of one folder, in which only braces are escaped, as in its own chart."""
    return fill("argocd/parts.yaml", {})


def parent(labels: Mapping[str, str], *, cascade_delete: bool) -> str:
    """Return the template of the parent Application.

    When an Application of the same name renders it, it takes that one's place and stops rendering itself; then it must
    neither be deleted nor reported for being left over.
    """
    options = {COMPARE: "IgnoreExtraneous", "argocd.argoproj.io/sync-options": "Prune=false"}
    words = {
        "HEAD": _head({"annotations": options, "labels": dict(labels)}, cascade_delete=cascade_delete),
        "SERVER": HOME_SERVER,
        "APPLICATIONS": APPLICATIONS,
        "SYNC_POLICY": _block({"syncPolicy": SYNC_POLICY}, 2),
    }
    return fill("argocd/parent.yaml", words)


def child(folder: Folder, labels: Mapping[str, str], *, wave: int, static: str, key: str, cascade_delete: bool) -> str:
    """Return the template of the Application of one release.

    Args:
        folder: the release.
        labels: those that all Applications of the recipe share.
        wave: when Argo CD installs it.
        static: the file with its values, "" when it has none of its own.
        key: the installation value that holds what is left open, "" when nothing is.
        cascade_delete: whether what it installed goes when the Application goes.
    """
    own, named = differences(folder), release(folder)
    chart = folder.chart
    directory = chart is None or folder.vendored is not None
    refusal = f"Argo CD cannot read the chart of {folder.name} out of this one: set repoURL to a Git repository"
    below, values = _values(folder, static, key)
    words = {
        "HEAD": _head({"annotations": child_annotations(wave), "labels": dict(labels)}, cascade_delete=cascade_delete),
        "NAME": json.dumps(folder.name),
        "NAMESPACE": _block({"namespace": folder.namespace}, 4),
        "IGNORED": _block({name: own[name] for name in own if name != "syncPolicy"}, 2),
        "REFUSAL": json.dumps(refusal),
        "PATH": json.dumps(folder.path),
        "CHART": "" if directory or chart is None else _block(chart_source(chart), 4),
        "RELEASE": "".join(_block({name: named[name]}, 6) for name in sorted(named, reverse=bool(key))),
        "KEY": json.dumps(key),
        "LEAD": json.dumps(spell_path((chart.name,)) if chart is not None and folder.vendored else ""),
        "PART": _block({"part": folder.path}, 8),
        "BELOW": below,
        "VALUES": values,
        "SYNC_POLICY": _block({"syncPolicy": own.get("syncPolicy", SYNC_POLICY)}, 2),
    }
    left = bool(key) and chart is not None
    sections = {
        "left": left,
        "first": left and "parameters" not in named,
        "vendored": folder.vendored is not None,
        "directory": directory,
        "manifests": chart is None,
        "values": bool(values),
    }
    return fill("argocd/child.yaml", words, sections=[name for name, chosen in sections.items() if chosen])


def _head(metadata: Mapping[str, Any], *, cascade_delete: bool) -> str:
    """Return the lines above what Helm writes into an Application."""
    finalizers = {"finalizers": [FINALIZER]} if cascade_delete else {}
    return _block({"apiVersion": API_VERSION, "kind": KIND, "metadata": {**metadata, **finalizers}}, 0)


def _values(folder: Folder, static: str, key: str) -> tuple[str, str]:
    """Return the key that the values of a chart stand below, and the template of them; "" where there is none."""
    if folder.chart is None or not (key or static):
        return "", ""
    left_open = f"index .Values {json.dumps(key)}"
    if folder.vendored is not None:  # Argo CD finds such a chart in a directory, inside a chart of its name
        below = _block({folder.chart.name: {}}, 8).removesuffix(" {}\n")
        return below, f"          {{{{- {left_open} | toYaml | nindent 10 }}}}\n"
    values = f".Files.Get {json.dumps(static)}"
    if key and static:
        values = f"mergeOverwrite ({values} | fromYaml) ({left_open}) | toYaml"
    elif key:
        values = f"{left_open} | toYaml"
    return "", f"        {{{{- {values} | nindent 8 }}}}\n"


def _block(value: Mapping[str, Any], indent: int) -> str:
    """Return the lines of a map as template text, "" for an empty one."""
    pad = " " * indent
    lines = dump(value).splitlines(keepends=True) if value else ()
    return escape_template("".join(line if line == "\n" else f"{pad}{line}" for line in lines))
