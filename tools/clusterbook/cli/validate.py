"""Judging: `validate`, of a snapshot in a file or of one taken now, and `fit`.

Knows which documents a judgement takes and where they come from. Does not know how it is made (`core.judge`), nor
click. Has 60 ms for the whole process, so what only some requests need is imported where they need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clusterbook import __version__
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.inputs.fast import read_document, read_snapshot
from clusterbook.lookup.find import Options, find, open_shelf
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.snapshot import model as snapshot
from clusterbook.validate import ctrf
from clusterbook.validate.checks import read_checks, with_inspections
from clusterbook.validate.judge import chosen_phases, judge
from clusterbook.validate.result import PHASES, Report

if TYPE_CHECKING:
    from clusterbook.collect.live import NodeAgent
    from clusterbook.lookup.shelf import Shelf

ALL = "all"
ALONE = "this is a snapshot of one machine; take one of its cluster: clusterbook snapshot --cluster -o cluster.yaml"


def validate(options: Options, slug: str = "", *, helper: NodeAgent | None = None) -> Reply:
    """Return the report of a recipe held against a snapshot; `helper` looks into a node when one is taken now.

    Source: reference rows V1-V10, V18-V20.

    Raises:
        InvalidRequest: a document or a phase is not what it must be.
        ClusterbookError: the cluster cannot be asked at all.
    """
    phases = _phases(options.get("phase", ""))
    chosen_phases(phases)
    if "evidence" in options and not options.keys() & {"key", "keyless"}:
        from clusterbook.evidence.folder import keep_signature

        keep_signature(options["evidence"])  # before a run on a cluster takes its time
    recipe, shelf = _recipe(options, slug)
    ours = open_shelf({}).validators()
    known = with_inspections(shelf.validators() if shelf else {}, ours)
    document, told = _taken(options, recipe, helper)
    if "run" in options:
        document = _run(options, recipe, document, known, phases)
    if "save_snapshot" in options:
        _save(options["save_snapshot"], document)
    fail_fast = "fail_fast" in options
    seen = snapshot.read(document)
    report = judge(
        recipe,
        seen,
        checks=read_checks({**ours, **known}),
        phases=phases,
        fail_fast=fail_fast,
        known_checks=tuple(known),
    )
    form = options.get("format") or ("json" if options.get("output") else "text")
    text = ctrf.text(report) if form == "text" else ctrf.as_json(report, __version__)
    told += (ALONE,) if seen.alone else ()
    notes: tuple[str, ...] = told if form == "text" else (*told, ctrf.summary(report))
    if "evidence" in options:
        notes += _evidence(options, _whole(recipe, options), document, report, phases)
    elif options.keys() & {"key", "keyless"}:
        raise InvalidRequest("--key and --keyless sign evidence", hint="say where it goes: --evidence DIR")
    return Reply(text, notes, ctrf.exit_status(report, fail_on_error=options.get("fail_on_error") != "false"))


def _taken(
    options: Options, recipe: Mapping[str, Any], helper: NodeAgent | None
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the snapshot to judge, that of a file or one taken now, and what a user should hear about it."""
    if "no_cluster" in options:
        if helper is not None or "run" in options:
            flag = "--run" if helper is None else "--agent"
            raise InvalidRequest(f"{flag} is about a cluster, and --no-cluster asks none", hint="leave one of them out")
        for flag in ("kubeconfig", "context"):
            if flag in options:
                what = f"--{flag} is about a cluster, and --no-cluster asks none"
                raise InvalidRequest(what, hint="leave one of them out")
        if "save_snapshot" in options:
            raise InvalidRequest("--save-snapshot: with --no-cluster none is taken", hint="leave one of them out")
        if "snapshot" not in options:
            what = "--snapshot is missing: without a cluster it is all there is"
            raise MissingFlag(what, hint="type --snapshot FILE")
        return read_snapshot(options["snapshot"])[0], ()
    from clusterbook.collect.live import take_now
    from clusterbook.documents.scalars import duration_s

    own = read_snapshot(options["snapshot"])[0] if "snapshot" in options else None
    taken, told = take_now(
        recipe,
        own,
        helper,
        kubeconfig=options.get("kubeconfig", ""),
        context=options.get("context", ""),
        timeout_s=duration_s(options["timeout"]) if "timeout" in options else 0,
    )
    return taken, told


def _run(
    options: Options,
    recipe: Mapping[str, Any],
    taken: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    phases: tuple[str, ...],
) -> Mapping[str, Any]:
    """Return the snapshot with what came of the checks that had to run."""
    from clusterbook.kubernetes.placement import Placement, read_selector, read_tolerations
    from clusterbook.validate.run import run_checks

    placement = Placement(
        read_selector(_lines(options, "node_selector")), read_tolerations(_lines(options, "toleration"))
    )
    return run_checks(
        recipe,
        taken,
        entries,
        phases,
        kubeconfig=options.get("kubeconfig", ""),
        context=options.get("context", ""),
        namespace=options.get("namespace", ""),
        placement=placement,
        keep="no_cleanup" in options,
    )


def _lines(options: Options, key: str) -> list[str]:
    return options[key].split("\n") if options.get(key) else []


def _save(where: str, document: Mapping[str, Any]) -> None:
    """Write the snapshot that was judged."""
    from clusterbook.cli.render import render
    from clusterbook.files.write import write_text

    write_text(where, render(document, "json" if where.endswith(".json") else "yaml"))


def _evidence(
    options: Options, recipe: Mapping[str, Any], taken: Mapping[str, Any], report: Report, phases: tuple[str, ...]
) -> tuple[str, ...]:
    """Write the evidence of a judgement; return what a user should hear about it."""
    import os

    from clusterbook.evidence.folder import write

    signer, notes = None, []
    if options.keys() & {"key", "keyless"}:
        from clusterbook.trust.sign import PUBLIC
        from clusterbook.trust.sign import signer as signer_of

        notes += [PUBLIC] if "keyless" in options else []
        signer = signer_of(os.environ, key=options.get("key"), keyless="keyless" in options)
    where = options["evidence"]
    proof = write(where, recipe, taken, phases=phases, fail_fast="fail_fast" in options, signer=signer)
    notes += [f"{where} proves: {proof.outcome}, {proof.digest}"]
    if proof.verdict != report.verdict:
        notes.append(f"of what may be shown, the verdict is {proof.verdict}: the redacted snapshot says less")
    if signer is None:
        notes.append(f"nobody vouches for it yet; type clusterbook evidence sign {where} --key FILE")
    return tuple(notes)


def whole_recipe(options: Options, word: str) -> Mapping[str, Any]:
    """Return the recipe that a word names, a file's or a recipe's, with all that bundles need.

    Raises:
        InvalidRequest: it is no recipe.
    """
    recipe, _ = _recipe({**options, "recipe": word}, "")
    return _whole(recipe, options)


def _whole(recipe: Mapping[str, Any], options: Options) -> Mapping[str, Any]:
    """Return a recipe with all that bundles need, as the catalog has it."""
    from clusterbook.resolve.bundle_inputs import complete

    if RecipeResult(recipe).is_whole:
        return recipe
    return complete(
        recipe, open_shelf({key: options[key] for key in ("source", "data") if key in options}).bundle_inputs()
    )


def _phases(said: str) -> tuple[str, ...]:
    """Return the phases that were asked for, one a line; all of them by default. Source: reference row V6."""
    names = tuple(said.split("\n")) if said else (ALL,)
    if ALL not in names:
        return names
    if len(names) > 1:
        raise InvalidRequest("--phase all stands with other phases", hint="give all, or some phases")
    return PHASES


def _recipe(options: Options, slug: str) -> tuple[Mapping[str, Any], Shelf | None]:
    """Return the recipe with its health checks, and the shelf that has the checks it may name.

    A word that names no file is the name of a recipe.
    """
    said = options.get("recipe", "")
    if slug and said:
        raise InvalidRequest(f"both the recipe {slug} and --recipe {said} were given", hint="give one of them")
    if not slug and not said:
        raise MissingFlag("--recipe is missing", hint="type --recipe FILE, or the name of a recipe")
    where = {key: value for key, value in options.items() if key in ("source", "data", "allow_inherited")}
    if said and _is_file(said):
        document = read_document(said)
        if document.get("kind") == "RecipeResult":
            return document, open_shelf(where)
        where["recipe"] = said
    else:
        slug = slug or said
    found = find(where, slug)
    if found.shelf is None:
        return found.document, None
    return found.with_health_checks(), found.shelf


def _is_file(word: str) -> bool:
    """Return whether a word names a file, standard input or a URL, rather than a recipe."""
    if word == "-" or any(each in word for each in ("/", "\\", ".")):
        return True
    from os.path import isfile  # pathlib costs 3 ms

    return isfile(word)


def fit(options: Options, where: str = "") -> Reply:
    """Return which recipes of the index fit a snapshot, and why the others do not.

    Raises:
        InvalidRequest: the document is no snapshot.
    """
    from clusterbook.cli.render import render, table
    from clusterbook.resolve.matching import CURATED
    from clusterbook.validate.fit import FITS, MISSES
    from clusterbook.validate.fit import fit as ask

    if not where:
        raise MissingFlag("the snapshot is missing", hint="type clusterbook fit FILE")
    _, taken = read_snapshot(where)
    shelf = open_shelf({key: value for key, value in options.items() if key in ("source", "data")})
    lines = [line for line in shelf.listing() if "all" in options or line["state"] == CURATED]
    found = ask(((str(line["name"]), shelf.stored(line["slug"])) for line in lines), taken)
    form = options.get("format", "table")
    fitting = sum(each.fit == FITS for each in found)
    missing = sum(each.fit == MISSES for each in found)
    what = "recipes" if "all" in options else "curated recipes"
    note = f"{fitting} of {len(found)} {what} fit, {missing} do not, {len(found) - fitting - missing} cannot be told"
    if form == "table":
        text = table(["RECIPE", "FIT", "WHY"], [[each.recipe, each.fit, each.why] for each in found])
    else:
        text = render([each.document() for each in found], form)
    return Reply(text, (*((ALONE,) if taken.alone else ()), note, *shelf.remarks))
