"""Flags: the words a command line may hold.

Knows the names, aliases and help of every flag of the look-up commands, once, and how a command line is scanned. Does
not know what the flags do. Part of every look-up, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest


class Flag(NamedTuple):
    """One flag. `names` are its spellings, the first the full one; `values` the words it takes, () for any word.

    One that is `repeated` may stand several times.
    """

    key: str
    names: tuple[str, ...]
    help: str
    metavar: str = ""
    values: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def switch(self) -> bool:
        """Return whether the flag stands alone, without a value."""
        return not self.metavar and not self.values

    @property
    def variable(self) -> str:
        """Return the environment variable that sets the flag."""
        return "CLUSTERBOOK_" + self.key.upper()


CRITERIA = (
    Flag("service", ("--service",), "Kubernetes service, such as eks.", "NAME"),
    Flag("accelerator", ("--accelerator", "--gpu"), "GPU model, such as h100.", "NAME"),
    Flag("intent", ("--intent",), "training or inference.", "NAME"),
    Flag("os", ("--os",), "Operating system of the nodes, such as ubuntu.", "NAME"),
    Flag("platform", ("--platform",), "Workload platform, such as kubeflow.", "NAME"),
    Flag("nodes", ("--nodes",), "Exact number of nodes.", "COUNT"),
    Flag("criteria_strict", ("--criteria-strict",), "Refuse values that only overlays claim."),
)
ANSWER = (
    Flag("allow_inherited", ("--allow-inherited",), "Accept a recipe that does not honour every criterion."),
    Flag("recipe", ("--recipe", "-r"), "A recipe, an overlay or criteria, as a file or URL, instead of flags.", "FILE"),
    Flag(
        "snapshot", ("--snapshot", "-s"), "Take criteria from a cluster snapshot, and leave out what it fails.", "FILE"
    ),
    Flag("config", ("--config",), "Configuration file or URL (ClusterbookConfig or AICRConfig).", "FILE"),
)
WHERE = (
    Flag("source", ("--source",), "Folder or .zip file with an index; default: the one built in.", "DIR|FILE"),
    Flag("data", ("--data",), "Private tree laid over the catalog, resolved on this machine.", "DIR"),
)
OUTPUT = (
    Flag("format", ("--format", "-t"), "How the answer is written.", values=("yaml", "json", "table")),
    Flag("output", ("--output", "-o"), "Write to this file instead of standard output.", "FILE"),
)
API = Flag("api_version", ("--api-version",), "Write the reference's envelope with this apiVersion.", "VERSION")
SELECTOR = Flag("selector", ("--selector",), "Path of the value, such as components.gpu-operator.version.", "PATH")
ALL = Flag("all", ("--all",), "List composed recipes too.")
NO_HEALTH = Flag("no_health", ("--no-health", "--skip-health"), "Leave health and coverage out.")

RECIPE = Flag("recipe", ("--recipe", "-r"), "The recipe: a file, a URL, or the name of a published one.", "FILE|NAME")
SNAPSHOT = Flag(
    "snapshot",
    ("--snapshot", "-s"),
    "What the cluster is, as a file or URL; without --no-cluster, what its API does not know: one of a node.",
    "FILE",
)
JUDGE = (
    RECIPE,
    SNAPSHOT,
    Flag("no_cluster", ("--no-cluster",), "Judge the snapshot alone; nothing is run or asked."),
    Flag("kubeconfig", ("--kubeconfig", "-k"), "Ask the cluster of this kubeconfig; default: as kubectl does.", "FILE"),
    Flag("context", ("--context",), "Ask the cluster of this context.", "NAME"),
    Flag("run", ("--run",), "Run, as Jobs, the checks that cannot be told by reading."),
    Flag("save_snapshot", ("--save-snapshot",), "Write the snapshot that was taken to this file.", "FILE"),
    Flag("phase", ("--phase",), "Judge only this phase and readiness; may be repeated.", "PHASE", repeated=True),
    Flag("fail_fast", ("--fail-fast",), "Stop behind the first phase that fails."),
    Flag("fail_on_error", ("--fail-on-error",), "Whether failures count in the exit status.", "", ("true", "false")),
    Flag("allow_inherited", ("--allow-inherited",), "Accept a recipe that does not honour every criterion."),
    Flag("evidence", ("--evidence",), "Write what proves the judgement, the snapshot redacted, to this folder.", "DIR"),
    Flag("key", ("--key",), "Sign the evidence with this private key (PEM: P-256, Ed25519).", "FILE"),
    Flag("keyless", ("--keyless",), "Sign the evidence as whoever is logged in: CI, or SIGSTORE_ID_TOKEN."),
    Flag("config", ("--config",), "Configuration file or URL (ClusterbookConfig or AICRConfig).", "FILE"),
    *WHERE,
    Flag("format", ("--format", "-t"), "How the report is written: for people, or as CTRF.", values=("text", "json")),
    OUTPUT[1],
)
FIT = (
    Flag("all", ("--all",), "Ask composed recipes too."),
    *WHERE,
    Flag("format", ("--format", "-t"), "How the answer is written.", values=("table", "json", "yaml")),
    OUTPUT[1],
)
JUDGEMENTS = ("validate", "fit")
"""The commands that take documents along and are no look-ups, yet are as quick."""

COMMANDS: Mapping[str, tuple[Flag, ...]] = {
    "recipe": (*CRITERIA, *ANSWER, *WHERE, *OUTPUT, API),
    "query": (SELECTOR, *CRITERIA, *ANSWER, *WHERE, *OUTPUT),
    "list": (*CRITERIA[:-1], ALL, NO_HEALTH, *WHERE, *OUTPUT),
    "explain": (*CRITERIA, *ANSWER, *WHERE, *OUTPUT),
    "validate": JUDGE,
    "fit": FIT,
}
"""The flags of each look-up command and each judgement."""
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "recipe": ("slug",),
    "query": ("slug", "path"),
    "list": (),
    "explain": ("slug", "path"),
    "validate": ("slug",),
    "fit": ("snapshot",),
}
"""The arguments of each of them, in order."""


def scan(words: Sequence[str], flags: Iterable[Flag]) -> tuple[dict[str, str], list[str]] | None:
    """Return (value by flag key, arguments) of a command line; a switch has the value "1".

    None means that the line holds something this scanner does not know; click then says what is wrong with it.

    Raises:
        InvalidRequest: a flag stands twice. Source: reference row G8.
    """
    scanned = scan_all(words, flags)
    return None if scanned is None else ({key: "\n".join(values) for key, values in scanned[0].items()}, scanned[1])


def scan_all(words: Sequence[str], flags: Iterable[Flag]) -> tuple[dict[str, list[str]], list[str]] | None:
    """Return (values by flag key, arguments) of a command line.

    None and InvalidRequest mean what they do in `scan`.
    """
    known = {name: flag for flag in flags for name in flag.names}
    found: dict[str, list[str]] = {}
    arguments: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not word.startswith("-") or word == "-":
            arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = known.get(name)
        if flag is None or (flag.switch and equals) or (equals and not name.startswith("--")):
            return None
        if not flag.switch and not equals:
            if position == len(words):
                return None
            value = words[position]
            position += 1
        if flag.values and value not in flag.values:
            return None
        if flag.key in found and not flag.repeated:
            raise InvalidRequest(f"{flag.names[0]} stands twice", hint="keep one; it takes a single value")
        found.setdefault(flag.key, []).append("1" if flag.switch else value)
    return found, arguments
