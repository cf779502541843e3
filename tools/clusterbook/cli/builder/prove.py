"""The command of `clusterbook-build` that proves what values do, by rendering charts with and without them."""

from __future__ import annotations

from pathlib import Path

import click

from clusterbook.catalog.images import image_lists, pattern
from clusterbook.catalog.load import Catalog, load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.cli.builder.options import FINDINGS, RECIPES
from clusterbook.cli.program import RepeatedOption, SingleUseCommand
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import NotFound, did_you_mean
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.prove import preview, report
from clusterbook.prove.archives import Charts
from clusterbook.prove.helm import Helm
from clusterbook.prove.run import ProofTools, as_sentence, preview_all, proof_notes, proof_status, prove
from clusterbook.prove.subjects import Case, cases, cases_of
from clusterbook.resolve import matrix

FORMATS = ("text", "json")


@click.command("prove", cls=SingleUseCommand)
@click.argument("slugs", metavar="[RECIPE]...", nargs=-1)
@RECIPES
@click.option(
    "--charts",
    cls=RepeatedOption,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of chart archives named <component>-<version>.tgz. May be repeated.",
)
@click.option("--pull", is_flag=True, help="Pull missing charts with helm, into the user's cache.")
@click.option(
    "--against", default="", metavar="CHART@VERSION", help="Compare with another chart version; write nothing."
)
@click.option("--verify", is_flag=True, help="Render nothing; exit with status 10 when a proof is missing or stale.")
@click.option("--helm", default="helm", show_default=True, help="The helm program, version 3 or 4.")
@click.option(
    "--format", "-t", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Output format."
)
@click.option("--output", "-o", default="", help="Write to this file instead of standard output.")
def prove_command(
    slugs: tuple[str, ...],
    recipes: Path,
    charts: tuple[Path, ...],
    pull: bool,
    against: str,
    verify: bool,
    helm: str,
    form: str,
    output: str,
) -> int:
    """Prove the effect of each value by rendering its chart with and without it.

    Proofs are written beside their components, and only stale ones are rendered again. Without --charts and --pull,
    existing proofs are shown. Exit status: 10 when a value has no effect or is refused.
    """
    found = matrix.build(load_catalog(read_tree(recipes)))
    every = cases(found.catalog, found.recipes)
    wanted = _select_cases(every, slugs)
    hand = ProofTools(Charts(charts) if charts or pull else None, Helm(helm) if charts or pull else None, pull=pull)
    with ProgressMeter() as tell:
        if against:
            shown = preview_all(found.catalog, wanted, hand, against, tell)
            deliver(preview.FORMATS[form](shown), output=output)
            return 0
        now = proof_status(found.catalog, wanted, hand)
        if verify:
            deliver(as_sentence(now), output=output)
            return FINDINGS if now.stale or now.missing else 0
        proofs = prove(hand, recipes, every, now, tell)
    summary = report.summarise(wanted, proofs, listed_images(found.catalog))
    deliver(report.FORMATS[form](summary), notes=proof_notes(now), output=output)
    return FINDINGS if summary.idle else 0


def listed_images(catalog: Catalog) -> dict[str, list[str]]:
    """Return the images in the lists of components, those too to whose tags nodes add something."""
    lists = image_lists(catalog.documents)
    return {name: [pattern(each.word(), each.suffix) for each in images] for name, images in lists.items()}


def _select_cases(cases: list[Case], slugs: tuple[str, ...]) -> list[Case]:
    """Return the cases of the named recipes, all of them when none is named.

    Raises:
        NotFound: a recipe does not exist.
    """
    known = {slug for case in cases for slug in case.recipes}
    for slug in slugs:
        if slug not in known:
            raise NotFound(f"there is no recipe {slug}", hint=did_you_mean(slug, known))
    return cases_of(cases, slugs) if slugs else cases
