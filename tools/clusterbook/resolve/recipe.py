"""RecipeResult: a resolved recipe as everybody reads it, a frozen view of its document.

The document stays what is written, sent and hashed; the view only names what is in it, and null is as good as absent.
Whether a document that somebody hands in has the shape that the view relies on, `recipe_schema` says.
Part of every look-up, so it imports next to nothing. Source: reference rows R13-R17.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from clusterbook.records import Any, NamedTuple

Document = Mapping[str, Any]

KIND = "RecipeResult"
COMPONENTS, ORDER = "componentRefs", "deploymentOrder"
TYPES = {"helm": "Helm", "kustomize": "Kustomize"}
"""What a component may be, by any spelling."""
SWITCHES = ("enabled", "install")
"""Overrides of which either, where it is false, keeps a component from being deployed."""


def deployment_levels(needs: Mapping[str, Sequence[str]], order: Sequence[str]) -> dict[str, int]:
    """Return the topological level of each name in `order`, which lists what a name needs before it; 0 needs nothing.

    What stands on one level may be deployed side by side. Source: reference row R41.
    """
    levels: dict[str, int] = {}
    for name in order:
        levels[name] = 1 + max((levels[need] for need in needs.get(name, ()) if need in levels), default=-1)
    return levels


class ComponentRef(NamedTuple):
    """One component of a recipe. Source: reference row R16; `values`, `registry` and `images` are ours."""

    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the component's name."""
        return str(self.document["name"])

    @property
    def type(self) -> str:
        """Return Helm or Kustomize, "" when it is not said."""
        word = str(self.document.get("type") or "")
        return TYPES.get(word.lower(), word)

    @property
    def source(self) -> str:
        """Return the chart repository or the Git source, "" for manifests alone."""
        return str(self.document.get("source") or "")

    @property
    def chart(self) -> str:
        """Return the chart's name, "" when there is none."""
        return str(self.document.get("chart") or "")

    @property
    def version(self) -> str:
        """Return the chart's version, "" when there is none."""
        return str(self.document.get("version") or "")

    @property
    def namespace(self) -> str:
        """Return the namespace it is deployed to, "" when it is not said."""
        return str(self.document.get("namespace") or "")

    @property
    def values(self) -> Mapping[str, Any]:
        """Return its Helm values."""
        return self.document.get("values") or {}

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Return the values that layers wrote into the recipe itself."""
        return self.document.get("overrides") or {}

    @property
    def dependencies(self) -> list[str]:
        """Return the names of the components that are deployed before it."""
        return self.document.get("dependencyRefs") or []

    @property
    def manifests_before(self) -> list[str]:
        """Return the paths of the manifests that are applied before its chart."""
        return self.document.get("preManifestFiles") or []

    @property
    def manifests_after(self) -> list[str]:
        """Return the paths of the manifests that are applied after its chart."""
        return self.document.get("manifestFiles") or []

    @property
    def expected_resources(self) -> list[Document]:
        """Return the objects that must exist once it is deployed."""
        return self.document.get("expectedResources") or []

    @property
    def health_check(self) -> str:
        """Return the text of its health check, "" when there is none in the recipe."""
        return str(self.document.get("healthCheckAsserts") or "")

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what the component registry says of it, {} where the recipe does not carry it."""
        return self.document.get("registry") or {}

    @property
    def images(self) -> list[str]:
        """Return the images it starts, as far as the recipe names them."""
        return self.document.get("images") or []

    @property
    def image_variants(self) -> list[Mapping[str, Any]]:
        """Return the images whose tags an operator completes on each node."""
        return self.document.get("imageVariants") or []

    @property
    def image_gaps(self) -> list[Mapping[str, Any]]:
        """Return which of its images are not known, and why."""
        return self.document.get("imageGaps") or []


class RecipeResult(NamedTuple):
    """A resolved recipe."""

    document: Document

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return its metadata."""
        return self.document.get("metadata") or {}

    @property
    def slug(self) -> str:
        """Return the recipe's name, "" for a recipe of another program."""
        return str(self.metadata.get("slug") or "")

    @property
    def version(self) -> str:
        """Return the version under which it was published, "" when it was not."""
        return str(self.metadata.get("version") or "")

    @property
    def criteria(self) -> Mapping[str, Any]:
        """Return the criteria that it answers, what is left out being any."""
        return self.document.get("criteria") or {}

    @property
    def selected_profile(self) -> Mapping[str, Any]:
        """Return what it records of its profile: name, value and `ownedPaths`; {} where it has none."""
        return self.metadata.get("selectedProfile") or {}

    @property
    def chosen(self) -> dict[str, str]:
        """Return what was chosen for it, by name: its profile, and each of its configurations."""
        profile = self.selected_profile
        chosen = {str(profile["name"]): str(profile["value"])} if profile else {}
        return {**chosen, **dict(_leaves(self.document.get("configuration") or {}))}

    @property
    def components(self) -> tuple[ComponentRef, ...]:
        """Return its components as the document lists them, those that are switched off included."""
        return tuple(map(ComponentRef, self.document.get(COMPONENTS) or ()))

    @property
    def by_name(self) -> dict[str, ComponentRef]:
        """Return its components by name."""
        return {component.name: component for component in self.components}

    @property
    def order(self) -> list[str]:
        """Return the names of the components that are deployed, dependencies first."""
        return self.document.get(ORDER) or []

    @property
    def files(self) -> Mapping[str, str]:
        """Return the texts of the manifests that travel with the recipe, by path."""
        return self.document.get("files") or {}

    @property
    def is_whole(self) -> bool:
        """Return whether it carries what a bundle needs, so that nobody has to be asked."""
        return COMPONENTS in self.document and all("registry" in each.document for each in self.components)

    def deploys(self, component: ComponentRef) -> bool:
        """Return whether `component` is deployed; a recipe without an order deploys all. Source: reference row R39."""
        if any(component.overrides.get(name) is False for name in SWITCHES):
            return False
        return self.document.get(ORDER) is None or component.name in self.order

    def two_answers(self) -> Iterator[tuple[str, str]]:
        """Yield each component that its overrides switch off and the order deploys, with the switch."""
        for component in self.components:
            if component.name in self.order:
                yield from ((component.name, name) for name in SWITCHES if component.overrides.get(name) is False)

    def with_components(self, components: Iterable[Document]) -> dict[str, Any]:
        """Return the document with these entries in place of its components."""
        return {**self.document, COMPONENTS: list(components)}


def _leaves(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted path and the text of every value."""
    for key, value in document.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(value, where)
        else:
            yield where, str(value)
