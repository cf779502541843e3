"""What may come next on a command line: commands, flags, and the values that the catalog has for them.

A shell asks at each press of a key, so no command is loaded: the table of words says what there is, the index which
recipes, and only a path within a recipe looks that one up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.records import Any

_WORDS = os.path.join(os.path.dirname(__file__), "words.json")
_RECIPES = ("slug", "slugs", "which", "recipe", "old", "new", "query", "queries")
"""Arguments that name a recipe."""
_RELEASES = ("old", "new", "release")
"""Arguments that name a release."""
_OLDER = ("diff", "fetch recipe", "fetch bundle", "mirror save")
"""Commands that take older versions of recipes, SLUG@VERSION or SLUG@RELEASE."""
_CHANGES = ("set", "set-json", "set-file", "set-secret", "dynamic")
"""Flags that name a value of a component."""


def answer(words: Sequence[str]) -> int:
    """Print what may come next: `bash|zsh|fish|pwsh LINE [BREAKS]`, LINE up to the cursor.

    BREAKS are the letters at which bash ends a word (COMP_WORDBREAKS); it replaces what stands behind the last of them.
    Each line printed is a word, and behind a tab what it means. Whatever is wrong: nothing, since somebody is typing.
    """
    shell, line, breaks = (*words, "", "", "")[:3]
    try:
        typed = split(line)
        found = sorted(set(candidates(typed)))
    except (ClusterbookError, OSError, ValueError, KeyError):
        return 0
    current = typed[-1]
    cut = max((current.rfind(letter) for letter in breaks), default=-1) + 1 if shell == "bash" else 0
    fitting = ((word[cut:], text) for word, text in found if word.startswith(current))
    deliver("".join(f"{word}\n" if shell == "bash" else f"{word}\t{text}\n" for word, text in fitting))
    return 0


def split(line: str) -> list[str]:
    """Return the words of a line, the last of them the one that is being typed, "" behind a blank."""
    import shlex

    for end in ("", '"', "'", "\\"):
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        return words if words and not (line[-1:].isspace() and not end) else [*words, ""]
    return [""]


def candidates(typed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each word that may stand where the last word of a line stands, and what it means."""
    program = os.path.basename(typed[0]).removesuffix(".exe")
    with open(_WORDS, encoding="utf-8") as file:
        commands = json.load(file)[program]
    yield from _Line(commands, typed[1:] or [""]).next_words()


class _Line:
    """A line that is being typed: its command, what its flags say so far, and the word at the cursor."""

    def __init__(self, commands: Mapping[str, Any], words: Sequence[str]) -> None:
        self._commands = commands
        self._current = words[-1]
        self.name, self.said, self.arguments, self._waiting = "", dict[str, str](), list[str](), ""
        for word in words[:-1]:
            self._take(word)

    @property
    def _flags(self) -> dict[str, list[Any]]:
        return {spelled: flag for flag in self._commands[self.name]["flags"] for spelled in flag[0]}

    @property
    def _below(self) -> dict[str, str]:
        """Give the commands of a group by the word that follows."""
        above = f"{self.name} " if self.name else ""
        names = (name for name in self._commands if name and name.startswith(above) and name != self.name)
        return {name[len(above) :]: self._commands[name]["help"] for name in names if " " not in name[len(above) :]}

    def _take(self, word: str) -> None:
        if self._waiting:
            self.said[self._waiting], self._waiting = word, ""
        elif word.startswith("-") and word != "-":
            spelled, equals, value = word.partition("=")
            flag = self._flags.get(spelled)
            if flag is not None:
                key = _key(flag)
                self.said[key] = value
                self._waiting = key if flag[1] and not equals else ""
        elif word in self._below:
            self.name = f"{self.name} {word}".strip()
        else:
            self.arguments.append(word)

    def next_words(self) -> Iterator[tuple[str, str]]:
        """Yield what may stand at the cursor."""
        current = self._current
        if self._waiting:
            flag = next(flag for flag in self._flags.values() if _key(flag) == self._waiting)
            yield from self._values(flag, current)
        elif current.startswith("--") and "=" in current:
            spelled, _, value = current.partition("=")
            if spelled in self._flags:
                yield from ((f"{spelled}={word}", text) for word, text in self._values(self._flags[spelled], value))
        elif current.startswith("-"):
            for flag in self._commands[self.name]["flags"]:
                if flag[2] or _key(flag) not in self.said:
                    yield from ((word, flag[4]) for word in flag[0])
        elif self._below:
            yield from () if self.arguments else self._below.items()
        else:
            yield from self._argument(current)

    def _values(self, flag: Sequence[Any], current: str) -> Iterator[tuple[str, str]]:
        """Yield the values that a flag may have."""
        key = _key(flag)
        yield from ((value, "") for value in flag[3] or _known_values(key))
        if key in ("service", "accelerator", "intent", "os", "platform"):
            others = {name: self.said[name] for name in DIMENSIONS if name in self.said and name != key}
            yield from _criteria(key, others)
        elif key == "selector":
            yield from self._paths(current)
        elif key in _CHANGES:
            yield from self._component_values(current, end="" if key == "dynamic" else "=")
        elif key == "at-least":
            yield from _releases()

    def _argument(self, current: str) -> Iterator[tuple[str, str]]:
        """Yield what an argument may be."""
        arguments = self._commands[self.name]["arguments"]
        taken = len(self.arguments)
        if taken >= len(arguments) and not (arguments and arguments[-1][1]):
            return
        name, _, values = arguments[min(taken, len(arguments) - 1)]
        yield from ((value, "") for value in values)
        if self.name == "help":
            yield from ((name, line["help"]) for name, line in self._commands.items() if name and " " not in name)
        if name in _RECIPES:
            yield from _recipes(current, versions=self.name in _OLDER)
        if name in _RELEASES:
            yield from _releases()
        if name == "version" and self.arguments:
            yield from ((version, "") for version in _versions(self.arguments[0]))
        if name == "path" and self.name in ("query", "explain"):
            yield from self._paths(current)

    @cached_property
    def _document(self) -> dict[str, Any]:
        """Give the recipe that the line asks for so far."""
        from clusterbook.lookup.find import Question, find
        from clusterbook.resolve.views import query_view

        criteria = {name: self.said[name] for name in DIMENSIONS if name in self.said}
        slug = self.arguments[0] if self.arguments else ""
        return query_view(find(Question(slug, criteria, allow_inherited=True)).document)

    def _paths(self, current: str) -> Iterator[tuple[str, str]]:
        """Yield the paths within a recipe that go one key further."""
        above, dot, _ = current.rpartition(".")
        value: Any = self._document
        for key in above.split(".") if dot else ():
            value = value.get(key) if isinstance(value, dict) else None
        yield from _keys(value, above + dot, "")

    def _component_values(self, current: str, *, end: str) -> Iterator[tuple[str, str]]:
        """Yield `COMPONENT:`, or behind it the paths of its values that go one key further."""
        component, colon, path = current.partition(":")
        if not colon:
            yield from ((f"{name}:", "") for name in self._components())
            return
        above, dot, _ = path.rpartition(".")
        value: Any = self._document["components"].get(component, {}).get("values")
        for key in above.split(".") if dot else ():
            value = value.get(key) if isinstance(value, dict) else None
        yield from _keys(value, f"{component}:{above}{dot}", end)

    def _components(self) -> Iterable[str]:
        try:
            return list(self._document["components"])
        except ClusterbookError:
            return list(_part("kit.json")["images"])


def _keys(value: object, before: str, end: str) -> Iterator[tuple[str, str]]:
    """Yield each key of a value behind what leads to it; one that has keys itself ends with a dot."""
    for key, below in value.items() if isinstance(value, dict) else ():
        if "." not in key:
            more = isinstance(below, dict) and bool(below)
            yield f"{before}{key}{'.' if more else end}", "" if more else json.dumps(below, ensure_ascii=False)[:60]


def _known_values(key: str) -> Sequence[str]:
    """Return the values of a flag whose command refuses others in words of its own; () where any text will do."""
    if key == "deployer":
        from clusterbook.bundle.options import DEPLOYERS

        return DEPLOYERS
    if key == "phase":
        from clusterbook.validate.result import PHASES

        return PHASES
    return ()


def _key(flag: Sequence[Any]) -> str:
    """Return what a flag is called in full."""
    return str(flag[0][0]).removeprefix("--")


def _part(name: str) -> Any:
    """Return a document of the index that is built in."""
    return IndexFiles().document(name)


def _criteria(name: str, others: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the values of a criterion that somebody wrote recipes with, for these others, or else all that it has."""
    asked = [line for line in _part("list.json") if line["criteria"][name] != "any"]
    written = [line["criteria"] for line in asked if line["state"] == "curated"]
    fitting = [criteria for criteria in written if others.items() <= criteria.items()]
    yield from ((criteria[name], "") for criteria in fitting or [line["criteria"] for line in asked])


def _recipes(current: str, *, versions: bool) -> Iterator[tuple[str, str]]:
    """Yield the slugs of recipes: those that somebody wrote, others where none of those fits, and versions behind @."""
    slug, at, _ = current.partition("@")
    if at and versions:
        yield from ((f"{slug}@{name}", "") for name in [*_versions(slug), *(name for name, _ in _releases())])
        return
    lines = [line for line in _part("list.json") if line["slug"].startswith(current)]
    written = [line for line in lines if line["state"] == "curated"]
    yield from ((line["slug"], "") for line in written or lines)


def _names(*folders: str) -> list[str]:
    """Return the names of the YAML files of a folder of the ledger, where one is at hand."""
    folder = os.path.join("registry", *folders)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [name.removesuffix(".yaml") for name in names if name.endswith(".yaml")]


def _versions(slug: str) -> list[str]:
    return _names(slug) if "/" not in slug else []


def _releases() -> list[tuple[str, str]]:
    return [(name, "") for name in _names("releases")]
