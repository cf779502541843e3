"""What runs, by name and by all that is known of it."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.collect.cluster.images import Images, NodeImage, parse

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx", NodeImage("docker.io", "library/nginx", "latest", "")),
        ("grafana/grafana:11", NodeImage("docker.io", "grafana/grafana", "11", "")),
        ("nvcr.io/nvidia/gpu-operator:v26.3.2", NodeImage("nvcr.io", "nvidia/gpu-operator", "v26.3.2", "")),
        ("localhost:5000/a/b", NodeImage("localhost:5000", "a/b", "latest", "")),
        (f"ghcr.io/a/b:1@{DIGEST}", NodeImage("ghcr.io", "a/b", "1", DIGEST)),
        (f"ghcr.io/a/b@{DIGEST}", NodeImage("ghcr.io", "a/b", "", DIGEST)),
    ],
)
def test_a_reference_is_taken_apart(text: str, image: NodeImage) -> None:
    assert parse(text) == image


def pod(*images: tuple[str, str], key: str = "containers") -> dict[str, Any]:
    statuses = {"containers": "containerStatuses", "initContainers": "initContainerStatuses"}[key]
    return {
        "spec": {key: [{"name": f"c{number}", "image": image} for number, (image, _) in enumerate(images)]},
        "status": {statuses: [{"name": f"c{number}", "imageID": said} for number, (_, said) in enumerate(images)]},
    }


def test_every_container_counts_once_a_pod_with_the_digest_that_the_node_found() -> None:
    images = Images()
    images.add(pod(("nvcr.io/nvidia/cuda:13.0", f"nvcr.io/nvidia/cuda@{DIGEST}"), ("nvcr.io/nvidia/cuda:13.0", "")))
    images.add(
        pod(("nvcr.io/nvidia/cuda:13.0", f"docker-pullable://nvcr.io/nvidia/cuda@{DIGEST}"), key="initContainers")
    )
    group = images.group()
    assert group.data == {"cuda": "13.0"}
    known = {"registry": "nvcr.io", "repository": "nvidia/cuda", "tag": "13.0"}
    assert [(each.data, each.context) for each in group.items] == [
        (known, {"pods": 1}),
        ({**known, "digest": DIGEST}, {"pods": 2}),
    ]


def test_an_id_that_no_registry_knows_is_no_digest() -> None:
    images = Images()
    images.add(pod(("nginx:1", DIGEST)))
    assert "digest" not in images.group().items[0].data


def test_of_several_tags_the_last_in_order_stands_for_the_name() -> None:
    images = Images()
    for tag in ("v2", "v10", "v1"):
        images.add(pod((f"nvcr.io/nvidia/gpu-operator:{tag}", "")))
    assert images.group().data == {"gpu-operator": "v2"}
    assert len(images.group().items) == 3


def test_a_pod_without_anything_is_no_trouble() -> None:
    images = Images()
    images.add({"metadata": {"name": "a"}})
    assert images.group().data == {}
