"""The commands of `clusterbook-build` that resolve recipes from the sources: resolve, count, matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click

from clusterbook.catalog.criteria import Criteria, read_criteria, read_tuple
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import overlay_tree, read_tree, with_criteria, with_registry
from clusterbook.catalog.unread import LEFT_OUT
from clusterbook.cli.builder.options import DATA, RECIPES
from clusterbook.cli.flags import CRITERIA
from clusterbook.cli.main import no_garbage
from clusterbook.cli.program import SingleUseCommand
from clusterbook.cli.render import recipe_table, render, table
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.documents.schema import UNKNOWN_KEY
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.resolve import export, matrix
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.matching import UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.resolver import Resolver
from clusterbook.resolve.tally import swap, tally
from clusterbook.resolve.views import with_health_checks


def _criteria_options(command: Callable[..., int]) -> Callable[..., int]:
    """Return `command` with the criteria flags that the client has."""
    for flag in reversed(CRITERIA):
        if not flag.switch:
            command = click.option(flag.key, *flag.names, metavar=flag.metavar, help=flag.help)(command)
    return command


def load(recipes: Path, data: Path | None) -> Matrix:
    """Return the matrix of a source tree, with a private tree over it.

    Raises:
        SourceErrors: the sources contradict themselves.
        UnreadableSource: a tree cannot be read.
    """
    built_in = cache(embedded_texts)
    tree = with_criteria(with_registry(read_tree(recipes), built_in), built_in())
    found = load_catalog(overlay_tree(tree, data) if data else tree)
    for finding in found.findings:
        if finding.code in (UNKNOWN_KEY.code, LEFT_OUT.code):
            CONSOLE.warn(str(finding))
    return matrix.build(found)


@click.command("resolve", cls=SingleUseCommand)
@RECIPES
@DATA
@click.argument("query", default="")
@_criteria_options
@click.option(
    "--format",
    "-t",
    "form",
    type=click.Choice(["yaml", "json", "table"]),
    default="yaml",
    show_default=True,
    help="Output format.",
)
def resolve_command(recipes: Path, data: Path | None, query: str, form: str, **criteria_flags: str | None) -> int:
    """Resolve one recipe from the sources.

    QUERY is a recipe's name (h100-eks-training), a tuple (eks/h100/training/any/any) or criteria
    (service=eks,accelerator=h100); flags may stand in its place.
    """
    flags = [f"{name}={value}" for name, value in criteria_flags.items() if value is not None]
    if bool(query) == bool(flags):
        raise InvalidRequest("name one recipe, by QUERY or by flags", hint="type clusterbook-build resolve --help")
    found = load(recipes, data)
    criteria = _criteria(found, query or ",".join(flags))
    answer = found.answer(criteria)
    if answer.slug is None or answer.state == UNSUPPORTED:
        raise InvalidRequest(answer.reason, hint=f"nearest recipes: {', '.join(found.matcher.nearest(criteria))}")
    recipe = found.recipes[answer.slug]
    document = with_health_checks(recipe_document(recipe, state=answer.state), health_checks(recipe))
    reply = render(document, form, recipe_table)
    deliver(reply, notes=(answer.reason,) if answer.reason else ())
    return 0


@click.command("count", cls=SingleUseCommand)
@RECIPES
@DATA
@click.argument("queries", nargs=-1, required=True)
def count_command(recipes: Path, data: Path | None, queries: tuple[str, ...]) -> int:
    """Count the components and values of recipes, and what changes from each to the next.

    QUERIES are written as for resolve. Every element of a list counts as a value.
    """
    found = load(recipes, data)
    resolver = Resolver(found.catalog)
    counted = [resolver.resolve(_criteria(found, query)) for query in queries]
    rows = [[query, *map(str, tally(recipe))] for query, recipe in zip(queries, counted, strict=True)]
    click.echo(table(["RECIPE", "COMPONENTS", "VALUES"], rows), nl=False)
    for (old, before), (new, after) in pairwise(zip(queries, counted, strict=True)):
        changed = swap(before, after)
        click.echo(
            f"{old} → {new}: {len(changed.out) + len(changed.into)} components swapped"
            f" (out: {', '.join(changed.out) or 'none'}; in: {', '.join(changed.into) or 'none'}),"
            f" {changed.values} values of the others differ"
        )
    return 0


@click.command("matrix", cls=SingleUseCommand)
@RECIPES
@DATA
@click.option("--tuples", type=click.Path(path_type=Path), help="File with one tuple per line; default: all tuples.")
@click.option("--hydrate", is_flag=True, help="Include hydrated values.")
@click.option("--api-version", default="", help="apiVersion of the results.")
@click.option("--output", "-o", required=True, help="File of JSON lines; - for standard output.")
def matrix_command(
    recipes: Path,
    data: Path | None,
    tuples: Path | None,
    hydrate: bool,
    api_version: str,
    output: str,
) -> int:
    """Resolve every combination of criteria and export the result of each."""
    with no_garbage():
        text = _matrix(recipes, data, tuples, hydrate=hydrate, api_version=api_version)
    deliver(text.lines, output=output)
    CONSOLE.note(text.summary)
    return 0


class _Export(NamedTuple):
    """The lines of a matrix, and how many there are."""

    lines: str
    summary: str


def _matrix(recipes: Path, data: Path | None, tuples: Path | None, *, hydrate: bool, api_version: str) -> _Export:
    """Return a tree's answers to tuples, to all there are where no file of them is named."""
    found = load(recipes, data)
    asked = export.every_query(found) if tuples is None else export.read_tuples(tuples, found.catalog.vocabulary)
    text = "".join(export.lines(found, asked, hydrate=hydrate, api_version=api_version))
    return _Export(text, export.summary(found, text))


def _criteria(found: Matrix, query: str) -> Criteria:
    """Return the criteria that a name, a tuple or a list of criteria means.

    Raises:
        NotFound: no recipe has this name.
        InvalidRequest: a value is not allowed.
    """
    vocabulary = found.catalog.vocabulary
    if "/" in query:
        return read_tuple(query, vocabulary)
    if "=" in query:
        pairs = dict(part.partition("=")[::2] for part in query.split(","))
        for name in pairs:
            if name not in Criteria._fields:
                hint = did_you_mean(name, Criteria._fields)
                raise InvalidRequest(f"there is no criterion {name or query}", hint=hint)
        return read_criteria(pairs, vocabulary)
    named = dict(found.matcher.overlays) | found.matcher.slugs()
    if query not in named:
        raise NotFound(f"there is no recipe {query}", hint=did_you_mean(query, named))
    return named[query]
