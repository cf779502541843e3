"""Templates: what they give, what is wrong with them and where, and that every manifest there is can be rendered."""

from __future__ import annotations

import string
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.gotemplate import NAMES, BrokenTemplate, UnknownFunction, parse, render
from clusterbook.gotemplate.functions import FUNCTIONS
from tests.support import template_cases
from tests.support.trees import shared_folder

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
TABLE = template_cases.table()
DATA = {"Values": TABLE["values"], "Release": {"Name": "r", "Namespace": "ns", "Service": "Helm"}}


def gives(text: str, values: dict[str, Any] | None = None) -> str:
    """Return what a template gives for some values."""
    return render(text, {"Values": values or {}}, file="m.yaml")


def wrong(text: str, data: dict[str, Any]) -> BrokenTemplate:
    """Return the error that a template makes."""
    with pytest.raises(BrokenTemplate) as caught:
        render(text, data, file="m.yaml")
    return caught.value


@pytest.mark.parametrize("case", TABLE["renders"], ids=[case["says"] for case in TABLE["renders"]])
def test_a_template_gives_what_helm_gives(case: dict[str, str]) -> None:
    assert render(case["says"], DATA, file="m.yaml") == case["gives"]


@pytest.mark.parametrize("case", TABLE["fails"], ids=[case["says"] for case in TABLE["fails"]])
def test_what_fails_in_helm_fails_at_its_place(case: dict[str, str]) -> None:
    error = wrong(case["says"], DATA)
    assert str(error).split("\n")[0] == f"m.yaml:{case['at']}: CB056 {case['what']}"
    assert error.hint


def test_every_function_stands_in_the_table() -> None:
    words = " ".join(case["says"] for part in ("renders", "fails") for case in TABLE[part])
    assert {name for name in NAMES if name not in words} <= {"int64"}


def test_an_error_is_one_that_users_see() -> None:
    error = wrong("a\n  b: {{ .Values.c.d }}", {"Values": {}})
    assert isinstance(error, ClusterbookError)
    assert (error.file, error.line, error.column, error.exit_status) == ("m.yaml", 2, 9, 2)
    assert str(error) == (
        "m.yaml:2:9: CB056 '.d' is looked up in nil, '.Values.c' is not set\n"
        "  hint: set the value, or write 'if' around it"
    )


@pytest.mark.parametrize(("name", "near"), [("toYml", "toYaml"), ("tpl", ""), ("lookup", ""), ("Quote", "quote")])
def test_a_function_that_does_not_exist_is_named_with_the_nearest_one(name: str, near: str) -> None:
    error = wrong(f"{{{{ {name} . }}}}", {})
    assert isinstance(error, UnknownFunction)
    assert f"'{name}'" in error.what
    assert near in error.hint


def test_printf_refuses_what_go_prints_as_a_mistake() -> None:
    for text in ('"%d" "x"', '"%s" 1', '"%s"', '"%s" "a" "b"', '"%y" 1', '"%"', '"%s" nil'):
        assert "printf" in wrong(f"{{{{ printf {text} }}}}", {}).what


@pytest.mark.parametrize(
    "text", ["{{ indent 100000 .s }}", "{{ repeat 9999999 .s }}", "{{ range 1000000000 }}{{ end }}"]
)
def test_a_template_cannot_exhaust_the_machine(text: str) -> None:
    wrong(text, {"s": "x"})


def test_nesting_beyond_all_measure_is_an_error_with_a_place() -> None:
    assert wrong(f"{{{{ {'(' * 5000}1{')' * 5000} }}}}", {}).place == "m.yaml:1:104"
    assert wrong("{{ if true }}" * 5000, {}).place == f"m.yaml:1:{13 * 100 + 4}"


def test_a_value_stays_what_it_is() -> None:
    values = {"tag": "1.10", "big": 10000000, "ratio": 0.5, "on": True, "map": {"b": [1], "a": None}}
    text = "{{ range $key, $value := .Values }}{{ $key }}: {{ toYaml $value | nindent 2 }}\n{{ end }}"
    assert template_cases.documents(gives(text, values)) == [values]
    assert gives("{{ .Values.tag }} {{ .Values.big }}", values) == "1.10 10000000"


def test_one_template_renders_many_times_and_forgets_each() -> None:
    template = parse("{{ $x := .a }}{{ if .b }}{{ $x = .b }}{{ end }}{{ $x }}", "m.yaml")
    assert template is parse("{{ $x := .a }}{{ if .b }}{{ $x = .b }}{{ end }}{{ $x }}", "m.yaml")
    assert [template.render(data) for data in ({"a": 1, "b": 2}, {"a": 3}, {})] == ["2", "3", ""]


BLANK = " \t\r\n"
TEXTS = st.text(alphabet=f"{BLANK}ab:-}}", max_size=12)


@given(
    left=TEXTS, right=TEXTS, trims_left=st.booleans(), trims_right=st.booleans(), what=st.sampled_from(["`x`", "/**/"])
)
def test_a_trim_marker_takes_all_white_space_of_its_side_and_nothing_else(
    left: str, right: str, trims_left: bool, trims_right: bool, what: str
) -> None:
    opening = "{{- " if trims_left else "{{"
    closing = " -}}" if trims_right else "}}"
    middle = "" if what == "/**/" else "x"
    expected = (left.rstrip(BLANK) if trims_left else left) + middle + (right.lstrip(BLANK) if trims_right else right)
    assert render(f"{left}{opening}{what}{closing}{right}", {}, file="m.yaml") == expected


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda text: "{{" not in text))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert render(text, {}, file="m.yaml") == text.replace("<no value>", "")


WORDS = (
    """{{ }} {{-_ _-}} if_ else_ end range_ with_ define_ template_ "x" ` ' .Values .a $x := = | ( ) nil 5 - , /* */"""
)
PIECES = st.sampled_from([*(word.replace("_", " ") for word in WORDS.split()), " ", "\n", *sorted(FUNCTIONS)])


@given(st.lists(PIECES, max_size=14).map("".join))
def test_whatever_is_written_either_renders_or_is_an_error_with_a_place(text: str) -> None:
    error = None
    try:
        render(text, {"Values": {"a": 1}}, file="m.yaml")
    except BrokenTemplate as caught:
        error = caught
    if error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text) + 1
        assert error.hint


def every_manifest(root: Path) -> list[template_cases.Manifest]:
    """Render every manifest of a tree in every recipe, and return them."""
    found = list(template_cases.manifests(root))
    for each in found:
        text = render(each.text, each.data, file=each.path)
        assert "{{" not in text
        assert "<no value>" not in text
        assert all(document["kind"] for document in template_cases.documents(text)), f"{each.path} in {each.slug}"
    return found


def test_every_manifest_of_ours_renders_in_every_recipe() -> None:
    found = every_manifest(RECIPES)
    assert len({each.path for each in found}) >= 25


def test_every_manifest_of_the_reference_renders_in_every_recipe() -> None:
    found = every_manifest(shared_folder("reference/2026.03"))
    assert len({each.path for each in found}) >= 11


def test_a_manifest_of_a_hundred_lines_renders_in_a_tenth_of_a_millisecond() -> None:
    longest = max(template_cases.manifests(RECIPES), key=lambda each: each.text.count("{{"))
    assert len(longest.text.splitlines()) >= 50
    template = parse(longest.text, longest.path)
    times = []
    for _ in range(200):
        start = perf_counter()
        template.render(longest.data)
        times.append(perf_counter() - start)
    assert min(times) <= 0.0001


def test_importing_it_imports_nothing_heavy() -> None:
    script = "import sys; import clusterbook.gotemplate; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {
        "dataclasses",
        "inspect",
        "hashlib",
        "ruamel.yaml",
        "pydantic",
        "json",
        "decimal",
    }


def test_names_are_words() -> None:
    assert all(set(name) <= set(string.ascii_letters + string.digits) for name in NAMES)
