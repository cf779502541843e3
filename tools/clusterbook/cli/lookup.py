"""The look-ups: `recipe`, `query`, `list` and `explain`, and which function answers which command.

Part of every look-up, so what only some commands need is imported for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clusterbook.catalog.criteria import DIMENSIONS, read_criteria
from clusterbook.cli.flags import JUDGEMENTS
from clusterbook.cli.render import leaves_table, recipe_table, render, table
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.documents.api_version import FIRST_GENERATION, REFERENCE
from clusterbook.lookup.find import Options, find, input_document, nearest, open_shelf, refuse_empty, serve
from clusterbook.resolve import matching, views
from clusterbook.resolve.recipe import RecipeResult

if TYPE_CHECKING:
    from clusterbook.lookup.shelf import CatalogRecipe

_PHASES = ("readiness", "deployment", "performance", "conformance")


def respond(command: str, options: Options, arguments: list[str]) -> Reply:
    """Return the reply of a command of flags.COMMANDS.

    Raises:
        ClusterbookError: with the exit status that fits.
    """
    if command == "list":
        return listing(options)
    if command in JUDGEMENTS:
        from clusterbook.cli import validate as judging

        return judging.validate(options, *arguments) if command == "validate" else judging.fit(options, *arguments)
    if command == "recipe":
        return recipe(options, *arguments)
    if command == "query":
        slug, path = (*arguments, "", "")[:2]
        if path and "selector" in options:
            raise InvalidRequest("both --selector and a path were given", hint="give one of them")
        if not path and "selector" not in options:
            raise MissingFlag("--selector is missing", hint="type --selector components.gpu-operator.version, say")
        return query({"selector": path, **options}, slug)
    slug, path = (*arguments, "", "")[:2]
    return explain(options, slug, path)


def recipe(options: Options, slug: str = "") -> Reply:
    """Return a recipe. Source: reference rows R8-R17."""
    found = find(options, slug)
    document = found.with_health_checks()
    if "api_version" in options:
        document = views.reference_envelope(document, _reference_version(options["api_version"]))
    return Reply(render(document, options.get("format", "yaml"), recipe_table), found.notes)


def _reference_version(version: str) -> str:
    """Return an apiVersion the reference writes. Raises InvalidRequest for any other. Source: reference row G13."""
    known = (REFERENCE, FIRST_GENERATION)
    if version not in known:
        raise InvalidRequest(f"apiVersion '{version}' is not written", hint=did_you_mean(version, known))
    return version


def query(options: Options, slug: str = "") -> Reply:
    """Return the value that a selector names in a recipe. Source: reference rows Q1-Q9."""
    from clusterbook.documents.selector import select

    found = find(options, slug)
    value = select(views.query_view(found.document), options.get("selector", ""))
    return Reply(render(value, options.get("format", "yaml"), leaves_table), found.notes)


def listing(options: Options) -> Reply:
    """Return the recipes there are, narrowed by the criteria given. Source: reference row R44."""
    refuse_empty(options)
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
        notes.append(f"no recipe claims {criteria.sentence()}{more}; {nearest(shelf, criteria)}")
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
    answer, notes = serve(options, shelf, slug, {} if slug else input_document(options))
    recipe = shelf.recipe(answer)
    place: tuple[str | int, ...]
    try:
        place, _ = locate(views.query_view(recipe.document), parse(path))
    except NotFound:
        place = parse(path)  # type: ignore[assignment]  # a removed value is not in the recipe but has origins
        if not _chains(recipe, place, pointer(place)):
            raise
    chains = _chains(recipe, place, pointer(place))
    if not chains:
        raise NotFound(
            f"{path} is computed, not written by a layer", hint="ask for constraints, components or validation"
        )
    form = options.get("format", "table")
    return Reply(_chain_text(chains) if form == "table" else render(chains, form), notes)


def _chains(recipe: CatalogRecipe, place: tuple[str | int, ...], at: str) -> dict[str, list[dict[str, Any]]]:
    """Return the origins at a pointer and below it; for an element of a list, those of the list that holds it."""
    names = [component.name for component in RecipeResult(recipe.document).components]
    if place[:1] == ("components",):
        parts = [str(place[1])] if len(place) > 1 else names
    else:
        parts = ["", *names] if not place else [""]
    known = {pointer: origins for part in parts for pointer, origins in recipe.origins(part).items()}
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
