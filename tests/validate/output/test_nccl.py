# ruff: noqa: E501 (what NCCL prints is as wide as it is)
"""The table of all_reduce_perf, and what NCCL says about its way."""

from __future__ import annotations

import pytest

from clusterbook.validate.output.record import read_trial
from clusterbook.validate.output.trial import Trial
from clusterbook.validate.result import ERROR, FAILED, PASSED

HEAD = """\
# nThread 1 nGpus 1 minBytes 536870912 maxBytes 8589934592 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0
#
# Using devices
#  Rank  0 Readings  0 Pid     42 on node-0 device  0 [0000:53:00] NVIDIA H100 80GB HBM3
#  Rank  1 Readings  0 Pid     43 on node-0 device  1 [0000:64:00] NVIDIA H100 80GB HBM3
"""
COLUMNS = """\
#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
"""
ROWS = """\
   536870912     134217728     float     sum      -1   3098.6  173.26  324.87      0   3094.1  173.51  325.34      0
  1073741824     268435456     float     sum      -1   6012.3  178.59  334.86      0   6009.8  178.66  334.99      0
  8589934592    2147483648     float     sum      -1    46801  183.54  344.14      0    46788  183.59  344.23      0
"""
TAIL = "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 334.738\n#\n"
EFA = """\
node-0:42:91 [0] NCCL INFO NET/OFI Selected provider is efa, fabric is efa-direct (found 16 nics)
node-0:42:91 [0] NCCL INFO Channel 00/0 : 8[0] -> 0[0] [receive] via NET/Libfabric/0/GDRDMA
"""
NVLS = "node-0:42:91 [0] NCCL INFO 24 coll channels, 24 collnet channels, 16 nvls channels, 32 p2p channels, 32 p2p channels per peer\n"
WHOLE = HEAD + EFA + NVLS + COLUMNS + ROWS + TAIL


def came(check: str, text: str) -> Trial:
    return read_trial(check, {"": text})


def test_the_peak_out_of_place_is_what_counts() -> None:
    trial = came("nccl-all-reduce-bw", WHOLE)
    assert trial.state == PASSED
    assert trial.figures == {"nccl-all-reduce-bw": 344.14}
    assert trial.context == {"bytes": 8589934592, "network": "Libfabric"}
    assert trial.message == "344.14 GB/s with 8589934592 bytes over Libfabric"


@pytest.mark.parametrize("before", ["[1,0]<stdout>:", "launcher-0: ", "2026-07-14T08:30:00.123456789Z "])
def test_a_launcher_may_write_something_before_each_line(before: str) -> None:
    text = "".join(f"{before}{line}\n" for line in WHOLE.splitlines())
    assert came("nccl-all-reduce-bw", text).figures == {"nccl-all-reduce-bw": 344.14}


def test_a_table_without_check_and_in_place_columns_is_read() -> None:
    row = "  1073741824     268435456     bfloat16     sum      -1   6012.3  178.59  334.86    N/A\n"
    assert came("nccl-all-reduce-bw", row).figures == {"nccl-all-reduce-bw": 334.86}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.replace("344.14      0", "344.14     12"), "the result is wrong for 8589934592 bytes"),
        (WHOLE.replace("344.23      0", "344.23      3"), "the result is wrong for 8589934592 bytes"),
        (WHOLE.replace("values : 0 OK", "values : 4 FAILED"), "Out of bounds values : 4 FAILED"),
        (
            HEAD + "node-0: Test NCCL failure common.cu:1005 'remote process exited or there was a network error / '\n",
            "Test NCCL failure common.cu:1005 'remote process exited or there was a network error / '",
        ),
    ],
)
def test_a_wrong_result_is_no_figure(text: str, message: str) -> None:
    trial = came("nccl-all-reduce-bw", text)
    assert (trial.state, trial.message, trial.figures) == (FAILED, message, {})


@pytest.mark.parametrize("text", [HEAD, "mpirun: command not found\n", COLUMNS + TAIL])
def test_output_without_a_table_is_never_a_pass(text: str) -> None:
    assert came("nccl-all-reduce-bw", text).state == ERROR


@pytest.mark.parametrize(
    ("check", "text", "state", "message"),
    [
        ("nccl-all-reduce-bw-net", WHOLE, PASSED, "over Libfabric"),
        ("nccl-all-reduce-bw-net", WHOLE.replace(EFA, ""), ERROR, "NCCL_DEBUG=INFO"),
        ("nccl-all-reduce-bw-net", WHOLE.replace("Libfabric/0/GDRDMA", "Socket/0"), FAILED, "over sockets"),
        ("nccl-all-reduce-bw-nvls", WHOLE, PASSED, "344.14 GB/s"),
        ("nccl-all-reduce-bw-nvls", WHOLE.replace(NVLS, ""), ERROR, "NCCL_DEBUG=INFO"),
        ("nccl-all-reduce-bw-nvls", WHOLE.replace("16 nvls", "0 nvls"), FAILED, "no NVLS channel"),
    ],
)
def test_a_figure_counts_only_for_the_way_it_went(check: str, text: str, state: str, message: str) -> None:
    trial = came(check, text)
    assert trial.state == state
    assert message in trial.message
    assert set(trial.figures) == ({check} if state == PASSED else set())
