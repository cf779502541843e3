"""Images: what runs on a cluster, from which registry, under which tag and digest.

Source: reference row S11; registry, repository, digest and how many pods have it are ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.snapshot.build import SubtypeReadings
from clusterbook.snapshot.model import Item

_LISTS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


class NodeImage(NamedTuple):
    """One image; `digest` is "" where no node has said it yet."""

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        """The last part of the repository."""
        return self.repository.rpartition("/")[2]


def parse(text: str) -> NodeImage:
    """Return what an image's reference names; without a registry it is Docker's, without a tag or digest `latest`."""
    whole, _, digest = text.partition("@")
    first, slash, rest = whole.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, path = first, rest
    else:
        registry, path = "docker.io", whole if slash else f"library/{whole}"
    head, colon, tag = path.rpartition(":")
    repository = head if colon else path
    return NodeImage(registry, repository, tag if colon else ("" if digest else "latest"), digest)


class Images:
    """The images of all pods, told one after the other."""

    def __init__(self) -> None:
        self._found: Counter[NodeImage] = Counter()

    def add(self, pod: Mapping[str, Any]) -> None:
        """Count one pod in, with all its containers."""
        spec, status = pod.get("spec") or {}, pod.get("status") or {}
        images = set()
        for containers, statuses in _LISTS:
            ids = {each.get("name"): str(each.get("imageID") or "") for each in status.get(statuses) or ()}
            for each in spec.get(containers) or ():
                if not each.get("image"):
                    continue
                image = parse(str(each["image"]))
                # without a registry in front it is the image's own id, which no registry knows
                _, at, digest = ids.get(each.get("name"), "").rpartition("@")
                images.add(image._replace(digest=image.digest or (digest if at else "")))
        self._found.update(images)

    def group(self) -> SubtypeReadings:
        """Return K8s.image: name → tag, and each image with all that is known of it.

        Of several tags of one name the last in order is the one that stands for it; the items have them all.
        """
        tags: dict[str, str] = {}
        things = []
        for image, pods in sorted(self._found.items()):
            tags[image.name] = max(tags.get(image.name, ""), image.tag or image.digest)
            data = {key: value for key, value in image._asdict().items() if value}
            things.append(Item(data, {"pods": pods}))
        return SubtypeReadings(dict(sorted(tags.items())), things)
