"""What differs between two releases, recipe by recipe, and how often each change occurs.

Whoever has the recipes of both offers them as `VersionStore`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clusterbook.diff.facts import Side
from clusterbook.diff.recipe_report import counted, document, markdown, told
from clusterbook.diff.recipes import Diff, diff
from clusterbook.documents.yaml_writer import dump
from clusterbook.ledger.model import RecipeVersion
from clusterbook.ledger.plan import UNCHANGED, Release
from clusterbook.ledger.version import LedgerVersion


class VersionStore(Protocol):
    """Where published versions are kept: the ledger, say."""

    def releases(self) -> list[str]:
        """Return the names of the releases, the newest last."""
        ...

    def entries(self, release: str) -> dict[str, RecipeVersion]:
        """Return what a release serves, by slug."""
        ...

    def by_digest(self, digest: str) -> RecipeVersion:
        """Return the recipe with a digest."""
        ...

    def side(self, slug: str, version: LedgerVersion) -> Side:
        """Return one version of a recipe as a side of a diff."""
        ...


@dataclass(frozen=True, slots=True)
class RecipeMove:
    """What becomes of one recipe from one release to another; `diff` is there where both serve it."""

    slug: str
    old: LedgerVersion | None
    new: LedgerVersion | None
    diff: Diff | None

    @property
    def kind(self) -> str:
        """Return new, gone or changed."""
        if self.old is None:
            return "new"
        return "gone" if self.new is None else "changed"


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """All recipes that differ between two releases, by slug, and how many do not."""

    old: str
    new: str
    moves: tuple[RecipeMove, ...]
    unchanged: int

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        return bool(self.moves)

    def common(self) -> list[tuple[str, int]]:
        """Return what changes, in a line each, with the number of recipes.

        Components, versions, constraints and checks come before what is told in numbers; of each, what concerns most
        recipes is first.
        """
        differences = [move.diff for move in self.moves if move.diff]
        counts = [Counter(line for each in differences for line in lines(each)) for lines in (told, counted)]
        return [pair for each in counts for pair in sorted(each.items(), key=lambda found: (-found[1], found[0]))]


def release_diff(published: VersionStore, old: str, new: str) -> ReleaseDiff:
    """Return what differs from the release `old` to the release `new`.

    Raises:
        NotFound: there is no such release.
    """
    before, after = published.entries(old), published.entries(new)
    moves = []
    for slug in sorted(before.keys() | after.keys()):
        was, now = before.get(slug), after.get(slug)
        if was is not None and now is not None:
            if was.digest != now.digest:
                difference = diff(published.side(slug, was.version), published.side(slug, now.version))
                moves.append(RecipeMove(slug, was.version, now.version, difference))
        else:
            moves.append(RecipeMove(slug, was.version if was else None, now.version if now else None, None))
    return ReleaseDiff(old, new, tuple(moves), len(before.keys() | after.keys()) - len(moves))


def plan_diff(release: Release) -> ReleaseDiff:
    """Return what differs from the last release to one that is planned."""
    moves = [RecipeMove(entry.slug, entry.version, None, None) for entry in release.gone]
    for recipe in release.recipes:
        if recipe.change != UNCHANGED:
            before = recipe.before.version if recipe.before else None
            moves.append(RecipeMove(recipe.entry.slug, before, recipe.entry.version, recipe.diff))
    moves.sort(key=lambda move: move.slug)
    return ReleaseDiff(release.previous or "nothing", release.name, tuple(moves), release.count()[UNCHANGED])


def report(difference: ReleaseDiff, form: str) -> str:
    """Return the diff of two releases as text, markdown, json or yaml, ending in a newline."""
    return _FORMS[form](difference)


def _text(difference: ReleaseDiff) -> str:
    """Return each recipe with its versions, then each change with the number of recipes it occurs in."""
    kinds = Counter(move.kind for move in difference.moves)
    numbers = [f"{kinds[kind]} {kind}" for kind in ("new", "changed", "gone") if kinds[kind]]
    lines = [f"{difference.old} → {difference.new}: {', '.join([*numbers, f'{difference.unchanged} unchanged'])}"]
    for kind in ("gone", "changed", "new"):
        moves = [move for move in difference.moves if move.kind == kind]
        lines += ["", f"{kind.capitalize()} recipes"] if moves else []
        lines += [f"  {move.slug} {_versions(move)}" for move in moves]
    common = difference.common()
    lines += ["", "What changes, and in how many recipes"] if common else []
    lines += [f"  {count:4}  {line}" for line, count in common]
    return "\n".join(lines) + "\n"


def _versions(move: RecipeMove) -> str:
    return " → ".join(str(version) for version in (move.old, move.new) if version is not None)


def _markdown(difference: ReleaseDiff) -> str:
    """Return the text as a block, and below it every diff in full."""
    parts = [f"# {difference.old} → {difference.new}\n", f"```text\n{_text(difference)}```\n"]
    parts += [markdown(move.diff) for move in difference.moves if move.diff is not None]
    return "\n".join(parts)


def _document(difference: ReleaseDiff) -> dict[str, Any]:
    recipes: Mapping[str, Any] = {
        move.slug: {
            "kind": move.kind,
            **({"old": str(move.old)} if move.old else {}),
            **({"new": str(move.new)} if move.new else {}),
            **({"changes": document(move.diff)["changes"]} if move.diff else {}),
        }
        for move in difference.moves
    }
    return {"old": difference.old, "new": difference.new, "unchanged": difference.unchanged, "recipes": recipes}


def _json(difference: ReleaseDiff) -> str:
    return json.dumps(_document(difference), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _yaml(difference: ReleaseDiff) -> str:
    return dump(_document(difference))


_FORMS: dict[str, Callable[[ReleaseDiff], str]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "yaml": _yaml,
}
