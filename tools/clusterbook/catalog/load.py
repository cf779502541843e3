"""The catalog: everything under recipes/, read and checked for shape.

What is wrong with one file hides nothing in another: findings are collected. Content is judged by `lint`, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import BaseModel

from clusterbook.catalog import schema
from clusterbook.catalog.components import RegistryEntry, read_entry
from clusterbook.catalog.criteria import Criteria, Vocabulary
from clusterbook.catalog.dimensions import read_vocabulary
from clusterbook.catalog.images import image_list_findings
from clusterbook.catalog.layers import Layer, Profile, read_layer, read_profile
from clusterbook.catalog.profiles import PROFILE_VERSIONS, profile_findings, version_findings, wears_profile
from clusterbook.catalog.tree import (
    CRITERIA,
    REGISTRY,
    VALIDATORS,
    SourceFile,
    SourceTree,
    images_of,
    is_layer,
    is_values,
)
from clusterbook.catalog.unread import Unread, left_out_findings, read_unread, with_dependents
from clusterbook.catalog.values import Branch, Origin, Tree, trace
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place, Severity, SourceErrors
from clusterbook.documents.api_version import API_VERSION, FIRST_GENERATION
from clusterbook.documents.schema import MISSING_KEY, UNKNOWN_KEY, WRONG_TYPE, check_shape
from clusterbook.documents.yaml_reader import Node, parse
from clusterbook.transition.record import UpgradeRecord, read_record
from clusterbook.transition.schema import ComponentUpgradesShape

MISSING_FILE = Code(
    "CB014",
    "required file missing",
    "error",
    "Every tree has a component registry and a base overlay; nothing resolves without them.",
    "Add the file.",
)
REPEATED_NAME = Code(
    "CB028",
    "name used twice",
    "error",
    "One of the two documents would win, and which one depends on the order of files.",
    "Give each its own name.",
)

BASE = "base"


@dataclass(frozen=True)
class Catalog:
    """A source tree, read. `findings` are met on the way; `broken` names the files that had to be left out.

    `unread` are the overlays of somebody else's tree that are left out, those that build on them included.
    """

    tree: SourceTree
    components: Mapping[str, RegistryEntry]
    base: Layer
    overlays: Mapping[str, Layer]
    mixins: Mapping[str, Layer]
    validators: Mapping[str, Node]
    values: Mapping[str, Tree]
    documents: Mapping[str, Node]
    vocabulary: Vocabulary
    findings: tuple[Finding, ...]
    public_groups: tuple[str, ...] = ()
    broken: frozenset[str] = frozenset()
    unread: Mapping[str, Unread] = field(default_factory=dict)
    unread_mixins: Mapping[str, Unread] = field(default_factory=dict)
    configurations: tuple[Profile, ...] = ()
    upgrades: Mapping[str, UpgradeRecord] = field(default_factory=dict)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Return base and overlays, sorted by name."""
        return (self.base, *(self.overlays[name] for name in sorted(self.overlays)))

    @cached_property
    def keeps_null(self) -> bool:
        """Return whether a null in values stays null, for Helm to read, instead of deleting what is below.

        In our trees it does, and it did in the first generation of the reference's format; its later ones follow
        reference row R38. The base of a tree says which it is.
        """
        version = self.base.node.get("apiVersion")
        return version is not None and version.string() in (API_VERSION, FIRST_GENERATION)

    def chain(self, name: str) -> list[Layer]:
        """Return the layers from below base down to the overlay `name`; parents that do not exist end it."""
        chain: list[Layer] = []
        while name and name != BASE and name in self.overlays and self.overlays[name] not in chain:
            chain.append(self.overlays[name])
            name = chain[-1].base
        return chain[::-1]


def load_catalog(tree: SourceTree) -> Catalog:
    """Return the catalog in `tree`.

    Raises:
        SourceErrors: with every error found in the documents' syntax and shape.
    """
    catalog = survey_catalog(tree)
    left_out = {unread.file for unread in (*catalog.unread.values(), *catalog.unread_mixins.values())}
    if any(finding.severity == "error" and finding.place.file not in left_out for finding in catalog.findings):
        raise SourceErrors(catalog.findings)
    return catalog


def survey_catalog(tree: SourceTree) -> Catalog:
    """Return as much of the catalog as can be read, for `check`: its findings hold the errors that `load` raises."""
    return _Loader(tree).catalog()


class _Loader:
    """Reads one tree, collecting findings."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self.findings: list[Finding] = []
        self.documents: dict[str, Node] = {}
        self.broken: set[str] = set()
        self.unread: dict[str, dict[str, Unread]] = {"overlays/": {}, "mixins/": {}}
        self._parsed: dict[str, Node | None] = {}

    def catalog(self) -> Catalog:
        components = self.components()
        layers = self.layers("overlays/")
        mixins = self.layers("mixins/")
        base = layers.pop(BASE, None)
        unread = with_dependents(self.unread["overlays/"], layers.values())
        self.findings += left_out_findings(unread, "overlay")
        self.findings += left_out_findings(self.unread["mixins/"], "mixin")
        layers = {name: layer for name, layer in layers.items() if name not in unread}
        if base is None:
            there = BASE in self.unread["overlays/"]
            self.missing("overlays/base.yaml", f"every recipe starts from base; {'fix' if there else 'add'} it")
            base = read_layer(Node({}, 1, 1, 1, 1), self.root("overlays/base.yaml"))
        validators = self.validators()
        claims = (*(layer.criteria for layer in layers.values()), *(each.criteria for each in unread.values()))
        vocabulary = self.vocabulary([criteria for criteria in claims if criteria is not None])
        values = self.values([base, *layers.values(), *mixins.values()])
        self.images(components)
        upgrades = self.upgrades(components)
        return Catalog(
            tree=self.tree,
            components=components,
            base=base,
            overlays=layers,
            mixins=mixins,
            validators=validators,
            values=values,
            documents=self.documents,
            vocabulary=vocabulary,
            findings=tuple(sorted(self.findings, key=lambda finding: (finding.place, finding.code))),
            public_groups=self.public_groups(),
            broken=frozenset(self.broken),
            unread=unread,
            unread_mixins=self.unread["mixins/"],
            configurations=self.configurations(),
            upgrades=upgrades,
        )

    def root(self, path: str) -> str:
        """Return the name in messages of a file that may be absent."""
        for name, source in self.tree.files.items():
            if source.file.endswith(name):
                return source.file[: -len(name)] + path
        return path

    def parse(self, source: SourceFile) -> Node | None:
        """Return the document in a file, None when it is empty or broken; each file is read once."""
        if source.file not in self._parsed:
            ours, node = self.is_ours(source), None
            try:
                whole = ours or wears_profile(source.text) or "kind: RecipeMixin" in source.text
                node = parse(source.text, source.file, first_only=not whole, plain=ours)
            except SourceErrors as error:
                self.findings.extend(error.findings)
                self.broken.add(source.file)
            self._parsed[source.file] = node
        return self._parsed[source.file]

    def is_ours(self, source: SourceFile) -> bool:
        """Return whether a file is of our own tree, or of a private one in our format, where nothing is overlooked."""
        return source.strict if source.external else self.tree.strict

    def document(self, path: str, source: SourceFile, shape: type[BaseModel]) -> Node | None:
        """Return the checked document in a file; None, with findings, when it does not have the shape."""
        before = len(self.findings)
        node = self.parse(source)
        if node is None:
            if source.file not in self.broken:
                self.report(MISSING_KEY, Place(source.file, 1, 1), "the file is empty", "write a document or remove it")
                self.broken.add(source.file)
            return None
        self.documents.setdefault(path, node)
        strict = self.is_ours(source) or shape is schema.RecipeMixinShape or node.get("spec", "profile") is not None
        check_shape(node, source.file, shape, self.findings, strict=strict)
        if shape is schema.RecipeMetadataShape:
            self.findings.extend(version_findings(node, source.file))
        errors = {finding.code for finding in self.findings[before:] if finding.severity == "error"}
        if errors - {UNKNOWN_KEY.code}:  # a document can be understood without a key that means nothing
            self.broken.add(source.file)
            return None
        return node

    def missing(self, path: str, hint: str) -> None:
        """Report that a file every tree needs is not there."""
        file = self.root(path)
        self.report(MISSING_FILE, Place(file), f"{path} is missing", hint)
        self.broken.add(file)

    def report(self, code: Code, place: Place, what: str, hint: str = "", severity: Severity | None = None) -> None:
        self.findings.append(code.finding(place, what, hint, severity))

    def components(self) -> dict[str, RegistryEntry]:
        """Return the component registry, the private tree's entries replacing the public ones by name (F20)."""
        entries: dict[str, RegistryEntry] = {}
        sources = [layer[REGISTRY] for layer in (self.tree.under, self.tree.files) if REGISTRY in layer]
        if not sources:
            self.missing(REGISTRY, "add the component registry")
        for source in sources:
            node = self.document(REGISTRY, source, schema.ComponentRegistryShape)
            names: set[str] = set()
            for entry in (node.get("components") or node).elements() if node else ():
                component = read_entry(entry, source)
                if component.name in names:
                    self.report(
                        REPEATED_NAME,
                        component.place(),
                        f"component '{component.name}' is given twice",
                        "keep one entry per name",
                    )
                    continue
                names.add(component.name)
                entries[component.name] = component
        return entries

    def public_groups(self) -> tuple[str, ...]:
        """Return patterns of the API groups that are public, those of all registries."""
        documents = map(
            self.parse, (layer[REGISTRY] for layer in (self.tree.under, self.tree.files) if REGISTRY in layer)
        )
        lists = (node.get("publicGroups") for node in documents if node)
        return tuple(pattern.string() for patterns in lists if patterns for pattern in patterns.elements())

    def configurations(self) -> tuple[Profile, ...]:
        """Return the choices that our registries know, the later of a name replacing the earlier."""
        layers = (self.tree.under, self.tree.files)
        sources = [layer[REGISTRY] for layer in layers if REGISTRY in layer and self.is_ours(layer[REGISTRY])]
        found: dict[str, Profile] = {}
        for source in (self.tree.ours, *sources):
            node = self.parse(source) if source else None
            listed = node.get("configurations") if node else None
            for item in listed.elements() if listed else ():
                profile = read_profile(item, "registry", source.file if source else "")
                if profile is not None:
                    found[profile.name] = profile
                    self.findings += profile_findings(profile)
        return tuple(found.values())

    def layers(self, folder: str) -> dict[str, Layer]:
        """Return the overlays (or mixins) of the tree by name."""
        layers: dict[str, Layer] = {}
        mixins = folder == "mixins/"
        shape = schema.RecipeMixinShape if mixins else schema.RecipeMetadataShape
        for path, source in sorted(self.tree.files.items(), key=_base_first_private_last):
            if not is_layer(path, mixins=mixins):
                continue
            before = len(self.findings)
            elsewhere = not path.startswith(folder)
            if not mixins and (elsewhere or not self.is_ours(source)) and not self.is_overlay(source, named=elsewhere):
                continue
            node = self.document(path, source, shape)
            is_base = path == "overlays/base.yaml"  # known by its file, whatever it calls itself (R21)
            layer = (
                read_layer(node, source.file, name=BASE if is_base else "", external=source.external) if node else None
            )
            if layer is not None and layer.profile is not None:
                self.findings += profile_findings(layer.profile)
            wrong = [finding for finding in self.findings[before:] if finding.severity == "error"]
            if wrong and not is_base and not self.is_ours(source):
                unread = read_unread(self._parsed.get(source.file), source.file, wrong[0])
                self.unread[folder][unread.name] = unread
                continue
            if layer is None:
                continue
            if layer.name in layers:
                what = f"'{layer.name}' is already the name of {layers[layer.name].file}"
                self.report(
                    REPEATED_NAME,
                    layer.place,
                    what,
                    "give each overlay and mixin a name of its own",
                    "error" if mixins or self.tree.strict else "warning",
                )
                if layer.name == BASE:
                    continue
            layers[layer.name] = layer
        return layers

    def is_overlay(self, source: SourceFile, *, named: bool) -> bool:
        """Return whether a YAML file is an overlay: outside overlays/ it has to say so, inside it may say nothing.

        Source: reference row F2.
        """
        profiled = wears_profile(source.text)
        if named and "RecipeMetadata" not in source.text and not profiled:
            return False
        node = self.parse(source)
        kind, version = (node.get("kind"), node.get("apiVersion")) if node else (None, None)
        if profiled and version is not None and version.string() in PROFILE_VERSIONS:  # a mistyped kind loses none
            return kind is None or kind.string() != "RecipeResult"
        return kind.string() == "RecipeMetadata" if kind else not named

    def validators(self) -> dict[str, Node]:
        """Return the validator catalog's entries by name, the private tree's replacing the public ones (F20)."""
        validators: dict[str, Node] = {}
        for source in [layer[VALIDATORS] for layer in (self.tree.under, self.tree.files) if VALIDATORS in layer]:
            node = self.document(VALIDATORS, source, schema.ValidatorCatalogShape)
            for entry in (node.get("validators") or node).elements() if node else ():
                name = entry.get("name")
                validators[name.string() if name else ""] = entry
        return validators

    def images(self, components: Mapping[str, RegistryEntry]) -> None:
        """Check our own image lists; a file of that name in somebody else's tree may mean anything."""
        for path, source in self.tree.files.items():
            owner = images_of(path) if self.is_ours(source) else ""
            node = self.document(path, source, schema.ComponentImagesShape) if owner else None
            if node is not None:
                self.findings.extend(image_list_findings(node, source.file, component=owner, components=components))

    def upgrades(self, components: Mapping[str, RegistryEntry]) -> dict[str, UpgradeRecord]:
        """Return the upgrade records that the registry names, by component; an unread one of others says nothing."""
        records: dict[str, UpgradeRecord] = {}
        for name, entry in components.items():
            source = self.tree.files.get(entry.upgrades_file)
            before = len(self.findings)
            node = self.document(entry.upgrades_file, source, ComponentUpgradesShape) if source else None
            if source is not None and node is None and not self.is_ours(source):
                problems = self.findings[before:]
                self.findings[before:] = [problem._replace(severity="warning") for problem in problems]
                self.broken.discard(source.file)
            elif node is not None:
                records[name] = read_record(node.data(), entry.upgrades_file)
        return records

    def vocabulary(self, claims: list[Criteria]) -> Vocabulary:
        """Return the allowed criteria values: those of the criteria file, and those overlays claim (R7)."""
        source = self.tree.files.get(CRITERIA)
        node = self.document(CRITERIA, source, schema.CriteriaCatalogShape) if source else None
        return read_vocabulary(node.get("spec", "dimensions") if node else None, claims)

    def values(self, layers: list[Layer]) -> dict[str, Tree]:
        """Return every values file of the tree, traced, by path: those so named, and those that `layers` choose."""
        parts = (part for layer in layers for part in layer.components)
        chosen = {str(part.words["valuesFile"].value) for part in parts if "valuesFile" in part.words}
        values: dict[str, Tree] = {}
        for path, source in self.tree.files.items():
            if not is_values(path) and path not in chosen:
                continue
            before = len(self.findings)
            node = self.parse(source)
            if node is None or node.value is None:
                if len(self.findings) == before:
                    values[path] = Branch({}, (Origin(path, Place(source.file, 1, 1), {}),))
                continue
            if not isinstance(node.value, dict):
                self.report(
                    WRONG_TYPE,
                    Place(source.file, node.line, node.column),
                    "a values file is a map of values",
                    "write 'key: value' lines",
                )
                self.broken.add(source.file)
                continue
            self.documents[path] = node
            values[path] = trace(node, path, source.file)
        return values


def _base_first_private_last(item: tuple[str, SourceFile]) -> tuple[bool, bool, str]:
    """Return a key that sorts files: ours before a private tree's, base first, then by path."""
    path, source = item
    return source.external, path != "overlays/base.yaml", path
