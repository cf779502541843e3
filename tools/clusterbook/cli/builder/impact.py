"""The command of `clusterbook-build` that shows what a change of the sources does: `impact`."""

from __future__ import annotations

from pathlib import Path

import click

from clusterbook.cli.builder.options import FINDINGS, RECIPES, REGISTRY
from clusterbook.cli.program import SingleUseCommand
from clusterbook.cli.terminal import deliver
from clusterbook.impact import run
from clusterbook.impact.report import FORMS, report


@click.command("impact", cls=SingleUseCommand)
@click.argument("span", metavar="[BASE[..HEAD]]", default="HEAD")
@RECIPES
@REGISTRY
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    default=Path("site/trust.yaml"),
    show_default=True,
    help="Trust policy for evidence; without the file, no signer is trusted.",
)
@click.option(
    "--format", "-t", "form", type=click.Choice(list(FORMS)), default="text", show_default=True, help="Output format."
)
@click.option("--output", "-o", default="", help="Write to this file instead of standard output.")
def impact_command(span: str, recipes: Path, registry: Path, policy: Path, form: str, output: str) -> int:
    """Show what a change does to every recipe: differences by cause, versions, findings, manual steps.

    BASE..HEAD are two commits, BASE...HEAD counts from where they parted; BASE alone is compared with the files as they
    are, and without it that is the last commit. Exit status: 10 when there are findings that BASE does not have.
    """
    found = run.impact(span, recipes, registry, policy)
    deliver(report(found, form), output=output)
    return FINDINGS if found.appeared else 0
