"""Find: the recipe that a request leads to, from an index or resolved on this machine.

Part of every look-up, so what only some requests need is imported where they need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook.catalog.criteria import DIMENSIONS, Criteria, read_criteria
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, NotHonoured, Unsupported, did_you_mean
from clusterbook.lookup.index import IndexShelf
from clusterbook.lookup.index_files import Source
from clusterbook.resolve import matching, views
from clusterbook.resolve.matching import Answer

if TYPE_CHECKING:
    from clusterbook.lookup.shelf import CatalogRecipe, Shelf

Options = Mapping[str, str]
"""Value by flag key; a switch that is on has the value "1", what is not given is absent."""


def open_shelf(options: Options) -> Shelf:
    """Return what answers a request: an index, or the sources with a private tree or a snapshot over them."""
    source = Source(options.get("source", ""))
    if not (options.get("data") or options.get("snapshot")):
        return IndexShelf(source)
    from clusterbook.lookup.local import LocalShelf

    return LocalShelf(source, data=options.get("data", ""), snapshot=options.get("snapshot", ""))


def asked(options: Options, shelf: Shelf, handed_in: dict[str, Any]) -> Criteria:
    """Return the criteria a request means: flags, over a file, over a snapshot.

    Raises:
        InvalidRequest: a value is not allowed, or nothing was asked. Source: reference row R7.
    """
    strict = "criteria_strict" in options
    refuse_empty(options)
    words: dict[str, str | int] = {**shelf.detected, **_criteria_of(handed_in)}
    for name in (name for name in shelf.detected if options.get(name, shelf.detected[name]) != shelf.detected[name]):
        shelf.remarks.append(f"--{name} {options[name]} counts, not {shelf.detected[name]} from the snapshot")
    words |= {name: options[name] for name in (*DIMENSIONS, "nodes") if name in options}
    criteria = read_criteria(words, shelf.vocabulary, strict=strict)
    if not words and "snapshot" in options:
        raise InvalidRequest(
            "the snapshot names no service, accelerator or OS of this catalog",
            hint="add them as flags: --service eks --accelerator h100, say",
        )
    if not words:
        raise InvalidRequest("no criteria were given", hint="type --service eks --accelerator h100, say, or --help")
    return criteria


def refuse_empty(options: Options) -> None:
    """Raise InvalidRequest for a criterion that stands there without a value."""
    for name in (*DIMENSIONS, "nodes"):
        if options.get(name) == "":
            raise InvalidRequest(f"--{name} is empty", hint=f"give a value, or leave --{name} out")


def input_document(options: Options) -> dict[str, Any]:
    """Return the document of --recipe, {} when there is none; it is read once, since it may be standard input."""
    if "recipe" not in options:
        return {}
    from clusterbook.inputs.read import read_document

    return read_document(options["recipe"])


def _criteria_of(document: dict[str, Any]) -> dict[str, str | int]:
    """Return the criteria in a document that was handed in, if any. Source: reference rows R11, R43."""
    if not document:
        return {}
    from clusterbook.inputs.read import criteria_in

    return criteria_in(document)


def serve(options: Options, shelf: Shelf, slug: str, handed_in: dict[str, Any]) -> tuple[Answer, tuple[str, ...]]:
    """Return the answer to a request, and notes about it.

    Raises:
        InvalidRequest: a name and criteria were given, or a value is not allowed.
        NotHonoured: part of the query changes nothing and --allow-inherited was not given.
        Unsupported: no recipe answers the query.
    """
    others = [name for name in (*DIMENSIONS, "nodes", "snapshot", "recipe") if name in options]
    if slug and others:
        raise InvalidRequest(f"both the recipe {slug} and --{others[0]} were given", hint="give one of them")
    answer = shelf.matcher.answer(_of_slug(shelf, slug) if slug else asked(options, shelf, handed_in))
    if answer.state == matching.UNSUPPORTED:
        raise Unsupported(answer.reason, hint=nearest(shelf, answer.query))
    if answer.state == matching.INHERITED:
        if "allow_inherited" not in options:
            hint = f"{nearest(shelf, answer.query)}; or accept {answer.slug} with --allow-inherited"
            raise NotHonoured(answer.reason, hint=hint)
        return answer, (answer.reason,)
    return answer, (f"{answer.slug} is {answer.reason}",) if answer.reason else ()


def nearest(shelf: Shelf, query: Criteria) -> str:
    """Return a hint that names the recipes nearest to a query."""
    names = shelf.matcher.nearest(query)
    return f"nearest recipes: {', '.join(names)}" if names else "see `clusterbook list`"


def _of_slug(shelf: Shelf, slug: str) -> Criteria:
    """Return the criteria of the recipe, or of the overlay, called `slug`.

    Raises:
        NotFound: there is none; the nearest names are given.
    """
    by_name = dict(shelf.matcher.overlays) | {"base": Criteria()}
    slug = slug.lower() if slug not in by_name else slug
    if slug in by_name:
        return by_name[slug]
    record = shelf.source.record(slug)
    if record is not None:
        return read_criteria(record.recipe["criteria"], shelf.vocabulary)
    known = shelf.matcher.slugs()
    if slug in known:
        return known[slug]
    hint = did_you_mean(slug, {*by_name, *known})
    raise NotFound(f"there is no recipe {slug}", hint=f"{hint}; `clusterbook list` shows them all")


class Lookup(NamedTuple):
    """The recipe that a request leads to. `shelf` and `recipe` are None when the request carried it along."""

    document: dict[str, Any]
    shelf: Shelf | None
    recipe: CatalogRecipe | None
    notes: tuple[str, ...]

    def with_health_checks(self) -> dict[str, Any]:
        """Return the recipe with the text of its health checks in place."""
        return views.with_health_checks(self.document, self.recipe.health_checks()) if self.recipe else self.document


def find(options: Options, slug: str) -> Lookup:
    """Return the recipe that a request leads to.

    Raises:
        ClusterbookError: none does; see `serve`.
    """
    handed_in = {} if slug else input_document(options)
    carried = _carried_by(handed_in)
    if carried is not None:
        return Lookup(carried, None, None, ())
    shelf = open_shelf(options)
    answer, notes = serve(options, shelf, slug, handed_in)
    recipe = shelf.recipe(answer)
    return Lookup(recipe.document, shelf, recipe, (*notes, *shelf.remarks))


def _carried_by(document: dict[str, Any]) -> dict[str, Any] | None:
    """Return the recipe that a document carries with its values, None when it has to be resolved first."""
    if not document:
        return None
    from clusterbook.inputs.read import recipe_in

    return recipe_in(document)


def whole_recipe(options: Options, slug: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the recipe that a request leads to with all that a bundle needs, and notes about it.

    Raises:
        ClusterbookError: no recipe answers the request; see `find`.
    """
    from clusterbook.resolve.bundle_inputs import complete

    found = find(options, slug)
    shelf = found.shelf
    if shelf is not None:
        return complete(found.with_health_checks(), shelf.bundle_inputs()), found.notes
    from clusterbook.resolve.recipe_schema import read_deployable

    if read_deployable(found.document).is_whole:
        return found.document, found.notes
    return complete(found.document, open_shelf(options).bundle_inputs()), found.notes
