"""Locks: the values that a recipe's profile decides, which no option of a bundle decides otherwise.

They are those that the recipe records as owned; where a profile says who tells Kubernetes of the GPUs, they are also
all values that decide how GPUs are given to pods. Source: the reference's ADR-015.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from clusterbook.bundle.settings import Path, Setting
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any
from clusterbook.resolve.recipe import RecipeResult

SWITCH = "enabled"
"""What stands among the owned paths for whether a component is deployed."""


class Locks:
    """The locked paths of one recipe, by component."""

    def __init__(self, recipe: RecipeResult) -> None:
        """Read what a recipe records of its profile."""
        profile = recipe.selected_profile
        self.owned: Mapping[str, list[str]] = profile.get("ownedPaths") or {}
        self._choice = f"{profile.get('name')}={profile.get('value')}"
        self._references = {component.name: component.values for component in recipe.components}
        self._deployed = {component.name for component in recipe.components if recipe.deploys(component)}
        allocation = {each.name: list(each.facts.get("allocationPaths") or ()) for each in recipe.components}
        closed = profile.get("advertiser") == "external" or any(
            path in allocation.get(name, ()) for name, paths in self.owned.items() for path in paths
        )
        paths = {name: {*self.owned.get(name, ()), *(allocation[name] if closed else ())} for name in allocation}
        self._paths = {
            name: [tuple(path.split(".")) for path in sorted(found - {SWITCH})] for name, found in paths.items()
        }

    def refuse_switched_off(self, enabled: Iterable[str]) -> None:
        """Raise InvalidRequest where a component that the profile decides about is in the recipe, and not deployed."""
        off = sorted((self.owned.keys() & self._deployed) - set(enabled))
        if off:
            what = f"{off[0]} is switched off, but the recipe was made for {self._choice}, which sets it"
            raise InvalidRequest(what, hint="leave it enabled, or choose another profile when you make the recipe")

    def kept(self, name: str, values: dict[str, Any]) -> Mapping[Path, Any]:
        """Return what the locked paths of a component are now; `restore` makes them so again."""
        return {path: _state(values, path) for path in self._paths.get(name, ())}

    def restore(self, values: dict[str, Any], kept: Mapping[Path, Any]) -> None:
        """Undo what was written to locked paths by no word of the user."""
        for path, state in kept.items():
            if _state(values, path) != state:
                _write(values, path, state)

    def refuse_divergence(self, name: str, values: Mapping[str, Any], dynamic: Iterable[Setting]) -> None:
        """Raise InvalidRequest where a locked value is another than the recipe's, or is left to the installation."""
        for path in self._paths.get(name, ()):
            where = f"{name}:{'.'.join(path)}"
            for each in dynamic:
                if path[: len(each.path)] == each.path[: len(path)]:
                    what = (
                        f"{each.flag} {name}:{each.dotted()} leaves {where} to install time, but {self._choice} sets it"
                    )
                    raise InvalidRequest(what, hint="leave it out; choose the profile when you make the recipe")
            if _state(values, path) != _state(self._references[name], path):
                what = f"{where} would differ from the recipe, which was made for {self._choice}"
                hint = "leave the setting out, or make the recipe for another --profile NAME=VALUE"
                raise InvalidRequest(what, hint=hint)


def _state(values: Mapping[str, Any], path: Path) -> tuple[str, str]:
    """Return what is at a path, types included: a value, nothing, or something above it that is no map."""
    found: Any = values
    for key in path:
        if not isinstance(found, Mapping):
            return "blocked", json.dumps(found, sort_keys=True)
        if key not in found:
            return "absent", ""
        found = found[key]
    return "present", json.dumps(found, sort_keys=True)


def _write(values: dict[str, Any], path: Path, state: tuple[str, str]) -> None:
    """Make what is at a path what it was; what was absent goes."""
    kind, text = state
    if kind == "absent":
        if len(path) == 1:
            values.pop(path[0], None)
        elif isinstance(values.get(path[0]), dict):
            _write(values[path[0]], path[1:], state)
    elif len(path) == 1 or kind == "blocked":
        values[path[0]] = json.loads(text)
    else:
        inner = values.setdefault(path[0], {})
        _write(inner, path[1:], state)
