"""Visit: one round to a source: follow roots of trust, recall, open, verify, remember, hand out.

Whoever reads an index on behalf of a user visits its source, so that an older index is noticed the next time. An index
that is verified is remembered before anything is done with it, so that a refusal does not let an older one in; what
somebody signed whom the policy no longer names is no longer remembered. Source: TUF specification 1.0, section 5.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import Rollback, release_order
from clusterbook.artifacts.memory import Memory, MemoryRecord, memory
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.artifacts.root import follow
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.digest import canonical
from clusterbook.files.context import Context
from clusterbook.oci.open import Access, absolute, open_source
from clusterbook.trust.policy import Trusting
from clusterbook.trust.verify import believes

Result = TypeVar("Result")


def always(_: object) -> bool:
    """Return that all went well."""
    return True


def visit(
    where: str,
    use: Callable[[OpenIndex], Result],
    *,
    access: Access,
    trusting: Trusting,
    around: Context,
    well: Callable[[Result], bool] = always,
) -> tuple[Result, str]:
    """Return what `use` makes of the index of a source, and what the user has to hear of the visit, "" for nothing.

    Args:
        where: the source, as `open_source` takes it.
        use: what is done with its index.
        access: how registries and sites are spoken to.
        trusting: whom to believe.
        around: environment and home, which say where the memory is, and the time.
        well: whether what came of an index that nobody signed lets it be remembered; an error never does.

    Raises:
        ClusterbookError: as `open_source`, `open_index` and `use`.
        Rollback: the index is older than one of the same publisher that was seen, or than is asked for.
    """
    base = open_source(where, access)
    trusting, warning = follow(base, trusting, around)
    known, source = memory(around.environment, around.home), absolute(where)
    before, damage = known.record(source), known.damage(source)
    stale = before if before is not None and not _counts(before, trusting) else None
    seen = before.state if before is not None and stale is None else None
    opened = open_index(base, trusting, now=around.now, seen=seen)
    _refuse_older(where, opened, trusting.at_least)
    warnings = [warning, damage]
    record = _record(source, opened, before)
    if opened.verified is not None:
        _refuse_older_than_publisher(where, opened, record, known)
        warnings += [known.remember(source, record, over=stale), known.remember(record.of_publisher(), record)]
    result = use(opened)
    if opened.verified is None and well(result):
        warnings.append(known.remember(source, record, over=stale))
    return result, "; ".join(dict.fromkeys(filter(None, warnings)))


def _counts(record: MemoryRecord, trusting: Trusting) -> bool:
    """Return whether whoever signed what is remembered is still believed: a thief's number ends with his key."""
    if not record.publisher or trusting.policy is None:
        return True
    return believes(trusting.policy, record.publisher, record.signer, record.issuer)


def _record(source: str, opened: OpenIndex, before: MemoryRecord | None) -> MemoryRecord:
    release, verified = opened.envelope.release, opened.verified
    if verified is None:
        return MemoryRecord(opened.seen, source, release)
    catalog = before.catalog if before is not None and before.catalog else _catalog(opened)
    return MemoryRecord(opened.seen, source, release, verified.publisher, verified.signer, verified.issuer, catalog)


def _catalog(opened: OpenIndex) -> str:
    """Return what tells a catalog from others of its publisher: what its first release served, which never changes."""
    if index.RELEASES not in opened.envelope.shards:
        return ""
    releases = index.releases_in(opened.shard(index.RELEASES))
    first = min(releases, key=release_order, default="")
    return sha256(canonical({first: {slug: list(each) for slug, each in releases.get(first, {}).items()}})).hexdigest()


def _refuse_older(where: str, opened: OpenIndex, at_least: str) -> None:
    """Raise Rollback where a release is older than is asked for."""
    if not at_least:
        return
    if not at_least[:1].isdigit():
        raise InvalidRequest(f"--at-least {at_least} is no release", hint="write --at-least 2026.7.0, say")
    if release_order(opened.envelope.release) < release_order(at_least):
        what = f"{where} is of release {opened.envelope.release}, {at_least} is asked for at least"
        raise Rollback(what, hint="use a newer mirror")


def _refuse_older_than_publisher(where: str, opened: OpenIndex, record: MemoryRecord, known: Memory) -> None:
    """Raise Rollback where a later index of the same publisher was seen in another source."""
    other = known.record(record.of_publisher())
    if other is None or other.state.sequence <= opened.envelope.sequence:
        return
    what = f"{where} is number {opened.envelope.sequence}, of release {opened.envelope.release}"
    hint = f"use that, or a newer mirror; to go back on purpose, type `clusterbook trust forget {other.source}`"
    raise Rollback(f"{what}; number {other.state.sequence} of the same publisher was seen in {other.source}", hint=hint)
