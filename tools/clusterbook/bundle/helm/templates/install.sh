#!/usr/bin/env bash
# @MADE@
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
# @if chart@

# shellcheck source=/dev/null
. ./upstream.env
# @end@
# shellcheck disable=SC2034 # @if mirror@; the chart below uses both
if [ -n "${CHART_MIRROR:-}" ]; then # oci://HOST/BASE, where `clusterbook mirror load` put the charts
    CHART="${CHART_MIRROR%/}/@HOME@" REPO=''
fi
# @end@
# @if kubectl@

kube() {
    # shellcheck disable=SC2086 # a flag may be several words
    kubectl "$@" ${KUBE_CONTEXT:+--context "$KUBE_CONTEXT"} $KUBECONFIG_FLAG </dev/null
}
# @end@
# @if job@

if [ -z "$DRY_RUN_FLAG" ]; then # a job that has run never runs again: make room for a new one
    kube delete job @NAME@ --namespace @NAMESPACE@ --ignore-not-found --wait
fi
# @end@
# @if namespace@

if [ -z "$DRY_RUN_FLAG" ]; then # the namespace is part of this release, and Helm takes over what bears these names
    kube get namespace @NAMESPACE@ >/dev/null 2>&1 || kube create namespace @NAMESPACE@
    kube label namespace @NAMESPACE@ --overwrite app.kubernetes.io/managed-by=Helm
    kube annotate namespace @NAMESPACE@ --overwrite \
        meta.helm.sh/release-name=@NAME@ meta.helm.sh/release-namespace=@NAMESPACE@
fi
# @end@

case "${HELM_VERSION:-$(helm version --short)}" in
    v[0-3].*) apply='' ;;
    *) apply='--server-side=true --force-conflicts' ;; # from Helm 4 on; it refuses one without the other
esac
# shellcheck disable=SC2086 # a flag may be several words
exec helm upgrade --install @NAME@ @CHART@ \
    --namespace @NAMESPACE@ --create-namespace -f values.yaml -f cluster-values.yaml $apply \
    $COMPONENT_WAIT_ARGS ${KUBE_CONTEXT:+--kube-context "$KUBE_CONTEXT"} \
    $KUBECONFIG_FLAG $DRY_RUN_FLAG $HELM_DEBUG_FLAG
