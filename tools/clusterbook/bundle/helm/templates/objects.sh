# shellcheck shell=bash disable=SC2034,SC2154 # the scripts that source it set and use what it does not
# Part of deploy.sh and rollback.sh, behind common.sh: the objects of a release, and how one is removed without its data.

fed_kube() { # kubectl, reading standard input
    # shellcheck disable=SC2086 # a flag may be several words
    kubectl "$@" ${KUBE_CONTEXT:+--context "$KUBE_CONTEXT"} $KUBECONFIG_FLAG
}

version_of() { # release, namespace, perhaps a revision; the version of its chart
    to_helm get metadata "$1" --namespace "$2" ${3:+--revision "$3"} 2>/dev/null | sed -n 's/^VERSION: *//p' || true
}

# Manifests on stdin. With a namespace, those that lie in it: the ones that name it, or none where it is the release's
# own. Without, the namespaces that they name.
documents_in() { # namespace or nothing, namespace of the release
    awk -v wanted="$1" -v own="$2" '
        function tell() {
            if (wanted == "") { if (space != "") print space }
            else if ((space == "" ? own : space) == wanted) printf "---\n%s", text
            text = ""; space = ""; inside = 0
        }
        /^---/ { tell(); next }
        { text = text $0 "\n" }
        /^[^ #]/ { inside = /^metadata:/ }
        inside && /^  namespace:/ { space = $2; gsub(/["\047]/, "", space) }
        END { tell() }
    '
}

objects_of() { # release, namespace; of each of its objects that is there the namespace, and kind/name
    local manifest space
    manifest="$(to_helm get manifest "$1" --namespace "$2" 2>/dev/null)" || return 0
    while read -r space; do
        printf '%s\n' "$manifest" | documents_in "$space" "$2" |
            fed_kube get --namespace "$space" --filename - --ignore-not-found --output name 2>/dev/null |
            sed "s|^|$space |" || true
    done <<<"$(printf '%s\n%s\n' "$2" "$(printf '%s\n' "$manifest" | documents_in '' "$2")" | sed '/^$/d' | sort -u)"
}

template_of_owner='{{with .metadata.annotations}}{{index . "meta.helm.sh/release-name"}}'
template_of_owner="$template_of_owner {{index . \"meta.helm.sh/release-namespace\"}}"
template_of_owner="$template_of_owner {{index . \"helm.sh/resource-policy\"}}{{end}}"

may_go() { # release, its namespace, that of the object, object: it is the release's, and nobody wants it to be kept
    [ "$(kube get "$4" --namespace "$3" --ignore-not-found --output "go-template=$template_of_owner" 2>/dev/null)" = \
        "$1 $2 <no value>" ]
}

# Helm deletes what a chart has among its templates, be it a kind with all objects of it, or a claim with its data. Where
# there is such a thing, or where another release has taken over some of it, objects are removed one by one, without the
# hooks that the chart has for its removal.
holds_what_stays='^kind: *["'\'']?(CustomResourceDefinition|PersistentVolumeClaim|Namespace)["'\'']? *$'

remove_former() { # release, namespace
    local manifest said space object
    if ! manifest="$(to_helm get manifest "$1" --namespace "$2" 2>&1)"; then
        case $manifest in
            *'release: not found'*) return 0 ;;
        esac
        complain "$manifest"
        return 1
    fi
    if [ ! -e "$state/shared/$1.$2" ] && ! grep -q -E "$holds_what_stays" <<<"$manifest"; then
        if ! said="$(to_helm uninstall "$1" --namespace "$2" --wait --timeout "${HELM_TIMEOUT:-10m}" 2>&1)"; then
            case $said in
                *'release: not found'*) return 0 ;;
            esac
            complain "$said"
            return 1
        fi
        say "removed $1 from $2"
        return 0
    fi
    while read -r space object; do
        case "$object" in
            '') ;;
            customresourcedefinition.* | persistentvolumeclaim/* | namespace/*) say "kept: $object of $1" ;;
            *)
                if ! may_go "$1" "$2" "$space" "$object"; then
                    say "kept: $object of $1"
                elif ! kube delete "$object" --namespace "$space" --ignore-not-found \
                    --timeout "${HELM_TIMEOUT:-10m}" >/dev/null; then
                    return 1
                fi
                ;;
        esac
    done <<<"$(objects_of "$1" "$2" | sed '1!G;h;$!d')" # what Helm makes last goes first
    # Its record goes last, so that the next run finds what is left of it.
    kube delete secret --namespace "$2" --selector "owner=helm,name=$1" >/dev/null || return 1
    say "removed $1 from $2"
}
