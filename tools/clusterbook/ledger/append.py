"""The ledger grows by one release, or by one withdrawal: new files only, the release itself last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree, tree_from_texts, with_registry
from clusterbook.catalog.tree import RECIPES, SourceTree
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, Unwritable
from clusterbook.diagnostics.findings import Finding
from clusterbook.files.write import write_bytes
from clusterbook.ledger import git
from clusterbook.ledger import plan as release_plan
from clusterbook.ledger.audit import audit, edited_files
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import RELEASES, WITHDRAWN
from clusterbook.ledger.plan import CHANGED, NEW, UNCHANGED, RecipePlan, Release
from clusterbook.ledger.version import read_version
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.resolve import matrix


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A release to make: from `recipes` at `commit`, or as it lies there when that is ""."""

    name: str
    recipes: Path
    registry: Path
    commit: str = ""
    allow_dirty: bool = False


def plan(request: ReleaseRequest) -> Release:
    """Return the release that is asked for.

    Raises:
        InvalidRequest: it exists, is not newer than the last, or the folder differs from its commit.
        SourceErrors: the sources contradict themselves.
        NotFound, NoHistory: there is no such commit.
    """
    commit = git.commit(request.recipes, request.commit or "HEAD")
    ledger = open_ledger(request.registry)
    tree = with_registry(_tree(request), embedded_texts)
    return release_plan.plan(matrix.whole(load_catalog(tree)), ledger, name=request.name, commit=commit)


def _tree(request: ReleaseRequest) -> SourceTree:
    """Return the sources that a release publishes. Raises as `plan`."""
    if request.commit:
        return tree_from_texts(git.texts(request.recipes, request.commit), label=RECIPES)
    tree = read_tree(request.recipes, label=RECIPES)
    if not request.allow_dirty and git.is_dirty(request.recipes):
        what = f"{request.recipes} differs from its last commit, so the release would not be reproducible"
        raise InvalidRequest(what, hint="commit it first, or name the commit to release with --commit")
    return tree


def append(release: Release, registry: Path) -> None:
    """Add a release to the ledger, its own file last: what was broken off before that counts for nothing.

    Raises:
        InvalidRequest: there is nothing to release.
        Unwritable: a file cannot be written, or another stands in its place.
    """
    if release.empty:
        what = "nothing has changed since the last release, so there is nothing to release"
        raise InvalidRequest(what, hint="clusterbook-build release --dry-run compares at any time")
    for path, text in sorted(release.files.items(), key=lambda item: item[0].startswith(f"{RELEASES}/")):
        _remove_leftovers(registry / path)
        _add(registry / path, text)


def _remove_leftovers(target: Path) -> None:
    """Remove what a run that was killed left beside a file: half of it, under a name that is not in the ledger."""
    for leftover in target.parent.glob(f".{target.name}.????????"):
        leftover.unlink(missing_ok=True)


def _add(target: Path, text: str) -> None:
    """Write a new file; one that is there already, from a release that was broken off, has to say the same."""
    if target.exists():
        if target.read_bytes() != text.encode():
            raise Unwritable(
                f"{target} exists with other content", hint="the ledger is never edited: clusterbook-build audit"
            )
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}") from error
    write_bytes(target, text.encode())


def withdraw(registry: Path, slug: str, version: str, *, reason: str, replacement: str, commit: str) -> Path:
    """Add a withdrawal to the ledger; return its file.

    Raises:
        NotFound: there is no such version, or no such commit.
        InvalidRequest: it was withdrawn before, or there is no reason.
    """
    ledger = open_ledger(registry)
    resolved = git.commit(registry, commit)
    text = release_plan.withdraw(
        ledger, slug, read_version(version), reason=reason, replacement=replacement, commit=resolved
    )
    write_bytes(registry / WITHDRAWN, text.encode())
    return registry / WITHDRAWN


def check(registry: Path, against: str) -> list[Finding]:
    """Return everything that is wrong with the ledger; `against` names a commit whose files must all still be there.

    Raises:
        NotFound, NoHistory: there is no such commit.
    """
    ledger = open_ledger(registry)
    return [*(edited_files(ledger, _files_at(registry, against)) if against else ()), *audit(ledger)]


def _files_at(registry: Path, revision: str) -> Mapping[str, str]:
    """Return the files of the ledger at a commit; {} where it had none yet."""
    git.commit(registry, revision)
    try:
        return git.texts(registry, revision)
    except NotFound:
        return {}


def summary(release: Release) -> str:
    """Return what a release does: the counts, then a line for each recipe that is new, changed or gone."""
    counts = release.count()
    numbers = ", ".join(f"{counts[kind]} {kind}" for kind in (NEW, CHANGED, UNCHANGED))
    lines = [f"{release.name} of {release.commit.id[:12]} ({release.commit.date}): {numbers}, {len(release.gone)} gone"]
    for entry in release.gone:
        successors = ", ".join(release.successors.get(entry.slug, ()))
        lines.append(f"  gone       {entry.slug} {entry.version}{f'; take {successors}' if successors else ''}")
    lines += [_line(planned) for planned in release.recipes if planned.change != UNCHANGED]
    size = sum(len(text.encode()) for text in release.files.values())
    lines.append(f"{len(release.files)} files, {size:,} bytes")
    return "\n".join(lines) + "\n"


def _line(recipe: RecipePlan) -> str:
    entry = recipe.entry
    if recipe.before is None:
        return f"  new        {entry.slug} {entry.version}"
    return f"  {recipe.level:9}  {entry.slug} {recipe.before.version} → {entry.version}: {recipe.because}"
