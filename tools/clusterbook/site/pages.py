"""Pages: which there are, and which template renders each.

Knows the paths of the site. Does not know HTML (templates) nor the frame around a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from clusterbook.diff import recipe_report as diffreport
from clusterbook.diff.recipes import Change
from clusterbook.site import commands
from clusterbook.site import evidence as tested
from clusterbook.site import recipe_yaml as gutter
from clusterbook.site import svg as graph
from clusterbook.site import wording as plain
from clusterbook.site import written_ as written
from clusterbook.site.broken_ import BrokenTemplate
from clusterbook.site.frame import Page
from clusterbook.site.icons_ import icon
from clusterbook.site.model import Edition, Evidence, RecipeView, SiteData, Summary
from clusterbook.site.parts import Part

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


class Renderer:
    """Renders every catalog page of one site."""

    def __init__(self, data: SiteData, templates: Path, *, url: str = "") -> None:
        """Prepare the templates of a folder; `url` is where the site will stand, "" when nobody knows."""
        self.data = data
        self.env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        layers = {layer.name for layer in data.layers}
        self.env.globals |= {
            "site": data,
            "url": url,
            "icon": icon,
            "plain": plain,
            "tested": tested,
            "commands": commands,
            "crossing": self._crossing,
            "known_layers": layers,
            "titles": {summary.slug: summary.title for summary in data.recipes},
            "components": {component.name for component in data.components},
        }
        self._values: dict[tuple[str, str], Markup] = {}
        self._gutters: dict[tuple[str, str], Markup] = {}

    def _crossing(self, rows: str, columns: str) -> Counter[tuple[Any, Any]]:
        """Return how many recipes there are for each pair of values of two criteria."""
        return Counter((each.criteria.get(rows), each.criteria.get(columns)) for each in self.data.recipes)

    @property
    def fragments(self) -> Mapping[str, Callable[[str], str]]:
        """Return what the marks in authored pages stand for, each a function from the page's path to HTML."""
        names = ("home", "finder", "all", "components", "values", "compare", "coverage", "changes", "api", "fits")
        return {name: partial(self._fragment, name) for name in names}

    def _fragment(self, name: str, path: str) -> str:
        return self.render(f"{name}.html", path)

    def footer(self, path: str) -> str:
        """Return the foot of a page."""
        return self.render("footer.html", path)

    def render(self, template: str, path: str, **facts: Any) -> str:
        """Return a template rendered for the page at `path`.

        Raises:
            BrokenTemplate: it cannot be read, or asks for what does not exist.
        """
        try:
            return self.env.get_template(template).render(up="../" * path.count("/"), **facts)
        except jinja2.TemplateSyntaxError as error:
            place = f"{error.filename or template}:{error.lineno}"
            raise BrokenTemplate(str(error.message), place=place, hint="mend the template") from error
        except (jinja2.TemplateError, KeyError, AttributeError, TypeError) as error:
            raise BrokenTemplate(f"{path}: {error}", place=_place(error, template), hint="mend the template") from error

    def recipe(self, summary: Summary) -> Iterator[Page]:
        """Yield the pages of one recipe: as it is now, as YAML, of every version, and of what each version changed."""
        yield self._recipe(summary)
        yield self._yaml(summary)
        for edition in summary.editions:
            yield self._edition(summary, edition)
            if edition.before:
                yield self._difference(summary, edition)

    def others(self) -> Iterator[Page]:
        """Yield every other page that is not authored."""
        for component in self.data.components:
            path = f"components/{component.name}.html"
            yield Page(
                path,
                component.title,
                f"{component.title}: versions, values and images in recipes for GPU clusters",
                partial(self.render, "component.html", path, c=component),
                "components/",
                (("used", "Used by"), ("values", "Values"), ("images", "Images"), ("registry", "Registry")),
                f"api/v1/components/{component.name}.json",
                f"{component.name} {' '.join(component.used)}",
                f"components/{component.name}.atom",
                (_COMPONENTS,),
            )
        yield from self._layers()
        for release in self.data.releases:
            path = f"changes/{release.name}.html"
            body = partial(self.render, "release.html", path, release=release)
            title = f"Release {release.name}"
            data = f"api/v1/releases/{release.name}.json"
            about = f"What release {release.name} changed"
            yield Page(path, title, about, body, "changes/", (), data, title, trail=(_CHANGES,))
        yield from map(self._evidence, self.data.evidence)
        yield from self._sources()

    def _layers(self) -> Iterator[Page]:
        """Yield the page of every layer, and the one that shows how they build on one another."""
        title, index = _LAYERS
        named = {layer.name: layer for layer in self.data.layers}
        about = "Every layer that recipes are made of, and which builds on which"
        body = partial(self.render, "layers.html", index, named=named)
        yield Page(index, title, about, body, "recipes/", entry="layers overlays mixins", trail=(_RECIPES,))
        for layer in self.data.layers:
            path = f"layers/{layer.name}.html"
            body = partial(self.render, "layer.html", path, layer=layer)
            about = f"What the {layer.kind} {layer.name} says"
            yield Page(path, layer.name, about, body, "recipes/", entry=layer.kind, trail=(_RECIPES, _LAYERS))

    def _evidence(self, found: Evidence) -> Page:
        """Return the page of one piece of evidence."""
        title = f"{found.slug} {found.version} on a cluster: {found.name}"
        judged = [(f"phase-{phase.name}", phase.name.capitalize()) for phase in found.phases if phase.results]
        return Page(
            found.page,
            title,
            f"How version {found.version} of the recipe {found.slug} was judged on a cluster: {found.verdict}",
            partial(self.render, "evidence.html", found.page, e=found),
            "recipes/",
            (("phases", "Phases"), *judged, ("again", "Judge it again")),
            f"api/v1/evidence/{found.slug}/{found.name}.json",
            f"evidence {found.verdict} {' '.join(found.fingerprint.values())} {found.signer}",
            trail=next((_above(each) for each in self.data.recipes if each.slug == found.slug), (_RECIPES,)),
        )

    def _sources(self) -> Iterator[Page]:
        """Yield a page for each source file, so that every origin is a link to its line."""
        of = {layer.file: (layer.name, f"layers/{layer.name}.html") for layer in self.data.layers}
        for file, text in self.data.sources.items():
            path = source_page(file)
            body = partial(self.render, "source.html", path, file=file, lines=text.splitlines())
            trail = (_RECIPES, _LAYERS, of[file]) if file in of else (_RECIPES, _LAYERS)
            yield Page(path, file, f"The source file {file}", body, "recipes/", trail=trail)

    def _recipe(self, summary: Summary) -> Page:
        path = f"recipes/{summary.slug}.html"

        def body() -> str:
            near = sorted(self.data.neighbours(summary.slug), key=lambda each: (each[2], each[3], each[1]))
            return self._body(path, summary, self.data.recipe(summary.slug), None, near[:_NEIGHBOURS])

        return Page(
            path,
            summary.title,
            f"{summary.title}: {len(summary.components)} components, {summary.state}, for {_for(summary)}",
            body,
            "recipes/",
            _SECTIONS,
            f"api/v1/recipes/{summary.slug}.json",
            f"{summary.slug} {' '.join(name for name, _ in summary.components)}",
            f"recipes/{summary.slug}.atom",
            (_RECIPES,),
        )

    def _yaml(self, summary: Summary) -> Page:
        path = f"recipes/{summary.slug}/yaml.html"

        def body() -> str:
            found = self.data.recipe(summary.slug)
            return self.render("yaml.html", path, r=found, pieces=self._pieces(found, "../" * path.count("/")))

        title = f"{summary.title} as YAML"
        about = f"The recipe {summary.slug} as YAML, each line with the layer that set it"
        data = f"api/v1/recipes/{summary.slug}.json"
        return Page(path, title, about, body, "recipes/", (), data, trail=_above(summary))

    def _pieces(self, found: RecipeView, up: str) -> Iterator[Markup]:
        """Yield a recipe as YAML with its gutter; components are rendered once for all recipes that share them."""
        parts = {part.name: part for part in (*found.parts, *found.switched_off)}
        above, below = written.halves(found)
        yield self._gutter([*gutter.runs(above, {}), gutter.Run(written.opening(found), None)], up)
        for reference in found.document["componentRefs"]:
            part = parts[reference["name"]]
            if (part.key, up) not in self._gutters:
                lines = gutter.runs(part.document, part.winners, first="  - ", indent="    ")
                self._gutters[part.key, up] = self._gutter(lines, up)
            yield self._gutters[part.key, up]
        yield self._gutter(gutter.runs(below, found.winners), up)

    def _gutter(self, runs: Sequence[gutter.Run], up: str) -> Markup:
        return Markup(self.render("gutter.html", up, runs=runs))  # noqa: S704 - a template's

    def _edition(self, summary: Summary, edition: Edition) -> Page:
        path = f"recipes/{summary.slug}/{edition.version}.html"

        def body() -> str:
            return self._body(path, summary, self.data.edition(summary.slug, edition.version), edition, ())

        return Page(
            path,
            f"{summary.title} {edition.version}",
            f"Version {edition.version} of the recipe {summary.slug}, as it was released in {edition.release}",
            body,
            "recipes/",
            _SECTIONS[:-1],
            f"api/v1/recipes/{summary.slug}/{edition.version}.json",
            trail=_above(summary),
        )

    def _body(self, path: str, summary: Summary, found: RecipeView, edition: Edition | None, near: Any) -> str:
        up = "../" * path.count("/")
        needs = {part.name: part.needs for part in found.parts}
        versions = {part.name: part.version for part in found.parts}
        known = [component.name for component in self.data.components]
        addresses = {name: f"{up}components/{name}.html" for name in known}
        return self.render(
            "recipe.html",
            path,
            r=found,
            summary=summary,
            edition=edition,
            near=near,
            drawing=graph.svg(found.levels, needs, versions, addresses),
            values=partial(self._rows, up=up, linked=edition is None),
        )

    def _rows(self, part: Part, *, up: str, linked: bool) -> Markup:
        """Return the values of a part as a table; rendered once for all recipes that share it."""
        key = (part.key, up)
        if key not in self._values:
            self._values[key] = Markup(self.render("rows.html", up, part=part, linked=linked))  # noqa: S704 - a template's
        return self._values[key]

    def _difference(self, summary: Summary, edition: Edition) -> Page:
        path = f"recipes/{summary.slug}/{edition.before}..{edition.version}.html"

        def body() -> str:
            found = self.data.difference(summary.slug, edition.before, edition.version)
            groups = [(title, list(map(_told, changes))) for title, changes in diffreport.grouped(found)]
            return self.render("diff.html", path, diff=found, summary=summary, edition=edition, groups=groups)

        title = f"{summary.title}: {edition.before} → {edition.version}"
        data = f"api/v1/recipes/{summary.slug}/{edition.before}..{edition.version}.json"
        about = f"What differs between two versions of {summary.slug}"
        return Page(path, title, about, body, "recipes/", (), data, trail=_above(summary))


def _above(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Return the way to what is below a recipe."""
    return (_RECIPES, (summary.title, f"recipes/{summary.slug}.html"))


def _told(change: Change) -> tuple[str, str]:
    """Return kind and sentence of a change."""
    return change.kind, diffreport.sentence(change)


def moved(path: str, to: str, title: str) -> bytes:
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


def _for(summary: Summary) -> str:
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
