"""Container images: how manifests and values write them, and the lists of them that a catalog keeps.

A component's list is components/<name>/images.yaml: the images that it may start. No registry is asked.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node

UNKNOWN_COMPONENT = Code(
    "CB023",
    "component not in the registry",
    "error",
    "Without a registry entry a component has no defaults, no scheduling paths and no health check.",
    "Correct the name, or add an entry to registry.yaml.",
)
NAME_MISMATCH = Code(
    "CB035",
    "file name and metadata.name differ",
    "error",
    "People look for a layer by its name, and messages and bundles quote that name.",
    "Rename the file or the document.",
)

IMAGE_LINE = re.compile(r"""^\s*(?:-\s+)?image:\s*(?P<quote>["']?)(?P<image>[^\s"'#]+)(?P=quote)\s*(?:#.*)?$""")
"""A line of a manifest, or of a template of one, that names an image."""
_IMAGE = re.compile(r"[a-z0-9][\w.-]*(?::\d+)?(?:/[\w.-]+)*(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?\Z", re.IGNORECASE)


def full_name(word: str) -> str:
    """Return an image with its registry: `busybox:1` is `docker.io/library/busybox:1`.

    Source: distribution, package reference, ParseNormalizedNamed.
    """
    host, slash, rest = word.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return word
    return f"docker.io/{word}" if slash else f"docker.io/library/{host}{slash}{rest}"


def images_in(document: Any) -> Iterator[str]:
    """Yield the full names of the images that a Kubernetes object names, wherever it does.

    An image may stand in one word, or in the three that operators of NVIDIA read: repository, image and version.
    """
    if isinstance(document, list):
        for member in document:
            yield from images_in(member)
    elif isinstance(document, dict):
        image = document.get("image")
        if isinstance(image, str) and image:
            yield from _image_names(image, document)
        for key, member in document.items():
            if key != "image" or not isinstance(member, str):
                yield from images_in(member)


def _image_names(image: str, beside: dict[str, Any]) -> Iterator[str]:
    repository, version = beside.get("repository"), str(beside.get("version") or beside.get("tag") or "")
    if isinstance(repository, str) and repository:
        image = f"{repository}/{image}"
    if version and ":" not in image.rpartition("/")[2]:
        image = f"{image}@{version}" if version.startswith("sha256:") else f"{image}:{version}"
    if _IMAGE.match(image) and (":" in image.rpartition("/")[2] or "@" in image):
        yield full_name(image)


def covers(listed: str, wanted: str) -> bool:
    """Return whether one image is the other, though an operator may put the system's name behind the tag.

    `driver:580.65-ubuntu24.04` covers `driver:580.65`; a digest has to be the same only where both say one.
    """
    (name, tag, digest), (other, other_tag, other_digest) = _split(listed), _split(wanted)
    if name != other or (digest and other_digest and digest != other_digest):
        return False
    same_tag = tag == other_tag or tag.startswith(f"{other_tag}-")
    return same_tag if other_tag else digest == other_digest


def _split(image: str) -> tuple[str, str, str]:
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return f"{head}{slash}{last}", tag, digest


class Image(NamedTuple):
    """One container image, as a list names it; `digest` is "" where it was not looked at."""

    registry: str
    repository: str
    tag: str
    digest: str
    source: str


def image_of(word: str) -> Image:
    """Return the image that `registry/repository:tag[@digest]` names; nobody says where that was found."""
    name, _, digest = word.partition("@")
    registry, _, rest = name.partition("/")
    repository, _, tag = rest.rpartition(":")
    return Image(registry, repository, tag, digest, "")


def image_lists(documents: Mapping[str, Node]) -> dict[str, tuple[Image, ...]]:
    """Return the images of each component, by its name, out of a catalog's documents."""
    lists: dict[str, tuple[Image, ...]] = {}
    for path, node in documents.items():
        parts, listed = path.split("/"), node.get("spec", "images")
        if parts[0] == "components" and parts[2:] == ["images.yaml"] and listed is not None:
            lists[parts[1]] = tuple(
                Image(**{field: image.get(field, "") for field in Image._fields}) for image in listed.written()
            )
    return lists


def image_list_findings(node: Node, file: str, *, component: str, components: Container[str]) -> Iterator[Finding]:
    """Yield what does not fit between a list, its folder `component` and the registry's names in `components`."""
    title = node.get("metadata", "name")
    if title is None:
        return
    place = Place(file, title.line, title.column)
    if component not in components:
        yield UNKNOWN_COMPONENT.finding(
            place, f"'{component}' is not in the registry", "add it, or remove the file", "error"
        )
    elif title.string() != component:
        what = f"the folder is '{component}', metadata.name is '{title.string()}'"
        yield NAME_MISMATCH.finding(place, what, f"write 'name: {component}'", "error")
