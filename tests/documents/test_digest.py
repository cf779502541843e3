"""Digests: one content, one name."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.documents.digest import DIGEST, NoCanonicalForm, canonical, digest, text_digest, tree_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def turned_round(value: object) -> object:
    """Return the same value with the members of its maps in the opposite order."""
    if isinstance(value, dict):
        return {key: turned_round(value[key]) for key in reversed(value)}
    return [turned_round(each) for each in value] if isinstance(value, list) else value


@given(JSON)
def test_the_order_of_members_does_not_count(value: object) -> None:
    assert canonical(value) == canonical(turned_round(value))


def test_the_order_of_elements_does() -> None:
    assert digest([1, 2]) != digest([2, 1])


def test_the_form_is_that_of_rfc_8785() -> None:
    numbers = [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27]  # its section 3.2.2
    assert canonical({"numbers": numbers, "literals": [None, True, False]}) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'
    )
    assert canonical({"€": 1, "\r": 2, "1": 3}) == '{"\\r":2,"1":3,"€":1}'.encode()


def test_a_digest_says_how_it_was_made() -> None:
    assert DIGEST.fullmatch(digest({}))
    assert digest({}) == text_digest("{}") == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("value", [math.inf, math.nan, 2**53, -(2**53), "\ud800"])
def test_what_readers_differ_about_has_no_digest(value: object) -> None:
    with pytest.raises(NoCanonicalForm, match="no canonical form") as found:
        digest({"values": [value]})
    assert "quote it" in found.value.hint


def test_a_tree_has_the_digest_of_its_files() -> None:
    files = {"a.yaml": "x: 1\n", "b.yaml": ""}
    assert tree_digest(files) == tree_digest(dict(reversed(files.items())))
    assert len({tree_digest(files), tree_digest({**files, "b.yaml": " "}), tree_digest({"a.yaml": "x: 1\n"})}) == 3
