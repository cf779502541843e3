"""The ledger: every release there was, and every version of every recipe, as the files under registry/ record them.

A mapping of path to text is handed in, and each file is read when it is asked for.

    releases/<release>.yaml         which version of which recipe a release serves
    <slug>/<version>.yaml           a recipe, and which parts it is made of
    components/<component>/<part>.yaml   a component as some recipes resolve it; shared, so that it stands once
    withdrawn.yaml                  versions nobody should use any more
    evidence/<slug>/<name>/         how a version was judged on some cluster; see clusterbook.evidence
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from clusterbook.catalog.criteria import Criteria, Vocabulary, read_criteria
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound, did_you_mean
from clusterbook.diagnostics.findings import Finding, SourceErrors
from clusterbook.diff.facts import Side
from clusterbook.documents.digest import DIGEST
from clusterbook.documents.schema import check_shape
from clusterbook.documents.yaml_reader import parse
from clusterbook.ledger.schema import (
    PublishedComponentShape,
    PublishedRecipeShape,
    ReleaseShape,
    WithdrawalsShape,
)
from clusterbook.ledger.version import LedgerVersion, is_version, read_version
from clusterbook.resolve.document import escape, winners
from clusterbook.resolve.recipe import RecipeResult

Document = dict[str, Any]

COMPONENTS, RELEASES, EVIDENCE, WITHDRAWN = "components", "releases", "evidence", "withdrawn.yaml"
RESERVED = (COMPONENTS, RELEASES, EVIDENCE)
"""Folders of the ledger that no recipe may be called like."""
_SHORTEST_DIGEST = 12

_LEDGER = (
    "--registry names its folder, registry/ in a clone of the catalog; or ask what is published:"
    " --source oci://HOST/BASE or oci-layout:FOLDER"
)


class BrokenLedger(ClusterbookError):
    """A file of the ledger is missing or damaged.

    The ledger is never edited: restore the file from Git, or type `clusterbook-build audit`.
    """

    code = "CB121"
    exit_status = 8


class RecipeVersion(NamedTuple):
    """One version of a recipe, as a release records it."""

    slug: str
    version: LedgerVersion
    digest: str


class Withdrawal(NamedTuple):
    """A version nobody should use any more, why, since when, and what to use instead, where there is something."""

    slug: str
    version: LedgerVersion
    reason: str
    replacement: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The record. `files` maps the path below registry/ to the text; it may read a text only when it is asked for."""

    files: Mapping[str, str]
    label: str = "registry"
    _read: dict[str, Document] = field(default_factory=dict, repr=False, compare=False)

    def releases(self) -> list[str]:
        """Return the names of the releases, the newest last."""
        names = [path.removeprefix(f"{RELEASES}/").removesuffix(".yaml") for path in self.files if _is_release(path)]
        return sorted(filter(is_version, names), key=read_version)

    def release(self, name: str) -> Document:
        """Return a release's document.

        Raises:
            NotFound: there is none of that name.
            BrokenLedger: it is not what it should be.
        """
        if release_path(name) not in self.files:
            names = self.releases()
            hint = f"releases: {', '.join(names)}" if names else _LEDGER
            raise NotFound(f"there is no release {name} in {self.label}", hint=hint)
        return self._document(release_path(name), ReleaseShape)

    def entries(self, release: str) -> dict[str, RecipeVersion]:
        """Return what a release serves, by slug. Raises as `release`."""
        recipes = self.release(release)["recipes"]
        return {
            slug: RecipeVersion(slug, read_version(said["version"]), said["digest"])
            for slug, said in sorted(recipes.items())
        }

    def latest(self, slugs: set[str]) -> dict[str, RecipeVersion]:
        """Return the last version of each of `slugs` that was ever released, looking no further back than needed."""
        versions: dict[str, RecipeVersion] = {}
        for name in reversed(self.releases()):
            missing = slugs - versions.keys()
            if not missing:
                break
            entries = self.entries(name)
            versions |= {slug: entries[slug] for slug in missing & entries.keys()}
        return versions

    def history(self, slug: str) -> dict[LedgerVersion, str]:
        """Return every version of a recipe with the release that brought it, the oldest first."""
        versions: dict[LedgerVersion, str] = {}
        for name in self.releases():
            entry = self.entries(name).get(slug)
            if entry is not None:
                versions.setdefault(entry.version, name)
        return versions

    def withdrawals(self) -> list[Withdrawal]:
        """Return what was withdrawn, in order."""
        if WITHDRAWN not in self.files:
            return []
        return [
            Withdrawal(
                said["slug"], read_version(said["version"]), said["reason"], said.get("replacement", ""), said["date"]
            )
            for said in self._document(WITHDRAWN, WithdrawalsShape)["withdrawn"]
        ]

    def withdrawn(self) -> set[tuple[str, LedgerVersion]]:
        """Return which versions were withdrawn."""
        return {(each.slug, each.version) for each in self.withdrawals()}

    def find(self, slug: str, version: LedgerVersion) -> RecipeVersion:
        """Return one version of a recipe.

        Raises:
            NotFound: it was never released; the message lists those that were.
        """
        document = self.recipe(slug, version)
        return RecipeVersion(slug, version, document["metadata"]["digest"])

    def by_digest(self, digest: str) -> RecipeVersion:
        """Return the recipe with a digest, of which at least twelve digits are given.

        Raises:
            InvalidRequest: not a digest, or several recipes begin so.
            NotFound: no recipe was released with it.
        """
        digits = digest.removeprefix("sha256:")
        if len(digits) < _SHORTEST_DIGEST or not DIGEST.fullmatch(f"sha256:{digits.ljust(64, '0')}"):
            hint = f"write sha256: and at least {_SHORTEST_DIGEST} of its 64 hexadecimal digits"
            raise InvalidRequest(f"'{digest}' is not a digest", hint=hint)
        entries = {
            entry.digest: entry
            for name in self.releases()
            for entry in self.entries(name).values()
            if entry.digest.startswith(f"sha256:{digits}")
        }
        if len(entries) > 1:
            raise InvalidRequest(f"{len(entries)} recipes have a digest that begins so", hint="write more digits")
        if not entries:
            raise NotFound(
                f"{self.label} has no recipe with the digest {digest}",
                hint="check that --registry names the right ledger",
            )
        return next(iter(entries.values()))

    def recipe(self, slug: str, version: LedgerVersion) -> Document:
        """Return the document of one version of a recipe. Raises as `find`, and BrokenLedger."""
        if recipe_path(slug, version) not in self.files:
            raise self._not_found(slug, version)
        return self._document(recipe_path(slug, version), PublishedRecipeShape)

    def _not_found(self, slug: str, version: LedgerVersion) -> NotFound:
        """Return what to say about a version that does not exist."""
        if not self.files:
            return NotFound(f"there is no ledger in {self.label}", hint=_LEDGER)
        folders = {path.partition("/")[0] for path in self.files if "/" in path} - set(RESERVED)
        if slug not in folders:
            return NotFound(f"{self.label} has no recipe {slug}", hint=did_you_mean(slug, folders))
        versions = sorted(read_version(name) for name in self._versions(slug))
        return NotFound(f"{slug} has no version {version}", hint=f"versions: {', '.join(map(str, versions))}")

    def _versions(self, slug: str) -> Iterator[str]:
        for path in self.files:
            folder, _, name = path.rpartition("/")
            if folder == slug and is_version(name.removesuffix(".yaml")):
                yield name.removesuffix(".yaml")

    def part(self, component: str, name: str) -> Document:
        """Return the document of one part.

        Raises:
            BrokenLedger: it is missing, or not what it should be.
        """
        if part_path(component, name) not in self.files:
            what = f"{self.label}/{part_path(component, name)} is missing, and recipes use it"
            raise BrokenLedger(what, hint=f"git checkout -- {self.label}")
        return self._document(part_path(component, name), PublishedComponentShape)

    def content(self, slug: str, version: LedgerVersion) -> Document:
        """Return the content of a recipe, with its parts in place. Raises as `recipe` and `part`."""
        recipe = RecipeResult(self.recipe(slug, version)["recipe"])
        return recipe.with_components(
            self.part(component.name, component.document["part"])["component"] for component in recipe.components
        )

    def criteria(self, slug: str, version: LedgerVersion) -> Criteria:
        """Return what a version answered, whatever a catalog knows today. Raises as `recipe`."""
        said = RecipeResult(self.recipe(slug, version)["recipe"]).criteria
        return read_criteria(said, Vocabulary({}, {}, {}))

    def side(self, slug: str, version: LedgerVersion) -> Side:
        """Return a recipe as one side of a diff, with who had the last word. Raises as `content`."""
        return Side(f"{slug}@{version}", self.content(slug, version), winners(self.origins(slug, version)))

    def origins(self, slug: str, version: LedgerVersion) -> Document:
        """Return who said what in a recipe (`document.Brief`), by pointer. Raises as `content`."""
        document = self.recipe(slug, version)
        origins = dict(document["origins"])
        for component in RecipeResult(document["recipe"]).components:
            root = f"/components/{escape(component.name)}"
            part = self.part(component.name, component.document["part"])
            origins |= {f"{root}{pointer}": by for pointer, by in part["origins"].items()}
        return origins

    def _document(self, path: str, shape: type[BaseModel]) -> Document:
        """Return the document in a file, read once.

        Raises:
            BrokenLedger: it does not have its shape.
        """
        if path not in self._read:
            document, findings = read(self.files[path], f"{self.label}/{path}", shape)
            if findings:
                first = findings[0]
                hint = f"it is never edited; restore it: git checkout -- {self.label}/{path}"
                raise BrokenLedger(first.what, place=first.place, hint=hint)
            self._read[path] = document
        return self._read[path]


def read(text: str, file: str, shape: type[BaseModel]) -> tuple[Document, list[Finding]]:
    """Return the document in a file of the ledger, and what keeps it from being one."""
    findings: list[Finding] = []
    try:
        node = parse(text, file, plain=True)
    except SourceErrors as error:
        return {}, list(error.findings)
    if node is None or not isinstance(node.value, dict):
        raise BrokenLedger("it is empty", place=file, hint=f"git checkout -- {file}")
    check_shape(node, file, shape, findings, strict=True)
    document: Document = node.data()
    return document, findings


def _is_release(path: str) -> bool:
    return path.startswith(f"{RELEASES}/") and path.endswith(".yaml")


def release_path(name: str) -> str:
    """Return where a release lies."""
    return f"{RELEASES}/{name}.yaml"


def recipe_path(slug: str, version: LedgerVersion) -> str:
    """Return where a version of a recipe lies."""
    return f"{slug}/{version}.yaml"


def part_path(component: str, part: str) -> str:
    """Return where a part lies."""
    return f"{COMPONENTS}/{component}/{part}.yaml"
