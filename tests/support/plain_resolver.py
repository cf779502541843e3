"""A second resolver, written from the description of the reference alone: plain dicts, no origins, no cleverness.

It shares nothing with ours, so that both are wrong in the same way only where the description is. It knows what trees
of August need: overlays, mixins, profiles, the accounting of Slurm. Source: reference rows R18-R42, its ADR-015, 016.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

Document = dict[str, Any]
DIMENSIONS = ("service", "accelerator", "intent", "os", "platform")
WORDS = ("namespace", "chart", "type", "source", "version", "tag", "path", "valuesFile")
SHOWN = ("name", "type", "source", "namespace", "chart", "version", "tag", "path", "dependencyRefs")
DATABASE = ("mariadb-operator-crds", "mariadb-operator", "slurm-accounting-mariadb")


class Refused(Exception):
    """There is no recipe for a query."""


class PlainResolver:
    """A tree, read once."""

    def __init__(self, root: Path) -> None:
        yaml = YAML(typ="safe")
        read = [yaml.load(path) for path in sorted(root.glob("overlays/*.yaml"))]
        self.overlays: dict[str, Document] = {each["metadata"]["name"]: each["spec"] or {} for each in read}
        self.base = self.overlays.pop("base")
        mixins = [yaml.load(path) for path in sorted(root.glob("mixins/*.yaml"))]
        self.mixins: dict[str, Document] = {each["metadata"]["name"]: each["spec"] for each in mixins}
        self.registry = {each["name"]: each for each in yaml.load(root / "registry.yaml")["components"]}
        found = {str(path.relative_to(root)): yaml.load(path) for path in root.glob("components/*/values*.yaml")}
        self.values: dict[str, Document] = {path: values or {} for path, values in found.items()}

    # --- which overlays -----------------------------------------------------------------------------------------------

    def chain(self, name: str) -> list[str]:
        """Return an overlay and what it builds on, the root first."""
        parent = self.overlays[name].get("base")
        return [*(self.chain(parent) if parent and parent != "base" else []), name]

    def claims(self, name: str) -> dict[str, str]:
        """Return what an overlay claims, without what it leaves open."""
        criteria = self.overlays[name].get("criteria") or {}
        return {key: word for key, word in criteria.items() if key in DIMENSIONS and word not in (None, "", "any")}

    def leaves(self, query: Mapping[str, str]) -> list[str]:
        """Return the matching overlays on which no other match builds, the least specific first."""
        matching = [
            name
            for name in self.overlays
            if self.overlays[name].get("criteria") is not None
            and all(query.get(key) == word for key, word in self.claims(name).items())
        ]
        below = {parent for name in matching for parent in self.chain(name)[:-1]}
        return sorted((name for name in matching if name not in below), key=lambda name: (len(self.claims(name)), name))

    def applied(self, query: Mapping[str, str]) -> list[str]:
        """Return all overlays that a query brings, in the order in which they are merged."""
        return list(dict.fromkeys(name for leaf in self.leaves(query) for name in self.chain(leaf)))

    def check_coverage(self, query: Mapping[str, str], applied: Iterable[str]) -> None:
        """Raise Refused where a criterion changes nothing, or where only an OS would tell which recipe is meant."""
        claims = [self.claims(name) for name in applied]
        for key, word in query.items():
            if not any(each.get(key) == word for each in claims):
                raise Refused(f"{key} {word} is in no overlay")
        if "os" in query or any(all(each.get(key) == word for key, word in query.items()) for each in claims):
            return
        systems = {system for name in self.overlays if (system := self.claims(name).get("os"))}
        more = {system for system in systems if {*self.applied({**query, "os": system})} - {*self.applied(query)}}
        if more:
            raise Refused(f"an os is needed: {sorted(more)}")

    # --- what comes of them -------------------------------------------------------------------------------------------

    def resolve(
        self, query: Mapping[str, str], profile: str = "", mode: str = "disabled", inventory: str = ""
    ) -> Document:
        """Return the recipe for a query, its values in place.

        Args:
            query: what is asked, without what is left open.
            profile: `name=value`, or "" for the default.
            mode: who brings the database of Slurm's accounting.
            inventory: whether the inventory of AI software is deployed; "" where nothing is said of it.

        Raises:
            Refused: there is none.
        """
        applied = self.applied(query)
        self.check_coverage(query, applied)
        constraints: dict[str, Document] = {}
        components: dict[str, Document] = {}
        for spec in (self.base, *(self.overlays[name] for name in applied)):
            constraints |= {each["name"]: each for each in spec.get("constraints") or ()}
            for ref in spec.get("componentRefs") or ():
                merge_ref(components.setdefault(ref["name"], {"name": ref["name"]}), ref)
        for name in dict.fromkeys(mixin for each in applied for mixin in self.overlays[each].get("mixins") or ()):
            self._mix(self.mixins[name], constraints, components)
        metadata: Document = {"appliedOverlays": ["base", *applied]}
        chosen = self._choose(applied, profile)
        if chosen is not None:
            declaration, value = chosen
            metadata["selectedProfile"] = self._apply(declaration, value, constraints, components)
        found: Document = {"metadata": metadata}
        if query.get("platform") == "slurm":
            account(components, mode)
            found["configuration"] = {"slurm": {"accounting": {"mode": mode}}}
        if inventory:
            merge_ref(components["k8s-aibom"], {"overrides": {"install": False}} if inventory == "disabled" else {})
            found["configuration"] = {**found.get("configuration", {}), "runtimeInventory": {"mode": inventory}}
        for ref in components.values():
            self._complete(ref)
        return {
            **found,
            "constraints": [constraints[name] for name in sorted(constraints)],
            "components": {name: self._shown(components[name]) for name in sorted(components)},
            "deploymentOrder": order(components),
        }

    def _mix(self, mixin: Document, constraints: dict[str, Document], components: dict[str, Document]) -> None:
        for each in mixin.get("constraints") or ():
            if each["name"] in constraints:
                raise Refused(f"two constraints {each['name']}")
            constraints[each["name"]] = each
        for ref in mixin.get("componentRefs") or ():
            known = ref["name"] in components
            merge_ref(components.setdefault(ref["name"], {"name": ref["name"]}), {} if known else ref)

    def _choose(self, applied: list[str], profile: str) -> tuple[Document, str] | None:
        declared = [found for name in applied if (found := self.overlays[name].get("profile"))]
        if len(declared) > 1:
            raise Refused("two profiles")
        if not declared:
            if profile:
                raise Refused("nothing can be chosen")
            return None
        name, _, value = profile.partition("=")
        if profile and (name != declared[0]["name"] or value not in declared[0]["values"]):
            raise Refused(f"there is no {profile}")
        return declared[0], value or declared[0]["default"]

    def _apply(
        self, declaration: Document, value: str, constraints: dict[str, Document], components: dict[str, Document]
    ) -> Document:
        owned: dict[str, set[str]] = {}
        for option in declaration["values"].values():
            for ref in option["componentRefs"]:
                owned.setdefault(ref["name"], {"enabled"}).update(leaf_paths(ref["overrides"]))
        if any(name not in components or not deployed(components[name]) for name in owned):
            raise Refused("a component of the profile is missing")
        option = declaration["values"][value]
        for each in option.get("constraints") or ():
            if each["name"] in constraints:
                raise Refused(f"two constraints {each['name']}")
            constraints[each["name"]] = each
        for ref in option["componentRefs"]:
            merge_ref(components[ref["name"]], ref)
        paths = {name: sorted(each) for name, each in sorted(owned.items())}
        advertiser = {"advertiser": option["advertiser"]} if option.get("advertiser") else {}
        return {"name": declaration["name"], "value": value, **advertiser, "ownedPaths": paths}

    def _complete(self, ref: Document) -> None:
        """Fill what an entry leaves to the registry, and put its values in place."""
        entry = self.registry.get(ref["name"], {})
        helm, kustomize = entry.get("helm"), entry.get("kustomize")
        if not ref.get("type"):
            ref["type"] = "Kustomize" if kustomize else "Helm"
        defaults = (
            {
                "source": (helm or {}).get("defaultRepository"),
                "version": (helm or {}).get("defaultVersion"),
                "namespace": (helm or {}).get("defaultNamespace"),
                "chart": ((helm or {}).get("defaultChart") or "").rpartition("/")[2],
            }
            if ref["type"] == "Helm"
            else {key: (kustomize or {}).get(f"default{key.title()}") for key in ("source", "tag", "path")}
        )
        for key, word in defaults.items():
            if not ref.get(key) and word:
                ref[key] = str(word)
        file, own = ref.get("valuesFile"), f"components/{ref['name']}/values.yaml"
        values: Document = {}
        if file:
            values = settle(self.values.get(own, {}), self.values[file]) if file != own else deepcopy(self.values[own])
        ref["values"] = settle(values, ref.get("overrides") or {})

    def _shown(self, ref: Document) -> Document:
        shown = {key: ref[key] for key in SHOWN if ref.get(key)}
        shown.setdefault("source", "")
        return {**shown, **({"values": ref["values"]} if ref["values"] else {})}


# --- rules of merging -------------------------------------------------------------------------------------------------


def merge_ref(known: Document, ref: Document) -> None:
    """Lay what one layer says of a component over what was said before."""
    known.update({word: ref[word] for word in WORDS if ref.get(word)})
    for key in ("dependencyRefs", "manifestFiles", "preManifestFiles"):
        if ref.get(key):
            known[key] = list(dict.fromkeys([*known.get(key, ()), *ref[key]]))
    if ref.get("overrides"):
        known["overrides"] = lay(known.get("overrides") or {}, ref["overrides"])


def lay(below: Document, above: Document) -> Document:
    """Return maps merged, lists and scalars replaced, null kept."""
    found = deepcopy(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = lay(found[key], value) if both else deepcopy(value)
    return found


def settle(below: Document, above: Document) -> Document:
    """Return maps merged as `lay` does, where null takes a key away."""
    found = deepcopy(below)
    for key, value in above.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = settle(found[key], value)
        else:
            found[key] = deepcopy(value)
    return found


def leaf_paths(tree: Document, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every leaf."""
    for key, value in tree.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict) and value:
            yield from leaf_paths(value, where)
        else:
            yield where


def deployed(ref: Document) -> bool:
    """Return whether a component is deployed."""
    overrides = ref.get("overrides") or {}
    return overrides.get("enabled") is not False and overrides.get("install") is not False


def account(components: dict[str, Document], mode: str) -> None:
    """Set who brings the database of Slurm's accounting."""
    said: dict[str, Document] = {name: {"install": mode == "aicr-provided"} for name in DATABASE}
    said["slinky-slurm"] = {"accounting": {"enabled": mode != "disabled"}}
    for name, overrides in said.items():
        if name in components:
            merge_ref(components[name], {"overrides": overrides})


def order(components: Mapping[str, Document]) -> list[str]:
    """Return the components that are deployed, dependencies first, the alphabet deciding among those that may be next.

    Raises:
        Refused: one needs what is not there, or they need each other.
    """
    waiting = {name: {*ref.get("dependencyRefs", ())} for name, ref in components.items() if deployed(ref)}
    for needs in waiting.values():
        if not needs <= components.keys():
            raise Refused(f"unknown: {sorted(needs - components.keys())}")
        needs -= {name for name in needs if name not in waiting}
    found: list[str] = []
    while waiting:
        ready = min((name for name, needs in waiting.items() if not needs), default=None)
        if ready is None:
            raise Refused(f"a circle: {sorted(waiting)}")
        del waiting[ready]
        found.append(ready)
        for needs in waiting.values():
            needs.discard(ready)
    return found
