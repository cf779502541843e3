"""What differs between two recipes, fact by fact, in the order in which people look at it.

Laws: the diff of a content with itself is empty, a diff is empty only then, and turned round it is the diff the other
way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

from clusterbook.documents.digest import text_digest
from clusterbook.resolve.document import escape
from clusterbook.resolve.recipe import COMPONENTS, ORDER, ComponentRef, RecipeResult

Document = dict[str, Any]

SECTIONS = (
    "recipe", "component", "field", "value", "manifest", "image", "registry", "constraint", "phase", "check", "order",
)  # fmt: skip
"""What a change may be about, in the order in which changes are shown. `field`, `value`, `manifest`, `image` and
`registry` belong to a component; `registry` is what the component registry tells a bundle about it."""


class Absence(Enum):
    """The value of what is not there; null is a value."""

    ABSENT = "absent"


ABSENT = Absence.ABSENT


@dataclass(frozen=True, slots=True)
class Side:
    """One of two recipes: what it is called, its content, and who had the last word, by pointer, where that is known.

    `whole` is false for a recipe that somebody hands in: it has no manifests, images and registry facts to compare.
    """

    label: str
    content: Document
    origins: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that differs: `old` or `new` is ABSENT where a side lacks it. `component` is "" for the whole recipe."""

    section: str
    component: str
    key: str
    old: Any
    new: Any
    old_origin: str = ""
    new_origin: str = ""

    @property
    def kind(self) -> str:
        """Return added, removed or changed."""
        if self.old is ABSENT:
            return "added"
        return "removed" if self.new is ABSENT else "changed"

    def inverse(self) -> Change:
        """Return the change the other way."""
        return replace(self, old=self.new, new=self.old, old_origin=self.new_origin, new_origin=self.old_origin)


@dataclass(frozen=True, slots=True)
class Diff:
    """All that differs between two recipes, in the order of SECTIONS, then by component and key."""

    old: str
    new: str
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        return bool(self.changes)

    def of(self, *sections: str) -> list[Change]:
        """Return the changes in some of SECTIONS."""
        return [change for change in self.changes if change.section in sections]

    def inverse(self) -> Diff:
        """Return the diff the other way."""
        return Diff(self.new, self.old, tuple(change.inverse() for change in self.changes))


class _Key(NamedTuple):
    section: str
    component: str
    key: str


class _Fact(NamedTuple):
    value: Any
    origin: str = ""


def diff(old: Side, new: Side) -> Diff:
    """Return what differs from `old` to `new`."""
    before, after = dict(_facts(old)), dict(_facts(new))
    told = {key for key in before.keys() ^ after.keys() if not key.key}  # a component, or all its images, come or go
    changes = []
    for key in sorted(before.keys() | after.keys(), key=_place):
        if key.section in _BEYOND and not (old.whole and new.whole):
            continue
        above = {_Key("component", key.component, ""), key._replace(key="")} - {key}
        if told & above:
            continue
        was, now = before.get(key, _Fact(ABSENT)), after.get(key, _Fact(ABSENT))
        if _differ(key, was.value, now.value):
            changes.append(Change(*key, was.value, now.value, was.origin, now.origin))
    return Diff(old.label, new.label, tuple(_without_echoes(changes)))


def _differ(key: _Key, old: Any, new: Any) -> bool:
    """Return whether two facts of the same key differ."""
    if old is ABSENT or new is ABSENT:
        return key.section != "order"  # what is put in order has come or gone, which is told already
    if key.section == "order":
        return [each for each in old if each in new] != [each for each in new if each in old]
    if key.section == "component":
        return bool(old["deployed"] != new["deployed"])
    return not same(old, new) and bool(key.key)


def _place(key: _Key) -> tuple[int, str, str]:
    return SECTIONS.index(key.section), key.component, key.key


def same(old: Any, new: Any) -> bool:
    """Return whether two values mean the same: true is not 1, but 1.0 is."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    return bool(old == new)


def _without_echoes(changes: list[Change]) -> Iterator[Change]:
    """Leave out the overrides of components whose values tell the same."""
    told = {change.component for change in changes if change.section == "value"}
    for change in changes:
        if not (change.section == "field" and change.key == "overrides" and change.component in told):
            yield change


# --- facts ------------------------------------------------------------------------------------------------------------

_APART = ("metadata", COMPONENTS, ORDER, "constraints", "validation", "criteria")
_BEYOND = ("manifest", "image", "registry")
"""What a recipe that somebody hands in does not have."""
_UNCOMPARED = ("version", "digest")
"""What a published recipe says about itself: its name, not its content."""


def _facts(side: Side) -> Iterator[tuple[_Key, _Fact]]:
    """Yield every fact of a recipe, each under a key of its own."""
    content = side.content
    for key, value in content["metadata"].items():
        if key not in _UNCOMPARED:
            yield _Key("recipe", "", key), _Fact(value)
    for key, value in content.get("criteria", {}).items():
        yield _Key("recipe", "", f"criteria: {key}"), _Fact(value)
    for key in content.keys() - set(_APART):
        yield _Key("recipe", "", key), _Fact(content[key])
    recipe = RecipeResult(content)
    for component in recipe.components:
        yield from _component_facts(component, side.origins, deployed=component.name in recipe.order)
    yield _Key("order", "", "deployment"), _Fact(recipe.order)
    yield from _constraint_facts(content.get("constraints", []), "", "/constraints", side.origins)
    for phase, said in content.get("validation", {}).items():
        yield from _phase_facts(phase, said, side.origins)


def _constraint_facts(
    constraints: list[Document], lead: str, root: str, origins: Mapping[str, str]
) -> Iterator[tuple[_Key, _Fact]]:
    for number, constraint in enumerate(constraints):
        said = {key: value for key, value in constraint.items() if key != "name"}
        fact = _Fact(said, origins.get(f"{root}/{number}", ""))
        yield _Key("constraint", "", f"{lead}{constraint['name']}"), fact


def _phase_facts(phase: str, said: Document, origins: Mapping[str, str]) -> Iterator[tuple[_Key, _Fact]]:
    """Yield the facts of one validation phase. A phase that is named is a phase that runs, whatever it holds."""
    root = f"/validation/{phase}"
    yield _Key("phase", "", phase), _Fact({}, origins.get(root, ""))
    for key, value in said.items():
        if key == "checks":
            for number, check in enumerate(value):
                yield _Key("check", "", f"{phase}: {check}"), _Fact({}, origins.get(f"{root}/checks/{number}", ""))
            yield _Key("order", "", f"{phase}: checks"), _Fact(value)
        elif key == "constraints":
            yield from _constraint_facts(value, f"{phase}: ", f"{root}/constraints", origins)
            yield _Key("order", "", f"{phase}: constraints"), _Fact([each["name"] for each in value])
        else:
            yield _Key("phase", "", f"{phase}: {key}"), _Fact(value, origins.get(f"{root}/{key}", ""))
        if key in ("checks", "constraints") and not value:
            yield _Key("phase", "", f"{phase}: {key}"), _Fact([])  # says that what was inherited is dropped


def _component_facts(
    component: ComponentRef, origins: Mapping[str, str], *, deployed: bool
) -> Iterator[tuple[_Key, _Fact]]:
    name, document = component.name, component.document
    root = f"/components/{escape(name)}"
    shown = {key: document[key] for key in ("version", "tag", "namespace") if key in document}
    yield _Key("component", name, ""), _Fact({**shown, "deployed": deployed}, origins.get(f"{root}/name", ""))
    for key, value in document.items():
        if key == "values":
            for path, leaf in _leaves(value):
                yield _Key("value", name, path), _Fact(leaf, origins.get(f"{root}/values{path}", ""))
        elif key == "manifests":
            for path, digest in value.items():
                yield _Key("manifest", name, path), _Fact(digest)
        elif key == "images":
            yield _Key("image", name, ""), _Fact(value)
            for repository, tags in _tags(value).items():
                yield _Key("image", name, repository), _Fact(tags)
        elif key == "healthCheckAsserts":
            yield _Key("field", name, "healthCheck"), _Fact(text_digest(value))
        elif key == "registry":
            for fact, said in value.items():
                yield _Key("registry", name, fact), _Fact(said)
        elif key != "name":
            yield _Key("field", name, key), _Fact(value, origins.get(f"{root}/{key}", ""))


def _leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (JSON Pointer, value) of every scalar, list and empty map: lists replace as a whole, so they differ so."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from _leaves(value, f"{path}/{escape(key)}")
    else:
        yield path, values


def _tags(references: list[str]) -> dict[str, str]:
    """Return the tags (and digests) of images by repository, so that a moved tag is one change."""
    found: dict[str, list[str]] = {}
    for reference in references:
        name, at, digest = reference.partition("@")
        repository, colon, tag = name.rpartition(":")
        found.setdefault(repository if colon else name, []).append(f"{tag}{at}{digest}")
    return {repository: ", ".join(sorted(tags)) for repository, tags in found.items()}
