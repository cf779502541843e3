"""Image lists: what components/<name>/images.yaml may say, and where a mistake in it is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.catalog.images import Image, covers, full_name, image_of, images_in
from clusterbook.catalog.load import load_catalog, survey_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.catalog.tree import SourceFile, SourceTree
from clusterbook.diagnostics.findings import Finding

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
DIGEST = f"sha256:{'0' * 64}"
GOOD = f"""\
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentImages
metadata:
  name: a
spec:
  images:
    - {{registry: quay.io, repository: a/b, tag: "1.10", source: chart}}
    - {{registry: "localhost:5000", repository: library/c, tag: v1, digest: "{DIGEST}", source: operator}}
"""
REGISTRY = "kind: ComponentRegistry\ncomponents: [{name: a}]\n"
BASE = "apiVersion: clusterbook.dev/v1alpha1\nkind: RecipeMetadata\nmetadata: {name: base}\nspec: {}\n"


def findings(text: str, *, path: str = "components/a/images.yaml", strict: bool = True) -> list[Finding]:
    """Return what is found in a tree whose only image list has this text."""
    files = {"registry.yaml": REGISTRY, "overlays/base.yaml": BASE, path: text}
    tree = SourceTree({name: SourceFile(body, name) for name, body in files.items()}, {}, strict)
    return list(survey_catalog(tree).findings)


def test_a_list_that_says_all_it_has_to_is_silent() -> None:
    assert findings(GOOD) == []


def test_an_image_may_be_known_by_its_digest_alone() -> None:
    assert findings(GOOD.replace("tag: v1, ", "")) == []
    by_digest = Image("ghcr.io", "a/b", "", DIGEST, "")
    assert by_digest.word() == f"ghcr.io/a/b@{DIGEST}"
    assert image_of(by_digest.word()) == by_digest
    assert covers(by_digest.word(), by_digest.word())


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("source: chart", "source: guess", "CB010"),
        (", source: chart}", "}", "CB011"),
        ("digest:", "digset:", "CB012"),
        (DIGEST, "sha256:abc", "CB010"),
        ('{registry: quay.io, repository: a/b, tag: "1.10",', "{registry: quay.io, repository: a/b,", "CB010"),
        ("tag: v1,", "suffix: [os],", "CB010"),
        ("repository: a/b", "repository: a/b:1", "CB010"),
        ("kind: ComponentImages", "kind: Images", "CB015"),
        ("name: a\n", "name: b\n", "CB035"),
    ],
)
def test_a_mistake_is_found_in_its_place(right: str, wrong: str, code: str) -> None:
    (found,) = findings(GOOD.replace(right, wrong, 1))
    line = GOOD[: GOOD.index(right)].count("\n") + 1
    assert (found.code, found.place.file, found.place.line) == (code, "components/a/images.yaml", line)


def test_a_list_for_an_unknown_component_is_found() -> None:
    (found,) = findings(GOOD, path="components/b/images.yaml")
    assert found.code == "CB023"


def test_trees_of_others_may_mean_something_else_by_the_name() -> None:
    assert findings("- whatever\n", strict=False) == []


def test_a_file_of_that_name_elsewhere_is_no_image_list() -> None:
    assert findings("a: 1\n", path="components/a/manifests/images.yaml") == []


def test_our_own_lists_can_be_loaded() -> None:
    documents = load_catalog(read_tree(RECIPES, strict=True)).documents
    assert all(documents[path].get("spec", "images") for path in documents if path.endswith("/images.yaml"))


@pytest.mark.parametrize(
    ("word", "full"),
    [
        ("busybox:1", "docker.io/library/busybox:1"),
        ("grafana/grafana:13", "docker.io/grafana/grafana:13"),
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("localhost/a:1", "localhost/a:1"),
        ("registry:5000/a:1", "registry:5000/a:1"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
    ],
)
def test_an_image_without_a_registry_is_docker_hubs(word: str, full: str) -> None:
    assert full_name(word) == full


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"spec": {"containers": [{"image": "a.io/b:1"}, {"image": "c"}]}}, ["a.io/b:1"]),
        ({"driver": {"repository": "nvcr.io/n", "image": "d", "version": "580.1"}}, ["nvcr.io/n/d:580.1"]),
        ({"repository": "nvcr.io/n", "image": "d", "version": DIGEST}, [f"nvcr.io/n/d@{DIGEST}"]),
        ({"repository": "nvcr.io/n", "image": "d"}, []),
        ({"image": {"type": "string"}}, []),
        ({"image": {"image": "a.io/b:1"}}, ["a.io/b:1"]),
        ({"image": "not an image: really"}, []),
        ("image: a.io/b:1", []),
        ({"spec": {"binder": {"image": {"name": "binder", "repository": "ghcr.io/k/k", "tag": "v1"}}}},
         ["ghcr.io/k/k/binder:v1"]),
        ({"image": {"registry": "quay.io", "repository": "a/b", "tag": 1}}, ["quay.io/a/b:1"]),
        ({"image": {"registry": "a.io", "name": "b", "version": "v2", "digest": DIGEST}}, [f"a.io/b:v2@{DIGEST}"]),
        ({"initImage": {"repository": "a.io/b", "digest": DIGEST}}, [f"a.io/b@{DIGEST}"]),
        ({"sidecar": {"repository": "a.io/b", "tag": "v3"}}, ["a.io/b:v3"]),
        ({"chart": {"repository": "https://a.io/b", "tag": "v3"}}, []),
        ({"image": {"name": "b", "repository": "a.io"}}, []),
        ({"name": "main", "image": "a.io/b:1", "registry": ""}, ["a.io/b:1"]),
        ({"args": ["--image=a.io/b:1", "--level=info", "c.io/d:2"]}, ["a.io/b:1", "c.io/d:2"]),
        ({"env": [{"name": "AGENT_IMAGE", "value": "a.io/b:1"}, {"name": "URL", "value": "a.io/b"}]}, ["a.io/b:1"]),
        ({"kind": "ConfigMap", "data": {"c.yaml": "agent:\n  image: {repository: a.io/b, tag: v1}\n", "t": "image"}},
         ["a.io/b:v1"]),
        ({"kind": "CustomResourceDefinition", "spec": {"image": "a.io/b:1"}}, []),
    ],
)  # fmt: skip
def test_images_are_found_wherever_an_object_names_them(document: Any, found: list[str]) -> None:
    assert list(images_in(document)) == found


@pytest.mark.parametrize(
    ("listed", "wanted", "same"),
    [
        ("a.io/b:1", "a.io/b:1", True),
        ("a.io/b:1-ubuntu24.04", "a.io/b:1", True),
        ("a.io/b:10", "a.io/b:1", False),
        ("a.io/b:1", "a.io/b:1-ubuntu24.04", False),
        ("a.io:5000/b:1", "a.io:5000/c:1", False),
        (f"a.io/b:1@{DIGEST}", "a.io/b:1", True),
        (f"a.io/b:1@{DIGEST}", f"a.io/b@{DIGEST}", True),
        (f"a.io/b:1@{DIGEST}", f"a.io/b:1@sha256:{'b' * 64}", False),
        ("a.io/b:1", f"a.io/b@{DIGEST}", False),
    ],
)
def test_a_listed_image_covers_what_differs_by_the_system_alone(listed: str, wanted: str, same: bool) -> None:
    assert covers(listed, wanted) is same


def test_an_image_that_is_never_pulled_is_none_to_mirror() -> None:
    pod = {
        "initContainers": [{"name": "a", "image": "on-the-node:fixed", "imagePullPolicy": "Never"}],
        "containers": [
            {"name": "b", "image": "quay.io/x/b:1", "imagePullPolicy": "Never", "env": [{"value": "quay.io/x/c:1"}]},
            {"name": "d", "image": "quay.io/x/d:1", "imagePullPolicy": "IfNotPresent"},
            {"name": "e", "image": "quay.io/x/b:1"},
        ],
    }
    found = list(images_in({"kind": "Pod", "spec": pod}))
    assert sorted(found) == ["quay.io/x/b:1", "quay.io/x/c:1", "quay.io/x/d:1"]
