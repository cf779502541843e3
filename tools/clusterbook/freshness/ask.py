"""Questions to chart repositories: one for each of them, and each pin against its answer.

It fails soft: a repository that cannot be asked leaves its pins unknown, with the reason, and the others are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Malformed
from clusterbook.freshness.age import UNKNOWN, PinAge, compare, days_since
from clusterbook.freshness.offer import ChartOffer, in_index, in_tags
from clusterbook.freshness.pins import ChartPin
from clusterbook.inputs.download import read_address
from clusterbook.oci.open import Access, open_registry

LARGEST_INDEX_BYTES = 64 << 20
"""Indexes with every version of every chart have 20 MB."""
_CREATED = "org.opencontainers.image.created"

Tell = Callable[[str], object]


def ask(pins: Iterable[ChartPin], access: Access, now: datetime, tell: Tell = lambda _name: None) -> list[PinAge]:
    """Return how each pin stands at `now`, in the order of the pins."""
    indexes: dict[str, str | ClusterbookError] = {}
    found = []
    for pin in pins:
        tell(pin.component)
        try:
            offers = _tags(pin, access) if pin.is_oci else in_index(_index(pin, indexes), pin.name, where=_address(pin))
            seen = compare(pin, offers, now)
            found.append(_dated(seen, access, now) if pin.is_oci and seen.state != UNKNOWN else seen)
        except ClusterbookError as error:
            found.append(PinAge(pin, UNKNOWN, why=error.what))
    return found


def _address(pin: ChartPin) -> str:
    return f"{pin.repository.rstrip('/')}/index.yaml"


def _index(pin: ChartPin, known: dict[str, str | ClusterbookError]) -> str:
    """Return the index of a pin's repository, which is asked for once, whatever comes of it."""
    address = _address(pin)
    if address not in known:
        try:
            read = read_address(address, LARGEST_INDEX_BYTES + 1)
            if len(read) > LARGEST_INDEX_BYTES:
                raise Malformed(f"{address} is larger than {LARGEST_INDEX_BYTES >> 20} MiB")
            known[address] = read.decode()
        except ClusterbookError as error:
            known[address] = error
        except UnicodeDecodeError:
            known[address] = Malformed(f"{address} is not UTF-8 text")
    answer = known[address]
    if isinstance(answer, ClusterbookError):
        raise answer
    return answer


def _place(pin: ChartPin) -> tuple[str, str]:
    """Return the host of a pin's registry, and the repository of the chart there."""
    host, _, path = pin.repository.removeprefix("oci://").strip("/").partition("/")
    return host, f"{path}/{pin.name}".lstrip("/")


def _tags(pin: ChartPin, access: Access) -> list[ChartOffer]:
    host, repository = _place(pin)
    return in_tags(open_registry(host, access).all_tags(repository))


def _dated(seen: PinAge, access: Access, now: datetime) -> PinAge:
    """Return it with the ages that a registry tells, which stand in the manifest of each version."""
    host, repository = _place(seen.pin)
    store = open_registry(host, access)
    try:
        ages = [
            days_since(store.manifest(repository, version.replace("+", "_")).annotations.get(_CREATED, ""), now)
            if version
            else None
            for version in (seen.pin.version, seen.following)
        ]
    except ClusterbookError:  # how old it is adds to the answer, and is not it
        return seen
    return seen._replace(age_days=ages[0], waiting_days=ages[1])
