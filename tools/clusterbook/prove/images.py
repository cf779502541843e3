"""Images of rendered objects: in pods, in one word or in parts, in custom resources, flags and configuration files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.images import full_name, images_in
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.yaml_reader import parse
from clusterbook.prove.objects import Object
from clusterbook.prove.values import leaves, pointer

_WORD = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?(?:/[a-z0-9][\w.-]*)+(?::\w[\w.-]*)?(?:@sha256:[0-9a-f]{64})?")
"""An image whose registry is named, so that a word of a flag or a variable is one beyond doubt once it has a tag."""
_MAX_CONFIG = 200_000


def images_of(each: Object) -> Iterator[str]:
    """Yield the full names of the images that an object names, wherever it does; kinds name none."""
    if each.data.get("kind") == "CustomResourceDefinition":
        return
    yield from images_in(each.data)
    yield from _in_parts(each.data)
    yield from _in_words(each.data)
    if each.data.get("kind") == "ConfigMap":
        for text in (each.data.get("data") or {}).values():
            if isinstance(text, str) and "image" in text.lower() and len(text) < _MAX_CONFIG:
                yield from _in_text(text)


def _in_parts(data: Any) -> Iterator[str]:
    """Yield images that stand as a map: registry, repository, name or image, tag or version or digest."""
    if isinstance(data, list):
        for each in data:
            yield from _in_parts(each)
    elif isinstance(data, dict):
        for key, inner in data.items():
            if key.lower().endswith("image") and isinstance(inner, dict):
                yield from _joined(inner)
            yield from _in_parts(inner)


def _joined(parts: Mapping[str, Any]) -> Iterator[str]:
    words = {key: str(parts[key]) for key in ("registry", "repository", "name", "image", "tag", "version", "digest")
             if isinstance(parts.get(key), str | int | float) and parts.get(key) != ""}  # fmt: skip
    name = "/".join(words[key] for key in ("registry", "repository", "image", "name") if key in words)
    version, digest = words.get("tag") or words.get("version") or "", words.get("digest", "")
    if "/" in name and (version or digest):
        yield full_name(f"{name}{f':{version}' if version else ''}{f'@{digest}' if digest else ''}")


def _in_words(data: Any) -> Iterator[str]:
    """Yield images in flags and variables of containers."""
    if isinstance(data, list):
        for each in data:
            yield from _in_words(each)
    elif isinstance(data, dict):
        for key, inner in data.items():
            if key in ("args", "command") and isinstance(inner, list):
                words = [str(each).partition("=")[2] or str(each) for each in inner if "\n" not in str(each)]
            elif key == "env" and isinstance(inner, list):
                words = [str(each.get("value", "")) for each in inner if isinstance(each, dict)]
            else:
                words = []
            yield from (word for word in words if _is_image(word))
            yield from _in_words(inner)


def _is_image(word: str) -> bool:
    return bool(_WORD.fullmatch(word)) and (":" in word.rpartition("/")[2] or "@" in word)


def _in_text(text: str) -> Iterator[str]:
    try:
        node = parse(text, "configuration", first_only=True)
    except SourceErrors:
        return
    data = node.data() if node else None
    yield from images_in(data)
    yield from _in_parts(data)
    yield from _in_words(data)


def setting(image: str, values: Mapping[str, Any]) -> str:
    """Return the pointer of the value that names an image's repository, "" when the chart spells it out itself."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    best: tuple[int, str] = (0, "")
    for path, value in leaves(values):
        if not isinstance(value, str) or len(value) < 2:
            continue
        whole = value in (image, name) or full_name(value) in (image, name)
        if whole or repository == full_name(value) or repository == value or repository.endswith(f"/{value}"):
            best = max(best, (len(value), pointer(path)), key=lambda it: it[0])
    return best[1]
