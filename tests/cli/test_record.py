"""`clusterbook record` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli.main import run
from clusterbook.evidence.redact import redact
from clusterbook.snapshot.model import read_snapshot
from tests.support.clusters import SNAPSHOTS, eks

H100 = str(SNAPSHOTS / "h100-eks.yaml")
TABLE = "  1073741824     268435456     float     sum      -1   6012.3  178.59  334.86      0\n"


@pytest.fixture
def log(tmp_path: Path) -> str:
    (tmp_path / "nccl.log").write_text(TABLE)
    return str(tmp_path / "nccl.log")


def test_a_figure_is_added_to_a_snapshot(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "with.json"
    assert run(["record", H100, f"nccl-all-reduce-bw={log}", "-t", "json", "-o", str(where)], {}) == 0
    taken = read_snapshot(json.loads(where.read_text()))
    assert taken.reading("Performance", "results", "nccl-all-reduce-bw") == "334.86"
    assert "note: nccl-all-reduce-bw: passed: 334.86 GB/s" in capsys.readouterr().err


def test_parts_of_a_check_come_from_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, channel in (("a", 0), ("b", 1)):
        (tmp_path / name).write_text(f"/dev/nvidia-caps-imex-channels/channel{channel}\n")
    words = [f"slinky-slurm-imex-channel/{name}={tmp_path / name}" for name in ("a", "b")]
    assert run(["record", H100, *words, "--status", "gang-scheduling=0", "-t", "json"], {}) == 0
    taken = read_snapshot(json.loads(capsys.readouterr().out))
    assert taken.reading("Checks", "slinky-slurm-imex-channel", "result") == "passed"
    assert taken.reading("Checks", "gang-scheduling", "result") == "passed"


@pytest.mark.parametrize(
    ("words", "status", "what"),
    [
        ((), 2, "no check was given"),
        (("nccl-all-reduce-bw",), 2, "is not CHECK=FILE"),
        (("=x",), 2, "is not CHECK=FILE"),
        (("nccl-all-reduce-bw=/no/such/file",), 3, "CB102 /no/such/file"),
        (("nccl-all-reduce-wb={log}",), 2, "nccl-all-reduce-bw"),
        (("nccl-all-reduce-bw={log}", "nccl-all-reduce-bw={log}"), 2, "is given twice"),
        (("--status", "gang-scheduling=ok"), 2, "not a number from 0 to 255"),
        (("--status", "gang-scheduling=256"), 2, "not a number from 0 to 255"),
    ],
)
def test_what_cannot_be_done_is_said(
    log: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, what: str
) -> None:
    assert run(["record", H100, *(word.replace("{log}", log) for word in words)], {}) == status
    out, err = capsys.readouterr()
    assert what in err
    assert out == ""


EXPORT = {
    "output_token_throughput": {"unit": "tokens/sec", "avg": 51468.8},
    "time_to_first_token": {"unit": "ms", "p99": 1204.5},
    "input_config": {"endpoint": {"model_names": ["Qwen/Qwen3-8B"]}, "loadgen": {"concurrency": 2048}},
}
SETTINGS = ("inference-concurrency-per-gpu=256", "inference-routing-mode=dynamo-router")


@pytest.fixture
def export(tmp_path: Path) -> str:
    (tmp_path / "export.json").write_text(json.dumps(EXPORT))
    return f"inference-perf={tmp_path / 'export.json'}"


def judged(taken: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit status, and the line of inference-perf, of a judgement by a published recipe."""
    taken.write_text(taken.read_text().replace("v1.33.5", "v1.35.5"))
    words = ["validate", "h100-eks-ubuntu-inference-dynamo", "--no-cluster", "-s", str(taken), "--phase", "performance"]
    status = run(words, {})
    return status, next(line for line in capsys.readouterr().out.splitlines() if " inference-perf " in line)


def test_a_measurement_holds_with_the_settings_it_was_made_with(
    export: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "with.json"
    words = ["record", H100, export, "-t", "json", "-o", str(where)]
    assert run([*words, "--setting", SETTINGS[0], "--setting", SETTINGS[1]], {}) == 0
    status, line = judged(where, capsys)
    assert (status, line.split()[0]) == (0, "passed")
    assert "inference-throughput is 51468.8" in line
    assert run(words, {}) == 0
    status, line = judged(where, capsys)
    assert (status, line.split()[0]) == (2, "ERROR")
    assert "without the setting inference-concurrency-per-gpu, inference-routing-mode" in line


def test_a_slow_cluster_fails_though_its_measurement_ended_well(
    export: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = {**EXPORT, "output_token_throughput": {"avg": 100.0}}
    Path(export.partition("=")[2]).write_text(json.dumps(slow))
    where = tmp_path / "with.json"
    assert run(["record", H100, export, "-t", "json", "-o", str(where)], {}) == 0
    status, line = judged(where, capsys)
    assert status == 10
    assert "FAILED  inference-perf  inference-throughput is 100.0, not >= 50000" in line


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("inference-concurrency-per-gpu=300", "2048 concurrent requests are not a multiple of it"),
        ("inference-concurrency-per-gpu=0", "are not a multiple of it"),
        ("inference-concurrency-per-gpu=many", "are not a multiple of it"),
        ("inference-throughput=99999", "inference-throughput is measured: the output of inference-perf shows 51468.8"),
        ("nccl-all-reduce-bw=400", "none of the recorded checks has the setting nccl-all-reduce-bw"),
        ("fast", "'fast' is not --setting NAME=VALUE"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    export: str, capsys: pytest.CaptureFixture[str], setting: str, what: str
) -> None:
    assert run(["record", H100, export, "--setting", setting], {}) == 2
    out, err = capsys.readouterr()
    assert (out, what in err) == ("", True), err


def test_a_redacted_snapshot_is_not_added_to(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shown.json").write_text(json.dumps(redact(eks())))
    assert run(["record", str(tmp_path / "shown.json"), f"nccl-all-reduce-bw={log}"], {}) == 2
    assert "is redacted" in capsys.readouterr().err


def test_what_is_no_snapshot_is_refused(log: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("kind: RecipeResult\n")
    assert run(["record", str(tmp_path / "other.yaml"), f"nccl-all-reduce-bw={log}"], {}) == 2
    assert "CB101 " in capsys.readouterr().err
