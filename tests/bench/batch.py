"""One measured run, as a process of its own: bundle every recipe of our catalog with every deployer, print as JSON.

usage: python batch.py TREE

The clock is the processor's, and everything is done on one core: what else the machine does must not count.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve import matrix
from clusterbook.resolve.content import Gatherer


def main(tree: Path) -> None:
    """Print how many bundles were made, and the seconds that each deployer took for one."""
    found = matrix.build(load_catalog(read_tree(tree)))
    gatherer = Gatherer(found.catalog)
    wholes = [gatherer.whole(recipe, state=found.answer(recipe.criteria).state) for _, recipe in served_recipes(found)]
    taken_s: Counter[str] = Counter()
    for whole in wholes:
        for deployer in DEPLOYERS:
            start = time.process_time()
            render(whole, {"deployer": deployer}, "0")
            taken_s[deployer] += time.process_time() - start
    bundles = len(wholes) * len(DEPLOYERS)
    print(json.dumps({
        "bundles": bundles,
        "each_s": taken_s.total() / bundles,
        "deployer_s": {deployer: taken_s[deployer] / len(wholes) for deployer in DEPLOYERS},
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
