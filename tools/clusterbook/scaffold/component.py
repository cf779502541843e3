"""Components, mixins and health checks: the least that is whole, so that `check` finds what is not known yet alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.api_version import API_VERSION
from clusterbook.scaffold.words import quoted, read_word

REGISTRY = "registry.yaml"
_ROLLED_OUT: Mapping[str, Sequence[str]] = {
    "Deployment": (
        "(spec.replicas > `0`): true",
        "(status.observedGeneration >= metadata.generation): true",
        "(status.updatedReplicas == spec.replicas): true",
        "(status.replicas == spec.replicas): true",
        "(status.availableReplicas == spec.replicas): true",
    ),
    "DaemonSet": (
        "(status.desiredNumberScheduled > `0`): true",
        "(status.observedGeneration >= metadata.generation): true",
        "(status.updatedNumberScheduled == status.desiredNumberScheduled): true",
        "(status.numberAvailable == status.desiredNumberScheduled): true",
    ),
    "StatefulSet": (
        "(spec.replicas > `0`): true",
        "(status.observedGeneration >= metadata.generation): true",
        "(status.updatedReplicas == spec.replicas): true",
        "(status.availableReplicas == spec.replicas): true",
    ),
}
"""What holds of a workload once its roll-out is over. Source: kubectl rollout status; decision 0017."""
WORKLOADS = tuple(_ROLLED_OUT)


class Workload(NamedTuple):
    """A workload that is healthy once it is rolled out."""

    kind: str
    name: str


class NewComponent(NamedTuple):
    """What a component is: its chart and where that comes from, its version and namespace, its workloads."""

    name: str
    repository: str
    chart: str
    version: str
    namespace: str
    workloads: tuple[Workload, ...]


def read_workload(text: str) -> Workload:
    """Return the workload that `Deployment/name` names.

    Raises:
        InvalidRequest: another kind, or no name.
    """
    kind, _, name = text.partition("/")
    if kind not in _ROLLED_OUT or not name:
        raise InvalidRequest(f"'{text}' is not a workload", hint=f"write KIND/NAME, KIND one of {', '.join(WORKLOADS)}")
    return Workload(kind, read_word(name, "the name of a workload"))


def component_files(catalog: Catalog, new: NewComponent) -> dict[str, str]:
    """Return the files of a new component by path: the registry with its entry, an image list, a health check.

    Raises:
        InvalidRequest: it is there already, or something about it is not what it should be.
    """
    name = read_word(new.name, "a component")
    if name in catalog.components:
        raise InvalidRequest(f"there is a component {name}", hint=f"edit {catalog.components[name].place()}")
    if not re.fullmatch(r"(https|oci)://[^\s\"']+", new.repository):
        raise InvalidRequest(f"'{new.repository}' is not a chart repository", hint="write https://… or oci://…")
    if not new.workloads:
        raise InvalidRequest("a component needs a health check", hint="name one: --workload Deployment/NAME")
    entry = [
        f"  - name: {name}",
        f"    displayName: {quoted(_title(name))}",
        f"    valueOverrideKeys: [{name.replace('-', '')}]",
        "    helm:",
        f"      defaultRepository: {new.repository}",
        f"      defaultChart: {quoted(new.chart)}",
        f'      defaultVersion: "{_version(new.version)}"',
        f"      defaultNamespace: {read_word(new.namespace, 'a namespace')}",
        "    healthCheck:",
        f"      assertFile: checks/{name}/health-check.yaml",
    ]
    images = [
        "# yaml-language-server: $schema=../../../schemas/v1/component-images.schema.json",
        f"apiVersion: {API_VERSION}",
        "kind: ComponentImages",
        "metadata:",
        f"  name: {name}",
        "spec:",
        f'  chart: "{new.version}"',
        "  # helm template … | grep image: shows what the chart starts; operators start more by themselves",
        "  images: []",
    ]
    registry = catalog.tree.files[REGISTRY].text
    return {
        REGISTRY: _with_entry(registry, entry),
        f"components/{name}/images.yaml": "\n".join(images) + "\n",
        **check_files(name, new.namespace, new.workloads),
    }


def _version(version: str) -> str:
    if not re.fullmatch(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?", version):
        raise InvalidRequest(f"'{version}' is not the version of a chart", hint="write three numbers: 1.2.3")
    return version


def _title(name: str) -> str:
    return " ".join(word.upper() if len(word) <= 3 else word.capitalize() for word in name.split("-"))


def _with_entry(registry: str, entry: Sequence[str]) -> str:
    """Return the registry with one more component, at the end of its list."""
    lines = registry.split("\n")
    begin = lines.index("components:") + 1
    end = next((at for at in range(begin, len(lines)) if re.match(r"[A-Za-z]", lines[at])), len(lines))
    while end > begin and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return "\n".join([*lines[:end], "", *entry, *lines[end:]])


def check_files(name: str, namespace: str, workloads: Iterable[Workload]) -> dict[str, str]:
    """Return the health check of a component by its path: its workloads are rolled out, and no pod is stuck.

    Raises:
        InvalidRequest: something is no name.
    """
    read_word(name, "a component")
    lines = [
        "# Healthy: everything that it runs is rolled out, and none of its pods is stuck.",
        "apiVersion: chainsaw.kyverno.io/v1alpha1",
        "kind: Test",
        "metadata:",
        f"  name: {name}-health-check",
        "spec:",
        "  timeouts:",
        "    assert: 5m",
        "  steps:",
    ]
    for workload in workloads:
        lines += [
            f"    - name: {workload.name}-is-rolled-out",
            "      try:",
            "        - assert:",
            "            resource:",
            "              apiVersion: apps/v1",
            f"              kind: {workload.kind}",
            "              metadata:",
            f"                name: {workload.name}",
            f"                namespace: {read_word(namespace, 'a namespace')}",
            *(f"              {line}" for line in _ROLLED_OUT[workload.kind]),
        ]
    lines += [
        "    - name: no-pod-is-stuck",
        "      try:",
        "        - error:",
        "            resource:",
        "              apiVersion: v1",
        "              kind: Pod",
        "              metadata:",
        f"                namespace: {namespace}",
        "              status:",
        "                (phase == 'Running' || phase == 'Succeeded'): false",
    ]
    return {f"checks/{name}/health-check.yaml": "\n".join(lines) + "\n"}


def mixin_files(catalog: Catalog, name: str, components: Sequence[str]) -> dict[str, str]:
    """Return a new mixin by its path, with the components that it brings.

    Raises:
        InvalidRequest: it is there already, or a component is not known.
    """
    read_word(name, "a mixin")
    if name in catalog.mixins:
        raise InvalidRequest(f"there is a mixin {name}", hint=f"edit {catalog.mixins[name].file}")
    if not components:
        raise InvalidRequest("a mixin brings at least one component", hint="name one: --component NAME")
    lines = [
        "# yaml-language-server: $schema=../../schemas/v1/recipe-mixin.schema.json",
        f"# What overlays with `mixins: [{name}]` have: {', '.join(components)}.",
        f"apiVersion: {API_VERSION}",
        "kind: RecipeMixin",
        "metadata:",
        f"  name: {name}",
        "spec:",
        "  componentRefs:",
    ]
    for component in components:
        if component not in catalog.components:
            near = ", ".join(sorted(catalog.components)[:3])
            raise InvalidRequest(f"there is no component {component}", hint=f"add it first; there are {near}, …")
        lines.append(f"    - name: {component}")
    return {f"mixins/{name}.yaml": "\n".join(lines) + "\n"}
