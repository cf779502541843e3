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

# shellcheck source=/dev/null
. ../labels.env # RECIPE and BUNDLE
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
# @if privileged@

if [ -z "$DRY_RUN_FLAG" ]; then # its pods start in no namespace of a stricter level; one that somebody chose stays
    kube create namespace @NAMESPACE@ >/dev/null 2>&1 || kube get namespace @NAMESPACE@ >/dev/null
    kube label namespace @NAMESPACE@ pod-security.kubernetes.io/enforce=privileged >/dev/null ||
        echo "note: pods of @NAME@ start only where pod security is privileged: see the labels of @NAMESPACE@" >&2
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

# @if taken@
# What no file of the bundle has is taken now from where it is kept. It reaches Helm through pipes: it stands in no file, on no
# command line, and in no variable of the environment.
secret() { # name, key
    kube get secret "$1" --namespace @NAMESPACE@ \
        -o "go-template={{range \$key, \$value := .data}}{{if eq \$key \"$2\"}}{{base64decode \$value}}{{end}}{{end}}"
}

take() { # where from, the command that reads it; sets value
    local from="$1"
    shift
    value="$("$@" && printf x)" || value='' # the x keeps line ends
    if [ "${value:-x}" = x ]; then
        echo "install.sh: @NAME@ needs a value from $from, which is empty or missing" >&2
        exit 1
    fi
    value="${value%x}"
}

@TAKE@
open_values() { # a pipe is read once
@OPEN@
}

# @end@
# @if upgrade@
installed() {
    # shellcheck disable=SC2086 # a flag may be several words
    helm status @NAME@ --namespace @NAMESPACE@ ${KUBE_CONTEXT:+--kube-context "$KUBE_CONTEXT"} \
        $KUBECONFIG_FLAG </dev/null >/dev/null 2>&1
}

crds() { # the CRDs that lie beside the templates of the chart, as the values switch its parts
    local version
    version="$(kube get --raw /version | sed -n 's/.*"gitVersion": *"\(v[0-9.]*\).*/\1/p')"
@OPEN_TEMPLATE@
    helm template @NAME@ @CHART@ --namespace @NAMESPACE@ -f values.yaml -f cluster-values.yaml@INTEGERS@@TAKEN@ --include-crds \
        ${version:+--kube-version "$version"} </dev/null |
        awk '/^---/ { next_document = 1; next }
             /^# Source: / { beside = $3 ~ /\/crds\// && $3 !~ /\/templates\//; next }
             beside { if (next_document) print "---"; next_document = 0; print }'
}

if [ -z "$DRY_RUN_FLAG" ] && installed; then # Helm installs these CRDs once and never again
    found="$(crds)"
    if [ -n "$found" ]; then
        # shellcheck disable=SC2086 # a flag may be several words
        kubectl apply --server-side --force-conflicts --field-manager=clusterbook \
            ${KUBE_CONTEXT:+--context "$KUBE_CONTEXT"} $KUBECONFIG_FLAG -f - <<<"$found"
    fi
fi

# @end@
# @if chart@
@FILE_INTEGERS@

# @end@
# @if integers@
@REFUSE@

refuse_twice cluster-values.yaml @PATHS@

# @end@
case "${HELM_VERSION:-$(helm version --short)}" in
    v[0-3].*) apply='' ;;
    # From Helm 4 on the server applies, and stops at a field that somebody else has changed: the recipe's values win.
    *) apply='--server-side=true --force-conflicts' ;; # it refuses one without the other
esac
# shellcheck disable=SC2086 # a flag may be several words
set -- helm upgrade --install @NAME@ @CHART@ \
    --namespace @NAMESPACE@ --create-namespace --labels "clusterbook.dev/recipe=$RECIPE,clusterbook.dev/order=@ORDER@,clusterbook.dev/bundle=$BUNDLE" \
    -f values.yaml -f cluster-values.yaml@INTEGERS@@TAKEN@ $apply \
    $COMPONENT_WAIT_ARGS ${KUBE_CONTEXT:+--kube-context "$KUBE_CONTEXT"} \
    $KUBECONFIG_FLAG $DRY_RUN_FLAG $HELM_DEBUG_FLAG
# @if chart@
integers="$(file_integers cluster-values.yaml)" # those of values.yaml are among the flags already
while read -r integer; do
    if [ -n "$integer" ]; then set -- "$@" --set "$integer"; fi
done <<<"$integers"
# @end@
# @if taken@
open_values
# @end@
# @if owned@

# shellcheck source=secrets.sh
. ./secrets.sh

kept='' secrets='@SECRETS@'
if [ -z "$DRY_RUN_FLAG" ]; then
    for secret in $secrets; do
        keep_secret "$secret" @NAMESPACE@
    done
fi
if [ -n "$kept" ]; then
    "$@" &
    helm=$!
    trap 'kill "$helm" 2>/dev/null || true' TERM INT
    status=0
    give_back_while "$helm" @NAMESPACE@ || status=$?
    exit "$status"
fi
# @end@
exec "$@"
