"""Charts: what they can be told is read from their archives, and nothing else is."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from clusterbook.catalog import chart
from clusterbook.diagnostics.errors import NotFound, UnreadableSource
from clusterbook.lint import charts

FILES = {
    "a/Chart.yaml": "name: a\nversion: 1.2.0\ndependencies:\n- name: sub\n  alias: below\n- name: gone\n",
    "a/values.yaml": "x: {y: 1}\nbelow: {own: 2}\n",
    "a/templates/x.yaml": "{{ .Values.x.z }} {{ with .Values.deep }}{{ .inner }}{{ end }} plain words",
    "a/templates/crd.yaml": "kind: CustomResourceDefinition\n",
    "a/values.schema.json": json.dumps({"properties": {"x": {"type": "object"}}}),
    "a/charts/sub/Chart.yaml": "name: sub\nversion: 0.1.0\n",
    "a/charts/sub/values.yaml": "own: 1\nmore: 3\n",
    "a/charts/sub/templates/y.yaml": "{{ .Values.hidden }}",
    "a/README.md": "{{ .Values.readme }}",
}


def pack(path: Path, files: dict[str, str]) -> Path:
    """Write an archive with these files and return its path."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_a_chart_is_read_with_its_subcharts_below_their_names(tmp_path: Path) -> None:
    keys = chart.read_chart(pack(tmp_path / "a-1.2.0.tgz", FILES))
    assert (keys.name, keys.version) == ("a", "1.2.0")
    assert keys.values == {"x": {"y": 1}, "below": {"own": 2, "more": 3}, "gone": {}}
    assert keys.read == {("x", "z"), ("deep",), ("below", "hidden")}
    assert "inner" in keys.words
    assert not {"plain", "readme"} & keys.words
    assert keys.schema == {"properties": {"x": {"type": "object"}}}


def test_the_newest_archive_of_a_component_counts(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0"):
        pack(tmp_path / f"a-{version}.tgz", {**FILES, "a/Chart.yaml": f"name: a\nversion: {version}\n"})
    pack(tmp_path / "stranger-1.0.0.tgz", FILES)
    assert {name: keys.version for name, keys in charts.read_charts(tmp_path, ["a"]).items()} == {"a": "1.10.0"}


@pytest.mark.parametrize(
    ("file", "component"),
    [
        ("kgateway-crds-v2.0.0.tgz", "kgateway-crds"),
        ("kgateway-v2.0.0.tgz", "kgateway"),
        ("kgateway-crd.tgz", ""),
        ("other-1.0.0.tgz", ""),
    ],
)
def test_a_file_belongs_to_the_longest_name_it_begins_with(file: str, component: str) -> None:
    assert charts.component_of(file, ["kgateway", "kgateway-crds"]) == component


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a-1.2.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            if name == "a/values.yaml":
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, "charts/sub/values.yaml"
                archive.addfile(entry)
                continue
            archive.addfile(entry, io.BytesIO(text.encode()))
    assert chart.read_chart(path).values.keys() == {"below", "gone"}


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a-1.0.0.tgz"
    path.write_bytes(content)
    with pytest.raises(UnreadableSource, match="not a chart archive"):
        charts.read_charts(tmp_path, ["a"])


def test_an_archive_without_a_chart_is_refused(tmp_path: Path) -> None:
    pack(tmp_path / "a-1.0.0.tgz", {"a/values.yaml": "x: 1\n"})
    with pytest.raises(UnreadableSource, match=r"no Chart\.yaml"):
        charts.read_charts(tmp_path, ["a"])


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a-1.2.0.tgz", FILES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnreadableSource):
        charts.read_charts(tmp_path, ["a"])


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    pack(tmp_path / "a-1.0.0.tgz", {**FILES, "a/values.yaml": " " * (chart.MAX_FILE_BYTES + 1)})
    with pytest.raises(UnreadableSource, match="too large"):
        charts.read_charts(tmp_path, ["a"])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        charts.read_charts(tmp_path / "nowhere", ["a"])


def test_a_chart_with_broken_files_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    broken = {**FILES, "a/values.yaml": "x: [", "a/values.schema.json": "{"}
    keys = chart.read_chart(pack(tmp_path / "a-1.2.0.tgz", broken))
    assert keys.schema is None
    assert "x" not in keys.values


@pytest.mark.parametrize("name", ["a/../../x", "/etc/cron.d/x", "a\\..\\..\\x", "C:\\x", "c:/x"])
def test_an_archive_with_a_path_that_leaves_the_chart_is_refused(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / "a-1.2.0.tgz", {**FILES, name: "x"})
    with pytest.raises(UnreadableSource, match="leaves the chart"):
        chart.read_chart(path)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "../../x"),
        (tarfile.SYMTYPE, "b/../../../x"),
        (tarfile.SYMTYPE, "..\\..\\x"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "../x"),
    ],
)
def test_a_link_that_leaves_the_chart_is_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    with pytest.raises(UnreadableSource, match=r"links to .*, which leaves the chart"):
        chart.read_chart(with_link(tmp_path, kind, target))


@pytest.mark.parametrize(
    ("kind", "target"),
    [(tarfile.SYMTYPE, "../a/values.yaml"), (tarfile.SYMTYPE, "b"), (tarfile.LNKTYPE, "a/values.yaml")],
)
def test_a_link_inside_the_chart_is_passed_over(tmp_path: Path, kind: bytes, target: str) -> None:
    assert chart.read_chart(with_link(tmp_path, kind, target)).name == "a"


def with_link(folder: Path, kind: bytes, target: str) -> Path:
    """Return a chart with a link beside its values."""
    link = tarfile.TarInfo("a/link")
    link.type, link.linkname = kind, target
    path = folder / "a-1.2.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(link)
        entry = tarfile.TarInfo("a/Chart.yaml")
        entry.size = len(FILES["a/Chart.yaml"])
        archive.addfile(entry, io.BytesIO(FILES["a/Chart.yaml"].encode()))
    return path


def head(kind: bytes, size: int) -> bytes:
    """Return the head of a member that extends the next one."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "plain",
    [
        head(tarfile.XHDTYPE, 4 << 30) + bytes(1 << 20),
        head(tarfile.GNUTYPE_LONGNAME, 1 << 30) + bytes(1 << 20),
        (head(tarfile.XHDTYPE, 512) + b"20 comment=aaaaaaaaa\n".ljust(512, b"\0")) * 2000,
        (head(tarfile.GNUTYPE_LONGNAME, 512) + b"a" * 512) * 2000,
    ],
    ids=["a head of four gigabytes", "a name of a gigabyte", "endless headers", "names without an end"],
)
def test_heads_that_fill_the_memory_are_refused(tmp_path: Path, plain: bytes) -> None:
    path = tmp_path / "a-1.2.0.tgz"
    path.write_bytes(gzip.compress(plain + bytes(1024)))
    with pytest.raises(UnreadableSource, match="not a chart archive"):
        chart.read_chart(path)


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a-1.2.0.tgz", FILES)
    data = bytearray(path.read_bytes())
    for place in range(40, 80):
        data[place] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UnreadableSource, match="not a chart archive"):
        chart.read_chart(path)


def test_a_file_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a-1.2.0.tgz", {**FILES, "./a/Chart.yaml": "name: b\nversion: 2.0.0\n"})
    with pytest.raises(UnreadableSource, match="twice"):
        chart.read_chart(path)


def test_charts_one_inside_the_other_have_an_end(tmp_path: Path) -> None:
    files = {f"a/{'charts/a/' * depth}Chart.yaml": FILES["a/Chart.yaml"].replace("sub", "a") for depth in range(400)}
    with pytest.raises(UnreadableSource, match="one inside the other"):
        chart.read_chart(pack(tmp_path / "a-1.2.0.tgz", files))


@pytest.mark.parametrize(
    "dependencies", ["5", "true", "abc", "{a: b}", "[5]", "[{name: [x]}]", "[{name: x, condition: 1}]"]
)
def test_dependencies_of_no_chart_are_none(tmp_path: Path, dependencies: str) -> None:
    files = {**FILES, "a/Chart.yaml": f"name: a\nversion: 1.2.0\ndependencies: {dependencies}\n"}
    assert chart.read_chart(pack(tmp_path / "a-1.2.0.tgz", files)).values["x"] == {"y": 1}


def test_a_schema_that_is_too_deep_to_read_is_none(tmp_path: Path) -> None:
    files = {**FILES, "a/values.schema.json": "[" * 200_000}
    assert chart.read_chart(pack(tmp_path / "a-1.2.0.tgz", files)).schema is None


def test_a_subchart_names_the_values_that_switch_it(tmp_path: Path) -> None:
    files = {
        "a/Chart.yaml": "name: a\nversion: 1.0.0\nkubeVersion: '>=1.30.0-0'\n"
        "dependencies:\n- {name: b, condition: 'b.enabled, global.b'}\n",
        "a/charts/b/Chart.yaml": "name: b\nversion: 1.0.0\ndependencies: [{name: c, alias: d, condition: d.on}]\n",
    }
    keys = chart.read_chart(pack(tmp_path / "a-1.0.0.tgz", files))
    assert keys.conditions == {("b",): (("b", "enabled"), ("global", "b")), ("b", "d"): (("b", "d", "on"),)}
    assert keys.kube_version == ">=1.30.0-0"
