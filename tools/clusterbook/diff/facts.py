"""What a recipe consists of, fact by fact: each under a key of its own, with who had the last word about it.

Law: two recipes are the same just when their facts are. `diff` joins them; whoever else compares recipes joins what
`export` writes of them.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from clusterbook.documents.digest import text_digest
from clusterbook.resolve.document import escape
from clusterbook.resolve.recipe import COMPONENTS, ORDER, ComponentRef, RecipeResult

Document = dict[str, Any]

SECTIONS = (
    "recipe", "component", "field", "value", "dynamic", "manifest", "image", "registry",
    "constraint", "phase", "check", "order", "option", "edit",
)  # fmt: skip
"""What a change may be about, in the order in which changes are shown. `field`, `value`, `dynamic`, `manifest`, `image`
and `registry` belong to a component; `dynamic` is a value that is left to the installation, `registry` what the
component registry tells a bundle about it. `option` and `edit` belong to a bundle: how it is delivered, and files that
somebody changed since it was made."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two recipes: what it is called, its content, and who had the last word, by pointer, where that is known.

    `whole` is false for a recipe of which manifests, images and registry facts are not at hand. `dynamic` are the
    values that are left to the installation, by component; `options` (how it is delivered) and `edits` (file → what
    became of it) are those of a bundle, None where it is none; `edited` says place by place what became of these files.
    """

    label: str
    content: Document
    origins: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    dynamic: Mapping[str, Document] = field(default_factory=dict)
    options: Mapping[str, Any] | None = None
    edits: Mapping[str, str] | None = None
    edited: Mapping[FactSubject, Fact] = field(default_factory=dict)


class FactSubject(NamedTuple):
    """What a fact is about. The facts without a `key` of their own stand for a component, or for all its images."""

    section: str
    component: str
    key: str


class Fact(NamedTuple):
    """What is so, and who had the last word about it, "" where nobody knows."""

    value: Any
    origin: str = ""


_APART = ("metadata", COMPONENTS, ORDER, "constraints", "validation", "criteria")
BEYOND = ("manifest", "image", "registry")
"""What is compared only where both sides are whole."""
ROOTS = ("component", "image")
"""Sections in which a fact without a key stands for all below it: when it comes or goes, only that is told."""
_UNCOMPARED = ("version", "digest")
"""What a published recipe says about itself: its name, not its content."""


def facts(side: Side, without: Container[str] = ()) -> Iterator[tuple[FactSubject, Fact]]:
    """Yield every fact of a recipe, each under a key of its own, but for those of some components."""
    yield from recipe_facts(side)
    recipe = RecipeResult(side.content)
    for component in recipe.components:
        if component.name not in without:
            yield from component_facts(component, side.origins, deployed=component.name in recipe.order)


def shared(old: Side, new: Side) -> frozenset[str]:
    """Return the components that two recipes have as the very same object, as versions in a ledger share theirs."""
    one, other = RecipeResult(old.content), RecipeResult(new.content)
    known = {component.name: component.document for component in one.components}
    deployed = set(one.order), set(other.order)
    return frozenset(
        component.name
        for component in other.components
        if known.get(component.name) is component.document
        and (component.name in deployed[0]) == (component.name in deployed[1])
    )


def recipe_facts(side: Side) -> Iterator[tuple[FactSubject, Fact]]:
    """Yield the facts of a recipe that are not those of its components in the recipe."""
    content = side.content
    for key, value in content["metadata"].items():
        if key not in _UNCOMPARED:
            yield FactSubject("recipe", "", key), Fact(value)
    for key, value in content.get("criteria", {}).items():
        yield FactSubject("recipe", "", f"criteria: {key}"), Fact(value)
    for key in sorted(content.keys() - set(_APART)):
        yield FactSubject("recipe", "", key), Fact(content[key])
    yield FactSubject("order", "", "deployment"), Fact(RecipeResult(content).order)
    yield from _constraint_facts(content.get("constraints", []), "", "/constraints", side.origins)
    for phase, said in content.get("validation", {}).items():
        yield from _phase_facts(phase, said, side.origins)
    for name, values in side.dynamic.items():
        yield from ((FactSubject("dynamic", name, path), Fact(leaf)) for path, leaf in leaves(values))
    yield from ((FactSubject("option", "", option), Fact(value)) for option, value in (side.options or {}).items())
    yield from ((FactSubject("edit", "", path), Fact(what)) for path, what in (side.edits or {}).items())
    yield from side.edited.items()


def _constraint_facts(
    constraints: list[Document], lead: str, root: str, origins: Mapping[str, str]
) -> Iterator[tuple[FactSubject, Fact]]:
    for number, constraint in enumerate(constraints):
        said = {key: value for key, value in constraint.items() if key != "name"}
        fact = Fact(said, origins.get(f"{root}/{number}", ""))
        yield FactSubject("constraint", "", f"{lead}{constraint['name']}"), fact


def _phase_facts(phase: str, declared: Document, origins: Mapping[str, str]) -> Iterator[tuple[FactSubject, Fact]]:
    """Yield the facts of one validation phase. A phase that is named is a phase that runs, whatever it holds."""
    root = f"/validation/{phase}"
    yield FactSubject("phase", "", phase), Fact({}, origins.get(root, ""))
    for key, value in declared.items():
        if key == "checks":
            for number, check in enumerate(value):
                yield (
                    FactSubject("check", "", f"{phase}: {check}"),
                    Fact({}, origins.get(f"{root}/checks/{number}", "")),
                )
            yield FactSubject("order", "", f"{phase}: checks"), Fact(value)
        elif key == "constraints":
            yield from _constraint_facts(value, f"{phase}: ", f"{root}/constraints", origins)
            yield FactSubject("order", "", f"{phase}: constraints"), Fact([each["name"] for each in value])
        else:
            yield FactSubject("phase", "", f"{phase}: {key}"), Fact(value, origins.get(f"{root}/{key}", ""))
        if key in ("checks", "constraints") and not value:
            yield FactSubject("phase", "", f"{phase}: {key}"), Fact([])  # says that what was inherited is dropped


def component_facts(
    component: ComponentRef, origins: Mapping[str, str], *, deployed: bool
) -> Iterator[tuple[FactSubject, Fact]]:
    """Yield the facts of one component of a recipe; `origins` are those of the recipe."""
    name, document = component.name, component.document
    root = f"/components/{escape(name)}"
    shown = {key: document[key] for key in ("version", "tag", "namespace") if key in document}
    yield FactSubject("component", name, ""), Fact({**shown, "deployed": deployed}, origins.get(f"{root}/name", ""))
    for key, value in document.items():
        if key == "values":
            for path, leaf in leaves(value):
                yield FactSubject("value", name, path), Fact(leaf, origins.get(f"{root}/values{path}", ""))
        elif key == "manifests":
            for path, digest in value.items():
                yield FactSubject("manifest", name, path), Fact(digest)
        elif key == "images":
            yield FactSubject("image", name, ""), Fact(value)
            for repository, tags in _tags(value).items():
                yield FactSubject("image", name, repository), Fact(tags)
        elif key == "healthCheckAsserts":
            yield FactSubject("field", name, "healthCheck"), Fact(text_digest(value))
        elif key == "registry":
            for fact, said in value.items():
                yield FactSubject("registry", name, fact), Fact(said)
        elif key != "name":
            yield FactSubject("field", name, key), Fact(value, origins.get(f"{root}/{key}", ""))


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (JSON Pointer, value) of every scalar, list and empty map: lists replace as a whole, so they differ so."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{path}/{escape(key)}")
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
