"""Image words: full names, where objects name images, and when two words mean the same image."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.catalog.images import covers, full_name, images_in

DIGEST = f"sha256:{'a' * 64}"


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
    ],
)  # fmt: skip
def test_images_are_found_wherever_an_object_names_them(document: Any, found: list[str]) -> None:
    assert list(images_in([document])) == found


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
