"""Freshness: whether an index is newer than the one before it, whole, and for us.

What an index says about itself - a number, two dates, the digests of its shards, what was withdrawn - reveals an older
index (rollback), one that is shown for ever (freeze), and parts of two (mix and match). An index is verified before it
is parsed here. What a signer who is believed does on purpose, such as leaping to a huge number, is not detected: that
takes a new policy. Source: design, section 9; TUF specification 1.0, sections 1.5.2 and 5.4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import BrokenIndex, ClusterbookError
from clusterbook.documents.api_version import API_VERSION

KIND, FORMAT = "Index", 1
LARGEST_INDEX_BYTES = 4 << 20
LARGEST_SHARD_BYTES = 16 << 20
CLOCK_SKEW = timedelta(minutes=10)
"""How far a clock may be behind that of whoever published."""


class BadIndex(ClusterbookError):
    """An index cannot be relied on. What was fetched before is left as it is."""

    code = "CB174"
    exit_status = 4


class Rollback(BadIndex):
    """The index is older than one seen before: a rollback, or a source restored from a backup."""

    code = "CB175"


class Forked(BadIndex):
    """Two different indexes have the same number: clients are shown different catalogs."""

    code = "CB176"


class Expired(BadIndex):
    """The index has expired: its publisher has stopped, or a newer index is being withheld (a freeze attack)."""

    code = "CB177"


class NotYet(BadIndex):
    """The index is dated in the future: its publisher's clock is wrong, or this machine's is."""

    code = "CB178"


class MixAndMatch(BadIndex):
    """A shard is not the one that the index names: parts of two releases are mixed, or one shard replaces another."""

    code = "CB179"


class Truncated(BadIndex):
    """An index or a shard is truncated. Fetch it again."""

    code = "CB180"


class Oversized(BadIndex):
    """An index or a shard is larger than declared, or than the limit: it could fill memory or disk."""

    code = "CB181"


class ClientTooOld(BadIndex):
    """The index needs a newer client than this one. Upgrade it."""

    code = "CB182"
    exit_status = 2


class Shard(NamedTuple):
    """One part of an index."""

    digest: str
    size: int


class IndexWithdrawal(NamedTuple):
    """One recipe version that is no longer to be used; `replacement` is a version or ""."""

    slug: str
    version: str
    reason: str
    replacement: str

    @property
    def name(self) -> str:
        """What is withdrawn, `SLUG@VERSION`."""
        return f"{self.slug}@{self.version}"


class Envelope(NamedTuple):
    """What an index says about itself."""

    release: str
    sequence: int
    issued: datetime
    expires: datetime
    minimum_client: str
    shards: Mapping[str, Shard]
    withdrawn: tuple[IndexWithdrawal, ...] = ()


class RollbackState(NamedTuple):
    """What is remembered of a source between two visits."""

    sequence: int
    digest: str
    withdrawn: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it is kept in a file."""
        return {"sequence": self.sequence, "digest": self.digest, "withdrawn": list(self.withdrawn)}


def encode(envelope: Envelope) -> bytes:
    """Return the bytes of an index: same content, same bytes."""
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"release": envelope.release},
        "spec": {
            "format": FORMAT,
            "sequence": envelope.sequence,
            "issued": _date(envelope.issued),
            "expires": _date(envelope.expires),
            "minimumClient": envelope.minimum_client,
            "shards": {name: shard._asdict() for name, shard in envelope.shards.items()},
            "withdrawn": [each._asdict() for each in sorted(envelope.withdrawn)],
        },
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(raw: bytes, name: str) -> Envelope:
    """Return what an index says about itself; its signature was checked before.

    Raises:
        Oversized: it is larger than any of ours.
        Truncated: it breaks off.
        ClientTooOld: it is written in a format of later.
        BrokenIndex: it is no index.
    """
    if len(raw) > LARGEST_INDEX_BYTES:
        raise Oversized(f"{name} is larger than {LARGEST_INDEX_BYTES >> 20} MiB")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Truncated(f"{name} is truncated: {str(error)[:80]}", hint="fetch it again") from error
    try:
        spec = document["spec"]
        if document["kind"] != KIND or document["apiVersion"] != API_VERSION:
            raise BrokenIndex(
                f"{name} is not an index of apiVersion {API_VERSION}", hint="name an index, or upgrade the client"
            )
        if type(spec["format"]) is int and spec["format"] > FORMAT:
            raise ClientTooOld(
                f"{name} is written in format {spec['format']}, this client reads {FORMAT}", hint=_UPDATE
            )
        return Envelope(
            _text(document["metadata"]["release"]),
            _number(spec["sequence"]),
            _moment(spec["issued"]),
            _moment(spec["expires"]),
            _version(spec["minimumClient"]),
            {_text(each): Shard(_text(s["digest"]), _number(s["size"])) for each, s in spec["shards"].items()},
            tuple(
                IndexWithdrawal(*(_text(each[field]) for field in IndexWithdrawal._fields))
                for each in spec["withdrawn"]
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenIndex(f"{name} is not an index: {str(error)[:80]}", hint="name an index") from error


def parse_rollback_state(document: Any) -> RollbackState | None:
    """Return what is remembered of a source, None when that cannot be read: then nothing is known of it."""
    try:
        withdrawn = tuple(_text(each) for each in document["withdrawn"])
        return RollbackState(_number(document["sequence"]), _text(document["digest"]), withdrawn)
    except (KeyError, TypeError, ValueError):
        return None


def accept(
    raw: bytes, name: str, *, previous: RollbackState | None, now: datetime, client: str
) -> tuple[Envelope, RollbackState]:
    """Return an index that was verified, and what to remember of it.

    Args:
        raw: its bytes.
        name: how a message calls it.
        previous: what is remembered of the last one from the same source, None on the first visit.
        now: the time, with its zone.
        client: our own version.

    Raises:
        BadIndex: it is not to be relied on; of which kind says why.
        BrokenIndex: it is no index.
    """
    envelope = parse(raw, name)
    if _numbers(client) < _numbers(envelope.minimum_client):
        raise ClientTooOld(f"{name} needs client {envelope.minimum_client} or newer, this is {client}", hint=_UPDATE)
    if envelope.issued > now + CLOCK_SKEW:
        raise NotYet(
            f"{name} is dated {_date(envelope.issued)}, in the future: it is {_date(now)} now",
            hint="check this machine's clock",
        )
    if envelope.expires <= now:
        hint = "ask its publisher for a new one; refresh a mirror with `clusterbook mirror save` and `mirror load`"
        raise Expired(f"{name} expired on {_date(envelope.expires)}", hint=hint)
    digest = f"sha256:{sha256(raw).hexdigest()}"
    names = tuple(sorted(each.name for each in envelope.withdrawn))
    if previous is not None:
        _compare(envelope, digest, names, previous, name)
    return envelope, RollbackState(envelope.sequence, digest, names)


def check_shard(envelope: Envelope, shard: str, data: bytes) -> bytes:
    """Return the bytes of a shard, having made sure that they are those the index names.

    Raises:
        Truncated: they break off.
        Oversized: there are more of them.
        MixAndMatch: they are others, or the index names no such shard.
    """
    pinned = envelope.shards.get(shard)
    if pinned is None:
        raise MixAndMatch(f"the index of {envelope.release} has no shard {shard}")
    if len(data) < pinned.size:
        raise Truncated(f"{shard} is truncated: {len(data)} of {pinned.size} bytes", hint="fetch it again")
    if len(data) > pinned.size or pinned.size > LARGEST_SHARD_BYTES:
        raise Oversized(f"{shard} is larger than its {min(pinned.size, LARGEST_SHARD_BYTES)} bytes")
    if f"sha256:{sha256(data).hexdigest()}" != pinned.digest:
        hint = "fetch it again; if that does not help, the source is changing or damaged"
        raise MixAndMatch(f"{shard} does not belong to release {envelope.release}", hint=hint)
    return data


def release_order(release: str) -> tuple[int, ...]:
    """Return where a release stands among others, by the numbers in its name."""
    return _numbers(release)


def withdrawal_of(envelope: Envelope, slug: str, version: str) -> IndexWithdrawal | None:
    """Return why a recipe version is no longer to be used, None when it is."""
    return next((each for each in envelope.withdrawn if (each.slug, each.version) == (slug, version)), None)


def _compare(envelope: Envelope, digest: str, names: Iterable[str], previous: RollbackState, name: str) -> None:
    """Hold an index against what is remembered of the one before."""
    hint = "use another source; if the publisher started over on purpose, type `clusterbook trust forget SOURCE`"
    if envelope.sequence < previous.sequence:
        raise Rollback(
            f"{name} is number {envelope.sequence}, and number {previous.sequence} was seen before", hint=hint
        )
    if envelope.sequence == previous.sequence and digest != previous.digest:
        raise Forked(f"{name} differs from the index number {envelope.sequence} that was seen before", hint=hint)
    if missing := sorted(set(previous.withdrawn) - set(names)):
        raise Rollback(f"{name} no longer lists {missing[0]} as withdrawn", hint=hint)


_UPDATE = "update it: pip install --upgrade clusterbook"


def _date(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(text: Any) -> datetime:
    """Return a date that says its zone; without one it is another moment for each reader."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} is a date without a time zone")
    return instant


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with; zeroes at its end do not count."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    parts = [int(part) for part in numbers[0].split(".")] if numbers else [0]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _version(word: Any) -> str:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,3}", _text(word)):
        raise ValueError(f"{word[:40]!a} is not a version")
    return str(word)


def _text(word: Any) -> str:
    if not isinstance(word, str):
        raise TypeError(f"{str(word)[:40]!a} is not text")
    return word


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 2**53:
        raise ValueError(f"{str(value)[:40]!a} is not a whole number in range")
    return value
