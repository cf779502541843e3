"""Image words: values of a chart that say which image is started, held against the list of its component's images.

A list is written for the values that its catalog has. Law: where a value names what the list does not have, the list
is not complete, whoever wrote that value. Part of every `bundle`, so it imports next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from clusterbook.records import Any

_TELLING = frozenset("image repository registry tag version digest imagetag imagerepository imageregistry".split())
"""Last words of paths whose values say which image is started."""


@cache
def names_image(key: str) -> bool:
    """Return whether the value of a key may say which image is started."""
    return key.lower() in _TELLING or key.lower().endswith(("image", "images"))


def unlisted_words(values: Mapping[str, Any], listed: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of each value that names an image, or a part of one, which is none of those listed.

    The order does not depend on that of the keys, since digests of recipes cover what is said of it: paths that begin
    alike stand together, a version before the repository that it is in.
    """
    words = sorted(_words(values, ""), key=lambda word: word[0].rpartition(".")[2], reverse=True)
    for path, value in sorted(words, key=lambda word: word[0].rpartition(".")[0]):
        part = re.compile(rf"(^|[/:@]){re.escape(str(value).strip('/'))}($|[/:@-])")
        if not any(part.search(image) for image in listed):
            yield path, str(value)


def _words(values: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Yield dotted path and value of what may name an image; elements of a list have the path of the list."""
    for key, value in values.items():
        elements = value if isinstance(value, list) else (value,)
        for each in elements:
            if isinstance(each, dict):
                yield from _words(each, f"{above}{key}.")
            elif names_image(str(key)) and each not in (None, "", []) and not isinstance(each, bool):
                yield f"{above}{key}", each
