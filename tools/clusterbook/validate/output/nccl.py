"""NCCL: the bus bandwidth that all_reduce_perf has measured, and the transport that NCCL_DEBUG=INFO names.

Source: github.com/NVIDIA/nccl-tests, doc/PERFORMANCE.md; reference rows V39-V41.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from clusterbook.validate.output.trial import Outputs, Trial, failed, passed, unclear

NAMES = ("nccl-all-reduce-bw", "nccl-all-reduce-bw-net", "nccl-all-reduce-bw-nvls")
_NET, _NVLS = NAMES[1:]
_NUMBER = r"(\d+(?:\.\d+)?)"
_WRONG = r"(\d+|N/A)"
_ROW = re.compile(
    rf"(?P<size>\d+)\s+\d+\s+[a-z0-9_]+\s+[a-z]+\s+-?\d+"
    rf"\s+{_NUMBER}\s+{_NUMBER}\s+(?P<bus>\d+(?:\.\d+)?)\s+(?P<wrong>{_WRONG})"
    rf"(?:\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s+(?P<wrong_in_place>{_WRONG}))?\s*$"
)
"""size, count, type, redop, root, then time, algbw, busbw, #wrong: out of place, and in place."""
_BROKEN = re.compile(r"(Test (?:NCCL|CUDA) failure.*|unhandled \w+ error.*|Out of bounds values : \d+ FAILED)")
_VIA_NET = re.compile(r"\bvia NET/(?P<name>[^/]+)/")
_NVLS_CHANNELS = re.compile(r"\b(\d+) nvls channels")


class Bandwidth(NamedTuple):
    """One size: bytes, and bus bandwidth out of place in GB/s."""

    size: int
    bus: float


def reader(name: str) -> Callable[[Outputs], Trial]:
    """Return what reads the output of one of NAMES."""

    def read(outputs: Outputs) -> Trial:
        text = "\n".join(outputs.values())
        broken = _BROKEN.search(text)
        if broken:
            return failed(broken[1].strip())
        rows = []
        for row, right in _rows(text):
            if not right:
                return failed(f"the result is wrong for {row.size} bytes")
            rows.append(row)
        if not rows:
            return unclear("the output has no table of all_reduce_perf")
        best = max(rows, key=lambda row: row.bus)
        wrong_way = _way(name, text)
        if wrong_way is not None:
            return wrong_way
        networks = ", ".join(sorted(_networks(text)))
        said = f"{best.bus:g} GB/s with {best.size} bytes{f' over {networks}' if networks else ''}"
        return passed(said, {name: best.bus}, bytes=best.size, **({"network": networks} if networks else {}))

    return read


def _rows(text: str) -> Iterator[tuple[Bandwidth, bool]]:
    """Yield the rows of the table, whatever stands before them, and whether their result was right."""
    for line in text.splitlines():
        found = _ROW.search(line)
        if found and not line.lstrip().startswith("#"):
            right = all(found[each] in (None, "0", "N/A") for each in ("wrong", "wrong_in_place"))
            yield Bandwidth(int(found["size"]), float(found["bus"])), right


def _networks(text: str) -> set[str]:
    return {match["name"] for match in _VIA_NET.finditer(text)}


def _way(name: str, text: str) -> Trial | None:
    """Return why the figure is not one of what was to be measured, None where it is. Source: rows V40, V41."""
    networks = _networks(text)
    if name == _NET and not networks:
        return unclear("the transport of the traffic is not shown; run it with NCCL_DEBUG=INFO")
    if name == _NET and "Socket" in networks:
        return failed("the traffic went over sockets, not over the fabric", network="Socket")
    if name == _NVLS:
        channels = [int(count) for count in _NVLS_CHANNELS.findall(text)]
        if not channels:
            return unclear("it is not shown whether NVLS was used; run it with NCCL_DEBUG=INFO")
        if not max(channels):
            return failed("NCCL set up no NVLS channel")
    return None
