"""One process that renders every recipe with every deployer and prints the digest of each bundle.

usage: python -m tests.support.bundle_digests [backwards]

`backwards` takes them in the reverse order, so that what one bundle leaves behind shows in another.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256

from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import render
from tests.support.whole_recipes import wholes


def main(words: list[str]) -> None:
    """Print the digests as JSON, by recipe and deployer."""
    pairs = [(slug, deployer) for slug in wholes() for deployer in DEPLOYERS]
    found = {}
    for slug, deployer in reversed(pairs) if words == ["backwards"] else pairs:
        whole = sha256()
        for path, data in render(wholes()[slug], {"deployer": deployer}, "0").files.items():
            whole.update(f"{path} {len(data)}\n".encode() + data)
        found[f"{slug} {deployer}"] = whole.hexdigest()
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1:])
