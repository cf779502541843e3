# shellcheck shell=bash disable=SC2034,SC2154 # the scripts that source it set and use what it does not
# Part of install.sh and rollback.sh: Secrets that a chart writes empty and somebody else fills. Helm would empty them
# again, so what is in them is read before, and given back while Helm runs.

content() { # Secret, namespace; what is in it, as JSON
    kube get secret "$1" --namespace "$2" --ignore-not-found -o 'jsonpath={.data}'
}

keep_secret() { # Secret, namespace; adds what is in it to `kept`, unless nobody has filled it
    local data
    data="$(content "$1" "$2")"
    case "$data" in '' | *':""'*) return 0 ;; esac
    kept="$kept${kept:+$'\n'}$1 $data"
    # Helm deletes what one revision has and the next has not, unless it is told to keep it.
    kube annotate secret "$1" --namespace "$2" --overwrite helm.sh/resource-policy=keep >/dev/null
}

give_back() { # namespace; fills what Helm emptied; what its owner has made anew meanwhile stays
    local secret data
    while read -r secret data; do
        [ -n "$secret" ] || continue
        case "$(content "$secret" "$1")" in
            *':""'*)
                kube patch secret "$secret" --namespace "$1" --type merge \
                    --patch-file <(printf '{"data":%s}' "$data") >/dev/null || true
                ;;
        esac
    done <<<"$kept"
}

give_back_while() { # process of helm, namespace; returns its status
    local status=0
    while kill -0 "$1" 2>/dev/null && [ -n "$kept" ]; do
        sleep 1
        give_back "$2"
    done
    wait "$1" || status=$?
    give_back "$2"
    return "$status"
}
