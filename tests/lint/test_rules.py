"""What somebody has looked at and accepted."""

from __future__ import annotations

import pytest

from clusterbook.catalog.load import survey_catalog
from clusterbook.lint.rules import check
from clusterbook.resolve.matrix import build
from tests.support.trees import load, tree

PINNED = "criteria: {service: eks}\ncomponentRefs:\n- name: a\n"


def found(spec: str, **files: str) -> list[str]:
    """Return the codes found in one overlay, and in files whose path has `__` for `/`."""
    catalog = load({"eks": PINNED + spec, **{name.replace("__", "/") + ".yaml": text for name, text in files.items()}},
                   strict=False)  # fmt: skip
    kept = [each for each in check(catalog, build(catalog)) if each.place.file != "registry.yaml"]
    return [each.code for each in kept]


@pytest.mark.parametrize(
    "spec",
    [
        '  version: "2.0.0"  # allow CB044: newer on purpose\n',
        '  # allow CB044: newer on purpose\n  version: "2.0.0"\n',
        '  # allow CB044: newer on purpose\n  # and for a while\n  version: "2.0.0"\n',
    ],
)
def test_a_warning_is_allowed_beside_it_or_above_it(spec: str) -> None:
    assert found(spec) == []


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        ('  version: "2.0.0"  # allow CB044:\n', ["CB044"]),  # says no reason
        ('  version: "2.0.0"  # allow CB045: another code\n', ["CB044", "CB053"]),
        ('  # allow CB044: too far away\n\n  version: "2.0.0"\n', ["CB053", "CB044"]),
        ("  dependencyRefs: [zz]  # allow CB024: an error stays one\n", ["CB024"]),
    ],
)
def test_anything_else_stays(spec: str, codes: list[str]) -> None:
    assert found(spec) == codes


def test_the_first_comment_of_a_file_speaks_for_the_file() -> None:
    spare = "# Kept for later.\n# allow CB052: the next release names it\nkind: ConfigMap\n"
    assert found("", components__a__manifests__spare=spare) == []
    assert found("", components__a__manifests__spare="kind: ConfigMap\n") == ["CB052"]


def test_an_allowance_of_a_rule_that_needs_charts_waits_for_them() -> None:
    assert found("  overrides:\n    x: 1  # allow CB047: newer charts have it\n") == []


def test_while_a_file_is_broken_allowances_hold_and_none_is_called_unused() -> None:
    moving = "  overrides:\n    image: x/y:latest  # allow CB045: the newest is wanted\n"
    unused = "  namespace: n  # allow CB044: not known while a file is broken\n"
    catalog = survey_catalog(tree({"eks": PINNED + moving + unused, "components/a/values.yaml": "x: ["}, strict=False))
    assert [each.code for each in check(catalog, build(catalog))] == ["CB002"]
    assert found(moving + unused) == ["CB053"]
