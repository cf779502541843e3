"""Bundles: from a whole recipe and options to files. Pure: same input, same bytes, on any machine.

    words ─ options ─ components ─ folders ─ one module a deployer ─ checksums

Knows the way through. Does not read or write a disk. Source: design, section 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.advice import advice
from clusterbook.bundle.checksums import CHECKSUMS, checksums
from clusterbook.bundle.components import select
from clusterbook.bundle.folders import Plan, Vendored, plan
from clusterbook.bundle.options import Options, Request, document, read_options
from clusterbook.bundle.provenance_ import provenance
from clusterbook.documents.yaml_writer import dump

RECIPE, OPTIONS = "recipe.yaml", "options.yaml"
Files = dict[str, bytes]


class Bundle(NamedTuple):
    """Files by path, what they install, and what a user should hear."""

    files: Files
    plan: Plan
    notes: tuple[str, ...]


def render(
    recipe: Mapping[str, Any], request: Request, version: str, charts: Mapping[str, Vendored] | None = None
) -> Bundle:
    """Return the bundle of a whole recipe (`kit.complete`).

    Args:
        recipe: the recipe, with the registry facts and files that it needs.
        request: the options as words; they are recorded in options.yaml.
        version: the program's version, recorded beside them.
        charts: the charts that travel along, by component; needed with vendorCharts.

    Raises:
        InvalidRequest: an option is malformed, contradicts another or does not fit the recipe.
    """
    options = read_options(request)
    selected = select(recipe, options)
    planned = plan(recipe, selected, options, charts or {})
    texts, remarks = _files(recipe, planned, options)
    texts[RECIPE] = dump(recipe)
    texts[OPTIONS] = dump(document(request, version))
    found = {path: text.encode() for path, text in texts.items()}
    found |= provenance(planned)
    found = dict(sorted(found.items()))
    found[CHECKSUMS] = checksums(found)
    return Bundle(found, planned, (*planned.notes, *remarks, *advice(recipe, selected, options)))


def _files(recipe: Mapping[str, Any], planned: Plan, options: Options) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the files of the chosen deployer, and what it has to say; only its module is imported."""
    match options.deployer:
        case "helm":
            from clusterbook.bundle.helm.files import files
        case "helmfile":
            from clusterbook.bundle.helmfile import files
        case "argocd":
            from clusterbook.bundle.argocd import app_of_apps as argocd

            return argocd.files(recipe, planned, options), argocd.notes(options)
        case "argocd-helm":
            from clusterbook.bundle.argocd import helm_chart as argocd_helm

            return argocd_helm.files(recipe, planned, options), argocd_helm.notes(options)
        case _:
            from clusterbook.bundle.flux.files import files
    return files(recipe, planned, options), ()
