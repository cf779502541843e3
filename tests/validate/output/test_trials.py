"""What checks printed: devices, serving, Slurm, statuses, and how a snapshot keeps it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.schema import SnapshotShape
from clusterbook.validate.judge import judge
from clusterbook.validate.output.record import READERS, read_trial, record_trials, with_requested_settings
from clusterbook.validate.output.trial import Outputs, Trial
from clusterbook.validate.result import ERROR, FAILED, PASSED, SKIPPED
from tests.support import clusters
from tests.support.checks import CHECKS

SMI = """\
Tue Jul 14 08:30:00 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 580.82.07              Driver Version: 580.82.07      CUDA Version: 13.0     |
+-----------------------------------------+------------------------+----------------------+
|   0  NVIDIA H100 80GB HBM3          On  |   00000000:53:00.0 Off |                    0 |
+-----------------------------------------------------------------------------------------+
GPU_CHECK_SUCCESS
"""
LISTED = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-8f1c0a2e-1111-4222-8333-000000000000)\n"
NO_DEVICE = "ls: cannot access '/dev/nvidia0': No such file or directory\n"
METRICS = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE")
PING = "Slurmctld(primary) at slurm-controller-0 is UP\n"


def exposition(gpus: int, *, without: str = "", value: str = "0") -> str:
    lines = []
    for name in METRICS:
        lines += [f"# HELP {name} help", f"# TYPE {name} gauge"]
        lines += [
            f'{name}{{gpu="{gpu}",UUID="GPU-{gpu}",device="nvidia{gpu}",modelName="NVIDIA H100"}} {value}'
            for gpu in range(gpus)
            if not (name == without and gpu == gpus - 1)
        ]
    return "\n".join(lines) + "\n"


def aiperf(**more: Any) -> str:
    document = {
        "request_throughput": {"unit": "requests/sec", "avg": 402.1},
        "output_token_throughput": {"unit": "tokens/sec", "avg": 51468.8},
        "time_to_first_token": {"unit": "ms", "avg": 310.2, "p50": 298.0, "p99": 1204.5},
        "input_config": {"endpoint": {"model_names": ["Qwen/Qwen3-8B"]}, "loadgen": {"concurrency": 2048}},
        **more,
    }
    return json.dumps(document, indent=2)


@pytest.mark.parametrize(
    ("check", "outputs", "state", "message"),
    [
        ("check-nvidia-smi", {"a": SMI, "b": SMI}, PASSED, "answers on 2 nodes"),
        ("check-nvidia-smi", {"a": SMI, "b": "NVIDIA-SMI has failed because it couldn't"}, FAILED, "b: NVIDIA-SMI has"),
        ("check-nvidia-smi", {"a": SMI.replace("CUDA", "")}, FAILED, "a: nvidia-smi does not show CUDA Version"),
        ("check-nvidia-smi", {"a": "bash: nvidia-smi: command not found\n"}, FAILED, "does not show NVIDIA-SMI"),
        ("accelerator-metrics", {"a": exposition(8), "b": exposition(4)}, PASSED, "of 12 GPUs"),
        (
            "accelerator-metrics",
            {"a": exposition(8, without=METRICS[3])},
            FAILED,
            f"{METRICS[3]} is missing for 1 of 8",
        ),
        ("accelerator-metrics", {"a": "# HELP nothing\nup 1\n"}, FAILED, "there are no GPU metrics"),
        ("accelerator-metrics", {"a": exposition(1, value="NaN")}, FAILED, "there are no GPU metrics"),
        (
            "secure-accelerator-access",
            {"allocated": LISTED, "sibling": NO_DEVICE, "none": ""},
            PASSED,
            "others see none",
        ),
        ("secure-accelerator-access", {"allocated": LISTED * 8, "none": NO_DEVICE}, FAILED, "sees 8"),
        ("secure-accelerator-access", {"allocated": "No devices were found\n", "none": NO_DEVICE}, FAILED, "sees 0"),
        (
            "secure-accelerator-access",
            {"allocated": LISTED, "none": "/dev/nvidia0\n/dev/nvidiactl\n"},
            FAILED,
            "/dev/nvidia0",
        ),
        ("secure-accelerator-access", {"allocated": LISTED}, ERROR, "one without a GPU"),
        ("inference-perf", {"": aiperf()}, PASSED, "51468.8 tokens a second, first token within 1204.5 ms"),
        ("inference-perf", {"": f"INFO done\n{aiperf()}\n"}, PASSED, "51468.8"),
        ("inference-perf", {"": aiperf(time_to_first_token={"unit": "s", "p99": 1.5})}, PASSED, "within 1500 ms"),
        ("inference-perf", {"": aiperf(time_to_first_token={"unit": "ticks", "p99": 1})}, ERROR, "not a unit of time"),
        ("inference-perf", {"": aiperf(time_to_first_token={"p50": 1})}, ERROR, "time_to_first_token.p99"),
        ("inference-perf", {"": aiperf(output_token_throughput={"avg": "fast"})}, ERROR, "output_token_throughput.avg"),
        (
            "inference-perf",
            {"": aiperf(output_token_throughput={"avg": float("nan")})},
            ERROR,
            "output_token_throughput",
        ),
        ("inference-perf", {"": aiperf(error_request_count={"avg": 3})}, FAILED, "3 requests failed"),
        ("inference-perf", {"": "no json"}, ERROR, "not an AIPerf JSON export"),
        ("inference-perf", {"": "[1, 2]"}, ERROR, "not an AIPerf JSON export"),
        (
            "slinky-slurm-health",
            {"scontrol-ping": PING, "sinfo": "idle\nmix\ndown*\n", "srun": "n-0\n"},
            PASSED,
            "2 of 3",
        ),
        (
            "slinky-slurm-health",
            {"scontrol-ping": PING.replace("UP", "DOWN"), "sinfo": "idle", "srun": "n"},
            FAILED,
            "DOWN",
        ),
        (
            "slinky-slurm-health",
            {"scontrol-ping": PING, "sinfo": "drain\n", "srun": "n"},
            FAILED,
            "no node is free: drain",
        ),
        (
            "slinky-slurm-health",
            {"scontrol-ping": PING, "sinfo": "idle", "srun": "srun: error: refused"},
            FAILED,
            "refused",
        ),
        ("slinky-slurm-health", {"scontrol-ping": PING, "sinfo": "idle"}, ERROR, "srun"),
        ("slinky-slurm-imex-channel", {"a": "/dev/channel0\n", "b": "channel1"}, PASSED, "b has channel 1"),
        ("slinky-slurm-imex-channel", {"a": "channel0", "b": "channel0"}, FAILED, "both jobs have channel 0"),
        ("slinky-slurm-imex-channel", {"a": "channel0 channel1", "b": "channel2"}, FAILED, "a: it sees 2 channels"),
        ("slinky-slurm-imex-channel", {"a": "channel0"}, ERROR, "two concurrent jobs"),
        ("nccl-all-reduce-bw", {"": "  \n"}, ERROR, "it printed nothing"),
    ],
)
def test_output_says_what_came_of_a_check(check: str, outputs: Outputs, state: str, message: str) -> None:
    trial = read_trial(check, outputs)
    assert trial.state == state
    assert message in trial.message
    assert not trial.figures or state == PASSED


@pytest.mark.parametrize(
    ("status", "state"), [(0, PASSED), (1, FAILED), (2, SKIPPED), (3, ERROR), (137, ERROR), (255, ERROR)]
)
def test_a_container_ends_with_a_status(status: int, state: str) -> None:
    assert read_trial("gang-scheduling", {"": "whatever"}, status, "two pods").state == state


def test_a_status_that_is_no_pass_counts_more_than_output() -> None:
    trial = read_trial("check-nvidia-smi", {"a": SMI}, 1, "")
    assert (trial.state, trial.message) == (FAILED, "it ended with status 1")


def test_a_status_of_0_does_not_hide_what_the_output_says() -> None:
    assert read_trial("check-nvidia-smi", {"a": "No devices were found"}, 0).state == FAILED


SAID = (
    "time=x level=INFO msg=running\nRESULT: Inference throughput: 108789.87 tokens/sec\n"
    "RESULT: Inference TTFT p99: 687.50 ms\nThroughput constraint: >= 50000 → PASS\n"
)
BANDWIDTH = "RESULT: NCCL All Reduce bandwidth: 488.37 GB/s\nConstraint: >= 300 → true\n"


def test_a_container_that_judges_for_itself_says_what_it_has_measured() -> None:
    found = read_trial("inference-perf", {"": SAID}, 0)
    assert (found.state, dict(found.figures)) == (
        PASSED,
        {"inference-throughput": 108789.87, "inference-ttft-p99": 687.5},
    )
    assert found.message == "Inference throughput: 108789.87 tokens/sec; Inference TTFT p99: 687.50 ms"
    for name in ("nccl-all-reduce-bw", "nccl-all-reduce-bw-nvls"):
        assert read_trial(name, {"": BANDWIDTH}, 0).figures == {name: 488.37}


def test_its_word_counts_only_where_it_has_ended_well_and_said_all() -> None:
    assert read_trial("inference-perf", {"": SAID}).state == ERROR
    assert read_trial("inference-perf", {"": SAID}, 1).state == FAILED
    assert read_trial("inference-perf", {"": SAID.partition("RESULT: Inference TTFT")[0]}, 0).state == ERROR
    assert read_trial("nccl-all-reduce-bw-nvls", {"": BANDWIDTH}).state == ERROR
    assert read_trial("accelerator-metrics", {"": SAID}, 0).state == FAILED


def test_a_check_that_was_handed_the_recipe_ran_with_its_settings() -> None:
    constraints = [
        {"name": "inference-concurrency-per-gpu", "value": "256"},
        {"name": "inference-routing-mode", "value": "== dynamo-router"},
        {"name": "inference-throughput", "value": ">= 50000"},
        {"name": "inference-ttft-p99", "value": "2000"},
        {"name": "nccl-all-reduce-bw", "value": "300"},
    ]
    recipe = {"validation": {"performance": {"checks": ["inference-perf"], "constraints": constraints}}}
    ended = [("inference-perf", read_trial("inference-perf", {"": SAID}, 0)), ("dra-support", Trial(PASSED, ""))]
    found = dict(with_requested_settings(ended, recipe, CHECKS))
    assert found["inference-perf"].figures == {
        "inference-concurrency-per-gpu": "256",
        "inference-routing-mode": "dynamo-router",
        "inference-throughput": 108789.87,
        "inference-ttft-p99": 687.5,
    }
    assert found["dra-support"].figures == {}


def test_a_check_whose_output_nobody_understands_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="gang-scheduling"):
        read_trial("gang-scheduling", {"": "text"})
    with pytest.raises(InvalidRequest) as caught:
        read_trial("check-nvidia-sml", {"": SMI})
    assert "check-nvidia-smi" in caught.value.hint


def test_every_reader_is_of_a_check_that_is_known() -> None:
    assert set(READERS) <= set(CHECKS)


def test_what_was_recorded_is_judged() -> None:
    row = "  1073741824     268435456     float     sum      -1   6012.3  178.59  {}      0\n"
    recipe = {
        "kind": "RecipeResult",
        "metadata": {"slug": "x"},
        "componentRefs": [],
        "validation": {
            "performance": {
                "checks": ["nccl-all-reduce-bw"],
                "constraints": [{"name": "nccl-all-reduce-bw", "value": ">= 300"}],
            }
        },
    }
    states = {}
    for figure in ("344.14", "120.00"):
        trial = read_trial("nccl-all-reduce-bw", {"": row.format(figure)})
        whole = record_trials(clusters.eks(), [("nccl-all-reduce-bw", trial)], CHECKS)
        SnapshotShape.model_validate(whole, strict=True)
        report = judge(recipe, read_snapshot(whole), checks=CHECKS, phases=("performance",))
        states[figure] = [each.state for each in report.results if each.name == "nccl-all-reduce-bw"]
    assert states == {"344.14": [PASSED], "120.00": [FAILED]}


def test_a_second_run_replaces_the_first_and_keeps_other_figures() -> None:
    first = read_trial("inference-perf", {"": aiperf()})
    row = "  1073741824     268435456     float     sum      -1   6012.3  178.59  {}      0\n"
    whole = record_trials(clusters.eks(), [("inference-perf", first)], CHECKS)
    for figure in ("300.5", "301.5"):
        whole = record_trials(
            whole, [("nccl-all-reduce-bw", read_trial("nccl-all-reduce-bw", {"": row.format(figure)}))], CHECKS
        )
    taken = read_snapshot(whole)
    assert taken.measurements["Performance"]["results"].data == {
        "inference-throughput": 51468.8,
        "inference-ttft-p99": 1204.5,
        "inference-model": "Qwen/Qwen3-8B",
        "nccl-all-reduce-bw": 301.5,
    }
    assert set(taken.measurements["Checks"]) == {"inference-perf", "nccl-all-reduce-bw"}


def test_a_run_that_failed_takes_its_old_figure_away() -> None:
    row = "  1073741824     268435456     float     sum      -1   6012.3  178.59  300.5      {}\n"
    whole = clusters.eks()
    for wrong in ("0", "7"):
        whole = record_trials(
            whole, [("nccl-all-reduce-bw", read_trial("nccl-all-reduce-bw", {"": row.format(wrong)}))], CHECKS
        )
    taken = read_snapshot(whole)
    assert taken.reading("Checks", "nccl-all-reduce-bw", "result") == FAILED
    assert taken.reading("Performance", "results", "nccl-all-reduce-bw") == ""
