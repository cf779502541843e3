"""The judgement of a cluster by a recipe: of a snapshot in a file, or of one taken now.

Has 60 ms for the whole process, so what only some requests need is imported where they need it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from clusterbook import __version__
from clusterbook.cli.agent_flags import AGENT, OF_AGENTS
from clusterbook.cli.command import OF_ACCESS, OF_LEDGER, OF_TRUST, Argument, Caller, Command, FlagRule, Request
from clusterbook.cli.fit import ALONE, FIT, POOL, pick
from clusterbook.cli.flags import CONFIG, FILE, INHERITED, KEY, WHERE, Flag
from clusterbook.cli.question import read_name, read_where
from clusterbook.cli.reply import NO_MARKS, OF_REPORTS, MissingFlag, Reply
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.inputs.fast import read_document, read_snapshot
from clusterbook.lookup.find import Question, find, open_shelf
from clusterbook.records import TYPE_CHECKING, Any
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.resolve.recipe_schema import refuse_unknown_keys
from clusterbook.snapshot import model
from clusterbook.snapshot.nodes import list_names
from clusterbook.validate import ctrf
from clusterbook.validate.checks import read_checks, with_inspections
from clusterbook.validate.judge import chosen_phases, judge
from clusterbook.validate.result import ERROR, FAILED, PHASES, Report
from clusterbook.validate.subject import two_answers

if TYPE_CHECKING:
    from clusterbook.collect.agent_manifests import Agent
    from clusterbook.collect.live import NodeAgent
    from clusterbook.lookup.shelf import Shelf
    from clusterbook.snapshot.model import Snapshot

ALL = "all"
_POLL_S = 10
"""How long after one look at a cluster the next one follows."""


def validate(request: Request, caller: Caller) -> Reply:
    """Return the report of a recipe held against a snapshot. Source: reference rows V1-V10, V18-V20.

    Raises:
        InvalidRequest: a document or a phase is not what it must be.
        ClusterbookError: the cluster cannot be asked at all.
    """
    said: tuple[str, ...] = ()
    if request.text("config"):
        from clusterbook.cli.config_cluster import of_validate

        request, said = of_validate(request.values["config"], request)
    helper = None
    if request.switches & {"agent", "print_manifests"}:
        from clusterbook.cli.agent_flags import manifests_text, read_agent

        agent = read_agent(request)
        if "print_manifests" in request.switches:
            return Reply(manifests_text(agent, "yaml"), said, output=request.text("output"))
        helper = _helper(agent, request)
    reply = _report(request, helper, caller)
    return reply._replace(notes=(*said, *reply.notes), output=request.text("output"))


def _helper(agent: Agent, request: Request) -> NodeAgent:
    """Return who looks into a node."""
    from clusterbook.collect.live import NodeAgent

    return NodeAgent(agent, "no_cleanup" in request.switches, lambda line: CONSOLE.say("agent", line))


def _report(request: Request, helper: NodeAgent | None, caller: Caller) -> Reply:
    """Return the report; `helper` looks into a node when a snapshot is taken now."""
    chosen_phases(phases := _phases(request.lists.get("phase", ())))
    values, signs = request.values, request.says("key") or request.says("keyless")
    if "evidence" in values and not signs:
        from clusterbook.evidence.folder import keep_signature

        keep_signature(values["evidence"])  # before a run on a cluster takes its time
    recipe, shelf = _recipe(request)
    ours = open_shelf().validators()
    known = with_inspections(shelf.validators() if shelf else {}, ours)
    taken, seen, remarks = _snapshot(request, recipe, helper)
    remarks = (*(shelf.remarks if shelf else ()), *two_answers(recipe, request.text("recipe")), *remarks)

    def report_of(seen: Snapshot) -> Report:
        return judge(
            recipe,
            seen,
            checks=read_checks({**ours, **known}),
            phases=phases,
            fail_fast="fail_fast" in request.switches,
            known_checks=tuple(known),
        )

    document = taken
    if "stable_for" in values:

        def holds(document: Mapping[str, Any]) -> bool:
            return report_of(pick(request, model.read_snapshot(document))).verdict not in (FAILED, ERROR)

        document = _watched(request, recipe, taken, holds)
    if "run" in request.switches:
        document = _run(request, recipe, document, known, phases)
    if "save_snapshot" in values:
        _save(values["save_snapshot"], document)
    seen = pick(request, seen if document is taken else model.read_snapshot(document))
    report = report_of(seen)
    form = request.text("format") or ("json" if request.text("output") else "text")
    text = ctrf.text(report) if form == "text" else ctrf.as_json(report, __version__)
    remarks += (ALONE,) if seen.alone else ()
    remarks += (aged,) if (aged := model.snapshot_age(document, __version__)) else ()
    remarks += (f"only these nodes were validated: {list_names(sorted(seen.chosen))}",) if seen.chosen else ()
    notes: tuple[str, ...] = remarks if form == "text" else (*remarks, ctrf.summary(report))
    if "evidence" in values:
        notes += _evidence(request, caller, _whole(recipe, shelf, request), document, report, phases)
    elif signs:
        raise InvalidRequest("--sign-key and --keyless sign evidence", hint="add --evidence DIR")
    status = ctrf.exit_status(report, fail_on_error=values.get("fail_on_error") != "false")
    return Reply(text, notes, status, marks=OF_REPORTS if form == "text" else NO_MARKS)


def _watched(
    request: Request, recipe: Mapping[str, Any], document: Mapping[str, Any], holds: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any]:
    """Return the snapshot that counts: the last of a while in which all held, or the first in which something did not.

    What a node says of itself is that of the first. Source: reference row V23, which looks every ten seconds.
    """
    from clusterbook.collect.live import take_snapshot
    from clusterbook.documents.scalars import duration_s
    from clusterbook.snapshot.merge import OWN

    window_s = duration_s(request.values["stable_for"])
    until = time.monotonic() + window_s
    while holds(document) and (left_s := until - time.monotonic()) > 0:
        time.sleep(min(_POLL_S, left_s))
        own = document if any(each["type"] in OWN for each in document["measurements"]) else None
        kubeconfig, context = request.text("kubeconfig"), request.text("context")
        document = take_snapshot(recipe, own, None, kubeconfig=kubeconfig, context=context).document
    return document


def _snapshot(
    request: Request, recipe: Mapping[str, Any], helper: NodeAgent | None
) -> tuple[Mapping[str, Any], Snapshot, tuple[str, ...]]:
    """Return the snapshot to judge, as a document and read, of a file or taken now; and what a user should hear."""
    values = request.values
    if "no_cluster" in request.switches:
        if helper is not None or "run" in request.switches:
            flag = "--run" if helper is None else "--agent"
            raise InvalidRequest(f"{flag} needs a cluster, which --no-cluster excludes", hint="leave one of them out")
        kept = any(values.get(key, "").startswith("cm://") for key in ("recipe", "snapshot"))  # asked for that alone
        for flag in ("context",) if kept else ("kubeconfig", "context"):
            if flag in values:
                what = f"--{flag} needs a cluster, which --no-cluster excludes"
                raise InvalidRequest(what, hint="leave one of them out")
        if "stable_for" in values:
            raise InvalidRequest("--stable-for needs a cluster, which --no-cluster excludes", hint="leave one out")
        if "save_snapshot" in values:
            raise InvalidRequest("--save-snapshot needs a cluster, which --no-cluster excludes", hint="leave one out")
        if "snapshot" not in values:
            raise MissingFlag("--no-cluster needs --snapshot", hint="type --snapshot FILE")
        return *read_snapshot(values["snapshot"], kubeconfig=request.text("kubeconfig")), ()
    import gc

    gc.enable()  # what a cluster shows may take long, and much room
    from clusterbook.collect.live import take_snapshot
    from clusterbook.diagnostics.progress import ProgressMeter
    from clusterbook.documents.scalars import duration_s

    own = read_snapshot(values["snapshot"], kubeconfig=request.text("kubeconfig"))[0] if "snapshot" in values else None
    with ProgressMeter() as progress:
        progress("snapshot", "the cluster")
        taken, remarks = take_snapshot(
            recipe,
            own,
            helper,
            kubeconfig=request.text("kubeconfig"),
            context=request.text("context"),
            timeout_s=duration_s(values["timeout"]) if "timeout" in values else 0,
            say=CONSOLE.note,
        )
    return taken, model.read_snapshot(taken), remarks


def _run(
    request: Request,
    recipe: Mapping[str, Any],
    taken: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    phases: tuple[str, ...],
) -> Mapping[str, Any]:
    """Return the snapshot with what came of the checks that had to run."""
    from clusterbook.diagnostics.progress import ProgressMeter
    from clusterbook.kubernetes.placement import Placement, read_selector, read_tolerations
    from clusterbook.validate.run import run_checks

    placement = Placement(
        read_selector(filter(None, request.lists.get("node_selector", ()))),
        read_tolerations(filter(None, request.lists.get("toleration", ()))),
    )
    with ProgressMeter() as progress:
        progress("checks", "as Jobs in the cluster")
        return run_checks(
            recipe,
            taken,
            entries,
            phases,
            kubeconfig=request.text("kubeconfig"),
            context=request.text("context"),
            namespace=request.text("namespace"),
            placement=placement,
            keep="no_cleanup" in request.switches,
        )


def _save(where: str, document: Mapping[str, Any]) -> None:
    """Write the snapshot that was judged."""
    from clusterbook.cli.render import render
    from clusterbook.files.write import write_text

    write_text(where, render(document, "json" if where.endswith(".json") else "yaml"))


def _evidence(
    request: Request,
    caller: Caller,
    recipe: Mapping[str, Any],
    taken: Mapping[str, Any],
    report: Report,
    phases: tuple[str, ...],
) -> tuple[str, ...]:
    """Write the evidence of a judgement; return what a user should hear about it."""
    from clusterbook.evidence.folder import write

    signer, notes = None, []
    keyless = "keyless" in request.switches
    if keyless or "key" in request.values:
        from clusterbook.trust.sign import PUBLIC
        from clusterbook.trust.sign import signer as signer_of

        notes += [PUBLIC] if keyless else []
        signer = signer_of(caller.environment, key=request.values.get("key"), keyless=keyless)
    where = request.values["evidence"]
    proof = write(where, recipe, taken, phases=phases, fail_fast="fail_fast" in request.switches, signer=signer)
    notes += [f"evidence in {where}: {proof.outcome}, {proof.digest}"]
    if proof.verdict != report.verdict:
        notes.append(f"the verdict of the evidence is {proof.verdict}: the redacted snapshot shows less")
    if signer is None:
        notes.append(f"it is not signed yet; type clusterbook evidence sign {where} --key FILE")
    return tuple(notes)


def whole_recipe(request: Request) -> Mapping[str, Any]:
    """Return the recipe that a request names, a file's or a published one, with all that bundles need.

    Raises:
        InvalidRequest: it is no recipe.
    """
    recipe, shelf = _recipe(request)
    return _whole(recipe, shelf, request)


def _whole(recipe: Mapping[str, Any], shelf: Shelf | None, request: Request) -> Mapping[str, Any]:
    """Return a recipe with all that bundles need, as the catalog has it."""
    from clusterbook.resolve.bundle_inputs import complete

    if RecipeResult(recipe).is_whole:
        return recipe
    return complete(recipe, (shelf or open_shelf(*read_where(request))).bundle_inputs())


def _phases(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the phases that were asked for; all of them by default. Source: reference row V6."""
    names = names if any(names) else (ALL,)
    if ALL not in names:
        return names
    if len(names) > 1:
        raise InvalidRequest("--phase all was given with other phases", hint="give all, or single phases")
    return PHASES


def _recipe(request: Request) -> tuple[Mapping[str, Any], Shelf | None]:
    """Return the recipe with its health checks, and the shelf that has the checks it may name.

    A word that names no file is the name of a recipe.
    """
    slug, word = request.text("slug"), request.text("recipe")
    if slug and word:
        raise InvalidRequest(f"both the recipe {slug} and --recipe {word} were given", hint="give one of them")
    if not slug and not word:
        raise MissingFlag("--recipe is missing", hint="type --recipe FILE, or the name of a recipe")
    is_file = bool(word) and _is_file(word)
    name, version = ("", "") if is_file else read_name(request, slug or word)
    source, data = read_where(request.without("snapshot"), version=version, slug=name)  # here it is what is judged
    question = Question(name, allow_inherited="allow_inherited" in request.switches, source=source, data=data)
    question = question._replace(kubeconfig=request.text("kubeconfig"))
    if is_file:
        document = read_document(word, kubeconfig=request.text("kubeconfig"))
        if document.get("kind") == "RecipeResult":
            _refuse_unknown_keys(document, word)
            return document, open_shelf(source, data)
        question = question._replace(document=word)
    found = find(question)
    if found.shelf is None:
        return found.document, None
    return found.with_health_checks(), found.shelf


def _refuse_unknown_keys(recipe: Mapping[str, Any], where: str) -> None:
    """Refuse a recipe with keys of which nothing comes. Raises InvalidRequest."""
    try:
        refuse_unknown_keys(dict(recipe))
    except InvalidRequest as error:
        raise InvalidRequest(error.what, place=where, hint=error.hint) from error


def _is_file(word: str) -> bool:
    """Return whether a word names a file, standard input or a URL, rather than a recipe."""
    if word == "-" or any(each in word.partition("@")[0] for each in ("/", "\\", ".")):
        return True
    from os.path import isfile  # pathlib costs 3 ms

    return isfile(word)


_RECIPE = Flag("recipe", ("--recipe", "-r"), "Recipe file, URL or slug.", "FILE|NAME")
_SNAPSHOT = Flag(
    "snapshot",
    ("--snapshot", "-s"),
    "Snapshot (file or URL) to validate with --no-cluster; else one of a node, for what the API does not show.",
    "FILE",
)
_VALIDATE = (
    _RECIPE,
    _SNAPSHOT,
    Flag("no_cluster", ("--no-cluster",), "Validate the snapshot alone, and contact no cluster."),
    Flag("kubeconfig", ("--kubeconfig", "-k"), "Kubeconfig of the cluster; default: as for kubectl.", "FILE"),
    Flag("context", ("--context",), "Kubeconfig context of the cluster.", "NAME"),
    Flag("run", ("--run",), "Run checks that have to run in the cluster, as Jobs."),
    Flag(
        "stable_for",
        ("--stable-for",),
        "Repeat for this long, such as 60s; every check has to pass every time.",
        "DURATION",
    ),
    Flag("save_snapshot", ("--save-snapshot",), "Write the captured snapshot to this file.", "FILE"),
    POOL,
    Flag("phase", ("--phase",), "Validate readiness and this phase only. May be repeated.", "PHASE", repeated=True),
    Flag("fail_fast", ("--fail-fast",), "Stop after the first failing phase."),
    Flag(
        "fail_on_error",
        ("--fail-on-error",),
        "Whether failed checks set the exit status; default: true.",
        "",
        ("true", "false"),
    ),
    INHERITED,
    Flag("evidence", ("--evidence",), "Write evidence (recipe, redacted snapshot, report) to this folder.", "DIR"),
    Flag("key", ("--sign-key", "--key"), "Sign the evidence with this private key (PEM: P-256, Ed25519).", "FILE"),
    Flag("keyless", ("--keyless",), "Sign the evidence keyless: in CI, or with SIGSTORE_ID_TOKEN."),
    CONFIG,
    *(flag for flag in WHERE if flag.key != KEY.key),  # --key signs here, and policies name keys
    Flag("format", ("--format", "-t"), "Output format; json is CTRF.", values=("text", "json")),
    FILE,
    *AGENT,
)
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "validate",
            _VALIDATE,
            (Argument("slug"),),
            validate,
            "Validate a cluster against a recipe.\n\nCaptures a snapshot of the cluster and validates it; only "
            "--agent and --run create objects. With --no-cluster, --snapshot is validated. Phases: readiness, then"
            " deployment, conformance and performance. Exit status: 0 when everything that was measured passes, 10 when"
            " something fails, 2 when nothing could be validated.",
            "clusterbook validate h100-eks-training\n"
            "  clusterbook validate h100-eks-training -s cluster.yaml --no-cluster --evidence proof --key operator.key",
            rules=(
                FlagRule(OF_AGENTS, needs=("agent", "print_manifests")),
                FlagRule(("namespace", "toleration", "no_cleanup"), needs=("agent", "print_manifests", "run")),
                OF_TRUST._replace(keys=tuple(key for key in OF_TRUST.keys if key != KEY.key)),
                OF_ACCESS,
                OF_LEDGER,
            ),
        ),
        FIT,
    )
}
"""The judgements by name."""
