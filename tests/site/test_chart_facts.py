"""What charts bring, as pages tell it: from proofs, no more than they say, and in how many recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.proofs import Archive, Fact, Proof, decode, path_of
from clusterbook.catalog.read import read_tree
from clusterbook.prove.preview import NAMES
from clusterbook.resolve import matrix
from clusterbook.site.chart_facts import ChartFacts, chart_facts
from clusterbook.site.components import components_of
from clusterbook.site.recipes import RecipeViews
from tests.support.whole_recipes import ROOT

CHART = Archive("trainer", "2.2.0", "sha256:0")


def proof(archive: Archive = CHART, refusal: str = "", **facts: Sequence[Fact]) -> Proof:
    return Proof("key", archive, ("1.34",), {}, facts, refusal)


def said(facts: ChartFacts) -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.says) for each in facts.facts]


ROLE = {"object": "ClusterRole/a", "rules": 1, "grants": ["pods: list"]}


@pytest.mark.parametrize(
    ("kind", "fact", "expected"),
    [
        ("kubernetes", {"range": ">= 1.29"}, ("version", "Kubernetes", "wants >= 1.29")),
        ("kubernetes", {"refused": "1.28", "why": "too old"}, ("version", "Kubernetes 1.28", "too old")),
        ("clusterRoles", ROLE, ("cluster-wide role", "ClusterRole/a", "1 rule")),
        (
            "clusterRoles",
            {**ROLE, "rules": 2, "everything": True},
            ("cluster-wide role", "ClusterRole/a", "2 rules, among them everything"),
        ),
        ("roles", {**ROLE, "namespace": "n"}, ("role of a namespace", "ClusterRole/a", "1 rule, in n")),
        (
            "bindings",
            {"object": "ClusterRoleBinding/b", "role": "ClusterRole/view", "subjects": ["Group/g"]},
            ("role of others that it binds", "ClusterRoleBinding/b", "gives ClusterRole/view to Group/g"),
        ),
        (
            "webhooks",
            {
                "object": "MutatingWebhookConfiguration/w",
                "webhooks": list("abcde"),
                "failurePolicy": ["Fail", "Ignore"],
            },
            ("webhook", "MutatingWebhookConfiguration/w", "a, b, c and 2 more; failure policy Fail, Ignore"),
        ),
        ("hooks", {"object": "Job/j", "when": ["pre-upgrade"]}, ("hook", "Job/j", "pre-upgrade")),
        (
            "kinds",
            {"name": "jobs.x.io", "kind": "Job", "versions": ["v1", "v1alpha1"], "where": "crds"},
            ("kind (CRD)", "jobs.x.io", "v1, v1alpha1, in crds/"),
        ),
        (
            "podSecurity",
            {"level": "privileged", "why": ["DaemonSet/d#/spec/hostPID"]},
            ("pod security level", "privileged", "because of DaemonSet/d#/spec/hostPID"),
        ),
        (
            "owned",
            {"object": "Secret/s", "apiVersion": "v1", "pointers": ["/data/tls.crt"]},
            ("filled by a controller", "Secret/s", "/data/tls.crt"),
        ),
        (
            "unstable",
            {"object": "Secret/s", "pointers": ["/data/k"]},
            ("regenerated at each render", "Secret/s", "/data/k"),
        ),
        ("immutable", {"object": "Secret/s"}, ("immutable", "Secret/s", "immutable on upgrade")),
    ],
)
def test_a_fact_is_told_in_a_line(kind: str, fact: Fact, expected: tuple[str, str, str]) -> None:
    assert said(chart_facts([(proof(**{kind: [fact]}), 1)])) == [expected]


def test_a_fact_says_in_how_many_recipes_it_holds() -> None:
    other = {**ROLE, "object": "ClusterRole/b"}
    found = chart_facts([(proof(clusterRoles=[ROLE, other]), 3), (proof(clusterRoles=[ROLE]), 4), (None, 5)])
    assert found.recipes == 7
    assert [(each.name, each.recipes) for each in found.facts] == [("ClusterRole/a", 7), ("ClusterRole/b", 3)]


@pytest.mark.parametrize("unproven", [None, proof(refusal="no"), proof(Archive())], ids=["none", "refused", "no chart"])
def test_what_is_not_rendered_is_not_told_of(unproven: Proof | None) -> None:
    assert chart_facts([(unproven, 3)]) == ChartFacts()


def test_a_chart_that_is_not_the_pinned_one_is_marked() -> None:
    (chart,) = chart_facts([(proof(Archive("a", "1.0.0", "sha256:0", exact=False)), 1)]).charts
    assert chart == "a 1.0.0 (not the pinned one)"


def test_pages_tell_every_fact_of_our_proofs_but_images_which_have_a_list() -> None:
    made = matrix.build(load_catalog(read_tree(ROOT / "recipes")))
    recipes: Mapping[str, Any] = {slug: made.recipes[slug] for slug in made.recipes if slug.startswith("h100")}
    views = {each.name: each.chart_facts for each in components_of(made, recipes, RecipeViews(made, recipes))}
    kinds = {
        kind
        for name in views
        for each in _proofs(name)
        for kind in each.facts
        if views[name].charts and kind != "images"
    }
    assert kinds <= NAMES.keys() | {"unstable", "immutable"}
    assert {"webhooks", "clusterRoles", "hooks", "kinds", "owned", "podSecurity"} <= kinds
    trainer = views["kubeflow-trainer"]
    assert ("filled by a controller", "Secret/kubeflow-trainer-webhook-cert") in {each[:2] for each in trainer.facts}
    assert {each.kind for each in trainer.facts} >= {"webhook", "cluster-wide role", "kind (CRD)"}
    (security,) = {each.name for each in views["nfd"].facts if each.kind == "pod security level"}
    assert security == "privileged"


def _proofs(component: str) -> list[Proof]:
    path = ROOT / "recipes" / path_of(component)
    return decode(path.read_text(), str(path)) if path.is_file() else []
