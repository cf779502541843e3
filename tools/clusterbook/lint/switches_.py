"""Switches: whether what switches a component off is a switch.

Knows `overrides.enabled`. Does not know which components may be off.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.scope import Scope, place


def no_switches(scope: Scope) -> Iterator[Finding]:
    """Yield CB055 for each `enabled` that is neither true nor false, which leaves the component on.

    Source: reference row R39.
    """
    for part in scope.parts:
        switch = part.node.get("overrides", "enabled")
        if switch is not None and not isinstance(switch.value, bool):
            what = f"{part.said.name}.enabled is not true or false, so the component stays on"
            yield finding("CB055", place(part.layer.file, switch), what, "write true or false, without quotes")
