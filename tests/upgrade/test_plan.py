"""Plans: from two sides and what is known, to steps. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from clusterbook.bundle.advice import Need
from clusterbook.transition.record import UpgradeRecord, read_record
from clusterbook.upgrade.kinds import ChartKind, Kinds
from clusterbook.upgrade.plan import Knowledge, ReleaseStep, UpgradePlan, make_plan
from clusterbook.upgrade.side import PlacedRelease, SeenRelease, UpgradeSide, installed_side

GROVE: Mapping[str, Any] = {
    "component": "grove",
    "transitions": [
        {
            "from": "<0.2.0",
            "to": "0.2.0",
            "verdict": "manual",
            "summary": "a kind is replaced",
            "precondition": "none is left",
            "reversible": False,
            "stepsByDeployer": [
                {"deployers": ["helm"], "steps": [{"id": "a", "description": "delete it"}]},
                {"steps": [{"id": "b", "description": "sync it"}]},
            ],
        },
        {"from": ">=0.2.0 <0.3.0", "to": ">=0.3.0 <=0.3.1", "verdict": "safe", "verifiedBy": "a run", "summary": "ok"},
    ],
}


def release(name: str = "a", **more: Any) -> PlacedRelease:
    whole = {
        "component": name, "namespace": f"ns-{name}", "chart": f"chart-{name}", "repository": "https://x.test",
        "version": "1.0.0", "values": {}, "templates": {},
    }  # fmt: skip
    return PlacedRelease(name, **{**whole, **more})


def side(*releases: PlacedRelease, **more: Any) -> UpgradeSide:
    return UpgradeSide("side", releases, **more)


def one(old: PlacedRelease, new: PlacedRelease, known: Knowledge | None = None, **more: Any) -> ReleaseStep:
    made = make_plan(side(old), side(new, **more), known or Knowledge())
    (step,) = made.steps
    return step


def topics(found: UpgradePlan | ReleaseStep) -> list[str]:
    if isinstance(found, UpgradePlan):
        return [note.topic for _, note in found.needs()]
    return [note.topic for note in found.notes if note.needs_you]


def records(document: Mapping[str, Any] = GROVE, name: str = "a") -> Mapping[str, UpgradeRecord]:
    return {name: read_record({**document, "component": name})}


def kinds(**where: str) -> Kinds:
    return {name: ChartKind(name, ("v1",), place) for name, place in where.items()}


# --- what becomes of a release ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({}, "stays"),
        ({"version": "1.1.0"}, "upgrades"),
        ({"chart": "other"}, "upgrades"),
        ({"repository": "https://y.test"}, "upgrades"),
        ({"values": {"x": 1}}, "changes"),
        ({"templates": {"m.yaml": "kind: X"}}, "changes"),
        ({"namespace": "elsewhere"}, "moves"),
        ({"namespace": "elsewhere", "version": "1.1.0"}, "moves"),
    ],
)
def test_what_becomes_of_a_release_is_one_word(change: dict[str, Any], action: str) -> None:
    assert one(release(), release(**change)).action == action


def test_nothing_changes_and_nothing_needs_anybody() -> None:
    made = make_plan(side(release("a"), release("b")), side(release("a"), release("b")), Knowledge())
    assert [step.action for step in made.steps] == ["stays", "stays"]
    assert made.needs() == []


def test_steps_come_in_the_order_of_installation_and_what_goes_goes_last_and_backwards() -> None:
    old = side(release("x"), release("a"), release("y"))
    made = make_plan(old, side(release("b"), release("a")), Knowledge())
    assert [(step.release.name, step.action) for step in made.steps] == [
        ("b", "comes"), ("a", "stays"), ("y", "goes"), ("x", "goes"),
    ]  # fmt: skip


@pytest.mark.parametrize("beside", ["", "-pre", "-post"])
def test_a_release_that_the_registry_calls_otherwise_today_is_the_same(beside: str) -> None:
    old = release(f"old{beside}", component="old")
    new = release(f"new{beside}", component="new", namespace=old.namespace, facts={"renamedFrom": ["older", "old"]})
    step = one(old, new)
    assert (step.action, step.before, step.undo.possible) == ("renamed", old, "no")
    assert "deploy.sh" in step.notes[0].text
    assert topics(step) == []


def test_a_release_whose_own_name_is_there_is_not_taken_for_a_renamed_one() -> None:
    old = side(release("old"), release("new"))
    made = make_plan(old, side(release("new", facts={"renamedFrom": ["old"]})), Knowledge())
    assert [(step.release.name, step.action) for step in made.steps] == [("new", "stays"), ("old", "goes")]


@pytest.mark.parametrize("deployer", ["helm", "helmfile", "argocd", "argocd-helm", "flux"])
def test_each_deployer_is_told_in_its_own_words(deployer: str) -> None:
    old = side(release("old"), release("gone"))
    new = side(release("new", namespace="ns-old", facts={"renamedFrom": ["old"]}), deployer=deployer)
    made = make_plan(old, new, Knowledge())
    words = {"helm": "helm ", "helmfile": "helm ", "argocd": "argocd", "argocd-helm": "argocd", "flux": "Flux"}
    gone = next(note for step in made.steps for note in step.notes if note.topic == "goes")
    assert words[deployer] in gone.do
    assert ("goes" in topics(made)) == (deployer != "flux")
    assert ("renamed" in topics(made)) == (deployer != "helm")


def test_another_namespace_is_another_installation() -> None:
    values = {"prometheus": {"storageSpec": {"volumeClaimTemplate": {"x": 1}}}}
    facts = {"storageClassPaths": ["prometheus.storageSpec.volumeClaimTemplate.spec.storageClassName"]}
    step = one(release(values=values, facts=facts), release(namespace="b", values=values, facts=facts))
    (note,) = [each for each in step.notes if each.topic == "namespace"]
    assert "helm uninstall a --namespace ns-a" in note.do
    assert "volumes" in note.do
    assert step.undo.possible == "no"


def test_what_a_record_speaks_of_is_kept_before_a_release_that_moves_is_removed() -> None:
    first = {**GROVE["transitions"][0], "affectedResources": [{"group": "old.example", "kinds": ["Thing", "Policy"]}]}
    known = Knowledge(records=records({**GROVE, "transitions": [first]}))
    step = one(release(version="0.1.0"), release(version="0.2.0", namespace="b"), known)
    (note,) = [each for each in step.notes if each.topic == "namespace"]
    kept, removed, stays = re.split("; (?:then|or) ", note.do)
    assert "kubectl get Thing.old.example,Policy.old.example --all-namespaces --output yaml > a.yaml" in kept
    assert removed == "remove the old one first: helm uninstall a --namespace ns-a"
    assert "--inherit-from OLD" in stays


@pytest.mark.parametrize(
    ("deployer", "how"),
    [
        ("helm", "helm uninstall a --namespace ns-a"),
        ("helmfile", "helm uninstall a --namespace ns-a"),
        ("argocd", "argocd app delete a --cascade"),
        ("argocd-helm", "argocd app delete a --cascade"),
        ("flux", "Flux uninstalls the old one"),
    ],
)
def test_a_release_that_moves_is_removed_by_its_deployer(deployer: str, how: str) -> None:
    step = one(release(), release(namespace="b"), deployer=deployer)
    (note,) = [each for each in step.notes if each.topic == "namespace"]
    assert how in note.do
    assert ("helm uninstall" in note.do) == deployer.startswith("helm")


# --- values -----------------------------------------------------------------------------------------------------------


def test_values_are_told_one_by_one_with_what_they_do() -> None:
    effects = {"/a~1b/c": {"effect": "live", "changes": ["+Secret/x"], "more": 2}, "/gone": {"effect": "dead"}}
    known = Knowledge(old_effects=lambda _: {"/gone": {"effect": "dead"}}, new_effects=lambda _: effects)
    step = one(release(values={"gone": 1, "same": [1]}), release(values={"a/b": {"c": 2}, "same": [1]}), known)
    assert [(each.pointer, each.before, each.after, each.effect) for each in step.values] == [
        ("/a~1b/c", (), (2,), "live"),
        ("/gone", (1,), (), "dead"),
    ]
    assert step.values[0].path == "a/b.c"


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"x": 1}, {"x": True}, True),
        ({"x": None}, {}, True),
        ({"x": {}}, {}, True),
        ({"x": [1, 2]}, {"x": [2, 1]}, True),
        ({"x": {"y": 1}}, {"x": 1}, True),
        ({"x": "1.10"}, {"x": "1.10"}, False),
    ],
)
def test_a_value_is_another_one_as_helm_sees_it(before: dict[str, Any], after: dict[str, Any], changed: bool) -> None:
    assert bool(one(release(values=before), release(values=after)).values) == changed


def test_a_value_that_no_proof_is_about_is_unproven() -> None:
    (value,) = one(release(), release(values={"x": 1})).values
    assert value.effect == "unproven"


def test_a_volume_that_is_asked_for_otherwise_needs_you() -> None:
    values = {"server": {"volumeClaimTemplate": {"spec": {"size": "2Gi"}}}}
    assert topics(one(release(), release(values=values))) == ["volumes"]


# --- nodes ------------------------------------------------------------------------------------------------------------

EFFECTS = [
    {"effect": "drains", "paths": ["driver.version"], "how": "it drains"},
    {"effect": "restarts", "onChart": True, "how": "pods restart"},
    {"effect": "reboots", "onManifests": True, "how": "it reboots"},
]


@pytest.mark.parametrize(
    ("change", "told", "needs"),
    [
        ({"values": {"driver": {"version": "2"}}}, "drains", True),
        ({"values": {"driver": {"versions": "2"}}}, "", False),
        ({"version": "1.0.1"}, "restarts pods", False),
        ({"templates": {"t.yaml": "x"}}, "reboots", True),
        ({}, "", False),
    ],
)
def test_what_an_upgrade_does_to_nodes_is_what_the_registry_knows(
    change: dict[str, Any], told: str, needs: bool
) -> None:
    step = one(release(), release(facts={"nodeEffects": EFFECTS}, **change))
    found = [note for note in step.notes if note.topic == "nodes"]
    assert [note.text.startswith(told) for note in found] == [True] * bool(told)
    assert [note.needs_you for note in found] == [needs] * bool(told)


# --- kinds ------------------------------------------------------------------------------------------------------------


def known_kinds(old: Kinds | None, new: Kinds | None) -> Knowledge:
    return Knowledge(old_kinds=lambda _: old, new_kinds=lambda _: new)


def test_kinds_that_nobody_knows_are_said_to_be_unproven() -> None:
    step = one(release(), release(version="1.1.0"))
    assert [text.partition(":")[0] for text in step.unproven] == ["which kinds change", "which kinds it brings"]
    assert all("not available" in text for text in step.unproven)
    assert step.undo.possible == "not known"


def test_kinds_of_one_chart_in_one_version_stay() -> None:
    assert one(release(), release(values={"x": 1}), known_kinds(None, kinds(k="crds"))).kinds == ()


@pytest.mark.parametrize(
    ("old", "new", "change", "needs"),
    [
        (kinds(), kinds(k="crds"), "comes", []),
        (kinds(k="crds"), kinds(k="crds"), "may change", []),
        (None, kinds(k="crds"), "may change", []),
        (kinds(k="crds"), kinds(k="templates"), "changes", []),
        (kinds(k="crds"), kinds(), "goes", []),
        (kinds(k="templates"), kinds(), "goes", ["kinds"]),
        ({"k": ChartKind("k", ("v1alpha1", "v1"), "crds")}, kinds(k="crds"), "changes", ["kinds"]),
        ({"k": ChartKind("k", ("v1",), "crds")}, {"k": ChartKind("k", ("v1", "v2"), "crds")}, "changes", []),
    ],
)
def test_what_becomes_of_a_kind(old: Kinds | None, new: Kinds, change: str, needs: list[str]) -> None:
    step = one(release(), release(version="1.1.0"), known_kinds(old, new))
    assert [each.change for each in step.kinds] == [change]
    assert topics(step) == needs


@pytest.mark.parametrize(
    ("where", "deployer", "word"),
    [
        ("crds", "helm", "deploy.sh"),
        ("crds", "flux", "CreateReplace"),
        ("templates", "argocd", "Argo CD"),
        ("hook", "helm", "hook"),
    ],
)
def test_who_moves_a_kind_depends_on_where_it_lies(where: str, deployer: str, word: str) -> None:
    step = one(release(), release(version="2.0.0"), known_kinds(kinds(), kinds(k=where)), deployer=deployer)
    assert word in step.kinds[0].how


def test_a_release_that_goes_with_its_kinds_needs_you_and_cannot_be_undone() -> None:
    made = make_plan(side(release("a")), side(), known_kinds(kinds(k="templates"), None))
    assert topics(made) == ["goes", "kinds"]
    assert made.steps[0].undo.possible == "no"


def test_kinds_that_another_component_brought_before_are_taken_over() -> None:
    old, new = side(release("stack")), side(release("crds", facts={"takesOver": ["stack"]}), release("stack"))
    made = make_plan(old, new, known_kinds(kinds(), kinds(k="templates")))
    comes = made.steps[0]
    assert ([each.change for each in comes.kinds], topics(comes)) == (["taken over"], [])
    assert "deploy.sh" in comes.notes[0].text
    by_hand = make_plan(old, new._replace(deployer="helmfile"), known_kinds(kinds(), kinds(k="templates"))).steps[0]
    assert topics(by_hand) == ["kinds"]
    assert "meta.helm.sh/release-name=crds" in by_hand.notes[0].do
    assert comes.undo.possible == "no"


def test_nobody_takes_over_what_nobody_brought() -> None:
    made = make_plan(
        side(), side(release("crds", facts={"takesOver": ["stack"]})), known_kinds(kinds(), kinds(k="crds"))
    )
    assert ([each.change for each in made.steps[0].kinds], topics(made)) == (["comes"], [])


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "more", "verdict", "part"),
    [
        ("0.1.0", "0.2.0", {}, "manual", "replaced"),
        ("0.2.0", "0.3.0", {}, "safe", "ok"),
        ("0.1.0", "0.3.0", {}, "blocked", "stop at 0.2.0"),
        ("0.2.0", "0.3.2", {}, "blocked", "stop at 0.3.1"),
        ("0.3.0", "0.3.1", {}, "unknown", "does not cover"),
        ("0.3.0", "0.2.0", {}, "unknown", "older"),
        ("main", "0.2.0", {}, "unversioned", "cannot be compared"),
        ("0.2.0", "0.3.0", {"values": {"fullnameOverride": "z"}}, "unknown", "fullnameOverride"),
        ("0.2.0", "0.3.0", {"namespace": "z"}, "unknown", "namespace"),
        ("0.2.0", "0.3.0", {"chart": "z"}, "unknown", "chart"),
    ],
)
def test_a_record_speaks_of_its_versions_alone(
    old: str, new: str, more: dict[str, Any], verdict: str, part: str
) -> None:
    step = one(release(version=old), release(version=new, **more), Knowledge(records=records()))
    assert step.verdict is not None
    assert (step.verdict.verdict, part in step.verdict.why) == (verdict, True), step.verdict.why
    assert ("record" in topics(step)) == (verdict in ("manual", "blocked"))


def test_a_transition_about_the_whole_step_counts_whatever_lies_on_the_way() -> None:
    said = {
        "component": "a",
        "transitions": [
            {"from": "<0.3.0", "to": ">=0.2.0 <=0.3.0", "verdict": "manual", "summary": "renamed",
             "stepsByDeployer": [{"steps": [{"id": "x", "description": "rename it"}]}]},
            {"from": ">=0.2.0 <0.3.0", "to": "=0.3.0", "verdict": "safe", "summary": "ok", "verifiedBy": "a run"},
        ],
    }  # fmt: skip
    known = Knowledge(records={"a": read_record(said)})
    step = one(release(version="0.1.0"), release(version="0.3.0"), known)
    assert step.verdict is not None
    assert (step.verdict.verdict, step.verdict.why) == ("manual", "renamed")


def test_the_steps_are_those_of_the_deployer_and_there_may_be_no_way_back() -> None:
    for deployer, word in (("helm", "delete it"), ("flux", "sync it")):
        step = one(release(version="0.1.0"), release(version="0.2.0"), Knowledge(records=records()), deployer=deployer)
        (note,) = [each for each in step.notes if each.topic == "record"]
        assert word in note.do
        assert "none is left" in note.text
        assert step.undo.possible == "no"


def test_without_a_record_the_step_is_unknown_and_a_downgrade_needs_you() -> None:
    up, down = one(release(), release(version="1.0.1")), one(release(version="1.0.1"), release())
    assert up.verdict is not None
    assert (up.verdict.verdict, topics(up)) == ("unknown", [])
    assert topics(down) == ["version"]


def test_versions_of_two_charts_say_nothing_of_each_other() -> None:
    step = one(release(version="25.1.0"), release(version="0.4.1", repository="oci://y.test/charts"))
    assert topics(step) == []
    assert step.verdict is not None
    assert "one chart" in step.verdict.why


# --- what has to hold first -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ({}, {"K8s.server.version": ">= 1.30"}, True),
        ({"K8s.server.version": ">= 1.30"}, {"K8s.server.version": ">= 1.30"}, False),
        ({"K8s.server.version": ">= 1.30"}, {"K8s.server.version": ">= 1.29.9"}, False),
        ({"K8s.server.version": ">= 1.30"}, {"K8s.server.version": ">= 1.30.1"}, True),
        ({"K8s.server.version": ">= 1.9"}, {"K8s.server.version": ">= 1.10"}, True),
        ({"OS.release.ID": "ubuntu"}, {"OS.release.ID": "rhel"}, True),
        ({"OS.release.ID": "ubuntu"}, {"OS.release.ID": "in (ubuntu, rhel)"}, False),
        ({"K8s.server.version": ">= 1.30 < 1.34"}, {"K8s.server.version": ">= 1.30"}, False),
        ({"K8s.server.version": ">= 1.30"}, {"K8s.server.version": ">= 1.30 < 1.34"}, True),
        ({"K8s.server.version": "> 1.29"}, {"K8s.server.version": ">= v1.29.0"}, False),
        ({"K8s.server.version": ">= 1.30"}, {}, False),
    ],
)
def test_a_constraint_that_asks_for_more_needs_you(before: dict[str, str], after: dict[str, str], asked: bool) -> None:
    made = make_plan(side(constraints=before), side(constraints=after), Knowledge())
    assert (topics(made) == ["requires"]) == asked


@pytest.mark.parametrize(("holds", "needs"), [(True, []), (False, ["requires"]), (None, ["requires"])])
def test_a_cluster_says_whether_a_constraint_holds(holds: bool | None, needs: list[str]) -> None:
    known = Knowledge(holds=lambda _name, _value: holds)
    made = make_plan(side(is_cluster=True), side(constraints={"K8s.server.version": ">= 1.30"}), known)
    assert (topics(made), made.requirements[0].holds) == (needs, holds)


def test_kinds_that_nothing_in_the_bundle_brings_need_you_once() -> None:
    gateways = Need(("a",), ("gateways.gateway.networking.k8s.io",), "kubectl apply -f x")
    fresh = make_plan(side(), side(), Knowledge(new_needs=(gateways,)))
    again = make_plan(side(), side(), Knowledge(old_needs=(gateways,), new_needs=(gateways,)))
    assert (topics(fresh), topics(again)) == (["kinds"], [])
    assert fresh.requirements[0].note.do == "kubectl apply -f x"


# --- a cluster --------------------------------------------------------------------------------------------------------


def test_a_cluster_is_a_side_and_what_is_not_ours_is_left_alone() -> None:
    new = side(
        release("a", version="1.1.0"),
        release("a-post", component="a", namespace="ns-a", chart="", version="", templates={"x": "y"}),
        release("new", namespace="ns-old", facts={"renamedFrom": ["old"]}),
    )
    seen = [
        SeenRelease("theirs", "web", "nginx", "1.0.0", {}),
        SeenRelease("a-post", "ns-a", "a-post", "0.1.0", None),
        SeenRelease("a", "ns-a", "chart-a", "1.0.0", None),
        SeenRelease("old", "ns-old", "chart-old", "0.9.0", {"x": 1}),
    ]
    old = installed_side("cluster.yaml", seen, new)
    made = make_plan(old, new, Knowledge())
    assert [(step.release.name, step.action) for step in made.steps] == [
        ("a", "upgrades"), ("a-post", "stays"), ("new", "renamed"),
    ]  # fmt: skip
    assert [note.text for note in made.notes] == ["web/theirs is not part of side; it is left alone"]
    assert any("which values change" in text for text in made.steps[0].unproven)
    assert any("which manifests change" in text for text in made.steps[1].unproven)


def test_a_release_that_is_renamed_into_another_namespace_is_taken_over_by_nobody() -> None:
    new = release("new", facts={"renamedFrom": ["a"]}, namespace="ns-new")
    step = one(release("a"), new)
    assert step.action == "renamed"
    assert topics(step) == ["namespace"]
    (note,) = [each for each in step.notes if each.topic == "namespace"]
    assert "release a, namespace ns-a to ns-new" in note.text
    assert not [each for each in step.notes if each.topic == "renamed"]


@pytest.mark.parametrize(("old", "new"), [([1], [True]), ([{"a": 0}], [{"a": False}]), (1, True), ("1", 1)])
def test_what_helm_tells_apart_is_a_change(old: object, new: object) -> None:
    step = one(release(values={"x": old}), release(values={"x": new}))
    assert [each.pointer for each in step.values] == ["/x"]


def test_a_number_is_the_same_however_it_is_spelled() -> None:
    assert one(release(values={"x": [1]}), release(values={"x": [1.0]})).values == ()
