"""Rules about what layers do to each other: over whole recipes, and without blaming the innocent."""

from __future__ import annotations

import pytest

from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.rules import check
from clusterbook.resolve.matrix import build
from tests.support.trees import load


def found(files: dict[str, str], code: str) -> list[str]:
    """Return `file:line` of the findings with `code` in a small tree."""
    catalog = load(files, strict=False)
    return [f"{each.place.file}:{each.place.line}" for each in check(catalog, build(catalog)) if each.code == code]


def said(files: dict[str, str], code: str) -> Finding:
    """Return the one finding with `code`."""
    catalog = load(files, strict=False)
    (finding,) = (each for each in check(catalog, build(catalog)) if each.code == code)
    return finding


def k8s(value: str) -> str:
    return f"constraints: [{{name: K8s.server.version, value: '{value}'}}]"


@pytest.mark.parametrize(
    ("below", "above", "lowered"),
    [
        (">= 1.30", ">= 1.28", True),
        (">= 1.32.4", ">= 1.32", True),
        (">= 1.30", "1.29.1", True),
        (">= 1.30", "< 1.34", True),
        (">= 1.30", ">= 1.30.0", False),
        (">= 1.30", ">= 1.31", False),
        (">= 1.30", ">= 1.30, < 1.34", False),
        (">= 1.30", "== 1.31.2", False),
        (">= 1.30", "!= 1.31.2", False),
        ("ubuntu", "cos", False),
        ("< 1.34", ">= 1.20", False),
    ],
)
def test_a_floor_is_lowered_when_less_passes(below: str, above: str, lowered: bool) -> None:
    files = {"eks": f"criteria: {{service: eks}}\n{k8s(below)}"}
    files["eks-training"] = f"base: eks\ncriteria: {{service: eks, intent: training}}\n{k8s(above)}"
    assert bool(found(files, "CB040")) is lowered


def test_a_repeated_floor_is_not_lowered_again() -> None:
    files = {
        "eks": f"criteria: {{service: eks}}\n{k8s('>= 1.34')}",
        "eks-a": f"base: eks\ncriteria: {{service: eks, intent: training}}\n{k8s('>= 1.30')}",
        "eks-b": f"base: eks-a\ncriteria: {{service: eks, intent: training, os: ubuntu}}\n{k8s('>= 1.30')}",
    }
    assert found(files, "CB040") == ["overlays/eks-a.yaml:7"]
    assert found(files, "CB043") == ["overlays/eks-b.yaml:7"]


def test_a_floor_of_a_validation_phase_counts_too() -> None:
    phase = "validation: {{performance: {{constraints: [{{name: bandwidth, value: '{}'}}]}}}}"
    files = {"eks": f"criteria: {{service: eks}}\n{phase.format('>= 300')}"}
    files["eks-a"] = f"base: eks\ncriteria: {{service: eks, intent: training}}\n{phase.format('>= 100')}"
    assert "in eks-training, where 'eks' requires '>= 300'" in said(files, "CB040").what


REF = "componentRefs: [{{name: a, {}}}]"


def overlays(one: str, other: str) -> dict[str, str]:
    return {"h100": f"criteria: {{accelerator: h100}}\n{one}", "ubuntu": f"criteria: {{os: ubuntu}}\n{other}"}


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ("overrides: {x: {y: 1}}", "overrides: {x: {y: 2}}", "a.overrides.x.y"),
        ("overrides: {x: {y: 1}}", "overrides: {x: 2}", "a.overrides.x"),
        ("namespace: m", "namespace: n", "a.namespace"),
        ("valuesFile: components/a/v.yaml", "valuesFile: components/a/w.yaml", "a.valuesFile"),
    ],
)
def test_equals_that_disagree_are_found_at_the_one_that_wins(one: str, other: str, path: str) -> None:
    files = {"components/a/v.yaml": "", "components/a/w.yaml": "", **overlays(REF.format(one), REF.format(other))}
    finding = said(files, "CB041")
    assert finding.place.file == "overlays/ubuntu.yaml"
    assert finding.what.startswith(f"{path} is ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("overrides: {x: {y: 1}}", "overrides: {x: {z: 1}}"),
        ("overrides: {x: {y: 1}}", "overrides: {x: {y: 1}}"),
        ("dependencyRefs: [b]", "dependencyRefs: [c]"),
    ],
)
def test_equals_that_agree_or_add_up_are_left_alone(one: str, other: str) -> None:
    files = {"base": "componentRefs: [{name: b}, {name: c}]", **overlays(REF.format(one), REF.format(other))}
    assert found(files, "CB041") == []


def test_overlays_that_never_meet_may_disagree() -> None:
    files = {
        "eks": "criteria: {service: eks}\n" + REF.format("namespace: m"),
        "gke": "criteria: {service: gke}\n" + REF.format("namespace: n"),
    }
    assert found(files, "CB041") == []


def test_the_more_specific_overlay_may_disagree() -> None:
    files = {
        "h100": "criteria: {accelerator: h100}\n" + REF.format("namespace: m"),
        "ubuntu-eks": "criteria: {service: eks, os: ubuntu}\n" + REF.format("namespace: n"),
    }
    assert found(files, "CB041") == []


def test_a_value_is_redundant_only_when_it_is_so_in_every_recipe() -> None:
    files = {
        "base": REF.format("overrides: {x: 1}"),
        "h100": "criteria: {accelerator: h100}\n" + REF.format("overrides: {x: 2}"),
        "ubuntu": "criteria: {service: eks, os: ubuntu}\n" + REF.format("overrides: {x: 1}"),
    }
    assert found(files, "CB043") == []  # with h100 it sets the value back
    del files["h100"]
    assert found(files, "CB043") == ["overlays/ubuntu.yaml:6"]


def test_a_null_is_redundant_only_above_another_null() -> None:
    files = {
        "components/a/values.yaml": "x: {y: 1}",
        "base": REF.format("valuesFile: components/a/values.yaml"),
        "eks": "criteria: {service: eks}\n" + REF.format("overrides: {x: {y: null, z: null}}"),
    }
    assert found(files, "CB043") == []
    files["eks-a"] = "base: eks\ncriteria: {service: eks, intent: training}\n" + REF.format("overrides: {x: {z: null}}")
    assert found(files, "CB043") == ["overlays/eks-a.yaml:7"]


def test_values_files_repeat_each_other() -> None:
    files = {
        "components/a/values.yaml": "x: 1\ny: [1, 2]\n",
        "components/a/values-eks.yaml": "x: 1\ny: [1, 2]\nz: 1\n",
        "base": REF.format("valuesFile: components/a/values.yaml"),
        "eks": "criteria: {service: eks}\n" + REF.format("valuesFile: components/a/values-eks.yaml"),
    }
    assert found(files, "CB043") == ["components/a/values-eks.yaml:1", "components/a/values-eks.yaml:2"]


def test_a_mixin_named_again_is_redundant() -> None:
    files = {
        "mixins/m": "{}",
        "eks": "criteria: {service: eks}\nmixins: [m]",
        "eks-a": "base: eks\ncriteria: {service: eks, intent: training}\nmixins: [m]",
    }
    assert found(files, "CB043") == ["overlays/eks-a.yaml:7"]
