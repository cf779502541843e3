"""Names of new things, as files, Kubernetes and slugs take them."""

from __future__ import annotations

import json
import re

from clusterbook.diagnostics.errors import InvalidRequest

_PLAIN = re.compile(r"[A-Za-z][\w./-]*")
_WORD = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def read_word(text: str, what: str) -> str:
    """Return a name of small letters, figures and dashes.

    Raises:
        InvalidRequest: it is none. Source: RFC 1123, labels.
    """
    if _WORD.fullmatch(text) is None:
        hint = "write small letters, figures and dashes, at most 63, such as h100 or gpu-operator"
        raise InvalidRequest(f"{what} cannot be '{text}'", hint=hint)
    return text


def quoted(text: str) -> str:
    """Return text as YAML that reads as this text, in quotes unless it is a plain word."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
    return text if plain else json.dumps(text, ensure_ascii=False)
