"""install.sh of one folder: one call of Helm, which stands alone.

Knows how Helm is called. Does not know order, retries or time beyond this release. Source: reference rows B6, B7, B31.
"""

from __future__ import annotations

import re

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.mirror_names import chart_home


def install_sh(folder: Folder, opening: str) -> str:
    """Return the script of a folder; `opening` is the comment of generated files."""
    own_namespace, readiness = _makes_own_namespace(folder), folder.phase == "readiness"
    parts = (
        f"#!/usr/bin/env bash\n{opening}",
        _BEGIN.lstrip("\n"),
        _SOURCE if folder.chart else "",
        _MIRROR if folder.chart and not folder.vendored else "",
        _KUBECTL if own_namespace or readiness else "",
        _AGAIN if readiness else "",
        _NAMESPACE if own_namespace else "",
        _HELM,
    )
    text = "".join(parts)
    chart = '"$CHART" ${REPO:+--repo "$REPO"} ${VERSION:+--version "$VERSION"}' if folder.chart else "."
    home = chart_home(folder.chart.repository, folder.chart.name) if folder.chart else ""
    words = {
        "@HOME@": home,
        "@NAME@": folder.name,
        "@NAMESPACE@": folder.namespace,
        "@CHART@": chart,
        "@WAIT@": _wait(folder),
    }
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _wait(folder: Folder) -> str:
    """Return what Helm waits for, and how long."""
    words = "--wait --wait-for-jobs " if folder.phase == "readiness" else "--wait " if folder.wait else ""
    return f"{words}--timeout {folder.timeout_s}s"


def _makes_own_namespace(folder: Folder) -> bool:
    """Return whether a folder's manifests hold the very namespace that its release lies in. Source: row B40."""
    texts = [text for text in folder.templates.values() if "Namespace" in text]
    if not texts:
        return False
    kind = re.compile(r"^kind: *[\"']?Namespace\b", re.M)
    name = re.compile(rf"^ +name: *[\"']?{re.escape(folder.namespace)}[\"']? *(?:#.*)?$", re.M)
    documents = (document for text in texts for document in re.split(r"^---", text, flags=re.M))
    return any(kind.search(document) and name.search(document) for document in documents)


_BEGIN = r"""
set -euo pipefail
set -f # flags are words, never patterns
unset CDPATH
if [ -n "${KUBECONFIG:-}" ]; then # relative paths would mean something else below
    paths='' IFS=':'
    for path in $KUBECONFIG; do
        case $path in /*) ;; *) path="$PWD/$path" ;; esac
        paths="$paths${paths:+:}$path"
    done
    unset IFS
    export KUBECONFIG="$paths"
fi
cd "$(dirname "${BASH_SOURCE[0]}")" # Helm takes a folder for the chart of its name: here is none
: "${KUBE_CONTEXT:=}" "${KUBECONFIG_FLAG:=}" "${DRY_RUN_FLAG:=}" "${HELM_DEBUG_FLAG:=}"
: "${COMPONENT_WAIT_ARGS=@WAIT@}"
"""

_SOURCE = r"""
# shellcheck source=/dev/null
. ./upstream.env
"""

_MIRROR = """\
if [ -n "${CHART_MIRROR:-}" ]; then # oci://HOST/BASE, where `clusterbook mirror load` put the charts
    CHART="${CHART_MIRROR%/}/@HOME@" REPO=''
fi
"""

_KUBECTL = r"""
kube() {
    # shellcheck disable=SC2086 # a flag may be several words
    kubectl "$@" ${KUBE_CONTEXT:+--context "$KUBE_CONTEXT"} $KUBECONFIG_FLAG </dev/null
}
"""

_AGAIN = r"""
if [ -z "$DRY_RUN_FLAG" ]; then # a job that has run never runs again: make room for a new one
    kube delete job @NAME@ --namespace @NAMESPACE@ --ignore-not-found --wait
fi
"""

_NAMESPACE = r"""
if [ -z "$DRY_RUN_FLAG" ]; then # the namespace is part of this release, and Helm takes over what bears these names
    kube get namespace @NAMESPACE@ >/dev/null 2>&1 || kube create namespace @NAMESPACE@
    kube label namespace @NAMESPACE@ --overwrite app.kubernetes.io/managed-by=Helm
    kube annotate namespace @NAMESPACE@ --overwrite \
        meta.helm.sh/release-name=@NAME@ meta.helm.sh/release-namespace=@NAMESPACE@
fi
"""

_HELM = r"""
case "${HELM_VERSION:-$(helm version --short)}" in
    v[0-3].*) apply='' ;;
    *) apply='--server-side=true --force-conflicts' ;; # from Helm 4 on; it refuses one without the other
esac
# shellcheck disable=SC2086 # a flag may be several words
exec helm upgrade --install @NAME@ @CHART@ \
    --namespace @NAMESPACE@ --create-namespace -f values.yaml -f cluster-values.yaml $apply \
    $COMPONENT_WAIT_ARGS ${KUBE_CONTEXT:+--kube-context "$KUBE_CONTEXT"} \
    $KUBECONFIG_FLAG $DRY_RUN_FLAG $HELM_DEBUG_FLAG
"""
