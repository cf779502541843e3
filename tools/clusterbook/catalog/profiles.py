"""Profiles: choices that criteria cannot express, such as who installs the driver, and whether one is declared well.

Every answer of a profile decides the same values, so that none is left to what another would have said. Source: the
reference's ADR-015.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.catalog.layers import Profile, ProfileValue
from clusterbook.catalog.values import Branch, Tree
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import did_you_mean
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.api_version import FOREIGN, PROFILED, PROFILED_ALPHA
from clusterbook.documents.schema import WRONG_DOCUMENT
from clusterbook.documents.yaml_reader import Node

UNCLEAR_PROFILE = Code(
    "CB016",
    "profile whose values do not exclude each other",
    "error",
    "The answers of a profile exclude each other, and each has to decide the same values; else one answer would leave"
    " a value to chance.",
    "Write the same paths below the overrides of every value, and name one of the values as the default.",
)

PROFILE_VERSIONS = (PROFILED_ALPHA, PROFILED)
"""What an overlay of the reference says that declares a profile; ours says what all of ours say."""

OwnedPaths = dict[str, list[str]]


def wears_profile(text: str) -> bool:
    """Return whether a text may be a document that declares a profile, of which nothing may be overlooked."""
    return any(version in text for version in PROFILE_VERSIONS)


def version_findings(overlay: Node, file: str) -> Iterator[Finding]:
    """Yield what is wrong where the apiVersion of an overlay and its profile do not belong together."""
    version, profile = overlay.get("apiVersion"), overlay.get("spec", "profile")
    text = version.string() if version else ""
    if profile is None and version is not None and text in PROFILE_VERSIONS:
        place = Place(file, version.line, version.column)
        what = f"apiVersion '{text}' is for overlays that declare a profile, and this one declares none"
        yield WRONG_DOCUMENT.finding(place, what, "write spec.profile, or correct the apiVersion")
    elif profile is not None and text in FOREIGN and text not in PROFILE_VERSIONS:
        place = Place(file, profile.key_line, profile.key_column)
        what = f"an overlay with apiVersion '{text}' cannot declare a profile"
        yield WRONG_DOCUMENT.finding(place, what, f"write {' or '.join(PROFILE_VERSIONS)}")


def leaf_paths(tree: Tree | None, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every value in a tree; lists and null are values."""
    if not isinstance(tree, Branch) or (path and not tree.children):
        if tree is not None:
            yield path
        return
    for key, child in tree.children.items():
        yield from leaf_paths(child, f"{path}.{key}" if path else key)


def decided_paths(value: ProfileValue) -> dict[str, set[str]]:
    """Return the paths that one answer decides, by component."""
    return {part.name: set(leaf_paths(part.overrides)) for part in value.components}


def owned_paths(profile: Profile) -> OwnedPaths:
    """Return the paths that a profile decides, sorted, by component; whether it is deployed is one of them."""
    paths: dict[str, set[str]] = {}
    for value in profile.values.values():
        for name, decided in decided_paths(value).items():
            paths.setdefault(name, {"enabled"}).update(decided)
    return {name: sorted(paths[name]) for name in sorted(paths)}


def profile_findings(profile: Profile) -> Iterator[Finding]:
    """Yield what keeps a profile from being a choice."""

    def report(place: Place, what: str, hint: str) -> Finding:
        return UNCLEAR_PROFILE.finding(place, f"profile '{profile.name}' {what}", hint)

    if profile.default not in profile.values:
        hint = did_you_mean(profile.default, profile.values)
        yield report(profile.place, f"has the default '{profile.default}', which is not one of its values", hint)
    names: dict[str, str] = {}
    for value in profile.values.values():
        known = names.setdefault(value.name.lower(), value.name)
        if known != value.name:
            yield report(value.place, f"has the values '{known}' and '{value.name}'", "names differ in more than case")
        components = [part.name for part in value.components]
        for part in value.components:
            if components.count(part.name) > 1 and part is not value.components[components.index(part.name)]:
                yield report(part.place, f"names {part.name} twice in '{value.name}'", "write one entry a component")
            if "enabled" in leaf_paths(part.overrides):
                yield report(
                    part.place,
                    f"switches {part.name}",
                    "a profile sets values, it does not enable or disable components",
                )
        constraints = [name for name, _ in value.constraints]
        for number, (name, origin) in enumerate(value.constraints):
            if name in constraints[:number]:
                yield report(origin.place, f"has the constraint {name} twice in '{value.name}'", "keep one of them")
    yield from _uneven(profile)


def _uneven(profile: Profile) -> Iterator[Finding]:
    """Yield which answers leave a value open that another decides."""
    decided = {name: decided_paths(value) for name, value in profile.values.items()}
    every = {(component, path) for parts in decided.values() for component, paths in parts.items() for path in paths}
    for name, parts in decided.items():
        missing = sorted((component, path) for component, path in every if path not in parts.get(component, ()))
        if missing:
            component, path = missing[0]
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            what = (
                f"profile '{profile.name}' leaves {component} {path}{more} unset in '{name}', but other values set it"
            )
            yield UNCLEAR_PROFILE.finding(profile.values[name].place, what, f"set {path} in '{name}'")
