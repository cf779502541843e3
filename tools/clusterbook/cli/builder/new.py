"""The commands of `clusterbook-build` that begin a source file: an overlay, a component, a mixin, a health check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from clusterbook.catalog.load import Catalog, load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.cli.builder.options import FINDINGS, RECIPES
from clusterbook.cli.program import Program, RepeatedOption, SingleUseCommand
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.files.write import write_bytes
from clusterbook.impact.compare import ImpactSide, compare
from clusterbook.impact.report import headline
from clusterbook.lint.rules import check
from clusterbook.resolve import matrix
from clusterbook.scaffold import component as components
from clusterbook.scaffold import overlay as overlays


@click.group("new", cls=Program)
def new_group() -> None:
    """Begin an overlay, a component, a mixin or a health check, with what its siblings have."""


_WORKLOAD = click.option(
    "--workload", "workloads", cls=RepeatedOption, multiple=True, metavar="KIND/NAME",
    help="Deployment, DaemonSet or StatefulSet that has to be rolled out. May be repeated.",
)  # fmt: skip


@new_group.command("overlay", cls=SingleUseCommand)
@click.argument("criteria")
@RECIPES
def overlay_command(criteria: str, recipes: Path) -> int:
    """Write an overlay for CRITERIA, such as service=eks,accelerator=h100,intent=training,os=ubuntu.

    Its base, mixins, constraints and checks are those that the overlays for other accelerators (services, …) share.
    Exit status: 10 when `check` has something to say of what was written.
    """
    catalog = load_catalog(read_tree(recipes))
    made = overlays.draft(catalog, overlays.read_pairs(criteria, catalog.vocabulary))
    for note in made.notes:
        CONSOLE.note(note)
    return _write(recipes, catalog, {made.path: made.text})


@new_group.command("component", cls=SingleUseCommand)
@click.argument("name")
@click.option("--repository", required=True, metavar="URL", help="Chart repository: https://… or oci://….")
@click.option("--chart", default="", help="Name of the chart; default: NAME.")
@click.option("--version", required=True, help="Version of the chart.")
@click.option("--namespace", required=True, help="Namespace it is installed to.")
@_WORKLOAD
@RECIPES
def component_command(
    name: str, repository: str, chart: str, version: str, namespace: str, workloads: tuple[str, ...], recipes: Path
) -> int:
    """Add a component to the registry, with an image list to fill and a health check.

    Exit status: 10 when `check` has something to say of what was written.
    """
    catalog = load_catalog(read_tree(recipes))
    found = tuple(map(components.read_workload, workloads))
    new = components.NewComponent(name, repository, chart or name, version, namespace, found)
    return _write(recipes, catalog, components.component_files(catalog, new))


@new_group.command("mixin", cls=SingleUseCommand)
@click.argument("name")
@click.option("--component", "parts", cls=RepeatedOption, multiple=True, metavar="NAME",
              help="Component that it brings. May be repeated.")  # fmt: skip
@RECIPES
def mixin_command(name: str, parts: tuple[str, ...], recipes: Path) -> int:
    """Write a mixin: components that overlays take together.

    Exit status: 10 when `check` has something to say of what was written.
    """
    catalog = load_catalog(read_tree(recipes))
    return _write(recipes, catalog, components.mixin_files(catalog, name, parts))


@new_group.command("check", cls=SingleUseCommand)
@click.argument("component")
@_WORKLOAD
@RECIPES
def check_command(component: str, workloads: tuple[str, ...], recipes: Path) -> int:
    """Write the health check of a component of the registry.

    Exit status: 10 when `check` has something to say of what was written.
    """
    catalog = load_catalog(read_tree(recipes))
    if component not in catalog.components:
        hint = "add it first: clusterbook-build new component --help"
        raise InvalidRequest(f"there is no component {component}", hint=hint)
    found = tuple(map(components.read_workload, workloads))
    if not found:
        raise InvalidRequest("no workload is named", hint="name one: --workload Deployment/NAME")
    namespace = catalog.components[component].defaults.get("namespace")
    if namespace is None:
        raise InvalidRequest(f"{component} has no namespace", hint="give it a helm.defaultNamespace in registry.yaml")
    return _write(recipes, catalog, components.check_files(component, str(namespace.value), found))


def _write(recipes: Path, before: Catalog, files: Mapping[str, str]) -> int:
    """Write files, say what they change, and what `check` finds that it did not find before.

    Raises:
        InvalidRequest: one of them exists; nothing is written then.
    """
    for path in files:
        if (recipes / path).exists() and path != components.REGISTRY:
            raise InvalidRequest(f"{recipes / path} exists", hint="edit it, or choose another name")
    old = _side(before, "before")
    for path, text in files.items():
        (recipes / path).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(recipes / path, text.encode())
    new = _side(load_catalog(read_tree(recipes)), "now")
    found = compare(old, new)
    lines = [f"wrote {recipes / path}" for path in files]
    lines += [headline(found), *(f"  + {slug}" for slug in found.added)]
    lines += [f"{finding}" for finding in found.appeared]
    deliver("\n".join(lines) + "\n")
    return FINDINGS if found.appeared else 0


def _side(catalog: Catalog, label: str) -> ImpactSide:
    resolved = matrix.build(catalog)
    return ImpactSide(label, resolved, check(catalog, resolved))
