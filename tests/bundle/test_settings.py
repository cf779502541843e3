"""The words that customise a bundle."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusterbook.bundle import settings
from clusterbook.bundle.settings import Taint
from clusterbook.diagnostics.errors import InvalidRequest


@pytest.mark.parametrize(
    ("word", "present", "value"),
    [
        ("true", None, True),
        ("false", True, False),
        ("True", None, "True"),
        ("16", None, 16),
        ("-3", 1, -3),
        ("007", None, "007"),
        ("-0", None, "-0"),
        ("0.9", None, 0.9),
        ("1.10", None, "1.10"),
        ("1e3", None, "1e3"),
        ("nan", None, "nan"),
        ("inf", None, "inf"),
        ("580", "570.1", "580"),
        ("true", "no", "true"),
        ("123456789012345678901", None, "123456789012345678901"),
        ("Ünï", None, "Ünï"),
    ],
)
def test_a_word_becomes_what_it_means_unless_that_would_lose_something(word: str, present: Any, value: Any) -> None:
    found = settings.typed_value(word, ("a",), present)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("path", ["version", "image.tag", "driver.Version", "chartVersion", "image.digest"])
def test_versions_stay_text(path: str) -> None:
    assert settings.typed_value("580", tuple(path.split(".")), None) == "580"


def test_a_setting_keeps_what_stands_behind_the_first_equals_sign() -> None:
    found = settings.read_set("gpuoperator:driver.env=A=B,C:D")
    assert (found.target, found.path, found.value) == ("gpuoperator", ("driver", "env"), "A=B,C:D")


def test_json_settings_hold_any_value() -> None:
    assert settings.read_json('a:b={"c": [1, null, "x"]}').value == {"c": [1, None, "x"]}


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("gpu-operator", "is not component:path=value"),
        ("gpu-operator:x", "is not component:path=value"),
        ("x=1", "is not component:path=value"),
        (":x=1", "names no component"),
        ("a:x=", "has no value"),
        ("a:=1", "'' cannot be part of a path"),
        ("a:x..y=1", "'' cannot be part of a path"),
        ("a:x/y=1", "'x/y' cannot be part of a path"),
        ("a:x.-y=1", "'-y' cannot be part of a path"),
        ("a:../x=1", "cannot be part of a path"),
    ],
)
def test_a_malformed_setting_is_refused(word: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(what)):
        settings.read_set(word)


@pytest.mark.parametrize(
    "value", ["{", "nope", "NaN", "Infinity", "1e999", "[-1e999]", '{"a":1,"a":2}', "[1,]", "", "[" * 100_000]
)
def test_what_is_not_json_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="--set-json a:x is not JSON"):
        settings.read_json(f"a:x={value}")


@pytest.mark.parametrize("word", ["a", "a:x=1"])
def test_a_dynamic_place_has_no_value(word: str) -> None:
    with pytest.raises(InvalidRequest, match="is not component:path"):
        settings.read_dynamic(word)


def test_labels_are_read_as_kubernetes_spells_them() -> None:
    assert settings.read_labels("--x", ["node-group=gpu", "example.org/pool=", "a.b_c=D.1"]) == {
        "node-group": "gpu",
        "example.org/pool": "",
        "a.b_c": "D.1",
    }


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("gpu", "is not key=value"),
        ("=x", "'' is not a label key"),
        ("-a=x", "'-a' is not a label key"),
        ("UP/x=1", "'UP/x' is not a label key"),
        ("a b=x", "'a b' is not a label key"),
        ("a=x y", "'x y' is not a label value"),
        ("a=x,b=y", "'x,b=y' is not a label value"),
        (f"{'a' * 64}=x", "is not a label key"),
    ],
)
def test_what_is_no_label_is_refused(word: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(what)):
        settings.read_labels("--x", [word])


def test_one_label_has_one_value() -> None:
    with pytest.raises(InvalidRequest, match="--x a is given twice"):
        settings.read_labels("--x", ["a=1", "a=2"])


@pytest.mark.parametrize(
    ("word", "taint", "toleration"),
    [
        ("*", Taint("", "", ""), {"operator": "Exists"}),
        ("gpu", Taint("gpu", "", ""), {"key": "gpu", "operator": "Exists"}),
        (
            "gpu:NoSchedule",
            Taint("gpu", "", "NoSchedule"),
            {"effect": "NoSchedule", "key": "gpu", "operator": "Exists"},
        ),
        (
            "nvidia.com/gpu=present:NoExecute",
            Taint("nvidia.com/gpu", "present", "NoExecute"),
            {"effect": "NoExecute", "key": "nvidia.com/gpu", "operator": "Equal", "value": "present"},
        ),
    ],
)
def test_a_taint_is_tolerated_as_pods_spell_it(word: str, taint: Taint, toleration: dict[str, str]) -> None:
    assert settings.read_taint("--x", word) == taint
    assert settings.toleration(taint) == toleration
    assert list(settings.toleration(taint)) == sorted(toleration)


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("", "has no key"),
        ("=a:NoSchedule", "has no key"),
        ("a=:NoSchedule", "has no value"),
        ("a:Never", "the effect 'Never' is unknown"),
        ("a:noschedule", "the effect 'noschedule' is unknown"),
        ("a:", "the effect is missing"),
    ],
)
def test_what_is_no_taint_is_refused(word: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        settings.read_taint("--x", word)


def test_a_gate_needs_an_effect() -> None:
    with pytest.raises(InvalidRequest, match="the effect is missing"):
        settings.read_taint("--workload-gate", "a=b", needs_effect=True)
    assert settings.read_taint("--workload-gate", "a=b:NoSchedule", needs_effect=True).text() == "a=b:NoSchedule"
