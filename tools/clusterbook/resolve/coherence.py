"""Coherence: whether what is said of a component can be deployed at all, whoever says it.

Part of `bundle`, so it imports nothing. Source: reference row R42.
"""

from __future__ import annotations

from clusterbook.records import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COHERENT = ("type", "chart", "source", "version", "tag", "path")
"""The words of a component that have to fit together."""
Remark = tuple[str, str]


def incoherence(component: Mapping[str, Any]) -> Remark | None:
    """Return what keeps an enabled component from being deployed, and how to mend it; None when nothing does."""
    kind = component.get("type")
    if component.get("patches"):
        return "declares patches, which no deployer supports", "remove 'patches'"
    if component.get("name") == "deployer":
        return "has the reserved name 'deployer'", "rename it: --set deployer:… addresses the deployer"
    if kind == "Helm":
        return _of_helm(component)
    if not kind:
        return "is not in the component registry and has no type", "correct its name, or add it to registry.yaml"
    if kind != "Kustomize":
        return f"has the type '{kind}'", "write Helm or Kustomize"
    return _of_kustomize(component)


def _of_kustomize(component: Mapping[str, Any]) -> Remark | None:
    if not component.get("path"):
        return "is Kustomize without a path", "add 'path:'"
    if component.get("tag") and not component.get("source"):
        return "is Kustomize with a tag but no source", "add 'source:' or remove the tag"
    if component.get("manifestFiles"):
        return "is Kustomize with manifestFiles", "put the manifests into the kustomization"
    return None


def _of_helm(component: Mapping[str, Any]) -> Remark | None:
    if component.get("tag") or component.get("path"):
        return "is Helm with a tag or path", "remove them, or make it Kustomize"
    words = {field: str(component.get(field) or "") for field in ("chart", "source", "version")}
    for field, word in words.items():
        if word != word.strip():
            return f"has spaces around its {field} '{word}'", "remove the spaces"
    if words["version"] == "v":
        return "has the version 'v'", "write the whole version"
    if words["source"]:
        return None if words["version"] else ("has a source but no version", "add 'version:' in quotes")
    if words["chart"]:
        return f"has the chart '{words['chart']}' but no source", "add 'source:'"
    if not component.get("manifestFiles"):
        return "has nothing to deploy", "add a chart source or manifestFiles"
    return None
