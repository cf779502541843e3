"""Checks: what the validator catalog says of each, as far as a snapshot can show it.

A check that is added is an entry of validators/catalog.yaml and no program: `inspect` says which objects and figures it
is about, `judges` which constraints of its phase it judges itself. Source: reference rows V22-V44.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any, NamedTuple

EACH_GPU_NODE = "each GPU node"
Entry = Mapping[str, Any]
"""An entry of the validator catalog, as its shape says."""


class ObjectName(NamedTuple):
    """One object; `api_version` is "" where the kind says it. Names and namespaces may hold `{namespace}`."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = ""


class PodRule(NamedTuple):
    """Pods of the component's namespace of which one has to run; `otherwise` is what is wrong when none does."""

    labels: Mapping[str, str]
    otherwise: str


class FieldRule(NamedTuple):
    """Objects of a kind, of which in one a field has to end in a word."""

    api_version: str
    kind: str
    field: tuple[str, ...]
    ending: str
    otherwise: str


class VersionSource(NamedTuple):
    """An object that shows the version of a component, which a constraint demands."""

    component: str
    object: ObjectName


class Inspection(NamedTuple):
    """What a snapshot has to show where the recipe deploys `component`, and what that leaves open.

    `namespace` and `fullname` are those of the component unless the recipe says otherwise.
    """

    component: str = ""
    namespace: str = ""
    fullname: str = ""
    gpu_nodes: int = 0
    measured: bool = False
    expected_resources: bool = False
    version: VersionSource | None = None
    healthy: tuple[ObjectName, ...] = ()
    states: tuple[tuple[ObjectName, str], ...] = ()
    conditions: tuple[tuple[ObjectName, str], ...] = ()
    pods: PodRule | None = None
    some: FieldRule | None = None
    holds: str = ""
    holds_one: str = ""
    then: str = ""
    then_if: tuple[str, ...] = ()

    @property
    def objects(self) -> Iterator[ObjectName]:
        """Yield every object that is asked for by its name."""
        yield from self.healthy
        yield from (named for named, _ in (*self.states, *self.conditions))
        if self.version:
            yield self.version.object


class Check(NamedTuple):
    """One check. `constraints` are patterns of the names of those that it judges itself."""

    name: str
    constraints: tuple[str, ...] = ()
    where: str = ""
    inspections: tuple[Inspection, ...] = ()

    def judges(self, constraint: str) -> bool:
        """Return whether it judges a constraint of its phase itself. Source: reference rows V24, V39-V42."""
        return any(fnmatchcase(constraint, pattern) for pattern in self.constraints or (self.name,))


Checks = Mapping[str, Check]


def check_of(checks: Checks, name: str) -> Check:
    """Return a check by its name; of one that the catalog does not have nothing can be read."""
    return checks.get(name) or Check(name)


def read_checks(entries: Mapping[str, Entry]) -> dict[str, Check]:
    """Return the checks of a catalog by name.

    Raises:
        InvalidRequest: an entry does not have the shape of one.
    """
    checks = {}
    for name, entry in entries.items():
        try:
            inspections = tuple(map(_inspection, entry.get("inspect") or ()))
            checks[name] = Check(name, tuple(entry.get("judges") or ()), str(entry.get("where") or ""), inspections)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"the catalog entry of the check {name} is invalid: {error}"
            raise InvalidRequest(what, hint="see its entry in validators/catalog.yaml") from error
    return checks


def with_inspections(entries: Mapping[str, Entry], ours: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return a catalog's entries, with what our own says of the checks of which they say nothing themselves."""
    return {
        name: entry
        if "inspect" in entry or name not in ours
        else {**entry, **{key: ours[name][key] for key in ("inspect", "judges") if key in ours[name]}}
        for name, entry in entries.items()
    }


def check_words(checks: Iterable[Check]) -> frozenset[str]:
    """Return the names of objects, their namespaces, and the values of labels that checks ask about."""
    found = set()
    for inspection in (inspection for check in checks for inspection in check.inspections):
        for asked in inspection.objects:
            found |= {asked.name.replace("{fullname}", inspection.fullname), asked.namespace}
        found |= set(inspection.pods.labels.values()) if inspection.pods else set()
    return frozenset(word for word in found if word and "{" not in word)


def _inspection(entry: Entry) -> Inspection:
    """Return what one entry of `inspect` says."""
    pods, some, version = entry.get("pods"), entry.get("some"), entry.get("version")
    return Inspection(
        component=entry.get("component") or "",
        namespace=entry.get("namespace") or "",
        fullname=entry.get("fullname") or "",
        gpu_nodes=int(entry.get("gpuNodes") or 0),
        measured=entry.get("measured") is True,
        expected_resources=entry.get("expectedResources") is True,
        version=VersionSource(version["component"], _object(version)) if version else None,
        healthy=tuple(map(_object, entry.get("healthy") or ())),
        states=tuple((_object(asked), asked["state"]) for asked in entry.get("states") or ()),
        conditions=tuple((_object(asked), asked["condition"]) for asked in entry.get("conditions") or ()),
        pods=PodRule({**pods["labels"]}, pods["otherwise"]) if pods else None,
        some=_some(some) if some else None,
        holds=entry.get("holds") or "",
        holds_one=entry.get("holdsOne") or "",
        then=entry.get("then") or "",
        then_if=tuple((entry.get("thenIf") or "").split(".")) if entry.get("thenIf") else (),
    )


def _object(entry: Entry) -> ObjectName:
    return ObjectName(entry["kind"], entry["name"], entry.get("namespace") or "", entry.get("apiVersion") or "")


def _some(entry: Entry) -> FieldRule:
    path = tuple(entry["field"].split("."))
    return FieldRule(entry["apiVersion"], entry["kind"], path, entry["endsWith"], entry["otherwise"])
