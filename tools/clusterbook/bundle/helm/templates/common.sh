# shellcheck shell=bash disable=SC2034,SC2154 # the scripts that source it set and use what it does not
# Part of deploy.sh and undeploy.sh, which set `resume`, `serial` and `best_effort` and have a function `summarise`.

say() { printf '%s: %s\n' "$me" "$*"; }
complain() { printf '%s: %s\n' "$me" "$*" >&2; }
hint() { printf '  hint: %s\n' "$*" >&2; }

refuse() { # words are wrong: what, hint
    complain "$1"
    hint "$2"
    exit 2
}

count() { # flag, word; prints the number that it is
    case $2 in
        '' | *[!0-9]*) refuse "$1 '$2' is not a number" "write $1 3, say" ;;
    esac
    printf '%s' "$((10#$2))"
}

duration() { # flag, word; prints the time that it is
    case $2 in
        [0-9]*[smh]) ;;
        *) refuse "$1 '$2' is not a time" "write $1 10m, say" ;;
    esac
    printf '%s' "$2"
}

kube() {
    # shellcheck disable=SC2086 # a flag may be several words
    kubectl "$@" ${KUBE_CONTEXT:+--context "$KUBE_CONTEXT"} $KUBECONFIG_FLAG </dev/null
}

to_helm() {
    # shellcheck disable=SC2086 # a flag may be several words
    helm "$@" ${KUBE_CONTEXT:+--kube-context "$KUBE_CONTEXT"} $KUBECONFIG_FLAG $HELM_DEBUG_FLAG </dev/null
}

confirm() { # what is so where the answer is not yes
    local answer
    if [ ! -t 0 ]; then
        refuse 'there is no terminal to confirm on' 'add --yes, or --dry-run to look first'
    fi
    read -r -p 'Type yes to go on: ' answer
    if [ "$answer" != yes ]; then
        say "$1"
        exit 1
    fi
}

apply_args() { # from Helm 4 on the server applies, and stops at a field that somebody else has changed
    case $HELM_VERSION in v[0-3].*) ;; *) printf '%s' '--server-side=true --force-conflicts' ;; esac
}

need_programs() {
    local program
    for program in helm kubectl; do
        if ! command -v "$program" >/dev/null; then
            complain "$program is not on PATH"
            hint 'install it, then try again'
            exit 1
        fi
    done
    if [ -n "${KUBECONFIG:-}" ]; then # relative paths would mean something else in a folder
        local path paths='' IFS=':'
        for path in $KUBECONFIG; do
            case $path in /*) ;; *) path="$PWD/$path" ;; esac
            paths="$paths${paths:+:}$path"
        done
        export KUBECONFIG="$paths"
    fi
}

need_cluster() {
    local said
    if ! said="$(kube get --raw /version --request-timeout=20s 2>&1)"; then
        complain "the cluster does not answer: $said"
        hint 'KUBECONFIG names the file, KUBE_CONTEXT the context'
        exit 1
    fi
}

# Whether a release is there: 0 yes, 1 no, 2 nobody can tell.
present() { # release, namespace
    local said
    if said="$(to_helm status "$1" --namespace "$2" 2>&1)"; then
        return 0
    fi
    case $said in
        *'release: not found'*) return 1 ;;
    esac
    return 2
}

components() { # of one level, in order
    local level component last=''
    while read -r _ _ _ level component _; do
        if [ "$level" = "$1" ] && [ "$component" != "$last" ]; then
            printf '%s\n' "$component"
            last="$component"
        fi
    done <<<"$RELEASES"
}

# Components run as process groups of their own, so that ending one ends all that it started. Their state is files:
# running/COMPONENT holds process group and start, done/RELEASE and failed/RELEASE the outcome.
groups=''

begin() {
    state="$(mktemp -d "${TMPDIR:-/tmp}/clusterbook.XXXXXX")"
    mkdir "$state/running" "$state/done" "$state/failed" "$state/shared"
    trap 'finish' EXIT
    trap 'interrupted INT 130' INT
    trap 'interrupted TERM 143' TERM
    trap 'interrupted HUP 129' HUP
    set -m
    watch </dev/null &
    set +m
    watcher=$!
}

finish() {
    kill -s KILL -- "-$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    rm -rf "$state"
}

# Says that work goes on, and ends it when this script is gone: killed hard, it could not do so itself.
watch() {
    local waited=0
    trap - INT TERM HUP EXIT
    while sleep 1; do
        if ! kill -0 "$$" 2>/dev/null; then
            end_groups "$(running_groups)"
            rm -rf "$state"
            exit 0
        fi
        waited=$((waited + 1))
        if [ "$waited" -ge "${HEARTBEAT_S:-30}" ]; then
            waited=0
            say_running
        fi
    done
}

say_running() {
    local component since list='' now
    now="$(date +%s)"
    while read -r component; do
        if [ -n "$component" ] && { read -r _ since <"$state/running/$component"; } 2>/dev/null; then
            list="$list${list:+, }$component ($((now - since)) s)"
        fi
    done <<<"$(ls "$state/running")"
    [ -z "$list" ] || say "still working on $list"
}

running_groups() {
    local component group
    while read -r component; do
        if [ -n "$component" ] && { read -r group _ <"$state/running/$component"; } 2>/dev/null; then
            printf '%s ' "$group"
        fi
    done <<<"$(ls "$state/running")"
}

end_groups() { # process groups: asked to end, then made to
    local group waited=0 left
    for group in $1; do
        kill -s TERM -- "-$group" 2>/dev/null || true
    done
    while :; do
        left=''
        for group in $1; do
            if kill -0 -- "-$group" 2>/dev/null; then
                left="$left $group"
            fi
        done
        if [ -z "$left" ]; then
            return 0
        fi
        if [ "$waited" -ge "$((${STOP_S:-20} * 5))" ]; then
            break
        fi
        waited=$((waited + 1))
        sleep 0.2
    done
    for group in $left; do
        kill -s KILL -- "-$group" 2>/dev/null || true
    done
}

interrupted() { # signal, exit status
    trap '' INT TERM HUP
    complain "interrupted by SIG$1: ending what runs"
    end_groups "$groups"
    summarise
    hint "$resume"
    exit "$2"
}

# Each line with the name of the component, so that lines of several can be told apart. Lives until nobody writes any
# more: helm says something when it is asked to end, and would die of it, before its books are in order, if nobody read.
prefixed() {
    local line
    trap '' INT TERM HUP
    while IFS= read -r line || [ -n "$line" ]; do
        printf '[%s] %s\n' "$1" "$line"
    done
}

# Runs `$1 COMPONENT` for all others at once, or one after another with --serial. Returns 1 when one failed.
side_by_side() {
    local work="$1" component group failed=0
    shift
    groups=''
    for component in "$@"; do
        set -m
        (
            set +m
            trap - INT TERM HUP EXIT
            "$work" "$component" 2>&1 </dev/null | prefixed "$component"
        ) &
        set +m
        group=$!
        groups="$groups $group"
        printf '%s %s\n' "$group" "$(date +%s)" >"$state/running/$component"
        if [ -n "$serial" ]; then
            wait "$group" || failed=1
            rm -f "$state/running/$component"
            if [ "$failed" = 1 ] && [ -z "$best_effort" ]; then
                break
            fi
        fi
    done
    if [ -z "$serial" ]; then
        for group in $groups; do
            wait "$group" || failed=1
        done
        for component in "$@"; do
            rm -f "$state/running/$component"
        done
    fi
    groups=''
    return "$failed"
}

ended() { # component: nothing of it runs any more
    rm -f "$state/running/$1"
}

names_in() { # names of a folder of the state in the order of the list, with commas
    local release list=''
    while read -r _ release _; do
        if [ -e "$state/$1/$release" ]; then
            list="$list${list:+, }$release"
        fi
    done <<<"$RELEASES"
    printf '%s' "$list"
}

names_left() { # names of releases about which nothing is known
    local release list=''
    while read -r _ release _; do
        if [ ! -e "$state/done/$release" ] && [ ! -e "$state/failed/$release" ]; then
            list="$list${list:+, }$release"
        fi
    done <<<"$RELEASES"
    printf '%s' "$list"
}
