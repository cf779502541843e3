"""Pages: which there are, and which template renders each.

HTML is the templates' alone; a page is rendered when it is asked for, and what recipes share is rendered once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from clusterbook.diagnostics.printable import block
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.site import commands, evidence, recipe_yaml, svg, upgrades, wording
from clusterbook.site.errors import BrokenPageTemplate
from clusterbook.site.frame import Page
from clusterbook.site.model import (
    EvidenceView,
    GoneRecipe,
    RecipeSummary,
    RecipeView,
    ReleaseView,
    SiteData,
    VersionView,
)
from clusterbook.site.parts import PartView
from clusterbook.site.svg import icon

_NEIGHBOURS = 8
_RECIPES = ("Recipes", "recipes/index.html")
_COMPONENTS = ("Components", "components/index.html")
_LAYERS = ("Layers", "layers/index.html")
_CHANGES = ("Changes", "changes/index.html")
_SECTIONS = (
    ("use", "Use it"),
    ("verify", "What was checked"),
    ("evidence", "Evidence"),
    ("order", "Deployment order"),
    ("components", "Components"),
    ("constraints", "Constraints"),
    ("validation", "Validation"),
    ("images", "Images"),
    ("layers", "Layers"),
    ("values", "Values"),
    ("versions", "Versions"),
    ("neighbours", "Neighbours"),
)


_FRAGMENTS = (
    "home", "finder", "all", "components", "values", "compare", "coverage", "changes", "api", "fits", "upgrade",
)  # fmt: skip


def _visible(value: object) -> object:
    """Return what a page prints: of text that is not markup yet, nothing that hides or turns what stands around it."""
    return block(value) if type(value) is str else value


class Renderer:
    """Renders every catalog page of one site."""

    def __init__(self, data: SiteData, templates: Path, *, url: str = "", noted: Collection[str] = ()) -> None:
        """Prepare the templates of a folder.

        Args:
            data: what the site knows.
            templates: the folder.
            url: where the site will stand, "" when nobody knows.
            noted: the releases that have notes, authored as changes/to-RELEASE.
        """
        self.data = data
        self.env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_visible,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.env.globals |= {
            "site": data,
            "url": url,
            "noted": noted,
            "icon": icon,
            "wording": wording,
            "evidence_status": evidence.status,
            "verdict_words": evidence.VERDICT_WORDS,
            "passed_count": evidence.passed_count,
            "commands": commands,
            "recipe_counts": self._recipe_counts,
            "layer_names": {layer.name for layer in data.layers},
            "gone_recipes": {recipe.slug for recipe in data.gone},
            "titles": {summary.slug: summary.title for summary in data.recipes},
            "components": {component.name for component in data.components},
        }
        self._values: dict[tuple[str, str], Markup] = {}
        self._yaml_lines: dict[tuple[str, str], Markup] = {}

    def _recipe_counts(self, rows: str, columns: str) -> Counter[tuple[Any, Any]]:
        """Return how many recipes there are for each pair of values of two criteria."""
        return Counter((summary.criteria.get(rows), summary.criteria.get(columns)) for summary in self.data.recipes)

    @property
    def fragments(self) -> Mapping[str, Callable[[str], str]]:
        """Return what the marks in authored pages stand for, each a function from the page's path to HTML."""
        return {name: partial(self._fragment, name) for name in _FRAGMENTS}

    def _fragment(self, name: str, path: str) -> str:
        return self.render(f"{name}.html", path)

    def footer(self, path: str) -> str:
        """Return the foot of a page."""
        return self.render("footer.html", path)

    def render(self, template: str, path: str, **facts: Any) -> str:
        """Return a template rendered for the page at `path`.

        Raises:
            BrokenPageTemplate: it cannot be read, or asks for what does not exist.
        """
        try:
            return self.env.get_template(template).render(up="../" * path.count("/"), **facts)
        except jinja2.TemplateSyntaxError as error:
            place = f"{error.filename or template}:{error.lineno}"
            raise BrokenPageTemplate(str(error.message), place=place, hint="fix the template") from error
        except (jinja2.TemplateError, KeyError, AttributeError, TypeError) as error:
            raise BrokenPageTemplate(
                f"{path}: {error}", place=_place(error, template), hint="fix the template"
            ) from error

    def recipe(self, summary: RecipeSummary) -> Iterator[Page]:
        """Yield the pages of one recipe: as it is now, as YAML, of every version, and of what each version changed."""
        yield self._recipe(summary)
        yield self._yaml(summary)
        for version in summary.versions:
            yield self._version(summary, version)
            if version.before:
                yield self._diff(summary, version)

    def other_pages(self) -> Iterator[Page]:
        """Yield every other page that nobody wrote by hand."""
        for component in self.data.components:
            path = f"components/{component.name}.html"
            yield Page(
                path,
                component.title,
                f"{component.title}: versions, values and images in recipes for GPU clusters",
                partial(self.render, "component.html", path, c=component),
                "components/",
                (
                    ("used", "Used by"),
                    ("values", "Values"),
                    ("images", "Images"),
                    ("brings", "What its chart contains"),
                    ("registry", "Registry"),
                ),
                f"api/v1/components/{component.name}.json",
                f"{component.name} {' '.join(component.used)}",
                f"components/{component.name}.atom",
                (_COMPONENTS,),
            )
        yield from map(self._gone, self.data.gone)
        yield from self._layers()
        for release in self.data.releases:
            path = f"changes/{release.name}.html"
            body = partial(self._release, release, path)
            title = f"Release {release.name}"
            data = f"api/v1/releases/{release.name}.json"
            about = f"What release {release.name} changed"
            yield Page(path, title, about, body, "changes/", (), data, title, trail=(_CHANGES,))
        yield from map(self._evidence, self.data.evidence)
        yield from self._sources()

    def _release(self, release: ReleaseView, path: str) -> str:
        return self.render("release.html", path, release=release, step=upgrades.release_step_view(self.data, release))

    def _layers(self) -> Iterator[Page]:
        """Yield the page of every layer, and the one that shows how they build on one another."""
        title, index = _LAYERS
        about = "Every layer of the recipes, and which layer builds on which"
        body = partial(self.render, "layers.html", index, by_name={layer.name: layer for layer in self.data.layers})
        yield Page(index, title, about, body, "recipes/", entry="layers overlays mixins", trail=(_RECIPES,))
        for layer in self.data.layers:
            path = f"layers/{layer.name}.html"
            body = partial(self.render, "layer.html", path, layer=layer)
            about = f"What the {layer.kind} {layer.name} sets"
            yield Page(path, layer.name, about, body, "recipes/", entry=layer.kind, trail=(_RECIPES, _LAYERS))

    def _evidence(self, proof: EvidenceView) -> Page:
        """Return the page of one piece of evidence."""
        title = f"{proof.slug} {proof.version} on a cluster: {proof.name}"
        phases = [(f"phase-{phase.name}", phase.name.capitalize()) for phase in proof.phases if phase.results]
        return Page(
            proof.page,
            title,
            f"How version {proof.version} of the recipe {proof.slug} was validated on a cluster: {proof.verdict}",
            partial(self.render, "evidence.html", proof.page, e=proof),
            "recipes/",
            (("phases", "Phases"), *phases, ("again", "Validate it again")),
            f"api/v1/evidence/{proof.slug}/{proof.name}.json",
            f"evidence {proof.verdict} {' '.join(proof.fingerprint.values())} {proof.signer}",
            trail=next((_trail(summary) for summary in self.data.recipes if summary.slug == proof.slug), (_RECIPES,)),
        )

    def _sources(self) -> Iterator[Page]:
        """Yield a page for each source file, so that every origin is a link to its line."""
        layers = {layer.file: (layer.name, f"layers/{layer.name}.html") for layer in self.data.layers}
        for file, text in self.data.sources.items():
            path = source_page(file)
            body = partial(self.render, "source.html", path, file=file, lines=text.splitlines())
            trail = (_RECIPES, _LAYERS, layers[file]) if file in layers else (_RECIPES, _LAYERS)
            yield Page(path, file, f"The source file {file}", body, "recipes/", trail=trail)

    def _recipe(self, summary: RecipeSummary) -> Page:
        path = f"recipes/{summary.slug}.html"

        def body() -> str:
            neighbours = sorted(self.data.neighbours(summary.slug), key=lambda row: (row[2], row[3], row[1]))
            return self._body(path, summary, self.data.recipe(summary.slug), None, neighbours[:_NEIGHBOURS])

        return Page(
            path,
            summary.title,
            f"{summary.title}: {len(summary.components)} components, {summary.state}, for {_criteria(summary)}",
            body,
            "recipes/",
            _SECTIONS,
            f"api/v1/recipes/{summary.slug}.json",
            f"{summary.slug} {' '.join(name for name, _ in summary.components)}",
            f"recipes/{summary.slug}.atom",
            (_RECIPES,),
        )

    def _gone(self, recipe: GoneRecipe) -> Page:
        """Return the page of a recipe that nothing serves any more: it leads on to what answers in its place."""
        path = f"recipes/{recipe.slug}.html"
        body = partial(self.render, "gone.html", path, gone=recipe)
        about = f"The recipe {recipe.slug} is no longer served; what answers in its place"
        return Page(path, recipe.title, about, body, "recipes/", entry=recipe.slug, trail=(_RECIPES,))

    def _yaml(self, summary: RecipeSummary) -> Page:
        path = f"recipes/{summary.slug}/yaml.html"

        def body() -> str:
            view = self.data.recipe(summary.slug)
            return self.render("yaml.html", path, r=view, pieces=self._pieces(view, "../" * path.count("/")))

        title = f"{summary.title} as YAML"
        about = f"The recipe {summary.slug} as YAML, each line with the layer that set it"
        data = f"api/v1/recipes/{summary.slug}.json"
        return Page(path, title, about, body, "recipes/", (), data, trail=_trail(summary))

    def _pieces(self, view: RecipeView, up: str) -> Iterator[Markup]:
        """Yield a recipe as YAML with the layer of each line; a component is rendered once for all that share it."""
        parts = {part.name: part for part in (*view.parts, *view.switched_off)}
        above, below = recipe_yaml.around_components(view)
        yield self._lines([*recipe_yaml.runs(above, {}), recipe_yaml.Run(recipe_yaml.components_line(view), None)], up)
        for component in RecipeResult(view.document).components:
            part = parts[component.name]
            if (part.key, up) not in self._yaml_lines:
                runs = recipe_yaml.runs(part.document, part.winners, first="  - ", indent="    ")
                self._yaml_lines[part.key, up] = self._lines(runs, up)
            yield self._yaml_lines[part.key, up]
        yield self._lines(recipe_yaml.runs(below, view.winners), up)

    def _lines(self, runs: Sequence[recipe_yaml.Run], up: str) -> Markup:
        return Markup(self.render("yaml_lines.html", up, runs=runs))  # noqa: S704 - a template's

    def _version(self, summary: RecipeSummary, version: VersionView) -> Page:
        path = f"recipes/{summary.slug}/{version.number}.html"

        def body() -> str:
            return self._body(path, summary, self.data.version(summary.slug, version.number), version, ())

        return Page(
            path,
            f"{summary.title} {version.number}",
            f"Version {version.number} of the recipe {summary.slug}, as it was released in {version.release}",
            body,
            "recipes/",
            _SECTIONS[:-1],
            f"api/v1/recipes/{summary.slug}/{version.number}.json",
            trail=_trail(summary),
        )

    def _body(
        self,
        path: str,
        summary: RecipeSummary,
        view: RecipeView,
        version: VersionView | None,
        neighbours: Sequence[Any],
    ) -> str:
        up = "../" * path.count("/")
        needs = {part.name: part.needs for part in view.parts}
        versions = {part.name: part.version for part in view.parts}
        addresses = {component.name: f"{up}components/{component.name}.html" for component in self.data.components}
        return self.render(
            "recipe.html",
            path,
            r=view,
            summary=summary,
            version=version,
            neighbours=neighbours,
            drawing=svg.deployment_graph(view.levels, needs, versions, addresses),
            values=partial(self._rows, up=up, linked=version is None),
        )

    def _rows(self, part: PartView, *, up: str, linked: bool) -> Markup:
        """Return the values of a part as a table; rendered once for all recipes that share it."""
        key = (part.key, up)
        if key not in self._values:
            self._values[key] = Markup(self.render("rows.html", up, part=part, linked=linked))  # noqa: S704 - a template's
        return self._values[key]

    def _diff(self, summary: RecipeSummary, version: VersionView) -> Page:
        path = f"recipes/{summary.slug}/{version.before}..{version.number}.html"

        def body() -> str:
            diff = self.data.diff(summary.slug, version.before, version.number)
            step = upgrades.step_view(self.data.upgrades.plan(diff.old, diff.new), diff)
            return self.render("diff.html", path, diff=diff, summary=summary, version=version, step=step)

        title = f"{summary.title}: {version.before} → {version.number}"
        data = f"api/v1/recipes/{summary.slug}/{version.before}..{version.number}.json"
        about = f"What differs between two versions of {summary.slug}"
        return Page(path, title, about, body, "recipes/", (), data, trail=_trail(summary))


def _trail(summary: RecipeSummary) -> tuple[tuple[str, str], ...]:
    """Return the way to what is below a recipe."""
    return (_RECIPES, (summary.title, f"recipes/{summary.slug}.html"))


def redirect(path: str, to: str, title: str) -> bytes:
    """Return a page that leads on to another; both are paths from the site's top."""
    address = escape("../" * path.count("/") + to)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="refresh" content="0; url={address}"></head>'
        f'<body><h1>{escape(title)}</h1><p><a href="{address}">It is here</a>.</p></body></html>\n'
    ).encode()


def source_page(file: str) -> str:
    """Return the path of the page that shows a source file."""
    return f"sources/{file}.html"


def _criteria(summary: RecipeSummary) -> str:
    return ", ".join(f"{name} {value}" for name, value in summary.criteria.items()) or "any cluster"


def _place(error: BaseException, template: str) -> str:
    """Return the template and line where an error arose."""
    place, trace = template, error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".html"):
            place = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
