"""Image tags: whether a recipe names software that stays the same, in values, manifests and the validator catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterbook.catalog.images import IMAGE_LINE, is_moving
from clusterbook.catalog.tree import images_of
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, key_place, maps, place, scalars

MOVING_TAG = Code(
    "CB045",
    "moving tag",
    "warning",
    "A tag or version range that can move makes one recipe deploy two different clusters.",
    "Name a released version or a digest.",
)
OTHER_CHART = Code(
    "CB059",
    "image list of another chart version",
    "warning",
    "The images of a component were listed for another chart version than the one deployed, so a mirror made "
    "from the list may lack images.",
    "Look at the images of the new chart (`clusterbook mirror list --check`), fix the list and set the version "
    "in `spec.chart`.",
)

_IMAGE = re.compile(r"(?:[\w.-]+(?::\d+)?/)*[\w.-]+\Z")
_REFERENCE = re.compile(r"(?:^|=)((?:[\w.-]+(?::\d+)?/)+[\w.-]+):([\w.-]+)\Z")
_SIBLINGS = frozenset({"tag", "version", "digest", "sha", "repository", "imagetag", "registry"})
"""Keys beside `image` that carry the rest of the reference."""
_RANGE = re.compile(r"[\^~*<>=|,\s]|\.x\b|\bx\Z|\Aheads/")


def moving_tags(scope: Scope) -> Iterator[Finding]:
    """Yield CB045 for each tag, image or version that may mean something else tomorrow."""
    for values in scope.values:
        yield from _in_values(values.file, values.node)
    for ref in scope.component_refs:
        for field in ("version", "tag"):
            yield from _version(ref.layer.file, ref.node.get(field), field)
    for component in scope.catalog.components.values():
        yield from _version(component.file, component.node.get("helm", "defaultVersion"), "defaultVersion")
        yield from _version(component.file, component.node.get("kustomize", "defaultTag"), "defaultTag")
    for file, entry in scope.validators:
        if image := entry.get("image"):
            yield from _image(place(file, image), image.string())
    for file in sorted(scope.sources):
        if "/manifests/" in scope.paths[file]:
            yield from _in_manifest(file, scope.lines[file])


def lists_of_other_charts(scope: Scope) -> Iterator[Finding]:
    """Yield CB059 for each image list that was written for another version of its chart, or does not say for which."""
    for path, file, node in scope.documents:
        component, images = scope.catalog.components.get(images_of(path)), node.get("spec", "images")
        if component is None or images is None:
            continue
        default, said = component.defaults.get("version"), node.get("spec", "chart")
        if default is not None and said is None:
            what = f"the list does not name the chart version that it was written for; {default.place} pins it"
            yield OTHER_CHART.finding(
                key_place(file, images), what, f'compare the images, then add chart: "{default.value}"'
            )
        elif said is not None and (default is None or said.string() != default.value):
            pinned = f"{default.place} has {default.value}" if default else "the registry has no chart for it"
            what = f"the list was written for chart version {said.string()}, {pinned}"
            yield OTHER_CHART.finding(place(file, said), what, "compare the images, then name the version here")


def _version(file: str, node: Node | None, field: str) -> Iterator[Finding]:
    """Yield a finding when a version is a range or a moving tag."""
    text = node.string() if node else ""
    if node and text and text == text.strip() and (is_moving(text) or _RANGE.search(text)):
        yield _moving_tag(
            place(file, node), f"{field} '{text}' is a moving tag", "name one released version, in quotes"
        )


def _in_values(file: str, node: Node) -> Iterator[Finding]:
    """Yield a finding for each moving tag and each image without a tag among values."""
    for mapping in maps(node):
        for key, child in mapping.items():
            if key.lower() in ("tag", "imagetag") and is_moving(child.string()):
                yield _moving_tag(
                    place(file, child), f"{key} '{child.text}' is a moving tag", "name a released version or a digest"
                )
            elif key.lower() == "image" and "/" in child.string() and ":" not in child.string().rpartition("/")[2]:
                alone = not _SIBLINGS & {other.lower() for other, _ in mapping.items()}
                if alone and _IMAGE.match(child.string()):
                    yield from _image(place(file, child), child.string())
    for _, leaf in scalars(node):
        match = _REFERENCE.search(leaf.string()) if ":" in leaf.string() else None
        if match and is_moving(match[2]):
            yield from _image(place(file, leaf), f"{match[1]}:{match[2]}")


def _in_manifest(file: str, lines: list[str]) -> Iterator[Finding]:
    """Yield a finding for each `image:` line of a manifest, which may be a template and so no YAML."""
    for number, line in enumerate(lines, 1):
        match = IMAGE_LINE.match(line) if "image:" in line else None
        if match and "{{" not in line and not _versioned_beside(lines, number - 1):
            yield from _image(Place(file, number, match.start("image") + 1 - len(match["quote"])), match["image"])


def _versioned_beside(lines: list[str], at: int) -> bool:
    """Return whether the map that holds the `image:` at `lines[at]` names its version under a key of its own."""
    column = len(lines[at]) - len(lines[at].lstrip("- "))
    for step in (1, -1):
        near = at + step
        while 0 <= near < len(lines):
            text = lines[near]
            start = len(text) - len(text.lstrip("- "))
            if text.strip() and start < column:
                break
            if start == column and text.lstrip("- ").startswith(("version:", "tag:", "digest:")):
                return True
            near += step
    return False


def _image(where: Place, image: str) -> Iterator[Finding]:
    """Yield a finding when an image reference has no tag, or one that moves."""
    name = image.rpartition("/")[2]
    if "@" in name or "$" in image:
        return
    _, _, tag = name.partition(":")
    if not tag:
        what = f"image '{image}' has no tag, which means latest"
        yield _moving_tag(where, what, f"write {image.removesuffix(':')}:<version>")
    elif is_moving(tag):
        yield _moving_tag(where, f"image '{image}' has a moving tag", "name a released version or a digest")


def _moving_tag(where: Place, what: str, hint: str) -> Finding:
    return MOVING_TAG.finding(where, what, f"{hint}, or say why with '# allow CB045: reason'")
