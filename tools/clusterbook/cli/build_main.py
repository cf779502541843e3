"""The `clusterbook-build` command.

Each command parses its words, calls one function and reports.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import click

import clusterbook
from clusterbook.catalog import load as catalog
from clusterbook.catalog import read as workspace
from clusterbook.catalog.criteria import Criteria, read_criteria, read_tuple
from clusterbook.cli import build_ledger as ledger_commands
from clusterbook.cli import build_prove as prove_commands
from clusterbook.cli import build_publish as publish_commands
from clusterbook.cli import build_site as site_commands
from clusterbook.cli.flags import CRITERIA
from clusterbook.cli.program import Program
from clusterbook.cli.render import recipe_table, render, table
from clusterbook.cli.terminal import abandon, bug, deliver, fail
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound, did_you_mean
from clusterbook.diagnostics.report import FORMATS, report
from clusterbook.documents.schema import UNKNOWN_KEY
from clusterbook.lint import run as check
from clusterbook.lookup import write as index_writer
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.resolve import export, matrix
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.matching import UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.resolver import Resolver
from clusterbook.resolve.tally import swap, tally
from clusterbook.resolve.views import with_health_checks
from clusterbook.site import json_schemas as schemas
from clusterbook.site.codes import CODES

FINDINGS = 10
"""Exit status when a check found something, so that it differs from a failure. Source: design, section 10."""

_recipes = click.option(
    "--recipes", type=click.Path(path_type=Path), default=Path("recipes"), show_default=True, help="Source tree."
)
_data = click.option("--data", type=click.Path(path_type=Path), help="Private tree laid over the sources.")


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
    tree = workspace.with_registry(workspace.read(recipes), embedded_texts)
    tree = workspace.with_criteria(tree, embedded_texts())
    found = catalog.load(workspace.overlay(tree, data) if data else tree)
    for finding in found.findings:
        if finding.code == UNKNOWN_KEY.code:
            click.echo(f"warning: {finding}", err=True)
    return matrix.build(found)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(clusterbook.__version__, "-v", "--version", message="clusterbook-build %(version)s")
@click.option("--debug", is_flag=True, envvar="CLUSTERBOOK_DEBUG", help="Show where a bug happened.")
def program(debug: bool) -> None:
    """Resolve a catalog: check its sources, and build every answer beforehand."""


@program.command("check")
@_recipes
@_data
@click.option("--charts", type=click.Path(path_type=Path), help="Folder of chart archives, to check values against.")
@click.option(
    "--strict/--lenient", default=None, help="Read the tree as ours or as the reference's; default: by its apiVersion."
)
@click.option("--format", "-t", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", "-o", default="", help="Write to this file instead of standard output.")
def check_command(
    recipes: Path,
    data: Path | None,
    charts: Path | None,
    strict: bool | None,
    form: str,
    output: str,
) -> int:
    """Check sources against every rule; exit 10 when something was found."""
    findings = check.check_tree(recipes, data, charts, strict=strict)
    deliver(report(findings, form, CODES), output=output)
    return FINDINGS if findings else 0


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


@program.command("resolve")
@_recipes
@_data
@click.argument("query", default="")
@_criteria_options
@click.option("--format", "-t", "form", type=click.Choice(["yaml", "json", "table"]), default="yaml", show_default=True)
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


@program.command("count")
@_recipes
@_data
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


@program.command("matrix")
@_recipes
@_data
@click.option("--tuples", type=click.Path(path_type=Path), help="File with one tuple per line; default: all there are.")
@click.option("--hydrate", is_flag=True, help="Put values in place, as the reference's query does.")
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
    """Export what becomes of every tuple, and every recipe."""
    found = load(recipes, data)
    asked = (
        map(export.Query, found.tuples()) if tuples is None else export.read_tuples(tuples, found.catalog.vocabulary)
    )
    text = "".join(export.lines(found, asked, hydrate=hydrate, api_version=api_version))
    deliver(text, output=output)
    click.echo(export.summary(found, text), err=True)
    return 0


@program.command("schemas")
@click.option("--output", "-o", type=click.Path(path_type=Path), default=Path("schemas/v1"), show_default=True)
@click.option("--verify", is_flag=True, help="Write nothing; exit 10 when a file is stale.")
def schemas_command(output: Path, verify: bool) -> int:
    """Write the JSON Schemas of the source documents."""
    if verify:
        stale = schemas.outdated_files(output)
        for name in stale:
            click.echo(f"{output / name} is missing or stale; write it with `clusterbook-build schemas`")
        return FINDINGS if stale else 0
    for path in schemas.write(output):
        click.echo(path)
    return 0


@program.command("build")
@_recipes
@click.option("--output", "-o", type=click.Path(path_type=Path), default=Path("dist"), show_default=True)
def build_command(recipes: Path, output: Path) -> int:
    """Build the index of every answer, into OUTPUT and into this checkout's own `clusterbook` command."""
    built = index_writer.build(recipes, output=output, package=index_writer.own_package(recipes))
    for finding in built.findings:
        click.echo(str(finding), err=True)
    click.echo(built.summary(_client_command()))
    return 0


for _command in (
    *ledger_commands.COMMANDS,
    *prove_commands.COMMANDS,
    *publish_commands.COMMANDS,
    *site_commands.COMMANDS,
):
    program.add_command(_command)


def _client_command() -> str:
    """Return how to call the client from here: by name when it is on the path, else by its place."""
    beside = Path(sys.argv[0]).with_name("clusterbook")
    if not beside.is_file() or shutil.which("clusterbook") == str(beside):
        return "clusterbook"
    return os.path.relpath(beside)


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Return the exit status of a command line, having printed what it says."""
    try:
        return program.run(words, "clusterbook-build")
    except ClusterbookError as error:
        return fail(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # a reader that has read enough, such as head
        abandon()
        return 0
    except Exception as error:
        if "--debug" in words:
            raise
        return bug(error)


if __name__ == "__main__":
    main()
