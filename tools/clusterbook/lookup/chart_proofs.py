"""Chart proofs of indexes: those of several places as one, each place read when something of it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from clusterbook.catalog.proofs import Proof, decode, path_of
from clusterbook.diagnostics.errors import BrokenIndex, InvalidRequest
from clusterbook.lookup.index_files import IndexFiles, index_files


def chart_proofs(*sources: str | IndexFiles) -> Callable[[str], Sequence[Proof]]:
    """Return what gives the proofs of a component, those of the first source first; "" is the index built in."""
    places = {str(opened): opened for opened in map(index_files, sources)}

    @cache
    def texts(where: str) -> Mapping[str, str]:
        if places[where].is_tree:
            return {}
        try:
            return places[where].texts()
        except (BrokenIndex, InvalidRequest):  # what is published carries no sources
            return {}

    @cache
    def proofs_of(component: str) -> Sequence[Proof]:
        path = path_of(component)
        return [proof for where in places if path in texts(where) for proof in decode(texts(where)[path], path)]

    return proofs_of
