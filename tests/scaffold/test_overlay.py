"""New overlays: the right base, and what overlays beside them share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.scaffold.overlay import OverlayDraft, draft, read_pairs
from tests.support import sites, trees

FILES = {
    "base": "componentRefs: [{name: a}]",
    "eks": "criteria: {service: eks}",
    "eks-training": "base: eks\ncriteria: {service: eks, intent: training}",
    "h100-eks-training": """
        base: eks-training
        criteria: {service: eks, accelerator: h100, intent: training}
        mixins: [os-ubuntu]
        constraints: [{name: K8s.server.version, value: ">= 1.32"}, {name: GPU.count, value: ">= 8"}]
        componentRefs: [{name: a, overrides: {size: 1}}]
        validation: {conformance: {checks: [one, two]}}
        """,
    "b200-eks-training": """
        base: eks-training
        criteria: {service: eks, accelerator: b200, intent: training}
        mixins: [os-ubuntu]
        constraints: [{name: K8s.server.version, value: ">= 1.34"}, {name: GPU.count, value: ">= 8"}]
        componentRefs: [{name: a, overrides: {size: 2}}]
        validation: {conformance: {checks: [two, three]}}
        """,
    "mixins/os-ubuntu.yaml": "kind: RecipeMixin\nmetadata: {name: os-ubuntu}\nspec: {}\n",
}


def made(text: str) -> OverlayDraft:
    catalog = trees.load(FILES)
    return draft(catalog, read_pairs(text, catalog.vocabulary))


def document(draft: OverlayDraft) -> Any:
    return YAML(typ="safe").load(draft.text)


def test_what_all_siblings_say_alike_is_said_again() -> None:
    found = document(made("service=eks,accelerator=gb200,intent=training"))["spec"]
    assert found == {
        "base": "eks-training",
        "criteria": {"service": "eks", "accelerator": "gb200", "intent": "training"},
        "mixins": ["os-ubuntu"],
        "constraints": [{"name": "GPU.count", "value": ">= 8"}],
        "validation": {"conformance": {"checks": ["two"]}},
    }


def test_what_they_say_differently_is_a_comment_with_who_says_what() -> None:
    text = made("service=eks,accelerator=gb200,intent=training").text
    assert "# constraint K8s.server.version: >= 1.34 (b200-eks-training), >= 1.32 (h100-eks-training)\n" in text
    assert "# b200-eks-training, h100-eks-training set components: a\n" in text


def test_without_siblings_it_builds_on_the_most_specific_overlay() -> None:
    found = made("service=eks,intent=training,platform=kubeflow")
    assert document(found)["spec"]["base"] == "eks-training"
    assert made("service=aks").notes[0].startswith("taken from eks")


def test_a_value_that_nobody_has_yet_is_told_with_what_there_is() -> None:
    (note,) = [each for each in made("service=eks,accelerator=h1000,intent=training").notes if "is new" in each]
    assert "accelerator h1000 is new" in note
    assert "h100" in note


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("service=eks,accelerator=h100,intent=training", "h100-eks-training is for exactly these criteria"),
        ("service", "'service' is not a criterion"),
        ("servise=eks", "'servise=eks' is not a criterion"),
        ("service=eks,service=aks", "service is given twice"),
        ("service=../../x", "the value of service cannot be '../../x'"),
        ("service=a b", "the value of service cannot be 'a b'"),
        ("service=any", "an overlay is for some criteria"),
        ("nodes=-1", "nodes '-1' is not a whole number"),
        ("", "'' is not a criterion"),
    ],
)
def test_what_is_no_new_overlay_is_refused(text: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what.replace("(", r"\(").replace(".", r"\.")):
        made(text)


def test_every_overlay_of_ours_would_get_a_base_that_covers_it() -> None:
    catalog = sites.ours().catalog
    known = {name: layer for name, layer in catalog.overlays.items() if layer.criteria and layer.criteria.specified()}
    right = 0
    for name, layer in known.items():
        assert layer.criteria is not None
        others = {key: each for key, each in catalog.overlays.items() if key != name}
        found = document(draft(replace(catalog, overlays=others), layer.criteria))["spec"]
        above = catalog.overlays.get(found["base"])
        assert above is None or above.criteria is None or above.criteria.covers(layer.criteria), name
        right += found["base"] == layer.base
    assert right > len(known) / 2
