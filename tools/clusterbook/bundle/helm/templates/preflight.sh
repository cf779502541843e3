# shellcheck shell=bash disable=SC2034,SC2154 # the scripts that source it set and use what it does not
# Part of deploy.sh, behind webhooks.sh: what would make an installation fail, looked for before it begins.

template_of_ending_namespaces='
{{- range .items}}
  {{- if eq .status.phase "Terminating"}}{{.metadata.name}}{{"\n"}}{{end}}
{{- end}}'
# shellcheck disable=SC2016 # kubectl's variables
template_of_silent_api_services='
{{- range .items}}
  {{- $name := .metadata.name}}
  {{- range .status.conditions}}
    {{- if and (eq .type "Available") (ne .status "True")}}{{$name}}{{"\n"}}{{end}}
  {{- end}}
{{- end}}'
# shellcheck disable=SC2016 # kubectl's variables
template_of_taints='
{{- range .items}}
  {{- $node := .metadata.name}}
  {{- range .spec.taints}}
    {{- $node}} {{.key}} {{if .value}}{{.value}}{{else}}-{{end}} {{.effect}}{{"\n"}}
  {{- end}}
{{- end}}'

# Looks for leftovers; exits when one of them would make the installation fail.
preflight() {
    local failed=''
    say 'checking for leftovers and for missing kinds (--skip-preflight skips this)'
    refuse_ending_namespaces || failed=yes
    refuse_unanswered_webhooks || failed=yes
    refuse_missing_kinds || failed=yes
    report_silent_api_services
    report_orphaned_kinds
    remove_stale_taints
    if [ -n "$failed" ]; then
        complain 'nothing was installed'
        hint 'mend the above, then try again; --skip-preflight goes on all the same'
        exit 1
    fi
}

note() { say "note: $*"; }

cannot_read() { note "cannot read $1, so ${2:-leftovers among them are not found}"; }

refuse_ending_namespaces() {
    local ending name namespace seen=' '
    ending="$(kube get namespaces --output "go-template=$template_of_ending_namespaces" 2>/dev/null)" || {
        cannot_read namespaces
        return 0
    }
    while read -r name; do
        while read -r _ _ namespace _; do
            case "$seen" in *" $namespace "*) continue ;; esac
            if [ "$name" = "$namespace" ]; then
                seen="$seen$name "
                complain "the namespace $name is being deleted, and does not end"
                hint "kubectl get namespace $name --output yaml says what it waits for"
            fi
        done <<<"$RELEASES"
    done <<<"$ending"
    [ "$seen" = ' ' ]
}

refuse_unanswered_webhooks() {
    local found='' hooks kind name policy service
    hooks="$(unanswered_webhooks)" || {
        cannot_read 'webhooks and services'
        return 0
    }
    while read -r kind name policy service; do
        if [ -z "$kind" ]; then
            continue
        elif [ "$policy" = Ignore ]; then
            note "$kind $name calls the service $service, which does not exist"
        else
            found=yes
            complain "$kind $name calls the service $service, which does not exist, so requests that it covers are refused"
            hint "kubectl delete $(printf '%s' "$kind" | tr '[:upper:]' '[:lower:]') $name"
        fi
    done <<<"$hooks"
    [ -z "$found" ]
}

refuse_missing_kinds() {
    local there components kinds how kind missing found=''
    [ -n "$NEEDED_KINDS" ] || return 0
    # shellcheck disable=SC2046 # one word each
    there="$(kube get customresourcedefinitions --ignore-not-found --output name \
        $(printf '%s' "$NEEDED_KINDS" | awk '{ gsub(",", " ", $2); print $2 }') 2>/dev/null)" || {
        cannot_read customresourcedefinitions 'it is not known whether all required ones exist'
        return 0
    }
    while read -r components kinds how; do
        missing=''
        for kind in ${kinds//,/ }; do
            case "$newline$there$newline" in
                *"/$kind$newline"*) ;;
                *) missing="$missing${missing:+, }$kind" ;;
            esac
        done
        if [ -n "$missing" ]; then
            found=yes
            complain "the cluster does not know $missing (needed by ${components//,/, }), and nothing here brings it"
            hint "$how"
        fi
    done <<<"$NEEDED_KINDS"
    [ -z "$found" ]
}

report_silent_api_services() {
    local names name
    names="$(kube get apiservices --output "go-template=$template_of_silent_api_services" 2>/dev/null)" || {
        cannot_read apiservices
        return 0
    }
    while read -r name; do
        [ -z "$name" ] ||
            note "the APIService $name is unavailable; unless this bundle fixes that: kubectl delete apiservice $name"
    done <<<"$names"
}

report_orphaned_kinds() {
    local kinds release namespace group kind its_group owner list
    [ -n "$GROUPS_OF_KINDS" ] || return 0
    kinds="$(kube get customresourcedefinitions --output "go-template=$template_of_kinds" 2>/dev/null)" || {
        cannot_read customresourcedefinitions
        return 0
    }
    while read -r release namespace group; do
        list=''
        while read -r kind its_group owner; do
            if { [ "$its_group" = "$group" ] || [ "$kind" = "$group" ]; } && ! listed "$owner"; then
                list="$list${list:+, }$kind"
            fi
        done <<<"$kinds"
        if [ -n "$list" ] && absent "$release" "$namespace"; then
            note "$release is not installed, but CRDs of it exist: $list"
        fi
    done <<<"$GROUPS_OF_KINDS"
}

listed() { # whether a name is that of a release of this bundle
    local release
    while read -r _ release _; do
        if [ "$release" = "$1" ]; then
            return 0
        fi
    done <<<"$RELEASES"
    return 1
}

absent() { # release, namespace; not when nobody can tell
    local answer=0
    present "$1" "$2" || answer=$?
    [ "$answer" = 1 ]
}

# A taint that an older installation left keeps all pods away, those of what would remove it as well.
remove_stale_taints() {
    local nodes release namespace wanted node key value effect
    [ -n "$TAINTS" ] || return 0
    nodes="$(kube get nodes --output "go-template=$template_of_taints" 2>/dev/null)" || {
        cannot_read nodes
        return 0
    }
    while read -r release namespace wanted; do
        while read -r node key value effect; do
            [ "$value" != - ] || value=''
            if [ -z "$node" ] || { [ "$wanted" != "$key" ] && [ "$wanted" != "$key${value:+=}$value:$effect" ]; }; then
                continue
            elif ! absent "$release" "$namespace"; then
                break
            elif [ -n "$DRY_RUN_FLAG" ]; then
                note "the taint $key:$effect of node $node would be removed: $release, which set it, is not installed"
            elif kube taint nodes "$node" "$key:$effect-" >/dev/null 2>&1; then
                note "removed the taint $key:$effect from node $node: $release, which set it, is not installed"
            else
                note "node $node has the taint $key:$effect of $release, which is not installed; it cannot be removed"
            fi
        done <<<"$nodes"
    done <<<"$TAINTS"
}
