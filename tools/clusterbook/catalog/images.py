"""Container images: how manifests and values write them, and the lists of them that a catalog keeps.

A component's list is components/<name>/images.yaml: the images that it may start. No registry is asked.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place, SourceErrors

if TYPE_CHECKING:
    from clusterbook.documents.yaml_reader import Node

UNKNOWN_COMPONENT = Code(
    "CB023",
    "image list of a component that is not in the registry",
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
_WITH_REGISTRY = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/", re.IGNORECASE)
_MOVING = frozenset(
    "latest main master trunk head edge nightly dev devel develop development snapshot canary stable unstable testing "
    "staging rolling current preview".split()
)
_PARTS = ("registry", "repository", "image", "name", "tag", "version", "digest")
_LONGEST_CONFIGURATION = 200_000


def full_name(word: str) -> str:
    """Return an image with its registry: `busybox:1` is `docker.io/library/busybox:1`.

    Source: distribution, package reference, ParseNormalizedNamed.
    """
    host, slash, rest = word.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return word
    return f"docker.io/{word}" if slash else f"docker.io/library/{host}{slash}{rest}"


def images_in(document: Any) -> Iterator[str]:
    """Yield the full names of the images that a Kubernetes object names, wherever it does; kinds name none.

    An image may stand in one word; in parts, as charts and operators write them (`{registry, repository, image or
    name, tag or version or digest}`); in the flags and variables of a container; and, in any of these forms, in the
    text of a ConfigMap.
    """
    if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
        return
    yield from _images_in(document)
    if isinstance(document, dict) and document.get("kind") == "ConfigMap":
        for text in (document.get("data") or {}).values():
            if isinstance(text, str) and "image" in text.lower() and len(text) < _LONGEST_CONFIGURATION:
                yield from _images_in(_configuration(text))


def _images_in(value: Any, key: str = "") -> Iterator[str]:
    """Yield the images in a value that stands below `key`."""
    if isinstance(value, list):
        for member in value:
            if isinstance(member, str) and key in ("args", "command"):
                yield from _in_a_word(member.partition("=")[2] or member)
            else:
                yield from _images_in(member, key)
    elif isinstance(value, dict):
        if value.get("imagePullPolicy") != "Never":  # such an image lies on the node, and in no registry
            yield from _in_parts(value, key)
        if key == "env" and isinstance(value.get("value"), str):
            yield from _in_a_word(value["value"])
        for name, member in value.items():
            yield from _images_in(member, name)


def _in_parts(parts: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield the image that a map names: in the word `image`, or in parts below a key that speaks of one."""
    said = {part: str(parts[part]) for part in _PARTS if isinstance(parts.get(part), str | int | float)}
    words = {part: word for part, word in said.items() if word}
    version, digest = words.get("tag") or words.get("version") or "", words.get("digest", "")
    if version.startswith("sha256:"):
        version, digest = "", version
    path: tuple[str, ...] = ("registry", "repository")
    if "image" in words:
        path = (*path, "image")  # beside it, `name` is that of a container
    elif key.lower().endswith("image"):
        path = (*path, "name")
    elif "repository" not in words or "tag" not in words:
        return
    name = "/".join(words[part].strip("/") for part in path if part in words)
    last = name.rpartition("/")[2]
    if version and ":" not in last and "@" not in last:
        name = f"{name}:{version}"
    if digest and "@" not in name:
        name = f"{name}@{digest}"
    if _is_image(name):
        yield full_name(name)


def _in_a_word(word: str) -> Iterator[str]:
    """Yield the image that a flag or a variable is beyond doubt: it names its registry, and a tag or a digest."""
    if _WITH_REGISTRY.match(word) and _is_image(word):
        yield word


def _is_image(word: str) -> bool:
    return bool(_IMAGE.match(word)) and (":" in word.rpartition("/")[2] or "@" in word)


def _configuration(text: str) -> Any:
    """Return what a ConfigMap's text says, None when that is no YAML."""
    from clusterbook.documents.yaml_reader import parse

    try:
        node = parse(text, "configuration", first_only=True)
    except SourceErrors:
        return None
    return node.data() if node else None


def is_moving(tag: str) -> bool:
    """Return whether a tag is one that publishers move."""
    word = tag.lower()
    return (
        word in _MOVING or word.startswith(("latest-", "nightly-", "main-")) or word.endswith(("-latest", "-nightly"))
    )


def moves(image: str) -> bool:
    """Return whether an image may be another one tomorrow: it has no digest, and its tag moves or is latest unsaid."""
    _, tag, digest = _split(image)
    return not digest and (not tag or is_moving(tag))


def covers(listed: str, image: str) -> bool:
    """Return whether one image is the other, though an operator may put the system's name behind the tag.

    `driver:580.65-ubuntu24.04` covers `driver:580.65`; a digest has to be the same only where both say one.
    """
    (name, tag, digest), (other, other_tag, other_digest) = _split(listed), _split(image)
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
    """One container image, as a list names it; `digest` is "" where it was not looked at, `tag` where it has none."""

    registry: str
    repository: str
    tag: str
    digest: str
    source: str
    suffix: tuple[str, ...] = ()
    """What an operator adds to the tag on each node: os, architecture, kernel."""

    def word(self) -> str:
        """Return the image as one word, `registry/repository[:tag][@digest]`."""
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def pattern(image: str, suffix: Iterable[str]) -> str:
    """Return how people are shown an image to whose tag nodes add something: `driver:580.126.20-<os>`."""
    return "".join((image, *(f"-<{part}>" for part in suffix)))


def image_of(word: str) -> Image:
    """Return the image that `registry/repository[:tag][@digest]` names; nobody says where that was found."""
    name, _, digest = word.partition("@")
    registry, _, rest = name.partition("/")
    repository, _, tag = rest.partition(":")
    return Image(registry, repository, tag, digest, "")


def image_lists(documents: Mapping[str, Node]) -> dict[str, tuple[Image, ...]]:
    """Return the images of each component, by its name, out of a catalog's documents."""
    lists: dict[str, tuple[Image, ...]] = {}
    for path, node in documents.items():
        parts, listed = path.split("/"), node.get("spec", "images")
        if parts[0] == "components" and parts[2:] == ["images.yaml"] and listed is not None:
            lists[parts[1]] = tuple(map(listed_image, listed.text_data()))
    return lists


def listed_image(entry: Mapping[str, Any]) -> Image:
    """Return the image that an entry of a list names."""
    words = {field: str(entry.get(field, "")) for field in ("registry", "repository", "tag", "digest", "source")}
    return Image(**words, suffix=tuple(entry.get("suffix", ())))


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
