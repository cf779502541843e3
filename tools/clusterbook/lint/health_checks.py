"""Health checks: whether what they ask of a workload could be answered by the version before.

After an upgrade the pods of before still run and are ready. Only a check that asks for the generation that was observed
and for the pods that are up to date says something about what was deployed. Source: kubectl rollout status.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.findings import Finding, Place, SourceErrors
from clusterbook.documents.yaml_reader import Node, parse
from clusterbook.lint.scope import Scope, place

PASSES_BEFORE = Code(
    "CB039",
    "health check that the previous version would pass",
    "warning",
    "After an upgrade the old pods are still ready, so a check that counts only ready pods passes before the "
    "new version runs.",
    "Ask for what a rollout ends with: `(status.observedGeneration >= metadata.generation): true`, and that as many "
    "pods are updated as are wanted, which is at least one.",
)

_WORDS = {
    "Deployment": ("observedGeneration", "updatedReplicas"),
    "StatefulSet": ("observedGeneration", "updatedReplicas"),
    "DaemonSet": ("observedGeneration", "updatedNumberScheduled", "desiredNumberScheduled"),
}
"""Kind of workload → the fields of its status that tell a rollout that has ended from one that has not."""


def half_rollouts(scope: Scope) -> Iterator[Finding]:
    """Yield CB039 for each workload that a health check of ours asks about without asking for its rollout."""
    for entry in scope.catalog.components.values():
        source = scope.catalog.tree.files.get(entry.assert_file)
        if source is not None and scope.strict(source.file):
            for resource, missing in _half_asked(source.text, source.file):
                yield _finding(place(source.file, resource.get("kind") or resource), resource, missing)
    for ref in scope.component_refs:
        inline = ref.node.get("healthCheckAsserts")
        if inline is not None and scope.strict(ref.layer.file):
            for resource, missing in _half_asked(inline.string(), ref.layer.file):
                yield _finding(place(ref.layer.file, inline), resource, missing)


def _finding(where: Place, resource: Node, missing: list[str]) -> Finding:
    kind = resource.get("kind")
    what = f"a {kind.string() if kind else ''} passes during a rollout: it does not check {' and '.join(missing)}"
    return PASSES_BEFORE.finding(where, what, f"check status.{missing[0]}")


def _half_asked(text: str, file: str) -> Iterator[tuple[Node, list[str]]]:
    """Yield the workloads that a health check asserts, with what it does not ask of them."""
    try:
        test = parse(text, file)
    except (SourceErrors, ClusterbookError):
        return  # what cannot be read is another rule's finding
    for resource in _asserted(test):
        kind, asked = resource.get("kind"), str(resource.data())
        missing = [word for word in (_WORDS.get(kind.string(), ()) if kind else ()) if word not in asked]
        if missing:
            yield resource, missing


def _asserted(test: Node | None) -> Iterator[Node]:
    """Yield the resources that a health check asserts."""
    steps = test.get("spec", "steps") if test else None
    for step in steps.elements() if steps else ():
        operations = step.get("try")
        for operation in operations.elements() if operations else ():
            if resource := operation.get("assert", "resource"):
                yield resource
