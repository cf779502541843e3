# ruff: noqa: E501 (a case a line)
"""Health checks as Chainsaw understands them: a tree, a value, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_reader import parse
from clusterbook.snapshot.inventory import Inventory, UnseenPart
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate.assertions import mismatch, operation_fault, run
from clusterbook.validate.health_test import Operation, read_key, read_test
from clusterbook.validate.jmespath import BadExpression
from tests.support.trees import shared_folder

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def data(text: str) -> Any:
    node = parse(text, "f.yaml")
    return node.data() if node else None


def inventory(*objects: str, coverage: Any = None) -> Inventory:
    """Return an inventory of objects written as YAML; kinds that are mentioned were seen completely."""
    blocks = []
    for each in map(data, objects):
        block = {"apiVersion": each.pop("apiVersion", "v1"), "kind": each.pop("kind", "Pod"), "items": [each]}
        blocks.append(block)
    document = {"kind": "Snapshot", "objects": blocks, "coverage": coverage}
    return read_snapshot(document).inventory


def operation(kind: str, text: str) -> Operation:
    return Operation("step", kind == "assert", {"apiVersion": "v1", "kind": "Pod", **(data(text) or {})})


# --- trees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "value", "why"),
    [
        ("{a: 1}", "{a: 1, b: 2}", ""),
        ("{a: 1}", "{a: 1.0}", ""),
        ("{a: 1}", "{a: 2}", "a is 2, not 1"),
        ("{a: 1}", "{b: 1}", "a is not there"),
        ("{a: {b: x}}", "{a: null}", "a.b is not there"),
        ("{a: null}", "{a: null}", ""),
        ("{a: null}", "{}", "a is not there"),
        ("{a: {}}", "{a: {b: 1}}", ""),
        ("{a: {}}", "{a: null}", "a is null"),
        ("{a: [x, y]}", "{a: [x, y]}", ""),
        ("{a: [x]}", "{a: [x, y]}", "a is [x, y], not [x]"),
        ("{a: [{b: 1}]}", "{a: [{b: 1, c: 2}]}", ""),
        ("{a: [x]}", "{a: null}", "a is not there"),
        ("{(a > `0`): true}", "{a: 1}", ""),
        ("{(a > `0`): true}", "{a: 0}", "(a > `0`) is false, not true"),
        ("{(a > `0`): true}", "{}", "(a > `0`) is null, not true"),
        ("""{b: {a: "(join('-', ['x', 'y']))"}}""", "{b: {a: x-y}}", ""),
        ("{(jp;a): 1}", "{a: 1}", ""),
        (r"{'\(a)\': 1}", "{(a): 1}", ""),
        (r"{a: '\(a)\'}", "{a: (a)}", ""),
        ("{~.a: {b: 1}}", "{a: [{b: 1}, {b: 1}]}", ""),
        ("{~.a: {b: 1}}", "{a: [{b: 1}, {b: 2}]}", "~.a[1].b is 2, not 1"),
        ("{~.a: {b: 1}}", "{a: {x: {b: 1}}}", ""),
        ('{"~.(a[?c])": {b: 1}}', "{a: [{b: 1, c: 1}, {b: 2}]}", ""),
        ("{~i.a: {(b == $i): true}}", "{a: [{b: 0}, {b: 1}]}", ""),
        ("{~k.a: {(b == $k): true}}", "{a: {x: {b: x}}}", ""),
        ("{a->all: {(length($all)): 1}}", "{a: {b: 1}}", ""),
        ("{(a) -> x: 1, (b == $x): true}", "{a: 1, b: 1}", ""),
        ("""{"(conditions[?type == 'Ready'].status)": ["True"]}""", "{conditions: [{type: Ready, status: 'True'}]}", ""),
        ("""{"(conditions[?type == 'Ready'].status)": ["True"]}""", "{conditions: []}", None),
        ("""{"(conditions[?type == 'Ready'].status)": ["True"]}""", "{}", "is not there"),
    ],
)  # fmt: skip
def test_a_tree_fits_or_says_where_it_does_not(tree: str, value: str, why: str | None) -> None:
    found = mismatch(data(tree), data(value), "it")
    assert found != "" if why is None else found.endswith(why) and bool(found) == bool(why)


@pytest.mark.parametrize(
    ("tree", "value", "what"),
    [
        ("{a: {b: 1}}", "{a: x}", "a is text 'x', which has no b"),
        ("{a: 1}", "{a: x}", "text 'x' cannot be compared with the value 1"),
        ("{a: true}", "{a: 1}", "the value 1 cannot be compared with the value true"),
        ("{a: [1]}", "{a: x}", "a is text 'x', not a list"),
        ("{~.a: 1}", "{a: 1}", "which has no elements to go through"),
        ("{(length(a)): 1}", "{}", "failed:"),
        ("{(cel;a): 1}", "{}", "is written for cel"),
        ("{(a b): 1}", "{}", "cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_no_difference_but_an_error(tree: str, value: str, what: str) -> None:
    with pytest.raises(BadExpression, match=what):
        mismatch(data(tree), data(value), "it")


def test_a_key_is_read_in_the_order_that_kyverno_reads_it() -> None:
    assert read_key("~x.(a.b)->c") == ("a.b", True, True, "x", "c")
    assert read_key("nvidia.com/gpu") == ("nvidia.com/gpu", False, False, "", "")


# --- operations -------------------------------------------------------------------------------------------------------

RUNNING = "{metadata: {name: a, namespace: n, labels: {app: x}}, status: {phase: Running}}"
PENDING = "{metadata: {name: b, namespace: n, labels: {app: y}}, status: {phase: Pending}}"


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("assert", "{metadata: {name: a, namespace: n}, status: {phase: Running}}", ""),
        ("assert", "{metadata: {name: b, namespace: n}, status: {phase: Running}}", "Pod n/b status.phase is 'Pending', not 'Running'"),
        ("assert", "{metadata: {name: c, namespace: n}}", "there is no Pod n/c"),
        ("assert", "{metadata: {namespace: n}, status: {phase: Running}}", ""),
        ("assert", "{metadata: {namespace: n, labels: {app: y}}, status: {phase: Running}}", "Pod in n with app=y b: status.phase"),
        ("assert", "{status: {phase: Failed}}", "Pod anywhere a: status.phase is 'Running', not 'Failed'; b:"),
        ("assert", "{metadata: {(name): a}}", ""),
        ("assert", "{metadata: {labels: {(app): z}}}", "Pod anywhere"),
        ("error", "{metadata: {namespace: n}, status: {phase: Pending}}", "Pod in n: b: phase is 'Pending'"),
        ("error", "{metadata: {namespace: n}, status: {phase: Failed}}", ""),
        ("error", "{metadata: {namespace: n, labels: {app: x}}, status: {phase: Pending}}", ""),
        ("error", "{metadata: {namespace: m}, status: {phase: Pending}}", ""),
        ("error", "{metadata: {name: a}}", "Pod a: a"),
    ],
)  # fmt: skip
def test_assert_wants_one_that_fits_and_error_wants_none(kind: str, text: str, said: str) -> None:
    found = operation_fault(operation(kind, text), inventory(RUNNING, PENDING))
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize("kind", ["assert", "error"])
@pytest.mark.parametrize("state", ["denied", "failed", "skipped", None])
def test_what_was_not_seen_never_holds(kind: str, state: str | None) -> None:
    coverage = [{"part": "objects/v1/Pod", "state": state}] if state else None
    with pytest.raises(UnseenPart):
        operation_fault(operation(kind, "{status: {phase: Running}}"), inventory(coverage=coverage))


def test_a_part_of_the_objects_can_show_that_one_fits_but_not_that_none_does() -> None:
    some = inventory(RUNNING, PENDING, coverage=[{"part": "objects/v1/Pod", "state": "partial", "reason": "cut"}])
    assert operation_fault(operation("assert", "{status: {phase: Running}}"), some) == ""
    assert operation_fault(operation("error", "{status: {phase: Pending}}"), some) != ""
    for kind in ("assert", "error"):
        with pytest.raises(UnseenPart, match="captured in part: cut"):
            operation_fault(operation(kind, "{status: {phase: Failed}}"), some)


def test_of_an_api_that_is_not_served_nothing_exists() -> None:
    none = inventory(coverage=[{"part": "objects/v1/Pod", "state": "absent"}])
    assert operation_fault(operation("assert", "{}"), none) == "there is no Pod anywhere"
    assert operation_fault(operation("error", "{}"), none) == ""


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((RECIPES / "checks").rglob("*.yaml")), ids=lambda path: path.parent.name)
def test_every_health_check_of_the_catalog_can_be_asked(path: Path) -> None:
    operations = read_test(data(path.read_text(encoding="utf-8")), path.parent.name)
    assert bool(operations) == (not path.parent.name.endswith("-olm"))
    outcome = run(operations, inventory())
    assert (outcome.asked, len(outcome.unseen), outcome.blind) == (len(operations), len(operations), False)


@pytest.mark.parametrize("path", sorted((RECIPES / "components").rglob("readiness.yaml")), ids=lambda p: p.parent.name)
def test_every_readiness_check_can_be_asked(path: Path) -> None:
    assert read_test(data(path.read_text(encoding="utf-8")), path.name)


def test_every_health_check_of_the_reference_can_be_asked() -> None:
    checks = data(shared_folder("facts/2026.07-checks.json").read_text(encoding="utf-8"))
    assert len(checks) == 33 + 4  # readiness checks are among them
    for name, documents in checks.items():
        for document in documents:
            read_test(document, name)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{kind: Pod}", "h is not a health check: its kind is 'Pod', not 'Test'"),
        ("[]", "h is not a health check"),
        ("{kind: Test, spec: {steps: {}}}", "spec.steps is an empty map, not a list"),
        ("{kind: Test, spec: {steps: [x]}}", r"spec.steps\[0\] is text 'x', not a map"),
        ("{kind: Test, spec: {steps: [{try: [x]}]}}", r"spec.steps\[0\].try\[0\] is text 'x', not a map"),
        ("{kind: Test, spec: {steps: [{try: [{script: {}}]}]}}", r"try\[0\] does script"),
        ("{kind: Test, spec: {steps: [{try: [{assert: {}, error: {}}]}]}}", "does assert, error"),
        ("{kind: Test, spec: {steps: [{try: [{assert: {file: x}}]}]}}", "has no resource with apiVersion and kind"),
        ("{kind: Test, spec: {steps: [{try: [{error: {resource: {kind: Pod}}}]}]}}", "has no resource"),
        (
            "{kind: Test, spec: {steps: [{try: [{error: {resource: {apiVersion: v1, kind: Pod, metadata: []}}}]}]}}",
            "metadata is not a map",
        ),
    ],
)
def test_a_document_that_does_more_than_read_is_refused(text: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        read_test(data(text), "h")
