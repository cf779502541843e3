"""Snapshots of which one value is not what it must be: judged, or refused with the place; never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clusterbook.cli.comparison import DriftFilter, NamedSnapshot, drift_of
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.diff.snapshots import NOISE
from clusterbook.evidence import redact
from clusterbook.lookup.find import Question, find
from clusterbook.snapshot.merge import merge
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate import ctrf
from clusterbook.validate.fit import fit_recipes
from clusterbook.validate.judge import judge
from tests.support.checks import CHECKS, GROUPS
from tests.support.clusters import FILES

RECIPE = "h100-eks-ubuntu-training-kubeflow"
WRONG: tuple[object, ...] = (None, True, -1, 1.5, float("inf"), "", "x\x00", [], {}, [None], [[]], {"a": None}, 10**400)
Path = tuple[str | int, ...]


def small(value: Any) -> Any:
    """Return a document with no more than three elements in a list, and the whole of what is short."""
    if isinstance(value, dict):
        return {key: small(below) for key, below in value.items()}
    return [small(below) for below in value[:3]] if isinstance(value, list) and len(value) > 8 else value


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*above, key)
        yield from paths(below, (*above, key))


def changed(value: Any, path: Path, other: object) -> Any:
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], other)
    return copy


@pytest.fixture(scope="module")
def consumers() -> list[Callable[[Any], object]]:
    found = find(Question(RECIPE))
    assert found.shelf is not None
    recipe = found.with_health_checks()
    words, namespaces = redact.public_names(recipe)
    before = NamedSnapshot("before", read_snapshot(FILES["h100-eks"]))

    def judged(document: Any) -> str:
        report = judge(recipe, read_snapshot(document), checks=CHECKS)
        return ctrf.text(report) + ctrf.as_json(report, "1.0.0")

    return [
        judged,
        lambda document: fit_recipes([(RECIPE, recipe)], read_snapshot(document)),
        lambda document: drift_of(before, NamedSnapshot("after", read_snapshot(document)), DriftFilter(NOISE)),
        lambda document: (
            read_snapshot(document),
            redact.redact(document, words=words, namespaces=namespaces, groups=GROUPS),
        ),
        lambda document: merge(FILES["h100-eks"], document),
    ]


@pytest.mark.parametrize("name", list(FILES))
def test_whatever_is_damaged_is_judged_or_refused(name: str, consumers: list[Callable[[Any], object]]) -> None:
    document = small(FILES[name])
    refused: list[ClusterbookError] = []
    for number, path in enumerate(paths(document)):
        damaged = changed(document, path, WRONG[number % len(WRONG)])
        for consume in consumers:
            try:
                consume(damaged)
            except ClusterbookError as error:
                refused.append(error)
    assert len(refused) > 20
    assert {error.exit_status for error in refused} == {2}
    assert all(error.what for error in refused)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("metadata", "labels"), r"objects\[0\].items\[0\].metadata.labels"),
        (("metadata", "annotations"), r"objects\[0\].items\[0\].metadata.annotations"),
        (("status", "conditions"), r"objects\[0\].items\[0\].status.conditions"),
    ],
)
def test_what_a_judgement_reads_of_an_object_is_checked(path: Path, place: str) -> None:
    item = {"metadata": {"name": "x", "labels": {}, "annotations": {}}, "status": {"conditions": []}}
    damaged = {
        "kind": "Snapshot",
        "objects": [{"apiVersion": "v1", "kind": "Pod", "items": [changed(item, path, "x")]}],
    }
    with pytest.raises(InvalidRequest, match=f"{place} is text 'x', not a"):
        read_snapshot(damaged)
