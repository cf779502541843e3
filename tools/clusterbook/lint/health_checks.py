"""Health checks: whether what they ask of a workload could be answered by the version before.

After an upgrade the pods of before still run and are ready. Only a check that asks for the generation that was observed
and for the pods that are up to date says something about what was deployed. Source: kubectl rollout status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.diagnostics.findings import Finding, Place, SourceErrors
from clusterbook.documents.yaml_reader import Node, parse
from clusterbook.lint.scope import Scope, key_place, place
from clusterbook.validate.health_test import read_key, read_test
from clusterbook.validate.jmespath import BadExpression
from clusterbook.validate.jmespath import parse as parse_expression

PASSES_BEFORE = Code(
    "CB039",
    "health check that the previous version would pass",
    "warning",
    "After an upgrade the old pods are still ready, so a check that counts only ready pods passes before the "
    "new version runs.",
    "Ask for what a rollout ends with: `(status.observedGeneration >= metadata.generation): true`, and that as many "
    "pods are updated as are wanted, which is at least one.",
)
BROKEN_CHECK = Code(
    "CB076",
    "broken health check",
    "error",
    "It is in every recipe with this component, and `validate` can only say that it cannot be carried out.",
    "Correct it: steps assert or error, keys in parentheses are JMESPath; `clusterbook-build new check` writes one.",
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


def broken(scope: Scope) -> Iterator[Finding]:
    """Yield CB076 for each health check of ours that `validate` could not carry out."""
    for entry in scope.catalog.components.values():
        source = scope.catalog.tree.files.get(entry.assert_file)
        if source is not None and scope.strict(source.file):
            yield from _broken(source.text, source.file)
    for ref in scope.component_refs:
        inline = ref.node.get("healthCheckAsserts")
        if inline is not None and scope.strict(ref.layer.file):
            for each in _broken(inline.string(), ref.layer.file):
                where = place(ref.layer.file, inline)
                yield BROKEN_CHECK.finding(where, f"line {each.place.line} of the text: {each.what}", each.hint)


def _broken(text: str, file: str) -> Iterator[Finding]:
    """Yield what keeps one health check from being carried out, at its place."""
    try:
        test = parse(text, file)
    except SourceErrors as errors:
        yield from (BROKEN_CHECK.finding(each.place, each.what, each.hint) for each in errors.findings)
        return
    if test is None:
        yield BROKEN_CHECK.finding(Place(file), "it is empty", "write a Test, or remove it")
        return
    try:
        read_test(test.data(), file)
    except InvalidRequest as error:
        what = error.what.removeprefix(f"{file}: ").removeprefix(f"{file} ")
        yield BROKEN_CHECK.finding(_at(test, what, file), what, error.hint)
        return
    for resource in _resources(test):
        yield from _broken_keys(resource, file)


def _at(test: Node, what: str, file: str) -> Place:
    """Return the place that a message names by a path such as spec.steps[0].try[1], as far as there is such a thing."""
    node = test
    for key, number in re.findall(r"(\w+)(?:\[(\d+)\])?", what.partition(" ")[0]):
        below = node.get(key)
        elements = list(below.elements()) if below is not None and number else []
        found = elements[int(number)] if number and int(number) < len(elements) else below
        if found is None:
            break
        node = found
    return place(file, node)


def _broken_keys(node: Node, file: str) -> Iterator[Finding]:
    """Yield each key below a resource that is no expression; lists are gone through."""
    for child in node.elements() if isinstance(node.value, list) else ():
        yield from _broken_keys(child, file)
    for key, child in node.items() if isinstance(node.value, dict) else ():
        try:
            said = read_key(key)
            if said.expression:
                parse_expression(said.text)
        except BadExpression as error:
            yield BROKEN_CHECK.finding(key_place(file, child), error.what, error.hint or "see https://jmespath.org")
        yield from _broken_keys(child, file)


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


def _resources(test: Node) -> Iterator[Node]:
    """Yield all resources that a health check speaks of."""
    steps = test.get("spec", "steps")
    for step in steps.elements() if steps else ():
        operations = step.get("try")
        for operation in operations.elements() if operations else ():
            for word in ("assert", "error"):
                if resource := operation.get(word, "resource"):
                    yield resource


def _asserted(test: Node | None) -> Iterator[Node]:
    """Yield the resources that a health check asserts."""
    steps = test.get("spec", "steps") if test else None
    for step in steps.elements() if steps else ():
        operations = step.get("try")
        for operation in operations.elements() if operations else ():
            if resource := operation.get("assert", "resource"):
                yield resource
