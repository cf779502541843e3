"""Tables: what the scripts of a Helm bundle are told about its releases, as assignments of the shell.

A quoted here-document takes every word as it is, so no word of a recipe is ever a command.
Source: reference rows B17, B18, L1, L13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clusterbook.bundle.advice import needs
from clusterbook.bundle.components import BundleComponent
from clusterbook.bundle.folders import TIMEOUT_S, Folder, Plan
from clusterbook.bundle.handover import former_kinds, former_releases, main_folders
from clusterbook.bundle.settings import read_taint
from clusterbook.bundle.value_tree import get
from clusterbook.diagnostics.errors import InvalidRequest

_WORD = r"\S+"
_LINE = r"\S(.*\S)?"


def releases(plan: Plan) -> str:
    """Return the assignment of the list of releases."""
    rows = [
        (
            folder.path,
            folder.name,
            folder.namespace,
            str(folder.level),
            folder.component,
            _condition(folder),
            "-" if folder.timeout_s == TIMEOUT_S else f"{folder.timeout_s}s",
            "-" if folder.retries is None else str(folder.retries),
        )
        for folder in plan.folders
    ]
    comment = "folder, release, namespace, level, component, what to wait for, timeout, retries; - is the default"
    levels = max((folder.level for folder in plan.folders), default=-1) + 1
    return table("RELEASES", rows, comment) + f"LEVELS={levels}\n"


def _condition(folder: Folder) -> str:
    """Return what has to be ready before a release counts as installed: nothing, its objects, or its jobs as well."""
    return "jobs" if folder.phase == "readiness" else "objects" if folder.wait else "nothing"


def kinds(plan: Plan) -> str:
    """Return the assignment of the groups of kinds that components bring."""
    rows = [
        (folder.name, folder.namespace, group)
        for folder in main_folders(plan)
        for group in folder.part.facts.get("crdGroups") or ()
    ]
    return table("GROUPS_OF_KINDS", rows, "release, namespace, group of its kinds, or one kind")


def needed_kinds(plan: Plan) -> str:
    """Return the assignment of the kinds that components need and that nothing in the bundle brings."""
    rows = [(",".join(need.components), ",".join(need.kinds), need.how) for need in needs(plan)]
    comment = "components, kinds that the cluster has to know before them, what to do where one is missing"
    return table("NEEDED_KINDS", rows, comment, ends_in_text=True)


def taints(plan: Plan) -> str:
    """Return the assignment of the taints that components set on nodes."""
    rows = [(folder.name, folder.namespace, taint) for folder in main_folders(plan) for taint in _taints(folder.part)]
    return table("TAINTS", rows, "release, namespace, taint that it sets on nodes: its key, or the whole of it")


def former_names(plan: Plan) -> str:
    """Return the assignment of the releases that were called otherwise in older bundles."""
    return table("FORMER_RELEASES", former_releases(plan), "release, namespace, what it was called in older bundles")


def former_homes(plan: Plan) -> str:
    """Return the assignment of the groups of kinds that came with another component in older bundles."""
    comment = "release, namespace, group of kinds, the component that brought them before"
    return table("FORMER_KINDS", former_kinds(plan), comment)


def owned_secrets(plan: Plan) -> str:
    """Return the assignment of the Secrets that charts write empty, and that somebody else fills."""
    rows = [
        (folder.name, folder.namespace, secret)
        for folder in plan.folders
        if folder.chart
        for secret in folder.part.facts.get("ownedSecrets") or ()
    ]
    return table("OWNED_SECRETS", rows, "release, namespace, Secret that somebody else fills")


def _taints(part: BundleComponent) -> Iterator[str]:
    """Yield the taints that a component sets on nodes: keys, and those that its values spell out."""
    keys = part.facts.get("nodeTaints") or ()
    yield from keys
    scheduling = (part.facts.get("nodeScheduling") or {}).get("accelerated") or {}
    paths = scheduling.get("taintStrPaths") or ()
    values = part.all_values() if paths else {}
    for dotted in paths:
        word = get(values, tuple(dotted.split(".")))
        if isinstance(word, str) and _is_taint(word) and re.split("[=:]", word)[0] not in keys:
            yield word


def _is_taint(word: str) -> bool:
    """Return whether text names one taint, effect and all."""
    try:
        read_taint("--workload-gate", word, needs_effect=True)
    except InvalidRequest:
        return False
    return True


def table(name: str, rows: Sequence[Sequence[str]], comment: str, *, ends_in_text: bool = False) -> str:
    """Return the assignment of a table to a variable, its columns side by side; the last may be text of several words.

    That no line of it is END, which would end the table, is sure where each row has several words.

    Raises:
        InvalidRequest: a word is empty or holds blanks, so it would be read as something else, or end the table.
    """
    texts = {row[-1] for row in rows if ends_in_text}
    for word in (word for row in rows for word in row):
        if not re.fullmatch(_LINE if word in texts else _WORD, word):
            raise InvalidRequest(f"{comment}: {word!r} is not a single word", hint="fix the recipe, or its registry")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (" ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join((f"# {comment}", f"read -r -d '' {name} <<'END' || true", *lines, "END\n"))
