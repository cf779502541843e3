"""Hints of errors and findings, read as data, so that their wording is asserted in one place alone."""

from __future__ import annotations

import re

_NEAREST = re.compile(r"did you mean '([^']+)'")


def nearest(text: str) -> str:
    """Return the word that a hint offers instead of an unknown one, "" where it offers none."""
    offer = _NEAREST.search(text)
    return offer[1] if offer else ""
