"""The quick reader says what the slow one says, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.yaml_fast import read
from clusterbook.documents.yaml_reader import parse
from clusterbook.documents.yaml_writer import dump

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def slow(text: str) -> Any:
    """Return what all of YAML makes of a text."""
    node = parse(text, "f.yaml")
    return None if node is None else node.data()


scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9) | st.text(max_size=12)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@given(st.dictionaries(st.text(max_size=8), documents, min_size=1, max_size=4))
def test_what_the_writer_writes_means_the_same_to_both_readers(value: dict[str, Any]) -> None:
    text = dump(value)
    quick = read(text)
    assert quick is None or quick == slow(text)


LINES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(
            [
                "a:",
                "b: 1",
                "- x",
                "- a: 1",
                "-",
                "- - y",
                "c: |",
                "c: |-",
                "text",
                "# said",
                "d: 'it''s'",
                'e: "x\\ty"',
                "f: [a, b]",
                "f: {}",
                "g: &x 1",
                "a: b: c",
                "? k",
                "h: x # y",
                "<<: 1",
                "---",
                "...",
                "",
                "  ",
                'i: ["True"]',
                "(a > `0`): true",
                "j: 1.10",
                "- k: |+",
                "0x1F: 012",
                "- 'q': ~",
                "l: - m",
                "n: >",
                '"o": "p"',
                "r: s:",
            ]
        ),
    ),
    max_size=8,
)


@given(LINES)
def test_where_the_quick_reader_answers_the_slow_one_agrees(lines: list[tuple[int, str]]) -> None:
    text = "".join(f"{'  ' * indent}{line}\n" for indent, line in lines)
    quick = read(text)
    if quick is not None:
        assert quick == slow(text)


@given(st.text(alphabet="ab:- #\n'\"[]{}|>&*!?,0.\\~\t", max_size=24))
def test_no_text_is_read_otherwise(text: str) -> None:
    quick = read(text)
    if quick is None:
        return
    try:
        assert quick == slow(text)
    except SourceErrors as error:
        raise AssertionError(f"{text!r} is no YAML, yet was read as {quick!r}") from error


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.yaml")), ids=str)
def test_no_file_of_the_catalog_is_read_otherwise(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    quick = read(text)
    assert quick is None or quick == slow(text)


@pytest.mark.parametrize("path", sorted((RECIPES / "checks").rglob("*.yaml")), ids=str)
def test_every_health_check_is_read_quickly(path: Path) -> None:
    assert read(path.read_text(encoding="utf-8")) or path.parent.name.endswith("-olm")


def test_a_document_beyond_this_reader_is_left_to_the_other() -> None:
    assert read("a: &x 1\nb: *x\n") is None
    assert read("a:\n" * 1 + "".join(f"{' ' * n}a:\n" for n in range(1, 80))) is None
