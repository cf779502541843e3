# shellcheck shell=bash disable=SC2034,SC2154 # the script that sources it sets and uses what it does not
# Part of deploy.sh, behind webhooks.sh: what an older bundle installed as another release becomes part of this one.
# Until the record of the old release is gone, the next run does all of it again, so that it may end anywhere.

give() { # release, its namespace, namespace of the object, object: Helm takes it for one of the release's from now on
    kube annotate "$4" --namespace "$3" --overwrite \
        "meta.helm.sh/release-name=$1" "meta.helm.sh/release-namespace=$2" >/dev/null &&
        kube label "$4" --namespace "$3" --overwrite app.kubernetes.io/managed-by=Helm >/dev/null
}

adopt() { # release, namespace: before it is installed
    local release namespace former space object
    [ -z "$DRY_RUN_FLAG" ] || return 0
    while read -r release namespace former; do
        if [ "$release" = "$1" ] && present "$former" "$2"; then
            printf 'taking over the objects of release %s\n' "$former"
            while read -r space object; do
                [ -n "$object" ] || continue
                give "$1" "$2" "$space" "$object" || printf '%s stays with %s\n' "$object" "$former"
                case $object in
                    deployment.apps/* | daemonset.apps/* | statefulset.apps/*) make_room "$former" "$space" "$object" ;;
                esac
            done <<<"$(objects_of "$former" "$2")"
        fi
    done <<<"$FORMER_RELEASES"
    borrow "$1" "$2"
    adopt_kinds "$1" "$2"
}

# Releases of an older bundle that this one does not have where they are, and whose objects may be this release's now:
# those around it, and it itself in another namespace, perhaps under another name. They stay until they are pruned.
predecessors_of() { # release, namespace; of each the name and the namespace
    local release namespace its_recipe of former names=" $1 $1-pre $1-post "
    while read -r release of former; do
        [ "$release $of" != "$1 $2" ] || names="$names$former "
    done <<<"$FORMER_RELEASES"
    while read -r release namespace its_recipe; do
        case "$names" in
            *" $release "*)
                [ "$its_recipe" != "$RECIPE" ] && [ "$its_recipe" != "$prune_of" ] ||
                    printf '%s %s\n' "$release" "$namespace"
                ;;
        esac
    done <<<"$left_over"
}

# shellcheck disable=SC2016 # kubectl's variables
template_of_place='{{or .metadata.namespace "-"}}{{with .metadata.annotations}}
{{- ""}} {{index . "meta.helm.sh/release-name"}} {{index . "meta.helm.sh/release-namespace"}}{{end}}'

place_of() { # release, its namespace, namespace, object; the namespace of an object of the release, - where it has none
    local place name namespace
    read -r place name namespace <<<"$(kube get "$4" --namespace "$3" --ignore-not-found \
        --output "go-template=$template_of_place" 2>/dev/null)"
    [ "$name $namespace" != "$1 $2" ] || printf '%s' "$place"
}

borrow() { # release, namespace: before it is installed, it gets all that its predecessors have
    local former space its object
    while read -r former space; do
        [ -n "$former" ] || continue
        : >"$state/shared/$former.$space"
        while read -r its object; do
            if [ -n "$object" ] && [ -n "$(place_of "$former" "$space" "$its" "$object")" ]; then
                give "$1" "$2" "$its" "$object" || printf '%s stays with %s\n' "$object" "$former"
            fi
        done <<<"$(objects_of "$former" "$space")"
    done <<<"$(predecessors_of "$1" "$2")"
}

return_rest() { # release, namespace: once it is installed, its predecessors get back what it does not have
    local former space its object place now=''
    while read -r former space; do
        [ -n "$former" ] || continue
        now="${now:-$newline$(objects_of "$1" "$2")$newline}"
        while read -r its object; do
            [ -n "$object" ] || continue
            place="$(place_of "$1" "$2" "$its" "$object")"
            case "$place" in
                '') continue ;;
                -) place=' ' ;;
                *) place="$newline$its " ;;
            esac
            case "$now" in
                *"$place$object$newline"*) printf '%s of %s is part of %s now\n' "$object" "$former" "$1" ;;
                *) give "$former" "$space" "$its" "$object" || true ;;
            esac
        done <<<"$(objects_of "$former" "$space")"
    done <<<"$(predecessors_of "$1" "$2")"
}

make_room() { # former release, namespace, workload: which labels its pods have can never be changed
    local labels
    labels="$(kube get "$3" --namespace "$2" --output 'jsonpath={.spec.selector.matchLabels}' 2>/dev/null)" || return 0
    case $labels in
        *"\"$1\""*)
            printf '%s selects its pods by the name %s, so it is recreated\n' "$3" "$1"
            kube delete "$3" --namespace "$2" --ignore-not-found --wait >/dev/null || true
            ;;
    esac
}

adopt_kinds() { # release, namespace: kinds that came with another component, and that nobody else owns
    local kinds='' release namespace group former kind its_group owner
    while read -r release namespace group former; do
        [ "$release" = "$1" ] || continue
        if [ -z "$kinds" ]; then
            # Once it is installed, its kinds are its own, and those that it brings beside its templates are nobody's.
            if present "$1" "$2"; then
                return 0
            fi
            kinds="$(kube get customresourcedefinitions --output "go-template=$template_of_kinds" 2>/dev/null)" || return 0
        fi
        while read -r kind its_group owner; do
            if [ "$its_group" = "$group" ] || [ "$kind" = "$group" ]; then
                case $owner in
                    '' | '<no value>' | "$former")
                        printf 'taking over the CRD %s\n' "$kind"
                        give "$1" "$2" "$2" "customresourcedefinition/$kind" || true
                        ;;
                esac
            fi
        done <<<"$kinds"
    done <<<"$FORMER_KINDS"
}

forget() { # release, namespace: once it is installed, what is left of what it took over
    local release namespace former space object now
    [ -z "$DRY_RUN_FLAG" ] || return 0
    return_rest "$1" "$2"
    while read -r release namespace former; do
        if [ "$release" != "$1" ] || ! present "$former" "$2"; then
            continue
        fi
        now="$newline$(objects_of "$1" "$2")$newline"
        while read -r space object; do
            case "$object" in '' | customresourcedefinition.* | namespace/* | persistentvolumeclaim/*) continue ;; esac
            case "$now" in *"$newline$space $object$newline"*) continue ;; esac
            if may_go "$1" "$2" "$space" "$object"; then
                printf 'removing %s, which %s no longer has\n' "$object" "$1"
                kube delete "$object" --namespace "$space" --ignore-not-found --wait=false >/dev/null || true
            fi
        done <<<"$(objects_of "$former" "$2")"
        kube delete secret --namespace "$2" --selector "owner=helm,name=$former" >/dev/null &&
            printf 'the release %s is now %s\n' "$former" "$1"
    done <<<"$FORMER_RELEASES"
}
