"""The command `clusterbook record`: what checks printed that somebody ran, kept in a snapshot.

Knows how a command line names a check, its parts and where their output lies. Does not know what the output means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from clusterbook.cli.program import Once
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import InvalidRequest

_EXAMPLE = (
    "\b\nExamples:\n  clusterbook record cluster.yaml nccl-all-reduce-bw=nccl.log -o cluster.yaml\n"
    "  clusterbook record cluster.yaml inference-perf=profile_export_aiperf.json -o cluster.yaml \\\n"
    "    --setting inference-concurrency-per-gpu=256 --setting inference-routing-mode=dynamo-router"
)


@click.command("record", cls=Once, epilog=_EXAMPLE)
@click.argument("snapshot")
@click.argument("outputs", nargs=-1, metavar="[CHECK[/PART]=FILE]...")
@click.option("--status", "statuses", multiple=True, metavar="CHECK=N", help="Exit status of a check that ran itself.")
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE", help="What a check ran with.")
@click.option("--format", "-t", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@click.option("--output", "-o", default="", envvar="CLUSTERBOOK_OUTPUT", metavar="FILE", help="Write to this file.")
def record(
    snapshot: str,
    outputs: tuple[str, ...],
    *,
    statuses: tuple[str, ...],
    settings: tuple[str, ...],
    form: str,
    output: str,
) -> int:
    """Add to a snapshot what checks have printed that ran on its cluster, for `validate` to judge.

    CHECK is a name of the validator catalog. PART tells several outputs of one check apart: the node, the job, or what
    the message asks for. A figure is kept only where its check passed; what its output does not say, such as
    inference-concurrency-per-gpu and inference-routing-mode, is said with --setting.
    """
    from clusterbook.cli.render import render
    from clusterbook.evidence import redact
    from clusterbook.inputs.fast import read_snapshot
    from clusterbook.inputs.read import read_text
    from clusterbook.lookup.find import open_shelf
    from clusterbook.validate.checks import read_checks
    from clusterbook.validate.output import record as trials

    document, _ = read_snapshot(snapshot)
    if redact.is_redacted(document):
        raise InvalidRequest(f"{snapshot} is redacted", hint="record in the snapshot itself, then redact it")
    printed: dict[str, dict[str, str]] = {}
    for name, where in _pairs(outputs, "CHECK=FILE"):
        check, _, part = name.partition("/")
        printed.setdefault(check, {})[part] = read_text(where)
    ended = {check: _number(check, text) for check, text in _pairs(statuses, "--status CHECK=N")}
    if not printed and not ended:
        raise InvalidRequest("no check is named", hint="type CHECK=FILE, as in nccl-all-reduce-bw=nccl.log")
    found = [
        (check, trials.read_trial(check, printed.get(check, {}), ended.get(check)))
        for check in sorted({*printed, *ended})
    ]
    checks = read_checks(open_shelf({}).validators())
    found = trials.with_settings(found, dict(_pairs(settings, "--setting NAME=VALUE")), checks)
    notes = [f"{check}: {trial.state}: {trial.message or 'no message'}" for check, trial in found]
    deliver(render(trials.record(document, found, checks), form), notes=notes, output=output)
    return 0


def _pairs(words: Iterable[str], wanted: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each `NAME=VALUE`, each name once."""
    names = set()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise InvalidRequest(f"'{word}' is not {wanted}", hint="as in nccl-all-reduce-bw=nccl.log")
        if name in names:
            raise InvalidRequest(f"{name} stands twice", hint=f"tell its parts apart: {name}/PART=FILE")
        names.add(name)
        yield name, value


def _number(check: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 255:
        raise InvalidRequest(f"the status of {check} is '{text}', which is no number from 0 to 255")
    return int(text)
