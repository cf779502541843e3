from __future__ import annotations

import io
import math
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from clusterbook.documents.yaml_writer import dump, places, scalar, text

READ_OTHERWISE = """
yes Yes YES no No on On ON off y Y n N true True TRUE false null Null ~ = << .inf -.inf +.INF .nan .NaN inf nan
0 7 -1 +1 1_000 0o7 0o17 017 08 0x1f 0X1F 0b101 1. .5 1.5 1.30 24.04 1e3 1E3 e3 E-7 12e4567 1.0e+16 -0.0
12:30:45 190:20:30.15 1:2 2024-01-01 2024-1-1 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z
- -- --- ... ? : { } [ ] {} [] # & * ! | > ' " % @ `
-a: a:b: &a *a !a !!str |- >- 'a' "a" %a @a `a ?a :a ,a [a {a }a ]a #a
""".split()
STRINGS = [
    *READ_OTHERWISE,
    "",
    " ",
    " leading",
    "trailing ",
    "a: b",
    "a #b",
    "- a",
    "- kilo",
    "--- kilo",
    "... kilo",
    "? a",
    "2001-12-14 21:59:43",
    "tab\there",
    "\t",
    "bell\a",
    "del\x7f",
    "next\x85line",
    "line\u2028separator",
    "paragraph\u2029separator",
    "\ufeffmark",
    "no\u00a0break",
    "soft\u00adhyphen",
    "back\\slash",
    'say "x"',
    "carriage\r\nreturn",
    "😀",
    "tag \U000e0001",
    "nonsense \uffff",
    "\n",
    "\n\n",
    "one\n",
    "one\ntwo",
    "one\ntwo\n\n\n",
    "\none",
    "\n\n  one\n",
    "  one\ntwo\n",
    "\tone\ntwo\n",
    "one\n\ttwo\n",
    "one\n   \ntwo\n",
    "one\n\t\ntwo\n",
    "one\ntwo   \n",
    "one\n   ",
    "one\n# no comment\n",
    "# no comment\none\n",
    "---\none\n...\n",
    "one \\ two\n\x1b[0m",
    "x" * 5000,
]
TEXTS = st.one_of(
    st.sampled_from(STRINGS),
    st.text(),
    st.text(alphabet="0123456789abeExXoO_.:+-TtZz \n"),
    st.text(alphabet=" \t\n#-:'\"\\a|>"),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def load(document: str, version: tuple[int, int] | None) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    return reader.load(io.StringIO(document))


def same(left: object, right: object) -> bool:
    """Return whether two values are alike, types and order of keys included."""
    if isinstance(left, dict) and isinstance(right, dict):
        return sorted(left) == [*right] and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right and repr(left) == repr(right)


@given(VALUES)
@example({"x" * 2000: {"y" * 2000: [{"z" * 2000: "one\ntwo\n"}]}})
@example([[["one\ntwo\n\n"], "b"], [], {}, [{}], {"a": []}])
def test_a_yaml_1_2_reader_gets_back_what_was_written(value: object) -> None:
    assert same(value, load(dump(value), None)), dump(value)


@given(VALUES)
def test_a_yaml_1_1_reader_gets_back_what_was_written(value: object) -> None:
    assert same(value, load(dump(value), (1, 1))), dump(value)


@pytest.mark.parametrize("version", [None, (1, 1)])
@pytest.mark.parametrize("string", STRINGS)
def test_an_awkward_string_survives_as_value_key_element_and_document(
    string: str, version: tuple[int, int] | None
) -> None:
    for value in (string, [string], {string: 1}, {"a": string}, {"a": [{"b": string, "c": string}]}):
        assert same(value, load(dump(value), version)), dump(value)


@pytest.mark.parametrize("word", READ_OTHERWISE)
def test_what_a_reader_could_take_for_something_else_is_quoted(word: str) -> None:
    assert dump(word).startswith('"')
    assert dump({word: 1}).startswith('"')


@pytest.mark.parametrize(
    "word",
    """
    v1.30 gpu-operator nvidia.com/gpu.present https://x.org/y?z=1#a 10m 256Mi 8080-tcp --flag Qwen/Qwen3-8B node:8 é
    oci://ghcr.io/nvidia/nodewright/charts
    """.split(),
)
def test_an_ordinary_word_stays_plain(word: str) -> None:
    assert dump({word: word}) == f"{word}: {word}\n"


@pytest.mark.parametrize("value", [0.0, 1.0, 1.5, 1e16, 1e-7, 1.5e300, -0.0, math.inf, -math.inf, 10**30, True, None])
@pytest.mark.parametrize("version", [None, (1, 1)])
def test_a_number_keeps_its_type(value: object, version: tuple[int, int] | None) -> None:
    assert same(value, load(dump(value), version))


def test_floats_are_written_as_yaml_1_1_wants_them() -> None:
    assert [dump(value) for value in (math.nan, 1e16, 1.5e300)] == [".nan\n", "1.0e+16\n", "1.5e+300\n"]


def test_keys_are_sorted_at_every_level_whatever_order_they_came_in() -> None:
    value = {"b": {"z": 1, "a": [{"d": 1, "c": 2}]}, "a": None}
    turned = {"a": None, "b": {"a": [{"c": 2, "d": 1}], "z": 1}}
    assert dump(value) == dump(turned) == "a: null\nb:\n  a:\n    - c: 2\n      d: 1\n  z: 1\n"


def test_several_lines_become_a_literal_block_that_keeps_their_end() -> None:
    value = {"none": "a\nb", "one": "a\n\nb\n", "two": ["a\n\n", "z"]}
    expected = "none: |-\n  a\n  b\none: |\n  a\n\n  b\ntwo:\n  - |+\n    a\n\n  - z\n"
    assert dump(value) == expected


def test_a_literal_block_may_contain_tabs_and_blank_lines_but_not_start_or_end_with_white_space() -> None:
    assert dump("one\n\ttwo\n \nthree\n") == "|\n  one\n  \ttwo\n   \n  three\n"
    assert [dump(value) for value in (" one\ntwo", "one\n ")] == ['" one\\ntwo"\n', '"one\\n "\n']


def test_empty_collections_are_written_on_the_line_of_their_key() -> None:
    assert dump({"a": {}, "b": [], "c": ""}) == 'a: {}\nb: []\nc: ""\n'
    assert (dump({}), dump([])) == ("{}\n", "[]\n")


def test_a_tuple_is_a_list() -> None:
    assert dump({"a": (1, 2)}) == dump({"a": [1, 2]})


@pytest.mark.parametrize("value", [date(2024, 1, 1), {"a": {1, 2}}, {1: "a"}, [b"x"]])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dump(value)


def test_a_scalar_is_printed_plain() -> None:
    printed = [text(value) for value in ("24.04", "yes", True, None, 3, "", "two\nlines\n")]
    assert printed == ["24.04\n", "yes\n", "true\n", "null\n", "3\n", "\n", "two\nlines\n"]
    assert text({"a": "yes"}) == dump({"a": "yes"})
    assert scalar("a: b") == "a: b"


def large_document() -> dict[str, Any]:
    """Return something like a recipe: many short values, and health checks of several lines."""
    check = "".join(f"    - name: step-{number}\n      timeout: 5m\n" for number in range(40))
    values = {
        f"key{number}": {"enabled": True, "image": f"nvcr.io/nvidia/x:{number}", "args": ["-v", "--a=b"]}
        for number in range(16)
    }
    return {"components": {f"component-{number}": {"values": values, "check": check} for number in range(30)}}


def test_ninety_kilobytes_take_less_than_fifteen_milliseconds() -> None:
    document = large_document()
    size = len(dump(document))
    assert size > 70_000
    times = []
    for _ in range(7):
        start = time.perf_counter()
        dump(document)
        times.append(time.perf_counter() - start)
    assert min(times) * 90_000 / size < 0.015


@given(VALUES)
@example({"x" * 2000: {"y" * 2000: [{"z" * 2000: "one\ntwo\n"}]}})
@example([[["one\ntwo\n\n"], "b"], [], {}, [{}], {"a": []}])
def test_every_line_has_the_path_of_what_it_says(value: object) -> None:
    lines = dump(value)[:-1].split("\n")
    found = list(places(value))
    assert len(found) == len(lines)
    seen = set()
    for line, path in zip(lines, found, strict=True):
        said: Any = value
        for step in path:
            said = said[step]
        if path and isinstance(path[-1], str) and path not in seen:
            assert dump(path[-1])[:-1].split("\n")[0][:1000] in line or "\n" in path[-1]
        seen.add(path)
