"""Records behave as typing's named tuples do; every case is asked of both."""

from __future__ import annotations

import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

from clusterbook import records


class Ours(records.NamedTuple):
    """A value."""

    name: str
    parts: tuple[str, ...] = ()
    count: int = 0

    @property
    def long(self) -> str:
        """Both in one."""
        return f"{self.name} {self.count}"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, text: str) -> Ours:
        return cls(text)


class Typings(typing.NamedTuple):
    """A value."""

    name: str
    parts: tuple[str, ...] = ()
    count: int = 0

    @property
    def long(self) -> str:
        """Both in one."""
        return f"{self.name} {self.count}"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, text: str) -> Typings:
        return cls(text)


class OursBelow(Ours):
    """A subclass, which adds no field."""

    def __str__(self) -> str:
        return super().__str__().upper()


class TypingsBelow(Typings):
    """A subclass, which adds no field."""

    def __str__(self) -> str:
        return super().__str__().upper()


ASKED: dict[str, Callable[[Any, Any], object]] = {
    "fields": lambda record, _: (record._fields, record._field_defaults),
    "document": lambda record, _: (record.__doc__, record.long.__doc__),
    "module": lambda record, _: record.__module__,
    "bases": lambda record, _: record.__mro__[1:],
    "values": lambda record, _: (record("a"), tuple(record("a", ("b",), count=2))),
    "words": lambda record, _: (str(record("a")), record("a", count=2).long, record.of("x").name),
    "as a map": lambda record, _: record("a")._asdict(),
    "replaced": lambda record, _: tuple(record("a")._replace(count=3)),
    "equal": lambda record, _: (record("a") == ("a", (), 0), hash(record("a")) == hash(("a", (), 0))),
    "pickled": lambda record, _: pickle.loads(pickle.dumps(record("a"))) == record("a"),  # noqa: S301 - made here
    "below": lambda _, below: (str(below("a")), below("a") == ("a", (), 0), below._fields),
    "annotations": lambda record, _: typing.get_type_hints(record),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_record_is_what_a_named_tuple_of_typing_is(what: str) -> None:
    assert ASKED[what](Ours, OursBelow) == ASKED[what](Typings, TypingsBelow)


def test_a_record_looks_like_one() -> None:
    assert repr(Ours("a")) == "Ours(name='a', parts=(), count=0)"


@pytest.mark.parametrize(
    "wrong", [lambda: Ours(), lambda: Ours("a", (), 0, 1), lambda: Ours("a", size=1)], ids=["few", "many", "unknown"]
)
def test_a_record_is_made_of_its_fields(wrong: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        wrong()


def test_a_record_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Ours("a").name = "b"  # type: ignore[misc]
