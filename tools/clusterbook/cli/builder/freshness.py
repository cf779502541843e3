"""The command of `clusterbook-build` that compares pinned charts with what their repositories offer."""

from __future__ import annotations

import os
from pathlib import Path

import click

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.cli.builder.options import FINDINGS, RECIPES
from clusterbook.cli.program import SingleUseCommand
from clusterbook.cli.render import table
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.files.context import Context
from clusterbook.files.write import write_text
from clusterbook.freshness import report
from clusterbook.freshness.age import BEHIND, PinAge
from clusterbook.freshness.ask import ask
from clusterbook.freshness.pins import pins
from clusterbook.oci.http import check_authorities
from clusterbook.oci.open import Access


@click.command("freshness", cls=SingleUseCommand)
@click.argument("component", required=False, default="")
@RECIPES
@click.option("--bump", is_flag=True, help="Write the newest version into the source that pins COMPONENT.")
@click.option("--plain-http", is_flag=True, help="Speak to registries without TLS.")
@click.option("--ca-file", default="", help="Certificate authorities to trust instead of the usual ones.")
@click.option(
    "--format",
    "-t",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option("--output", "-o", default="", help="Write to this file instead of standard output.")
def freshness_command(
    component: str, recipes: Path, bump: bool, plain_http: bool, ca_file: str, form: str, output: str
) -> int:
    """Compare pinned charts with what their repositories offer.

    BEHIND counts the newer versions; pre-releases count only where one is pinned. AGE is that of the pinned version,
    WAITING that of the first newer one. What a repository does not tell is said to be unknown. Exit status: 10 when
    a pin is behind.
    """
    if bump and not component:
        raise InvalidRequest("--bump needs the component", hint="name it: clusterbook-build freshness kueue --bump")
    catalog = load_catalog(read_tree(recipes))
    wanted = report.choose(pins(catalog), component)
    if not wanted:
        raise NotFound(f"no chart of {component} is pinned", hint=did_you_mean(component, catalog.components))
    if ca_file:  # a wrong flag is no repository that cannot be asked
        check_authorities(ca_file)
    context = Context.of(os.environ)
    access = Access(plain_http, ca_file, environment=context.environment, home=context.home)
    with ProgressMeter() as tell:
        found = ask(wanted, access, context.now, lambda name: tell("repositories", name))
    text = report.as_json(found, context.now.date().isoformat()) if form == "json" else _table(found)
    notes = [*report.gaps(found), *(_bump(found) if bump else ())]
    deliver(text, notes=notes, output=output)
    return FINDINGS if any(each.state == BEHIND for each in found) and not bump else 0


def _table(found: list[PinAge]) -> str:
    return table(report.HEADING, report.rows(found))


def _bump(found: list[PinAge]) -> list[str]:
    """Write the newest version of each pin that is behind, and return a line about each."""
    lines = []
    for each in found:
        if each.state != BEHIND:
            continue
        path = Path(each.pin.place.file)
        write_text(str(path), report.bumped(path.read_text(encoding="utf-8"), each.pin, each.newest))
        lines.append(f"{each.pin.component} {each.pin.version} -> {each.newest} in {each.pin.place.file}")
    return lines
