#!/usr/bin/env bash
# What Helm does not do by itself around one release; helmfile calls it.
# usage: release.sh before|after RELEASE NAMESPACE CHART VERSION CONTEXT FOLDER LEVEL [SECRET...]
set -euo pipefail
when="$1" release="$2" namespace="$3" chart="$4" version="$5" context="$6" folder="$7" level="$8"
shift 8

# @if taken@
taken='' from='' # values that Helmfile takes from elsewhere: some text in their place, and where it looks
case "$release" in
@TAKEN@
esac

# @end@
kube() { kubectl "$@" ${context:+--context "$context"}; }

content() { # what is in a Secret, as JSON
    kube get secret "$1" --namespace "$namespace" --ignore-not-found -o 'jsonpath={.data}'
}

crds() { # the CRDs that lie beside the templates of the chart, as the values switch its parts
    local server
    server="$(kube get --raw /version | sed -n 's/.*"gitVersion": *"\(v[0-9.]*\).*/\1/p')"
# @if taken@
    # shellcheck disable=SC2086 # several words
# @end@
    helm template "$release" "$chart" ${version:+--version "$version"} --namespace "$namespace" \
        -f "$folder/values.yaml" -f "$folder/cluster-values.yaml" @FLAGS@--include-crds \
        ${server:+--kube-version "$server"} </dev/null |
        awk '/^---/ { next_document = 1; next }
             /^# Source: / { beside = $3 ~ /\/crds\// && $3 !~ /\/templates\//; next }
             beside { if (next_document) print "---"; next_document = 0; print }'
}

before() {
    local secret data found
# @if taken@
    if [ "$from" = cluster ] && [ -n "$context" ] && [ "$context" != "$(kubectl config current-context)" ]; then
        echo "release.sh: Helmfile reads Secrets with the current context, which is not $context" >&2
        echo "  hint: kubectl config use-context $context" >&2
        exit 1
    fi
# @end@
    if [ "$level" = privileged ]; then # one that somebody chose stays
        kube create namespace "$namespace" >/dev/null 2>&1 || kube get namespace "$namespace" >/dev/null
        kube label namespace "$namespace" pod-security.kubernetes.io/enforce=privileged >/dev/null ||
            echo "note: pods of $release start only where pod security is privileged: see the labels of $namespace" >&2
    fi
    # Helm installs these CRDs once and never again.
    if helm status "$release" --namespace "$namespace" ${context:+--kube-context "$context"} >/dev/null 2>&1; then
        found="$(crds)"
        if [ -n "$found" ]; then
            kube apply --server-side --force-conflicts --field-manager=clusterbook -f - <<<"$found"
        fi
    fi
    for secret; do # what somebody else has filled: the chart writes it empty, and would empty it again
        data="$(content "$secret")"
        case "$data" in '' | *':""'*) continue ;; esac
        printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s.kept"},"data":%s}' "$secret" "$data" |
            kube apply --namespace "$namespace" --server-side --force-conflicts --field-manager=clusterbook -f - >/dev/null
        # Helm deletes what an earlier release had and this one has not, unless it is told to keep it.
        kube annotate secret "$secret" --namespace "$namespace" --overwrite helm.sh/resource-policy=keep >/dev/null
    done
}

after() {
    local secret data
    for secret; do
        data="$(content "$secret.kept")"
        [ -n "$data" ] || continue
        case "$(content "$secret")" in # what its owner has made anew meanwhile stays
            *':""'*)
                kube patch secret "$secret" --namespace "$namespace" --type merge \
                    --patch-file <(printf '{"data":%s}' "$data") >/dev/null
                ;;
        esac
        kube delete secret "$secret.kept" --namespace "$namespace" --ignore-not-found >/dev/null
    done
}

@FILE_INTEGERS@

refuse_floats() { # FILE: Helmfile hands it to Helm as a file, and knows no other way for what stands in one
    local found
    found="$(file_integers "$1")"
    if [ -n "$found" ]; then
        echo "error: $1: Helm reads ${found//$'\n'/, } from a file as a float, and a chart that prints it writes 1e+06, say" >&2
        echo "  hint: write it in quotes if the chart prints it, or make the bundle again, with --set for this number" >&2
        exit 1
    fi
}

[ "$when" != before ] || refuse_floats "$folder/cluster-values.yaml"

# @if integers@
@REFUSE@

# numbers that Helmfile gives to Helm one by one
[ "$when" != before ] || case "$release" in
@INTEGERS@
esac

# @end@
case "$when" in
    before) before "$@" ;;
    after) after "$@" ;;
    *)
        echo "release.sh: before or after, not $when" >&2
        exit 2
        ;;
esac
