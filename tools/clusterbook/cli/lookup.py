"""The look-ups: `recipe`, `query`, `list` and `explain`.

Part of every look-up, so what only some of them need is imported for those.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from clusterbook.catalog.criteria import DIMENSIONS, read_criteria
from clusterbook.cli.command import (
    OF_ACCESS,
    OF_CLUSTERS,
    OF_LEDGER,
    OF_TRUST,
    Argument,
    Caller,
    Command,
    FlagRule,
    Request,
)
from clusterbook.cli.flags import ANSWER, CONFIG, CRITERIA, INHERIT_FROM, INTERFACES, OUTPUT, WHERE, Flag
from clusterbook.cli.question import read_question, read_where
from clusterbook.cli.render import leaves_table, recipe_table, render, table
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.lookup.find import find, nearest_hint, open_shelf, read_input, refuse_empty, serve
from clusterbook.records import TYPE_CHECKING, Any
from clusterbook.resolve import matching, views
from clusterbook.resolve.recipe import KIND, RecipeResult

if TYPE_CHECKING:
    from clusterbook.lookup.find import Lookup, Question
    from clusterbook.lookup.shelf import CatalogRecipe

_NOT_OF_LISTS = (
    "output", "format", "snapshot", "nodes", "criteria_strict", "allow_inherited", "profile", "slurm_accounting_mode",
    "runtime_inventory", "interfaces",
)  # fmt: skip
"""What a configuration says of one recipe, and not of which there are."""
_PHASES = ("readiness", "deployment", "performance", "conformance")


def over_config(request: Request, *, elsewhere: tuple[str, ...] = ()) -> tuple[Request, tuple[str, ...]]:
    """Return a request over what its --config says, and notes about where it counts more.

    Of the file, what `elsewhere` names is about another command.
    """
    if "config" not in request.values:
        return request, ()
    from clusterbook.cli.config import read_config, recipe_request

    where = request.values["config"]
    file = recipe_request(read_config(where)).without(*elsewhere)
    notes = tuple(
        f"--{key.replace('_', '-')} {request.values[key]} overrides {word} of {where}"
        for key, word in file.values.items()
        if request.values.get(key, word) != word
    )
    notes += tuple(
        f"--{key} {', '.join(request.lists[key])} overrides {', '.join(words)} of {where}"
        for key, words in file.lists.items()
        if request.lists.get(key, words) != words
    )
    return request.over(file), notes


def recipe(request: Request, _caller: Caller) -> Reply:
    """Return a recipe. Source: reference rows R8-R17."""
    request, said = over_config(request)
    found = find(read_question(request))
    document, notes = found.with_health_checks(), found.notes
    table_of: Callable[[Any], str] = recipe_table
    if request.values.get("api_version") == "":
        raise InvalidRequest("--api-version is empty", hint="type --api-version aicr.run/v1, say, or leave it out")
    if request.says("api_version") or request.text("kind", "recipe") != "recipe":
        document, more = _enveloped(document, request.text("kind", "recipe"), request.text("api_version"))
        if request.says("files"):
            more = _write_manifests(document, found, request)
        notes, table_of = (*notes, *more), leaves_table
    form = request.text("format", "yaml")
    kind = "config" if request.text("kind") == "config" else "recipe"  # criteria are what -r takes, too
    return _deliver(
        Reply(render(document, form, table_of), (*said, *notes), output=request.text("output")), request, kind
    )


def _deliver(reply: Reply, request: Request, kind: str) -> Reply:
    """Return a reply as it is; what it has for a ConfigMap is kept there, and it says where that is."""
    if not reply.output.startswith("cm://"):
        return reply
    from clusterbook.cli.config_map import keep

    return keep(reply, request.text("format", "yaml"), kind, kubeconfig=request.text("kubeconfig"))


def _enveloped(document: dict[str, Any], kind: str, version: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what is written of a recipe in another kind or apiVersion, and notes about it."""
    from clusterbook.resolve import envelopes

    if kind == "criteria":
        return envelopes.criteria_document(document, version), ()
    if kind == "config":
        return envelopes.config_document(document, version), ()
    files = envelopes.named_manifests(document)
    note = f"{len(files)} manifests are named but not included: --files DIR writes them, as a tree for --data"
    return envelopes.recipe_envelope(document, version), (note,) if files else ()


def _write_manifests(document: dict[str, Any], found: Lookup, request: Request) -> tuple[str, ...]:
    """Write the manifests that a recipe names where `--files` says; return a note about it.

    Raises:
        InvalidRequest: what is written names none, or they are not at hand.
        Unwritable: the folder cannot be written, or holds something else.
    """
    from clusterbook.files.write import write_tree
    from clusterbook.lookup.recipe_file import whole_recipe_file
    from clusterbook.resolve.bundle_inputs import complete
    from clusterbook.resolve.envelopes import manifest_tree

    if document.get("kind") != KIND:
        raise InvalidRequest(f"--files: a {document.get('kind')} names no manifests", hint="leave it out")
    if found.shelf is None:
        source, data = read_where(request)
        whole = whole_recipe_file(found.document, source=source, data=data).document
    else:
        whole = complete(found.document, found.shelf.bundle_inputs())
    where = request.text("files")
    tree = manifest_tree(document, RecipeResult(whole).files)
    write_tree(where, tree, marker="registry.yaml")
    return (f"{len(tree) - 1} manifests are in {where}: hand it over with --data {where}",)


def query(request: Request, _caller: Caller) -> Reply:
    """Return the value that a selector names in a recipe. Source: reference rows Q1-Q9."""
    from clusterbook.documents.selector import select

    request, said = over_config(request, elsewhere=("output", "format"))
    question, path = _question_and_path(request)
    selector = request.values.get("selector")
    if path and selector is not None:
        raise InvalidRequest("both --selector and a path were given", hint="give one of them")
    if not path and selector is None:
        raise MissingFlag("--selector is missing", hint="type --selector components.gpu-operator.version, say")
    found = find(question)
    value = select(views.query_view(found.document), path or selector or "")
    text = render(value, request.text("format", "yaml"), leaves_table)
    return _deliver(Reply(text, (*said, *found.notes), output=request.text("output")), request, "query")


def _question_and_path(request: Request) -> tuple[Question, str]:
    """Return what a line of up to two words asks for; where other flags say which recipe, one word is the path."""
    question, path = read_question(request), request.text("path")
    others = question.criteria or question.snapshot is not None or question.document is not None
    if question.slug and others and not path and "selector" not in request.values:
        return question._replace(slug=""), question.slug
    return question, path


def listing(request: Request, _caller: Caller) -> Reply:
    """Return the recipes there are, narrowed by the criteria given. Source: reference row R44."""
    request, said = over_config(request, elsewhere=_NOT_OF_LISTS)
    question = read_question(request)
    refuse_empty(question.criteria)
    shelf = open_shelf(question.source, question.data)
    criteria = read_criteria(question.criteria, shelf.vocabulary)
    entries = [
        line
        for line in shelf.listing()
        if all(line["criteria"][name] == value for name, value in criteria.specified().items())
    ]
    lines = [line for line in entries if "all" in request.switches or line["state"] == matching.CURATED]
    notes = [*said, *shelf.remarks]
    if not lines:
        more = f"; {len(entries)} composed with --all" if entries else ""
        notes.append(f"no curated recipe for {criteria.sentence()}{more}; {nearest_hint(shelf, criteria)}")
    elif len(lines) < len(entries):
        notes.append(f"{len(entries) - len(lines)} composed recipes are left out; --all lists them, too")
    healthy = "no_health" not in request.switches
    if not healthy:
        lines = [{key: value for key, value in line.items() if key != "health"} for line in lines]
    form = request.text("format", "table")
    if form == "table":
        text = table(*_list_table(lines, healthy=healthy))
    else:
        text = render([_list_entry(line) for line in lines], form)
    return Reply(text, tuple(notes), output=request.text("output"))


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
            coverage = " ".join(f"{name[0].upper()}:{counts.get(name, 0)}" for name in _PHASES)
            row += [_status(line["health"]["dimensions"]), coverage]
        rows.append([*row, line["source"]])
    return [*heading, *(("STATUS", "COVERAGE") if healthy else ()), "SOURCE"], rows


_FAILING = {"chart_pinned": "unpinned chart", "constraints_wellformed": "bad constraint", "resolves": "unresolved"}


def _status(dimensions: Mapping[str, str]) -> str:
    """Return in words what can be told about a recipe without a cluster."""
    failing = [_FAILING.get(name, name) for name, said in dimensions.items() if said != "pass"]
    return ", ".join(failing) or "sources ok"


def explain(request: Request, _caller: Caller) -> Reply:
    """Return where one value of a recipe comes from: each layer's say, the winner last."""
    from clusterbook.documents.selector import locate, parse, pointer

    request, said = over_config(request, elsewhere=("output", "format"))
    question, path = _question_and_path(request)
    if not path:
        raise MissingFlag(
            "explain needs a recipe and a path",
            hint="type clusterbook explain h100-eks-training components.gpu-operator.version, say",
        )
    shelf = open_shelf(question.source, question.data, question.snapshot, kubeconfig=question.kubeconfig)
    answer, notes = serve(question, shelf, read_input(question))
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
        raise NotFound(f"{path} is computed, no layer sets it", hint="explain constraints, components or validation")
    form = request.text("format", "table")
    text = _chain_text(chains) if form == "table" else render(chains, form)
    return Reply(text, (*said, *notes, *shelf.remarks), output=request.text("output"))


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


def _effect_lines(effect: Mapping[str, Any] | None) -> list[str]:
    """Return what a value does to its chart, as its proof has it; the first line is the verdict."""
    if effect is None:
        return ["unproven"]
    default = f"; chart default: {json.dumps(effect['default'], ensure_ascii=False)}" if "default" in effect else ""
    near = f"; did you mean {effect['near']}?" if "near" in effect else ""
    why = f": {effect['why']}" if "why" in effect else ""
    more = [f"and {effect['more']} more"] if "more" in effect else []
    verdict = f"{effect['effect']}{why}{near}{default}"
    return [verdict, *(f"  {change}" for change in (*effect.get("changes", ()), *more))]


def _chain_text(chains: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return origins for reading: pointer, then each layer's say with its place, winner marked."""
    lines = []
    for pointer, origins in chains.items():
        lines.append(pointer)
        for number, origin in enumerate(origins):
            mark = "→" if number == len(origins) - 1 else " "
            said = "removed" if origin.get("removed") else json.dumps(origin["value"], ensure_ascii=False)
            lines.append(f"  {mark} {origin['layer']}: {said}  ({origin['file']}:{origin['line']}:{origin['column']})")
        if "/values/" in pointer and not origins[-1].get("removed"):
            lines += [f"    {line}" for line in _effect_lines(origins[-1].get("effect"))]
    return "\n".join(lines) + "\n"


_SLUG, _PATH = Argument("slug"), Argument("path")
_KIND = Flag("kind", ("--kind",), "Document to print; default: recipe.", values=("recipe", "criteria", "config"))
_API = Flag("api_version", ("--api-version",), "Write an apiVersion that AICR reads, such as aicr.run/v1.", "VERSION")
_FILES = Flag("files", ("--files",), "With --api-version, write the manifests too, as a tree for --data.", "DIR")
_SELECTOR = Flag("selector", ("--selector",), "Path of the value, such as components.gpu-operator.version.", "PATH")
_ALL = Flag("all", ("--all",), "Include composed recipes.")
_NO_HEALTH = Flag("no_health", ("--no-health", "--skip-health"), "Omit the columns STATUS and COVERAGE.")
_RULES = (OF_TRUST, OF_ACCESS, OF_CLUSTERS, OF_LEDGER)
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "recipe",
            (*CRITERIA, *ANSWER, *WHERE, *OUTPUT, _KIND, _API, _FILES),
            (_SLUG,),
            recipe,
            "Resolve and print the recipe for a cluster.",
            "clusterbook recipe --service eks --accelerator h100 --intent training --os ubuntu",
            rules=(*_RULES, FlagRule(("files",), needs=("api_version",))),
        ),
        Command(
            "query",
            (_SELECTOR, *CRITERIA, *ANSWER, *WHERE, *OUTPUT),
            (_SLUG, _PATH),
            query,
            "Print one value of a recipe.",
            "clusterbook query h100-eks-training --selector components.gpu-operator.version",
            rules=_RULES,
        ),
        Command(
            "list",
            (*CRITERIA[:-1], CONFIG, _ALL, _NO_HEALTH, *WHERE, *OUTPUT),
            (),
            listing,
            "List recipes.\n\nIS_LEAF: no overlay builds on it. STATUS: sources ok when it resolves, each chart "
            "has a version and each constraint can be parsed; nothing was installed or tested. COVERAGE: the"
            " number of checks for readiness, deployment, performance and conformance. SOURCE: external when it comes"
            " from --data.",
            "clusterbook list --service eks",
            rules=(OF_TRUST, OF_ACCESS, OF_LEDGER),
        ),
        Command(
            "explain",
            (*CRITERIA, *(each for each in ANSWER if each not in (INHERIT_FROM, INTERFACES)), *WHERE, *OUTPUT),
            (_SLUG, _PATH),
            explain,
            "Explain where values of a recipe come from, layer by layer, the winner last.\n\nPATH is written like a"
            " selector (components.gpu-operator.version, constraints[0]) or as a JSON pointer; it may name a whole"
            " part.",
            "clusterbook explain h100-eks-training components.gpu-operator.values.driver",
            rules=_RULES,
        ),
    )
}
"""The look-ups by name."""
