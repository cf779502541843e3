"""Sets of GPU nodes: all have a label, none has, or nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.snapshot.constraint import Verdict
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.node_sets import NAME
from clusterbook.snapshot.reading import verdict
from clusterbook.validate.judge import constraint
from clusterbook.validate.subject import Constraint

GPU, OPT_OUT = "cloud.google.com/gke-accelerator", "gke-no-default-nvidia-gpu-device-plugin"


def judged(value: str, *labels: tuple[str, str, str]) -> Verdict:
    items = [{"context": {"key": key, "value": said}, "data": {"node-list": nodes}} for key, said, nodes in labels]
    topology: dict[str, Any] = {"subtype": "label", "data": {}, "items": items}
    measured = [{"type": "NodeTopology", "subtypes": [topology]}] if labels else []
    return verdict(NAME, value, read_snapshot({"kind": "Snapshot", "measurements": measured}), reference=True)


@pytest.mark.parametrize(
    ("labels", "every", "none"),
    [
        ([(OPT_OUT, "true", "a,b")], True, False),
        ([(OPT_OUT, "true", "a,b,cpu")], True, False),
        ([(OPT_OUT, "true", "a")], False, False),
        ([(OPT_OUT, "true", "a"), (OPT_OUT, "false", "b")], False, False),
        ([(OPT_OUT, "false", "a,b")], False, False),
        ([(OPT_OUT, "true", "cpu")], False, True),
        ([], False, True),
    ],
)
def test_every_gpu_node_has_a_label_or_none_has(labels: list[tuple[str, str, str]], every: bool, none: bool) -> None:
    found = [(GPU, "nvidia-h100-mega-80gb", "a"), (GPU, "nvidia-l4", "b"), *labels]
    assert judged(f"{OPT_OUT}=true", *found).passed is every
    assert judged(f"!{OPT_OUT}", *found).passed is none


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [(OPT_OUT, "true", "a")],
        [(GPU, "h100", "a (+3 more)")],
        [(GPU, "h100", "a"), (OPT_OUT, "true", "a (+3 more)")],
        [(GPU, "h100", "a"), (OPT_OUT, "true", "a"), (OPT_OUT, "false", "a")],
    ],
)
@pytest.mark.parametrize("value", [f"{OPT_OUT}=true", f"!{OPT_OUT}"])
def test_what_lists_do_not_tell_does_not_hold(labels: list[tuple[str, str, str]], value: str) -> None:
    found = judged(value, *labels)
    assert (found.passed, found.measured) == (False, False)
    assert found.reason


@pytest.mark.parametrize("value", ["", "!", "=true", f"!{OPT_OUT}=true", OPT_OUT])
def test_what_asks_for_no_label_does_not_hold(value: str) -> None:
    assert not judged(value, (GPU, "h100", "a"), (OPT_OUT, "true", "a")).passed


@pytest.mark.parametrize(("value", "state"), [(f"{OPT_OUT}=true", "passed"), (f"!{OPT_OUT}", "failed"), ("!", "error")])
def test_a_recipe_that_demands_it_is_judged_so(value: str, state: str) -> None:
    items = [{"context": {"key": key, "value": "x"}, "data": {"node-list": "a"}} for key in (GPU, OPT_OUT)]
    items[1]["context"]["value"] = "true"
    measured = [{"type": "NodeTopology", "subtypes": [{"subtype": "label", "data": {}, "items": items}]}]
    snapshot = read_snapshot({"kind": "Snapshot", "measurements": measured})
    assert constraint(snapshot, Constraint(NAME, value, remediation="relabel")).state == state
