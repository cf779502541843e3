"""Selection: whether queries can reach what overlays claim.

Knows criteria and who builds on whom. Does not know what a layer says about components.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.core.codes import finding
from clusterbook.core.criteria import DIMENSIONS
from clusterbook.core.errors import did_you_mean
from clusterbook.core.findings import Finding
from clusterbook.core.rules.scope import Scope, place
from clusterbook.core.sources import CRITERIA


def unknown_values(scope: Scope) -> Iterator[Finding]:
    """Yield CB033 for each claimed value that our criteria file does not have; private trees may claim more (R7)."""
    vocabulary = scope.catalog.vocabulary
    if CRITERIA not in scope.catalog.tree.files:
        return
    for layer in scope.catalog.layers:
        for name, value in layer.criteria.specified().items() if layer.criteria and scope.ours(layer.file) else ():
            node = layer.node.get("spec", "criteria", name)
            known = vocabulary.known.get(name, ())
            if node is None or name not in DIMENSIONS or value in known:
                continue
            alias = vocabulary.aliases.get(name, {}).get(str(value))
            hint = f"write '{alias}'" if alias else f"{did_you_mean(str(value), known)} Or add it to {CRITERIA}"
            yield finding("CB033", place(layer.file, node), f"{name} '{value}' is not in {CRITERIA}", hint)


def unreachable(scope: Scope) -> Iterator[Finding]:
    """Yield CB042 for each overlay that no query selects and no selected overlay builds on."""
    overlays = scope.catalog.overlays
    claimed = [name for name, layer in overlays.items() if layer.criteria is not None]
    reached = {layer.name for name in claimed for layer in scope.catalog.chain(name)}
    for name, layer in overlays.items():
        if name not in reached:
            what = f"'{name}' has no criteria, and no selected overlay builds on it"
            yield finding("CB042", layer.place, what, "add 'criteria:' below spec, build on it, or remove the file")
