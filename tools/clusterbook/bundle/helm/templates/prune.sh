# shellcheck shell=bash disable=SC2034,SC2154 # the script that sources it sets and uses what it does not
# Part of deploy.sh, behind adopt.sh: releases of older bundles that this one does not have. They are found by the labels
# that install.sh gives to a release, always named, and removed only when that was asked for and all else is installed.

# shellcheck disable=SC2016 # kubectl's variables
template_of_labelled='
{{- range .items}}
  {{- with .metadata}}
    {{- index .labels "clusterbook.dev/order"}} {{.labels.name}} {{.namespace}} {{index .labels "clusterbook.dev/recipe"}}{{"\n"}}
  {{- end}}
{{- end}}'
labelled='owner=helm,clusterbook.dev/recipe,status!=superseded,status!=uninstalled'

in_bundle() { # release, namespace: whether it is one of this bundle, or becomes one
    local release namespace former
    while read -r _ release namespace _; do
        if [ "$release $namespace" = "$1 $2" ]; then
            return 0
        fi
    done <<<"$RELEASES"
    while read -r release namespace former; do
        if [ "$former $namespace" = "$1 $2" ]; then
            return 0
        fi
    done <<<"$FORMER_RELEASES"
    return 1
}

# Sets `left_over` (release, namespace, recipe; what was installed last comes first), and those of them that will be
# removed as `doomed`.
find_left_over() {
    local found release namespace its_recipe seen=' '
    left_over='' doomed=''
    found="$(kube get secrets --all-namespaces --selector "$labelled" \
        --output "go-template=$template_of_labelled" 2>/dev/null)" || {
        if [ -n "$prune" ]; then
            complain 'cannot read secrets, in which Helm keeps releases, so those of older bundles are not found'
            hint 'ask for the right to list secrets, or leave --prune out'
            exit 1
        fi
        cannot_read secrets 'releases of older bundles are not found'
        return 0
    }
    found="$(printf '%s\n' "$found" | sort -r)"
    while read -r _ release namespace its_recipe; do
        case "$seen" in *" $release/$namespace "*) continue ;; esac
        seen="$seen$release/$namespace "
        if [ -z "$release" ] || in_bundle "$release" "$namespace"; then
            continue
        fi
        left_over="$left_over$release $namespace $its_recipe$newline"
        if [ -n "$prune" ] && { [ "$its_recipe" = "$RECIPE" ] || [ "$its_recipe" = "$prune_of" ]; }; then
            doomed="$doomed$release $namespace$newline"
        fi
    done <<<"$found"
}

ask_to_prune() { # before anything is installed, so that nobody has to wait for the question
    local release namespace
    [ -n "$doomed" ] || return 0
    while read -r release namespace; do
        [ -z "$release" ] || say "will be removed, once all else is installed: $release from $namespace"
    done <<<"$doomed"
    [ -n "$yes$DRY_RUN_FLAG" ] || confirm 'nothing was installed, and nothing removed'
}

report_left_over() { # what stays
    local release namespace its_recipe how
    while read -r release namespace its_recipe; do
        case "$newline$doomed" in *"$newline$release $namespace$newline"*) continue ;; esac
        [ -n "$release" ] || continue
        how='--prune removes it'
        [ "$its_recipe" = "$RECIPE" ] || how="it is of the recipe $its_recipe: --prune-of $its_recipe removes it"
        note "$release in $namespace is of an older bundle, and no longer of this one; it stays ($how)"
    done <<<"$left_over"
}

remove_left_over() { # returns 1 when one of them stays
    local release namespace failed=0
    while read -r release namespace; do
        [ -n "$release" ] || continue
        if ! remove_former "$release" "$namespace"; then
            complain "$release was not removed from $namespace"
            failed=1
        fi
    done <<<"$doomed"
    return "$failed"
}

wanted_version() { # folder
    if [ -f "$here/$1/upstream.env" ]; then
        # shellcheck source=/dev/null
        (. "$here/$1/upstream.env" && printf '%s' "$VERSION")
    else
        sed -n 's/^version: *["'\'']\{0,1\}\([^"'\'' ]*\).*/\1/p' "$here/$1/Chart.yaml"
    fi
}

foretell() { # component: what would be done with its releases
    local folder release namespace component wanted now answer former
    while read -r folder release namespace _ component _; do
        if [ "$component" != "$1" ]; then
            continue
        fi
        wanted="$(wanted_version "$folder")"
        answer=0
        present "$release" "$namespace" || answer=$?
        if [ "$answer" = 0 ]; then
            now="$(version_of "$release" "$namespace")"
            if [ "${now#v}" = "${wanted#v}" ]; then
                say "  would apply $release $wanted again, with the values of this bundle"
            else
                say "  would take $release from ${now:-an unknown version} to $wanted"
            fi
        elif [ "$answer" = 1 ]; then
            former="$(former_of "$release" "$namespace")"
            say "  would install $release $wanted into $namespace${former:+, taking over what was installed as $former}"
        else
            say "  cannot see whether $release is installed; would install $release $wanted into $namespace"
        fi
    done <<<"$RELEASES"
}

former_of() { # release, namespace; the release under another name that is there
    local release namespace former
    while read -r release namespace former; do
        if [ "$release $namespace" = "$1 $2" ] && present "$former" "$2"; then
            printf '%s' "$former"
        fi
    done <<<"$FORMER_RELEASES"
}
