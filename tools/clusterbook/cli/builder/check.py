"""The command of `clusterbook-build` that checks sources: `check`."""

from __future__ import annotations

from pathlib import Path

import click

from clusterbook.cli.builder.options import DATA, FINDINGS, RECIPES, all_codes
from clusterbook.cli.program import SingleUseCommand
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.report import FORMATS, report
from clusterbook.lint.run import check_tree


@click.command("check", cls=SingleUseCommand)
@RECIPES
@DATA
@click.option("--charts", type=click.Path(path_type=Path), help="Folder of chart archives to check values against.")
@click.option(
    "--strict/--lenient",
    default=None,
    help="Unknown keys are errors (ours) or warnings (AICR's trees); default: by the tree's apiVersion.",
)
@click.option(
    "--format", "-t", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Output format."
)
@click.option("--output", "-o", default="", help="Write to this file instead of standard output.")
def check_command(
    recipes: Path,
    data: Path | None,
    charts: Path | None,
    strict: bool | None,
    form: str,
    output: str,
) -> int:
    """Check sources against every rule; exit status 10 on findings."""
    findings = check_tree(recipes, data, charts, strict=strict)
    deliver(report(findings, form, all_codes), output=output)
    return FINDINGS if findings else 0
