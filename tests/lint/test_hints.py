"""What a finding proposes: something that can be typed, and that mends it."""

from __future__ import annotations

import pytest

from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.rules import check
from clusterbook.resolve.matrix import build
from tests.support.hints import nearest
from tests.support.trees import load

CRITERIA = """\
apiVersion: clusterbook.dev/v1alpha1
kind: CriteriaCatalog
metadata: {name: criteria}
spec:
  dimensions:
    accelerator: {values: [h100, rtx-pro-6000]}
    service: {values: [eks]}
    intent: {values: [training]}
    os: {values: []}
    platform: {values: [kubeflow]}
"""


def found(files: dict[str, str], code: str) -> list[Finding]:
    """Return the findings with `code` in a small tree of our own."""
    catalog = load(files)
    return [each for each in check(catalog, build(catalog)) if each.code == code]


def test_an_overlay_is_never_told_to_build_on_itself_nor_on_what_builds_on_it() -> None:
    files = {
        "h200-eks-training": "base: h200-eks-trainin\ncriteria: {service: eks}",
        "h200-eks-trainin-x": "base: h200-eks-training\ncriteria: {service: eks, os: ubuntu}",
        "h200-eks": "criteria: {accelerator: h200}",
    }
    (finding,) = found(files, "CB020")
    assert nearest(finding.hint) == "h200-eks"


def test_a_component_is_never_told_to_depend_on_itself() -> None:
    registry = "kind: ComponentRegistry\ncomponents: [{name: operator}]\n"
    files = {"registry.yaml": registry, "eks": "componentRefs: [{name: operator, dependencyRefs: [operatr]}]"}
    (finding,) = found(files, "CB024")
    assert finding.hint == "remove it, or add the component"


@pytest.mark.parametrize(
    ("criteria", "hint"),
    [
        ("accelerator: rtx-pro-600", "did you mean 'rtx-pro-6000'? Or add it to criteria.yaml"),
        ("accelerator: tpu", "known: h100, rtx-pro-6000; or add it to criteria.yaml"),
        ("os: ubuntu", "add it to criteria.yaml"),
    ],
)
def test_an_unknown_criteria_value_is_corrected_or_added(criteria: str, hint: str) -> None:
    (finding,) = found({"criteria.yaml": CRITERIA, "x": f"criteria: {{{criteria}}}"}, "CB033")
    assert finding.hint == hint


@pytest.mark.parametrize(
    ("version", "what"),
    [
        ("1.10", "1.10 is a number to YAML, which reads it as 1.1"),
        ("0.18", "0.18 is a number to YAML, which would read a later 0.20 as 0.2"),
        ("1.9", "1.9 is a number to YAML, which would read a later 1.10 as 1.1"),
        ("25", "25 is a number to YAML, and a version is text"),
    ],
)
def test_a_version_that_is_a_number_is_told_what_gets_lost(version: str, what: str) -> None:
    (finding,) = found({"eks": f"componentRefs: [{{name: a, version: {version}}}]"}, "CB046")
    assert finding.what == what


@pytest.mark.parametrize(
    ("overrides", "code"), [("{image: x/y:latest}", "CB045"), ("{tag: latest}", "CB045"), ("{password: x}", "CB049")]
)
def test_a_warning_that_may_be_meant_says_how_to_allow_it(overrides: str, code: str) -> None:
    (finding,) = found({"eks": f"componentRefs: [{{name: a, overrides: {overrides}}}]"}, code)
    assert finding.hint.endswith(f", or say why with '# allow {code}: reason'")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("overlays/eks.yml", "rename it to overlays/eks.yaml"),
        ("mixins/os.yaml.txt", "rename it to mixins/os.yaml"),
        ("overlays/base.yml", "overlays/base.yaml exists as well; remove one of them"),
    ],
)
def test_a_layer_that_is_not_read_is_renamed(path: str, hint: str) -> None:
    (finding,) = found({path: "kind: RecipeMetadata\n"}, "CB052")
    assert finding.what == f"{path} is not read"
    assert finding.hint == hint


def test_overlays_that_claim_the_same_are_told_apart_by_who_builds_on_whom() -> None:
    files = {
        "a": "criteria: {service: eks}",
        "b": "base: a\ncriteria: {service: eks}",
        "c": "criteria: {service: any}",
        "d": "criteria: {}",
    }
    assert found(files, "CB054") == []
    files["e"] = "criteria: {service: eks}  # allow CB054: two teams keep them"
    assert found(files, "CB054") == []
    files["e"] = "base: b\ncriteria: {service: eks}"
    assert found(files, "CB054") == []
    files["e"] = "base: c\ncriteria: {service: eks}"
    (finding,) = found(files, "CB054")
    assert finding.place.file == "overlays/e.yaml"
    assert "as 'a' (overlays/a.yaml): service eks" in finding.what
