"""RESULT lines: what a check's own container says it has measured.

The reference's containers judge for themselves and print no table and no export. Their lines count where the container
has ended well, and nowhere else. Source: reference rows V12, V39-V42.
"""

from __future__ import annotations

import re

from clusterbook.snapshot.model import Reading
from clusterbook.validate.output import nccl
from clusterbook.validate.output.trial import Outputs, Trial
from clusterbook.validate.result import PASSED

_NUMBER = r"(\d+(?:\.\d+)?)"
_BANDWIDTH = re.compile(rf"^RESULT: NCCL All Reduce bandwidth: {_NUMBER} GB/s", re.MULTILINE)
_LINES = {
    "inference-perf": {
        "inference-throughput": re.compile(rf"^RESULT: Inference throughput: {_NUMBER} tokens/sec", re.MULTILINE),
        "inference-ttft-p99": re.compile(rf"^RESULT: Inference TTFT p99: {_NUMBER} ms", re.MULTILINE),
    },
    **{name: {name: _BANDWIDTH} for name in nccl.NAMES},
}
"""Check → figure → the line that has it."""


def result(check: str, outputs: Outputs) -> Trial | None:
    """Return what a container that ended well has measured, None where it does not say all of it."""
    text = "\n".join(outputs.values())
    found = {name: line.search(text) for name, line in _LINES.get(check, {}).items()}
    figures: dict[str, Reading] = {name: float(match[1]) for name, match in found.items() if match}
    if not found or len(figures) < len(found):
        return None
    said = [match[0].removeprefix("RESULT: ") for match in found.values() if match]
    return Trial(PASSED, "; ".join(said), figures)
