"""Rights: what a role allows, as lines that can be compared: how its rules are cut up changes none of them.

A line is `resource.group: verbs`, as kubectl spells resources (`deployments.apps/scale`, `secrets[name]` for some of
them, `/metrics` for a path of the API server).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def grants(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what the rules of a role allow together, a line for each resource, sorted."""
    return _lines((resource, verb) for rule in rules for resource in _resources(rule) for verb in _words(rule, "verbs"))


def difference(before: Iterable[str], after: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return (what comes, what goes) between two lists of grants, verb by verb."""
    one, two = {*_pairs(before)}, {*_pairs(after)}
    return _lines(two - one), _lines(one - two)


def _resources(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from _words(rule, "nonResourceURLs")
    names = _words(rule, "resourceNames")
    for group in _words(rule, "apiGroups"):
        for resource in _words(rule, "resources"):
            name, slash, part = resource.partition("/")
            spelled = f"{name}.{group}{slash}{part}" if group else resource
            yield from (f"{spelled}[{each}]" for each in names) if names else (spelled,)


def _words(rule: Mapping[str, Any], field: str) -> list[str]:
    found = rule.get(field)
    return [str(each) for each in found] if isinstance(found, list) else []


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (resource, verb); names of ClusterRoles have colons, so the verbs are what comes after the last one."""
    for line in lines:
        resource, _, verbs = line.rpartition(": ")
        yield from ((resource, verb) for verb in verbs.split(","))


def _lines(pairs: Iterable[tuple[str, str]]) -> list[str]:
    verbs: dict[str, set[str]] = {}
    for resource, verb in pairs:
        verbs.setdefault(resource, set()).add(verb)
    return [f"{resource}: {','.join(sorted(verbs[resource]))}" for resource in sorted(verbs)]
