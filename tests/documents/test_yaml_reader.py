"""Reading YAML: what scalars mean, where values stand, and what a hostile file may not do.

The tables were made with gopkg.in/yaml.v3 v3.0.1, which the reference reads with, decoding into `any`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from clusterbook.diagnostics.findings import Finding, SourceErrors
from clusterbook.documents import yaml_reader
from clusterbook.documents.yaml_reader import Node, parse
from tests.support.trees import shared_folder


def read(text: str, **more: Any) -> Any:
    """Return the plain data of a document."""
    node = parse(text, "f.yaml", **more)
    return None if node is None else node.data()


def refusal(text: str, **more: Any) -> Finding:
    """Return the one finding with which `text` is refused."""
    with pytest.raises(SourceErrors) as caught:
        parse(text, "f.yaml", **more)
    (finding,) = caught.value.findings
    return finding


def same(one: Any, two: Any) -> bool:
    """Return whether two values are equal and of one type; True is not 1 here."""
    return type(one) is type(two) and one == two


# --- what a scalar means ----------------------------------------------------------------------------------------------

WORDS_THAT_STAY = """
    nULL tRUE yes Yes no No on off y n Y N nan inf infinity Infinity NaN .iNF . .. -. + = << += -1-
    _1 0x 0xg 0b 0b2 0o 0o8 0x-1 --1 1e .e3 1p4 0x1.8p1 0o1.5 .5.5
    1:30 190:20:30 12.30.2 v1.2 1.2.3 1.1.1 1-2 1,000 1.10.x 24.04.1 0xFFFFFFFFFFFFFFFFF \N{ARABIC-INDIC DIGIT ONE}
""".split()

NUMBERS: dict[str, object] = {
    **{"0": 0, "-0": 0, "+0": 0, "00": 0, "1": 1, "+1": 1, "-1": -1, "42": 42},
    **{"007": 7, "010": 8, "-010": -8, "+010": 8, "0o10": 8, "0O10": 8, "-0o10": -8, "0_1": 1, "01_0": 8, "0o1_0": 8},
    **{"0x1F": 31, "0X1f": 31, "-0x1F": -31, "0x_1F": 31, "0b101": 5, "-0b101": -5, "+0b1": 1, "0b1_0": 2},
    **{"1_000": 1000, "1__0": 10, "1_": 1, "+1_0": 10, "-1_0": -10, "-_1": -1, "+_1": 1},
    **{"9223372036854775807": 2**63 - 1, "9223372036854775808": 2**63, "18446744073709551615": 2**64 - 1},
    **{"-9223372036854775808": -(2**63), "0xFFFFFFFFFFFFFFFF": 2**64 - 1},
    **{"18446744073709551616": 2.0**64, "-9223372036854775809": -(2.0**63)},
    **{"08": 8.0, "09": 9.0, "0888": 888.0, "018": 18.0, "07.5": 7.5, "00.5": 0.5, "01.5": 1.5, "01e3": 1000.0},
    **{"1.10": 1.1, "0.10": 0.1, "1.0": 1.0, "1.": 1.0, ".5": 0.5, "-.5": -0.5, "+.5": 0.5, "0e0": 0.0},
    **{"1e3": 1000.0, "1E3": 1000.0, "1e+3": 1000.0, "1e-3": 0.001, "1e19": 1e19, "1e1_0": 1e10, "1_e1": 10.0},
    **{"1_0.5": 10.5, "1.5_0": 1.5, "24.04": 24.04},
}

OTHERS: dict[str, object] = {
    **dict.fromkeys(("~", "null", "Null", "NULL", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@pytest.mark.parametrize("word", WORDS_THAT_STAY)
def test_a_word_that_only_looks_special_stays_text(word: str) -> None:
    assert same(read(f"k: {word}\n"), {"k": word})


@pytest.mark.parametrize("text", [*NUMBERS, *OTHERS])
def test_a_plain_scalar_means_what_the_reference_reads(text: str) -> None:
    assert same(read(f"k: {text}\n")["k"], (NUMBERS | OTHERS)[text])


@pytest.mark.parametrize("text", [*WORDS_THAT_STAY, *NUMBERS, *OTHERS])
def test_a_quoted_scalar_is_text_whatever_it_says(text: str) -> None:
    assert same(read(f"k: \"{text}\"\nl: '{text}'\n"), {"k": text, "l": text})


@pytest.mark.parametrize("text", ["1", "1.10", "true", "null", "~", "", "0x10", "yes", "2001-01-01"])
def test_a_string_tag_keeps_any_word_text(text: str) -> None:
    assert same(read(f"k: !!str {text}\n"), {"k": text})


@pytest.mark.parametrize("text", ["2001-01-01", "2001-01-01T00:00:00Z", "2001-1-1"])
def test_a_date_stays_text(text: str) -> None:
    assert read(f"k: {text}\n") == {"k": text}


@pytest.mark.parametrize("text", [".inf", "-.inf", "+.Inf", ".NaN", ".nan", "1e400", "-1e400"])
def test_a_number_that_json_cannot_say_is_refused(text: str) -> None:
    assert refusal(f"k: {text}\n").code == "CB006"


def test_blocks_are_text_as_written() -> None:
    assert read("a: |\n  1\n\n  y\n\nb: >-\n  x\n  y\n\n  z\nc: |+\n  x\n\n") == {
        "a": "1\n\ny\n",
        "b": "x y\nz",
        "c": "x\n\n",
    }


@pytest.mark.parametrize("text", ["1.10", "0x10", "24.04", "007", "1_000", "true", "yes", "1e3", "v1.20", "+1"])
def test_a_version_stays_the_text_that_was_written(text: str) -> None:
    node = parse(f"version: {text}\n", "f.yaml")
    assert node is not None
    assert node.value["version"].string() == text


def test_a_null_has_no_text() -> None:
    node = parse("a: null\nb: ~\nc:\nd: ''\ne: {}\nf: []\n", "f.yaml")
    assert node is not None
    assert {child.string() for child in node.value.values()} == {""}


def test_other_tags_are_refused() -> None:
    finding = refusal("a: 1\nk: !secret x\n")
    assert (finding.code, str(finding.place)) == ("CB006", "f.yaml:2:4")


# --- structure --------------------------------------------------------------------------------------------------------

DOCUMENTS: dict[str, object] = {
    "": None,
    "---\n": None,
    "# only a comment\n": None,
    "null\n": None,
    "k:\n": {"k": None},
    "- 1\n- 2\n": [1, 2],
    "just text\n": "just text",
    "a: 1\r\nb: 2\r\n": {"a": 1, "b": 2},
    "\ufeffa: 1\n": {"a": 1},
    "a: &x 1\nb: *x\n": {"a": 1, "b": 1},
    "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n": {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}},
    "a: &x {b: 1}\ne: {b: 5, <<: *x}\n": {"a": {"b": 1}, "e": {"b": 5}},
    "a: &x 1\nb: &x 2\nc: *x\n": {"a": 1, "b": 2, "c": 2},
    "a: &x {b: 1}\nc: &y {b: 2, d: 4}\ne: {<<: [*x, *y]}\n": {
        "a": {"b": 1},
        "c": {"b": 2, "d": 4},
        "e": {"b": 1, "d": 4},
    },
    '"<<": {b: 1}\n': {"<<": {"b": 1}},
    "a: {b}\n": {"a": {"b": None}},
    "[a: 1]\n": [{"a": 1}],
    "k: [a, b,]\n": {"k": ["a", "b"]},
    "? k\n: v\n": {"k": "v"},
    "k: a#b # c\n": {"k": "a#b"},
    "k: 'it''s'\n": {"k": "it's"},
    'k: "\\x41\\u0042"\n': {"k": "AB"},
    "%YAML 1.1\n---\na: yes\n": {"a": "yes"},
    "a: 1\n...\n": {"a": 1},
}

COLONS: dict[str, object] = {
    "{source: https://charts.example/a, b: oci://x}": {"source": "https://charts.example/a", "b": "oci://x"},
    "k: [a:1, docker.io/x:1.2]\n": {"k": ["a:1", "docker.io/x:1.2"]},
    "k: {a:1}\n": {"k": {"a:1": None}},
    "{a: b:, c: d}": {"a": "b:", "c": "d"},
    'k: {"a":1}\n': {"k": {"a": 1}},
}


@pytest.mark.parametrize("text", [*DOCUMENTS, *COLONS])
def test_a_document_is_read_as_the_reference_reads_it(text: str) -> None:
    assert read(text) == (DOCUMENTS | COLONS)[text]


def test_a_colon_inside_brackets_has_its_place() -> None:
    node = parse("x: 1\ny: [{z: a:b}, c:d]\n", "f.yaml")
    assert node is not None
    first, second = node.value["y"].elements()
    assert (first.value["z"].value, first.value["z"].line, first.value["z"].column) == ("a:b", 2, 9)
    assert (second.value, second.line, second.column) == ("c:d", 2, 15)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: [1, 2\n", "f.yaml:3:1"),
        ("a: b: c\n", "f.yaml:1:5"),
        ("\ta: 1\n", "f.yaml:1:1"),
        ("a: @x\n", "f.yaml:1:4"),
        ("a: *x\n", "f.yaml:1:4"),
        ("a: {b: 1}}\n", "f.yaml:1:10"),
        ("a: - b\n", "f.yaml:1:4"),
        ("? [a]\n: 1\n", "f.yaml:1:3"),
        ("<<: 1\n", "f.yaml:1:5"),
        ("<<: [1]\n", "f.yaml:1:6"),
        ("a: x\nb: \x07\n", "f.yaml:2:4"),
        ("k: x\x7f\n", "f.yaml:1:5"),
        ("a: 1\n---\nb: 2\n", "f.yaml:3:1"),
        ("a: 1\n---\n", "f.yaml:3:1"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_place(text: str, place: str) -> None:
    finding = refusal(text)
    assert (finding.code, str(finding.place)) == ("CB002", place)
    assert "\n" not in finding.what
    assert finding.hint


def test_a_key_that_stands_twice_is_refused() -> None:
    finding = refusal("a: 1\nb: {c: 1,\n  'c': 2}\n")
    assert (finding.code, str(finding.place)) == ("CB005", "f.yaml:3:3")
    assert "line 2" in finding.hint


def test_only_the_first_document_is_read_where_the_reference_does_so() -> None:
    assert read("a: 1\n---\nb: {\n", first_only=True) == {"a": 1}


def test_a_node_knows_the_place_of_its_key_and_of_its_value() -> None:
    node = parse("a:\n  - b:   'x'\n    c:\n      d\n", "f.yaml")
    assert node is not None
    (item,) = node.value["a"].elements()
    places = {name: (child.line, child.column, child.key_line, child.key_column) for name, child in item.value.items()}
    assert places == {"b": (2, 10, 2, 5), "c": (4, 7, 3, 5)}
    assert (node.value["a"].line, node.value["a"].column, node.value["a"].key_line) == (2, 3, 1)


def test_a_merged_member_keeps_the_place_where_it_was_written() -> None:
    node = parse("a: &x\n  b: 1\nc:\n  <<: *x\n", "f.yaml")
    assert node is not None
    found = node.get("c", "b")
    assert found is not None
    assert (found.line, found.column) == (2, 6)


def test_a_path_that_is_not_there_is_none() -> None:
    node = parse("a: {b: [1]}\n", "f.yaml")
    assert node is not None
    assert node.get("a", "b", "c") is None
    assert node.get("x") is None
    assert list(node.value["a"].value["b"].items()) == []
    assert node.elements() == []


def flat(node: Node) -> Any:
    """Return everything a node knows, as plain data."""
    value = node.value
    inner: Any = repr(value)
    if isinstance(value, dict):
        inner = {key: flat(child) for key, child in value.items()}
    elif isinstance(value, list):
        inner = [flat(child) for child in value]
    return inner, node.line, node.column, node.key_line, node.key_column, node.text, node.plain


def slow_composer(composer: Callable[..., Any], *, pure: bool) -> Any:
    """Return the composer in Python, whichever was asked for."""
    assert not pure
    return composer(pure=True)


def test_the_second_reader_sees_what_the_first_one_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(shared_folder("reference/2026.03").rglob("values*.yaml"))[:20]
    quick = [parse(path.read_text(), "f.yaml") for path in paths]
    monkeypatch.setattr(yaml_reader, "_Composer", partial(slow_composer, yaml_reader._Composer))
    for node, path in zip(quick, paths, strict=True):
        slow = parse(path.read_text(), "f.yaml")
        assert (node is None) == (slow is None)
        assert node is None or slow is None or flat(node) == flat(slow)


# --- bombs ------------------------------------------------------------------------------------------------------------


def laughs(levels: int, width: int) -> str:
    """Return nested aliases that mean `width` to the power of `levels` values."""
    lines = [f"a0: &a0 [{', '.join('x' * width)}]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (laughs(levels=10, width=10), "CB004"),
        (laughs(levels=10, width=10).replace("[", "{<<: [").replace("]", "]}").replace("x", "{k: v}"), "CB004"),
        ("a: &a [*a]\n", "CB003"),
        ("a: &a\n  b: *a\n", "CB003"),
        ("a: " + "[" * 100_000, "CB003"),
        ("a: " + "{a: " * 100_000, "CB003"),
        ("[" * 1_000 + "]" * 1_000, "CB003"),
        ("- " * 100_000 + "x", "CB003"),
        ("\n".join("[" * 500 for _ in range(200)), "CB003"),
        ("\n".join(" " * level + "a:" for level in range(500)), "CB003"),
        ("? " * 900 + "x", "CB002"),
        ("{a:b, c: " + "[" * 900 + "]" * 900 + "}", "CB003"),
        ("x" * (yaml_reader.MAX_BYTES + 1), "CB001"),
        ("a: \x00", "CB002"),
    ],
    ids="laughs merges self-list self-map brackets braces shallow dashes lines indents keys colon size nul".split(),
)
def test_a_bomb_is_refused_with_a_message(text: str, code: str) -> None:
    assert refusal(text).code == code


def test_nesting_is_read_up_to_the_limit() -> None:
    value: Any = None
    for _ in range(yaml_reader.MAX_DEPTH):
        value = [] if value is None else [value]
    assert read(str(value)) == value
    assert refusal(f"[{value}]").code == "CB003"
