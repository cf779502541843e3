"""Ages: whether a pinned chart is the newest one, how many versions it is behind, and how old it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from clusterbook.freshness.offer import ChartOffer, newer
from clusterbook.freshness.pins import ChartPin
from clusterbook.transition.version_range import rank

CURRENT, BEHIND, UNKNOWN = "current", "behind", "unknown"


class PinAge(NamedTuple):
    """How a pin stands: current, behind or unknown, and `why` for the last.

    `newest` is the newest version and `following` the first above the pinned one, `behind` how many there are above it,
    `age_days` how old the pinned one is, and `waiting_days` how long the following one has been there; None where
    nobody says.
    """

    pin: ChartPin
    state: str
    newest: str = ""
    following: str = ""
    behind: int = 0
    age_days: int | None = None
    waiting_days: int | None = None
    why: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as data; what nobody says is absent."""
        place = self.pin.place
        said = {
            "component": self.pin.component,
            "layer": self.pin.layer,
            "chart": self.pin.name,
            "repository": self.pin.repository,
            "version": self.pin.version,
            "state": self.state,
            "newest": self.newest,
            "behind": self.behind if self.state != UNKNOWN else None,
            "ageDays": self.age_days,
            "waitingDays": self.waiting_days,
            "why": self.why,
            "place": f"{place.file}:{place.line}:{place.column}",
        }
        return {key: value for key, value in said.items() if value not in ("", None)}


def compare(pin: ChartPin, offers: Iterable[ChartOffer], now: datetime) -> PinAge:
    """Return how a pin stands against what its repository offers."""
    offered = list(offers)
    if rank(pin.version) is None:
        return PinAge(pin, UNKNOWN, why=f"{pin.version} cannot be put in an order")
    same = [offer for offer in offered if rank(offer.version) == rank(pin.version)]
    if not same:
        return PinAge(pin, UNKNOWN, why=f"the repository does not offer {pin.version}")
    above = newer(offered, pin.version)
    age = days_since(same[0].created, now)
    if not above:
        return PinAge(pin, CURRENT, pin.version, "", 0, age)
    return PinAge(pin, BEHIND, above[-1].version, above[0].version, len(above), age, days_since(above[0].created, now))


def days_since(created: str, now: datetime) -> int | None:
    """Return how many whole days ago something was made, None where nobody says."""
    try:
        made = datetime.fromisoformat(created)
    except ValueError:
        return None
    return max(0, (now - made).days) if made.tzinfo else None
