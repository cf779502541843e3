"""The commands `clusterbook-build site` and `serve`.

The package `site` is imported when one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree, with_registry
from clusterbook.cli.builder.options import RECIPES, REGISTRY
from clusterbook.cli.program import SingleUseCommand
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.ledger.folder import open_ledger
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.publisher.names import BASE
from clusterbook.resolve import matrix

PUBLISHED = f"oci://{BASE}"
"""Where the release workflow publishes to."""

_site = click.option(
    "--site", type=click.Path(path_type=Path), default=Path("site"), show_default=True, help="Sources of the site."
)


@click.command("site", cls=SingleUseCommand)
@RECIPES
@REGISTRY
@_site
@click.option("--generator", default="mkdocs", show_default=True, help="Python module that renders the authored pages.")
@click.option("--url", default="", help="Public URL of the site, for the sitemap and feeds.")
@click.option("--published", default=PUBLISHED, show_default=True, help="Registry that pages name in fetch commands.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("dist/site"),
    show_default=True,
    help="Folder to write.",
)
@click.pass_context
def site_command(
    context: click.Context,
    recipes: Path,
    registry: Path,
    site: Path,
    generator: str,
    url: str,
    published: str,
    output: Path,
) -> int:
    """Render the catalog site: pages, a static API and feeds, in one folder that works anywhere."""
    count = render(
        recipes, registry, site, output, programs(context), generator=generator, url=url, published=published
    )
    click.echo(f"{count:,} files in {output}; open {output / 'index.html'}")
    return 0


def programs(context: click.Context) -> dict[str, click.Group]:
    """Return the programs whose commands the guide describes; our own is the one that was called."""
    from clusterbook.cli.commands import program as client

    own = context.find_root().command
    return {"clusterbook": client, **({"clusterbook-build": own} if isinstance(own, click.Group) else {})}


def render(
    recipes: Path,
    registry: Path,
    site: Path,
    output: Path,
    programs: Mapping[str, click.Group],
    *,
    generator: str = "mkdocs",
    url: str = "",
    published: str = PUBLISHED,
) -> int:
    """Return how many files the site has that was rendered into `output`.

    Raises:
        SourceErrors: the sources contradict themselves, or evidence does not hold.
        BrokenLedger: the ledger is not what it should be.
        BrokenSite: the site would be broken.
    """
    from clusterbook.evidence.ledger import TRUST, read_evidence
    from clusterbook.ledger.write_releases import read_upgrades
    from clusterbook.site.build import build
    from clusterbook.site.gather import gather
    from clusterbook.site.versions import PublishedVersions

    with ProgressMeter() as progress:
        progress("resolve", "every combination of criteria")
        tree = with_registry(read_tree(recipes, label="recipes"), embedded_texts)
        whole = matrix.whole(load_catalog(tree))
        progress("ledger", str(registry))
        ledger = open_ledger(registry)
        proofs = read_evidence(registry, ledger, site / TRUST)
        progress("upgrades", "from each version to the later ones")
        upgrades = read_upgrades(registry)
        known = gather(whole, PublishedVersions(ledger), published=published, proofs=proofs, upgrades=upgrades)
        return build(known, site, output, programs, generator=generator, url=url, progress=progress)


@click.command("serve", cls=SingleUseCommand)
@RECIPES
@REGISTRY
@_site
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one.")
@click.pass_context
def serve_command(context: click.Context, recipes: Path, registry: Path, site: Path, port: int) -> int:
    """Serve the site on this machine; pages reload when a source changes."""
    from clusterbook.site.preview import PreviewServer, SiteSources

    sources = SiteSources(recipes, registry, site, programs(context), published=PUBLISHED)
    PreviewServer(sources.pages, (recipes, registry, site)).run(port, lambda text: CONSOLE.say("note", text))
    return 0
