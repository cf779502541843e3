"""Subjects: what of a catalog there is to prove, a chart with one set of values once however many recipes have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clusterbook.catalog.load import Catalog
from clusterbook.catalog.proofs import ProofSubject
from clusterbook.resolve.component import Component
from clusterbook.resolve.floor import floor
from clusterbook.resolve.proof import subject_of
from clusterbook.resolve.resolver import Recipe


@dataclass(frozen=True, slots=True)
class Case:
    """One subject, where it is deployed: the recipes that have it, and the oldest Kubernetes that each allows."""

    subject: ProofSubject
    component: Component
    recipes: tuple[str, ...]
    kubernetes: tuple[str, ...]


def cases(catalog: Catalog, recipes: Mapping[str, Recipe]) -> list[Case]:
    """Return everything there is to prove in `recipes`, sorted by component and key."""
    subjects: dict[int, tuple[Component, ProofSubject]] = {}
    found: dict[str, tuple[Component, ProofSubject, list[str], set[str]]] = {}
    for slug, recipe in recipes.items():
        version = floor(recipe)
        for component in recipe.components:
            if id(component) not in subjects:
                subjects[id(component)] = component, subject_of(catalog, component)
            subject = subjects[id(component)][1]
            if component.enabled and component.word("type") == "Helm":
                case = found.setdefault(subject.key(), (component, subject, [], set()))
                case[2].append(slug)
                case[3].add(version)
    made = [
        Case(subject, component, tuple(sorted(slugs)), tuple(sorted(versions, key=_numbers)))
        for component, subject, slugs, versions in found.values()
    ]
    return sorted(made, key=lambda case: (case.subject.component, case.subject.key()))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def cases_of(all_cases: Iterable[Case], slugs: Iterable[str]) -> list[Case]:
    """Return the cases that any of these recipes has."""
    wanted = set(slugs)
    return [case for case in all_cases if wanted & set(case.recipes)]
