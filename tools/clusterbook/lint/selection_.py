"""Selection: whether queries can reach what overlays claim.

Knows criteria and who builds on whom. Does not know what a layer says about components.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clusterbook.catalog.criteria import DIMENSIONS, Criteria
from clusterbook.catalog.layers import Layer
from clusterbook.catalog.tree import CRITERIA
from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.errors import did_you_mean
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.scope import Scope, key_place, place


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
            hint = f"write '{alias}'" if alias else _known_hint(str(value), known)
            yield finding("CB033", place(layer.file, node), f"{name} '{value}' is not in {CRITERIA}", hint)


def _known_hint(value: str, known: Sequence[str]) -> str:
    """Return which value was probably meant, and where another one is added."""
    said = did_you_mean(value, known) if known else ""
    return f"{said}{' Or' if said.endswith('?') else '; or' if said else ''} add it to {CRITERIA}".strip()


def rivals(scope: Scope) -> Iterator[Finding]:
    """Yield CB054 for each overlay of ours that claims just what one before it does, neither built on the other."""
    claims: dict[Criteria, list[Layer]] = {}
    for layer in sorted(scope.catalog.overlays.values(), key=lambda layer: layer.file):
        if not layer.criteria or not layer.criteria.specificity() or not scope.ours(layer.file):
            continue
        chain = scope.catalog.chain(layer.name)
        before = claims.setdefault(layer.criteria, [])
        rival = next((one for one in before if one not in chain and layer not in scope.catalog.chain(one.name)), None)
        if rival:
            what = (
                f"'{layer.name}' claims the same criteria as '{rival.name}' ({rival.file}): {layer.criteria.sentence()}"
            )
            hint = (
                f"merge the two, build one on the other, or claim what sets '{layer.name}' apart; "
                "or say why with '# allow CB054: reason'"
            )
            yield finding("CB054", key_place(layer.file, layer.node.get("spec", "criteria") or layer.node), what, hint)
        before.append(layer)


def unreachable(scope: Scope) -> Iterator[Finding]:
    """Yield CB042 for each overlay that no query selects and no selected overlay builds on."""
    overlays = scope.catalog.overlays
    claimed = [name for name, layer in overlays.items() if layer.criteria is not None]
    reached = {layer.name for name in claimed for layer in scope.catalog.chain(name)}
    for name, layer in overlays.items():
        if name not in reached:
            what = f"'{name}' has no criteria, and no selected overlay builds on it"
            yield finding("CB042", layer.place, what, "add 'criteria:' below spec, build on it, or remove the file")
