"""Digests: the name of a document by what it says, the sha256 of its canonical form.

Source: RFC 8785, the JSON Canonicalization Scheme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from clusterbook.diagnostics.errors import ClusterbookError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""How a digest is written."""


class NoCanonicalForm(ClusterbookError):
    """A value has no canonical form that every reader reads alike: JSON numbers end at 2^53.

    Quote the value, so that it is text, or choose a smaller number.
    """

    code = "CB120"
    exit_status = 2


def canonical(document: Any) -> bytes:
    """Return the one way to write `document` as JSON.

    Raises:
        NoCanonicalForm: it holds an infinite number, one beyond 2^53, or half a character.
    """
    import rfc8785  # only where digests are made or verified; a look-up does neither

    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise NoCanonicalForm(f"a value has no canonical form: {error}", hint="quote it, so that it is text") from error


def digest(document: Any) -> str:
    """Return `sha256:…` of a document's canonical form. Raises as `canonical`."""
    return f"sha256:{sha256(canonical(document)).hexdigest()}"


def text_digest(text: str) -> str:
    """Return `sha256:…` of a text."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def tree_digest(texts: Mapping[str, str]) -> str:
    """Return the digest of a source tree: of all its files by path, each by its own digest."""
    return digest({path: text_digest(text) for path, text in texts.items()})
