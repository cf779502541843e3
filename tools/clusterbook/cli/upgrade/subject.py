"""Subjects: what the words FROM and TO of `upgrade plan` name, as sides of an upgrade with what is known of them.

A folder or archive is a bundle, what looks like a file is a recipe or a snapshot, everything else names a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook import __version__
from clusterbook.bundle.advice import Need
from clusterbook.bundle.checksums import CHECKSUMS, differences, digests, read_checksums
from clusterbook.bundle.disk import ARCHIVES, read_bundle
from clusterbook.bundle.options import OptionWords, read_options_document
from clusterbook.bundle.render import OPTIONS, RECIPE
from clusterbook.cli.command import Request
from clusterbook.cli.question import read_name, read_where
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.files.read import is_file, is_folder
from clusterbook.inputs.fast import read_document
from clusterbook.lookup.chart_proofs import chart_proofs
from clusterbook.lookup.find import Question, open_shelf, whole_recipe
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.records import TYPE_CHECKING, Any, NamedTuple
from clusterbook.resolve.recipe import KIND, RecipeResult
from clusterbook.upgrade.planned import PlannedRecipe, plan_recipe
from clusterbook.upgrade.proven import ProofsOf, ProvenFacts
from clusterbook.upgrade.side import UpgradeSide

if TYPE_CHECKING:
    from clusterbook.snapshot.model import Snapshot


class UpgradeSubject(NamedTuple):
    """One of the two words. `snapshot` is there where it names one; then it is no side until the other is known."""

    label: str
    recipe: Mapping[str, Any]
    request: OptionWords
    side: UpgradeSide | None
    needs: tuple[Need, ...] = ()
    proven: ProvenFacts | None = None
    snapshot: Snapshot | None = None
    notes: tuple[str, ...] = ()
    is_bundle: bool = False
    where: tuple[str | IndexFiles, str] | None = None
    """The source that was asked for the recipe, and the tree over it; None for a bundle, which is its own."""

    @property
    def planned(self) -> PlannedRecipe:
        """Return what it installs, where it is a recipe or a bundle."""
        assert self.side is not None, "a snapshot is no side by itself"
        assert self.proven is not None, "a side is proven as far as it is"
        return PlannedRecipe(self.side, self.needs, self.proven)


def read_subject(word: str, request: Request, *, options: OptionWords | None = None) -> UpgradeSubject:
    """Return what a word names.

    Args:
        word: a bundle, a recipe or a snapshot.
        request: the command line, which says where recipes are looked up.
        options: the options of the bundle that a recipe would become; a bundle has its own.

    Raises:
        ClusterbookError: there is no such thing, or it is damaged.
    """
    if is_folder(word) or (word.endswith(ARCHIVES) and is_file(word)):
        return _bundle(word)
    if word == "-" or "/" in word or word.endswith((".yaml", ".yml", ".json")) or is_file(word):
        return _file(word, request, options or {})
    slug, version = read_name(request.without("release"), word)
    source, data = read_where(request, version=version, slug=slug)
    question = Question(slug, allow_inherited="allow_inherited" in request.switches, source=source, data=data)
    recipe, notes = whole_recipe(question)
    return _planned(word, recipe, options or {}, chart_proofs(source, ""), notes)._replace(where=(source, data))


def _planned(
    label: str, recipe: Mapping[str, Any], options: OptionWords, proofs_of: ProofsOf, notes: Sequence[str]
) -> UpgradeSubject:
    """Return the subject that a whole recipe is with options."""
    made = plan_recipe(label, recipe, options, proofs_of)
    return UpgradeSubject(label, recipe, options, made.side, made.needs, made.proven, None, tuple(notes))


def _bundle(word: str) -> UpgradeSubject:
    """Return what a bundle installs; what somebody edited in it since counts as it was made, and is told."""
    files = read_bundle(word)
    for name in (RECIPE, OPTIONS, CHECKSUMS):
        if name not in files:
            raise InvalidRequest(f"{word} has no {name}, so it is not a bundle", hint="name a bundle's folder")
    recipe = _document(word, files, RECIPE)
    request, _ = read_options_document(_document(word, files, OPTIONS))
    if not RecipeResult(recipe).is_whole:
        raise InvalidRequest(f"{word}/{RECIPE} lacks what a bundle needs", hint="make the bundle again")
    recorded = read_checksums(files[CHECKSUMS].decode("utf-8", "replace"))
    edited = [each.path for each in differences(recorded, digests(files)) if each.path != CHECKSUMS]
    note = f"{word} was edited ({', '.join(edited[:3])}); the plan is for the bundle as it was rendered"
    return _planned(word, recipe, request, chart_proofs(""), [note] if edited else [])._replace(is_bundle=True)


def _document(word: str, files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """Return a document of a bundle; one in a folder is read as quickly as any other file."""
    if is_folder(word):
        return read_document(f"{word.rstrip('/')}/{name}")
    from clusterbook.bundle.rederive import document

    return document(files, name)


def _file(word: str, request: Request, options: OptionWords) -> UpgradeSubject:
    document = read_document(word, kubeconfig=request.text("kubeconfig"))
    if document.get("kind") == KIND:
        source, data = read_where(request)
        recipe, notes = whole_recipe(Question(document=word, source=source, data=data))
        return _planned(word, recipe, options, chart_proofs(source, ""), notes)._replace(where=(source, data))
    from clusterbook.inputs.fast import as_snapshot
    from clusterbook.snapshot.model import is_snapshot, snapshot_age

    if not is_snapshot(document):
        hint = (
            "name a bundle's folder, a recipe or a snapshot; clusterbook snapshot --cluster -o cluster.yaml takes one"
        )
        raise InvalidRequest(f"{word} is neither a recipe nor a snapshot", hint=hint)
    aged = snapshot_age(document, __version__)
    taken = as_snapshot(document, word)
    return UpgradeSubject(word, {}, {}, None, snapshot=taken, notes=(aged,) if aged else ())


def known_records(wanted: UpgradeSubject, request: Request) -> Mapping[str, Any]:
    """Return the upgrade records of the source that was asked for what is wanted, over those built in."""
    source, data = wanted.where or read_where(request)
    own = open_shelf(source, data).upgrade_records() if source or data else {}
    return {**open_shelf().upgrade_records(), **own}
