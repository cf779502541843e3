"""Answers: what the look-up commands say.

Knows how a request becomes an answer, from an index or resolved on this machine. Does not know click. Part of every
look-up, so what only some answers need is imported where they need it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.catalog.criteria import DIMENSIONS, Criteria, read_criteria
from clusterbook.cli.reply import MissingFlag as MissingFlag
from clusterbook.cli.reply import Reply as Reply
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, NotHonoured, Unsupported, did_you_mean
from clusterbook.documents.api_version import FIRST_GENERATION, REFERENCE
from clusterbook.lookup import format as index
from clusterbook.lookup.index import Shelf
from clusterbook.lookup.index_files import Source
from clusterbook.resolve import matching, views
from clusterbook.resolve.matching import Answer

Options = Mapping[str, str]
"""Value by flag key (flags.py); a switch that is on has the value "1", what is not given is absent."""


def open_shelf(options: Options) -> Shelf:
    """Return what answers a request: an index, or the sources with a private tree or a snapshot over them."""
    source = Source(options.get("source", ""))
    if not (options.get("data") or options.get("snapshot")):
        return Shelf(source)
    from clusterbook.lookup.local import LocalShelf

    return LocalShelf(source, data=options.get("data", ""), snapshot=options.get("snapshot", ""))


def asked(options: Options, shelf: Shelf, handed_in: dict[str, Any]) -> Criteria:
    """Return the criteria a request means: flags, over a file, over a snapshot.

    Raises:
        InvalidRequest: a value is not allowed, or nothing was asked. Source: reference row R7.
    """
    strict = "criteria_strict" in options
    _refuse_empty(options)
    words: dict[str, str | int] = {**shelf.detected, **_criteria_of(handed_in)}
    for name in (name for name in shelf.detected if options.get(name, shelf.detected[name]) != shelf.detected[name]):
        shelf.remarks.append(f"--{name} {options[name]} counts, not {shelf.detected[name]} from the snapshot")
    words |= {name: options[name] for name in (*DIMENSIONS, "nodes") if name in options}
    criteria = read_criteria(words, shelf.vocabulary, strict=strict)
    if not words and "snapshot" in options:
        raise InvalidRequest(
            "the snapshot names no service, accelerator or OS of this catalog",
            hint="add them as flags: --service eks --accelerator h100, say",
        )
    if not words:
        raise InvalidRequest("no criteria were given", hint="type --service eks --accelerator h100, say, or --help")
    return criteria


def _refuse_empty(options: Options) -> None:
    """Raise InvalidRequest for a criterion that stands there without a value."""
    for name in (*DIMENSIONS, "nodes"):
        if options.get(name) == "":
            raise InvalidRequest(f"--{name} is empty", hint=f"give a value, or leave --{name} out")


def _handed_in(options: Options) -> dict[str, Any]:
    """Return the document of --recipe, {} when there is none; it is read once, since it may be standard input."""
    if "recipe" not in options:
        return {}
    from clusterbook.inputs.read import read_document

    return read_document(options["recipe"])


def _criteria_of(document: dict[str, Any]) -> dict[str, str | int]:
    """Return the criteria in a document that was handed in, if any. Source: reference rows R11, R43."""
    if not document:
        return {}
    from clusterbook.inputs.read import criteria_in

    return criteria_in(document)


def serve(options: Options, shelf: Shelf, slug: str, handed_in: dict[str, Any]) -> tuple[Answer, tuple[str, ...]]:
    """Return the answer to a request, and notes about it.

    Raises:
        InvalidRequest: a name and criteria were given, or a value is not allowed.
        NotHonoured: part of the query changes nothing and --allow-inherited was not given.
        Unsupported: no recipe answers the query.
    """
    others = [name for name in (*DIMENSIONS, "nodes", "snapshot", "recipe") if name in options]
    if slug and others:
        raise InvalidRequest(f"both the recipe {slug} and --{others[0]} were given", hint="give one of them")
    answer = shelf.matcher.answer(_of_slug(shelf, slug) if slug else asked(options, shelf, handed_in))
    if answer.state == matching.UNSUPPORTED:
        raise Unsupported(answer.reason, hint=_nearest(shelf, answer.query))
    if answer.state == matching.INHERITED:
        if "allow_inherited" not in options:
            hint = f"{_nearest(shelf, answer.query)}; or accept {answer.slug} with --allow-inherited"
            raise NotHonoured(answer.reason, hint=hint)
        return answer, (answer.reason,)
    return answer, (f"{answer.slug} is {answer.reason}",) if answer.reason else ()


def _nearest(shelf: Shelf, query: Criteria) -> str:
    names = shelf.matcher.nearest(query)
    return f"nearest recipes: {', '.join(names)}" if names else "see `clusterbook list`"


def _of_slug(shelf: Shelf, slug: str) -> Criteria:
    """Return the criteria of the recipe, or of the overlay, called `slug`.

    Raises:
        NotFound: there is none; the nearest names are given.
    """
    by_name = dict(shelf.matcher.overlays) | {"base": Criteria()}
    slug = slug.lower() if slug not in by_name else slug
    if slug in by_name:
        return by_name[slug]
    record = shelf.source.record(slug)
    if record is not None:
        return read_criteria(record.recipe["criteria"], shelf.vocabulary)
    known = shelf.matcher.slugs()
    if slug in known:
        return known[slug]
    hint = did_you_mean(slug, {*by_name, *known})
    raise NotFound(f"there is no recipe {slug}", hint=f"{hint}; `clusterbook list` shows them all")


class Found(NamedTuple):
    """The recipe that a request leads to. `shelf` is None when the request carried it along."""

    document: dict[str, Any]
    shelf: Shelf | None
    record: index.Record | None
    notes: tuple[str, ...]


def find(options: Options, slug: str) -> Found:
    """Return the recipe that a request leads to.

    Raises:
        ClusterbookError: none does; see `serve`.
    """
    handed_in = {} if slug else _handed_in(options)
    carried = _carried_by(handed_in)
    if carried is not None:
        return Found(carried, None, None, ())
    shelf = open_shelf(options)
    answer, notes = serve(options, shelf, slug, handed_in)
    document, record = shelf.record(answer)
    return Found(document, shelf, record, (*notes, *shelf.remarks))


def recipe(options: Options, slug: str = "") -> Reply:
    """Return a recipe. Source: reference rows R8-R17."""
    document, shelf, record, notes = find(options, slug)
    if shelf is not None:
        document = views.with_health_checks(document, shelf.health_checks(record))
    if "api_version" in options:
        document = views.reference_envelope(document, _reference_version(options["api_version"]))
    return Reply(render(document, options.get("format", "yaml"), recipe_table), notes)


def _reference_version(version: str) -> str:
    """Return an apiVersion the reference writes. Raises InvalidRequest for any other. Source: reference row G13."""
    known = (REFERENCE, FIRST_GENERATION)
    if version not in known:
        raise InvalidRequest(f"apiVersion '{version}' is not written", hint=did_you_mean(version, known))
    return version


def _carried_by(document: dict[str, Any]) -> dict[str, Any] | None:
    """Return the recipe that a document carries with its values, None when it has to be resolved first."""
    if not document:
        return None
    from clusterbook.inputs.read import recipe_in

    return recipe_in(document)


def query(options: Options, slug: str = "") -> Reply:
    """Return the value that a selector names in a recipe. Source: reference rows Q1-Q9."""
    from clusterbook.documents.selector import select

    document, _, _, notes = find(options, slug)
    value = select(views.query_view(document), options.get("selector", ""))
    return Reply(render(value, options.get("format", "yaml"), leaves_table), notes)


def listing(options: Options) -> Reply:
    """Return the recipes there are, narrowed by the criteria given. Source: reference row R44."""
    _refuse_empty(options)
    shelf = open_shelf({key: value for key, value in options.items() if key != "snapshot"})
    wanted = {name: options[name] for name in (*DIMENSIONS, "nodes") if name in options}
    criteria = read_criteria(wanted, shelf.vocabulary)
    entries = [
        line
        for line in shelf.listing()
        if all(line["criteria"][name] == value for name, value in criteria.specified().items())
    ]
    lines = [line for line in entries if "all" in options or line["state"] == matching.CURATED]
    notes = list(shelf.remarks)
    if not lines:
        more = f"; {len(entries)} composed with --all" if entries else ""
        notes.append(f"no recipe claims {criteria.sentence()}{more}; {_nearest(shelf, criteria)}")
    elif len(lines) < len(entries):
        notes.append(f"{len(entries) - len(lines)} composed recipes are left out; --all lists them, too")
    healthy = "no_health" not in options
    if not healthy:
        lines = [{key: value for key, value in line.items() if key != "health"} for line in lines]
    form = options.get("format", "table")
    if form == "table":
        return Reply(table(*_list_table(lines, healthy=healthy)), tuple(notes))
    return Reply(render([_list_entry(line) for line in lines], form), tuple(notes))


def _list_entry(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return one line as data, its criteria spelled as the reference spells them."""
    spelled = {
        "service": "Service",
        "accelerator": "Accelerator",
        "intent": "Intent",
        "os": "OS",
        "platform": "Platform",
        "nodes": "Nodes",
    }
    return {**line, "criteria": {spelled[name]: value for name, value in line["criteria"].items()}}


def _list_table(lines: list[dict[str, Any]], *, healthy: bool) -> tuple[list[str], list[list[str]]]:
    """Return heading and rows of the list."""
    heading = ["NAME", "SERVICE", "ACCELERATOR", "INTENT", "OS", "PLATFORM", "IS_LEAF"]
    rows = []
    for line in lines:
        row = [line["name"], *(line["criteria"][name] for name in DIMENSIONS), "true" if line["is_leaf"] else "false"]
        if healthy:
            counts = line["health"]["coverage"]
            row += [line["health"]["status"], " ".join(f"{name[0].upper()}:{counts.get(name, 0)}" for name in _PHASES)]
        rows.append([*row, line["source"]])
    return [*heading, *(("STATUS", "COVERAGE") if healthy else ()), "SOURCE"], rows


_PHASES = ("readiness", "deployment", "performance", "conformance")


def explain(options: Options, slug: str, path: str) -> Reply:
    """Return where one value of a recipe comes from: each layer's say, the winner last."""
    from clusterbook.documents.selector import locate, parse, pointer

    if not path and slug and any(name in options for name in (*DIMENSIONS, "snapshot", "recipe")):
        slug, path = "", slug
    if not path:
        raise MissingFlag(
            "explain takes a recipe and a path",
            hint="type clusterbook explain h100-eks-training components.gpu-operator.version, say",
        )
    shelf = open_shelf(options)
    answer, notes = serve(options, shelf, slug, {} if slug else _handed_in(options))
    document, record = shelf.record(answer)
    place: tuple[str | int, ...]
    try:
        place, _ = locate(views.query_view(document), parse(path))
    except NotFound:
        place = parse(path)  # type: ignore[assignment]  # a removed value is not in the recipe but has origins
        if not _chains(shelf, record, document, place, pointer(place)):
            raise
    chains = _chains(shelf, record, document, place, pointer(place))
    if not chains:
        raise NotFound(
            f"{path} is computed, not written by a layer", hint="ask for constraints, components or validation"
        )
    form = options.get("format", "table")
    return Reply(_chain_text(chains) if form == "table" else render(chains, form), notes)


def _chains(
    shelf: Shelf, record: index.Record | None, document: Mapping[str, Any], place: tuple[str | int, ...], at: str
) -> dict[str, list[dict[str, Any]]]:
    """Return the origins at a pointer and below it; for an element of a list, those of the list that holds it."""
    names = [str(component["name"]) for component in document["componentRefs"]]
    if place[:1] == ("components",):
        parts = [str(place[1])] if len(place) > 1 else names
    else:
        parts = ["", *names] if not place else [""]
    known = {pointer: origins for part in parts for pointer, origins in shelf.origins(record, part).items()}
    found = {pointer: origins for pointer, origins in known.items() if pointer == at or pointer.startswith(f"{at}/")}
    while not found and "/" in at[1:]:
        at = at.rpartition("/")[0]
        found = {at: known[at]} if at in known else {}
    return dict(sorted(found.items()))


def _chain_text(chains: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return origins for reading: pointer, then each layer's say with its place, winner marked."""
    lines = []
    for pointer, origins in chains.items():
        lines.append(pointer)
        for number, origin in enumerate(origins):
            mark = "→" if number == len(origins) - 1 else " "
            said = "removed" if origin.get("removed") else json.dumps(origin["value"], ensure_ascii=False)
            lines.append(f"  {mark} {origin['layer']}: {said}  ({origin['file']}:{origin['line']}:{origin['column']})")
    return "\n".join(lines) + "\n"


def render(value: Any, form: str, table_of: Any = None) -> str:
    """Return a value as YAML, JSON or a table, ending in a newline. Source: reference rows G12, Q6."""
    if form == "json":
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if form == "table" and table_of is not None:
        return str(table_of(value))
    from clusterbook.documents.yaml_writer import text

    return text(value)


def table(heading: list[str], rows: list[list[str]]) -> str:
    """Return an aligned table of text."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heading, *rows)
    ]
    return "\n".join(lines) + "\n"


def recipe_table(document: Mapping[str, Any]) -> str:
    """Return the components of a recipe as a table, in deployment order."""
    order = {name: number for number, name in enumerate(document["deploymentOrder"])}
    rows = [
        [
            str(order[c["name"]] + 1) if c["name"] in order else "-",
            c["name"],
            c.get("version", ""),
            c.get("namespace", ""),
            c["source"],
        ]
        for c in sorted(document["componentRefs"], key=lambda c: (order.get(c["name"], len(order)), c["name"]))
    ]
    return table(["ORDER", "COMPONENT", "VERSION", "NAMESPACE", "SOURCE"], rows)


def leaves_table(value: Any) -> str:
    """Return every scalar of a value with its path, as a table."""
    rows: list[list[str]] = []

    def walk(found: Any, path: str) -> None:
        if isinstance(found, Mapping) and found:
            for key in sorted(found):
                walk(found[key], f"{path}.{key}" if path else key)
        elif isinstance(found, list) and found:
            for number, element in enumerate(found):
                walk(element, f"{path}[{number}]")
        else:
            rows.append([path or ".", found if isinstance(found, str) else json.dumps(found)])

    walk(value, "")
    return table(["PATH", "VALUE"], rows)
