"""Parts, graph, plain words and icons: how facts are put before they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest

from clusterbook.catalog.proofs import Archive, Effect, Proof
from clusterbook.site import svg, wording
from clusterbook.site.errors import BrokenSite
from clusterbook.site.parts import part_view, row_text
from clusterbook.site.svg import icon
from clusterbook.snapshot.constraint import parse_expression
from tests.support import sites

DECLARED = {"name": "a", "type": "Helm", "values": {"x": {"y": 1}, "list": [1], "none": {}}}
ORIGINS = {
    "/type": "base recipes/overlays/base.yaml:3:5",
    "/values/x/y": [{"by": "base b.yaml:1:2", "value": 0}, {"by": "eks e.yaml:7:3", "value": 1}],
    "/values/list": "base b.yaml:2:2",
    "/values/none": "base b.yaml:3:2",
    "/values/gone": [{"by": "base b.yaml:4:2", "value": 1}, {"by": "eks e.yaml:8:3", "value": None, "removed": True}],
}


def test_every_value_is_a_row_with_all_that_was_said_of_it() -> None:
    part = part_view(DECLARED, ORIGINS, "k")
    assert [(row.path, row.text, row.by, row.removed) for row in part.rows] == [
        ("gone", "", "eks", True),
        ("list", "[1]", "base", False),
        ("none", "{}", "base", False),
        ("x.y", "1", "eks", False),
    ]
    origins = part.rows[3].origins
    assert [(origin.layer, origin.file, origin.line, origin.text) for origin in origins] == [
        ("base", "b.yaml", 1, "0"),
        ("eks", "e.yaml", 7, "1"),
    ]


def test_a_row_says_what_its_value_does_as_far_as_it_is_proven() -> None:
    effects = {
        "/x/y": Effect("live", changes=("ConfigMap/c#/data/a", "+Secret/s", "+Job/j"), more=2, default=(0,)),
        "/list": Effect("dead", why="the chart has no /list"),
    }
    rows = {row.path: row for row in part_view(DECLARED, ORIGINS, "k", Proof("key", Archive(), (), effects, {})).rows}
    assert rows["x.y"].does == "ConfigMap/c#/data/a and 4 more; chart default: 0"
    assert rows["list"].does == "the chart has no /list"
    assert (rows["none"].effect, rows["gone"].effect) == (None, None)
    assert not part_view(DECLARED, ORIGINS, "k").proven


@pytest.mark.parametrize("pointer", ["/type", "/values/x/y", "/values/list", "/values/none"])
def test_a_value_of_which_nobody_says_who_set_it_fails_the_build(pointer: str) -> None:
    left = {key: origin for key, origin in ORIGINS.items() if key != pointer}
    with pytest.raises(BrokenSite, match=f"a: {pointer} has no origin"):
        part_view(DECLARED, left, "k")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", '""'),
        (" x", '" x"'),
        ("true", '"true"'),
        ("1.10", '"1.10"'),
        ("-3", '"-3"'),
        ("v1.10", "v1.10"),
        (True, "true"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
        ("é", "é"),
        ("x" * 500, "x" * 159 + "…"),
    ],
)
def test_a_value_is_shown_so_that_text_is_told_from_numbers(value: object, text: str) -> None:
    assert row_text(value) == text


def test_levels_hold_what_may_deploy_side_by_side() -> None:
    needs = {"a": [], "b": ["a"], "c": ["a", "elsewhere"], "d": ["b", "c"]}
    assert svg.levels(needs, ["a", "b", "c", "d"]) == (("a",), ("b", "c"), ("d",))
    assert svg.levels({}, []) == ()


def test_the_drawing_has_a_box_for_each_name_and_a_line_for_each_need() -> None:
    drawn = svg.deployment_graph(
        [["a"], ["b", "<c>"]], {"b": ["a"], "<c>": ["a", "unknown"]}, {"a": "1.0"}, {"a": "a.html"}
    )
    assert drawn.count("<rect") == 3
    assert drawn.count('<path d="M') - drawn.count("<marker") == 2
    assert drawn.count('<a href="a.html">') == 1
    assert "<c>" not in drawn
    assert "&lt;c&gt;" in drawn
    assert 'aria-label="3 components' in drawn


def test_a_column_is_as_wide_as_its_longest_name() -> None:
    long = "k8s-ephemeral-storage-metrics"
    drawn = svg.deployment_graph([["nfd"], [long], ["x" * 80]], {}, {}, {})
    assert f">{long}<" in drawn
    assert f">{'x' * 33}…<" in drawn
    first, second, third = (int(width) for width in re.findall(r'<rect width="(\d+)"', drawn))
    assert first < second < third


def test_boxes_of_a_drawing_do_not_overlap() -> None:
    names = [[f"n{level}-{row}" for row in range(5)] for level in range(3)]
    drawn = svg.deployment_graph(names, {}, {}, {})
    places = re.findall(r"translate\((\d+),(\d+)\)", drawn)
    assert len(set(places)) == 15


@pytest.mark.parametrize(
    ("criteria", "title"),
    [
        ({}, "Any cluster"),
        ({"service": "eks", "accelerator": "h100", "intent": "training"}, "H100 · Amazon EKS · training"),
        ({"intent": "training", "nodes": 4}, "Training · 4 nodes"),
        ({"service": "somebodys"}, "Somebodys"),
    ],
)
def test_a_recipe_is_called_as_people_say(criteria: dict[str, str | int], title: str) -> None:
    assert wording.title(criteria) == title


@pytest.mark.parametrize(
    ("reading", "value", "sentence"),
    [
        ("K8s.server.version", ">= 1.32.4", "Kubernetes must be 1.32.4 or newer."),
        ("OS.release.ID", "ubuntu", "The operating system must be ubuntu."),
        ("K8s.server.version", ">= 1.30, < 1.34", "Kubernetes must be 1.30 or newer and older than 1.34."),
        ("A.b.c", "x || y", "A.b.c must be x or y."),
        ("A.b.c", ">=", "A.b.c >="),
    ],
)
def test_a_constraint_is_a_sentence(reading: str, value: str, sentence: str) -> None:
    assert wording.meaning(reading, value) == sentence


def test_every_comparison_has_plain_words() -> None:
    for word in (">=", "<=", ">", "<", "==", "!=", ""):
        assert parse_expression(f"{word} 1.2.3".strip())
        assert "must be" in wording.meaning("A.b.c", f"{word} 1.2.3".strip())


def test_an_icon_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match="'curated'"):
        icon("curatd")


def edges(drawn: str) -> list[list[tuple[float, float]]]:
    """Return points along each line of a drawing."""
    found = []
    for path in re.findall(r'<path d="(M[^"]+)"/>', drawn.partition("</defs>")[2]):
        numbers = [list(map(float, re.findall(r"-?[\d.]+", step))) for step in re.findall(r"[MCH][^MCH]+", path)]
        x, y = numbers[0]
        points = [(x, y)]
        for step in numbers[1:]:
            if len(step) == 1:
                points += [(x + (step[0] - x) * t / 20, y) for t in range(1, 21)]
                x = step[0]
                continue
            x1, y1, x2, y2, x3, y3 = step
            for t in (n / 20 for n in range(1, 21)):
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
                points.append((a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3))
            x, y = x3, y3
        found.append(points)
    return found


def boxes(drawn: str) -> dict[str, tuple[float, float, float, float]]:
    """Return left, top, right and bottom of each box by its name."""
    pattern = r'translate\((\d+),(\d+)\)"><rect width="(\d+)" height="(\d+)" rx="7"/><text x="\d+" y="17">(.*?)<'
    return {
        name: (int(left), int(top), int(left) + int(width), int(top) + int(height))
        for left, top, width, height, name in re.findall(pattern, drawn)
    }


DIAMOND = {"b": ["a"], "c": ["b", "a"], "d": ["c", "a", "b"], "e": ["a"], "f": ["d", "e", "x"], "g": ["a", "y"]}


@pytest.mark.parametrize(
    "needs",
    [
        {"b": ["a"], "c": ["b"]},
        {"b": ["a"], "c": ["b", "a"]},
        DIAMOND,
        {f"n{at}": [f"n{before}" for before in range(at)] for at in range(7)},
        {"m": ["a"], "z": ["m", "q"], "last": ["z", "a", "q", "m"]},
    ],
)
def test_a_line_is_drawn_for_what_is_needed_and_passes_behind_no_box(needs: dict[str, list[str]]) -> None:
    names = list(dict.fromkeys([*(need for each in needs.values() for need in each), *needs]))
    every = {name: needs.get(name, []) for name in names}
    order: list[str] = []
    while len(order) < len(names):
        order += [name for name in names if name not in order and set(every[name]) <= set(order)]
    hold(str(svg.deployment_graph(svg.levels(every, order), every, {}, {})), every)


def hold(drawn: str, needs: Mapping[str, Sequence[str]]) -> None:
    """Hold the lines of a drawing against what is needed."""
    places = boxes(drawn)
    found = []
    for points in edges(drawn):
        start = next(name for name, box in places.items() if points[0] == (box[2], (box[1] + box[3]) / 2))
        end = next(name for name, box in places.items() if points[-1] == (box[0], (box[1] + box[3]) / 2))
        found.append((start, end))
        for x, y in points:
            behind = [name for name, (x1, y1, x2, y2) in places.items() if x1 < x < x2 and y1 < y < y2]
            assert behind == [], (start, end)
    assert sorted(found) == sorted((need, name) for name in needs for need in needs[name] if need in places)


def test_the_drawings_of_our_recipes_show_what_is_needed() -> None:
    data = sites.our_data()
    for slug in ("gb200-eks-ubuntu-training-kubeflow", "h100-eks-ubuntu-training-kubeflow", "ocp-training", "base"):
        view = data.recipe(slug)
        needs = {part.name: part.needs for part in view.parts}
        hold(str(svg.deployment_graph(view.levels, needs, {}, {})), needs)
    assert any(len(set(data.recipe(slug).levels)) > 3 for slug in ("gb200-eks-ubuntu-training-kubeflow",))
