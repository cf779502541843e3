"""The command of `clusterbook-build` that builds the index of every answer: `build`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from clusterbook.cli.builder.options import RECIPES
from clusterbook.cli.completion.words import write_words
from clusterbook.cli.program import SingleUseCommand
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.lookup.write import build_index, own_package


@click.command("build", cls=SingleUseCommand)
@RECIPES
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), default=Path("dist"), show_default=True, help="Folder to write."
)
def build_command(recipes: Path, output: Path) -> int:
    """Resolve every combination and build the index, into OUTPUT and into this checkout's `clusterbook`.

    In a checkout, so are the indexes of all releases, from its history: dist/releases.
    """
    with ProgressMeter() as progress:
        progress("build", "every combination of criteria")
        package = own_package(recipes)
        built = build_index(recipes, output=output, package=package)
        write_words()
        if package is not None:
            from clusterbook.ledger.write_releases import write_releases

            progress("releases", "the index of each")
            write_releases(recipes.parent / "registry")
    for finding in built.findings:
        CONSOLE.warn(str(finding))
    click.echo(built.summary(_client_command()))
    return 0


def _client_command() -> str:
    """Return how to call the client from here: by name when it is on the path, else by its place."""
    beside = Path(sys.argv[0]).with_name("clusterbook")
    if not beside.is_file() or shutil.which("clusterbook") == str(beside):
        return "clusterbook"
    return os.path.relpath(beside)
