"""The command `clusterbook record`: what checks printed that somebody ran, kept in a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from clusterbook.cli.command import Argument, Caller, Command, Request
from clusterbook.cli.flags import Flag
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import InvalidRequest


def record(request: Request, _caller: Caller) -> Reply:
    """Add to a snapshot what checks have printed that ran on its cluster."""
    from clusterbook.cli.render import render
    from clusterbook.evidence import redact
    from clusterbook.inputs.fast import read_snapshot
    from clusterbook.inputs.read import read_text
    from clusterbook.lookup.find import open_shelf
    from clusterbook.validate.checks import read_checks
    from clusterbook.validate.output.record import read_trial, record_trials, with_settings

    snapshot = request.values["snapshot"]
    document, _ = read_snapshot(snapshot)
    if redact.is_redacted(document):
        raise InvalidRequest(f"{snapshot} is redacted", hint="record into the original snapshot, then redact it")
    printed: dict[str, dict[str, str]] = {}
    for name, where in _pairs(request.lists.get("outputs", ()), "CHECK=FILE"):
        check, _, part = name.partition("/")
        printed.setdefault(check, {})[part] = read_text(where)
    ended = {check: _number(check, text) for check, text in _pairs(request.lists.get("status", ()), "--status CHECK=N")}
    if not printed and not ended:
        raise InvalidRequest("no check was given", hint="type CHECK=FILE, as in nccl-all-reduce-bw=nccl.log")
    found = [
        (check, read_trial(check, printed.get(check, {}), ended.get(check))) for check in sorted({*printed, *ended})
    ]
    checks = read_checks(open_shelf().validators())
    settings = dict(_pairs(request.lists.get("setting", ()), "--setting NAME=VALUE"))
    found = with_settings(found, settings, checks)
    notes = tuple(f"{check}: {trial.state}: {trial.message or 'no message'}" for check, trial in found)
    text = render(record_trials(document, found, checks), request.text("format", "yaml"))
    return Reply(text, notes, output=request.text("output"))


def _pairs(words: Iterable[str], form: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each `NAME=VALUE`, each name once."""
    names = set()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise InvalidRequest(f"'{word}' is not {form}", hint="as in nccl-all-reduce-bw=nccl.log")
        if name in names:
            raise InvalidRequest(f"{name} is given twice", hint=f"name its parts: {name}/PART=FILE")
        names.add(name)
        yield name, value


def _number(check: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 255:
        raise InvalidRequest(f"the status of {check} is '{text}', which is not a number from 0 to 255")
    return int(text)


_FLAGS = (
    Flag("status", ("--status",), "Exit status of a check. May be repeated.", "CHECK=N", repeated=True),
    Flag("setting", ("--setting",), "Setting that a check ran with. May be repeated.", "NAME=VALUE", repeated=True),
    Flag(
        "format",
        ("--format", "-t"),
        "Output format.",
        values=("yaml", "json"),
        default="yaml",
    ),
    Flag("output", ("--output", "-o"), "Write to this file.", "FILE"),
)
COMMANDS: Mapping[str, Command] = {
    "record": Command(
        "record",
        _FLAGS,
        (Argument("snapshot", required=True), Argument("outputs", "[CHECK[/PART]=FILE]...", many=True)),
        record,
        "Add the output of checks to a snapshot of their cluster, for `validate` to evaluate.\n\nCHECK is a"
        " name of the validator catalog. PART distinguishes several outputs of one check: the node, the job, or "
        "what the message asks for. A figure is kept only if its check passed; what the output does not "
        "show, such as inference-concurrency-per-gpu and inference-routing-mode, is given with "
        "--setting.",
        "clusterbook record cluster.yaml nccl-all-reduce-bw=nccl.log -o cluster.yaml\n"
        "  clusterbook record cluster.yaml inference-perf=profile_export_aiperf.json -o cluster.yaml \\\n"
        "    --setting inference-concurrency-per-gpu=256 --setting inference-routing-mode=dynamo-router",
    )
}
"""What records, by name."""
