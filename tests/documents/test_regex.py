"""Regular expressions of others: the same answers as Python's, in time that is linear. Attack: finding 7."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.documents.regex import BadRegex, compile_pattern
from clusterbook.validate.jmespath import BadExpression, evaluate

PIECES = ["a", "b", "ab", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", "(a|b)", "(?:ab)", "^", "$", r"\b", r"\.", "-"]
PATTERNS = st.recursive(
    st.sampled_from(PIECES),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.text(alphabet="abc1 .-\n_", max_size=12))
def test_it_answers_as_python_does(pattern: str, text: str) -> None:
    found = compile_pattern(pattern)
    assert found.search(text) == (re.search(pattern, text) is not None)
    assert found.fullmatch(text) == (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a*)*$", "(a|aa)+$", "(.*a){20}$", "(a?){30}a{30}$", "([a-z]+)*!"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    start = time.process_time()
    compile_pattern(pattern).search("a" * 200 + "!")
    compile_pattern(pattern).search("a" * 40)
    assert time.process_time() - start < 5


HUNGRY = [r"(a)\1", "(?=a)b", "(?!a)b", "(?<=a)b", "(?>a)b", "a++b", "(?i)a", "(?P<x>a)(?P=x)"]


@pytest.mark.parametrize("pattern", [*HUNGRY, "(", "[", "a{99999}", "a" * 5000])
def test_what_needs_more_than_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(BadRegex):
        compile_pattern(pattern)


def test_a_text_that_is_too_long_for_a_pattern_is_refused() -> None:
    with pytest.raises(BadRegex, match="too many"):
        compile_pattern("(ab|cd){500}").search("x" * 1_000_000)


def test_a_health_check_cannot_hang_whoever_judges_it_again() -> None:
    start = time.process_time()
    text = "a" * 60 + "!"
    assert evaluate(f"regex_match('(a+)+$', '{text}')", {}, {}) is False
    assert evaluate("regex_match('^nvidia-.+-[0-9]{3}$', 'nvidia-driver-580')", {}, {}) is True
    with pytest.raises(BadExpression):
        evaluate("regex_match('(?=a)a', 'aa')", {}, {})
    grow = "'aaaaaaaaaa'"
    for _ in range(12):
        grow = f"replace_all({grow}, 'a', 'aaaaaaaaaa')"
    with pytest.raises(BadExpression):
        evaluate(grow, {}, {})
    assert time.process_time() - start < 5
