"""Choices: what can be chosen for a recipe besides its criteria, and how that is part of its name.

A recipe offers the profile that an overlay declares, and the configurations that the registry knows for its
components. Nothing chosen is the default, and the recipe's name then stays what it is; any other answer adds to it:
h100-aks-training--operator-managed. Part of every look-up, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean, nearest
from clusterbook.records import NamedTuple
from clusterbook.resolve.matching import Answer

Selection = tuple[tuple[str, str], ...]
"""What is chosen: (name, value) of every choice that a recipe offers."""
SEPARATOR = "--"
"""What stands before each answer in a recipe's name that is not the default; no criteria value has it."""


class Offer(NamedTuple):
    """One choice of a recipe: its answers, and which of them is meant when nothing is chosen.

    Where that answer only `confirms` what the recipe is anyway, it is not recorded.
    """

    default: str
    values: tuple[str, ...]
    confirms: bool = False

    def is_silent_about(self, value: str) -> bool:
        """Return whether an answer is the one that changes and records nothing."""
        return self.confirms and value == self.default


Offers = Mapping[str, Offer]
"""The choices of a recipe by name."""


def select(offers: Offers, asked: Mapping[str, str], *, recipe: str) -> Selection:
    """Return the answer to every choice that a recipe offers: what is asked for, else the default.

    Raises:
        InvalidRequest: it offers no such choice, or no such answer; what there is is listed.
    """
    for name, value in asked.items():
        if name not in offers:
            known = "; ".join(f"{each}: {', '.join(offer.values)}" for each, offer in offers.items())
            hint = f"it offers {known}" if known else "leave it out; this recipe offers no choices"
            near = nearest(name, offers)
            raise InvalidRequest(
                f"the recipe {recipe} offers no choice {name}", hint=f"did you mean '{near}'? {hint}" if near else hint
            )
        if _spelled(value, offers[name]) is None:
            allowed = ", ".join(offers[name].values)
            what = f"{name} of {recipe} cannot be '{value}'; allowed: {allowed}"
            raise InvalidRequest(what, hint=did_you_mean(value, offers[name].values))
    return tuple((name, _spelled(asked.get(name, ""), offer) or offer.default) for name, offer in offers.items())


def _spelled(value: str, offer: Offer) -> str | None:
    """Return an answer as it is declared; case does not tell two of them apart."""
    return next((known for known in offer.values if known.lower() == value.lower()), None)


def variants(offers: Offers) -> Iterator[Selection]:
    """Yield every selection there is, that of all defaults first."""
    axes = [
        [(name, offer.default), *((name, value) for value in offer.values if value != offer.default)]
        for name, offer in offers.items()
    ]
    yield from product(*axes)


def chosen_slug(slug: str, offers: Offers, selection: Selection) -> str:
    """Return the name of a recipe of which something was chosen; all defaults leave it is."""
    chosen = (value.lower() for name, value in selection if value != offers[name].default)
    return SEPARATOR.join((slug, *chosen))


def split_slug(slug: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of a recipe without what was chosen, and the answers that were."""
    plain, *chosen = slug.split(SEPARATOR)
    return plain, tuple(chosen)


def asked_by_slug(offers: Offers, chosen: tuple[str, ...], *, recipe: str) -> dict[str, str]:
    """Return what the answers in a recipe's name choose.

    Raises:
        InvalidRequest: no choice has such an answer.
    """
    asked = {}
    for word in chosen:
        fits = (name for name, offer in offers.items() if _spelled(word, offer) not in (None, offer.default))
        name = next((name for name in fits if name not in asked), None)
        if name is None:
            known = sorted(value for offer in offers.values() for value in offer.values if value != offer.default)
            hint = did_you_mean(word, known) if known else f"it offers no choices; leave --{word} out"
            raise InvalidRequest(f"the recipe {recipe} offers no '{word}'", hint=hint)
        asked[name] = word
    return asked


def read_pair(text: str) -> tuple[str, str]:
    """Return the choice and the answer in `name=value`.

    Raises:
        InvalidRequest: it is neither.
    """
    name, equals, value = text.strip().partition("=")
    if not (name and equals and value) or "=" in value:
        raise InvalidRequest(f"'{text}' is not a choice", hint="write NAME=VALUE: gpuStack=operator-managed, say")
    return name, value


def read_pairs(words: Iterable[str]) -> dict[str, str]:
    """Return choices by name. Raises InvalidRequest as `read_pair`, and where one is made twice."""
    pairs: dict[str, str] = {}
    for name, value in map(read_pair, words):
        if pairs.setdefault(name, value) != value:
            raise InvalidRequest(f"{name} is given twice: {pairs[name]} and {value}", hint="keep one of them")
    return pairs


def choose(answer: Answer, offers: Offers, asked: Mapping[str, str]) -> Answer:
    """Return an answer whose recipe is the one that is asked for among those that can be chosen.

    Raises:
        InvalidRequest: see `select`.
    """
    if answer.slug is None or not (offers or asked):
        return answer
    selection = select(offers, asked, recipe=answer.slug)
    return answer._replace(slug=chosen_slug(answer.slug, offers, selection), selection=selection)
