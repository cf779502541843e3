#!/usr/bin/env bash
# @MADE@
usage() {
    cat <<'END'
usage: ./undeploy.sh [FLAG ...]

Removes every release of this bundle with Helm, in the reverse order; what does not need each other side by side.
To resume, run it again: what is gone already is left out.

  --delete-pvcs        delete volume claims as well, and with them the data
  --delete-namespaces  delete namespaces as well
  --delete-crds        delete the kinds (CRDs) that components left, as far as no objects of them are left
  --dry-run            show what would be removed, and remove nothing
  --yes                do not ask
  --best-effort        go on when a component cannot be removed; the exit status still says that one was not
  --timeout TIME       how long the removal of one release may take (default 10m)
  --serial             one component after another
  --help               this text

Never deleted: the namespaces default, openshift* and kube-*, and what is in a namespace that somebody else uses too.

Read from the environment:
  KUBECONFIG, KUBE_CONTEXT          which cluster
  KUBECONFIG_FLAG, HELM_DEBUG_FLAG  words for helm
  RETRY_S, HEARTBEAT_S, STOP_S      seconds: before the second attempt (5), between signs of life (30),
                                    for helm to end when interrupted (20)

Exit status: 0 all is removed, 1 something is not, 2 a flag is wrong, 128 + N ended by signal N.
END
}

# shellcheck source=head.sh
. ./head.sh

# shellcheck source=common.sh
. ./common.sh

# shellcheck source=webhooks.sh
. ./webhooks.sh

resume='run ./undeploy.sh again, with the same flags: what is gone already is left out'
delete_pvcs='' delete_namespaces='' delete_crds='' dry_run='' yes='' best_effort='' serial='' timeout=10m
while [ $# -gt 0 ]; do
    case $1 in
        --delete-pvcs) delete_pvcs=yes ;;
        --delete-namespaces) delete_namespaces=yes ;;
        --delete-crds) delete_crds=yes ;;
        --dry-run) dry_run=yes ;;
        --yes | -y) yes=yes ;;
        --best-effort) best_effort=yes ;;
        --serial) serial=yes ;;
        --timeout=*) timeout="$(duration --timeout "${1#*=}")" ;;
        --timeout)
            timeout="$(duration --timeout "${2-}")"
            shift
            ;;
        --help | -h)
            usage
            exit 0
            ;;
        *) refuse "$1 is not a flag of it" "./$me --help lists them" ;;
    esac
    shift
done

remove_component() { # its releases, the last one first; stops at the first that stays
    local release namespace component backwards=''
    while read -r _ release namespace _ component _; do
        [ "$component" != "$1" ] || backwards="$release $namespace$newline$backwards"
    done <<<"$RELEASES"
    while read -r release namespace; do
        if [ -z "$release" ]; then
            continue
        elif ! remove_release "$release" "$namespace"; then
            : >"$state/failed/$release"
            ended "$1"
            return 1
        fi
        : >"$state/done/$release"
    done <<<"$backwards"
    ended "$1"
}

remove_release() { # release, namespace
    local said answer=0 attempt
    if [ -n "$dry_run" ]; then
        present "$1" "$2" || answer=$?
        case $answer in
            0) printf 'would remove %s from %s\n' "$1" "$2" ;;
            1) printf '%s is not installed\n' "$1" ;;
            *) printf 'cannot tell whether %s is installed\n' "$1" ;;
        esac
        return 0
    fi
    for attempt in 1 2; do
        if said="$(to_helm uninstall "$1" --namespace "$2" --wait --timeout "$timeout" 2>&1)"; then
            printf 'removed %s from %s\n' "$1" "$2"
            return 0
        fi
        case $said in
            *'release: not found'*)
                printf '%s is not installed\n' "$1"
                return 0
                ;;
        esac
        printf '%s\n' "$said"
        [ "$attempt" = 2 ] || sleep "${RETRY_S:-5}"
    done
    printf '%s was not removed\n' "$1"
    return 1
}

# Webhooks that an operator made itself outlive it, and then the cluster refuses what they ought to be asked about.
remove_orphaned_webhooks() {
    local hooks kind name service
    hooks="$(unanswered_webhooks)" || {
        say 'note: cannot read webhooks and services, so leftover webhooks are kept'
        return 0
    }
    while read -r kind name _ service; do
        if [ -n "$kind" ] && ours "${service%%/*}" && ! protected "${service%%/*}"; then
            say "removing $kind $name: the service $service that it calls is gone"
            kube delete "$kind" "$name" --ignore-not-found >/dev/null || true
        fi
    done <<<"$hooks"
}

not_asked_for='^(events|endpoints|bindings|configmaps|serviceaccounts|persistentvolumeclaims|(roles|rolebindings)\.rbac.*'
not_asked_for="$not_asked_for"'|events\.events\.k8s\.io|endpointslices\.discovery\.k8s\.io|leases\.coordination\.k8s\.io'
not_asked_for="$not_asked_for"'|controllerrevisions\.apps|.*\.metrics\.k8s\.io|packagemanifests\..*)$'
template_of_others='
{{- range .items}}
  {{- if or .metadata.deletionTimestamp .metadata.ownerReferences}}
  {{- else if ne .kind "Secret"}}{{.kind}}/{{.metadata.name}}{{"\n"}}
  {{- else if eq .type "helm.sh/release.v1"}}release {{.metadata.labels.name}}{{"\n"}}
  {{- end}}
{{- end}}'
template_of_servers='{{range .clusters}}{{.cluster.server}}{{end}}'
template_of_names='{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}'

namespaces() { # those of the bundle, each once
    local namespace
    while read -r _ _ namespace _; do
        printf '%s\n' "$namespace"
    done <<<"$RELEASES" | sort -u
}

ours() { # whether a namespace is one of the bundle's
    local namespace
    while read -r namespace; do
        if [ "$namespace" = "$1" ]; then
            return 0
        fi
    done <<<"$(namespaces)"
    return 1
}

protected() { # whether a namespace belongs to the cluster itself
    case $1 in
        default | kube-* | openshift | openshift-*) return 0 ;;
    esac
    return 1
}

# What somebody may still want in a namespace: all objects but volume claims, what the cluster makes by itself, what is
# being deleted, what belongs to another object, and words (ConfigMaps, Secrets, accounts and roles), which go with the
# namespace. A Helm release that is not ours shows by the Secret that it is kept in. Fails when not all can be read.
others_in() { # namespace
    local kinds
    kinds="$(kube api-resources --namespaced --verbs=list,delete --output name)" || return 1
    kinds="$(printf '%s\n' "$kinds" | grep -v -E "$not_asked_for" | tr '\n' ',')"
    kube get "${kinds%,}" --namespace "$1" --ignore-not-found --output "go-template=$template_of_others" | sort -u
}

claims_in() { # namespace
    kube get persistentvolumeclaims --namespace "$1" --output "go-template=$template_of_names" 2>/dev/null
}

in_one_line() { tr '\n' ' ' | sed 's/ *$//'; }

# Volume claims and namespaces, which stay unless they were asked for; says what stays and why.
clear_namespaces() {
    local namespace others claims why known doomed=''
    known="$(kube get namespaces --output "go-template=$template_of_names")" || return 1
    while read -r namespace; do
        case "$newline$known$newline" in
            *"$newline$namespace$newline"*) ;;
            *) continue ;;
        esac
        why=''
        others=''
        if protected "$namespace"; then
            why='it belongs to the cluster'
        elif [ -z "$delete_pvcs$delete_namespaces" ]; then
            :
        elif ! others="$(others_in "$namespace")"; then
            why='not all that is in it can be read'
        elif [ -n "$others" ]; then
            why="others use it: $(printf '%s' "$others" | in_one_line)"
        fi
        claims="$(claims_in "$namespace" | in_one_line)"
        if [ -n "$claims" ] && [ -n "$delete_pvcs" ] && [ -z "$why" ]; then
            say "deleting volume claims of $namespace: $claims"
            # shellcheck disable=SC2086 # several names
            kube delete persistentvolumeclaims $claims --namespace "$namespace" \
                --ignore-not-found --timeout "$timeout" >/dev/null || return 1
            claims=''
        elif [ -n "$claims" ]; then
            say "kept in $namespace: volume claims $claims${delete_pvcs:+ ($why)}"
        fi
        if [ -z "$delete_namespaces" ] || [ -n "$why" ]; then
            say "kept: namespace $namespace${delete_namespaces:+ ($why)}"
        elif [ -n "$claims" ]; then
            say "kept: namespace $namespace (it holds volume claims; --delete-pvcs deletes them)"
        else
            say "deleting namespace $namespace"
            doomed="$doomed $namespace"
        fi
    done <<<"$(namespaces)"
    # All at once: the cluster takes seconds for each.
    # shellcheck disable=SC2086 # several names
    [ -z "$doomed" ] || kube delete namespace $doomed --ignore-not-found --timeout "$timeout" >/dev/null
}

# Kinds that charts never remove, because all objects of them would go as well; only of components known to leave some.
clear_kinds() {
    local kinds release group kind its_group left
    [ -n "$GROUPS_OF_KINDS" ] || return 0
    kinds="$(kube get customresourcedefinitions --output "go-template=$template_of_kinds")" || return 1
    while read -r release _ group; do
        while read -r kind its_group _; do
            if [ "$its_group" != "$group" ] && [ "$kind" != "$group" ]; then
                continue
            elif [ -z "$delete_crds" ]; then
                say "kept: kind $kind of $release"
            elif ! left="$(kube get "$kind" --all-namespaces --ignore-not-found --output name)"; then
                say "kept: kind $kind of $release (its objects cannot be read)"
            elif [ -n "$left" ]; then
                say "kept: kind $kind of $release (there are objects of it: $(printf '%s' "$left" | in_one_line))"
            else
                say "deleting kind $kind of $release"
                kube delete customresourcedefinition "$kind" \
                    --ignore-not-found --timeout "$timeout" >/dev/null || return 1
            fi
        done <<<"$kinds"
    done <<<"$GROUPS_OF_KINDS"
}

summarise() {
    local names
    names="$(names_in failed)"
    [ -z "$names" ] || complain "not removed: $names"
    names="$(names_left)"
    [ -z "$names" ] || complain "not tried: $names"
}

ask() {
    local server what='Helm releases only; namespaces, volume claims and kinds stay'
    if [ -n "$delete_pvcs$delete_namespaces$delete_crds" ]; then
        what="Helm releases${delete_pvcs:+, volume claims with their data}"
        what="$what${delete_namespaces:+, namespaces}${delete_crds:+, kinds}"
    fi
    server="$(kube config view --minify --output "go-template=$template_of_servers" 2>/dev/null || printf '(unknown)')"
    say "will be removed from the cluster $server: $what"
    [ -n "$yes$dry_run" ] || confirm 'nothing was removed'
}

main() {
    local level="$LEVELS" failed='' names started=$SECONDS
    need_programs
    need_cluster
    ask
    begin
    while [ "$level" -gt 0 ]; do
        level=$((level - 1))
        names="$(components "$level" | tr '\n' ' ')"
        say "level $((level + 1)) of $LEVELS: ${names% }"
        # shellcheck disable=SC2086 # several names
        if ! side_by_side remove_component $names; then
            failed=yes
            [ -n "$best_effort" ] || break
        fi
        [ -n "$dry_run" ] || remove_orphaned_webhooks
    done
    if [ -n "$failed" ]; then
        summarise
        hint "fix what is named above, then $resume"
        exit 1
    fi
    if [ -n "$dry_run" ]; then
        say 'nothing was removed'
        exit 0
    fi
    if ! clear_kinds || ! clear_namespaces; then
        hint "fix what is named above, then $resume"
        exit 1
    fi
    say "all releases are removed, in $((SECONDS - started)) s"
}

main
