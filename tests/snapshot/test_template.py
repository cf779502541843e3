"""Snapshots through templates, and what is said about a template that is none."""

from __future__ import annotations

import json

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.build import Capture, SubtypeReadings, document
from clusterbook.snapshot.template import render_snapshot

TAKEN = document(
    Capture({"OS": {"release": SubtypeReadings({"ID": "ubuntu"}), "kmod": SubtypeReadings({"efa": True})}}),
    {"timestamp": "2026-07-14T08:30:00Z"},
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("taken {{ metadata.timestamp }}\n", "taken 2026-07-14T08:30:00Z\n"),
        ("{{ reading('OS.release.ID') }}", "ubuntu"),
        ("{{ reading('OS.release.NO', 'none') }}", "none"),
        ("{% for m in measurements %}\n{{ m.type }}\n{% endfor %}\n", "OS\n"),
        ("{{ fingerprint.os | yaml }}", "source: OS.release.ID\nvalue: ubuntu\n"),
        ("{{ snapshot.kind | json }}", '"Snapshot"'),
        ("{{ '<b>' }}", "<b>"),
        ("{% if releases %}x{% else %}none{% endif %}", "none"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    assert render_snapshot(template, TAKEN, "t.j2") == text


@pytest.mark.parametrize(
    ("template", "place", "what"),
    [
        ("a\n{% for x in %}", "t.j2:2", "Expected an expression"),
        ("a\n\n{{ nothing.here }}", "t.j2:3", "'nothing' is undefined"),
        ("a\n{% for m in measurements %}\n{{ m.tpye }}\n{% endfor %}", "t.j2:3", "has no attribute 'tpye'"),
        ("a\n{{ reading('OS.release.NO') }}", "t.j2:2", "NO"),
        ("{{ 1 / 0 }}", "t.j2:1", "division by zero"),
        ("a\n{{ 'x' | nofilter }}", "t.j2:2", "No filter named 'nofilter'"),
        ("{% include 'other' %}", "t.j2:1", "loader"),
        ("a\n{{ ''.__class__.__mro__ }}", "t.j2:2", "unsafe"),
        ("a\n{% for x in range(999999999) %}{% endfor %}", "t.j2:2", "Range too big"),
        ("a\n{{ metadata.clear() }}", "t.j2:2", "unsafe"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_line(template: str, place: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what) as caught:
        render_snapshot(template, TAKEN, "t.j2")
    assert str(caught.value.place) == place
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "template",
    [
        "a\n{{ .Metadata.Timestamp }}",
        "a\n{{- range .Measurements }}x{{ end }}",
        "a\n{{ $x := index .Metadata 0 }}",
        "a\n{{ with $m }}x{{ end }}",
        "a\n{{/* a remark */}}",
    ],
)
def test_a_go_template_is_told_what_it_is(template: str) -> None:
    with pytest.raises(InvalidRequest, match="Go template") as caught:
        render_snapshot(template, TAKEN, "t.tmpl")
    assert str(caught.value.place) == "t.tmpl:2"
    assert "Jinja2" in caught.value.hint


def test_words_of_go_in_a_good_template_are_only_words() -> None:
    assert render_snapshot("use {{ '{{ .Values.x }}' }}", TAKEN, "t.j2") == "use {{ .Values.x }}"


HOSTILE = {
    "apiVersion": "clusterbook.dev/v1alpha1",
    "kind": "Snapshot",
    "metadata": {},
    "measurements": [
        {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1\npassed\x1b[8m\u202e\t"}}]}
    ],
}


@pytest.mark.parametrize(
    "template",
    [
        "{{ reading('K8s.server.version') }}",
        "{{ measurements[0].subtypes[0].data.version }}",
        "{% for key, value in measurements[0].subtypes[0].data.items() %}{{ value }}{% endfor %}",
        "{{ [snapshot.measurements[0].subtypes[0].data.version] | join }}",
    ],
)
def test_what_a_stranger_wrote_stays_on_its_line(template: str) -> None:
    assert render_snapshot(template, HOSTILE, "t") == r"v1\npassed\x1b[8m\u202e\t"


def test_the_filter_for_json_gives_what_was_measured() -> None:
    text = render_snapshot("{{ measurements | json }}", HOSTILE, "t")
    assert json.loads(text) == HOSTILE["measurements"]
    assert "\u202e" not in text


def test_lines_of_the_template_itself_stay() -> None:
    assert render_snapshot("a\n\tb{{ '\\n' }}c", HOSTILE, "t") == "a\n\tb\nc"


def test_kind_and_api_version_are_there() -> None:
    assert render_snapshot("{{ kind }} {{ apiVersion }}", HOSTILE, "t") == "Snapshot clusterbook.dev/v1alpha1"
    assert render_snapshot("{{ kind }}{{ apiVersion }}", {"measurements": HOSTILE["measurements"]}, "t") == "Snapshot"
