"""Bundles: what `bundle` refuses to make of a recipe, found where the sources say it, before anybody asks for one.

Each component of each recipe goes through the renderer of each deployer; those that recipes share, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from clusterbook.bundle.helmfile import InterpretedText, references
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import refusals
from clusterbook.catalog.values import Branch, Tree
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.gotemplate.errors import BrokenTemplate
from clusterbook.lint.components import broken_manifests
from clusterbook.lint.scope import Scope
from clusterbook.resolve.bundle_inputs import BundleInputs, build_file, complete
from clusterbook.resolve.component import Component
from clusterbook.resolve.document import recipe_document
from clusterbook.resolve.gather_inputs import gather_inputs
from clusterbook.resolve.resolver import Recipe

NO_BUNDLE = Code(
    "CB058",
    "recipe that cannot be bundled",
    "error",
    "The recipe resolves, but `bundle` refuses to render it.",
    "Fix what the message names; if only one deployer refuses it and that is accepted, say `# allow CB058: reason`.",
)

Refusal = tuple[ClusterbookError, list[str]]
"""Why a component is not deployed, and by which deployers."""


def refused_bundles(scope: Scope) -> Iterator[Finding]:
    """Yield CB058 for each component that a deployer refuses; a warning where others deploy it."""
    inputs = gather_inputs(scope.catalog)
    broken = {finding.place.file for finding in broken_manifests(scope)}
    seen: set[int] = set()
    said: set[tuple[str, str]] = set()
    for recipe in scope.recipes.values():
        for component in recipe.components:
            if component.name not in recipe.order or id(component) in seen:
                continue
            seen.add(id(component))
            for error, deployers in _reference_findings(component, _refusals(recipe, component, inputs)):
                where = _place(scope, component, error)
                if where.file not in broken and (component.name, error.what) not in said:
                    said.add((component.name, error.what))
                    yield _finding(where, error, deployers)


def _reference_findings(component: Component, refusals: Iterable[Refusal]) -> Iterator[Refusal]:
    """Yield what is refused, and every reference where a bundle names the first."""
    for error, deployers in refusals:
        if not isinstance(error, InterpretedText):
            yield error, deployers
            continue
        for path, text in references(component.settled):
            yield InterpretedText(component.name, path, text), deployers


def _refusals(recipe: Recipe, component: Component, inputs: BundleInputs) -> Iterator[Refusal]:
    """Yield each reason not to deploy a component, with the deployers that have it."""
    document = recipe_document(_single_component(recipe, component), state="")
    if component.word("type") == "Kustomize":  # which kustomize would have built
        document["files"] = {build_file(component.name): ""}
    try:
        whole = complete(document, inputs)
    except ClusterbookError:
        return  # a file that is not there, which a rule of its own names
    by_reason: dict[str, Refusal] = {}
    for deployer, error in refusals(whole):
        by_reason.setdefault(error.what, (error, []))[1].append(deployer)
    yield from by_reason.values()


def _single_component(recipe: Recipe, component: Component) -> Recipe:
    """Return a recipe without its other components."""
    return replace(recipe, components=(component,), order=(component.name,), constraints=(), phases={})


def _finding(where: Place, error: ClusterbookError, deployers: Sequence[str]) -> Finding:
    everywhere = len(deployers) == len(DEPLOYERS)
    return NO_BUNDLE.finding(
        where,
        error.what if everywhere else f"--deployer {', '.join(deployers)}: {error.what}",
        error.hint,
        "error" if everywhere or isinstance(error, InterpretedText) else "warning",
    )


def _place(scope: Scope, component: Component, error: ClusterbookError) -> Place:
    """Return where the sources say what is refused.

    That is a line of a manifest, a value, a word that the message quotes, or else the component.
    """
    if isinstance(error, BrokenTemplate):
        source = scope.catalog.tree.files.get(error.file)
        return Place(source.file if source else error.file, error.line, error.column)
    if isinstance(error, InterpretedText):
        found: Tree = component.values
        for key in error.path:
            if not isinstance(found, Branch) or key not in found.children:
                break
            found = found.children[key]
        return found.origins[-1].place if found.origins else component.declared[-1].place
    for field in ("version", "chart", "source", "namespace"):
        if component.word(field) and f"'{component.word(field)}'" in error.what:
            return component.words[field][-1].place
    return component.declared[-1].place
