"""Chart facts: what the charts of a component bring to a cluster besides what their values ask for, as far as proven.

They are seen in the renders that proofs were made from: kinds, cluster-wide rights, webhooks, hooks, what a pod needs
of its namespace, fields that somebody else fills. Law: what no render shows is not said to be absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from clusterbook.catalog.proofs import Fact, Proof

_FIRST = 3
"""Most places that a fact names."""


class ChartFact(NamedTuple):
    """One thing that a chart brings: its kind in a word, its name, what is to be said of it, in how many recipes."""

    kind: str
    name: str
    says: str
    recipes: int


class ChartFacts(NamedTuple):
    """What is proven of a component: the charts that were rendered, of how many of its recipes, and what they bring."""

    charts: tuple[str, ...] = ()
    recipes: int = 0
    facts: tuple[ChartFact, ...] = ()


def chart_facts(proofs: Iterable[tuple[Proof | None, int]]) -> ChartFacts:
    """Return what charts bring, from the proof of each part of a component and the number of recipes that have it."""
    charts: set[str] = set()
    counts: dict[tuple[int, str, str], int] = {}
    proven = 0
    for proof, recipes in proofs:
        if proof is None or proof.refusal or not proof.archive.name:
            continue
        proven += recipes
        inexact = "" if proof.archive.exact else " (not the pinned one)"
        charts.add(f"{proof.archive.name} {proof.archive.version}{inexact}")
        # A name may stand twice: a List, or two versions of Kubernetes that a chart refuses for the same reason.
        said = {
            (rank, name, says)
            for rank, kind in enumerate(_KINDS)
            for name, says in map(_KINDS[kind][1], proof.facts.get(kind, ()))
        }
        for each in said:
            counts[each] = counts.get(each, 0) + recipes
    words = [word for word, _ in _KINDS.values()]
    facts = (ChartFact(words[rank], name, says, count) for (rank, name, says), count in sorted(counts.items()))
    return ChartFacts(tuple(sorted(charts)), proven, tuple(facts))


def _kubernetes(fact: Fact) -> tuple[str, str]:
    return (
        ("Kubernetes", f"wants {fact['range']}") if "range" in fact else (f"Kubernetes {fact['refused']}", fact["why"])
    )


def _pod_security(fact: Fact) -> tuple[str, str]:
    return str(fact["level"]), f"because of {_places(fact['why'])}"


def _kind(fact: Fact) -> tuple[str, str]:
    where = {"crds": "in crds/", "templates": "among its templates", "hook": "as a hook"}[fact["where"]]
    return str(fact["name"]), f"{', '.join(fact['versions'])}, {where}"


def _cluster_role(fact: Fact) -> tuple[str, str]:
    rules = f"{fact['rules']} rule{'' if fact['rules'] == 1 else 's'}"
    return str(fact["object"]), f"{rules}, among them everything" if fact.get("everything") else rules


def _role(fact: Fact) -> tuple[str, str]:
    name, what = _cluster_role(fact)
    return name, f"{what}, in {fact['namespace']}" if "namespace" in fact else what


def _binding(fact: Fact) -> tuple[str, str]:
    return str(fact["object"]), f"gives {fact['role']} to {_places(fact['subjects'])}"


def _webhook(fact: Fact) -> tuple[str, str]:
    return str(fact["object"]), f"{_places(fact['webhooks'])}; failure policy {', '.join(fact['failurePolicy'])}"


def _hook(fact: Fact) -> tuple[str, str]:
    return str(fact["object"]), ", ".join(fact["when"])


def _fields(fact: Fact) -> tuple[str, str]:
    return str(fact["object"]), _places(fact["pointers"])


def _immutable(fact: Fact) -> tuple[str, str]:
    return str(fact["object"]), "immutable on upgrade"


def _places(names: list[str]) -> str:
    more = len(names) - _FIRST
    return ", ".join(names[:_FIRST]) + (f" and {more} more" if more > 0 else "")


_KINDS: Mapping[str, tuple[str, Callable[[Fact], tuple[str, str]]]] = {
    "kubernetes": ("version", _kubernetes),
    "podSecurity": ("pod security level", _pod_security),
    "kinds": ("kind (CRD)", _kind),
    "clusterRoles": ("cluster-wide role", _cluster_role),
    "roles": ("role of a namespace", _role),
    "bindings": ("role of others that it binds", _binding),
    "webhooks": ("webhook", _webhook),
    "hooks": ("hook", _hook),
    "owned": ("filled by a controller", _fields),
    "unstable": ("regenerated at each render", _fields),
    "immutable": ("immutable", _immutable),
}
"""Kinds of facts in the order of the page: the word for each, and how one is named and described."""
