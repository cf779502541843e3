"""JMESPath as health checks use it; the library's own interpreter is the oracle wherever the two agree to agree."""

from __future__ import annotations

import time
from typing import Any

import jmespath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from clusterbook.validate.jmespath import BadExpression, evaluate, with_bindings

PATHS = st.sampled_from(
    "a b a.b a.b.c a[0] a[-1] a[*].b a[] a[].b *.b a[?b] a[?b=='x'] a[?b==`1`].c a[1:] a[::-1] @ [a,b] {x:a,y:b.c} "
    "a||b a&&b !a (a||b).c a|[0] a[*]|[0] `1` `[1,2]` 'x' \"a\" length(a) keys(@) values(@) contains(a,'x') "
    "not_null(a,b) type(a) to_string(a) to_array(a) to_number(a) sort(a) max(a) sum(a) map(&b,a) sort_by(a,&b) "
    "max_by(a,&b) join(',',a) reverse(a) merge(@,b) starts_with(a,'x') ends_with(a,'x') abs(a) floor(a)".split()
)
EXPRESSIONS = st.recursive(
    PATHS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["==", "!=", "||", "&&", "|"]), inner).map(" ".join)
        | inner.map(lambda each: f"!({each})")
        | inner.map(lambda each: f"[{each}]")
        | inner.map(lambda each: f"({each}) | length(@)")
    ),
    max_leaves=4,
)
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "xy"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def mixes_truth_with_numbers(value: Any) -> bool:
    """Return whether Python, and so the library, would take one of the values for another: 1 for true."""
    return isinstance(value, bool) or (
        any(map(mixes_truth_with_numbers, value.values() if isinstance(value, dict) else value))
        if isinstance(value, dict | list)
        else False
    )


def ours(expression: str, value: Any) -> Any:
    try:
        return evaluate(expression, value, {})
    except BadExpression:
        return BadExpression


def theirs(expression: str, value: Any) -> Any:
    try:
        return jmespath.search(expression, value)
    except (JMESPathError, TypeError, ValueError):
        return BadExpression


@given(EXPRESSIONS, VALUES)
def test_the_library_gives_the_same_answer(expression: str, value: Any) -> None:
    assume(not mixes_truth_with_numbers(value))
    assert ours(expression, value) == theirs(expression, value)


@pytest.mark.parametrize(
    ("expression", "value", "answer"),
    [
        ("a > `0`", {"a": 1}, True),
        ("a > `0`", {}, None),
        ("a > `0`", {"a": "1"}, None),
        ("a < 'b'", {"a": "a"}, None),
        ("a == `1`", {"a": True}, False),
        ("a == `[true]`", {"a": [1]}, False),
        ("a == `1`", {"a": 1.0}, True),
        ("!a", {"a": 0}, False),
        ("contains(`[1]`, a)", {"a": True}, False),
        ("contains('abc', a)", {"a": 1}, False),
        ("lower(a)", {"a": "Ab"}, "ab"),
        ("split(a, '-')", {"a": "x-y"}, ["x", "y"]),
        ("regex_match('^v1', a)", {"a": "v1.2"}, True),
        ("trim_space(a)", {"a": " x "}, "x"),
        ("parse_json(a).b", {"a": '{"b": 1}'}, 1),
    ],
)
def test_where_the_library_differs_chainsaw_is_followed(expression: str, value: Any, answer: Any) -> None:
    assert evaluate(expression, value, {}) == answer


def test_a_binding_stands_for_its_value() -> None:
    assert evaluate("$n == length(a)", {"a": [1, 2]}, {"n": 2}) is True
    assert evaluate("a == $t.x", {"a": "`'"}, {"t": {"x": "`'"}}) is True


def test_a_dollar_in_a_text_is_no_binding() -> None:
    assert with_bindings('\'$n\' == `"$n"` && "$n" == $n', {"n": 1}) == '\'$n\' == `"$n"` && "$n" == `1`'


@pytest.mark.parametrize(
    ("expression", "value", "what"),
    [
        ("a b", {}, r"\(a b\) cannot be read"),
        ("", {}, "cannot be read"),
        ("length(a)", {}, r"\(length\(a\)\) failed: length\(\) takes a list, a map or a text, not null"),
        ("contains(a, 'x')", {"a": 1}, "contains\\(\\) takes a list or a text, not int"),
        ("lenght(a)", {}, "the function lenght does not exist"),
        ("length(a, b)", {}, "the function length takes 1 arguments, not 2"),
        ("x_k8s_get(a)", {}, "needs a live cluster"),
        ("$x", {}, r"uses \$x, which is not bound"),
        ("upper(a)", {}, "a text is needed, not null"),
        ("regex_match('(', a)", {"a": "x"}, "failed:"),
    ],
)
def test_what_has_no_answer_is_said(expression: str, value: Any, what: str) -> None:
    with pytest.raises(BadExpression, match=what):
        evaluate(expression, value, {})


DOUBLED = "|".join(["[@,@]"] * 40)
ENDLESS = {
    "lists in lists, as text": f"{DOUBLED}|to_string(@)",
    "lists in lists, compared": f"[{DOUBLED},{DOUBLED}]|[0]==[1]",
    "lists in lists, found in a list": f"contains([{DOUBLED}],{DOUBLED})",
    "a list that doubles": "|".join(["[@,@][]"] * 40),
    "a list that doubles by a map": "|".join(["values({a:@,b:@})[]"] * 40),
    "a long list many times": "|".join(["[@,@][]"] * 20) + "|[" + ",".join("@" * 200) + "][]",
    "a text that doubles": "'aaaaaaaaaaaaaaaa'|" + "|".join(["join('',[@,@])"] * 40),
    "a long text between many": "[join('',`" + str(["a" * 900] * 40).replace("'", '"') + "`),items]|join([0],[1])",
    "a text that is replaced": "'aaaaaaaaaaaaaaaa'|" + "|".join(["replace_all(@,'a','aaaaaaaa')"] * 20),
    "loops in loops": "items[*].[items2,$all[*].[$all[*].[$all[*].x]]]",
    "loops in loops, by functions": "map(&map(&map(&map(&x,$all),$all),$all),$all)",
    "loops in loops, sorted": "sort_by($all,&length(sort_by($all,&length(sort_by($all,&to_string(@))))))",
    "filters in filters": "$all[?$all[?$all[?$all[?x]]]]",
    "a long expression": "a||" * 20_000 + "a",
    "a longer expression": "a||" * 200_000 + "a",
    "parentheses": "(" * 20_000 + "a" + ")" * 20_000,
    "not": "!" * 20_000 + "a",
    "brackets": "[" * 20_000 + "a" + "]" * 20_000,
    "much that is bound, many times": "[" + ",".join(["$all"] * 5_000) + "]",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS.keys())
def test_an_expression_that_makes_too_much_is_broken_off_and_told_briefly(text: str) -> None:
    everything = [f"node{number}" for number in range(400)]
    start = time.process_time()
    with pytest.raises(BadExpression) as caught:
        evaluate(text, {"items": everything, "a": 1}, {"all": everything})
    assert time.process_time() - start < 20
    assert len(str(caught.value)) < 1000


def test_what_a_large_cluster_needs_is_far_below_the_bounds() -> None:
    nodes = [{"name": f"n{number}", "labels": {"a": "b"}, "ready": number % 2} for number in range(20_000)]
    assert evaluate("length(items[?ready==`1`].labels[].a)", {"items": nodes}, {}) == 10_000
    assert evaluate("length(to_string(items[*].name)) > `100000`", {"items": nodes}, {}) is True
    assert evaluate("items == $all", {"items": nodes}, {"all": nodes}) is True
