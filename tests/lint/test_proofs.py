"""Rules about proofs: values that were seen to do nothing, values that a chart refuses, and proofs that are stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from clusterbook.catalog.load import load_catalog, survey_catalog
from clusterbook.catalog.proofs import Archive, Effect, Proof, encode, path_of
from clusterbook.catalog.tree import SourceFile, SourceTree
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.rules import check
from clusterbook.resolve import matrix
from clusterbook.resolve.proof import subject_of
from tests.support.trees import tree

CODES = ("CB065", "CB066", "CB067", "CB070", "CB071", "CB072")
BASE = {
    "base": "componentRefs: [{name: a, overrides: {on: false, size: 2}}]",
    "eks": "criteria: {service: eks}\ncomponentRefs: [{name: a, overrides: {on: true}}]",
}


def findings(
    files: Mapping[str, str],
    *proven: Mapping[str, Effect],
    text: str = "",
    renamed: str = "",
    refused: str = "",
    private: str = "",
) -> list[Finding]:
    """Return what `check` finds by proofs, where the sets of values of `a` have these effects, in order of recipes.

    Args:
        files: the tree.
        proven: effects by pointer, of each set of values in order of recipes.
        text: what the file of proofs holds instead.
        renamed: the key of one more proof.
        refused: a version of Kubernetes that the chart refuses.
        private: the path of a file that belongs to a private tree.
    """
    sources = tree(files)
    found = matrix.build(load_catalog(sources))
    keys = []
    for recipe in found.recipes.values():
        subject = subject_of(found.catalog, recipe.components[0])
        keys += [key for key in [subject.key()] if key not in keys]
    facts = {"kubernetes": [{"refused": refused, "why": "chart requires more"}]} if refused else {}
    proofs = [Proof(key, Archive("a", "1.0.0"), (), effects, facts) for key, effects in zip(keys, proven, strict=False)]
    if renamed:
        proofs.append(Proof(renamed, Archive("a", "1.0.0"), (), {}, {}))
    path = path_of("a")
    whole = {**sources.files, path: SourceFile(text or encode("a", proofs), path)}
    if private:
        whole[private] = replace(whole[private], external=True)
    checked = survey_catalog(SourceTree(whole, {}, strict=True))
    return [each for each in check(checked, matrix.build(checked)) if each.code in CODES]


def test_a_value_that_does_nothing_is_found_where_it_was_written() -> None:
    dead = Effect("dead", near="/scale/size", why="the chart has no /size")
    (found,) = findings(BASE, {"/size": dead, "/on": Effect("live")}, {"/size": dead, "/on": Effect("live")})
    assert found.code == "CB065"
    assert (found.place.file, found.place.line) == ("overlays/base.yaml", 5)
    assert "a 1.0.0 has no /size" in found.what
    assert "scale.size" in found.hint


def test_a_value_that_does_nothing_in_one_recipe_is_found_although_it_does_something_in_another() -> None:
    dead, live = {"/size": Effect("dead", switch="/on", why="/on switches it off")}, {"/size": Effect("live")}
    (found,) = findings(BASE, dead, live)
    assert (found.code, found.place.file, found.place.line) == ("CB065", "overlays/base.yaml", 5)
    assert "has no effect in 1 of 2 sets of values: /on switches it off" in found.what
    assert "values file" in found.hint
    assert findings(BASE, live, live) == []


def test_a_value_of_ours_may_be_switched_off_by_a_private_tree_and_not_by_ours() -> None:
    dead, live = {"/size": Effect("dead", switch="/on", why="")}, {"/size": Effect("live")}
    assert findings(BASE, live, dead, private="overlays/eks.yaml") == []
    assert [each.code for each in findings(BASE, dead, live, private="overlays/eks.yaml")] == ["CB065"]
    assert [each.code for each in findings(BASE, dead, dead, private="overlays/eks.yaml")] == ["CB065"]


def test_a_value_that_keeps_a_broader_layers_value_out_is_no_finding() -> None:
    assert findings(BASE, {}, {"/on": Effect("dead")}) == []


def test_a_value_that_the_chart_refuses_is_an_error_with_helms_words() -> None:
    (found,) = findings({"base": BASE["base"]}, {"/size": Effect("refused", why="size must be odd")})
    assert (found.code, found.severity) == ("CB066", "error")
    assert "size must be odd" in found.what


def test_a_refused_value_is_found_although_it_keeps_another_out() -> None:
    (found,) = findings(BASE, {}, {"/on": Effect("refused", why="on must be off")})
    assert (found.code, found.place.file) == ("CB066", "overlays/eks.yaml")


def test_values_without_a_proof_are_found_in_a_tree_that_has_proofs() -> None:
    (found,) = findings(BASE, {})
    assert (found.code, found.place.file) == ("CB070", "registry.yaml")
    assert "1 of 2 sets of values of a" in found.what
    assert {each.code for each in findings(BASE, renamed="0" * 16)} == {"CB067", "CB070"}


def test_a_tree_without_any_proof_is_not_asked_for_one() -> None:
    checked = survey_catalog(tree(BASE))
    assert [each for each in check(checked, matrix.build(checked)) if each.code in CODES] == []


def test_values_with_which_a_chart_does_not_render_are_unproven() -> None:
    sources = tree({"base": BASE["base"]})
    found = matrix.build(load_catalog(sources))
    key = subject_of(found.catalog, next(iter(found.recipes.values())).components[0]).key()
    text = encode("a", [Proof(key, Archive("a", "1.0.0"), (), {}, {}, "never")])
    assert [each.code for each in findings({"base": BASE["base"]}, text=text)] == ["CB070"]


def test_values_of_a_private_tree_are_not_asked_for_proofs() -> None:
    sources = tree(BASE)
    text = encode("a", [])
    files = {**sources.files, path_of("a"): SourceFile(text, path_of("a"))}
    files["overlays/eks.yaml"] = replace(files["overlays/eks.yaml"], external=True)
    checked = survey_catalog(SourceTree(files, {}, strict=True))
    assert [each for each in check(checked, matrix.build(checked)) if each.code in CODES] == []


K8S = "constraints: [{name: K8s.server.version, value: '>= %s'}]\n"


@pytest.mark.parametrize(
    ("floor", "refused", "count"),
    [("1.30", "1.30.0", 1), ("1.30.1", "1.30.1", 1), ("1.32", "1.30.0", 0), ("1.30", "", 0), ("1.30", "1.3.0", 0)],
)
def test_a_floor_that_a_chart_refuses_is_an_error(floor: str, refused: str, count: int) -> None:
    files = {"base": K8S % floor + "componentRefs: [{name: a}]"}
    found = findings(files, {}, refused=refused)
    assert [(each.code, each.severity, each.place.line) for each in found] == [("CB072", "error", 5)] * count


def test_the_floor_of_a_recipe_that_does_not_have_the_component_is_no_finding() -> None:
    files = {
        "base": K8S % "1.32" + "componentRefs: [{name: a}]",
        "eks": f"criteria: {{service: eks}}\n{K8S % '1.30'}componentRefs: [{{name: a, overrides: {{enabled: false}}}}]",
    }
    assert findings(files, {}, refused="1.30.0") == []


DEFAULT = {"/size": Effect("default"), "/on": Effect("live")}


def test_a_value_that_says_what_the_chart_says_needs_a_reason() -> None:
    (found,) = findings({"base": BASE["base"]}, DEFAULT)
    assert (found.code, found.place.file, found.place.line) == ("CB071", "overlays/base.yaml", 5)


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ("# why: x\n    size: 2\n    on: false", []),
        ("size: 2 # why: x\n    on: false", []),
        ("size: 2\n    on: false", ["CB071"]),
        ("# why: x\n    on: false\n    size: 2", ["CB071"]),
        ("# allow CB071: x\n    size: 2\n    on: false", []),
    ],
)
def test_a_reason_stands_right_above_the_value(lines: str, codes: list[str]) -> None:
    files = {"base": f"componentRefs:\n- name: a\n  overrides:\n    {lines}\n"}
    assert [each.code for each in findings(files, DEFAULT)] == codes


def test_a_reason_above_what_holds_the_value_counts() -> None:
    text = "componentRefs:\n- name: a\n  overrides:\n    # why: x\n    b:\n      on: false\n      size: 2\n"
    assert findings({"base": text}, {"/b/on": Effect("live"), "/b/size": Effect("default")}) == []


def test_a_default_that_keeps_a_broader_layers_value_out_is_no_finding() -> None:
    assert findings(BASE, {}, {"/on": Effect("default")}) == []


def test_a_default_in_one_recipe_that_is_live_in_another_is_no_finding() -> None:
    assert findings(BASE, DEFAULT, {"/size": Effect("live")}) == []


def test_a_proof_of_what_no_recipe_says_any_more_is_stale() -> None:
    (found,) = findings(BASE, {}, {}, renamed="0" * 16)
    assert (found.code, found.place.file) == ("CB067", path_of("a"))
    assert "1 of 3" in found.what


def test_a_damaged_file_of_proofs_is_found_and_hides_nothing_else() -> None:
    (found,) = findings(BASE, text="{")
    assert (found.code, found.place.file) == ("CB067", path_of("a"))


def unsaid(facts: Mapping[str, Any], said: str = "", namespace: str = "ns-a") -> list[str]:
    """Return what is found about a component whose render has these facts, and whose entry says this."""
    helm = f"{{defaultRepository: https://x.example, defaultVersion: '1.0.0', defaultNamespace: {namespace}}}"
    entry = f"- name: a\n  helm: {helm}\n"
    registry = f"kind: ComponentRegistry\ncomponents:\n{entry}{said}"
    sources = tree({"registry.yaml": registry, "base": "componentRefs: [{name: a}]"})
    text = encode("a", [Proof("0" * 16, Archive("a", "1.0.0"), (), {}, facts)])
    files = {**sources.files, path_of("a"): SourceFile(text, path_of("a"))}
    checked = survey_catalog(SourceTree(files, {}, strict=True))
    found = [each for each in check(checked, matrix.build(checked)) if each.code == "CB068"]
    assert {each.place.file for each in found} <= {"registry.yaml"}
    return [each.hint for each in found]


CERT = {"owned": [{"object": "Secret/cert", "apiVersion": "v1", "pointers": ["/data/tls.crt"]}]}
KEYS = {
    "unstable": [{"object": "Secret/keys", "pointers": ["/data/a"]}, {"object": "Deployment/d", "pointers": ["/x"]}]
}
HOST = {"podSecurity": [{"level": "privileged", "why": ["DaemonSet/d#/spec/hostNetwork"]}]}


def test_a_secret_that_somebody_else_fills_has_to_be_said() -> None:
    assert ["cert" in hint for hint in unsaid(CERT)] == [True]
    assert ["keys" in hint for hint in unsaid(KEYS)] == [True]
    assert unsaid({**CERT, **KEYS}, "  ownedSecrets: [cert, keys]\n") == []


def test_pods_that_need_a_privileged_namespace_have_to_be_said() -> None:
    assert ["podSecurity" in hint for hint in unsaid(HOST)] == [True]
    assert unsaid(HOST, "  podSecurity: privileged\n") == []
    assert unsaid(HOST, namespace="kube-system") == []


def test_a_finding_may_be_allowed_with_a_reason() -> None:
    files = {
        "base": "componentRefs:\n- name: a\n  overrides:\n    # allow CB065: the next release reads it\n    size: 2\n"
    }
    assert findings(files, {"/size": Effect("dead")}) == []
