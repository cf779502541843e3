"""Slurm: whether its controller answers, has nodes to give, runs jobs, and gives each a channel of its own.

Source: reference rows V35, V36.
"""

from __future__ import annotations

import re

from clusterbook.validate.output.trial import Outputs, Trial, failed, of_part, passed, unclear

PING, NODES, RUN = "scontrol-ping", "sinfo", "srun"
"""The parts of `health`: `scontrol ping`, `sinfo -h -o %t`, `srun hostname`."""
_USABLE = ("idle", "mix", "mixed")
_CHANNEL = re.compile(r"\bchannel(\d+)\b")


def health(outputs: Outputs) -> Trial:
    """Return whether the controller is up, a node is free, and a job ran. Source: reference row V35."""
    missing = [each for each in (PING, NODES, RUN) if each not in outputs]
    if missing:
        return unclear(f"it needs the output of {missing[0]}")
    if not re.search(r"Slurmctld\([a-z0-9]+\) at \S+ is UP", outputs[PING]):
        return failed(of_part(PING, _first(outputs[PING]) or "no output"))
    states = [word.rstrip("*~#!%$@^-").lower() for word in outputs[NODES].split()]
    free = sum(state in _USABLE for state in states)
    if not free:
        return failed(of_part(NODES, f"no node is free: {', '.join(sorted(set(states))) or 'there are none'}"))
    if "error:" in outputs[RUN] or not outputs[RUN].strip():
        return failed(of_part(RUN, _first(outputs[RUN]) or "no output"))
    return passed(f"the controller is up, {free} of {len(states)} nodes are free, and a job ran", nodes=len(states))


def channels(outputs: Outputs) -> Trial:
    """Return whether two jobs have one IMEX channel each, and not the same; outputs are by job. Source: row V36."""
    if len(outputs) != 2:
        return unclear(f"it needs the output of two concurrent jobs, and there are {len(outputs)}")
    found = {}
    for job, text in sorted(outputs.items()):
        seen = sorted({int(number) for number in _CHANNEL.findall(text)})
        if len(seen) != 1:
            return failed(of_part(job, f"it sees {len(seen)} channels, not one"))
        found[job] = seen[0]
    if len(set(found.values())) == 1:
        return failed(f"both jobs have channel {next(iter(found.values()))}")
    return passed(", ".join(f"{job} has channel {number}" for job, number in found.items()))


def _first(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
