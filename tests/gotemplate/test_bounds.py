"""Templates that are made to exhaust their reader end early, with a place. Attack: finding 7 of the review of trust."""

from __future__ import annotations

import time

import pytest

from clusterbook.gotemplate import BrokenTemplate, render

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
