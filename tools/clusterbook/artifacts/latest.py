"""Latest: the one name in a registry that moves, and how it never goes back.

Registries cannot compare before they write, so whoever moved `latest` looks afterwards whether a newer release was
there already, and moves it on if so. A release is tagged before `latest` is, so whoever writes last sees every other
release: what is left in the end is the newest. Two who publish one and the same release at once are told so by reading
back, not by this.
"""

from __future__ import annotations

from collections.abc import Callable

from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import BadIndex, release_order
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.diagnostics.errors import BrokenIndex
from clusterbook.diagnostics.transport import NoArtifact, Unreachable
from clusterbook.oci.open import Base
from clusterbook.trust.policy import Trusting, Untrusted

_ATTEMPTS = 5


def current_latest(base: Base, trusting: Trusting, *, mine: str = "") -> OpenIndex | None:
    """Return what `latest` is, None for nothing; here it does not matter whether it has run out.

    Args:
        base: where it is.
        trusting: whom to believe.
        mine: the digest of the index that is on its way there: of that one, the signature may still be missing.

    Raises:
        Untrusted, BadIndex: it is not to be relied on, so it is not ours to replace.
    """
    try:
        found = base.store.manifest(base.repository(index.REPOSITORY), index.LATEST)
    except NoArtifact:
        return None
    if found.digest == mine:
        return None
    return open_index(base, trusting, now=None, seen=None)


def settle_latest(base: Base, trusting: Trusting, mine: OpenIndex, tag: Callable[[OpenIndex], None]) -> bool:
    """Make `latest` the newest index that is there; return whether that is `mine`, whose release is tagged already.

    Args:
        base: where the index is.
        trusting: whom to believe, also about the indexes of others.
        mine: the index that was put there.
        tag: calls an index `latest`.

    Raises:
        Unreachable: others keep moving it back.
        Untrusted, BadIndex: what `latest` is, is not to be relied on.
    """
    for _ in range(_ATTEMPTS):
        current = current_latest(base, trusting)
        newest = max([mine, *_later(base, trusting, mine), *([current] if current else [])], key=_order)
        if current is not None and _order(current) >= _order(newest):
            return current.manifest.digest == mine.manifest.digest
        tag(newest)
    what = f"{base.store.where}: others keep moving what is called {index.LATEST}"
    raise Unreachable(what, hint="let one publisher at a time write there, then publish again")


def _later(base: Base, trusting: Trusting, mine: OpenIndex) -> list[OpenIndex]:
    """Return the indexes of releases later than `mine` that may be relied on."""
    found = []
    for tag in base.store.tags(base.repository(index.REPOSITORY)):
        if tag == index.LATEST or release_order(tag) <= release_order(mine.envelope.release):
            continue
        try:
            found.append(open_index(base, trusting, now=None, seen=None, tag=tag))
        except (NoArtifact, Untrusted, BadIndex, BrokenIndex):
            continue  # of another publisher, or not yet signed
    return found


def _order(opened: OpenIndex) -> int:
    return opened.envelope.sequence
