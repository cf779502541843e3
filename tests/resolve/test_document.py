"""Documents: what a recipe looks like, and that its origins say all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.documents.api_version import REFERENCE
from clusterbook.resolve.document import escape, health_checks, origins_document, recipe_document
from clusterbook.resolve.resolver import Recipe
from clusterbook.resolve.views import hydrated_view, query_view
from clusterbook.snapshot.constraint import Verdict
from tests.support.replay import replay
from tests.support.trees import resolve

EKS = Criteria("eks")
WHOLE = {
    "registry.yaml": """\
        kind: ComponentRegistry
        components:
        - name: a
          helm: {defaultRepository: https://x, defaultChart: r/a, defaultVersion: "1.10", defaultNamespace: ns}
          healthCheck: {assertFile: checks/a/health-check.yaml}
        - name: m
        """,
    "checks/a/health-check.yaml": "kind: Pod\n",
    "components/a/values.yaml": "m: {x: 1, y: [1, null]}\nlabel/with~odd.keys: {'0': z}\ngone: 1\n",
    "base": """\
        constraints: [{name: K, value: '1', unit: s}]
        componentRefs:
        - {name: a, valuesFile: components/a/values.yaml, dependencyRefs: [m], cleanup: true}
        - {name: m, manifestFiles: [one.yaml, two.yaml], expectedResources: [{kind: Pod, name: p}]}
        validation:
          deployment: {checks: [c, d], timeout: 5m, constraints: [{name: P, value: '1'}], nodeSelection: {maxNodes: 2}}
          readiness: {checks: [r]}
        """,
    "eks": """\
        criteria: {service: eks}
        constraints: [{name: K, value: '2'}, {name: A, value: '3'}]
        componentRefs:
        - {name: a, overrides: {m: {x: 2, n: null}, gone: null, new: {k: null}, list: [], map: {}}}
        - {name: m, preManifestFiles: [zero.yaml]}
        validation:
          deployment: {checks: [e], constraints: []}
          readiness: {checks: []}
          performance: {}
        """,
}


def document(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe document as JSON carries it."""
    found: dict[str, Any] = json.loads(json.dumps(recipe_document(recipe, state="curated")))
    return found


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """Return a recipe in which every field is used."""
    return resolve(WHOLE, EKS)


def test_a_recipe_has_the_fields_of_the_reference(recipe: Recipe) -> None:
    assert document(recipe) == {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "RecipeResult",
        "metadata": {"slug": "eks", "state": "curated", "appliedOverlays": ["base", "eks"]},
        "criteria": {"service": "eks"},
        "constraints": [{"name": "A", "value": "3"}, {"name": "K", "value": "2"}],
        "componentRefs": [
            {
                "name": "a", "type": "Helm", "source": "https://x", "chart": "a", "version": "1.10", "namespace": "ns",
                "valuesFile": "components/a/values.yaml", "dependencyRefs": ["m"], "cleanup": True,
                "overrides": {"m": {"x": 2, "n": None}, "gone": None, "new": {"k": None}, "list": [], "map": {}},
                "values": {"m": {"x": 2, "y": [1, None], "n": None}, "label/with~odd.keys": {"0": "z"}, "gone": None,
                           "new": {"k": None}, "list": [], "map": {}},
            },
            {
                "name": "m", "type": "Helm", "source": "", "manifestFiles": ["one.yaml", "two.yaml"],
                "preManifestFiles": ["zero.yaml"], "expectedResources": [{"kind": "Pod", "name": "p"}],
            },
        ],
        "deploymentOrder": ["m", "a"],
        "validation": {
            "deployment": {
                "timeout": "5m", "nodeSelection": {"maxNodes": 2}, "constraints": [], "checks": ["c", "d", "e"],
            },
            "readiness": {"checks": []},
            "performance": {},
        },
    }  # fmt: skip


def test_the_text_of_health_checks_stands_apart(recipe: Recipe) -> None:
    assert health_checks(recipe) == {"a": "kind: Pod\n"}


def test_what_a_snapshot_ruled_out_is_told() -> None:
    found = document(resolve(WHOLE, EKS, evaluate=lambda name, _: Verdict(name != "A", "0", "too low")))
    assert found["metadata"] == {
        "slug": "eks", "state": "curated", "appliedOverlays": ["base"],
        "excludedOverlays": [{"name": "eks", "reason": "constraint-failed"}],
        "constraintWarnings": [
            {"overlay": "eks", "constraint": "A", "expected": "3", "actual": "0", "reason": "too low"}
        ],
    }  # fmt: skip


def test_an_empty_recipe_has_no_empty_fields() -> None:
    assert document(resolve({})) == {
        "apiVersion": "clusterbook.dev/v1alpha1", "kind": "RecipeResult",
        "metadata": {"slug": "base", "state": "curated", "appliedOverlays": ["base"]},
        "criteria": {}, "componentRefs": [], "deploymentOrder": [],
    }  # fmt: skip


# --- row Q2: the hydrated shape ---------------------------------------------------------------------------------------


def test_the_hydrated_shape_has_components_by_name_and_no_files(recipe: Recipe) -> None:
    found = hydrated_view(document(recipe), api_version="aicr.run/v1alpha2")
    assert sorted(found) == [
        "apiVersion",
        "components",
        "constraints",
        "criteria",
        "deploymentOrder",
        "kind",
        "metadata",
    ]
    assert found["apiVersion"] == "aicr.run/v1alpha2"
    assert found["metadata"] == {
        "appliedOverlays": ["base", "eks"], "excludedOverlays": None, "constraintWarnings": None,
    }  # fmt: skip
    assert found["criteria"] == {
        "service": "eks", "accelerator": "any", "intent": "any", "os": "any", "platform": "any", "nodes": 0,
    }  # fmt: skip
    assert sorted(found["components"]["a"]) == [
        "chart", "dependencyRefs", "name", "namespace", "source", "type", "values", "version",
    ]  # fmt: skip
    assert found["components"]["m"] == {"name": "m", "type": "Helm", "source": ""}


# --- origins ----------------------------------------------------------------------------------------------------------


def test_the_origins_say_the_whole_recipe(recipe: Recipe) -> None:
    whole = query_view(document(recipe))
    replayed = replay(json.loads(json.dumps(origins_document(recipe))))
    for part in ("constraints", "components", "validation"):
        assert replayed[part] == whole[part], part


def test_every_layer_that_spoke_is_listed_and_the_winner_is_last(recipe: Recipe) -> None:
    origins = origins_document(recipe)
    assert [(each["layer"], each["value"]) for each in origins["/components/a/values/m/x"]] == [
        ("components/a/values.yaml", 1), ("eks", 2),
    ]  # fmt: skip
    assert [(each["layer"], each["value"]["value"]) for each in origins["/constraints/1"]] == [
        ("base", "1"),
        ("eks", "2"),
    ]
    assert [each["layer"] for each in origins["/components/a/version"]] == ["registry"]
    assert [each["layer"] for each in origins["/components/a/name"]] == ["base", "eks"]


def test_what_was_taken_away_is_told_too() -> None:
    recipe = resolve(WHOLE, EKS, api_version=REFERENCE)
    first, last = origins_document(recipe)["/components/a/values/gone"]
    assert (first["value"], last["value"], last["removed"], last["layer"]) == (1, None, True, "eks")
    assert "removed" not in first


def test_a_pointer_escapes_what_separates_its_steps(recipe: Recipe) -> None:
    assert escape("label/with~odd.keys") == "label~1with~0odd.keys"
    assert "/components/a/values/label~1with~0odd.keys/0" in origins_document(recipe)


def test_origins_can_be_written_as_json(recipe: Recipe) -> None:
    text = json.dumps(origins_document(recipe), allow_nan=False)
    assert json.loads(text) == origins_document(recipe)
