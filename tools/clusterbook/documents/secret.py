"""Secret: whether a value is one, by the name of its key or by what it looks like.

Names of Secrets, references to variables and digests are left alone.
"""

from __future__ import annotations

import math
import re
from collections import Counter

_PASSWORD = re.compile(r"(?:^|[a-z_.-])(?:password|passwd|passphrase)\Z", re.IGNORECASE)
_KEY = re.compile(
    r"(?:^|[a-z_.-])(?:api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?(?:access[_-]?)?key|private[_-]?key|auth[_-]?token|"
    r"bearer[_-]?token|access[_-]?token|api[_-]?token|client[_-]?secret|shared[_-]?secret|token|secret)\Z",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\A(?:\$[({\w]|\{\{|<|%|/|\.\.?/)|\.(?:pem|key|crt|json|yaml|txt)\Z|\A(?:https?|vault|ref\+|secret)://"
)
_KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")
KNOWN = (
    ("a private key", "PRIVATE KEY", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    ("an AWS access key", "AKIA", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("an AWS access key", "ASIA", re.compile(r"\bASIA[0-9A-Z]{16}\b")),
    ("a GitHub token", "gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}")),
    ("a GitHub token", "github_pat_", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{40,}")),
    ("a GitLab token", "glpat-", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("an NGC key", "nvapi-", re.compile(r"\bnvapi-[A-Za-z0-9_-]{40,}")),
    ("a Hugging Face token", "hf_", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("a Slack token", "xox", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}")),
    ("a Google API key", "AIza", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("a signed token", "eyJ", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")),
    ("a password in an address", "://", re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@$<{\"']+:[^\s/@$<{\"']{3,}@[\w.-]+")),
)
"""What it looks like, a text that all of its kind have in common (looked for first: that is fast), and its form."""
_RANDOM = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}\Z")
_HARMLESS_KEY = re.compile(
    r"(digest|checksum|hash|sha\d*|fingerprint|uid|uuid|guid|commit|version|tag|image|repository|url)\Z", re.IGNORECASE
)


def is_secret(key: str, value: str, *, spoken: bool = True) -> bool:
    """Return whether `key` is a secret's name and `value` the secret itself rather than where to find it."""
    if not spoken or not value or _REFERENCE.search(value):
        return False
    if _PASSWORD.search(key):
        return True
    return bool(_KEY.search(key)) and not _KUBERNETES_NAME.match(value)


def is_random(key: str, value: str) -> bool:
    """Return whether a value is a long run of characters without any order, under a key that does not explain it."""
    if len(value) < 32 or _HARMLESS_KEY.search(key) or not _RANDOM.match(value):
        return False
    kinds = (any(map(str.isupper, value)), any(map(str.islower, value)), any(map(str.isdigit, value)))
    return all(kinds) and "/" not in value.strip("/")[:8] and _entropy(value) > 4.5


def _entropy(text: str) -> float:
    """Return the bits of information per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def looks_secret(key: str, value: str) -> bool:
    """Return whether a value under a key looks like a secret, for whatever reason."""
    is_known = any(mark in value and pattern.search(value) for _, mark, pattern in KNOWN)
    return is_known or is_secret(key, value) or is_random(key, value)
