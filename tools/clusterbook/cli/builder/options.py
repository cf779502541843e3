"""What several commands of `clusterbook-build` take, and the exit status of those that find something."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from clusterbook.diagnostics.codes import Code

FINDINGS = 10
"""Exit status when a check found something, so that it differs from a failure. Source: design, section 10."""

RECIPES = click.option(
    "--recipes", type=click.Path(path_type=Path), default=Path("recipes"), show_default=True, help="Source tree."
)
DATA = click.option("--data", type=click.Path(path_type=Path), help="Private tree laid over the sources.")
REGISTRY = click.option(
    "--registry", type=click.Path(path_type=Path), default=Path("registry"), show_default=True, help="The ledger."
)


def all_codes() -> Mapping[str, Code]:
    """Return every code that a finding may have; all that declares one is loaded for it."""
    from clusterbook.site.codes import CODES

    return CODES
