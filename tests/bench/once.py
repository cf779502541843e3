"""One measured run, as a process of its own: resolve a tree from cold and print where the time went, as JSON.

usage: python once.py TREE [all]

With `all`, every combination of criteria is asked for too; without, the states are only counted.
"""

from __future__ import annotations

import time

START = time.perf_counter()

import json  # noqa: E402 (the clock starts before anything is imported)
import resource  # noqa: E402
import sys  # noqa: E402
from collections import Counter  # noqa: E402
from pathlib import Path  # noqa: E402

from clusterbook.catalog.load import load_catalog  # noqa: E402
from clusterbook.catalog.read import read_tree  # noqa: E402
from clusterbook.resolve import matrix  # noqa: E402


def memory_mb() -> float:
    """Return the most memory this process had; what the system calls its maximum counts the parent's, too."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def main(tree: Path, *, every: bool) -> None:
    """Print seconds by step, and what came out."""
    marks = [("import", time.perf_counter())]
    read = read_tree(tree)
    marks.append(("read", time.perf_counter()))
    loaded = load_catalog(read)
    marks.append(("parse", time.perf_counter()))
    found = matrix.build(loaded)
    marks.append(("resolve", time.perf_counter()))
    states = Counter(found.answer(query).state for query in found.tuples()) if every else found.states()
    marks.append(("match", time.perf_counter()))
    steps, before = {}, START
    for name, moment in marks:
        steps[name], before = moment - before, moment
    assert found.findings == ()
    print(json.dumps({
        "steps_s": steps,
        "total_s": before - START,
        "memory_mb": memory_mb(),
        "recipes": len(found.recipes),
        "tuples": states.total(),
        "states": states,
        "findings": len(loaded.findings),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), every=sys.argv[2:] == ["all"])
