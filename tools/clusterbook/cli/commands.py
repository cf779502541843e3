"""The `clusterbook` command line in full: help, environment, configuration, completion.

Knows click. Does not know how an answer is found: that is `answers`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import clusterbook
from clusterbook.cli.agent_flags import NAMES, agent_options, typed
from clusterbook.cli.bundle_command import BUNDLE
from clusterbook.cli.completion_ import script
from clusterbook.cli.evidence import EVIDENCE
from clusterbook.cli.fetch_command import FETCH
from clusterbook.cli.flags import ARGUMENTS, COMMANDS
from clusterbook.cli.lookup import respond
from clusterbook.cli.mirror_commands_ import MIRROR
from clusterbook.cli.program import Once, Program, option
from clusterbook.cli.record import record
from clusterbook.cli.reply import Reply
from clusterbook.cli.snapshot import snapshot
from clusterbook.cli.terminal import deliver, log
from clusterbook.cli.trust import VERIFY
from clusterbook.cli.trust_commands_ import TRUST
from clusterbook.lookup.find import Options

EXAMPLES = {
    "recipe": "clusterbook recipe --service eks --accelerator h100 --intent training --os ubuntu",
    "query": "clusterbook query h100-eks-training --selector components.gpu-operator.version",
    "list": "clusterbook list --service eks",
    "explain": "clusterbook explain h100-eks-training components.gpu-operator.values.driver",
    "validate": (
        "clusterbook validate h100-eks-training\n"
        "  clusterbook validate h100-eks-training -s cluster.yaml --no-cluster --evidence proof --key operator.key"
    ),
    "fit": "clusterbook fit cluster.yaml",
}
SUMMARIES = {
    "recipe": "Print the recipe for a cluster.",
    "query": "Print one value of a recipe.",
    "list": (
        "List the recipes there are.\n\nIS_LEAF: no overlay builds on it. COVERAGE: the number of checks for readiness,"
        " deployment, performance and conformance. SOURCE: external when it comes from --data."
    ),
    "explain": (
        "Say where values of a recipe come from, layer by layer, the winner last.\n\nPATH is written like a selector"
        " (components.gpu-operator.version, constraints[0]) or as a JSON pointer; it may name a whole part."
    ),
    "validate": (
        "Hold a cluster against a recipe.\n\nA snapshot of the cluster is taken now and judged; only --agent and --run"
        " write."
        " With --no-cluster the snapshot of a file is judged. Readiness is judged first, then deployment, conformance"
        " and performance."
        " Exit status: 0 when all that could be judged holds, 10 when something does not, 2 when nobody can tell."
    ),
    "fit": (
        "Say which recipes fit a cluster, and why the others do not.\n\nA recipe fits when the cluster is what it is"
        " for and all its constraints hold; what was not measured is never taken for granted."
    ),
}


DIFF_FORMATS = ("text", "markdown", "json", "yaml")
SEVERITIES = ("critical", "warning", "info", "noise")
DIFFER = 10
"""Exit status when two things differ and that was the question. Source: design, section 10."""


def run_click(words: Sequence[str]) -> int:
    """Return the exit status of a command line that click has a say in. Source: reference row G4."""
    return program.run(words, "clusterbook")


class LookUp(Once):
    """A look-up command, made from its flags."""

    def __init__(self, name: str) -> None:
        """Make the command `name` of flags.COMMANDS."""
        params: list[click.Parameter] = [option(flag) for flag in COMMANDS[name]]
        params += [click.Argument([argument], required=False, default="") for argument in ARGUMENTS[name]]
        super().__init__(
            name,
            params=params,
            callback=_callback(name),
            help=SUMMARIES[name],
            epilog=f"\b\nExample:\n  {EXAMPLES[name]}",
        )


def _callback(name: str) -> Callable[..., int]:
    """Return what runs when the command `name` is called."""

    def call(**found: Any) -> int:
        given = typed()
        notes: tuple[str, ...] = ()
        if name == "validate" and found["config"]:
            from clusterbook.cli.config_cluster import of_validate

            found, given, notes = of_validate(found["config"], found, given)
        job = {key: found.pop(key) for key in tuple(found) if key in NAMES}
        arguments = [str(found.pop(argument) or "") for argument in ARGUMENTS[name]]
        options = {key: _word(value) for key, value in found.items() if value not in (None, False, ())}
        if "config" in options and name != "validate":
            from clusterbook.cli.config import read_config, recipe_flags

            configured = recipe_flags(read_config(options["config"]))
            if name != "recipe":  # spec.recipe.output is where the recipe goes, not what is asked of it
                configured = {key: value for key, value in configured.items() if key not in ("output", "format")}
            notes = tuple(
                f"--{key.replace('_', '-')} {options[key]} counts, not {word} of {options['config']}"
                for key, word in configured.items()
                if options.get(key, word) != word
            )
            options = {**configured, **options}
        if "timeout" in given:
            options["timeout"] = str(job["timeout"])
        if "run" in options:
            of_checks = ("namespace", "node_selector", "toleration", "no_cleanup")
            options |= {key: _word(job[key]) for key in of_checks if key in given and job[key]}
        log_json = bool(click.get_current_context().find_root().params["log_json"])
        if job.get("agent") or job.get("print_manifests"):
            reply = _with_agent(options, arguments, job, log_json=log_json)
        else:
            reply = respond(name, options, arguments)
        output = options.get("output", "")
        deliver(reply.text, notes=(*notes, *reply.notes), output=output, log_json=log_json)
        return reply.status

    return call


def _word(value: Any) -> str:
    """Return what a flag was given as `Options` have it."""
    return "1" if value is True else "\n".join(value) if isinstance(value, tuple) else str(value)


def _with_agent(options: Options, arguments: list[str], job: Mapping[str, Any], *, log_json: bool) -> Reply:
    """Return the reply of `validate` with an agent that looks into a node, or what that agent is made of."""
    from clusterbook.cli.agent_flags import read_agent
    from clusterbook.cli.snapshot import manifests_text
    from clusterbook.cli.validate import validate
    from clusterbook.collect.live import NodeAgent

    agent = read_agent(job)
    if job["print_manifests"]:
        return Reply(manifests_text(agent, "yaml"))
    helper = NodeAgent(agent, bool(job["no_cleanup"]), lambda line: log("agent", line, log_json=log_json))
    return validate(options, *arguments, helper=helper)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    help="Recipes for GPU Kubernetes clusters: every combination resolved beforehand.",
    epilog="Every flag can be set in the environment: --allow-inherited as CLUSTERBOOK_ALLOW_INHERITED=1.",
)
@click.version_option(clusterbook.__version__, "-v", "--version", message="clusterbook %(version)s")
@click.option("--debug", is_flag=True, envvar="CLUSTERBOOK_DEBUG", help="Show where a bug happened.")
@click.option("--log-json", is_flag=True, envvar="CLUSTERBOOK_LOG_JSON", help="Write notes and errors as JSON lines.")
def program(debug: bool, log_json: bool) -> None:
    """Hold the commands."""


for _name in COMMANDS:
    program.add_command(LookUp(_name))
agent_options(program.commands["validate"])
program.add_command(snapshot)
program.add_command(record)


program.add_command(BUNDLE)
program.add_command(VERIFY)
program.add_command(EVIDENCE)
program.add_command(FETCH)
program.add_command(TRUST)
program.add_command(MIRROR)


@program.command("diff", epilog="\b\nExample:\n  clusterbook diff h100-eks-training gb200-eks-training")
@click.argument("old")
@click.argument("new")
@click.option(
    "--registry",
    type=click.Path(path_type=Path),
    default=Path("registry"),
    show_default=True,
    envvar="CLUSTERBOOK_REGISTRY",
    help="The ledger, for versions, digests and releases.",
)
@click.option("--source", default="", envvar="CLUSTERBOOK_SOURCE", help="Folder or .zip file with an index.")
@click.option(
    "--format", "-t", "form", type=click.Choice(DIFF_FORMATS), default=DIFF_FORMATS[0], envvar="CLUSTERBOOK_FORMAT"
)
@click.option("--output", "-o", default="", envvar="CLUSTERBOOK_OUTPUT", help="Write to this file.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave changes of these paths out (OS.sysctl.*).")
@click.option("--ignore-from", multiple=True, metavar="FILE", help="The same, one pattern a line.")
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    envvar="CLUSTERBOOK_SEVERITY",
    help="Tell of changes of a cluster from this severity on; default: info.",
)
@click.option(
    "--exit-code", "--fail-on-drift", is_flag=True, envvar="CLUSTERBOOK_EXIT_CODE", help="Exit 10 when they differ."
)
def diff(
    old: str,
    new: str,
    *,
    registry: Path,
    source: str,
    form: str,
    output: str,
    ignore: tuple[str, ...],
    ignore_from: tuple[str, ...],
    severity: str | None,
    exit_code: bool,
) -> int:
    """Say what differs between two recipes, between two snapshots of a cluster, or between a recipe and a cluster.

    OLD and NEW are recipes of this catalog (h100-eks-training), versions of one (h100-eks-training@1.0.0), what it was
    in a release (h100-eks-training@2026.3.0), digests (sha256:…), files, or two releases (2026.3.0 2026.7.0).

    With a snapshot as NEW, OLD is an older snapshot, or a recipe or a bundle's folder that was deployed: then
    components, charts, versions and values are held against what is installed. Severities: critical means another
    cluster or a part that is gone, warning that it behaves otherwise, info that it is worth knowing, noise that it
    merely runs.
    """
    from clusterbook.cli.diff import compare
    from clusterbook.cli.drifting_ import wanted

    want = wanted(severity or "info", ignore, ignore_from) if severity or ignore or ignore_from else None
    text, differ = compare(old, new, registry=registry, source=source, form=form, want=want)
    deliver(text, output=output)
    return DIFFER if differ and exit_code else 0


@program.command("completion", help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "pwsh"]))
def completion(shell: str) -> int:
    """Print a completion script. Source: reference row G14."""
    sys.stdout.write(script(shell, program))
    return 0
