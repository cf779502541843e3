"""The inventory: which objects and Helm releases a snapshot holds, and what could not be seen.

A kind that is listed was seen completely unless `coverage` says otherwise; a kind that is not listed was not looked
for. Asking for something unseen raises, so that nobody takes it for something that is not there. Plain dicts go in, so
that a judgement needs no shape library. The blocks `objects`, `releases` and `coverage` are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, did_you_mean
from clusterbook.documents.selector import describe
from clusterbook.records import Any, NamedTuple

Object = Mapping[str, Any]

ABSENT, PARTIAL, DENIED, FAILED, SKIPPED = "absent", "partial", "denied", "failed", "skipped"
STATES = (ABSENT, PARTIAL, SKIPPED, DENIED, FAILED)
"""What `coverage` says about a part: the cluster has no such thing; some is missing; not looked for; no permission; an
error or a time-out. Of several the last counts."""


class Gap(NamedTuple):
    """One line of `coverage`. `part` is spelled as by the functions below; `namespace` is "" for all of them."""

    part: str
    state: str
    reason: str
    namespace: str = ""


class InstalledRelease(NamedTuple):
    """One installed Helm release; `values` are those its user gave, None where they could not be read."""

    name: str
    namespace: str
    chart: str
    version: str
    app_version: str
    status: str
    values: Mapping[str, Any] | None


class UnseenPart(ClusterbookError):
    """The snapshot does not cover a part of the cluster, so this cannot be validated.

    Capture the snapshot again with what the message names: a permission, a longer timeout, the missing part.
    """

    code = "CB130"
    exit_status = 2

    def __init__(self, what: str, *, looked: bool) -> None:
        super().__init__(what, hint="capture a snapshot that includes it")
        self.looked = looked


def objects_part(api_version: str, kind: str) -> str:
    """Return how `coverage` spells the objects of one kind."""
    return f"objects/{api_version}/{kind}"


RELEASES, NODES = "releases", "nodes"


class Inventory(NamedTuple):
    """What was found. `objects` maps (apiVersion, kind) to the objects; `releases` is None when nobody looked.

    `spaces` has the objects by namespace, since most questions are about one, and there may be 20,000 in another.
    """

    objects: Mapping[tuple[str, str], Sequence[Object]]
    releases: Sequence[InstalledRelease] | None
    gaps: Sequence[Gap]
    spaces: Mapping[tuple[str, str], Mapping[str, Sequence[Object]]] = MappingProxyType({})

    def gap(self, part: str, namespace: str = "") -> Gap | None:
        """Return what `coverage` says about a part, None when nothing.

        What is said about the whole counts for each namespace, and a gap in one namespace is a gap in the whole.
        """
        found = [
            gap
            for gap in self.gaps
            if gap.part == part and (gap.namespace in ("", namespace) or (not namespace and gap.state != ABSENT))
        ]
        return max(found, key=lambda gap: STATES.index(gap.state), default=None)

    def kind(self, api_version: str, kind: str, namespace: str = "") -> tuple[Sequence[Object], Gap | None]:
        """Return the objects of a kind that were seen, in one namespace or in all, and what limits the view.

        Another version of the same API group stands in where the one asked for was not looked for: both show the same
        objects.

        Raises:
            Unseen: nothing can be said about them.
        """
        part = objects_part(api_version, kind)
        gap = self.gap(part, namespace)
        known = self.objects.get((api_version, kind))
        if gap is not None and gap.state == ABSENT:
            return (), None
        if gap is not None and gap.state != PARTIAL:
            raise UnseenPart(f"{kind} ({api_version}) {gap_text(gap)}", looked=gap.state != SKIPPED)
        if known is None:
            group = _group(api_version)
            api_version = next((at for at, name in self.objects if (name, _group(at)) == (kind, group)), api_version)
            known = self.objects.get((api_version, kind))
        if known is None:
            raise UnseenPart(f"the snapshot holds no objects of kind {kind} ({api_version})", looked=False)
        return self.spaces[api_version, kind].get(namespace, ()) if namespace else known, gap

    def named(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return one object, None where the cluster has none of that name.

        Raises:
            Unseen: it was not seen, which does not say that it is not there.
        """
        known, gap = self.kind(api_version, kind, namespace)
        found = next((each for each in known if each["metadata"].get("name") == name), None)
        if found is None and gap is not None:
            raise UnseenPart(f"{kind} ({api_version}) {gap_text(gap)}", looked=True)
        return found

    def installed(self) -> Sequence[InstalledRelease]:
        """Return the Helm releases.

        Raises:
            Unseen: nobody looked, or nobody was allowed to.
        """
        gap = self.gap(RELEASES)
        if gap is not None and gap.state not in (ABSENT, PARTIAL):
            raise UnseenPart("Helm releases " + gap_text(gap).replace("was", "were", 1), looked=gap.state != SKIPPED)
        if self.releases is None:
            raise UnseenPart("the snapshot holds no Helm releases", looked=False)
        return self.releases

    def each(self) -> Iterator[tuple[str, str, Object]]:
        """Yield (apiVersion, kind, object) of everything there is."""
        for (api_version, kind), known in self.objects.items():
            for found in known:
                yield api_version, kind, found


_WORDS = {
    ABSENT: "does not exist",
    PARTIAL: "was captured in part",
    DENIED: "could not be read: no permission",
    FAILED: "could not be read",
    SKIPPED: "was not captured",
}


def gap_text(gap: Gap) -> str:
    """Return what there is to say of a part that was not seen, behind its name: what became of it, and why."""
    return f"{_WORDS[gap.state]}{f': {gap.reason}' if gap.reason else ''}"


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


EMPTY = Inventory({}, None, ())


# --- the shape --------------------------------------------------------------------------------------------------------


def read_inventory(document: Mapping[str, Any]) -> Inventory:
    """Return the inventory in a snapshot's document; a snapshot of the reference has none.

    Raises:
        InvalidRequest: a block has another shape.
    """
    objects: dict[tuple[str, str], list[Object]] = {}
    for place, entry in entries(document, "objects", ""):
        which = name_of(entry, "apiVersion", place), name_of(entry, "kind", place)
        objects.setdefault(which, []).extend(_objects(entry, place))
    releases = [_release(entry, place) for place, entry in entries(document, "releases", "")]
    gaps = tuple(_gap(entry, place) for place, entry in entries(document, "coverage", ""))
    spaces = {which: _by_namespace(items) for which, items in objects.items()}
    return Inventory(objects, releases if document.get("releases") is not None else None, gaps, spaces)


def _by_namespace(items: Sequence[Object]) -> dict[str, list[Object]]:
    """Return objects by namespace, in their order."""
    found: dict[str, list[Object]] = {}
    for each in items:
        namespace = each["metadata"].get("namespace")
        if isinstance(namespace, str):
            found.setdefault(namespace, []).append(each)
    return found


def _objects(entry: Mapping[str, Any], place: str) -> list[Object]:
    """Return the objects of one kind, each a map with metadata that is one; 20,000 of them are common."""
    items = entry.get("items") or []
    if not isinstance(items, list):
        raise wrong_shape(f"{place}.items", items, "a list")
    for number, item in enumerate(items):
        if not _is_object(item):
            raise _no_object(item, f"{place}.items[{number}]")
    return items


_MAP, _LIST = (dict, type(None)), (list, type(None))


def _is_object(item: object) -> bool:
    """Return whether something has the shape of an object, as far as anybody here goes by it."""
    if not isinstance(item, dict):
        return False
    metadata, status = item.get("metadata"), item.get("status")
    if not (isinstance(metadata, dict) and isinstance(status, _MAP) and isinstance(item.get("spec"), _MAP)):
        return False
    if not (isinstance(metadata.get("labels"), _MAP) and isinstance(metadata.get("annotations"), _MAP)):
        return False
    return not status or isinstance(status.get("conditions"), _LIST)


def _no_object(item: object, place: str) -> InvalidRequest:
    """Return the error for something that has another shape, with where it has."""
    if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict):
        return wrong_shape(place, mapping(item, place), "an object with metadata")
    for part in ("spec", "status"):
        if not isinstance(item.get(part), _MAP):
            return wrong_shape(f"{place}.{part}", item[part], "a map")
    for part in ("labels", "annotations"):
        if not isinstance(item["metadata"].get(part), _MAP):
            return wrong_shape(f"{place}.metadata.{part}", item["metadata"][part], "a map")
    return wrong_shape(f"{place}.status.conditions", item["status"]["conditions"], "a list")


def _release(entry: Mapping[str, Any], place: str) -> InstalledRelease:
    """Return one Helm release."""
    words = {key: entry.get(key) or "" for key in ("namespace", "chart", "version", "appVersion", "status")}
    for key, word in words.items():
        if not isinstance(word, str):
            raise wrong_shape(f"{place}.{key}", word, "text; quote it")
    values = entry.get("values")
    return InstalledRelease(
        name_of(entry, "name", place),
        words["namespace"],
        words["chart"],
        words["version"],
        words["appVersion"],
        words["status"],
        None if values is None else mapping(values, f"{place}.values"),
    )


def _gap(entry: Mapping[str, Any], place: str) -> Gap:
    """Return one line of coverage."""
    state = entry.get("state")
    if state not in STATES:
        what = f"this snapshot is invalid: {place}.state is '{state}'"
        raise InvalidRequest(what, hint=did_you_mean(str(state), STATES))
    return Gap(name_of(entry, "part", place), state, str(entry.get("reason") or ""), str(entry.get("namespace") or ""))


# --- fields of a document ---------------------------------------------------------------------------------------------


def entries(entry: Mapping[str, Any], key: str, place: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return place and map of every element of the list under `key`; nulls are left out, as the reference does."""
    where = f"{place}.{key}" if place else key
    value = entry.get(key)
    if not isinstance(value, list | None):
        raise wrong_shape(where, value, "a list")
    numbered = [(f"{where}[{number}]", each) for number, each in enumerate(value or [])]
    return [(at, mapping(each, at)) for at, each in numbered if each is not None]


def mapping(value: object, place: str) -> Mapping[str, Any]:
    """Return `value` if it is a map, {} if it is nothing."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong_shape(place, value, "a map")
    if not all(isinstance(key, str) for key in value):
        raise wrong_shape(place, value, "a map whose keys are text")
    return value


def name_of(entry: Mapping[str, Any], key: str, place: str) -> str:
    """Return the name of a measurement or a subtype."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise wrong_shape(f"{place}.{key}", value, "a name")
    return value


def wrong_shape(place: str, value: object, shape: str) -> InvalidRequest:
    """Return the error for a part of a snapshot that has another shape."""
    return InvalidRequest(
        f"this snapshot is invalid: {place} is {describe(value)}, not {shape}",
        hint="capture a new one with `clusterbook snapshot`",
    )
