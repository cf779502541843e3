"""Devices: what nvidia-smi, DCGM's metrics and /dev say in a pod about the GPUs that it was given, and others.

Source: reference rows V25, V28, V34.
"""

from __future__ import annotations

import re
from collections import defaultdict

from clusterbook.validate.output.trial import Outputs, Trial, failed, of_part, passed, unclear

_SMI_WORDS = ("NVIDIA-SMI", "Driver Version:", "CUDA Version:")
_SMI_FAILED = ("NVIDIA-SMI has failed", "Failed to initialize NVML", "No devices were found")
_METRICS = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE")
_SERIES = re.compile(r"^(?P<name>DCGM_FI_DEV_\w+)\{(?P<labels>.*)\}\s+(?P<value>\S+)")
_UUID = re.compile(r'\bUUID="([^"]+)"')
_LISTED = re.compile(r"^GPU \d+: .*\(UUID: \S+\)", re.MULTILINE)
_DEVICE = re.compile(r"/dev/nvidia(?:\d+|ctl|-uvm)\b")
ALLOCATED = "allocated"
"""The part that was given one GPU; every other was given none."""


def nvidia_smi(outputs: Outputs) -> Trial:
    """Return whether nvidia-smi answered on every node; outputs are by node. Source: reference row V25."""
    for node, text in sorted(outputs.items()):
        broken = next((each for each in _SMI_FAILED if each in text), None)
        if broken:
            return failed(of_part(node, broken))
        missing = [each for each in _SMI_WORDS if each not in text]
        if missing:
            return failed(of_part(node, f"nvidia-smi does not show {missing[0].rstrip(':')}"))
    return passed(f"nvidia-smi answers on {len(outputs)} node{'s' if len(outputs) != 1 else ''}")


def metrics(outputs: Outputs) -> Trial:
    """Return whether each exporter reports load, memory, temperature and power of every GPU it knows (row V28)."""
    gpus = 0
    for exporter, text in sorted(outputs.items()):
        series: dict[str, set[str]] = defaultdict(set)
        for line in text.splitlines():
            found = _SERIES.match(line)
            if found and found["value"].lower() != "nan":
                uuid = _UUID.search(found["labels"])
                series[found["name"]].add(uuid[1] if uuid else found["labels"])
        known = set().union(*series.values()) if series else set()
        if not known:
            return failed(of_part(exporter, "there are no GPU metrics"))
        for name in _METRICS:
            if known - series[name]:
                return failed(
                    of_part(exporter, f"{name} is missing for {len(known - series[name])} of {len(known)} GPUs")
                )
        gpus += len(known)
    return passed(f"load, memory, temperature and power of {gpus} GPUs are reported", gpus=gpus)


def access(outputs: Outputs) -> Trial:
    """Return whether the pod with one GPU sees one, and pods with none see none. Source: reference row V34.

    The part `allocated` is what `nvidia-smi -L` prints there; others are what `ls /dev/nvidia*` prints.
    """
    others = {name: text for name, text in outputs.items() if name != ALLOCATED}
    if ALLOCATED not in outputs or not others:
        return unclear(f"it needs the output of the part '{ALLOCATED}', and of one without a GPU")
    count = len(_LISTED.findall(outputs[ALLOCATED]))
    if count != 1:
        return failed(f"a pod that was given one GPU sees {count}")
    for name, text in sorted(others.items()):
        reached = _DEVICE.search(text)
        if reached and "No such file" not in text.splitlines()[text[: reached.start()].count("\n")]:
            return failed(of_part(name, f"a pod that was given no GPU reaches {reached[0]}"))
    return passed("a pod sees the GPU it was given, and others see none")
