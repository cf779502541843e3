"""Canonical JSON: one way to write a document, so that the same content is the same bytes and the same digest.

The only module that imports rfc8785, and only where something is written. Source: RFC 8785.
"""

from __future__ import annotations

from typing import Any


def canonical(document: Any) -> bytes:
    """Return a document as bytes: same content, same bytes."""
    import rfc8785

    return rfc8785.dumps(document)
