"""Scrubber: what stands for names and identifiers in what is shown to others, the same for the same name.

Pure text in, text out; what is kept of a snapshot, and what goes, is `redact`'s to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Any

from clusterbook.snapshot.recognition import OPENSHIFT_GROUP

_GROUPS = ("", "apps", "batch", "*.k8s.io", "*.x-k8s.io", OPENSHIFT_GROUP)
"""The API groups that stay: those of Kubernetes, and that by which OpenShift is known; the catalog names others."""
_IDENTIFIERS = re.compile(
    r"""
      arn:[\w-]+:[^\s"',]+                                                    # Amazon resource names
    | \b[\w.+-]+@[\w-]+(?:\.[\w-]+)+                                          # mail addresses
    | (?:GPU-|MIG-)?\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b  # UUIDs
    | \b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b                                # MAC addresses
    | (?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])                              # IPv4
    | \b(?:[0-9a-fA-F]{1,4}:){2,7}:?[0-9a-fA-F]{1,4}\b                        # IPv6
    | \bip-\d{1,3}(?:-\d{1,3}){3}(?:\.[\w.-]+)?                               # Amazon's host names
    | \b(?:i|vpc|subnet|sg|eni|vol|ami)-[0-9a-f]{8,17}\b                      # Amazon's ids
    | \bocid1\.[\w.-]+                                                        # Oracle's ids
    | (?<!\d)(?<!\d\d\.\d\d\.)\d{12}(?!\d)  # account numbers, but not the build of CoreOS, 418.94.202501221327
    | /subscriptions/[^\s"']+                                                 # Azure's ids
    """,
    re.VERBOSE,
)


class Scrubber:
    """Replaces identifiers: names of nodes and namespaces, and whatever is written like an identifier."""

    def __init__(
        self, nodes: Iterable[str], words: Collection[str], namespaces: Collection[str], groups: Collection[str]
    ) -> None:
        self.nodes = frozenset(nodes) - {""}
        self.words = frozenset(words)
        self.namespaces = frozenset(namespaces)
        self.groups = (*_GROUPS, *groups)
        self.others: dict[tuple[str, str], str] = {}
        self.counts: Counter[str] = Counter()
        any_of = "|".join(map(re.escape, sorted(self.nodes, key=len, reverse=True)))
        self.pattern = re.compile(rf"(?<![\w-])(?:{any_of})(?![\w-])") if any_of else None

    def text(self, value: Any) -> Any:
        """Return a scalar without identifiers; anything but text is none."""
        if not isinstance(value, str):
            return value
        if value in self.nodes:
            return self.pseudonym(value, "node")
        if self.pattern is not None:
            value = self.pattern.sub(lambda match: self.pseudonym(match[0], "node"), value)
        return _IDENTIFIERS.sub("redacted", value)

    def pseudonyms(self, names: str) -> str:
        """Return a list of node names, which may end in how many more there are, as pseudonyms."""
        listed_names, more, rest = names.partition(" (+")
        return (
            ",".join(self.pseudonym(name, "node") for name in listed_names.split(",")) + more + rest
            if listed_names
            else ""
        )

    def name(self, name: str, sort: str) -> str:
        """Return a name where the recipe says it, else a pseudonym; each `sort` of thing is counted by itself."""
        return name if name in self.words else self.pseudonym(name, sort)

    def pseudonym(self, name: str, sort: str) -> str:
        """Return what stands for a name, always the same in one snapshot."""
        pseudonym = self.others.get((sort, name))
        if pseudonym is None:
            self.counts[sort] += 1
            pseudonym = self.others[sort, name] = f"{sort}-{self.counts[sort]}"
        return pseudonym

    def is_public(self, part: str) -> bool:
        """Return whether a part is of an API group that stays; what is no object is."""
        if not part.startswith("objects/"):
            return True
        return matches(part.removeprefix("objects/").rpartition("/")[0].rpartition("/")[0], self.groups)

    def namespace(self, name: str) -> str:
        """Return a namespace: its name where it may stay, else a pseudonym."""
        return name if not name or name in self.namespaces else self.pseudonym(name, "namespace")


def matches(word: str, patterns: Iterable[str]) -> bool:
    """Return whether a word is as one of some patterns has it, `*` standing for anything."""
    return any(fnmatchcase(word, pattern) for pattern in patterns)
