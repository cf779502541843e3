"""Sources: where the recipes that a command line names are taken from: a ledger and an index, or what is published."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clusterbook.cli.command import Request
from clusterbook.cli.flags import REMOTE
from clusterbook.cli.releases.published import PublishedStore, open_store
from clusterbook.diff.facts import Side
from clusterbook.ledger.diff import VersionStore
from clusterbook.ledger.folder import open_ledger
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.lookup.local import load_sources
from clusterbook.resolve.content import Gatherer
from clusterbook.resolve.resolver import Resolver


class RecipeSources(NamedTuple):
    """Where recipes are taken from: what was published, the index of this catalog, and its sources, read when asked.

    `kubeconfig` says whose cluster has what is in a ConfigMap. `newest` is there where all of it is published
    elsewhere: it gives a recipe as the last release serves it.
    """

    published: VersionStore
    source: str
    catalog: Callable[[], tuple[Resolver, Gatherer]]
    kubeconfig: str = ""
    newest: Callable[[str], Side] | None = None


def open_sources(
    registry: Path, source: str, kubeconfig: str = "", store: PublishedStore | None = None
) -> RecipeSources:
    """Return where recipes are taken from: a ledger's folder, and an index, "" for the one built in.

    Where there is a `store`, it stands for both.
    """

    def read_catalog() -> tuple[Resolver, Gatherer]:
        loaded = load_sources(IndexFiles(source))
        return Resolver(loaded), Gatherer(loaded)

    if store is not None:
        return RecipeSources(store, "", cache(read_catalog), kubeconfig, store.newest)
    return RecipeSources(open_ledger(registry), source, cache(read_catalog), kubeconfig)


def sources_of(request: Request) -> RecipeSources:
    """Return where the recipes of a command line are taken from."""
    registry, source = Path(request.text("registry", "registry")), request.text("source")
    store = open_store(request) if source.startswith(REMOTE) else None
    return open_sources(registry, source, request.text("kubeconfig"), store)
