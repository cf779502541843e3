"""Profiles within a recipe: which choices its layers offer, and what the chosen answer of each puts over them.

A profile goes over everything and never against it: what it decides has to be there, and a constraint of its own
replaces none. Source: the reference's ADR-015.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clusterbook.catalog.layers import ComponentLayer, Layer, Profile, ProfileValue
from clusterbook.catalog.profiles import OwnedPaths, owned_paths
from clusterbook.catalog.values import Origins
from clusterbook.resolve.choices import Offer, Offers
from clusterbook.resolve.component import Component, Conflict
from clusterbook.snapshot.constraint import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class SelectedProfile:
    """The answer that a recipe has to the profile it declares, and the values that this decides."""

    profile: Profile
    value: ProfileValue
    owned: OwnedPaths

    def document(self) -> dict[str, Any]:
        """Return what a recipe records of it."""
        advertiser = {"advertiser": self.value.advertiser} if self.value.advertiser else {}
        return {"name": self.profile.name, "value": self.value.name, **advertiser, "ownedPaths": self.owned}


def declared_profile(layers: Sequence[Layer]) -> Profile | None:
    """Return the profile that layers declare, None when none does.

    Raises:
        Conflict: two of them declare one.
    """
    profiles = [layer.profile for layer in layers if layer.profile is not None]
    if len(profiles) > 1:
        names = " and ".join(f"'{profile.overlay}'" for profile in profiles)
        what = f"the overlays {names} both declare a profile"
        raise Conflict(what, place=profiles[1].place, hint="declare it once, in an overlay that both build on")
    return profiles[0] if profiles else None


def offered_configurations(
    configurations: Sequence[Profile], components: Collection[str], is_enabled: Callable[[str], bool]
) -> list[Profile]:
    """Return the configurations all of whose components a recipe has; those that confirm, if it deploys them as well.

    What a recipe declines stays declined.
    """
    found = []
    for configuration in configurations:
        named = {part.name for value in configuration.values.values() for part in value.components}
        if named <= set(components) and (not configuration.confirms or all(map(is_enabled, named))):
            found.append(configuration)
    return found


def offers_of(profiles: Sequence[Profile]) -> Offers:
    """Return choices as they are offered."""
    return {profile.name: Offer(profile.default, tuple(profile.values), profile.confirms) for profile in profiles}


def lay_over(value: ProfileValue, parts: dict[str, list[ComponentLayer]]) -> None:
    """Put what an answer decides over what the layers say of its components."""
    for part in value.components:
        parts[part.name] = [*parts[part.name], part]


def join_constraints(selected: SelectedProfile, constraints: dict[str, Origins]) -> None:
    """Add the constraints of an answer to those of the recipe.

    Raises:
        Conflict: the recipe has one of that name.
    """
    for name, origin in selected.value.constraints:
        if name in constraints:
            owner = constraints[name][-1].layer
            what = f"profile '{selected.profile.name}' sets the constraint '{name}', which {owner} already sets"
            raise Conflict(what, place=origin.place, hint="remove one of them")
        constraints[name] = (origin,)


def refuse_absent(profile: Profile, parts: Mapping[str, Sequence[ComponentLayer]]) -> None:
    """Raise Conflict where a component that a profile names is not in the recipe."""
    for value in profile.values.values():
        for part in value.components:
            if part.name not in parts:
                what = f"profile '{profile.name}' sets values of '{part.name}', which is not in the recipe"
                raise Conflict(what, place=part.place, hint="add the component, or leave it out of the profile")


def refuse_disabled(profile: Profile, components: Sequence[Component]) -> None:
    """Raise Conflict where a component that a profile names is switched off."""
    enabled = {component.name for component in components if component.enabled}
    for value in profile.values.values():
        for part in value.components:
            if part.name not in enabled:
                what = f"profile '{profile.name}' sets values of '{part.name}', which is disabled"
                raise Conflict(what, place=part.place, hint="enable it, or leave it out of the profile")


def refuse_shared(profile: Profile, configurations: Sequence[Profile]) -> None:
    """Raise Conflict where a profile and a configuration decide the same value."""
    mine = owned_paths(profile)
    for configuration in configurations:
        for component, paths in owned_paths(configuration).items():
            both = set(paths).intersection(mine.get(component, ())) - {"enabled"}
            if both:
                what = f"profile '{profile.name}' and {configuration.name} both set {component} {min(both)}"
                raise Conflict(what, place=profile.place, hint="leave it out of the profile")


def profile_failure(selected: SelectedProfile | None, evaluate: Callable[[str, str], Verdict]) -> str:
    """Return why the chosen answer of a profile is not for a cluster, "" when it is or there is none.

    What cannot be read counts as not so: the answers exclude each other, and nobody knows which one is true.
    """
    for name, origin in selected.value.constraints if selected else ():
        verdict = evaluate(name, str(origin.value.get("value", "")))
        if not verdict.passed:
            remedy = origin.value.get("remediation")
            return f"{origin.layer}: {verdict.reason} ({origin.place}){f'; {remedy}' if remedy else ''}"
    return ""
