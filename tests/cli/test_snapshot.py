"""`clusterbook snapshot` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli.main import run
from clusterbook.cli.snapshot import gaps, rows
from clusterbook.collect.take import node_name
from clusterbook.documents.yaml_reader import parse
from clusterbook.evidence.redact import is_redacted
from clusterbook.snapshot.build import Capture, SubtypeReadings, document
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.model import Item
from clusterbook.snapshot.schema import SnapshotShape
from tests.support import machines


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(machines.plant("rhel-9", tmp_path / "rhel"))


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> tuple[str, str]:
    assert run(["snapshot", *words], {}) == status
    out, err = capsys.readouterr()
    return out, err


@pytest.mark.parametrize("words", [(), ("--format", "yaml"), ("-t", "json")])
def test_a_machine_is_written_down(root: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    out, err = said(capsys, "--root", root, *words)
    node = parse(out, "snapshot")
    assert node is not None
    taken = node.data()
    SnapshotShape.model_validate(taken, strict=True)
    assert taken["metadata"]["source-node"] == "node-07.example.org"
    assert taken["fingerprint"]["os"]["value"] == "rhel"
    assert "note: not captured: measurements/GPU.smi (absent): no NVIDIA GPU on the PCI bus\n" in err


def test_a_table_spells_paths_as_constraints_do(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "--root", root, "-t", "table")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert lines["OS.release.VERSION_ID"] == ["9.6"]
    assert lines["fingerprint.os"] == ["rhel", "9.6"]
    assert lines["GPU.hardware.gpu-present"] == ["false"]


def test_every_part_of_a_snapshot_is_in_its_table() -> None:
    seen = Capture(
        {
            "SystemD": {"kubelet.service": SubtypeReadings({"ActiveState": "active"})},
            "GPU": {"smi": SubtypeReadings({}, [Item({"index": 0})])},
        },
        objects=({"apiVersion": "v1", "kind": "Pod", "items": [{"metadata": {"name": "a"}}]},),
        releases=({"name": "r", "namespace": "n", "chart": "c", "version": "1"},),
    )
    assert list(rows(document(seen, {}))) == [
        ("GPU.smi[0].index", "0"),
        ('SystemD."kubelet.service".ActiveState', "active"),
        ("objects/v1/Pod", "1"),
        ("releases/n/r", "c 1"),
    ]


def test_a_long_value_is_cut_in_a_table() -> None:
    [(_, value)] = rows(document(Capture({"OS": {"grub": SubtypeReadings({"a": "b\n" * 200})}}), {}))
    assert len(value) == 100
    assert value.endswith("…")


def test_a_snapshot_goes_to_a_file_whole(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "node.json"
    out, _ = said(capsys, "--root", root, "-t", "json", "-o", str(where))
    assert out == ""
    assert json.loads(where.read_text())["kind"] == "Snapshot"


def test_a_place_that_cannot_be_written_is_an_error(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(capsys, "--root", root, "-o", "/no/such/folder/x", status=8)
    assert "CB107" in err


def test_a_redacted_snapshot_does_not_name_its_machine(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "--root", root, "--redact", "-t", "json")
    assert is_redacted(json.loads(out))
    assert "node-07" not in out
    assert "(absent): no NVIDIA GPU on the PCI bus" in err


def test_a_template_writes_a_snapshot(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = tmp_path / "t.j2"
    template.write_text("{{ fingerprint.os.value }} {{ reading('OS.release.VERSION_ID') }}\n")
    assert said(capsys, "--root", root, "--template", str(template))[0] == "rhel 9.6\n"


@pytest.mark.parametrize(
    ("words", "status", "what"),
    [
        (("--format", "xml"), 2, "xml"),
        (("--root", "no-such-folder"), 3, "--root no-such-folder is not a folder"),
        (("--template", "no-such-file"), 3, "CB102 no-such-file"),
        (("--template", "x", "-t", "json"), 2, "--template and --format json"),
        (("--nonsense",), 1, "--nonsense"),
        (("-o", "a", "-o", "b"), 2, "is given twice"),
        (("--config", "no-such-file"), 3, "no-such-file"),
    ],
)
def test_what_cannot_be_done_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, what: str
) -> None:
    out, err = said(capsys, *words, status=status)
    assert what in err
    assert out == ""


def test_a_configuration_says_where_and_how(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, where = tmp_path / "config.yaml", tmp_path / "out.json"
    config.write_text(f"kind: ClusterbookConfig\nspec:\n  snapshot:\n    output: {{path: {where}, format: json}}\n")
    said(capsys, "--root", root, "--config", str(config))
    assert json.loads(where.read_text())["kind"] == "Snapshot"
    assert '"kind": "Snapshot"' in said(capsys, "--root", root, "--config", str(config), "-o", "-")[0]


def test_an_unknown_field_of_a_configuration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("kind: ClusterbookConfig\nspec:\n  snapshot:\n    output: {pahh: x}\n")
    _, err = said(capsys, "--config", str(config), status=2)
    assert "pahh" in err


def test_a_pod_is_told_its_nodes_name() -> None:
    assert node_name({"NODE_NAME": "a", "KUBERNETES_NODE_NAME": "b"}, "c") == "a"
    assert node_name({"KUBERNETES_NODE_NAME": "b"}, "c") == "b"
    assert node_name({}, "c") == "c"


def test_many_gaps_are_counted() -> None:
    notes = gaps(document(Capture(gaps=[Gap(f"p/{number:02}", "failed", "x") for number in range(12)]), {}))
    assert notes[0] == "not captured: p/00 (failed): x"
    assert notes[-1] == "not captured: 2 more; see coverage"
    assert len(notes) == 11


def test_a_network_may_be_said_instead_of_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(machines.plant("dgx-h100", tmp_path / "dgx"))
    config = tmp_path / "cluster-config.yaml"
    config.write_text("clusterConfig:\n- identifier: group-0\n  machineType: DGXH100\n  pfs: []\n")
    seen, _ = said(capsys, "--root", root, "-t", "table")
    told, _ = said(capsys, "--root", root, "-t", "table", "--cluster-config", str(config))
    assert "NetworkTopology.pfs[0].rdmaDevice" in seen
    assert "NetworkTopology.identity.identifier" in told
    assert "NetworkTopology.pfs[0].rdmaDevice" not in told


@pytest.mark.parametrize(
    ("words", "status", "what"),
    [
        (("--cluster-config", "no-such-file"), 3, "CB102 no-such-file"),
        (("--cluster-config", "{config}"), 2, "2 groups of nodes: a, b"),
        (("--cluster-config", "{config}", "--agent"), 2, "leave --agent or --cluster-config out"),
    ],
)
def test_a_network_that_cannot_be_taken_is_said(
    root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, what: str
) -> None:
    config = tmp_path / "cluster-config.yaml"
    config.write_text("clusterConfig: [{identifier: a}, {identifier: b}]\n")
    where = () if "--agent" in words else ("--root", root)
    _, err = said(capsys, *where, *(word.replace("{config}", str(config)) for word in words), status=status)
    assert what in err
