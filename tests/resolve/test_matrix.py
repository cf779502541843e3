"""The matrix: every query has one answer, and every answer that is served has a recipe."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.tree import SourceTree
from clusterbook.resolve import matrix
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from tests.support.trees import build, tree

FILES = {
    "eks": "criteria: {service: eks}\ncomponentRefs: [{name: a}]",
    "h100": "criteria: {accelerator: h100}",
    "eks-training": "base: eks\ncriteria: {service: eks, intent: training}",
    "gke-cos": "criteria: {service: gke, os: cos}",
}


def test_the_matrix_has_one_answer_for_every_combination() -> None:
    found = build(FILES)
    answers = {query: found.answer(query).state for query in found.tuples()}
    assert len(answers) == 3 * 2 * 2 * 2 * 1
    assert Counter(answers.values()) == {CURATED: 5, COMPOSED: 3, INHERITED: 12, UNSUPPORTED: 4}


def test_the_states_are_counted_as_if_every_combination_were_asked_for() -> None:
    known = "apiVersion: clusterbook.dev/v1alpha1\nkind: CriteriaCatalog\nmetadata: {name: c}\nspec:\n  dimensions:\n"
    axes = {
        "service": "[eks, oke, aks]",
        "accelerator": "[l40, b200]",
        "intent": "[]",
        "os": "[rhel]",
        "platform": "[]",
    }
    known += "".join(f"    {name}: {{values: {words}}}\n" for name, words in axes.items())
    for files in (FILES, {**FILES, "criteria.yaml": known}, {}):
        found = build(files)
        assert found.states() == Counter(found.answer(query).state for query in found.tuples())


def test_each_recipe_is_resolved_once_under_its_name() -> None:
    found = build(FILES)
    assert list(found.recipes) == ["base", "eks", "eks-training", "gke-cos", "h100", "h100-eks", "h100-eks-training",
                                   "h100-gke-cos"]  # fmt: skip
    assert {slug: recipe.slug for slug, recipe in found.recipes.items()} == {slug: slug for slug in found.recipes}


def test_recipes_share_components_that_have_the_same_layers() -> None:
    found = build({**FILES, "base": "componentRefs: [{name: b}]"})
    assert found.recipes["eks"].components[1] is found.recipes["h100-gke-cos"].components[0]


def test_a_recipe_that_cannot_be_resolved_makes_its_queries_unsupported_and_no_others() -> None:
    found = build({**FILES, "eks-training": FILES["eks-training"] + "\nmixins: [nowhere]"})
    answer = found.answer(Criteria("eks", "h100", "training", "ubuntu"))
    assert (answer.state, answer.slug) == (UNSUPPORTED, None)
    assert "mixin 'nowhere' does not exist" in answer.reason
    assert "eks-training" not in found.recipes
    assert found.answer(Criteria("eks")).state == CURATED
    assert "eks-training" not in found.matcher.nearest(Criteria("eks", intent="training"), count=99)


def test_a_conflict_that_several_recipes_share_is_one_finding_with_its_place() -> None:
    found = build({**FILES, "eks-training": FILES["eks-training"] + "\nmixins: [nowhere]"})
    (finding,) = found.findings
    assert str(finding.place) == "overlays/eks-training.yaml:7:12"
    assert finding.severity == "error"


def test_a_broken_base_leaves_nothing_to_serve() -> None:
    found = build({**FILES, "base": "componentRefs: [{name: a, dependencyRefs: [b]}]"})
    assert {found.answer(query).state for query in found.tuples()} == {UNSUPPORTED}
    assert found.recipes == {}
    assert found.matcher.nearest(Criteria("eks")) == []


def test_criteria_values_that_would_give_two_recipes_one_name_never_mix_them_up() -> None:
    found = build({"one": "criteria: {service: talos}\ncomponentRefs: [{name: a}]",
                   "two": "criteria: {os: talos}\ncomponentRefs: [{name: b}]"})  # fmt: skip
    for query in found.tuples():
        answer = found.answer(query)
        if answer.state != UNSUPPORTED:
            assert answer.slug is not None
            assert found.recipes[answer.slug].criteria == answer.honoured


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_files_does_not_matter(order: tuple[int, ...]) -> None:
    whole = tree(FILES)
    names = sorted(whole.files)
    mixed = [names[index % len(names)] for index in (*order, *range(len(names)))]
    shuffled = SourceTree({name: whole.files[name] for name in mixed}, {}, whole.strict)
    one, two = matrix.build(load_catalog(whole)), matrix.build(load_catalog(shuffled))
    assert [one.answer(query) for query in one.tuples()] == [two.answer(query) for query in two.tuples()]
    assert list(one.recipes) == list(two.recipes)
    assert [each.applied for each in one.recipes.values()] == [each.applied for each in two.recipes.values()]
