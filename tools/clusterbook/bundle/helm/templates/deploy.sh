#!/usr/bin/env bash
# @MADE@
usage() {
    cat <<'END'
usage: ./deploy.sh [FLAG ...]

Installs every release of this bundle with Helm, level by level; what does not need each other side by side.
To resume, run it again: what is installed stays as it is, the rest follows.
What an older bundle installed under another name is taken over, not made anew; what this bundle no longer has is named.

  --dry-run        say what would be done, and change nothing
  --prune          remove the releases of an older bundle of this recipe that this one does not have, once all else is
                   installed; volume claims, kinds (CRDs) and what Helm is told to keep stay
  --prune-of NAME  those of the recipe NAME as well, which the cluster had before
  --yes            do not ask before releases are removed
  --no-wait        do not wait until what was installed is ready
  --best-effort    go on when a component cannot be installed; the exit status still says that one failed
  --retries N      try each release N times more (default 5, or what its chart needs)
  --serial         one component after another
  --skip-preflight do not look for leftovers and missing kinds first
  --help           this text

Read from the environment:
  KUBECONFIG, KUBE_CONTEXT       which cluster
  CHART_MIRROR                   oci://HOST/BASE, where `clusterbook mirror load` put the charts
  HELM_TIMEOUT                   how long one release may take (default 10m)
  DRY_RUN_FLAG, KUBECONFIG_FLAG, HELM_DEBUG_FLAG, COMPONENT_WAIT_ARGS
                                 words for helm, such as DRY_RUN_FLAG=--dry-run=server
  RETRY_S, HEARTBEAT_S, STOP_S   seconds: before the first retry (5), between signs of life (30),
                                 for helm to end when interrupted (20)

Exit status: 0 all is installed, 1 something is not, 2 a flag is wrong, 128 + N ended by signal N.
END
}

# shellcheck source=head.sh
. ./head.sh

@NEEDED_KINDS@

@TAINTS@

@FORMER_RELEASES@

@FORMER_KINDS@

# shellcheck source=common.sh
. ./common.sh

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=/dev/null
. "$here/labels.env" # RECIPE and BUNDLE
resume='run ./deploy.sh again: what is installed stays, the rest follows'
no_wait='' best_effort='' retries='' serial='' skip_preflight='' dry_run='' prune='' prune_of='' yes=''
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) dry_run=yes DRY_RUN_FLAG="${DRY_RUN_FLAG:---dry-run}" ;;
        --prune) prune=yes ;;
        --prune-of=*) prune=yes prune_of="${1#*=}" ;;
        --prune-of)
            [ -n "${2-}" ] || refuse '--prune-of names no recipe' 'write --prune-of h100-eks-training, say'
            prune=yes prune_of="$2"
            shift
            ;;
        --yes | -y) yes=yes ;;
        --no-wait) no_wait=yes ;;
        --best-effort) best_effort=yes ;;
        --serial) serial=yes ;;
        --skip-preflight) skip_preflight=yes ;;
        --retries=*) retries="$(count --retries "${1#*=}")" ;;
        --retries)
            retries="$(count --retries "${2-}")"
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

# shellcheck source=webhooks.sh
. ./webhooks.sh

# shellcheck source=preflight.sh
. ./preflight.sh

# shellcheck source=objects.sh
. ./objects.sh

# shellcheck source=adopt.sh
. ./adopt.sh

# shellcheck source=prune.sh
. ./prune.sh

# What install.sh has helm wait for.
wait_args() { # what to wait for, timeout
    local words=''
    if [ -z "$no_wait" ]; then
        case $1 in
            objects) words='--wait ' ;;
            jobs) words='--wait --wait-for-jobs ' ;;
        esac
    fi
    printf '%s--timeout %s' "$words" "$2"
}

install_component() { # its releases one after another; stops at the first that fails
    local folder release namespace component waiting timeout most
    while read -r folder release namespace _ component waiting timeout most; do
        if [ "$component" != "$1" ]; then
            continue
        fi
        [ "$timeout" != - ] || timeout="${HELM_TIMEOUT:-10m}"
        [ "$most" != - ] || most=5
        adopt "$release" "$namespace"
        if ! install_release "$folder" "$release" "$namespace" \
            "${retries:-$most}" "$(wait_args "$waiting" "$timeout")"; then
            : >"$state/failed/$release"
            ended "$1"
            return 1
        fi
        forget "$release" "$namespace"
        : >"$state/done/$release"
    done <<<"$RELEASES"
    ended "$1"
}

install_release() { # folder, release, namespace, retries, words for helm
    local folder="$1" release="$2" namespace="$3" most="$4" tried=0 pause
    local COMPONENT_WAIT_ARGS="${COMPONENT_WAIT_ARGS-$5}"
    export COMPONENT_WAIT_ARGS
    printf 'installing %s\n' "$release"
    while ! bash "$here/$folder/install.sh"; do
        tried=$((tried + 1))
        if [ "$tried" -gt "$most" ]; then
            printf '%s failed after %s attempt(s)\n' "$release" "$tried"
            return 1
        fi
        if [ -z "$DRY_RUN_FLAG" ]; then
            recover "$release" "$namespace" || true
            remove_hook_jobs "$release" "$namespace" || true
        fi
        pause=$((tried * tried * ${RETRY_S:-5}))
        [ "$pause" -le 120 ] || pause=120
        printf 'attempt %s of %s failed; retrying in %s s\n' "$tried" "$((most + 1))" "$pause"
        sleep "$pause"
    done
}

# A helm that was killed leaves its release locked, and every later one refuses. Helm ends in order when it is asked to,
# and this script ends it when it is gone itself, so a lock that stays belongs to nobody.
recover() { # release, namespace
    local said
    said="$(to_helm status "$1" --namespace "$2" --output json 2>/dev/null)" || return 0
    case $said in
        *'"status":"pending-install"'* | *'"status":"uninstalling"'*)
            printf 'the last installation of %s was interrupted; removing it, then installing again\n' "$1"
            to_helm uninstall "$1" --namespace "$2" --wait --timeout "${HELM_TIMEOUT:-10m}"
            ;;
        *'"status":"pending-upgrade"'* | *'"status":"pending-rollback"'*)
            printf 'the last upgrade of %s was interrupted; rolling back, then upgrading again\n' "$1"
            # shellcheck disable=SC2046 # several words
            to_helm rollback "$1" --namespace "$2" $(apply_args)
            ;;
    esac
}

# Jobs that are hooks stay behind when they fail, and would be in the way of the next attempt.
remove_hook_jobs() { # release, namespace
    local names
    names="$(to_helm get hooks "$1" --namespace "$2" 2>/dev/null | jobs_in | tr '\n' ' ')"
    if [ -n "$names" ]; then
        # shellcheck disable=SC2086 # several names
        kube delete job $names --namespace "$2" --ignore-not-found --wait
    fi
}

jobs_in() { # manifests on stdin; the names of the jobs in them on stdout
    awk '
        function tell() { if (job && name != "") print name; job = 0; name = ""; inside = 0 }
        /^---/ { tell(); next }
        /^kind:[ ]*["\047]?Job["\047]?[ ]*$/ { job = 1 }
        /^[^ #]/ { inside = /^metadata:/ }
        inside && name == "" && /^  name:/ { name = $2; gsub(/["\047]/, "", name) }
        END { tell() }
    '
}

summarise() {
    local names
    names="$(names_in failed)"
    [ -z "$names" ] || complain "failed: $names"
    names="$(names_left)"
    [ -z "$names" ] || complain "not installed: $names"
}

main() {
    local level=0 failed='' names folder started=$SECONDS
    while read -r folder _; do
        if [ ! -f "$here/$folder/install.sh" ]; then
            complain "$folder/install.sh is missing"
            hint 'the bundle is not whole: make or fetch it again'
            exit 1
        fi
    done <<<"$RELEASES"
    need_programs
    need_cluster
    HELM_VERSION="$(helm version --short 2>/dev/null || true)"
    export HELM_VERSION
    [ -n "$skip_preflight" ] || preflight
    find_left_over
    ask_to_prune
    if [ -n "$dry_run" ]; then
        foretell_all
        exit 0
    fi
    begin
    while [ "$level" -lt "$LEVELS" ]; do
        names="$(components "$level" | tr '\n' ' ')"
        level=$((level + 1))
        say "level $level of $LEVELS: ${names% }"
        # shellcheck disable=SC2086 # several names
        if ! side_by_side install_component $names; then
            failed=yes
            [ -n "$best_effort" ] || break
        fi
    done
    if [ -n "$failed" ]; then
        summarise
        hint "fix what is named above, then $resume"
        exit 1
    fi
    if [ -n "$doomed" ] && [ -z "$DRY_RUN_FLAG" ] && ! remove_left_over; then
        hint "fix what is named above, then $resume"
        exit 1
    fi
    report_left_over
    say "all releases are installed, in $((SECONDS - started)) s"
}

foretell_all() {
    local level=0 name
    while [ "$level" -lt "$LEVELS" ]; do
        level=$((level + 1))
        say "level $level of $LEVELS"
        while read -r name; do
            foretell "$name"
        done <<<"$(components "$((level - 1))")"
    done
    report_left_over
    say 'nothing was changed'
}

main
