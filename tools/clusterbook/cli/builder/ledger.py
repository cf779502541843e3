"""The commands of `clusterbook-build` that keep the ledger: release, withdraw, audit.

Each parses its words, calls one function and reports.
"""

from __future__ import annotations

from pathlib import Path

import click

from clusterbook.cli.builder.options import FINDINGS, RECIPES, REGISTRY, all_codes
from clusterbook.cli.program import SingleUseCommand
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.report import FORMATS, report
from clusterbook.diff.recipe_report import FORMATS as DIFF_FORMATS
from clusterbook.evidence import ledger
from clusterbook.ledger import append, diff


@click.command("release", cls=SingleUseCommand)
@click.argument("name", metavar="RELEASE")
@RECIPES
@REGISTRY
@click.option("--commit", default="", help="Release the sources of this commit; default: the working tree.")
@click.option("--allow-dirty", is_flag=True, help="Release sources that differ from their last commit.")
@click.option("--dry-run", is_flag=True, help="Write nothing; sources need not be committed.")
@click.option(
    "--format",
    "-t",
    "form",
    type=click.Choice(DIFF_FORMATS),
    default="text",
    show_default=True,
    help="A summary, or every difference to the last release.",
)
def release_command(
    name: str, recipes: Path, registry: Path, commit: str, allow_dirty: bool, dry_run: bool, form: str
) -> int:
    """Add a release to the ledger: new and changed recipes with their versions.

    RELEASE is year, month and number: 2026.7.0. The date is that of the commit.
    """
    asked = append.ReleaseRequest(name, recipes, registry, commit, allow_dirty=allow_dirty or dry_run)
    found = append.plan(asked)
    for finding in found.findings:
        CONSOLE.warn(str(finding))
    if not dry_run:
        append.append(found, registry)
    deliver(append.summary(found) if form == "text" else diff.report(diff.plan_diff(found), form))
    return 0


@click.command("withdraw", cls=SingleUseCommand)
@click.argument("slug")
@click.argument("version")
@click.option("--reason", required=True, help="Reason, in one line.")
@click.option("--replacement", default="", metavar="[SLUG@]VERSION", help="Version to use instead.")
@click.option("--commit", default="HEAD", show_default=True, help="Commit that dates the withdrawal.")
@REGISTRY
def withdraw_command(slug: str, version: str, reason: str, replacement: str, commit: str, registry: Path) -> int:
    """Withdraw a version. It stays in the ledger; a withdrawal is added."""
    click.echo(append.withdraw(registry, slug, version, reason=reason, replacement=replacement, commit=commit))
    return 0


@click.command("audit", cls=SingleUseCommand)
@REGISTRY
@click.option(
    "--against", default="", metavar="REVISION", help="Refuse files that were edited or removed since this commit."
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    default=Path("site/trust.yaml"),
    show_default=True,
    help="Trust policy for evidence; without the file, no signer is trusted.",
)
@click.option(
    "--format", "-t", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Output format."
)
def audit_command(registry: Path, against: str, policy: Path, form: str) -> int:
    """Audit the ledger: its consistency, its history and its evidence.

    Exit status: 10 when something is found.
    """
    findings = [*append.check(registry, against), *ledger.check(registry, policy)]
    deliver(report(findings, form, all_codes))
    return FINDINGS if findings else 0
