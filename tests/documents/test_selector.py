from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.documents.selector import Match, Step, from_pointer, locate, parse, pointer, select, spell
from tests.support.hints import nearest

DOCUMENT: dict[str, Any] = {
    "components": {
        "gpu-operator": {
            "version": "v26.3.2",
            "values": {"nvidia.com/gpu.present": "true", "tolerations": [{"key": "a"}, {"key": "b"}], "empty": {}},
        },
        "nfd": {"version": "0.18.3", "values": {}},
    },
    "constraints": [
        {"name": "K8s.server.version", "value": ">= 1.30"},
        {"name": "OS.release.ID", "value": "ubuntu"},
        {"name": "twice", "value": "1", "on": True},
        {"name": "twice", "value": "2", "weight": 3},
    ],
    "deploymentOrder": ["nfd", "gpu-operator"],
    "nothing": [],
    "state": None,
}
KEYS = st.text(min_size=0, max_size=8) | st.text(alphabet="a./~'\"[]=\\ -0", max_size=8)
STEPS: st.SearchStrategy[Step] = KEYS | st.integers(-99, 99) | st.builds(Match, KEYS.filter(bool), KEYS)


# --- rows Q3, Q4, Q8 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selector", ["", "."])
def test_nothing_selects_the_whole_document(selector: str) -> None:
    assert select(DOCUMENT, selector) is DOCUMENT


@pytest.mark.parametrize("selector", ["components.nfd.version", ".components.nfd.version"])
def test_the_leading_dot_is_optional(selector: str) -> None:
    assert select(DOCUMENT, selector) == "0.18.3"


def test_a_missing_key_lists_what_there_is_and_names_the_nearest() -> None:
    with pytest.raises(NotFound) as error:
        select(DOCUMENT, "components.gpu-opertor.version")
    assert error.value.what == "'components' has no key 'gpu-opertor'; it has: gpu-operator, nfd"
    assert nearest(error.value.hint) == "gpu-operator"
    assert error.value.exit_status == 3


def test_a_missing_key_at_the_top_says_so() -> None:
    with pytest.raises(NotFound, match="the document has no key 'validation'; it has: components, constraints"):
        select(DOCUMENT, "validation")


def test_an_empty_map_has_nothing() -> None:
    with pytest.raises(NotFound, match=r"'components.gpu-operator.values.empty' has no key 'a'; it has: nothing"):
        select(DOCUMENT, "components.gpu-operator.values.empty.a")


@pytest.mark.parametrize(
    ("selector", "what"),
    [
        ("components.nfd.version.major", "'components.nfd.version' is text '0.18.3'; nothing is below it"),
        ("state.a", "'state' is the value null; nothing is below it"),
        ("constraints.value", "'constraints' is a list of 4 and has no key 'value'"),
    ],
)
def test_descending_into_what_has_no_keys_says_what_it_is(selector: str, what: str) -> None:
    with pytest.raises(NotFound) as error:
        select(DOCUMENT, selector)
    assert error.value.what == what
    assert error.value.hint.startswith("select ")


def test_a_key_in_other_letters_is_the_nearest() -> None:
    with pytest.raises(NotFound) as error:
        select({"ID": 1, "Ib": 2}, "id")
    assert nearest(error.value.hint) == "ID"


def test_a_long_list_of_keys_is_cut() -> None:
    with pytest.raises(NotFound, match="and 960 more"):
        select({f"k{number}": 1 for number in range(1000)}, "missing")


# --- beyond them: L20 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("constraints[0].name", "K8s.server.version"),
        ("constraints[-1].weight", 3),
        ("constraints.1.value", "ubuntu"),
        ("deploymentOrder[1]", "gpu-operator"),
        ("components.gpu-operator.values.tolerations[-1].key", "b"),
        ('components.gpu-operator.values."nvidia.com/gpu.present"', "true"),
        ("components.gpu-operator.values['nvidia.com/gpu.present']", "true"),
        ('components["gpu-operator"].values[ "nvidia.com/gpu.present" ]', "true"),
        (".['components'].nfd.version", "0.18.3"),
        ("constraints[name=K8s.server.version].value", ">= 1.30"),
        ('constraints[name="K8s.server.version"].value', ">= 1.30"),
        ("constraints[name = 'OS.release.ID'].value", "ubuntu"),
        ("constraints[value=>= 1.30].name", "K8s.server.version"),
        ("constraints[on=true].value", "1"),
        ("constraints[weight=3].value", "2"),
        ("/components/nfd/version", "0.18.3"),
        ("/components/gpu-operator/values/nvidia.com~1gpu.present", "true"),
        ("/constraints/1/value", "ubuntu"),
    ],
)
def test_a_selector_finds_its_value(selector: str, expected: object) -> None:
    assert select(DOCUMENT, selector) == expected


@pytest.mark.parametrize(
    ("selector", "what", "hint"),
    [
        (
            "constraints[4]",
            "'constraints' is a list of 4; there is no element 4",
            "select constraints[0] to constraints[3]",
        ),
        ("constraints[-5]", "'constraints' is a list of 4; there is no element -5", "constraints[3]"),
        ("nothing[0]", "'nothing' is an empty list; there is no element 0", ""),
        ("components[0]", "'components' is a map, not a list; it has: gpu-operator, nfd", "select components.KEY"),
        (
            "components[name=nfd]",
            "'components' is a map, not a list; it has: gpu-operator, nfd",
            "select components.KEY",
        ),
        (
            "constraints[name=OS.release.id]",
            "'constraints' has no element with name 'OS.release.id'; "
            "name is one of: K8s.server.version, OS.release.ID, twice",
            "'OS.release.ID'",
        ),
        ("constraints.twice", "'constraints' is a list of 4 and has no key 'twice'", "select constraints[name=twice]"),
    ],
)
def test_an_element_that_is_not_there_is_not_found(selector: str, what: str, hint: str) -> None:
    with pytest.raises(NotFound) as error:
        select(DOCUMENT, selector)
    assert error.value.what == what
    assert hint in error.value.hint


def test_a_match_of_several_elements_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="name 'twice' fits 2 elements of 'constraints'") as error:
        select(DOCUMENT, "constraints[name=twice].value")
    assert error.value.hint == "[2], [3]"


@pytest.mark.parametrize(
    ("selector", "column", "why"),
    [
        ("a..b", 3, "a key is missing"),
        ("..", 2, "a key is missing"),
        ("a.", 2, "nothing follows the dot"),
        ("a.b]", 4, "'.' or '[' is missing before ']'"),
        ("]", 1, "a key is missing"),
        ("a[0", 2, "this bracket is never closed"),
        ("a[", 3, "brackets hold a number"),
        ("a[]", 3, "brackets hold a number"),
        ("a[x]", 3, "brackets hold a number"),
        ("a[1.5]", 3, "brackets hold a number"),
        ("a[²]", 3, "brackets hold a number"),
        ("a[٣]", 3, "brackets hold a number"),
        ("a[=x]", 3, "a match is written name=value"),
        ("a[name=]", 3, "a match is written name=value"),
        ("a[name=x", 2, "this bracket is never closed"),
        ('a["b]', 3, "this quote is never closed"),
        ('a."b\\', 3, "this quote is never closed"),
        ('a["b"c]', 6, "']' is missing before 'c'"),
        ('a."b"c', 6, "'.' or '[' is missing before 'c'"),
        ("a[0]b", 5, "'.' or '[' is missing before 'b'"),
        ("/a/~2", 4, "'~' in a pointer is written ~0"),
        ("/a~", 3, "'~' in a pointer is written ~0"),
    ],
)
def test_a_malformed_selector_names_the_column(selector: str, column: int, why: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse(selector)
    assert error.value.what.startswith(f"'{selector}' cannot be read at column {column}: {why}")
    assert error.value.exit_status == 2


def test_a_pointer_without_a_slash_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="a pointer starts with '/'"):
        from_pointer("a/b")


def test_the_place_counts_elements_so_that_it_can_be_a_pointer() -> None:
    place, value = locate(DOCUMENT, parse("constraints[name=OS.release.ID].value"))
    assert (pointer(place), value) == ("/constraints/1/value", "ubuntu")
    assert pointer(locate(DOCUMENT, parse("deploymentOrder[-1]"))[0]) == "/deploymentOrder/1"


# Source: RFC 6901, section 5.
@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        ("/foo", ("foo",)),
        ("/foo/0", ("foo", "0")),
        ("/", ("",)),
        ("/a~1b", ("a/b",)),
        ("/c%d", ("c%d",)),
        ("/m~0n", ("m~n",)),
        ("/~01", ("~1",)),
    ],
)
def test_a_pointer_reads_as_the_standard_says_and_back(text: str, keys: tuple[str, ...]) -> None:
    assert from_pointer(text) == keys
    assert pointer(keys) == text


def test_a_selector_is_spelt_with_quotes_only_where_it_needs_them() -> None:
    assert spell(("a-b", "c.d", 0, Match("name", "K8s.x"), "/e")) == 'a-b."c.d"[0][name=K8s.x]./e'
    assert spell(("/a", "", Match("b]", " c"))) == '"/a".""["b]"=" c"]'
    assert spell(()) == "."


@given(st.lists(STEPS))
def test_a_spelt_selector_is_read_as_the_same_steps(steps: list[Step]) -> None:
    assert parse(spell(steps)) == tuple(steps)


@given(st.lists(KEYS))
def test_a_pointer_is_read_as_the_same_keys(keys: list[str]) -> None:
    assert from_pointer(pointer(keys)) == tuple(keys)


@given(st.text() | st.text(alphabet="a.[]'\"=\\/~0- "))
def test_any_text_is_read_or_refused_with_a_place(selector: str) -> None:
    try:
        steps = parse(selector)
    except InvalidRequest as error:
        what = error.what
    else:
        assert selector.startswith("/") or parse(spell(steps)) == steps
        return
    assert "cannot be read at column" in what


VALUES = st.recursive(
    st.none() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_of_a_document_can_be_selected_and_pointed_at(document: object) -> None:
    for place, value in walk(document, ()):
        assert select(document, spell(place)) is value
        assert locate(document, from_pointer(pointer(place))) == (place, value)


def walk(value: object, place: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], object]]:
    """Return place and value of everything in `value`, itself included."""
    found = [(place, value)]
    members: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        members = [*value.items()]
    elif isinstance(value, list):
        members = [*enumerate(value)]
    for key, member in members:
        found += walk(member, (*place, key))
    return found
