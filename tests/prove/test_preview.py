"""Previews as they are read: an upgrade in as few lines as say it all."""

from __future__ import annotations

import json

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.proofs import Archive, Effect, Fact, Proof
from clusterbook.prove.preview import EffectChange, FactChange, Preview, as_json, as_text, compare
from clusterbook.prove.subjects import cases
from clusterbook.resolve import matrix
from tests.support.trees import tree

OLD, NEW = Archive("a", "1.2.0"), Archive("a", "1.10.0")


def preview(
    *facts: FactChange, before: Archive = OLD, after: Archive = NEW, values: tuple[EffectChange, ...] = ()
) -> list[str]:
    """Return the lines of a preview without its heading."""
    return as_text([Preview("a", ("base",), before, after, values, facts, "")]).splitlines()[1:]


def comes(image: str) -> FactChange:
    return FactChange("images", image, None, {"image": image})


def goes(image: str) -> FactChange:
    return FactChange("images", image, {"image": image}, None)


def test_an_image_that_moves_on_is_one_line() -> None:
    lines = preview(goes("quay.io/x/m:v1"), comes("quay.io/x/m:v2"), comes("localhost:5000/n:1"))
    assert lines == ["  images quay.io/x/m: v1 → v2", "  images localhost:5000/n:1: comes"]


def test_a_port_is_no_tag_and_a_digest_is_part_of_it() -> None:
    lines = preview(goes("localhost:5000/n:1@sha256:a"), comes("localhost:5000/n@sha256:b"))
    assert lines == ["  images localhost:5000/n: 1@sha256:a → @sha256:b"]


@pytest.mark.parametrize(
    "facts",
    [
        (goes("m:1"), goes("m:2"), comes("m:3")),
        (goes("m:1"), comes("m:2"), comes("m:3")),
        (goes("m:1"), comes("m:2"), FactChange("images", "m:3", {"value": "/a"}, {"value": "/b"})),
        (goes("m:1"),),
        (comes("m:1"),),
    ],
)
def test_where_it_is_not_clear_which_image_follows_which_each_has_a_line(facts: tuple[FactChange, ...]) -> None:
    lines = preview(*facts)
    assert len(lines) == len(facts)
    assert not any("m: " in line for line in lines)


ROLE = {"object": "ClusterRole/a", "rules": 2, "grants": ["deployments.apps: get", "secrets: get,list"]}


def test_rights_that_come_and_go_are_told_verb_by_verb() -> None:
    after = {**ROLE, "rules": 3, "grants": ["deployments.apps: delete,get", "secrets: list"]}
    role = "  clusterRoles ClusterRole/a"
    assert preview(FactChange("clusterRoles", "ClusterRole/a", ROLE, after)) == [
        f"{role}: +deployments.apps: delete; -secrets: get"
    ]
    broad = {**ROLE, "grants": ["*.*: *"], "everything": True}
    assert preview(FactChange("clusterRoles", "ClusterRole/a", ROLE, broad)) == [
        f"{role}: everything null → true, +*.*: *; -deployments.apps: get; -secrets: get,list"
    ]
    assert preview(FactChange("clusterRoles", "ClusterRole/a", None, ROLE)) == [
        f"{role}: comes: +deployments.apps: get; +secrets: get,list"
    ]
    assert preview(FactChange("clusterRoles", "ClusterRole/a", ROLE, None)) == [
        f"{role}: goes: -deployments.apps: get; -secrets: get,list"
    ]


def test_a_role_of_others_is_told_with_whom_it_is_given_to() -> None:
    binding = {
        "object": "ClusterRoleBinding/b",
        "role": "ClusterRole/cluster-admin",
        "subjects": ["ServiceAccount/n/s"],
    }
    name = "ClusterRoleBinding/b"
    assert preview(FactChange("bindings", name, None, binding)) == [
        f"  bindings {name}: comes: ClusterRole/cluster-admin for ServiceAccount/n/s"
    ]
    other = {**binding, "role": "ClusterRole/view"}
    assert preview(FactChange("bindings", name, other, binding)) == [
        f'  bindings {name}: role "ClusterRole/view" → "ClusterRole/cluster-admin"'
    ]


def proof(**facts: list[Fact]) -> Proof:
    return Proof("0" * 16, OLD, (), {}, facts)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (ROLE, {**ROLE, "rules": 7}, []),
        (ROLE, {**ROLE, "grants": []}, ["ClusterRole/a"]),
        ({**ROLE, "namespace": "n"}, {**ROLE, "namespace": "m"}, ["ClusterRole/a in m", "ClusterRole/a in n"]),
    ],
)
def test_a_role_changes_with_its_rights_and_its_namespace(before: Fact, after: Fact, changes: list[str]) -> None:
    made = matrix.build(load_catalog(tree({"base": "componentRefs: [{name: a}]"})))
    (case,) = cases(made.catalog, made.recipes)
    found = compare(case, proof(clusterRoles=[before]), proof(clusterRoles=[after]))
    assert [each.name for each in found.facts] == changes


def test_data_says_which_rights_come_and_go() -> None:
    change = FactChange("clusterRoles", "ClusterRole/a", ROLE, {**ROLE, "grants": ["secrets: get,list,watch"]})
    (section,) = json.loads(as_json([Preview("a", ("base",), OLD, NEW, (), (change,), "")]))
    assert section["facts"][0]["rights"] == {"comes": ["secrets: watch"], "goes": ["deployments.apps: get"]}


def test_of_a_list_only_what_comes_and_goes_is_told() -> None:
    before, after = {"name": "k", "versions": ["v1", "v1beta1"]}, {"name": "k", "versions": ["v2", "v1"]}
    assert preview(FactChange("kinds", "k", before, after)) == ["  kinds k: versions +v2, -v1beta1"]
    turned = {**before, "versions": before["versions"][::-1]}
    assert preview(FactChange("kinds", "k", before, turned)) == ["  kinds k: versions reordered"]


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        (NEW, OLD, True),
        (OLD, NEW, False),
        (OLD, OLD, False),
        (Archive("a", "v1.2.0"), Archive("a", "1.1.9"), True),
        (Archive("driver", "25.12.0"), Archive("dra-driver", "0.4.1"), False),
        (Archive("a", "latest"), OLD, False),
    ],
)
def test_an_older_version_is_marked(before: Archive, after: Archive, *, marked: bool) -> None:
    (head, *_) = as_text([Preview("a", ("base",), before, after, (), (), "")]).splitlines()
    assert ("(older)" in head) is marked


def test_a_value_whose_effect_changes_is_told_with_both() -> None:
    change = EffectChange("/x", Effect("live", changes=("A/a#/b",)), Effect("dead", why="no /x", near="/y"))
    assert preview(values=(change,)) == ["  value /x: live (A/a#/b) → dead (no /x; did you mean /y?)"]
