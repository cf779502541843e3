"""What deploy.sh and undeploy.sh have in common: the list of releases, and how components run side by side.

Knows how a script is put together. Does not know what is done to a release. Runs on bash 3.2, which macOS has: no
associative arrays, no `wait -n`, no array that may be empty, no `case` in `$( )`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.bundle.folders import TIMEOUT_S, Folder, Plan
from clusterbook.bundle.readme import made
from clusterbook.diagnostics.errors import InvalidRequest

_WORD = re.compile(r"\S+")
_LINE = re.compile(r"\S(.*\S)?")


def script(recipe: Mapping[str, Any], usage: str, *parts: str) -> str:
    """Return a script: what --help says as its opening comment, then `parts`.

    The usage stands in the file once, as a here-document, so that who reads the script and who asks it see the same.
    """
    opening = f"#!/usr/bin/env bash\n# {made(recipe)}\n"
    text = usage.strip("\n")
    return "\n".join(
        (opening + f"usage() {{\n    cat <<'END'\n{text}\nEND\n}}\n", *(part.strip("\n") + "\n" for part in parts))
    )


def constant(name: str, rows: Sequence[Sequence[str]], comment: str, *, ends_in_text: bool = False) -> str:
    """Return the assignment of a table to a variable, its columns side by side; the last may be text of several words.

    A quoted here-document takes every word as it is; that none is END is sure where each row has several words.

    Raises:
        InvalidRequest: a word is empty or holds blanks, so it would be read as something else, or end the table.
    """
    texts = {row[-1] for row in rows if ends_in_text}
    for word in (word for row in rows for word in row):
        if not (_LINE if word in texts else _WORD).fullmatch(word):
            raise InvalidRequest(f"{comment}: {word!r} is not one word", hint="mend the recipe, or its registry")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (" ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join((f"# {comment}", f"read -r -d '' {name} <<'END' || true", *lines, "END\n"))


def releases(plan: Plan) -> str:
    """Return the assignment of the list of releases, columns side by side."""
    rows = [
        (
            folder.path,
            folder.name,
            folder.namespace,
            str(folder.level),
            folder.component,
            _waiting(folder),
            "-" if folder.timeout_s == TIMEOUT_S else f"{folder.timeout_s}s",
            "-" if folder.retries is None else str(folder.retries),
        )
        for folder in plan.folders
    ]
    comment = "folder, release, namespace, level, component, what to wait for, timeout, retries; - is the default"
    return (
        constant("RELEASES", rows, comment)
        + f"LEVELS={max((folder.level for folder in plan.folders), default=-1) + 1}\n"
    )


def _waiting(folder: Folder) -> str:
    """Return what has to be ready before a release counts as installed: nothing, its objects, or its jobs as well."""
    return "jobs" if folder.phase == "readiness" else "objects" if folder.wait else "nothing"


BEGIN = r"""
set -euo pipefail
set -f # no word is ever a pattern: what is installed is listed below, and nothing else is
unset CDPATH
me="$(basename "${BASH_SOURCE[0]}")"
newline='
'
: "${KUBECONFIG_FLAG:=}" "${HELM_DEBUG_FLAG:=}" "${DRY_RUN_FLAG:=}" "${KUBE_CONTEXT:=}"
"""
"""How a script begins, after its usage."""

SIDE_BY_SIDE = r"""
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
    mkdir "$state/running" "$state/done" "$state/failed"
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
"""
"""Functions of both scripts. They expect `resume`, `serial`, `best_effort` and a function `summarise`."""
