"""Values that name images, held against the list of their component's images."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.resolve.bundle_inputs import BundleInputs, complete
from clusterbook.resolve.image_words import unlisted_words
from tests.support.whole_recipes import wholes

LISTED = ["nvcr.io/nvidia/driver:580.1", "docker.io/library/busybox:1.36@sha256:ab", "localhost:5000/x:v2"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"driver": {"version": "580.1"}}, []),
        ({"driver": {"version": "590.1"}}, [("driver.version", "590.1")]),
        ({"driver": {"version": "580"}}, [("driver.version", "580")]),
        ({"driver": {"repository": "nvcr.io/nvidia", "image": "driver"}}, []),
        ({"driver": {"repository": "evil.example/nvidia"}}, [("driver.repository", "evil.example/nvidia")]),
        ({"a": [{"image": "busybox:1.37"}, {"image": "busybox:1.36"}]}, [("a.image", "busybox:1.37")]),
        ({"imageTag": "v3", "other": "v3"}, [("imageTag", "v3")]),
        ({"initImage": "x/y:1"}, [("initImage", "x/y:1")]),
        ({"image": {"tag": "", "digest": None, "pullPolicy": "Always"}, "registry": {}, "version": True}, []),
        ({"tag": 1.36}, []),
        ({"tag": 1}, [("tag", "1")]),
        ({"registry": "localhost:5000/"}, []),
        ({"a": {"repository": "p", "version": "9"}}, [("a.version", "9"), ("a.repository", "p")]),
        ({"a": {"version": "9", "repository": "p"}}, [("a.version", "9"), ("a.repository", "p")]),
    ],
)
def test_a_value_that_names_what_is_not_listed_is_found(values: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert list(unlisted_words(values, LISTED)) == found


def test_a_recipe_whose_values_were_edited_has_a_list_that_is_not_complete() -> None:
    part = {"name": "a", "version": "1", "source": "https://x", "values": {"driver": {"version": "590.1"}}}
    recipe = {"componentRefs": [part], "deploymentOrder": ["a"]}
    whole = complete(recipe, BundleInputs({}, {"a": LISTED}, {}, {}))
    (gap,) = whole["componentRefs"][0]["imageGaps"]
    assert (gap["missing"], gap["reason"]) == ("the image of driver.version", "the list has none of 590.1")
    part["values"] = {"driver": {"version": "580.1"}}
    assert "imageGaps" not in complete(recipe, BundleInputs({}, {"a": LISTED}, {}, {}))["componentRefs"][0]


def test_every_value_of_our_recipes_names_what_is_listed_or_what_each_node_completes() -> None:
    gaps: dict[str, bool] = {}
    for recipe in wholes().values():
        for part in recipe["componentRefs"]:
            for gap in part.get("imageGaps", ()):
                # A driver built in advance is named by its branch, to which the operator adds each node's kernel.
                by_kernel = part["values"].get("driver", {}).get("usePrecompiled") is True
                gaps[gap["missing"]] = gaps.get(gap["missing"], True) and by_kernel
    unlisted = {what: known for what, known in gaps.items() if what.startswith("the image of ")}
    assert unlisted == {"the image of driver.version": True, "the image of driver.repository": True}
