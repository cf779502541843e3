"""Templates that are made to exhaust their reader end early, with a place. Attack: finding 7 of the review of trust."""

from __future__ import annotations

import time

import pytest

from clusterbook.bundle.render import render as make_bundle
from clusterbook.gotemplate import BrokenTemplate, render
from tests.support.whole_recipes import small

DOUBLE = '{{ $x := "aaaaaaaaaaaaaaaa" }}' + '{{ $x = printf "%s%s" $x $x }}' * 40 + "{{ $x }}"
LISTS = "{{ $x := list 1 }}" + "{{ $x = list $x $x }}" * 60
MAPS = '{{ $x := dict "a" 1 }}' + '{{ $x = dict "a" $x "b" $x }}' * 60
HOSTILE = {
    "a wide number": '{{ printf "%3000000000d" 1 }}',
    "a wide text": '{{ printf "%-300000000s" "x" }}',
    "many digits": '{{ printf "%.999999999f" 1.5 }}',
    "more digits than a number has": '{{ printf "%' + "9" * 5000 + 'd" 1 }}',
    "zeros": '{{ printf "%0100000000d" 1 }}',
    "doubled text": DOUBLE,
    "doubled by replace": '{{ $x := "aaaaaaaaaaaaaaaa" }}' + '{{ $x = replace "a" "aaaaaaaa" $x }}' * 20,
    "doubled by join": '{{ $x := repeat 900000 "a" }}{{ join $x (splitList "" $x) }}',
    "indented lines": '{{ indent 1000 (repeat 900000 "\\n") }}',
    "a list of lists as JSON": LISTS + "{{ toJson $x }}",
    "a list of lists as YAML": LISTS + "{{ toYaml $x }}",
    "a list of lists as text": LISTS + "{{ $x }}",
    "a map of maps as text": MAPS + '{{ printf "%v" $x }}',
    "a map of maps, compared": MAPS + "{{ has $x (list $x) }}",
    "loops in loops": "{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}",
    "loops that write": "{{ range 100000 }}{{ range 100000 }}xxxxxxxxxxxxxxxx{{ end }}{{ end }}",
    "templates that call each other twice": "".join(
        f'{{{{ define "t{n}" }}}}{{{{ include "t{n + 1}" . }}}}{{{{ include "t{n + 1}" . }}}}{{{{ end }}}}'
        for n in range(40)
    )
    + '{{ define "t40" }}x{{ end }}{{ include "t0" . }}',
    "templates that call each other": '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
}

SIZE = 1 << 18
TOO_MUCH = {
    "a template of a quarter of a million actions": "{{.}}" * SIZE,
    "an action of a hundred thousand words": "{{ print " + "1 " * 100_000 + "}}",
    "text alone that is too long": "x" * (4 << 20) + "{{ 1 }}",
    "variables that are looked up behind all others": "{{$z:=1}}"
    + "".join(f"{{{{$a{n}:=$z}}}}" for n in range(SIZE // 20)),
    "variables": "".join(f"{{{{$a{n}:=1}}}}" for n in range(SIZE // 20)),
    "variables inside": "{{if 1}}" + "".join(f"{{{{$a{n}:=1}}}}" for n in range(SIZE // 20)) + "{{end}}",
    "a function of one long name": "{{ " + "a" * (SIZE - 9) + " }}",
    "a variable of one long name": "{{ $" + "a" * (SIZE - 9) + " }}",
    "a number of many digits": "{{ " + "9" * (SIZE - 9) + " }}",
    "a number of many digits, hexadecimal": "{{ 0x" + "f" * (SIZE - 9) + " }}",
    "a chain of commands": "{{ 1 " + "| print " * (SIZE // 9) + " }}",
    "open parentheses": "{{ " + "(" * (SIZE - 9) + " }}",
    "parentheses": "{{ " + "(" * 101 + "1" + ")" * 101 + " }}",
    "if in if": "{{if .}}" * 101 + "{{end}}" * 101,
    "with in range": "{{range .}}{{with .}}" * 51 + "{{end}}" * 102,
    "else if": "{{if .}}" + "{{else if .}}" * 101 + "{{end}}",
    "if in define": '{{define "a"}}' + "{{if .}}" * 101 + "{{end}}" * 102,
    "if without an end": "{{if .}}" * (SIZE // 9),
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_template_that_is_too_much_to_read_is_broken_off_soon_and_told_briefly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(BrokenTemplate) as caught:
        render(text, {"Values": {}}, file="x.yaml")
    assert time.process_time() - start < 5
    assert len(str(caught.value)) < 1000


def test_what_is_nested_as_deep_as_it_may_be_is_rendered() -> None:
    assert render("{{if 1}}" * 100 + "x" + "{{end}}" * 100, {}, file="x") == "x"
    assert render("{{ " + "(" * 100 + "1" + ")" * 100 + " }}", {}, file="x") == "1"
    assert render("{{ 1 " + "| print " * 99 + "}}", {}, file="x") == "1"
    assert render("{{if 0}}" + "{{else if 0}}" * 98 + "{{else if 1}}x{{end}}", {}, file="x") == "x"
    scopes = "{{if 1}}" + "".join(f"{{{{$a{n}:=1}}}}" for n in range(900)) + "{{end}}"
    assert render(scopes * 5, {}, file="x") == ""


def test_the_manifests_of_a_bundle_may_only_make_so_much_together() -> None:
    """Each of them stays below the bound, and so would thousands."""
    text = "{{ range 40000 }}{{ end }}"
    assert render(text, {}, file="x") == ""
    paths = [f"m{n}.yaml" for n in range(200)]
    recipe = small(settings={"manifestFiles": paths})
    recipe["files"] |= dict.fromkeys(paths, text)
    start = time.process_time()
    with pytest.raises(BrokenTemplate, match="the whole bundle"):
        make_bundle(recipe, {}, "1")
    assert time.process_time() - start < 20


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_template_that_makes_too_much_is_broken_off(text: str) -> None:
    start = time.process_time()
    with pytest.raises(BrokenTemplate) as caught:
        render(text, {"Values": {}}, file="x.yaml")
    assert caught.value.file == "x.yaml"
    assert time.process_time() - start < 20


def test_what_a_manifest_may_need_is_far_below_the_bounds() -> None:
    text = '{{ range 5000 }}{{ printf "%-40s|" (toJson $.Values) }}\n{{ end }}'
    assert render(text, {"Values": {"a": [1, 2]}}, file="x.yaml").count("\n") == 5000
