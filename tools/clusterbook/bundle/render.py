"""Bundles: from a whole recipe and options to files. Same input, same bytes, on any machine.

    settings ─ options ─ components ─ folders ─ one module a deployer ─ checksums

Source: design, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterbook.bundle.advice import advice, idle_notes, secret_notes
from clusterbook.bundle.checksums import CHECKSUMS, checksums, sha256
from clusterbook.bundle.components import ComponentSelection, select
from clusterbook.bundle.folders import Plan, VendoredChart, plan
from clusterbook.bundle.options import DEPLOYERS, Options, OptionWords, options_document, read_options
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents.api_version import API_VERSION
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any, NamedTuple

RECIPE, OPTIONS, PROVENANCE = "recipe.yaml", "options.yaml", "provenance.yaml"
Files = dict[str, bytes]


class Bundle(NamedTuple):
    """Files by path, what they install, and what a user should hear."""

    files: Files
    plan: Plan
    notes: tuple[str, ...]


def render(
    recipe: Mapping[str, Any], request: OptionWords, version: str, charts: Mapping[str, VendoredChart] | None = None
) -> Bundle:
    """Return the bundle of a whole recipe (`bundle_inputs.complete`).

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
    planned, texts, remarks = _deploy(recipe, selected, options, charts or {})
    texts[RECIPE] = dump(recipe)
    texts[OPTIONS] = dump(options_document(request, version))
    contents = {path: text.encode() for path, text in texts.items()} | provenance(planned)
    contents = dict(sorted(contents.items()))
    contents[CHECKSUMS] = checksums(contents)
    notes = (
        *planned.notes,
        *remarks,
        *advice(recipe, selected, options),
        *idle_notes(recipe, selected, options, planned),
        *secret_notes(options),
    )
    return Bundle(contents, planned, notes)


def refusals(recipe: Mapping[str, Any]) -> Iterator[tuple[str, ClusterbookError]]:
    """Yield each deployer that a whole recipe cannot be bundled for as it is, and why."""
    for deployer in DEPLOYERS:
        options = read_options({"deployer": deployer})
        try:
            _deploy(recipe, select(recipe, options), options, {})
        except ClusterbookError as error:
            yield deployer, error


def _deploy(
    recipe: Mapping[str, Any], selected: ComponentSelection, options: Options, charts: Mapping[str, VendoredChart]
) -> tuple[Plan, dict[str, str], tuple[str, ...]]:
    """Return what is installed, by which files of the deployer, and what it has to say."""
    planned = plan(recipe, selected, options, charts)
    return planned, *_files(recipe, planned, options)


def _files(recipe: Mapping[str, Any], planned: Plan, options: Options) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the files of the chosen deployer, and what it has to say; only its module is imported."""
    match options.deployer:
        case "helm":
            from clusterbook.bundle.helm.files import files
        case "helmfile":
            from clusterbook.bundle.helmfile import files
        case "argocd":
            from clusterbook.bundle.argocd import app_of_apps

            return app_of_apps.files(recipe, planned, options), app_of_apps.notes(options)
        case "argocd-helm":
            from clusterbook.bundle.argocd import helm_chart

            return helm_chart.files(recipe, planned, options), helm_chart.notes(options)
        case _:
            from clusterbook.bundle.flux.files import files
    return files(recipe, planned, options), ()


def provenance(plan: Plan) -> dict[str, bytes]:
    """Return provenance.yaml and the chart archives that it describes, {} when none travel along."""
    charts: list[dict[str, Any]] = []
    archives: dict[str, bytes] = {}
    for folder in plan.folders:
        if folder.vendored is None or folder.chart is None:
            continue
        where = f"{folder.path}/charts/{folder.vendored.tarball}"
        archives[where] = folder.vendored.data
        charts.append(
            {
                "name": folder.name,
                "chart": folder.chart.name,
                "version": folder.chart.version,
                "repository": folder.chart.repository,
                "sha256": sha256(folder.vendored.data),
                "tarballName": folder.vendored.tarball,
                "path": where,
                "pullerVersion": folder.vendored.puller,
            }
        )
    if charts:
        document = {"apiVersion": API_VERSION, "kind": "BundleProvenance", "vendoredCharts": charts}
        archives[PROVENANCE] = dump(document).encode()
    return archives
