"""Find: the recipe that a question leads to, from an index or resolved on this machine.

Part of every look-up, so what only some requests need is imported where they need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from clusterbook.catalog.criteria import DIMENSIONS, Criteria, read_criteria
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, NotHonoured, Unsupported, did_you_mean
from clusterbook.lookup.index import IndexShelf
from clusterbook.lookup.index_files import IndexFiles, index_files
from clusterbook.records import TYPE_CHECKING, Any, NamedTuple
from clusterbook.resolve import matching, views
from clusterbook.resolve.matching import Answer
from clusterbook.resolve.recipe import KIND, RecipeResult

if TYPE_CHECKING:
    from clusterbook.lookup.shelf import CatalogRecipe, Shelf


class Question(NamedTuple):
    """Which recipe is asked for, and where it is looked up.

    `criteria` are words by dimension, `chosen` what is chosen besides, by name; `document` is a file or URL with a
    recipe, an overlay or criteria, `snapshot` one of a cluster, None for none; `source` is an index or where one is,
    "" for the built-in one, and `data` a private tree over it. `kubeconfig` says whose cluster has what is in one.
    `inherit_from` is an older recipe or bundle whose components stay where they are, `interfaces` says to which network
    each network interface belongs.
    """

    slug: str = ""
    criteria: Mapping[str, str] = MappingProxyType({})
    strict: bool = False
    allow_inherited: bool = False
    chosen: Mapping[str, str] = MappingProxyType({})
    document: str | None = None
    snapshot: str | None = None
    source: str | IndexFiles = ""
    data: str = ""
    kubeconfig: str = ""
    inherit_from: str = ""
    interfaces: str = ""


def open_shelf(
    source: str | IndexFiles = "", data: str = "", snapshot: str | None = None, *, kubeconfig: str = ""
) -> Shelf:
    """Return what answers a question: an index, or the sources with a private tree or a snapshot over them."""
    index_source = index_files(source)
    if not (data or snapshot or index_source.is_tree):
        return IndexShelf(index_source)
    from clusterbook.lookup.local import LocalShelf

    return LocalShelf(index_source, data=data, snapshot=snapshot or "", kubeconfig=kubeconfig)


def criteria_of(question: Question, shelf: Shelf, document: dict[str, Any]) -> Criteria:
    """Return the criteria a question means: its own, over those of its document, over those of its snapshot.

    Raises:
        InvalidRequest: a value is not allowed, or nothing was asked. Source: reference row R7.
    """
    given = question.criteria
    refuse_empty(given)
    typed = {name: given[name] for name in (*DIMENSIONS, "nodes") if name in given}
    said = {**_criteria_in(document, str(question.document), shelf), **typed}
    for name, value in said.items():
        what = f"--{name} {value} is used" if name in typed else f"{name} {value} of the document is used"
        if str(shelf.detected.get(name, value)) != str(value):
            shelf.remarks.append(f"{what}, not {shelf.detected[name]} from the snapshot")
        elif name in shelf.unfit:
            shelf.remarks.append(f"{what}, although {shelf.unfit[name]}")
    words: dict[str, str | int] = {**shelf.detected, **said}
    _refuse_unfit(question, shelf, words)
    criteria = read_criteria(words, shelf.vocabulary, strict=question.strict)
    if not words and question.snapshot is not None:
        raise InvalidRequest(
            "the snapshot shows no service, accelerator or OS of this catalog",
            hint="add them as flags: --service eks --accelerator h100, say",
        )
    if not words:
        raise InvalidRequest("no criteria were given", hint="type --service eks --accelerator h100, say, or --help")
    return criteria


def _refuse_unfit(question: Question, shelf: Shelf, words: Mapping[str, Any]) -> None:
    """Refuse what a snapshot shows and no recipe is for, as a flag of that value is; remark what it does not show.

    Raises:
        InvalidRequest: nothing else was said of that dimension.
    """
    for name, reason in shelf.unfit.items():
        if name not in words:
            known = ", ".join(shelf.vocabulary.offered(name))
            hint = f"say --{name} any to leave it open, or one of {known}"
            raise InvalidRequest(reason, place=question.snapshot, hint=hint)
    shelf.remarks += [
        f"the snapshot shows no {name}, so any is used; set it with --{name} NAME{f': {why}' if why else ''}"
        for name, why in shelf.unseen.items()
        if name not in words
    ]


def refuse_empty(criteria: Mapping[str, str]) -> None:
    """Raise InvalidRequest for a criterion that stands there without a value."""
    for name in (*DIMENSIONS, "nodes"):
        if criteria.get(name) == "":
            raise InvalidRequest(f"--{name} is empty", hint=f"give a value, or leave --{name} out")


def read_input(question: Question) -> dict[str, Any]:
    """Return the document of a question, {} when there is none; it is read once, since it may be standard input."""
    if question.slug or question.document is None:
        return {}
    from clusterbook.inputs.read import read_document

    return read_document(question.document, kubeconfig=question.kubeconfig)


def _criteria_in(document: dict[str, Any], where: str, shelf: Shelf) -> dict[str, str | int]:
    """Return the criteria in a document that was handed in, if any. Source: reference rows R11, R43."""
    if not document:
        return {}
    from clusterbook.inputs.read import criteria_in, display_name, unread_keys

    try:
        criteria = criteria_in(document)
        shelf.remarks += [f"{display_name(where)}: {key} is not read" for key in unread_keys(document)]
    except InvalidRequest as error:
        raise InvalidRequest(error.what, place=error.place or display_name(where), hint=error.hint) from error
    if document.get("kind") == "RecipeMetadata":
        from clusterbook.lookup.recipe_file import refuse_own_lines

        refuse_own_lines(document, where, shelf)
    return criteria


def serve(question: Question, shelf: Shelf, document: dict[str, Any]) -> tuple[Answer, tuple[str, ...]]:
    """Return the answer to a question whose document has been read, and notes about it.

    Raises:
        InvalidRequest: a name and criteria were given, or a value is not allowed.
        NotHonoured: part of the query changes nothing and --allow-inherited was not given.
        Unsupported: no recipe answers the query.
    """
    slug, chosen = _split(shelf, question.slug)
    others = [name for name in (*DIMENSIONS, "nodes") if name in question.criteria]
    others += [
        name for name, word in (("snapshot", question.snapshot), ("recipe", question.document)) if word is not None
    ]
    if slug and others:
        raise InvalidRequest(f"both the recipe {slug} and --{others[0]} were given", hint="give one of them")
    criteria = _slug_criteria(shelf, slug, strict=question.strict) if slug else criteria_of(question, shelf, document)
    answer = shelf.matcher.answer(criteria)
    if answer.state == matching.UNSUPPORTED:
        named = ", ".join(shelf.matcher.successors(answer.query))
        nearest = nearest_hint(shelf, answer.query)
        raise Unsupported(answer.reason, hint=f"with an OS: {named}; {nearest}" if named else nearest)
    if question.chosen or chosen:
        answer = _choose(shelf, answer, question.chosen, chosen)
    answer = shelf.judge(answer)
    if answer.state == matching.UNSUPPORTED:
        raise Unsupported(answer.reason, hint=f"see which recipes fit: clusterbook fit {question.snapshot}")
    if answer.state == matching.INHERITED:
        if not question.allow_inherited:
            hint = f"{nearest_hint(shelf, answer.query)}; or accept {answer.slug} with --allow-inherited"
            raise NotHonoured(answer.reason, hint=hint)
        return answer, (answer.reason,)
    return answer, (f"{answer.slug} is {answer.reason}",) if answer.reason else ()


def _split(shelf: Shelf, slug: str) -> tuple[str, tuple[str, ...]]:
    """Return a recipe's name without what was chosen, and the answers that were; an overlay's name is as it is."""
    if "--" not in slug or slug in dict(shelf.matcher.overlays):
        return slug, ()
    from clusterbook.resolve.choices import split_slug

    return split_slug(slug)


def _choose(shelf: Shelf, answer: Answer, asked: Mapping[str, str], named: tuple[str, ...]) -> Answer:
    """Return the answer among those that can be chosen which flags ask for, and the recipe's name.

    Raises:
        InvalidRequest: the recipe does not offer it, or name and flags contradict each other.
    """
    from clusterbook.resolve.choices import asked_by_slug, choose

    offers = shelf.offers(answer)
    by_name = asked_by_slug(offers, named, recipe=str(answer.slug))
    for name in by_name.keys() & asked.keys():
        if by_name[name].lower() != asked[name].lower():
            what = f"{name} is {by_name[name]} in the recipe's name, but {asked[name]} was chosen"
            raise InvalidRequest(what, hint="give one of them")
    return choose(answer, offers, {**by_name, **asked})


def nearest_hint(shelf: Shelf, query: Criteria) -> str:
    """Return a hint that names the recipes nearest to a query."""
    names = shelf.matcher.nearest(query)
    return f"nearest recipes: {', '.join(names)}" if names else "see `clusterbook list`"


def _slug_criteria(shelf: Shelf, slug: str, *, strict: bool) -> Criteria:
    """Return the criteria of the recipe, or of the overlay, called `slug`.

    Raises:
        NotFound: there is none; the nearest names are given.
        InvalidRequest: `strict`, and one of them is a value that only overlays claim.
    """
    found = _named_criteria(shelf, slug)
    return read_criteria(found._asdict(), shelf.vocabulary, strict=True) if strict else found


def _named_criteria(shelf: Shelf, slug: str) -> Criteria:
    """Return the criteria of the recipe, or of the overlay, called `slug`. Raises NotFound as `_slug_criteria`."""
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
    """The recipe that a question leads to.

    `shelf` and `recipe` are None when the question carried it along; `completed` then says whether a catalog was asked.
    """

    document: dict[str, Any]
    shelf: Shelf | None
    recipe: CatalogRecipe | None
    notes: tuple[str, ...]
    completed: bool = False

    def with_health_checks(self) -> dict[str, Any]:
        """Return the recipe with the text of its health checks in place."""
        return views.with_health_checks(self.document, self.recipe.health_checks()) if self.recipe else self.document


def find(question: Question) -> Lookup:
    """Return the recipe that a question leads to, as one cluster needs it where the question says so.

    Raises:
        ClusterbookError: none does; see `serve`.
    """
    found = _found(question)
    if not (question.inherit_from or question.interfaces):
        return found
    document, notes = _for_one_cluster(question, found.document)
    return found._replace(document=document, notes=(*found.notes, *notes))


def _for_one_cluster(question: Question, recipe: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a recipe with what a question says of one cluster in it, and notes about it."""
    notes: tuple[str, ...] = ()
    if question.inherit_from:
        from clusterbook.lookup.deployed import read_deployed
        from clusterbook.resolve.inherit import inherit

        recipe, notes = inherit(recipe, *read_deployed(question.inherit_from, kubeconfig=question.kubeconfig))
        notes = notes or (f"nothing to inherit: {question.inherit_from} has the same namespaces, charts and names",)
    if question.interfaces:
        from clusterbook.resolve.interfaces import read_interfaces, with_interfaces

        recipe = with_interfaces(recipe, read_interfaces(question.interfaces))
    return recipe, notes


def _found(question: Question) -> Lookup:
    """Return the recipe that a question leads to, as the catalog has it. Raises as `find`."""
    read = read_input(question)
    if read.get("kind") == KIND:
        found = _document_recipe(question, read)
        return found if found.completed else found._replace(notes=(*found.notes, *_idle(question)))
    return _looked_up(question, read)


def _looked_up(question: Question, read: dict[str, Any]) -> Lookup:
    """Return the recipe of a catalog that a question leads to, its document having been read."""
    shelf = open_shelf(question.source, question.data, question.snapshot, kubeconfig=question.kubeconfig)
    answer, notes = serve(question, shelf, read)
    recipe = shelf.recipe(answer)
    return Lookup(recipe.document, shelf, recipe, (*notes, *shelf.remarks))


def _document_recipe(question: Question, document: dict[str, Any]) -> Lookup:
    """Return the recipe that was handed in: it is the answer, whatever this catalog says of its criteria.

    Raises:
        InvalidRequest: it is no recipe, names files that are not at hand, or something else was asked besides.
    """
    from clusterbook.lookup.recipe_file import read_recipe_file

    where = str(question.document)
    found = read_recipe_file(document, where, source=question.source, data=question.data)
    others = [name for name, value in question.criteria.items() if value != str(found.document["criteria"].get(name))]
    recorded = RecipeResult(found.document).chosen
    others += [f"profile {name}" for name, value in question.chosen.items() if value != recorded.get(name)]
    others += [] if question.snapshot is None else ["snapshot"]
    if others:
        hint = f"leave --{others[0]} out, or pass criteria (kind: RecipeCriteria)"
        if others == ["snapshot"]:
            hint = f"compare it with the snapshot: clusterbook validate -r {where} -s {question.snapshot}"
        what = f"{where} is a recipe, which --{others[0]} cannot change"
        raise InvalidRequest(what, hint=hint)
    if question.strict:
        vocabulary = open_shelf(question.source, question.data).vocabulary
        read_criteria(RecipeResult(found.document).criteria, vocabulary, strict=True)
    return Lookup(found.document, None, None, found.notes, found.completed)


def _idle(question: Question) -> Iterator[str]:
    """Yield a note for each place to look in that is of no use to a recipe which holds all that is asked of it."""
    for flag, place in (("--source", question.source), ("--data", question.data)):
        if place:
            yield f"{flag} {place} is not used: {question.document} is a complete recipe"


def whole_recipe(question: Question) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the recipe that a question leads to with all that a bundle needs, and notes about it.

    Raises:
        ClusterbookError: no recipe answers it; see `find`.
    """
    from clusterbook.resolve.bundle_inputs import complete

    read = read_input(question)
    if read.get("kind") != KIND:
        found = _looked_up(question, read)
        assert found.shelf is not None, "who looks up has a shelf"
        document, notes = _for_one_cluster(question, found.with_health_checks())
        if not RecipeResult(document).is_whole:  # a published one is
            document = complete(document, found.shelf.bundle_inputs())
        return document, (*found.notes, *notes)
    from clusterbook.lookup.recipe_file import whole_recipe_file

    found = _document_recipe(question, read)
    document, notes = _for_one_cluster(question, found.document)
    whole = whole_recipe_file(document, source=question.source, data=question.data)
    idle = () if found.completed or whole.completed else _idle(question)
    return whole.document, (*found.notes, *notes, *whole.notes, *idle)
