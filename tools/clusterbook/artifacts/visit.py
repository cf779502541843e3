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
from clusterbook.artifacts.memory import MemoryRecord, memory
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.artifacts.root import follow
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.digest import canonical
from clusterbook.files.context import Context
from clusterbook.oci.open import Access, absolute, open_source
from clusterbook.trust.policy import TrustOptions
from clusterbook.trust.verify import accepts_publisher

Result = TypeVar("Result")


def always(_: object) -> bool:
    """Return that all went well."""
    return True


def visit(
    where: str,
    use: Callable[[OpenIndex], Result],
    *,
    access: Access,
    trust: TrustOptions,
    context: Context,
    worth_remembering: Callable[[Result], bool] = always,
) -> tuple[Result, str]:
    """Return what `use` makes of the index of a source, and what the user has to hear of the visit, "" for nothing.

    Args:
        where: the source, as `open_source` takes it.
        use: what is done with its index.
        access: how registries and sites are spoken to.
        trust: whom to believe.
        context: environment and home, which say where the memory is, and the time.
        worth_remembering: whether what came of an index that nobody signed lets it be remembered; an error never does.

    Raises:
        ClusterbookError: as `open_source`, `open_index` and `use`.
        Rollback: the index is older than one of the same publisher that was seen, or than is asked for.
    """
    base = open_source(where, access)
    trust, warning = follow(base, trust, context)
    records, source = memory(context.environment, context.home), absolute(where)
    before, damage = records.record(source), records.damage(source)
    stale = before if before is not None and not _is_trusted(before, trust) else None
    previous = before.state if before is not None and stale is None else None
    source_index = open_index(base, trust, now=context.now, previous=previous)
    _refuse_older(where, source_index, trust.at_least)
    warnings = [warning, damage]
    record = _record(source, source_index, before)
    if source_index.verified is not None:
        other = records.record(record.of_publisher())
        revoked = other if other is not None and not _is_trusted(other, trust) else None
        if revoked is None:
            _refuse_older_than_publisher(where, source_index, other)
        warnings.append(records.remember(source, record, replaces=stale))
        warnings.append(records.remember(record.of_publisher(), record, replaces=revoked))
    result = use(source_index)
    if source_index.verified is None and worth_remembering(result):
        warnings.append(records.remember(source, record, replaces=stale))
    return result, "; ".join(dict.fromkeys(filter(None, warnings)))


def _is_trusted(record: MemoryRecord, trust: TrustOptions) -> bool:
    """Return whether whoever signed what is remembered is still believed: a thief's number ends with his key."""
    if not record.publisher or trust.policy is None:
        return True
    return accepts_publisher(trust.policy, record.publisher, record.signer, record.issuer)


def _record(source: str, source_index: OpenIndex, before: MemoryRecord | None) -> MemoryRecord:
    release, verified = source_index.envelope.release, source_index.verified
    if verified is None:
        return MemoryRecord(source_index.rollback_state, source, release)
    catalog = before.catalog if before is not None and before.catalog else _catalog(source_index)
    return MemoryRecord(
        source_index.rollback_state, source, release, verified.publisher, verified.signer, verified.issuer, catalog
    )


def _catalog(source_index: OpenIndex) -> str:
    """Return what tells a catalog from others of its publisher: what its first release served, which never changes."""
    if index.RELEASES not in source_index.envelope.shards:
        return ""
    releases = index.releases_in(source_index.shard(index.RELEASES))
    first = min(releases, key=release_order, default="")
    return sha256(canonical({first: {slug: list(each) for slug, each in releases.get(first, {}).items()}})).hexdigest()


def _refuse_older(where: str, source_index: OpenIndex, at_least: str) -> None:
    """Raise Rollback where a release is older than is asked for."""
    if not at_least:
        return
    if not at_least[:1].isdigit():
        raise InvalidRequest(f"--at-least {at_least} is not a release", hint="write --at-least 2026.7.0, say")
    if release_order(source_index.envelope.release) < release_order(at_least):
        what = f"{where} is of release {source_index.envelope.release}, {at_least} is asked for at least"
        raise Rollback(what, hint="use a newer mirror")


def _refuse_older_than_publisher(where: str, source_index: OpenIndex, other: MemoryRecord | None) -> None:
    """Raise Rollback where `other`, a later index of the same publisher, was seen in another source."""
    if other is None or other.state.sequence <= source_index.envelope.sequence:
        return
    what = f"{where} is number {source_index.envelope.sequence}, of release {source_index.envelope.release}"
    hint = f"use that, or a newer mirror; to go back on purpose, type `clusterbook trust forget {other.source}`"
    raise Rollback(f"{what}; number {other.state.sequence} of the same publisher was seen in {other.source}", hint=hint)
