#!/usr/bin/env bash
# @MADE@
usage() {
    cat <<'END'
usage: ./rollback.sh [FLAG ...]

Takes every release back to what it was before this bundle was deployed, in the reverse order, and removes those that
came with it. It shows first what it will do and what cannot be brought back, and asks.
To resume, run it again: what is back already is left out.

  --dry-run      say what would be done, and change nothing
  --yes          do not ask
  --best-effort  go on when a component cannot be taken back; the exit status still says that one was not
  --serial       one component after another
  --help         this text

Never taken back: kinds (CRDs), what is on volumes, objects that were handed to a release of another name, and releases
that deploy.sh --prune has removed; those come back with deploy.sh of the older bundle.

Read from the environment:
  KUBECONFIG, KUBE_CONTEXT          which cluster
  HELM_TIMEOUT                      how long one release may take (default 10m)
  KUBECONFIG_FLAG, HELM_DEBUG_FLAG  words for helm
  HEARTBEAT_S, STOP_S               seconds: between signs of life (30), for helm to end when interrupted (20)

Exit status: 0 all that can be taken back is back, 1 something is not, 2 a flag is wrong, 128 + N ended by signal N.
END
}

# shellcheck source=head.sh
. ./head.sh

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=/dev/null
. "$here/labels.env" # RECIPE and BUNDLE

@FORMER_RELEASES@

@OWNED_SECRETS@

# shellcheck source=common.sh
. ./common.sh

# shellcheck source=objects.sh
. ./objects.sh

# shellcheck source=secrets.sh
. ./secrets.sh

resume='run ./rollback.sh again: what is back already is left out'
best_effort='' serial='' dry_run='' yes='' fates=''
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) dry_run=yes ;;
        --yes | -y) yes=yes ;;
        --best-effort) best_effort=yes ;;
        --serial) serial=yes ;;
        --help | -h)
            usage
            exit 0
            ;;
        *) refuse "$1 is not a flag of it" "./$me --help lists them" ;;
    esac
    shift
done

template_of_revisions='
{{- range .items}}
  {{- with .metadata.labels}}
    {{- .version}} {{.status}} {{with index . "clusterbook.dev/bundle"}}{{.}}{{else}}-{{end}}{{"\n"}}
  {{- end}}
{{- end}}'

# What becomes of a release: `stays`, `absent`, `back REVISION`, `goes`, `handed FORMER` (it was called otherwise before),
# `forgotten` (Helm keeps the last ten revisions), or `unreadable`.
fate_of() { # release, namespace
    local rows version status its last_status='' last_its='' lowest='' before='' release namespace former
    rows="$(kube get secrets --namespace "$2" --selector "owner=helm,name=$1" \
        --output "go-template=$template_of_revisions" 2>/dev/null)" || {
        printf unreadable
        return 0
    }
    rows="$(printf '%s\n' "$rows" | sort -n)"
    while read -r version status its; do
        [ -n "$version" ] || continue
        lowest="${lowest:-$version}" last_status="$status" last_its="$its"
        case "$its $status" in
            "$BUNDLE "*) ;;
            *' superseded' | *' deployed') before="$version" ;;
        esac
    done <<<"$rows"
    if [ -z "$lowest" ]; then
        printf absent
    elif [ "$last_its" != "$BUNDLE" ] && [ "$last_status" = deployed ]; then
        printf stays
    elif [ -n "$before" ]; then
        printf 'back %s' "$before"
    else
        while read -r release namespace former; do
            if [ "$release $namespace" = "$1 $2" ]; then
                printf 'handed %s' "$former"
                return 0
            fi
        done <<<"$FORMER_RELEASES"
        if [ "$lowest" = 1 ]; then printf goes; else printf forgotten; fi
    fi
}

# Sets `fates` (release, what becomes of it, revision or former name), and says each.
foretell() {
    local release namespace fate more groups
    while read -r _ release namespace _; do
        read -r fate more <<<"$(fate_of "$release" "$namespace")"
        fates="$fates$release $fate $more$newline"
        case $fate in
            back) say "$release goes back from $(version_of "$release" "$namespace") to" \
                "$(version_of "$release" "$namespace" "$more") (revision $more)" ;;
            goes) say "$release came with this bundle, and goes" ;;
            stays) say "$release stays: this bundle is not what was deployed last" ;;
            absent) say "$release is not installed" ;;
            handed)
                say "$release cannot be taken back: it owns what $more owned before"
                hint "for the older bundle: helm uninstall $release --namespace $namespace, then its deploy.sh"
                ;;
            forgotten)
                say "$release cannot be taken back: Helm no longer keeps a revision of before"
                hint "run deploy.sh of the older bundle"
                ;;
            *)
                complain "cannot read which revisions $release has"
                hint "ask for the right to read secrets of $namespace"
                exit 1
                ;;
        esac
    done <<<"$RELEASES"
    groups="$(printf '%s' "$GROUPS_OF_KINDS" | awk 'NF { print $3 }' | sort -u | tr '\n' ' ')"
    [ -z "$groups" ] || say "kinds (CRDs) stay as this bundle has them: ${groups% }"
    say 'what newer versions wrote to volumes stays'
    say 'what deploy.sh --prune removed comes back with deploy.sh of the older bundle'
}

ask() {
    case "$newline$fates" in
        *" back "* | *" goes "*) ;;
        *)
            say 'there is nothing to take back'
            exit 0
            ;;
    esac
    [ -n "$yes" ] || confirm 'nothing was changed'
}

roll_back_component() { # its releases, the last one first; stops at the first that is not taken back
    local release namespace component waiting fate more backwards=''
    while read -r _ release namespace _ component waiting _; do
        [ "$component" != "$1" ] || backwards="$release $namespace $waiting$newline$backwards"
    done <<<"$RELEASES"
    while read -r release namespace waiting; do
        [ -n "$release" ] || continue
        read -r _ fate more <<<"$(printf '%s' "$fates" | awk -v name="$release" '$1 == name')"
        if ! take_back "$release" "$namespace" "$waiting" "$fate" "$more"; then
            printf '%s was not taken back\n' "$release"
            : >"$state/failed/$release"
            ended "$1"
            return 1
        fi
        : >"$state/done/$release"
    done <<<"$backwards"
    ended "$1"
}

take_back() { # release, namespace, what to wait for, what becomes of it, revision
    local words=''
    case $4 in
        goes) remove_former "$1" "$2" ;;
        back)
            [ "$3" = nothing ] || words='--wait'
            keep_secrets "$1" "$2"
            # shellcheck disable=SC2046,SC2086 # several words
            to_helm rollback "$1" "$5" --namespace "$2" $words --timeout "${HELM_TIMEOUT:-10m}" $(apply_args) &
            give_back_while "$!" "$2"
            ;;
    esac
}

keep_secrets() { # release, namespace; sets `kept`
    local release namespace secret
    kept=''
    while read -r release namespace secret; do
        [ "$release $namespace" != "$1 $2" ] || keep_secret "$secret" "$2"
    done <<<"$OWNED_SECRETS"
}

summarise() {
    local names
    names="$(names_in failed)"
    [ -z "$names" ] || complain "not taken back: $names"
    names="$(names_left)"
    [ -z "$names" ] || complain "not tried: $names"
}

main() {
    local level="$LEVELS" failed='' names started=$SECONDS
    need_programs
    need_cluster
    HELM_VERSION="$(helm version --short 2>/dev/null || true)"
    foretell
    if [ -n "$dry_run" ]; then
        say 'nothing was changed'
        exit 0
    fi
    ask
    begin
    while [ "$level" -gt 0 ]; do
        level=$((level - 1))
        names="$(components "$level" | tr '\n' ' ')"
        say "level $((level + 1)) of $LEVELS: ${names% }"
        # shellcheck disable=SC2086 # several names
        if ! side_by_side roll_back_component $names; then
            failed=yes
            [ -n "$best_effort" ] || break
        fi
    done
    if [ -n "$failed" ]; then
        summarise
        hint "fix what is named above, then $resume"
        exit 1
    fi
    say "all that can be taken back is back, in $((SECONDS - started)) s"
}

main
