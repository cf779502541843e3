"""The templates of a chart whose manifests are Applications.

Knows what Helm decides when the chart is installed: where Argo CD finds the chart itself, what Applications are called,
and which of three things is rendered. Every text of a recipe passes through `escaped`, so none becomes a template.

    part ""              the parent Application, which renders this chart again with `part: applications`; without a
                         repoURL there is nothing it could read, so the Applications themselves are rendered
    part "applications"  one Application a release, in waves
    part "003-x-post"    the manifests of one folder, asked for by its Application when the chart lies in a registry:
                         from there Argo CD reads charts, and no directories
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
)
from clusterbook.bundle.folders import Folder, escaped
from clusterbook.documents.yaml_writer import dump

APPLICATIONS = "applications"
HELPERS_FILE, PARENT_FILE, PARTS_FILE = "_helpers.tpl", f"{PARENT}.yaml", "stack.parts.yaml"
OPENING = '{{- if eq (include "stack.shows" .) "%s" }}\n'
CLOSING = "{{- end }}\n"

_HELPERS = """\
{{/* What is rendered: the parent, the children, or one part. */}}
{{- define "stack.shows" -}}
{{- if not .Values.part }}{{ if .Values.repoURL }}parent{{ else }}children{{ end }}
{{- else if eq .Values.part "<applications>" }}children{{ else }}part{{ end }}
{{- end }}

{{/* The name of the parent Application. */}}
{{- define "stack.parent" -}}
{{- .Values.appName | default (printf "%s<parent>" .Values.deployer.namePrefix) }}
{{- end }}

{{/* The name of the Application of a release, given as: list $ release. */}}
{{- define "stack.name" -}}
{{- $top := index . 0 }}
{{- $name := printf "%s%s" $top.Values.deployer.namePrefix (index . 1) }}
{{- if gt (len $name) <longest> }}
{{- fail (printf "the Application %s is longer than <longest> characters: shorten deployer.namePrefix" $name) }}
{{- end }}
{{- if eq $name (include "stack.parent" $top) }}
{{- fail (printf "the parent Application and that of a release are both called %s: choose another appName" $name) }}
{{- end }}
{{- $name | quote }}
{{- end }}

{{/* Whether this chart lies in an OCI registry: "true" or nothing. */}}
{{- define "stack.registry" -}}
{{- if hasPrefix "oci://" .Values.repoURL }}true{{ end }}
{{- end }}

{{/* Where Argo CD finds this chart, or a directory beside it in a Git repository, given as: list $ directory. */}}
{{- define "stack.source" -}}
{{- $top := index . 0 }}
{{- $url := $top.Values.repoURL | trimSuffix "/" }}
{{- if not $url }}
{{- fail "repoURL is not set, and Argo CD has to read manifests of this chart: --set repoURL=https://… or oci://…" }}
{{- end }}
{{- if include "stack.registry" $top }}
chart: {{ $top.Chart.Name }}
repoURL: {{ $url | trimPrefix "oci://" | trimSuffix (printf "/%s" $top.Chart.Name) | quote }}
targetRevision: {{ $top.Values.targetRevision | default $top.Chart.Version | quote }}
{{- else }}
path: {{ index . 1 | quote }}
repoURL: {{ $url | quote }}
targetRevision: {{ $top.Values.targetRevision | default "HEAD" | quote }}
{{- end }}
{{- end }}
"""
HELPERS = (
    _HELPERS.replace("<applications>", APPLICATIONS).replace("<parent>", PARENT).replace("<longest>", str(LONGEST_NAME))
)

PARTS = (
    OPENING % "part"
    + """\
{{- range $path, $_ := .Files.Glob (printf "%s/templates/*" .Values.part) }}
---
{{ tpl ($.Files.Get $path) $ }}
{{- end }}
"""
    + CLOSING
)
"""The manifests of one folder: templates in which only braces are escaped, as in the folder's own chart."""


def parent(labels: Mapping[str, str], *, cascade_delete: bool) -> str:
    """Return the template of the parent Application.

    When an Application of the same name renders it, it takes that one's place and stops rendering itself; then it must
    neither be deleted nor reported for being left over.
    """
    options = {COMPARE: "IgnoreExtraneous", "argocd.argoproj.io/sync-options": "Prune=false"}
    return "".join(
        (
            OPENING % "parent",
            _head({"annotations": options, "labels": dict(labels)}, cascade_delete=cascade_delete),
            '  name: {{ include "stack.parent" . | quote }}\n',
            "  namespace: {{ .Release.Namespace | quote }}\n",
            "spec:\n",
            "  destination:\n",
            "    namespace: {{ .Release.Namespace | quote }}\n",
            f"    server: {HOME_SERVER}\n",
            "  project: {{ .Values.deployer.project | quote }}\n",
            "  source:\n",
            '    {{- include "stack.source" (list . ".") | trim | nindent 4 }}\n',
            "    helm:\n",
            "      valuesObject:\n",
            '        {{- $values := omit (deepCopy .Values) "global" }}\n',
            f'        {{{{- set $values "part" "{APPLICATIONS}" | toYaml | nindent 8 }}}}\n',
            _block({"syncPolicy": SYNC_POLICY}, 2),
            CLOSING,
        )
    )


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
    own = differences(folder)
    return "".join(
        (
            OPENING % "children",
            _head({"annotations": child_annotations(wave), "labels": dict(labels)}, cascade_delete=cascade_delete),
            f'  name: {{{{ include "stack.name" (list . {json.dumps(folder.name)}) }}}}\n',
            "  namespace: {{ .Release.Namespace | quote }}\n",
            "spec:\n",
            "  destination:\n",
            _block({"namespace": folder.namespace}, 4),
            "    server: {{ .Values.deployer.destinationServer | quote }}\n",
            _block({name: own[name] for name in own if name != "syncPolicy"}, 2),
            "  project: {{ .Values.deployer.project | quote }}\n",
            "  source:\n",
            _vendored_source(folder, key) if folder.vendored else _source(folder, static, key),
            _block({"syncPolicy": own.get("syncPolicy", SYNC_POLICY)}, 2),
            CLOSING,
        )
    )


def _head(metadata: Mapping[str, Any], *, cascade_delete: bool) -> str:
    """Return the lines above what Helm writes into an Application."""
    finalizers = {"finalizers": [FINALIZER]} if cascade_delete else {}
    return _block({"apiVersion": API_VERSION, "kind": KIND, "metadata": {**metadata, **finalizers}}, 0)


def _source(folder: Folder, static: str, key: str) -> str:
    """Return the source of a chart of somebody else's, or of manifests of this chart."""
    release = _block({"releaseName": folder.name}, 6)
    if folder.chart is None:
        return (
            f'    {{{{- include "stack.source" (list . {json.dumps(folder.path)}) | trim | nindent 4 }}}}\n'
            f"    helm:\n{release}"
            '      {{- if include "stack.registry" . }}\n'
            f"      valuesObject:\n{_block({'part': folder.path}, 8)}"
            "      {{- end }}\n"
        )
    values = f".Files.Get {json.dumps(static)}"
    if key and static:
        values = f"mergeOverwrite ({values} | fromYaml) (index .Values {json.dumps(key)}) | toYaml"
    elif key:
        values = f"index .Values {json.dumps(key)} | toYaml"
    found = _block(chart_source(folder.chart), 4) + f"    helm:\n{release}"
    return found + (f"      valuesObject:\n        {{{{- {values} | nindent 8 }}}}\n" if key or static else "")


def _vendored_source(folder: Folder, key: str) -> str:
    """Return the source of a chart that travels along: Argo CD finds it in a directory, not inside another chart."""
    assert folder.chart is not None, f"{folder.name} has no chart that could travel along"
    refusal = f"Argo CD cannot read the chart of {folder.name} out of this one: set repoURL to a Git repository"
    found = (
        f'    {{{{- if include "stack.registry" . }}}}{{{{ fail {json.dumps(refusal)} }}}}{{{{ end }}}}\n'
        f'    {{{{- include "stack.source" (list . {json.dumps(folder.path)}) | trim | nindent 4 }}}}\n'
        f"    helm:\n{_block({'releaseName': folder.name}, 6)}"
    )
    if not key:
        return found
    name = _block({folder.chart.name: {}}, 8).removesuffix(" {}\n")
    values = f"          {{{{- index .Values {json.dumps(key)} | toYaml | nindent 10 }}}}\n"
    return f"{found}      valuesObject:\n{name}\n{values}"


def _block(value: Mapping[str, Any], indent: int) -> str:
    """Return the lines of a map as template text, "" for an empty one."""
    pad = " " * indent
    lines = dump(value).splitlines(keepends=True) if value else ()
    return escaped("".join(line if line == "\n" else f"{pad}{line}" for line in lines))
