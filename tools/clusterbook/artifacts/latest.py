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
from clusterbook.trust.policy import TrustOptions, Untrusted

_ATTEMPTS = 5


def current_latest(base: Base, trust: TrustOptions, *, own_digest: str = "") -> OpenIndex | None:
    """Return what `latest` is, None for nothing; here it does not matter whether it has run out.

    Args:
        base: where it is.
        trust: whom to believe.
        own_digest: the digest of the index that is on its way there: of that one, the signature may still be missing.

    Raises:
        Untrusted, BadIndex: it is not to be relied on, so it is not ours to replace.
    """
    try:
        latest = base.store.manifest(base.repository(index.REPOSITORY), index.LATEST)
    except NoArtifact:
        return None
    if latest.digest == own_digest:
        return None
    return open_index(base, trust, now=None, previous=None)


def settle_latest(base: Base, trust: TrustOptions, candidate: OpenIndex, tag: Callable[[OpenIndex], None]) -> bool:
    """Make `latest` the newest index that is there; return whether that is `candidate`, whose release has its tag.

    Args:
        base: where the index is.
        trust: whom to believe, also about the indexes of others.
        candidate: the index that was put there.
        tag: calls an index `latest`.

    Raises:
        Unreachable: others keep moving it back.
        Untrusted, BadIndex: what `latest` is, is not to be relied on.
    """
    for _ in range(_ATTEMPTS):
        current = current_latest(base, trust)
        newest = max([candidate, *_later_indexes(base, trust, candidate), *([current] if current else [])], key=_order)
        if current is not None and _order(current) >= _order(newest):
            return current.manifest.digest == candidate.manifest.digest
        tag(newest)
    what = f"{base.store.where}: the tag {index.LATEST} keeps being moved by others"
    raise Unreachable(what, hint="make sure that only one publisher writes there, then publish again")


def _later_indexes(base: Base, trust: TrustOptions, candidate: OpenIndex) -> list[OpenIndex]:
    """Return the indexes of releases later than `candidate` that may be relied on."""
    indexes = []
    for tag in base.store.tags(base.repository(index.REPOSITORY)):
        if tag == index.LATEST or release_order(tag) <= release_order(candidate.envelope.release):
            continue
        try:
            indexes.append(open_index(base, trust, now=None, previous=None, tag=tag))
        except (NoArtifact, Untrusted, BadIndex, BrokenIndex):
            continue  # of another publisher, or not yet signed
    return indexes


def _order(index: OpenIndex) -> int:
    return index.envelope.sequence
