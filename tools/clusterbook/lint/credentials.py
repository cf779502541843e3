"""Credentials: what should not stand in a public file.

A value is a secret by the name of its key or by what it looks like. Names of Secrets, references to variables and
digests are left alone, and no secret is repeated in a message.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope

SECRET = Code(
    "CB049",
    "value that looks like a secret",
    "warning",
    "What is published is public for ever, and a default password is used for ever.",
    "Remove it and refer to a Kubernetes Secret; change it if it was real.",
)

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
_KNOWN = (
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

_LINE = re.compile(
    r"""^\s*(?:-\s+)?["']?(?P<key>[\w.-]+)["']?:\s+(?P<quote>["']?)(?P<value>[^\s"'#][^"'#]*?)(?P=quote)\s*(?:#.*)?$"""
)
_RANDOM = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}\Z")
_HARMLESS_KEY = re.compile(
    r"(digest|checksum|hash|sha\d*|fingerprint|uid|uuid|guid|commit|version|tag|image|repository|url)\Z", re.IGNORECASE
)


def secrets(scope: Scope) -> Iterator[Finding]:
    """Yield CB049 for each line with a value that looks like a secret; the value itself is not repeated."""
    by_line: dict[tuple[str, int], Finding] = {}
    for file in sorted(scope.sources):
        for secret in _known(file, scope.sources[file].text):
            by_line[file, secret.place.line] = secret
        if "/manifests/" in scope.paths[file]:
            for secret in _in_manifest(file, scope.lines[file]):
                by_line.setdefault((file, secret.place.line), secret)
    for _, file, node in scope.documents:
        for secret in _in_node(file, node, ""):
            by_line.setdefault((file, secret.place.line), secret)
    yield from by_line.values()


def _known(file: str, text: str) -> Iterator[Finding]:
    """Yield a finding for everything in a text that has the form of a known kind of key."""
    for what, mark, pattern in _KNOWN:
        for match in pattern.finditer(text) if mark in text else ():
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            yield _secret(Place(file, line, column), f"this looks like {what}")


def _in_manifest(file: str, lines: list[str]) -> Iterator[Finding]:
    """Yield a finding for each line of a manifest, which may be a template, that sets a password."""
    for number, line in enumerate(lines, 1):
        match = _LINE.match(line)
        if match and _tells(match["key"], match["value"]):
            where = Place(file, number, match.start("value") + 1 - len(match["quote"]))
            yield _secret(where, f"'{match['key']}' has a value of its own")


def _in_node(file: str, node: Node, key: str) -> Iterator[Finding]:
    """Yield a finding for each scalar below `node` that looks like a secret by its key or by itself."""
    if isinstance(node.value, dict):
        name, value = node.get("name"), node.get("value")
        if name and value and _tells(name.string(), value.string(), spoken=not isinstance(value.value, bool)):
            yield _secret(Place(file, value.line, value.column), f"'{name.text}' has a value of its own")
        for child_key, child in node.items():
            yield from _in_node(file, child, child_key)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _in_node(file, child, key)
    elif isinstance(node.value, str | int | float) and not isinstance(node.value, bool):
        if _tells(key, node.string()):
            yield _secret(Place(file, node.line, node.column), f"'{key}' has a value of its own")
        elif _is_random(key, node.string()):
            yield _secret(Place(file, node.line, node.column), f"'{key}' has a value that looks random")


def _tells(key: str, value: str, *, spoken: bool = True) -> bool:
    """Return whether `key` is a secret's name and `value` the secret itself rather than where to find it."""
    if not spoken or not value or _REFERENCE.search(value):
        return False
    if _PASSWORD.search(key):
        return True
    return bool(_KEY.search(key)) and not _KUBERNETES_NAME.match(value)


def _is_random(key: str, value: str) -> bool:
    """Return whether a value is a long run of characters without any order, under a key that does not explain it."""
    if len(value) < 32 or _HARMLESS_KEY.search(key) or not _RANDOM.match(value):
        return False
    kinds = (any(map(str.isupper, value)), any(map(str.islower, value)), any(map(str.isdigit, value)))
    return all(kinds) and "/" not in value.strip("/")[:8] and _entropy(value) > 4.5


def _entropy(text: str) -> float:
    """Return the bits of information per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _secret(where: Place, what: str) -> Finding:
    hint = "name an existing Secret instead, and change it now if it was real, or say why with '# allow CB049: reason'"
    return SECRET.finding(where, what, hint)
