"""Content: whatever can change a bundle changes the digest, and what cannot does not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.documents.digest import digest, text_digest
from clusterbook.resolve.component import Conflict
from clusterbook.resolve.content import Document, Gatherer
from clusterbook.resolve.matching import CURATED
from clusterbook.resolve.resolver import Resolver
from tests.support import trees

REGISTRY = """\
kind: ComponentRegistry
components:
- name: a
  displayName: The A
  helm: {defaultRepository: https://charts.example/a, defaultChart: a, defaultVersion: "1.0.0", defaultNamespace: a}
  nodeScheduling: {system: {nodeSelectorPaths: [x.nodeSelector]}}
  healthCheck: {assertFile: checks/a/health-check.yaml}
"""
IMAGES = """\
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentImages
metadata: {name: a}
spec:
  images:
  - {registry: quay.io, repository: a/b, tag: "1", source: chart}
"""
FILES = {
    "registry.yaml": REGISTRY,
    "base": """
        constraints: [{name: K8s.server.version, value: ">= 1.30"}]
        componentRefs: [{name: a, manifestFiles: [components/a/manifests/m.yaml], overrides: {x: 1}}]
        validation: {deployment: {checks: [one]}}
        """,
    "components/a/manifests/m.yaml": "kind: ConfigMap\n",
    "components/a/images.yaml": IMAGES,
    "checks/a/health-check.yaml": "kind: Test\n",
}


def content(files: Mapping[str, str] = FILES) -> Document:
    """Return the content of the one recipe that `files` make."""
    catalog = trees.load(files)
    return Gatherer(catalog).content(Resolver(catalog).resolve(Criteria()), state=CURATED)


def with_(path: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[path]
    return {**FILES, path: FILES[path].replace(old, new)}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("registry.yaml", '"1.0.0"', '"1.0.1"'),
        ("registry.yaml", "x.nodeSelector", "y.nodeSelector"),
        ("registry.yaml", "defaultNamespace: a", "defaultNamespace: b"),
        ("base", "1.30", "1.31"),
        ("base", "{x: 1}", "{x: 2}"),
        ("base", "[one]", "[one, two]"),
        ("components/a/manifests/m.yaml", "ConfigMap", "Secret"),
        ("components/a/images.yaml", 'tag: "1"', 'tag: "2"'),
        ("checks/a/health-check.yaml", "Test", "Test\n# stricter"),
    ],
)
def test_what_changes_a_bundle_changes_the_digest(path: str, old: str, new: str) -> None:
    assert digest(content(with_(path, old, new))) != digest(content())


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("registry.yaml", "The A", "The B"),
        ("registry.yaml", "kind: ", "# a comment\nkind: "),
        ("base", "validation:", "# why: none\n        validation:"),
        ("components/a/images.yaml", "source: chart", "source: operator"),
    ],
)
def test_what_does_not_change_a_bundle_does_not(path: str, old: str, new: str) -> None:
    assert digest(content(with_(path, old, new))) == digest(content())


def test_a_component_carries_all_that_belongs_to_it() -> None:
    (component,) = content()["componentRefs"]
    assert component["manifests"] == {"components/a/manifests/m.yaml": text_digest("kind: ConfigMap\n")}
    assert component["healthCheck"] == text_digest("kind: Test\n")
    assert component["images"] == ["quay.io/a/b:1"]
    assert component["registry"] == {"nodeScheduling": {"system": {"nodeSelectorPaths": ["x.nodeSelector"]}}}
    assert component["values"] == {"x": 1}


def test_what_there_is_none_of_is_absent() -> None:
    (component,) = content({"base": "componentRefs: [{name: a}]"})["componentRefs"]
    assert component.keys() == {"name", "type", "source", "namespace", "chart", "version"}


def test_a_manifest_that_does_not_exist_is_named() -> None:
    files = {path: text for path, text in FILES.items() if "manifests" not in path}
    with pytest.raises(Conflict, match="of component 'a' does not exist") as found:
        content(files)
    assert str(found.value.place) == "overlays/base.yaml:6:45"


def test_recipes_share_the_components_they_share() -> None:
    catalog = trees.load({**FILES, "eks": "criteria: {service: eks}"})
    resolver, gatherer = Resolver(catalog), Gatherer(catalog)
    one, two = (
        gatherer.content(resolver.resolve(criteria), state=CURATED) for criteria in (Criteria(), Criteria("eks"))
    )
    assert one["componentRefs"][0] is two["componentRefs"][0]
