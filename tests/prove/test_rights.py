"""Rights: what roles allow, told apart by what they allow and not by how it is written."""

from __future__ import annotations

import random
from typing import Any

import pytest

from clusterbook.prove.rights import difference, grants


def rule(groups: str, resources: str, verbs: str, **more: list[str]) -> dict[str, Any]:
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(","), **more}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rule("", "pods,pods/log", "list,get"), ["pods: get,list", "pods/log: get,list"]),
        (rule("apps", "deployments/scale", "update"), ["deployments.apps/scale: update"]),
        (rule("*", "*", "*"), ["*.*: *"]),
        (rule("", "secrets", "get", resourceNames=["a", "b"]), ["secrets[a]: get", "secrets[b]: get"]),
        (rule("a,b", "x", "get"), ["x.a: get", "x.b: get"]),
        ({"nonResourceURLs": ["/metrics"], "verbs": ["get"]}, ["/metrics: get"]),
        (
            rule("rbac.authorization.k8s.io", "clusterroles", "bind", resourceNames=["system:auth: x"]),
            ["clusterroles.rbac.authorization.k8s.io[system:auth: x]: bind"],
        ),
        ({"apiGroups": None, "resources": "pods", "verbs": None}, []),
        (rule("", "pods", "get") | {"verbs": []}, []),
    ],
)
def test_a_rule_is_told_by_what_it_allows(given: dict[str, Any], expected: list[str]) -> None:
    assert grants([given]) == expected


def test_rules_that_are_cut_up_otherwise_allow_the_same() -> None:
    whole = [rule(",apps", "pods,deployments", "get,list,watch"), rule("", "secrets", "get", resourceNames=["a"])]
    pieces = [
        {**each, "apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for each in whole
        for group in each["apiGroups"]
        for resource in each["resources"]
        for verb in each["verbs"]
    ]
    for seed in range(20):
        random.Random(seed).shuffle(pieces)  # noqa: S311 (a fixed shuffle, no secret)
        assert grants([*pieces, pieces[0]]) == grants(whole)


def test_only_what_comes_and_goes_is_a_difference() -> None:
    before = grants([rule("", "pods", "get,list"), rule("apps", "deployments", "get")])
    after = grants([rule("", "pods", "get,watch"), rule("", "secrets", "*")])
    comes, goes = difference(before, after)
    assert (comes, goes) == (["pods: watch", "secrets: *"], ["deployments.apps: get", "pods: list"])
    assert difference(after, before) == (goes, comes)
    assert difference(before, before) == ([], [])


def test_some_of_a_resource_is_another_right_than_all_of_it() -> None:
    some, all_of_them = grants([rule("", "secrets", "get", resourceNames=["a"])]), grants([rule("", "secrets", "get")])
    assert difference(some, all_of_them) == (["secrets: get"], ["secrets[a]: get"])
