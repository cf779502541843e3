"""The command of `clusterbook-build` that writes the JSON Schemas of source documents: `schemas`."""

from __future__ import annotations

from pathlib import Path

import click

from clusterbook.cli.builder.options import FINDINGS
from clusterbook.cli.program import SingleUseCommand
from clusterbook.site import json_schemas


@click.command("schemas", cls=SingleUseCommand)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("schemas/v1"),
    show_default=True,
    help="Folder to write.",
)
@click.option("--verify", is_flag=True, help="Write nothing; exit with status 10 when a file is stale.")
def schemas_command(output: Path, verify: bool) -> int:
    """Write the JSON Schemas of the source documents."""
    if verify:
        stale = json_schemas.outdated_files(output)
        for name in stale:
            click.echo(f"{output / name} is missing or stale; write it with `clusterbook-build schemas`")
        return FINDINGS if stale else 0
    for path in json_schemas.write(output):
        click.echo(path)
    return 0
