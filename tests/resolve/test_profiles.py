"""Profiles: what a declaration has to be, what an answer does to a recipe, and what it may not."""

from __future__ import annotations

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import survey_catalog
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.choices import Offer, asked_by_slug
from clusterbook.resolve.component import Conflict
from clusterbook.resolve.document import origins_document, recipe_document
from clusterbook.resolve.matching import COMPOSED, CURATED, UNSUPPORTED
from clusterbook.resolve.resolver import Resolver
from clusterbook.snapshot.constraint import Verdict
from tests.support.trees import build, constraints, load, resolve, tree, values

EKS = Criteria(service="eks")
EKS_TRAINING = Criteria(service="eks", intent="training")
TREE = {
    "base": "componentRefs: [{name: a, overrides: {driver: {enabled: true, version: '1'}}}, {name: b}]",
    "eks": """
        criteria: {service: eks}
        profile:
          name: gpuStack
          default: ami
          values:
            ami:
              componentRefs: [{name: a, overrides: {driver: {enabled: false}, kit: [1, 2]}}]
              advertiser: external
              constraints: [{name: K8s.pools.driver, value: Install, remediation: make it so}]
            Operator:
              componentRefs: [{name: a, overrides: {driver: {enabled: true}, kit: null}}]
    """,
    "eks-training": """
        base: eks
        criteria: {service: eks, intent: training}
        componentRefs: [{name: a, overrides: {driver: {enabled: true}}}]
    """,
}


def test_the_default_is_meant_when_nothing_is_chosen_and_goes_over_every_layer() -> None:
    recipe = resolve(TREE, EKS_TRAINING)
    assert values(recipe, "a") == {"driver": {"enabled": False, "version": "1"}, "kit": [1, 2]}
    assert constraints(recipe) == {"K8s.pools.driver": "Install"}
    assert recipe.slug == "eks-training"
    assert recipe_document(recipe, state=CURATED)["metadata"]["selectedProfile"] == {
        "name": "gpuStack",
        "value": "ami",
        "advertiser": "external",
        "ownedPaths": {"a": ["driver.enabled", "enabled", "kit"]},
    }


def test_another_answer_is_a_recipe_of_its_own_in_the_matrix() -> None:
    found = build(TREE)
    assert sorted(found.recipes) == ["base", "eks", "eks--operator", "eks-training", "eks-training--operator"]
    answer = found.answer(EKS_TRAINING, {"gpuStack": "operator"})
    assert (answer.state, answer.slug) == (CURATED, "eks-training--operator")
    assert values(found.recipes["eks-training--operator"], "a")["driver"]["enabled"] is True
    assert found.answer(EKS_TRAINING, {"gpuStack": "ami"}).slug == "eks-training"


def test_a_value_says_which_answer_of_which_overlay_decided_it() -> None:
    origins = origins_document(resolve(TREE, EKS_TRAINING))["/components/a/values/driver/enabled"]
    assert [origin["layer"] for origin in origins] == ["base", "eks-training", "eks gpuStack=ami"]
    assert origins[-1]["file"] == "overlays/eks.yaml"


@pytest.mark.parametrize(
    "asked", [{"gpuStack": "nobody"}, {"gpustack": "ami"}, {"driver": "ami"}, {"gpuStack": "ami", "x": "y"}]
)
def test_what_is_not_offered_is_refused(asked: dict[str, str]) -> None:
    resolver = Resolver(load(TREE))
    with pytest.raises(InvalidRequest) as caught:
        resolver.resolve(EKS, asked=asked)
    assert caught.value.hint
    assert build(TREE).answer(EKS, asked).state == UNSUPPORTED


def test_nothing_can_be_chosen_where_nothing_is_declared() -> None:
    with pytest.raises(InvalidRequest):
        Resolver(load(TREE)).resolve(Criteria(), asked={"gpuStack": "ami"})


PROFILE = "{criteria: {service: eks}, profile: {name: p, default: x, values: %s}}"


@pytest.mark.parametrize(
    "answers",
    [
        "{y: {}}",
        "{x: {}, X: {}}",
        "{x: {componentRefs: [{name: a, overrides: {k: 1}}]}, y: {}}",
        "{x: {componentRefs: [{name: a, overrides: {k: 1}}]}, y: {componentRefs: [{name: a, overrides: {k: {l: 1}}}]}}",
        "{x: {componentRefs: [{name: a, overrides: {enabled: false}}]}}",
        "{x: {componentRefs: [{name: a, overrides: {k: 1}}, {name: a, overrides: {l: 1}}]}}",
        "{x: {constraints: [{name: K, value: v}, {name: K, value: w}]}}",
    ],
)
def test_a_profile_whose_answers_are_no_alternatives_is_refused_at_its_place(answers: str) -> None:
    found = survey_catalog(tree({"eks": PROFILE % answers}))
    assert {finding.code for finding in found.findings} == {"CB016"}
    assert all(finding.place.file == "overlays/eks.yaml" and finding.place.line for finding in found.findings)


@pytest.mark.parametrize(
    "answers",
    [
        "{x: {componentRefs: [{name: a}]}}",
        "{x: {componentRefs: [{name: a, version: '1', overrides: {k: 1}}]}}",
        "{x: {advertiser: internal}}",
        "{'x y': {}}",
        "{}",
    ],
)
def test_a_profile_of_the_wrong_shape_is_refused(answers: str) -> None:
    findings = survey_catalog(tree({"eks": PROFILE % answers})).findings
    assert {finding.code for finding in findings} <= {"CB010", "CB011", "CB012"}
    assert findings


def test_two_overlays_of_one_chain_or_of_one_query_cannot_both_declare() -> None:
    files = TREE | {"h100": "{criteria: {accelerator: h100}, profile: {name: q, default: x, values: {x: {}}}}"}
    files |= {
        "eks-nested": "{base: eks, criteria: {service: eks, os: x}, profile: {name: q, default: x, values: {x: {}}}}"
    }
    for query in (Criteria("eks", "h100"), Criteria("eks", os="x")):
        with pytest.raises(Conflict):
            resolve(files, query)


@pytest.mark.parametrize(
    "more",
    [
        {
            "eks-x": "{base: eks, criteria: {service: eks, os: x},"
            " componentRefs: [{name: a, overrides: {enabled: false}}]}"
        },
        {"eks-x": "{base: eks, criteria: {service: eks, os: x}, constraints: [{name: K8s.pools.driver, value: None}]}"},
        {"base": "componentRefs: [{name: b}]", "eks-x": "{base: eks, criteria: {service: eks, os: x}}"},
    ],
)
def test_what_a_profile_decides_has_to_be_there_and_to_be_its_own(more: dict[str, str]) -> None:
    with pytest.raises(Conflict) as caught:
        resolve(TREE | more, Criteria("eks", os="x"))
    assert "eks.yaml" in str(caught.value.place)


def test_a_snapshot_that_rules_out_what_declares_the_profile_leaves_no_recipe() -> None:
    files = TREE | {"eks": TREE["eks"].rstrip() + "\n        constraints: [{name: K, value: '9'}]\n"}

    def evaluate(name: str, value: str) -> Verdict:
        return Verdict(passed=name != "K", actual="1", reason=f"not {value}", measured=True)

    with pytest.raises(Conflict) as caught:
        resolve(files, EKS, evaluate=evaluate)
    assert "gpuStack" in caught.value.what


CONFIGURED = """
kind: ComponentRegistry
components:
- {name: a, helm: {defaultRepository: https://charts.example/a, defaultChart: a, defaultVersion: "1"}}
- {name: b}
configurations:
- name: db.mode
  default: none
  values:
    none: {componentRefs: [{name: a, overrides: {db: false}}]}
    own: {componentRefs: [{name: a, overrides: {db: true}}]}
"""


def test_a_configuration_is_offered_by_every_recipe_that_has_its_components() -> None:
    files = {"registry.yaml": CONFIGURED, "eks": "{criteria: {service: eks}, componentRefs: [{name: a}]}"}
    found = build(files)
    assert sorted(found.recipes) == ["base", "eks", "eks--own"]
    document = recipe_document(found.recipes["eks--own"], state=COMPOSED)
    assert (document["configuration"], document["metadata"]["slug"]) == ({"db": {"mode": "own"}}, "eks--own")
    assert values(found.recipes["eks"], "a") == {"db": False}


CONFIRMED = """
kind: ComponentRegistry
components:
- {name: a, helm: {defaultRepository: https://charts.example/a, defaultChart: a, defaultVersion: "1"}}
configurations:
- name: inventory.mode
  confirms: true
  default: enabled
  values:
    enabled: {componentRefs: [{name: a, overrides: {install: true}}]}
    disabled: {componentRefs: [{name: a, overrides: {install: false}}]}
"""


def test_a_choice_that_confirms_changes_and_records_nothing_by_default() -> None:
    plain = {"registry.yaml": CONFIRMED.partition("configurations")[0], "base": "componentRefs: [{name: a}]"}
    files = {**plain, "registry.yaml": CONFIRMED}
    found = build(files)
    assert sorted(found.recipes) == ["base", "base--disabled"]
    for asked in ({}, {"inventory.mode": "enabled"}):
        recipe = Resolver(load(files)).resolve(Criteria(), asked=asked)
        assert recipe_document(recipe, state=COMPOSED) == recipe_document(resolve(plain), state=COMPOSED)
    without = found.recipes["base--disabled"]
    assert without.order == ()
    document = recipe_document(without, state=COMPOSED)
    assert document["configuration"] == {"inventory": {"mode": "disabled"}}
    assert [each["name"] for each in document["componentRefs"]] == ["a"]


@pytest.mark.parametrize("switch", ["enabled", "install"])
@pytest.mark.parametrize("asked", ["enabled", "disabled"])
def test_what_a_recipe_declines_is_not_confirmed(switch: str, asked: str) -> None:
    files = {"registry.yaml": CONFIRMED, "base": f"componentRefs: [{{name: a, overrides: {{{switch}: false}}}}]"}
    assert sorted(build(files).recipes) == ["base"]
    for case in (files, {**files, "base": "{}"}):
        with pytest.raises(InvalidRequest):
            Resolver(load(case)).resolve(Criteria(), asked={"inventory.mode": asked})


def test_an_answer_in_a_name_is_that_of_the_choice_of_which_it_is_no_default() -> None:
    offers = {"one": Offer("disabled", ("disabled", "on")), "two": Offer("enabled", ("enabled", "disabled"))}
    assert asked_by_slug(offers, ("disabled",), recipe="x") == {"two": "disabled"}
    assert asked_by_slug(offers, ("on", "disabled"), recipe="x") == {"one": "on", "two": "disabled"}
    with pytest.raises(InvalidRequest):
        asked_by_slug(offers, ("enabled",), recipe="x")


def test_a_profile_and_a_configuration_do_not_decide_the_same_value() -> None:
    overlay = "criteria: {service: eks}\ncomponentRefs: [{name: a}]\nprofile: {name: p, default: x, values: {x: "
    overlay += "{componentRefs: [{name: a, overrides: {db: 1}}]}}}"
    with pytest.raises(Conflict):
        resolve({"registry.yaml": CONFIGURED, "eks": overlay}, EKS)


# --- what the registry says beside ------------------------------------------------------------------------------------

SAFE = """
kind: ComponentRegistry
components:
- name: a
  helm: {defaultRepository: https://charts.example/a, defaultChart: a, defaultVersion: "1"}
  mixinSafeOverridePaths: [tracing.enabled, level]
  manifestFiles: [components/a/manifests/x.yaml]
"""


def mixed(mixin: str, overlay: str = "{name: a}", **files: str) -> dict[str, str]:
    """Return a tree whose mixin says something of a component that base brings."""
    texts = {"registry.yaml": SAFE, "base": f"{{componentRefs: [{overlay}], mixins: [m]}}", **files}
    return texts | {"mixins/m": f"componentRefs: [{{name: a, overrides: {mixin}}}]"}


def test_a_mixin_sets_the_values_that_the_registry_lists_for_mixins() -> None:
    assert values(resolve(mixed("{tracing: {enabled: true}}")), "a") == {"tracing": {"enabled": True}}


@pytest.mark.parametrize(
    ("mixin", "overlay", "file"),
    [
        ("{tracing: {endpoint: x}}", "{name: a}", ""),
        ("{tracing: {enabled: true, endpoint: x}}", "{name: a}", ""),
        ("{tracing: {}}", "{name: a}", ""),
        ("{level: 1}", "{name: a, overrides: {level: 2}}", ""),
        ("{tracing: {enabled: true}}", "{name: a, overrides: {tracing: null}}", ""),
        ("{level: 1}", "{name: a}", "level: 3\n"),
    ],
)
def test_what_is_not_listed_or_is_set_by_others_is_not_a_mixins_to_say(mixin: str, overlay: str, file: str) -> None:
    files = {"components/a/values.yaml": file} if file else {}
    with pytest.raises(Conflict):
        resolve(mixed(mixin, overlay, **files))


def test_the_registrys_manifests_are_those_of_a_component_that_names_none() -> None:
    (component,) = resolve({"registry.yaml": SAFE, "base": "componentRefs: [{name: a}]"}).components
    assert component.words_of("manifestFiles") == ["components/a/manifests/x.yaml"]
    (named,) = resolve({"registry.yaml": SAFE, "base": "componentRefs: [{name: a, manifestFiles: [y]}]"}).components
    assert named.words_of("manifestFiles") == ["y"]


@pytest.mark.parametrize("switch", ["enabled", "install"])
def test_a_component_that_is_not_installed_is_kept_and_deployed_by_nobody(switch: str) -> None:
    recipe = resolve(
        {"base": f"componentRefs: [{{name: a, overrides: {{{switch}: false}}}}, {{name: b, dependencyRefs: [a]}}]"}
    )
    assert ([each.name for each in recipe.components], recipe.order) == (["a", "b"], ("b",))
