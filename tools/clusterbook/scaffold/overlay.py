"""Overlays: for which criteria, on which base, and with what those beside them all have.

Siblings are the overlays that fix the same dimensions and differ from the new one in a single value: what all of them
say is said again, what only some say, or say differently, is named in a comment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria, Vocabulary, read_nodes
from clusterbook.catalog.layers import Layer
from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.api_version import API_VERSION
from clusterbook.scaffold.words import quoted, read_word

BASE = "base"


class OverlayDraft(NamedTuple):
    """The text of a new overlay, the file for it below the tree's root, and what whoever goes on should know."""

    path: str
    text: str
    notes: tuple[str, ...]


def read_pairs(text: str, vocabulary: Vocabulary) -> Criteria:
    """Return the criteria that `service=eks,accelerator=h100` means; a value may be one that no overlay claims yet.

    Raises:
        InvalidRequest: no pairs, a dimension that there is not or that stands twice, or a value that is no word.
    """
    found: dict[str, str | int] = {}
    for pair in text.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or name not in (*DIMENSIONS, "nodes"):
            hint = did_you_mean(name, (*DIMENSIONS, "nodes")) or "write service=eks,accelerator=h100,intent=training"
            raise InvalidRequest(f"'{pair}' is not a criterion", hint=hint)
        if name in found:
            raise InvalidRequest(f"{name} is given twice", hint="an overlay has one value for a dimension")
        found[name] = read_nodes(value) if name == "nodes" else _value(name, value, vocabulary)
    criteria = Criteria(**found)  # type: ignore[arg-type]  # the names are those of its fields
    if not criteria.specified():
        raise InvalidRequest("an overlay is for some criteria", hint="what is for all stands in overlays/base.yaml")
    return criteria


def _value(name: str, value: str, vocabulary: Vocabulary) -> str:
    try:
        known = vocabulary.read(name, value)
    except InvalidRequest:
        known = value
    return read_word(known, f"the value of {name}")


def draft(catalog: Catalog, criteria: Criteria) -> OverlayDraft:
    """Return the overlay for these criteria.

    Raises:
        InvalidRequest: there is one.
    """
    overlays = {name: layer for name, layer in catalog.overlays.items() if layer.criteria is not None}
    for name, layer in overlays.items():
        if layer.criteria == criteria:
            raise InvalidRequest(f"{name} is for exactly these criteria", hint=f"edit {layer.file}")
    name = criteria.slug()
    if name in catalog.overlays:
        raise InvalidRequest(f"an overlay is called {name}, for others", hint=f"see {catalog.overlays[name].file}")
    siblings = _siblings(overlays, criteria)
    by_criteria = {layer.criteria: name for name, layer in overlays.items()}
    base = _base(overlays, by_criteria, criteria, siblings)
    lines = list(_lines(name, base, criteria, siblings, catalog))
    notes = list(_notes(criteria, siblings, catalog.vocabulary))
    if base == BASE:
        notes.append("no overlay is for a part of these criteria, so it builds on base")
    elif siblings and not any(_counterpart(each, overlays, by_criteria, criteria) for each in siblings):
        notes.append(f"{siblings[0].name} builds on {siblings[0].base}; write its counterpart first, or keep {base}")
    return OverlayDraft(f"overlays/{name}.yaml", "\n".join(lines) + "\n", tuple(notes))


def _siblings(overlays: Mapping[str, Layer], criteria: Criteria) -> list[Layer]:
    """Return the overlays that differ in one value: in the accelerator, else in the nodes, the service or the OS.

    For another platform or intent other things are checked, so those are no siblings.
    """
    found: dict[str, list[Layer]] = {}
    fixed = criteria.specified()
    for name in sorted(overlays):
        other = _specified(overlays[name])
        if other.keys() == fixed.keys():
            differ = [key for key in fixed if fixed[key] != other[key]]
            if len(differ) == 1:
                found.setdefault(differ[0], []).append(overlays[name])
    return next(
        (found[key] for key in ("accelerator", "nodes", "service", "os", "platform", "intent") if key in found), []
    )


def _specified(layer: Layer) -> dict[str, str | int]:
    return layer.criteria.specified() if layer.criteria is not None else {}


def _base(
    overlays: Mapping[str, Layer],
    by_criteria: Mapping[Criteria | None, str],
    criteria: Criteria,
    siblings: Sequence[Layer],
) -> str:
    """Return what the overlay builds on: what its siblings do, or its counterpart; else the most specific one."""
    found = Counter(base for sibling in siblings if (base := _counterpart(sibling, overlays, by_criteria, criteria)))
    if found:
        return min(found, key=lambda name: (-found[name], name))
    covering = [
        (layer.criteria.specificity(), name)
        for name, layer in overlays.items()
        if layer.criteria is not None and layer.criteria.specified() and layer.criteria.covers(criteria)
    ]
    return min(covering, key=lambda each: (-each[0], each[1]))[1] if covering else BASE


def _counterpart(
    sibling: Layer, overlays: Mapping[str, Layer], by_criteria: Mapping[Criteria | None, str], criteria: Criteria
) -> str:
    """Return what is to the new overlay as the base of a sibling is to the sibling, "" where there is no such thing."""
    above = overlays.get(sibling.base)
    if above is None or above.criteria is None or above.criteria.covers(criteria):
        return sibling.base
    fixed = criteria.specified()
    wanted = {key: fixed[key] for key in above.criteria.specified() if key in fixed}
    return by_criteria.get(Criteria(**wanted), "")  # type: ignore[arg-type]  # the names are those of its fields


def _lines(name: str, base: str, criteria: Criteria, siblings: Sequence[Layer], catalog: Catalog) -> Iterator[str]:
    yield "# yaml-language-server: $schema=../../schemas/v1/recipe-metadata.schema.json"
    yield f"# For {criteria.sentence()}."
    yield f"apiVersion: {API_VERSION}"
    yield "kind: RecipeMetadata"
    yield "metadata:"
    yield f"  name: {name}"
    yield "spec:"
    yield f"  base: {base}"
    yield "  criteria:"
    for key, value in criteria.specified().items():
        yield f"    {key}: {value}"
    mixins = _shared([[str(each.value) for each in sibling.mixins] for sibling in siblings])
    mixins = mixins or [
        each for each in (f"os-{criteria.os}", f"platform-{criteria.platform}") if each in catalog.mixins
    ]
    inherited = {str(each.value) for layer in catalog.chain(base) for each in layer.mixins}
    if mixins := [each for each in mixins if each not in inherited]:
        yield f"  mixins: [{', '.join(mixins)}]"
    yield from _constraint_lines(siblings)
    yield from _component_lines(siblings)
    yield from _phase_lines(siblings)


def _constraint_lines(siblings: Sequence[Layer]) -> Iterator[str]:
    said = [{name: str(each.value.get("value")) for name, each in sibling.constraints} for sibling in siblings]
    yield from _shared_constraints(said, siblings, "  ", "constraints")


def _shared_constraints(
    said: Sequence[Mapping[str, str]], siblings: Sequence[Layer], indent: str, key: str
) -> Iterator[str]:
    names = _shared([list(each) for each in said])
    alike = [name for name in names if len({each[name] for each in said}) == 1]
    if alike:
        yield f"{indent}{key}:"
    for name in alike:
        yield f"{indent}  # why: as for {_list(siblings)}"
        yield f"{indent}  - name: {quoted(name)}"
        yield f"{indent}    value: {quoted(said[0][name])}"
    for name in [each for each in names if each not in alike]:
        values = ", ".join(f"{each[name]} ({sibling.name})" for each, sibling in zip(said, siblings, strict=True))
        yield f"{indent}# {key[:-1]} {name}: {values}"


def _component_lines(siblings: Sequence[Layer]) -> Iterator[str]:
    names = _shared([[component.name for component in sibling.components] for sibling in siblings])
    if names:
        yield f"  # {_list(siblings)} set{'s' if len(siblings) == 1 else ''} components: {', '.join(names)}"


def _phase_lines(siblings: Sequence[Layer]) -> Iterator[str]:
    phases = _shared([list(sibling.phases) for sibling in siblings])
    begun = False
    for phase in phases:
        checks = _shared([[str(each.value) for each in sibling.phases[phase].checks or ()] for sibling in siblings])
        said = [
            {name: str(each.value.get("value")) for name, each in sibling.phases[phase].constraints or ()}
            for sibling in siblings
        ]
        lines = list(_shared_constraints(said, siblings, "      ", "constraints"))
        if checks or lines:
            if not begun:
                yield "  validation:"
                begun = True
            body = any(not line.lstrip().startswith("#") for line in lines)
            yield f"    {phase}:" if checks or body else f"    # {phase}:"
            yield from lines
            if checks:
                yield f"      checks: [{', '.join(checks)}]"


def _shared(lists: Sequence[Sequence[str]]) -> list[str]:
    """Return what is in all of some lists, in the order of the first."""
    if not lists:
        return []
    return [each for each in lists[0] if all(each in other for other in lists[1:])]


def _list(siblings: Sequence[Layer]) -> str:
    names = [sibling.name for sibling in siblings]
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _notes(criteria: Criteria, siblings: Sequence[Layer], vocabulary: Vocabulary) -> Iterator[str]:
    if siblings:
        yield f"taken from {_list(siblings)}, which differ{'s' if len(siblings) == 1 else ''} in one value"
    for name, value in criteria.specified().items():
        if name != "nodes" and value not in (*vocabulary.values(name), ANY):
            near = did_you_mean(str(value), vocabulary.values(name))
            yield f"{name} {value} is new: no overlay is for it yet{f' ({near})' if near else ''}"
