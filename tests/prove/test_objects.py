"""Objects that helm rendered: told apart, read, and compared field by field."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.prove.objects import Reader, differences, split

TEXT = """\
---
# Source: a/templates/one.yaml
kind: ConfigMap
metadata: {name: one}
data: {x: "1"}
---
# Source: a/templates/empty.yaml
# nothing but a comment
---
# Source: a/crds/two.yaml
kind: List
items:
- {kind: Secret, metadata: {name: two}}
- {kind: Secret, metadata: {name: three}}
"""


def test_documents_of_comments_alone_are_left_out() -> None:
    assert len(split(TEXT)) == 2


def test_objects_have_a_name_and_the_file_of_the_chart() -> None:
    objects = Reader().whole(split(TEXT))
    assert [(each.name, each.file) for each in objects] == [
        ("ConfigMap/one", "templates/one.yaml"),
        ("Secret/two", "crds/two.yaml"),
        ("Secret/three", "crds/two.yaml"),
    ]


def test_a_file_that_begins_with_a_separator_keeps_its_name() -> None:
    text = "---\n# Source: a/crds/k.yaml\n---\nkind: K\nmetadata: {name: k}\n---\nkind: L\nmetadata: {name: l}\n"
    assert [(each.name, each.file) for each in Reader().whole(split(text))] == [
        ("K/k", "crds/k.yaml"),
        ("L/l", "crds/k.yaml"),
    ]


def test_changes_name_objects_that_come_and_go_and_fields_that_differ() -> None:
    other = TEXT.replace('"1"', '"2"').replace("name: three", "name: four")
    changes = Reader().changes(split(TEXT), split(other))
    assert [each.text() for each in changes] == ["ConfigMap/one#/data/x", "-Secret/four", "+Secret/three"]


@pytest.mark.parametrize(
    ("one", "two", "pointers"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a/b": 1, "c": 1}, {"c~": 1}, ["/a~1b", "/c", "/c~0"]),
        ([{"name": "x", "v": 1}, {"name": "y"}], [{"name": "y"}, {"name": "x", "v": 2}], ["/0/v"]),
        ([{"name": "x"}], [{"name": "x"}, {"name": "y"}], ["/1"]),
        ([1, 2], [1, 3], ["/1"]),
        ([1, 2], [1], [""]),
        ({"a": {"b": 1}}, {"a": None}, ["/a"]),
    ],
)
def test_differences_are_json_pointers(one: Any, two: Any, pointers: list[str]) -> None:
    assert list(differences(one, two)) == pointers


def test_a_document_that_is_no_yaml_is_compared_as_text() -> None:
    reader = Reader()
    assert reader.changes(("kind: [",), ("kind: [",)) == []
    assert [each.pointer for each in reader.changes(("kind: [",), ("kind: [[",))] == ["/text"]
