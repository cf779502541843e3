"""What the two words of `clusterbook diff` mean, and how what they name is compared.

Each kind of thing that can be compared has a way to recognise and to read it: add one to READERS. Law: a recipe is the
same side whatever it is called by: its name, a file, a bundle of it, a version or a digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import clusterbook
from clusterbook.bundle.disk import ARCHIVES, read_bundle
from clusterbook.bundle.options import Options, OptionWords, read_options, read_options_document
from clusterbook.bundle.rederive import document, render_again, vendored_charts
from clusterbook.bundle.releases import EditedRelease, edited_releases
from clusterbook.bundle.render import OPTIONS, PROVENANCE, RECIPE
from clusterbook.cli.command import Request
from clusterbook.cli.flags import DIFF_FORMATS
from clusterbook.cli.releases.sources import RecipeSources, sources_of
from clusterbook.cli.reply import DIFFER, Reply
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean, unreadable
from clusterbook.diff import recipe_report, snapshot_report, snapshots
from clusterbook.diff.facts import Side
from clusterbook.diff.installed import installed_drift
from clusterbook.diff.recipes import Diff, diff
from clusterbook.diff.rendered import (
    as_one_recipe,
    changes_deployment,
    delivery,
    deployed_components,
    edited_side,
    rendered_side,
)
from clusterbook.diff.snapshot_report import Drift
from clusterbook.diff.snapshots import select
from clusterbook.files.read import is_file, is_folder
from clusterbook.inputs.fast import as_snapshot, read_document
from clusterbook.inputs.read import lacks_values, recipe_in
from clusterbook.ledger.diff import release_diff
from clusterbook.ledger.diff import report as release_report
from clusterbook.ledger.version import is_version, read_version
from clusterbook.lookup.find import open_shelf
from clusterbook.resolve.bundle_inputs import complete
from clusterbook.resolve.choices import asked_by_slug, split_slug
from clusterbook.resolve.content import content
from clusterbook.resolve.document import recipe_winners
from clusterbook.resolve.matching import UNSUPPORTED
from clusterbook.resolve.recipe import KIND, ORDER, Document, RecipeResult
from clusterbook.snapshot.model import Snapshot, is_snapshot

_PATTERNS = "name a file with one pattern a line"


class NamedSnapshot(NamedTuple):
    """A snapshot, by what it was called."""

    label: str
    snapshot: Snapshot


class DeployableRecipe(NamedTuple):
    """A recipe that may have been deployed, by what it was called.

    `request` has the options of a bundle of it, `edited` what somebody made of its releases, by component.
    """

    label: str
    recipe: Document
    request: OptionWords | None = None
    edited: Mapping[str, EditedRelease] = {}


class DriftFilter(NamedTuple):
    """Which changes a user wants to hear of: from which severity on, and which paths not."""

    least: str = snapshots.INFO
    ignored: tuple[str, ...] = ()


def read_filter(least: str, ignored: Sequence[str], files: Sequence[str]) -> DriftFilter:
    """Return what a user wants to hear of; files hold one pattern a line, behind # is comment.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is there, but not for us.
    """
    found = list(ignored)
    for name in files:
        try:
            lines = Path(name).read_text("utf-8").splitlines()
        except OSError as error:
            raise unreadable(name, error, hint=_PATTERNS) from error
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{name} is not UTF-8 text", hint=_PATTERNS) from error
        found += [line.partition(" #")[0].strip() for line in lines if not line.lstrip().startswith("#")]
    return DriftFilter(least, tuple(pattern for pattern in found if pattern))


def drift_of(before: NamedSnapshot | DeployableRecipe, after: NamedSnapshot, drift_filter: DriftFilter) -> Drift:
    """Return what is different in a snapshot.

    Raises:
        InvalidRequest: there is no such severity, or one of the two is damaged.
        Unseen: the snapshot does not say what is installed.
    """
    unmeasured: list[str] = []
    try:
        if isinstance(before, NamedSnapshot):
            found = snapshots.drift(before.snapshot, after.snapshot, least=snapshots.NOISE)
            unmeasured = snapshots.unmeasured_parts(before.snapshot, after.snapshot)
        else:
            found = installed_drift(before.recipe, after.snapshot, before.request, before.edited)
    except (KeyError, TypeError, AttributeError) as error:  # deep inside an object or a recipe somebody handed in
        what = f"{before.label} or {after.label} is damaged: {error}"
        raise InvalidRequest(what, hint="capture the snapshot, or print the recipe, again") from error
    told = select(found, ignore=drift_filter.ignored, least=drift_filter.least)
    left_out = sum(change.severity != snapshots.NOISE for change in found if change not in told)
    return Drift(before.label, after.label, told, left_out, unmeasured)


class ReleaseSide(NamedTuple):
    """A whole release."""

    name: str


class BundleFolder(NamedTuple):
    """A bundle: its recipe, the options it was made with, and what somebody made of its releases, by component."""

    side: Side
    request: OptionWords
    edited: Mapping[str, EditedRelease] = {}

    def options(self) -> Options:
        """Return what its options mean."""
        return read_options(self.request)


Subject = Side | ReleaseSide | BundleFolder | NamedSnapshot


def compare(
    old: str,
    new: str,
    *,
    sources: RecipeSources,
    form: str,
    drift_filter: DriftFilter | None = None,
    about_clusters: bool = False,
) -> tuple[str, bool]:
    """Return the report on what differs from `old` to `new`, and whether anything does.

    Args:
        old: what to compare: one of the words that READERS know.
        new: what to compare it with.
        sources: where recipes are taken from.
        form: one of recipe_report.FORMATS.
        drift_filter: which changes of a cluster are told; None for all that matter.
        about_clusters: whether the filter was typed for a cluster, so that nothing else may be compared.

    Raises:
        NotFound: one of them does not exist.
        InvalidRequest: they are not of kinds that can be compared.
        Unseen: a snapshot does not say what a recipe would be compared with.
    """
    before, after = subject(old, sources), subject(new, sources)
    if isinstance(before, ReleaseSide) and isinstance(after, ReleaseSide):
        releases = release_diff(sources.published, before.name, after.name)
        return release_report(releases, form), bool(releases)
    if isinstance(before, ReleaseSide) or isinstance(after, ReleaseSide):
        name, other = (old, new) if isinstance(before, ReleaseSide) else (new, old)
        what = f"{name} is a release and {other} is {_kind(after if isinstance(before, ReleaseSide) else before)}"
        raise InvalidRequest(what, hint=f"compare two releases, or type SLUG@{name}")
    if isinstance(after, NamedSnapshot):
        baseline = before if isinstance(before, NamedSnapshot) else _deployable(before, sources)
        drifted = drift_of(baseline, after, drift_filter or DriftFilter())
        return snapshot_report.report(drifted, form), bool(drifted.changes)
    if isinstance(before, NamedSnapshot):
        what = f"{old} is a snapshot and {new} is {_kind(after)}"
        raise InvalidRequest(what, hint=f"put the desired state first: clusterbook diff {new} {old}")
    if about_clusters:
        what = "--ignore, --ignore-from and --severity apply to changes of a cluster only"
        raise InvalidRequest(what, hint="compare with a snapshot, or leave them out")
    found = diff_of(before, after)
    return recipe_report.report(found, form), bool(found)


def diff_of(before: Side | BundleFolder, after: Side | BundleFolder) -> Diff:
    """Return what differs between two recipes or bundles. Raises InvalidRequest when options do not fit a recipe."""
    return diff(*_as_deployed(before, after))


def _as_deployed(*subjects: Side | BundleFolder) -> list[Side]:
    """Return both sides as they are deployed; as rendered, once options or edits of a bundle decide about that."""
    sides = [
        (each.side, each.options(), each.edited) if isinstance(each, BundleFolder) else (each, Options("helm"), {})
        for each in subjects
    ]
    if any(
        edited or (options != Options(options.deployer) and changes_deployment(side, options))
        for side, options, edited in sides
    ):
        shared = set.intersection(*(deployed_components(side, options) for side, options, _ in sides))
        return [rendered_side(side, options, shared, edited) for side, options, edited in sides]
    return [side for side, *_ in sides]


def _kind(compared: Subject) -> str:
    """Return what a subject is, for a message."""
    kinds = ((NamedSnapshot, "a snapshot"), (BundleFolder, "a bundle"))
    return next((name for kind, name in kinds if isinstance(compared, kind)), "a recipe")


def _deployable(compared: Side | BundleFolder, sources: RecipeSources) -> DeployableRecipe:
    """Return a recipe with what the component registry says of its components, since bundles go by that."""
    side = compared.side if isinstance(compared, BundleFolder) else compared
    facts = {} if side.whole else open_shelf(sources.source).bundle_inputs().registry
    result = RecipeResult(side.content)
    recipe = result.with_components(
        {"registry": facts.get(component.name, {}), **component.document} for component in result.components
    )
    if isinstance(compared, BundleFolder):
        return DeployableRecipe(side.label, recipe, compared.request, compared.edited)
    return DeployableRecipe(side.label, recipe)


def subject(word: str, sources: RecipeSources) -> Subject:
    """Return what `word` means.

    Raises:
        NotFound: nothing of that name exists.
    """
    for recognise, read in READERS:
        if recognise(word):
            return read(word, sources)
    raise NotFound(f"there is nothing called '{word}'", hint="type clusterbook diff --help")


def _by_digest(word: str, sources: RecipeSources) -> Subject:
    entry = sources.published.by_digest(word)
    return sources.published.side(entry.slug, entry.version)


def _release(word: str, sources: RecipeSources) -> Subject:
    sources.published.entries(word)
    return ReleaseSide(word)


def _version(word: str, sources: RecipeSources) -> Subject:
    """Return a version of a recipe: its own (h100-eks@1.0.0), or the one in a release (h100-eks@2026.7.0)."""
    slug, _, said = word.rpartition("@")
    if said in sources.published.releases():
        entries = sources.published.entries(said)
        if slug not in entries:
            raise NotFound(f"release {said} has no recipe {slug}", hint=did_you_mean(slug, entries))
        return sources.published.side(slug, entries[slug].version)
    return sources.published.side(slug, read_version(said))


def _file(word: str, sources: RecipeSources) -> Subject:
    document = read_document(word, kubeconfig=sources.kubeconfig)
    if is_snapshot(document):
        return NamedSnapshot(word, as_snapshot(document, word))
    try:
        found = recipe_in(document) if document.get("kind") == KIND else None
    except InvalidRequest as error:
        raise InvalidRequest(error.what, place=error.place or word, hint=error.hint) from error
    if found is None or lacks_values(found):
        hint = "write one with: clusterbook recipe SLUG -o recipe.yaml"
        raise InvalidRequest(f"{word} is neither a snapshot nor a recipe with its values", hint=hint)
    return _side(word, {**found, ORDER: document.get(ORDER)}, sources)


def _side(word: str, document: Document, sources: RecipeSources) -> Side:
    """Return a recipe that somebody holds, completed from the catalog as `bundle` does, where it can be."""
    recipe = as_one_recipe(document)
    if RecipeResult(recipe).is_whole:
        return Side(word, content(recipe))
    try:
        return Side(word, content(complete(recipe, open_shelf(sources.source).bundle_inputs())))
    except InvalidRequest:  # it names files that this catalog does not have
        return Side(word, recipe, whole=False)


def _bundle(word: str, sources: RecipeSources) -> Subject:
    files = read_bundle(word)
    request, version = read_options_document(document(files, OPTIONS))
    kept = document(files, RECIPE)
    if not ("metadata" in kept and RecipeResult(kept).is_whole):
        raise InvalidRequest(f"{word}/{RECIPE} is not a complete recipe", hint="make the bundle again")
    recipe = recipe_in(kept)
    made = render_again(files)
    options = read_options(request)
    edited = edited_releases(files, made.files, made.plan, options.deployer)
    delivered = delivery(options, vendored_charts(files) if PROVENANCE in files else {})
    side = replace(_side(word, recipe, sources), options=delivered)
    same = version == clusterbook.__version__
    return BundleFolder(edited_side(side, files, made, edited, same_version=same), request, edited)


def _recipe(word: str, sources: RecipeSources) -> Subject:
    """Return a recipe of the catalog in an index, resolved from the sources there, so that all of it is compared."""
    if sources.newest is not None:
        return sources.newest(word)
    resolver, gatherer = sources.catalog()
    named = resolver.matcher.slugs() | dict(resolver.matcher.overlays)
    if word not in named and is_folder(word):
        raise InvalidRequest(
            f"{word} is a folder without {OPTIONS}, so it is not a bundle", hint="name a bundle's folder"
        )
    plain, chosen = (word, ()) if word in named else split_slug(word)
    if plain not in named:
        raise NotFound(f"there is no recipe {word}", hint=f"{did_you_mean(word, named)}; or type SLUG@VERSION")
    answer = resolver.matcher.answer(named[plain])
    if answer.state == UNSUPPORTED:
        raise NotFound(f"{word} is not served: {answer.reason}", hint="`clusterbook list` shows them all")
    recipe = resolver.resolve(named[plain])
    if chosen:
        recipe = resolver.resolve(named[plain], asked=asked_by_slug(recipe.offers, chosen, recipe=plain))
    return Side(word, gatherer.content(recipe, state=answer.state), recipe_winners(recipe))


READERS: tuple[tuple[Callable[[str], bool], Callable[[str, RecipeSources], Subject]], ...] = (
    (lambda word: is_file(Path(word) / OPTIONS) or (word.endswith(ARCHIVES) and is_file(Path(word))), _bundle),
    (lambda word: word.startswith("sha256:"), _by_digest),
    (is_version, _release),
    (lambda word: word == "-" or "/" in word or word.endswith((".yaml", ".yml", ".json")), _file),
    (lambda word: "@" in word, _version),
    (bool, _recipe),
)
"""How each kind of word is recognised and read; the first that recognises it reads it."""


def answer(request: Request, *, about_clusters: bool) -> Reply:
    """Return what differs between what the two words of a command line name; see `compare`."""
    ignore, files = request.lists.get("ignore", ()), request.lists.get("ignore_from", ())
    severity = request.text("severity")
    want = read_filter(severity or snapshots.INFO, ignore, files) if severity or ignore or files else None
    if is_folder(request.values["new"]) and not is_file(Path(request.values["new"]) / OPTIONS):
        return _fleet(request, want or DriftFilter())
    text, differ = compare(
        request.values["old"],
        request.values["new"],
        sources=sources_of(request),
        form=request.text("format", DIFF_FORMATS[0]),
        drift_filter=want,
        about_clusters=about_clusters,
    )
    status = DIFFER if differ and "exit_code" in request.switches else 0
    return Reply(text, status=status, output=request.text("output"))


def _fleet(request: Request, drift_filter: DriftFilter) -> Reply:
    """Say how each cluster of a folder of snapshots differs from a recipe, a bundle or a snapshot."""
    from clusterbook.cli.fleet import drift_report

    sources = sources_of(request)
    before = subject(request.values["old"], sources)
    if isinstance(before, ReleaseSide):
        what = f"{request.values['old']} is a release, and {request.values['new']} a folder of snapshots"
        raise InvalidRequest(what, hint=f"type SLUG@{request.values['old']}")
    baseline = before if isinstance(before, NamedSnapshot) else _deployable(before, sources)
    compare_one = lambda label, taken: drift_of(baseline, NamedSnapshot(label, taken), drift_filter)  # noqa: E731
    text, status = drift_report(compare_one, request.values["new"], request.text("format", DIFF_FORMATS[0]))
    kept = status if status != DIFFER or "exit_code" in request.switches else 0
    return Reply(text, status=kept, output=request.text("output"))
