from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.documents.selector import Match
from clusterbook.snapshot.constraint import (
    Expression,
    Path,
    Verdict,
    compare_versions,
    evaluate,
    floor,
    parse_expression,
    parse_path,
    parse_version,
)
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.snapshot.reading import lookup, verdict

SNAPSHOT = read_snapshot(
    {
        "kind": "Snapshot",
        "measurements": [
            {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.33.5-eks-3025e55"}}]},
            {
                "type": "OS",
                "subtypes": [
                    {"subtype": "release", "data": {"ID": "ubuntu", "VERSION_ID": "24.04", "BUILD": None}},
                    {"subtype": "sysctl", "data": {"/proc/sys/kernel/osrelease": "6.8.0-1028-aws"}},
                    {"subtype": "kmod", "data": {"nvidia": True, "a.b[0]": 3}},
                ],
            },
            {
                "type": "SystemD",
                "subtypes": [{"subtype": "containerd.service", "data": {"ActiveState": "active", "a.b": "c"}}],
            },
            {
                "type": "NetworkTopology",
                "subtypes": [
                    {
                        "subtype": "pfs",
                        "items": [
                            {"context": {"traffic": "east", "rail": "9"}, "data": {"rail": 0, "pciAddress": "0000:1a"}},
                            {
                                "context": {"traffic": "east"},
                                "data": {"rail": 3, "pciAddress": "0000:1b", "psid": None},
                            },
                            {"context": {"traffic": "nor]th", "psid": "M1"}, "data": {"rail": 4}},
                        ],
                    }
                ],
            },
            {"type": "NodeTopology", "subtypes": [{"subtype": "taint", "data": {"gpu": "NoSchedule||n1"}}]},
        ],
    }
)

# --- paths: row V3 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("K8s.server.version", Path("K8s", "server", "version")),
        ("OS.sysctl./proc/sys/kernel/osrelease", Path("OS", "sysctl", "/proc/sys/kernel/osrelease")),
        ("NodeTopology.label.nvidia.com/gpu.product", Path("NodeTopology", "label", "nvidia.com/gpu.product")),
        ("OS.kmod.a.b[0]", Path("OS", "kmod", "a.b[0]")),
        ("SystemD.containerd.service.ActiveState", Path("SystemD", "containerd", "service.ActiveState")),
        ("Deployment.gpu-operator.version", Path("Deployment", "gpu-operator", "version")),
        ("NetworkTopology.pfs[0].rail", Path("NetworkTopology", "pfs", "rail", 0)),
        ("NetworkTopology.pfs[rail=3].pci.x", Path("NetworkTopology", "pfs", "pci.x", Match("rail", "3"))),
        (
            'NetworkTopology.pfs[traffic="nor]th"].rail',
            Path("NetworkTopology", "pfs", "rail", Match("traffic", "nor]th")),
        ),
        ('SystemD."containerd.service".ActiveState', Path("SystemD", "containerd.service", "ActiveState")),
        ("SystemD.'containerd.service'.\"a.b\"", Path("SystemD", "containerd.service", "a.b")),
    ],
)
def test_a_path_is_split_at_its_first_two_dots(name: str, path: Path) -> None:
    assert parse_path(name) == path


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("", 1),
        ("nccl-all-reduce-bw", 19),
        (".server.version", 1),
        ("K8s.", 5),
        ("K8s.server", 11),
        ("K8s.server.", 11),
        ("K8s..version", 5),
        ("K8s.[0].version", 5),
        ("K8s.pfs[0]", 11),
        ("K8s.pfs[0].", 11),
        ("K8s.pfs[0]x", 11),
        ("K8s.pfs[0", 8),
        ("K8s.pfs[].x", 9),
        ("K8s.pfs[a].x", 9),
        ("K8s.pfs['a'].x", 9),
        ("K8s.pfs[=a].x", 9),
        ("K8s.pfs[a=].x", 9),
        ("SystemD.'a.x", 9),
        ("SystemD.'a'x.b", 12),
        ("SystemD.a.'x'y", 14),
    ],
)
def test_a_malformed_path_is_refused_with_its_column(name: str, column: int) -> None:
    with pytest.raises(InvalidRequest, match=f"cannot be read at column {column}:"):
        parse_path(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("K8s.server.version", "v1.33.5-eks-3025e55"),
        ("OS.sysctl./proc/sys/kernel/osrelease", "6.8.0-1028-aws"),
        ("OS.kmod.nvidia", "true"),
        ("OS.kmod.a.b[0]", "3"),
        ("NetworkTopology.pfs[0].rail", "0"),
        ("NetworkTopology.pfs[-1].rail", "4"),
        ("NetworkTopology.pfs[rail=3].pciAddress", "0000:1b"),
        ("NetworkTopology.pfs[rail=4].traffic", "nor]th"),
        ("NetworkTopology.pfs[rail=4].psid", "M1"),
        ("NetworkTopology.pfs['traffic'=\"nor]th\"].rail", "4"),
        ('SystemD."containerd.service".ActiveState', "active"),
        ('SystemD."containerd.service".a.b', "c"),
    ],
)
def test_a_reading_is_looked_up_as_text(name: str, value: str) -> None:
    assert lookup(SNAPSHOT, parse_path(name)) == value


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("k8s.server.version", "the snapshot has no measurement of type 'k8s'", "K8s"),
        ("K8s.sever.version", "K8s has no subtype 'sever'; it has: server", "server"),
        ("OS.release.Id", "OS.release has no key 'Id'; it has: ID, VERSION_ID", "ID"),
        ("OS.release.BUILD", "OS.release has no key 'BUILD'", ""),
        ("NetworkTopology.pfs.rail", "NetworkTopology.pfs has no key 'rail'; it has: nothing", ""),
        ("NetworkTopology.pfs[3].rail", "NetworkTopology.pfs has 3 items; there is no item 3", ""),
        ("OS.release[0].ID", "OS.release has 0 items; there is no item 0", ""),
        (
            "NetworkTopology.pfs[1].psid",
            r"NetworkTopology.pfs\[1\] has no key 'psid'; it has: pciAddress, rail, traffic",
            "",
        ),
        ("NetworkTopology.pfs[rail=9].psid", "has no item with rail '9'; rail is one of: 0, 3, 4", ""),
        (
            "SystemD.containerd.service.ActiveState",
            "SystemD has no subtype 'containerd'",
            'write SystemD."containerd.service".ActiveState',
        ),
    ],
)
def test_a_missing_reading_lists_what_was_measured(name: str, what: str, hint: str) -> None:
    with pytest.raises(NotFound, match=what) as error:
        lookup(SNAPSHOT, parse_path(name))
    assert hint in error.value.hint


def test_a_match_of_several_items_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"traffic 'east' fits 2 items of NetworkTopology.pfs"):
        lookup(SNAPSHOT, parse_path("NetworkTopology.pfs[traffic=east].rail"))


# --- expressions: row V4 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (">= 1.32.4", Expression(">=", "1.32.4")),
        (">=  1.32.4 ", Expression(">=", "1.32.4")),
        (">=6.8", Expression(">=", "6.8")),
        ("<= 1.33", Expression("<=", "1.33")),
        ("> 1.30", Expression(">", "1.30")),
        ("<2.0", Expression("<", "2.0")),
        ("== ubuntu", Expression("==", "ubuntu")),
        ("!=rhel", Expression("!=", "rhel")),
        ("ubuntu", Expression("", "ubuntu")),
        (" 24.04 ", Expression("", "24.04")),
        ("Qwen/Qwen3-8B", Expression("", "Qwen/Qwen3-8B")),
        ("= 1.30", Expression("", "= 1.30")),
        ("a > b, < c", Expression("", "a > b, < c")),
        ("== a >= b", Expression("==", "a >= b")),
        ("NoSchedule||n1", Expression("", "NoSchedule||n1")),
        ("in use", Expression("", "in use")),
        ("in (a", Expression("", "in (a")),
        ("inference", Expression("", "inference")),
    ],
)
def test_the_longest_operator_is_read_and_none_means_the_same_text(text: str, expression: Expression) -> None:
    assert parse_expression(text) == expression


@pytest.mark.parametrize(
    "text", ["", "   ", ">=", "> ", "!=", "|| > 1", "> 1 ||", "> 1 || || < 2", "in ()", "in [a, ]", "> 1 <"]
)
def test_an_expression_with_nothing_to_compare_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_expression(text)
    assert error.value.hint.startswith("write ")


@pytest.mark.parametrize(
    ("text", "actual", "expected"),
    [
        (">= 1.32.4", "v1.33.5-eks-3025e55", True),
        (">= 1.32.4", "1.32.4", True),
        (">= 1.32.4", "1.30.0", False),
        (">= 1.32.4", "1.32", True),
        (">= 1.32.4", "1", True),
        (">= 6.8", "6.8.0-1028-aws", True),
        (">= 6.8", "5.15.0-1050-aws", False),
        (">= 1.28", "1.28.0-gke.1337000", True),
        (">= v24.6.0", "v25.10.0", True),
        (">= v25.10.0", "v25.9.9", False),
        (">= 1.9", "1.10", True),
        ("<= 1.33", "1.33.9", True),
        ("<= 1.33", "1.34.0", False),
        ("> 1.30", "1.30.4", False),
        ("> 1.30", "1.31.0+k3s1", True),
        ("< 2.0", "2.0.0", False),
        ("< 2.0", "1.99", True),
        ("<= 2000", "1999", True),
        (">= 300", "299.9", False),
        ("== 1.2.3", "v1.2.3", True),
        ("== 1.2", "1.2.0", True),
        ("== 1.2", "1.2.3", False),
        ("== 24.04", "24.4", True),
        ("== 24", "v24", False),
        ("== 1.x", "1.x", True),
        ("== 1.2", "jammy", False),
        ("!= 1.2.3", "v1.2.4", True),
        ("!= 1.2.3", "v1.2.3", False),
        ("!= rhel", "ubuntu", True),
        ("!= rhel", "rhel", False),
        ("ubuntu", " ubuntu ", True),
        ("Ubuntu", "ubuntu", False),
        ("24.04", "24.4", False),
        ("NoSchedule||n1", "NoSchedule||n1", True),
    ],
)
def test_an_expression_compares_as_the_reference_does(text: str, actual: str, expected: bool) -> None:
    assert evaluate(parse_expression(text), actual, reference=True) is expected


@pytest.mark.parametrize(
    ("text", "actual", "culprit"),
    [
        (">= not-a-version", "1.0.0", "not-a-version"),
        (">= 1.0.0", "not-a-version", "not-a-version"),
        ("< 1.2.x", "1", "1.2.x"),
        ("> = 1.30", "1.31", "= 1.30"),
        (">= 1.30", "", ""),
    ],
)
def test_a_range_over_something_else_than_versions_is_refused(text: str, actual: str, culprit: str) -> None:
    with pytest.raises(InvalidRequest, match=f"'{culprit}' is not a version"):
        evaluate(parse_expression(text), actual)


# --- beyond them: L7 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [">= 1.30 < 1.34", ">=1.30,<1.34", ">= 1.30 , < 1.34 , != 1.33.3"])
@pytest.mark.parametrize(
    ("actual", "expected"), [("1.30.1", True), ("1.33.2", True), ("1.34.0", False), ("1.29", False)]
)
def test_comparisons_in_a_row_must_all_hold(text: str, actual: str, expected: bool) -> None:
    assert evaluate(parse_expression(text), actual) is expected


@pytest.mark.parametrize("text", ["in (22.04, 24.04)", "in [22.04,24.04]", "in('22.04', \"24.04\")"])
@pytest.mark.parametrize(("actual", "expected"), [("22.04", True), ("24.04", True), ("20.04", False), ("", False)])
def test_one_of_several_values_is_enough(text: str, actual: str, expected: bool) -> None:
    assert evaluate(parse_expression(text), actual) is expected


@pytest.mark.parametrize(("actual", "expected"), [("1.29", True), ("1.30", False), ("1.32.1", True), ("1.33", False)])
def test_one_of_several_alternatives_is_enough(actual: str, expected: bool) -> None:
    assert evaluate(parse_expression("< 1.30 || >= 1.31 < 1.33"), actual) is expected


# --- versions and floors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1", (1,)),
        ("v1.2", (1, 2)),
        ("1.2.3", (1, 2, 3)),
        ("1.28.0-gke.1337000", (1, 28, 0)),
        ("1.2+meta.4.5.6", (1, 2)),
        ("v0.1.0-alpha.8", (0, 1, 0)),
        ("24.04", (24, 4)),
    ],
)
def test_a_version_has_one_to_three_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    "text", ["", "v", "V1", "vv1", "1.", ".1", "1..2", "1.2.3.4", "-1", "1.-2", "1.x", "٣", "1 .2", "9" * 1001]
)
def test_anything_else_is_no_version(text: str) -> None:
    assert parse_version(text) is None


@pytest.mark.parametrize(
    ("text", "actual", "expected"),
    [
        (">= 65536", "9223372036854775807", True),  # fs.file-max of every systemd since 240
        ("<= 65536", "9223372036854775807", False),
        (">= 9223372036854775807", "18446744073709551615", True),  # the largest limit that a kernel knows
        ("< 9223372036854775808", "9223372036854775807", True),
        ("> 18446744073692774399 < 18446744073709551615", "18446744073692774400", True),  # kernel.shmmax
    ],
)
def test_a_number_may_be_as_long_as_those_of_a_kernel(text: str, actual: str, expected: bool) -> None:
    assert evaluate(parse_expression(text), actual) is expected


def test_comparing_something_else_than_versions_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'latest' is not a version") as error:
        compare_versions("1.2", "latest")
    assert error.value.hint


VERSIONS = st.lists(st.integers(0, 20), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))


@given(VERSIONS, VERSIONS, st.sampled_from(["", "v"]), st.sampled_from(["", "-rc.1", "+build"]))
def test_comparing_turns_round_and_ignores_prefix_and_suffix(left: str, right: str, prefix: str, suffix: str) -> None:
    assert compare_versions(left, right) == -compare_versions(right, left)
    assert compare_versions(left, right) == compare_versions(f"{prefix}{left}{suffix}", right)
    assert compare_versions(left, left) == 0


@given(VERSIONS, VERSIONS)
def test_of_two_opposite_ranges_exactly_one_holds(bound: str, actual: str) -> None:
    assert evaluate(parse_expression(f">= {bound}"), actual) is not evaluate(parse_expression(f"< {bound}"), actual)
    assert evaluate(parse_expression(f"<= {bound}"), actual) is not evaluate(parse_expression(f"> {bound}"), actual)
    assert evaluate(parse_expression(f"== {bound}"), actual) is not evaluate(parse_expression(f"!= {bound}"), actual)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (">= 1.32.4", (1, 32, 4)),
        ("> v1.30", (1, 30)),
        ("<= 1.30", None),
        ("== 1.30", None),
        ("1.30", None),
        (">= latest", None),
        (">= 1.30 < 1.34", (1, 30)),
        (">= 1.30 > 1.31.2", (1, 31, 2)),
        ("< 1.34 <= 1.33", None),
        (">= 1.32 || >= 1.30.4 < 1.31", (1, 30, 4)),
        (">= 1.32 || ubuntu", None),
        ("in (1.30, 1.31)", None),
    ],
)
def test_a_floor_is_the_version_below_which_nothing_passes(text: str, version: tuple[int, ...] | None) -> None:
    assert floor(parse_expression(text)) == version


# --- verdicts: rows V5, R25 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("K8s.server.version", ">= 1.30", Verdict(True, "v1.33.5-eks-3025e55", "")),
        (
            "K8s.server.version",
            ">= 1.34",
            Verdict(False, "v1.33.5-eks-3025e55", "K8s.server.version is 'v1.33.5-eks-3025e55', not >= 1.34"),
        ),
        ("OS.release.ID", ">= 24", Verdict(False, "ubuntu", "'ubuntu' is not a version")),
        ("OS.release.NAME", "x", Verdict(False, "", "OS.release has no key 'NAME'; it has: ID, VERSION_ID", False)),
        (
            "OS.release.ID",
            ">=",
            Verdict(False, "ubuntu", "'>=' is not a constraint: the value is missing"),
        ),
    ],
)
def test_a_verdict_says_what_was_measured_and_why_it_fails(name: str, value: str, expected: Verdict) -> None:
    assert verdict(name, value, SNAPSHOT) == expected


TEXTS = (
    st.text()
    | st.text(alphabet="K8s.serv[0=]'\"|<>=!,()in 1.2")
    | st.sampled_from(["K8s.server.version", "OS.release.ID"])
)


@given(TEXTS, TEXTS, st.sampled_from([SNAPSHOT, Snapshot({}, {})]))
def test_a_verdict_never_raises_and_what_cannot_be_told_fails(name: str, value: str, snapshot: Snapshot) -> None:
    found = verdict(name, value, snapshot)
    assert found.passed is not bool(found.reason)
