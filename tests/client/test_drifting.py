from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.client.answers import Reply
from clusterbook.client.drifting import recipe_drift, snapshot_drift
from clusterbook.core.errors import InvalidRequest
from tests.clusters import SNAPSHOTS

H100, GB200 = (str(SNAPSHOTS / f"{name}.yaml") for name in ("h100-eks", "gb200-eks"))


def test_two_snapshots_are_compared() -> None:
    reply = snapshot_drift(H100, GB200)
    assert reply.status == 10
    assert reply.text.splitlines()[1].split() == ["critical", "modified", "GPU.hardware.gpu-count", "8", "4"]
    assert reply.notes[0].startswith("3 critical, ")
    assert snapshot_drift(H100, GB200, ignore=["*"]) == snapshot_drift(H100, H100)


def test_no_drift_says_so() -> None:
    assert snapshot_drift(H100, H100) == Reply("", ("no drift",), 0)
    assert json.loads(snapshot_drift(H100, H100, form="json").text)["summary"]["total"] == 0


def test_a_recipe_is_compared_with_what_is_installed() -> None:
    component = {"name": "gpu-operator", "namespace": "gpu-operator", "chart": "gpu-operator", "version": "v27.0.0"}
    recipe = {"kind": "RecipeResult", "metadata": {"slug": "mine"}, "componentRefs": [component]}
    found = json.loads(recipe_drift(recipe, H100, least="warning", form="json").text)
    assert found["baselineSource"] == "mine"
    assert [change["path"] for change in found["changes"]] == ["components.gpu-operator.version"]


def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("kind: Pod\n")
    with pytest.raises(InvalidRequest, match="this is no snapshot"):
        snapshot_drift(H100, str(path))
