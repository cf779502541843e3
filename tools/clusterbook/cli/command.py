"""A command, and what a command line says to it.

A command line is read once, by `scan` here or by click (commands.py), into the same Request. Part of every look-up, so
it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from clusterbook.cli.flags import ANYWHERE, CHOICES, REMOTE, Flag
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.console import SWITCHES
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import NamedTuple

Value = str | bool | tuple[str, ...] | None
"""What stands for a flag or an argument: a text, a switch, a list, or nothing."""


class Request(NamedTuple):
    """What a command line says, by the key of a flag or argument: texts, lists, and the switches that are on.

    What is not said is absent; what is said to be empty is "".
    """

    values: Mapping[str, str] = MappingProxyType({})
    lists: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    switches: frozenset[str] = frozenset()

    @classmethod
    def of(cls, words: Mapping[str, Value]) -> Request:
        """Return the request that values of each kind make; None, False and () are not said."""
        return cls(
            {key: value for key, value in words.items() if isinstance(value, str)},
            {key: value for key, value in words.items() if isinstance(value, tuple) and value},
            frozenset(key for key, value in words.items() if value is True),
        )

    def over(self, other: Request) -> Request:
        """Return both requests as one, in which this one counts more."""
        return Request({**other.values, **self.values}, {**other.lists, **self.lists}, self.switches | other.switches)

    def without(self, *keys: str) -> Request:
        """Return the request without what it says of these."""
        return Request(
            {key: value for key, value in self.values.items() if key not in keys},
            {key: value for key, value in self.lists.items() if key not in keys},
            self.switches.difference(keys),
        )

    def only(self, keys: Collection[str]) -> Request:
        """Return what the request says of these."""
        return self.without(*({*self.values, *self.lists, *self.switches} - set(keys)))

    def says(self, key: str) -> bool:
        """Return whether anything is said of a flag or an argument."""
        return key in self.values or key in self.lists or key in self.switches

    def text(self, key: str, default: str = "") -> str:
        """Return the text of a flag or an argument."""
        return self.values.get(key, default)


class Argument(NamedTuple):
    """A word that stands without a flag. `metavar` "" is the name in capitals; of `many` there may be any number."""

    name: str
    metavar: str = ""
    required: bool = False
    many: bool = False


class Caller(NamedTuple):
    """Who calls: his environment."""

    environment: Mapping[str, str]


class FlagRule(NamedTuple):
    """Flags of a command that change nothing without one of `needs`, or beside one of `excludes`, by their keys.

    What is needed has to begin with one of `like`, where there are any; a version in one of `versions` (SLUG@VERSION)
    is as good. A rule that is `outside` does not hold in a pod, which has a cluster around it.
    """

    keys: tuple[str, ...]
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    outside: bool = False
    like: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    def met(self, request: Request) -> bool:
        """Return whether a request says one of what is needed; a configuration may."""
        if request.says("config"):
            return True
        named = (word for key in self.versions for word in (request.text(key), *request.lists.get(key, ())))
        if any("@" in word for word in named):
            return True
        if not self.like:
            return any(map(request.says, self.needs))
        words = (word for key in self.needs for word in (request.text(key), *request.lists.get(key, ())))
        return any(word.startswith(self.like) for word in words)


OF_TRUST = FlagRule(("policy", "key", "allow_unsigned", "at_least"), needs=("source", "data"), like=REMOTE)
"""Whom to believe: of no use where all that is read is on this disk."""
OF_CLUSTERS = FlagRule(("kubeconfig",), needs=("recipe", "snapshot", "output", "inherit_from"), like=("cm://",))
"""Which cluster is asked: of no use where nothing is in one."""
OF_ACCESS = FlagRule(("plain_http", "ca_file"), needs=("source", "data"), like=REMOTE)
"""How registries are spoken to."""
OF_LEDGER = FlagRule(
    ("registry",), needs=("release",), excludes=("source",), versions=("slug", "slugs", "recipe", "from", "to")
)
"""Which ledger is asked: of no use without a version or a release, or where another source has them."""


class Command(NamedTuple):
    """One command: what it is called, with its group before it, what it takes, what answers, and what its help says.

    To one that is `strict` every wrong word is an invalid request. `rules` say which flags go with which.
    """

    name: str
    flags: tuple[Flag, ...]
    arguments: tuple[Argument, ...]
    run: Callable[[Request, Caller], Reply]
    help: str
    example: str
    strict: bool = False
    rules: tuple[FlagRule, ...] = ()

    def spelled(self, key: str) -> str:
        """Return what the flag or argument with a key is called by whoever types it."""
        return next((flag.names[0] for flag in self.flags if flag.key == key), key.upper())


def scan(words: Sequence[str], command: Command) -> Request | None:
    """Return what a command line says to a command, behind the command's name.

    None means that the line holds something this scanner does not know; click then says what is wrong with it.

    Raises:
        InvalidRequest: a flag is given twice. Source: reference row G8.
    """
    scanned = scan_flags(words, command.flags)
    if scanned is None:
        return None
    request, rest = scanned
    values, lists = dict(request.values), dict(request.lists)
    for argument in command.arguments:
        if argument.many:
            lists |= {argument.name: tuple(rest)} if rest else {}
            rest = []
        elif rest:
            values[argument.name] = rest.pop(0)
        elif argument.required:
            return None
    return None if rest else Request(values, lists, request.switches)


def scan_flags(words: Sequence[str], flags: Sequence[Flag]) -> tuple[Request, list[str]] | None:
    """Return what the flags of a command line say, and its arguments; None and InvalidRequest as in `scan`."""
    known = {name: flag for flag in (*flags, *ANYWHERE) for name in flag.names}
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    switches: set[str] = set()
    arguments: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not word.startswith("-") or word == "-":
            arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = known.get(name)
        if flag is None or (flag.switch and equals) or (equals and not name.startswith("--")):
            return None
        if not flag.switch and not equals:
            if position == len(words):
                return None
            value = words[position]
            position += 1
        if (flag.values and value not in flag.values) or (flag.number and not value.isdecimal()):
            return None
        if flag.names[0] in SWITCHES:  # the console knows
            continue
        if flag.repeated:
            lists[flag.key] = (*lists.get(flag.key, ()), value)
            continue
        if flag.key in values or flag.key in switches:
            raise InvalidRequest(f"{flag.names[0]} is given twice", hint="it takes a single value")
        if flag.switch:
            switches.add(flag.key)
        else:
            values[flag.key] = value
    return Request(values, lists, frozenset(switches)), arguments


def read_choices(request: Request) -> dict[str, str]:
    """Return what a command line chooses of what a recipe offers, by name.

    Raises:
        InvalidRequest: a word is no choice, or one choice is made twice.
    """
    words = [*request.lists.get("profile", ())]
    words += [f"{name}={request.values[flag.key]}" for name, flag in CHOICES.items() if flag.key in request.values]
    if not words:
        return {}
    from clusterbook.resolve.choices import read_pairs

    return read_pairs(words)


POD = "KUBERNETES_SERVICE_HOST"
"""The variable by which a pod knows that it is one. Source: Kubernetes, "Accessing the API from within a Pod"."""


def refuse_idle(command: Command, typed: Request, whole: Request, environment: Mapping[str, str]) -> None:
    """Refuse a flag that was typed and would change nothing.

    Variables and configurations are for many commands, so there it is no mistake.

    Args:
        command: whose flags they are.
        typed: what stands on the command line.
        whole: that, and what the environment adds.
        environment: the variables, which say whether this is a pod.

    Raises:
        InvalidRequest: naming the flag, and what it goes with.
    """
    for rule in command.rules:
        if rule.outside and POD in environment:
            continue
        for key in filter(typed.says, rule.keys):
            beside = next(filter(whole.says, rule.excludes), None)
            if beside is not None:
                what = f"{command.spelled(key)} has no effect beside {command.spelled(beside)}"
                raise InvalidRequest(what, hint="leave one of them out")
            if rule.needs and not rule.met(whole):
                needed = [f"{command.spelled(other)}{f' {rule.like[0]}…' if rule.like else ''}" for other in rule.needs]
                what = f"{command.spelled(key)} has no effect without {' or '.join(needed)}"
                raise InvalidRequest(what, hint=f"add {needed[0]}, or leave it out")
