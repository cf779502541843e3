"""Resolution: which overlays apply, in which order, and what they make together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.resolve.component import Conflict
from clusterbook.resolve.resolver import Evaluator
from clusterbook.snapshot.constraint import Verdict
from tests.support.trees import component, constraints, resolve, values

EKS, H100 = Criteria("eks"), Criteria("eks", "h100")
TRAINING = Criteria("eks", "h100", "training")


def conflict(files: Mapping[str, str], query: Criteria = EKS) -> Conflict:
    """Return why `query` cannot be resolved."""
    with pytest.raises(Conflict) as caught:
        resolve(files, query)
    return caught.value


def sets(name: str, value: str) -> str:
    """Return a line of a spec that sets a constraint."""
    return f"constraints: [{{name: {name}, value: '{value}'}}]\n"


# --- row R19: maximal leaves ------------------------------------------------------------------------------------------

CHAIN = {
    "eks": "criteria: {service: eks}",
    "eks-training": "base: eks\ncriteria: {service: eks, intent: training}",
    "h100-eks-training": "base: eks-training\ncriteria: {service: eks, accelerator: h100, intent: training}",
}


def test_an_ancestor_of_another_match_is_applied_through_its_chain_only() -> None:
    assert resolve(CHAIN, TRAINING).applied == ("base", "eks", "eks-training", "h100-eks-training")


def test_an_overlay_is_a_leaf_as_soon_as_no_descendant_matches() -> None:
    assert resolve(CHAIN, H100).applied == ("base", "eks")
    assert resolve(CHAIN, Criteria("eks", intent="training")).applied == ("base", "eks", "eks-training")


def test_a_parent_is_applied_though_it_does_not_match() -> None:
    files = {"parent": "criteria: {service: gke}", "eks": "base: parent\ncriteria: {service: eks}"}
    assert resolve(files, EKS).applied == ("base", "parent", "eks")


def test_an_overlay_without_criteria_matches_nothing_and_serves_as_a_parent() -> None:
    files = {"common": sets("K", "1"), "eks": "base: common\ncriteria: {service: eks}"}
    assert resolve(files, EKS).applied == ("base", "common", "eks")
    assert resolve(files, Criteria("gke")).applied == ("base",)


def test_an_overlay_with_empty_criteria_matches_everything() -> None:
    assert resolve({"always": "criteria: {}"}, EKS).applied == ("base", "always")


@pytest.mark.parametrize("base", ["", "base: base\n", "base: ''\n", "base: null\n"])
def test_a_chain_ends_at_base_however_it_is_spelled(base: str) -> None:
    assert resolve({"eks": f"{base}criteria: {{service: eks}}"}, EKS).applied == ("base", "eks")


# --- rows R20, R21, R22: order ----------------------------------------------------------------------------------------


def test_the_more_specific_overlay_is_applied_later_and_wins() -> None:
    files = {
        "a-most": "criteria: {service: eks, accelerator: h100}\n" + sets("K", "most"),
        "z-least": "criteria: {service: eks}\n" + sets("K", "least"),
    }
    recipe = resolve(files, H100)
    assert recipe.applied == ("base", "z-least", "a-most")
    assert constraints(recipe) == {"K": "most"}


def test_equally_specific_overlays_are_applied_by_name() -> None:
    files = {"b": "criteria: {accelerator: h100}", "a": "criteria: {service: eks}", "c": "criteria: {service: eks}"}
    assert resolve(files, H100).applied == ("base", "a", "b", "c")


def test_a_leaf_is_as_specific_as_its_own_criteria_say_not_its_chain() -> None:
    files = {**CHAIN, "z-any": "criteria: {intent: training}", "shallow": "base: eks\ncriteria: {accelerator: h100}"}
    assert resolve(files, TRAINING).applied == (
        "base", "eks", "shallow", "z-any", "eks-training", "h100-eks-training",
    )  # fmt: skip


def test_nodes_count_as_a_dimension() -> None:
    files = {"eks-8": "criteria: {service: eks, nodes: 8}", "z": "criteria: {service: eks}"}
    assert resolve(files, Criteria("eks", nodes=8)).applied == ("base", "z", "eks-8")
    assert resolve(files, EKS).applied == ("base", "z")


def test_a_layer_that_several_chains_share_is_applied_once() -> None:
    files = {
        "eks": "criteria: {service: eks}\n",
        "h100": "base: eks\ncriteria: {accelerator: h100}",
        "training": "base: eks\ncriteria: {intent: training}",
    }
    assert resolve(files, TRAINING).applied == ("base", "eks", "h100", "training")


def test_a_wildcard_overlay_is_applied_beside_the_chain_of_a_service() -> None:
    files = {**CHAIN, "h100-any": "criteria: {accelerator: h100}\n" + sets("GPU", "h100"),
             "monitoring": "criteria: {intent: any}\n" + sets("M", "1")}  # fmt: skip
    recipe = resolve(files, TRAINING)
    assert recipe.applied == ("base", "monitoring", "h100-any", "eks", "eks-training", "h100-eks-training")
    assert constraints(recipe) == {"GPU": "h100", "M": "1"}


def test_a_query_that_matches_nothing_gets_base() -> None:
    assert resolve(CHAIN, Criteria("metal3")).applied == ("base",)


def test_base_is_known_by_its_file_and_goes_by_that_name() -> None:
    text = "kind: RecipeMetadata\nmetadata: {name: root}\nspec: {}\n"
    assert resolve({"overlays/base.yaml": text, **CHAIN}, EKS).applied == ("base", "eks")


def test_a_parent_that_does_not_exist_is_a_conflict() -> None:
    found = conflict({"eks": "base: nowhere\ncriteria: {service: eks}"})
    assert "nowhere" in found.what
    assert str(found.place).startswith("overlays/eks.yaml:")


def test_parents_that_form_a_circle_are_a_conflict() -> None:
    files = {"one": "base: two\ncriteria: {service: eks}", "two": "base: one\ncriteria: {service: gke}"}
    assert "one" in conflict(files).what


# --- row R26: constraints ---------------------------------------------------------------------------------------------


def test_constraints_are_joined_by_name_and_sorted() -> None:
    files = {"base": sets("Z", "1"), "eks": "criteria: {service: eks}\n" + sets("A", "2")}
    assert list(constraints(resolve(files, EKS))) == ["A", "Z"]


def test_a_later_constraint_replaces_the_whole_entry() -> None:
    files = {
        "base": "constraints: [{name: K, value: '>= 1.25', severity: error, unit: x, remediation: y}]",
        "eks": "criteria: {service: eks}\n" + sets("K", ">= 1.30"),
    }
    ((name, origins),) = resolve(files, EKS).constraints
    assert (name, origins[-1].value) == ("K", {"name": "K", "value": ">= 1.30"})
    assert [(origin.layer, origin.value["value"]) for origin in origins] == [("base", ">= 1.25"), ("eks", ">= 1.30")]


def test_the_value_of_a_constraint_is_the_text_that_was_written() -> None:
    files = {"base": "constraints: [{name: V, value: 24.10}, {name: B, value: true}, {name: H, value: 0x1F}]"}
    assert constraints(resolve(files)) == {"B": "true", "H": "0x1F", "V": "24.10"}


# --- row R27: components ----------------------------------------------------------------------------------------------


def test_components_are_joined_by_name_and_sorted() -> None:
    files = {
        "base": "componentRefs: [{name: c}, {name: a}]",
        "eks": "criteria: {service: eks}\ncomponentRefs: [{name: b}, {name: c, version: '2'}]",
    }
    recipe = resolve(files, EKS)
    assert [(each.name, each.word("version")) for each in recipe.components] == [
        ("a", "1.0.0"), ("b", "1.0.0"), ("c", "2"),
    ]  # fmt: skip


def test_criteria_are_never_inherited() -> None:
    files = {"eks": "criteria: {service: eks}", "deep": "base: eks\ncriteria: {accelerator: h100}"}
    assert resolve(files, Criteria("gke", "h100")).applied == ("base", "eks", "deep")


# --- row R33: validation ----------------------------------------------------------------------------------------------


def phase(*specs: str, name: str = "deployment") -> dict[str, Any]:
    """Return what base ← eks ← h100-eks, each of which says one of `specs` about a phase, make of it."""
    heads = ["", "criteria: {service: eks}\n", "base: eks\ncriteria: {service: eks, accelerator: h100}\n"]
    files = {
        layer: f"{head}validation: {{{name}: {spec}}}"
        for layer, head, spec in zip(("base", "eks", "h100-eks"), heads, specs, strict=False)
    }
    found = resolve(files, H100).phases[name]
    return {
        "checks": [origin.value for origin in found.checks],
        "constraints": {key: origins[-1].value["value"] for key, origins in found.constraints},
        **{field: origins[-1].value for field, origins in found.others.items()},
    }


def test_checks_are_joined_in_order_the_inherited_ones_first() -> None:
    assert phase("{checks: [b, a]}", "{checks: [c, a]}")["checks"] == ["b", "a", "c"]


@pytest.mark.parametrize("nothing", ["{timeout: 5m}", "{checks: null}", "{checks: }", "{checks: ~}"])
def test_a_layer_that_lists_no_checks_inherits_them(nothing: str) -> None:
    assert phase("{checks: [a]}", nothing)["checks"] == ["a"]


def test_an_empty_list_drops_what_is_inherited() -> None:
    assert phase("{checks: [a]}", "{checks: []}")["checks"] == []
    assert phase("{checks: [a]}", "{checks: []}", "{checks: [b]}")["checks"] == ["b"]


def test_phase_constraints_follow_the_same_rule() -> None:
    low = "{constraints: [{name: A, value: '1'}, {name: B, value: '1'}]}"
    high = "{constraints: [{name: A, value: '2'}]}"
    assert phase(low, high)["constraints"] == {"A": "2", "B": "1"}
    assert phase(low, "{constraints: []}", high)["constraints"] == {"A": "2"}
    assert phase(low, "{timeout: 5m}")["constraints"] == {"A": "1", "B": "1"}


def test_timeout_and_infrastructure_are_won_by_the_later_non_empty_word() -> None:
    found = phase("{timeout: 5m, infrastructure: x}", "{timeout: '', infrastructure: y}", "{checks: [a]}")
    assert (found["timeout"], found["infrastructure"]) == ("5m", "y")


def test_the_node_selection_is_replaced_as_a_whole() -> None:
    low = "{nodeSelection: {selector: {gpu: 'true'}, maxNodes: 2, excludeNodes: [n]}}"
    assert phase(low, "{checks: [a]}")["nodeSelection"] == {"selector": {"gpu": "true"}, "maxNodes": 2,
                                                            "excludeNodes": ["n"]}  # fmt: skip
    assert phase(low, "{nodeSelection: {maxNodes: 1}}")["nodeSelection"] == {"maxNodes": 1}
    assert phase(low, "{nodeSelection: {selector: {a: b}}}")["nodeSelection"] == {"selector": {"a": "b"}}
    assert phase(low, "{nodeSelection: {}}")["nodeSelection"] == {}


def test_phases_are_merged_apart_from_each_other() -> None:
    files = {
        "base": "validation: {readiness: {checks: [r]}, deployment: {checks: [d]}}",
        "eks": "criteria: {service: eks}\nvalidation: {performance: {checks: [p]}, deployment: {}, readiness: null}",
    }
    found = resolve(files, EKS).phases
    assert {name: [origin.value for origin in each.checks] for name, each in found.items()} == {
        "readiness": ["r"], "deployment": ["d"], "performance": ["p"],
    }  # fmt: skip


# --- rows R34, R35: mixins --------------------------------------------------------------------------------------------

OS = {"mixins/os": sets("OS", "ubuntu") + "componentRefs: [{name: b}]"}


def test_mixins_are_gathered_along_the_chain_each_once() -> None:
    files = {
        **OS,
        "mixins/net": sets("NET", "1"),
        "eks": "criteria: {service: eks}\nmixins: [os]",
        "h100-eks": "base: eks\ncriteria: {service: eks, accelerator: h100}\nmixins: [net, os]",
    }
    recipe = resolve(files, H100)
    assert constraints(recipe) == {"NET": "1", "OS": "ubuntu"}
    assert recipe.applied == ("base", "eks", "h100-eks")
    assert [each.name for each in recipe.components] == ["b"]


def test_mixins_are_applied_after_all_overlays() -> None:
    files = {
        "mixins/os": "componentRefs: [{name: a, namespace: from-mixin, manifestFiles: [m], preManifestFiles: [p]}]",
        "eks": "criteria: {service: eks}\nmixins: [os]\ncomponentRefs: [{name: a, namespace: x, manifestFiles: [o]}]",
        "h100-eks": "base: eks\ncriteria: {service: eks, accelerator: h100}\ncomponentRefs: [{name: a, namespace: y}]",
    }
    found = component(resolve(files, H100), "a")
    assert found.word("namespace") == "from-mixin"
    assert found.words_of("manifestFiles") == ["o", "m"]
    assert found.words_of("preManifestFiles") == ["p"]
    assert found.words["namespace"][-1].layer == "os"


def test_a_mixin_that_does_not_exist_is_a_conflict() -> None:
    found = conflict({**OS, "eks": "criteria: {service: eks}\nmixins: [oss]"})
    assert "'oss' does not exist" in found.what
    assert str(found.place) == "overlays/eks.yaml:6:12"
    assert "os" in found.hint


def test_a_mixin_may_not_set_a_constraint_that_an_overlay_sets() -> None:
    found = conflict({**OS, "eks": "criteria: {service: eks}\nmixins: [os]\n" + sets("OS", "rhel")})
    assert "'OS'" in found.what
    assert str(found.place).startswith("mixins/os.yaml:")


def test_two_mixins_may_not_set_the_same_constraint() -> None:
    files = {**OS, "mixins/net": sets("OS", "x"), "eks": "criteria: {service: eks}\nmixins: [os, net]"}
    assert "'OS'" in conflict(files).what


@pytest.mark.parametrize(
    "field",
    ["chart: c", "type: Helm", "source: s", "version: '2'", "tag: t", "path: p", "valuesFile: v.yaml", "cleanup: true",
     "overrides: {n: 1}", "patches: [p]", "dependencyRefs: [c]", "expectedResources: [{kind: Pod, name: x}]",
     "healthCheckAsserts: x"],
)  # fmt: skip
def test_a_mixin_may_not_change_what_a_known_component_is(field: str) -> None:
    files = {
        "mixins/os": f"componentRefs: [{{name: a, {field}}}]",
        "eks": "criteria: {service: eks}\nmixins: [os]\ncomponentRefs: [{name: a}, {name: c}]",
    }
    found = conflict(files)
    assert field.split(":")[0] in found.what
    assert str(found.place).startswith("mixins/os.yaml:")


@pytest.mark.parametrize("field", ["chart: ''", "overrides: {}", "cleanup: false", "dependencyRefs: []", "version: ~"])
def test_an_empty_field_of_a_mixin_changes_nothing(field: str) -> None:
    files = {
        "mixins/os": f"componentRefs: [{{name: a, {field}}}]",
        "eks": "criteria: {service: eks}\nmixins: [os]\ncomponentRefs: [{name: a}]",
    }
    assert component(resolve(files, EKS), "a").word("version") == "1.0.0"


def test_a_mixin_may_bring_a_new_component_with_everything() -> None:
    files = {
        "mixins/net": "componentRefs: [{name: b, version: '2', overrides: {n: 1}, dependencyRefs: [a], cleanup: true}]",
        "eks": "criteria: {service: eks}\nmixins: [net]\ncomponentRefs: [{name: a}]",
    }
    recipe = resolve(files, EKS)
    assert component(recipe, "b").word("version") == "2"
    assert values(recipe, "b") == {"n": 1}
    assert recipe.order == ("a", "b")


def test_a_component_that_one_mixin_brings_is_known_to_the_next() -> None:
    files = {
        "mixins/one": "componentRefs: [{name: b, version: '2'}]",
        "mixins/two": "componentRefs: [{name: b, version: '3'}]",
        "eks": "criteria: {service: eks}\nmixins: [one, two]",
    }
    assert "version" in conflict(files).what


@pytest.mark.parametrize("known", ["[]", "[{name: b}]"])
def test_a_mixin_may_not_skip_a_health_check(known: str) -> None:
    files = {
        "mixins/os": "componentRefs: [{name: b, healthCheckSkip: true}]",
        "eks": f"criteria: {{service: eks}}\nmixins: [os]\ncomponentRefs: {known}",
    }
    assert "skips the health check" in conflict(files).what


# --- rows R39, R40: order of deployment -------------------------------------------------------------------------------


def ordered(**needs: str) -> tuple[str, ...]:
    """Return the order of components a to e with these dependencies; `x` behind them switches one off."""
    refs = [
        f"{{name: {name}, dependencyRefs: [{', '.join(need.replace('x', ''))}]"
        f"{', overrides: {enabled: false}' if 'x' in need else ''}}}"
        for name, need in needs.items()
    ]
    return resolve({"base": f"componentRefs: [{', '.join(refs)}]"}).order


def test_components_without_dependencies_are_deployed_in_alphabetical_order() -> None:
    assert ordered(c="", a="", b="") == ("a", "b", "c")


def test_dependencies_are_deployed_first() -> None:
    assert ordered(a="b", b="c", c="") == ("c", "b", "a")


def test_whatever_is_ready_is_deployed_in_alphabetical_order_at_each_step() -> None:
    assert ordered(a="d", b="", c="", d="") == ("b", "c", "d", "a")
    assert ordered(a="c", b="e", c="", d="", e="") == ("c", "a", "d", "e", "b")
    assert ordered(a="b", b="", c="b", d="") == ("b", "a", "c", "d")


def test_a_component_that_is_switched_off_is_listed_but_not_deployed() -> None:
    recipe = resolve({"base": "componentRefs: [{name: a, overrides: {enabled: false}}, {name: b}]"})
    assert recipe.order == ("b",)
    assert [each.name for each in recipe.components] == ["a", "b"]


def test_a_dependency_on_what_is_switched_off_counts_as_satisfied() -> None:
    assert ordered(a="b", b="cx", c="x") == ("a",)
    assert ordered(a="b", b="x", c="a") == ("a", "c")


def test_a_dependency_on_what_is_not_in_the_recipe_is_a_conflict() -> None:
    found = conflict({"base": "componentRefs: [{name: a, dependencyRefs: [b]}]"})
    assert "'b', which is not in the recipe" in found.what
    assert str(found.place) == "overlays/base.yaml:5:46"


@pytest.mark.parametrize("switch", ["", ", overrides: {enabled: false}"])
def test_dependencies_that_form_a_circle_are_a_conflict(switch: str) -> None:
    refs = "{name: b, dependencyRefs: [c]}, {name: c, dependencyRefs: [a]}"
    found = conflict({"base": f"componentRefs: [{{name: a, dependencyRefs: [b]{switch}}}, {refs}]"})
    assert "a → b → c → a" in found.what


def test_a_component_that_depends_on_itself_is_a_conflict() -> None:
    assert "a → a" in conflict({"base": "componentRefs: [{name: a, dependencyRefs: [a]}]"}).what


# --- row R25: what a snapshot rules out -------------------------------------------------------------------------------

SNAPSHOT = {
    **CHAIN,
    "base": sets("K", "base"),
    "eks": "criteria: {service: eks}\n" + sets("K", "eks"),
    "h100-eks-training": CHAIN["h100-eks-training"] + "\n" + sets("GPU", "h100") + "mixins: [os]",
    "monitoring": "criteria: {}\n" + sets("M", "1"),
    "mixins/os": sets("OS", "ubuntu"),
}


def judging(*failing: str) -> tuple[Evaluator, list[str]]:
    """Return an evaluator under which only `failing` constraints fail, and the list of those it was asked about."""
    asked: list[str] = []

    def judge(name: str, value: str) -> Verdict:
        asked.append(f"{name}={value}")
        return Verdict(name not in failing, "found", f"expected {value}, got found")

    return judge, asked


def test_a_snapshot_that_satisfies_everything_changes_nothing() -> None:
    judge, _ = judging()
    recipe = resolve(SNAPSHOT, TRAINING, evaluate=judge)
    assert recipe.applied == resolve(SNAPSHOT, TRAINING).applied
    assert (recipe.excluded, recipe.warnings) == ((), ())


def test_a_leaf_whose_own_constraint_fails_is_left_out_and_recorded() -> None:
    judge, _ = judging("GPU")
    recipe = resolve(SNAPSHOT, TRAINING, evaluate=judge)
    assert recipe.applied == ("base", "monitoring")
    assert [tuple(each) for each in recipe.excluded] == [("h100-eks-training", "constraint-failed")]
    assert [each._asdict() for each in recipe.warnings] == [{
        "overlay": "h100-eks-training", "constraint": "GPU", "expected": "h100", "actual": "found",
        "reason": "expected h100, got found",
    }]  # fmt: skip
    assert constraints(recipe) == {"K": "base", "M": "1"}


def test_only_the_own_constraints_of_leaves_are_judged_and_those_of_mixins() -> None:
    judge, asked = judging()
    resolve(SNAPSHOT, TRAINING, evaluate=judge)
    assert asked == ["M=1", "GPU=h100", "OS=ubuntu"]


def test_a_leaf_whose_mixin_fails_is_left_out_after_all() -> None:
    judge, _ = judging("OS")
    recipe = resolve(SNAPSHOT, TRAINING, evaluate=judge)
    assert recipe.applied == ("base", "monitoring")
    assert [tuple(each) for each in recipe.excluded] == [("h100-eks-training", "mixin-constraint-failed")]
    (warning,) = recipe.warnings
    assert (warning.constraint, warning.expected) == ("OS", "ubuntu")
    assert warning.reason == "mixin-constraint-failed: expected ubuntu, got found"
    assert "OS" not in constraints(recipe)


def test_a_mixin_of_an_ancestor_rules_its_leaf_out_too() -> None:
    files = {**SNAPSHOT, "eks": SNAPSHOT["eks"] + "mixins: [os]", "h100-eks-training": CHAIN["h100-eks-training"]}
    judge, _ = judging("OS")
    recipe = resolve(files, TRAINING, evaluate=judge)
    assert [each.name for each in recipe.excluded] == ["h100-eks-training"]


def test_a_layer_that_another_leaf_still_needs_stays() -> None:
    files = {**SNAPSHOT, "shared": "base: eks\ncriteria: {accelerator: h100}"}
    judge, _ = judging("OS")
    assert resolve(files, TRAINING, evaluate=judge).applied == ("base", "monitoring", "eks", "shared")


def test_every_failed_constraint_of_a_leaf_is_a_warning() -> None:
    files = {"eks": "criteria: {service: eks}\nconstraints: [{name: A, value: '1'}, {name: B, value: '2'}]"}
    judge, _ = judging("A", "B")
    recipe = resolve(files, EKS, evaluate=judge)
    assert [each.constraint for each in recipe.warnings] == ["A", "B"]
    assert len(recipe.excluded) == 1


# --- the recipe itself ------------------------------------------------------------------------------------------------


def test_a_recipe_is_named_after_its_criteria() -> None:
    assert resolve(CHAIN, TRAINING).slug == "h100-eks-training"
