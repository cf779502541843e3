"""Criteria: which cluster a recipe is for.

There are six dimensions. What an overlay leaves open matches anything; what a query leaves open matches only what
leaves it open too. Part of every look-up, so this module imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterbook.diagnostics.errors import InvalidRequest, nearest
from clusterbook.records import NamedTuple

ANY = "any"
DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")
"""The dimensions with named values, in the order of a tuple's text; `nodes` is the sixth and counts."""

_SLUG_ORDER = ("accelerator", "service", "os", "intent", "platform")


class Criteria(NamedTuple):
    """One value per dimension; `any` and 0 nodes mean "not specified"."""

    service: str = ANY
    accelerator: str = ANY
    intent: str = ANY
    os: str = ANY
    platform: str = ANY
    nodes: int = 0

    def specified(self) -> dict[str, str | int]:
        """Return the dimensions that are fixed, in the order of a tuple's text."""
        values_by_name: dict[str, str | int] = dict(zip(self._fields, self, strict=True))
        return {name: value for name, value in values_by_name.items() if value not in (ANY, 0)}

    def specificity(self) -> int:
        """Return how many dimensions are fixed, 0 to 6; more specific overlays merge later.

        Source: reference row R20.
        """
        return len(self.specified())

    def covers(self, query: Criteria) -> bool:
        """Return whether an overlay with these criteria applies to `query`.

        What the overlay leaves open matches anything; what the query leaves open matches only overlays that leave
        it open too. Source: reference row R18.
        """
        return all(mine in (ANY, 0, theirs) for mine, theirs in zip(self, query, strict=True))

    def union(self, other: Criteria) -> Criteria | None:
        """Return the criteria that fix what either fixes, or None where they contradict each other."""
        values = []
        for mine, theirs in zip(self, other, strict=True):
            if mine in (ANY, 0):
                values.append(theirs)
            elif theirs in (ANY, 0, mine):
                values.append(mine)
            else:
                return None
        return Criteria(*values)  # type: ignore[arg-type]  # zip keeps the types of the fields in order

    def slug(self) -> str:
        """Return the recipe's name: accelerator-service-os-intent-platform, `base` when nothing is fixed."""
        parts = [value for name in _SLUG_ORDER if (value := getattr(self, name)) != ANY]
        if self.nodes:
            parts.append(f"{self.nodes}nodes")
        return "-".join(parts) or "base"

    def text(self) -> str:
        """Return `service/accelerator/intent/os/platform`, with `/nodes` behind when nodes are fixed."""
        return "/".join(self[:5]) + (f"/{self.nodes}" if self.nodes else "")

    def sentence(self) -> str:
        """Return the fixed dimensions for a message: `service eks, accelerator h100`."""
        return ", ".join(f"{name} {value}" for name, value in self.specified().items()) or "no criteria"


def union(many: Iterable[Criteria]) -> Criteria:
    """Return the criteria that fix what any of `many` fixes; they match one query, so they agree."""
    whole = Criteria()
    for criteria in many:
        whole = whole.union(criteria) or whole
    return whole


class Vocabulary(NamedTuple):
    """The values each dimension may take, and other spellings of them.

    `known` are the values the catalog's criteria file names; `claimed` are those that overlays use besides. A tree
    without a criteria file knows nothing, so any word is a value of it. Source: reference rows R1-R7.
    """

    known: Mapping[str, tuple[str, ...]]
    claimed: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, Mapping[str, str]]

    def values(self, dimension: str, *, strict: bool = False) -> tuple[str, ...]:
        """Return the allowed values of `dimension`, sorted, without `any`."""
        more = () if strict else self.claimed.get(dimension, ())
        return tuple(sorted({*self.known.get(dimension, ()), *more}))

    def offered(self, dimension: str) -> tuple[str, ...]:
        """Return the values of `dimension` that an overlay claims, sorted: no other one changes a recipe."""
        return tuple(sorted(self.claimed.get(dimension, ())))

    def read(self, dimension: str, text: str, *, strict: bool = False) -> str:
        """Return the value that `text` spells in `dimension`.

        Raises:
            InvalidRequest: the value is not allowed; the message lists those that recipes are for (L33).
        """
        word = text.strip().lower()
        if word in ("", ANY):
            return ANY
        allowed = self.values(dimension, strict=strict)
        if word in allowed or (not self.known and not strict):
            return word
        alias = self.aliases.get(dimension, {}).get(word)
        if alias is not None and (alias == ANY or alias in allowed):
            return alias
        near = nearest(word, (*allowed, *self.aliases.get(dimension, {})))
        offered = (*(value for value in self.offered(dimension) if value in allowed), ANY)
        raise InvalidRequest(
            f"{dimension} '{text}' is not known; there are recipes for: {', '.join(offered)}",
            hint=f"did you mean '{near}'?" if near else f"type --{dimension} {offered[0]}, say",
        )


def read_nodes(text: str | int) -> int:
    """Return the number of nodes that `text` spells, 0 for "not specified".

    Raises:
        InvalidRequest: not a whole number, or negative (L5).
    """
    try:
        nodes = int(text)
    except ValueError:
        nodes = -1
    if nodes < 0:
        raise InvalidRequest(f"nodes '{text}' is not a whole number of 0 or more", hint="type --nodes 8, say")
    return nodes


def read_criteria(values: Mapping[str, str | int], vocabulary: Vocabulary, *, strict: bool = False) -> Criteria:
    """Return the criteria that `values` (dimension → spelling) mean.

    Raises:
        InvalidRequest: a value is not allowed.
    """
    named = {name: vocabulary.read(name, str(values[name]), strict=strict) for name in DIMENSIONS if name in values}
    return Criteria(**named, nodes=read_nodes(values.get("nodes") or 0))


def claimed_values(criteria: Iterable[Criteria]) -> dict[str, tuple[str, ...]]:
    """Return the values that overlays claim, per dimension, sorted. Source: reference row R7."""
    claimed: dict[str, set[str]] = {}
    for one in criteria:
        for name, value in one.specified().items():
            if name != "nodes":
                claimed.setdefault(name, set()).add(str(value))
    return {name: tuple(sorted(values)) for name, values in claimed.items()}


def read_tuple(text: str, vocabulary: Vocabulary) -> Criteria:
    """Return the criteria that `service/accelerator/intent/os/platform[/nodes]` means.

    Raises:
        InvalidRequest: not five or six parts, or a value is not allowed.
    """
    parts = text.strip().split("/")
    if len(parts) not in (5, 6):
        raise InvalidRequest(
            f"'{text}' is not a tuple of criteria values", hint="write service/accelerator/intent/os/platform"
        )
    return read_criteria(dict(zip((*DIMENSIONS, "nodes"), parts, strict=False)), vocabulary)


def product(values: Mapping[str, Iterable[str]]) -> Iterable[Criteria]:
    """Yield every combination of the dimensions' values with `any` first, in sorted order."""
    axes = [(ANY, *sorted(values.get(name, ()))) for name in DIMENSIONS]
    for service in axes[0]:
        for accelerator in axes[1]:
            for intent in axes[2]:
                for os in axes[3]:
                    for platform in axes[4]:
                        yield Criteria(service, accelerator, intent, os, platform)
