"""Audits: whether the record is what it was, and whether it agrees with itself.

What was published stays as it is: an earlier state of the ledger may only have been added to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.digest import digest
from clusterbook.ledger.model import (
    COMPONENTS,
    EVIDENCE,
    RELEASES,
    WITHDRAWN,
    BrokenLedger,
    Ledger,
    part_path,
    read,
    recipe_path,
    release_path,
)
from clusterbook.ledger.schema import (
    PublishedComponentShape,
    PublishedRecipeShape,
    ReleaseShape,
    WithdrawalsShape,
)
from clusterbook.ledger.version import LedgerVersion, is_version, read_version
from clusterbook.resolve.content import Document
from clusterbook.resolve.recipe import RecipeResult

EDITED_FILE = Code(
    "CB060",
    "published file edited or removed",
    "error",
    "What it recorded may be deployed; the ledger is append-only, and a record that changes proves nothing.",
    "Restore it from the commit that had it. To take a version out of use, type `clusterbook-build withdraw`.",
)
LEDGER_CONTRADICTION = Code(
    "CB061",
    "ledger that contradicts itself",
    "error",
    "What is served would differ from what was signed, or could not be found.",
    "Restore the files from Git; only `clusterbook-build release` writes them.",
)

_TAKE_BACK = "restore it from the commit that had it; to take a version out of use, type clusterbook-build withdraw"


def edited_files(ledger: Ledger, before: Mapping[str, str]) -> list[Finding]:
    """Return what was edited or removed since the files of a ledger were `before`.

    withdrawn.yaml may grow, and evidence that no longer holds may go: nobody deploys it.
    """
    findings = []
    for path, text in sorted(before.items()):
        place = Place(f"{ledger.label}/{path}")
        now = ledger.files.get(path)
        if now is None and path.startswith(f"{EVIDENCE}/"):
            continue
        if now is None:
            findings.append(EDITED_FILE.finding(place, "a published file was removed", _TAKE_BACK))
        elif now != text and not (path == WITHDRAWN and now.startswith(text)):
            findings.append(EDITED_FILE.finding(place, "a published file was edited", _TAKE_BACK))
    return findings


def audit(ledger: Ledger) -> list[Finding]:
    """Return everything in which the ledger contradicts itself, sorted by place."""
    return sorted(_Auditor(ledger).findings(), key=lambda each: (each.place, each.what))


class _Auditor:
    """Audits one ledger. A document that cannot be read is reported once, and left out of the rest."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.documents: dict[str, Document] = {}

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        for path in self.ledger.files:
            yield from self.document(path)
        for path, document in self.documents.items():
            yield from self.identity(path, document)
        served: set[str] = set()
        last: dict[str, tuple[LedgerVersion, str]] = {}
        for name in self.ledger.releases():
            release = self.documents.get(release_path(name))
            if release is not None:
                yield from self.release(release, name, last, served)
        yield from self.dates()
        yield from self.withdrawals()
        yield from self.orphans(served)

    def finding(self, path: str, what: str, hint: str = "") -> Finding:
        hint = hint or f"restore it: git checkout -- {self.ledger.label}"
        return LEDGER_CONTRADICTION.finding(Place(f"{self.ledger.label}/{path}"), what, hint)

    def document(self, path: str) -> Iterator[Finding]:
        """Read one file; yield what keeps it from being read. Evidence is judged as a whole, elsewhere."""
        if path.startswith(f"{EVIDENCE}/"):
            return
        shape = _shape_of(path)
        if shape is None:
            yield self.finding(path, "not a file of a ledger", "remove it; the ledger holds only what releases write")
            return
        try:
            document, findings = read(self.ledger.files[path], f"{self.ledger.label}/{path}", shape)
        except BrokenLedger as error:
            yield self.finding(path, error.what)
            return
        yield from findings
        if not findings:
            self.documents[path] = document

    def identity(self, path: str, document: Document) -> Iterator[Finding]:
        """Yield where a document does not say what its path and its digest promise."""
        kind = document["kind"]
        if kind == "Release":
            home = release_path(document["metadata"]["name"])
        elif kind == "PublishedRecipe":
            home = recipe_path(document["metadata"]["name"], read_version(document["metadata"]["version"]))
            yield from self.recipe(path, document)
        elif kind == "PublishedComponent":
            whole = digest({"component": document["component"], "origins": document["origins"]})
            home = part_path(document["metadata"]["name"], whole.removeprefix("sha256:")[:16])
            if whole != document["metadata"]["digest"] or document["component"]["name"] != document["metadata"]["name"]:
                yield self.finding(path, "its content does not match the digest that it names")
        else:
            return
        if path != home:
            yield self.finding(path, f"its content belongs in {home}")

    def recipe(self, path: str, document: Document) -> Iterator[Finding]:
        """Yield where a recipe's parts are missing, or its digest is another."""
        shown = document["recipe"]
        parts = []
        recipe = RecipeResult(shown)
        for component in recipe.components:
            where = part_path(component.name, component.document["part"])
            part = self.documents.get(where)
            if part is None:
                yield self.finding(path, f"its part {where} is missing or broken")
                return
            parts.append(part["component"])
        content = recipe.with_components(parts)
        if digest(content) != document["metadata"]["digest"]:
            yield self.finding(path, "the recipe does not have the digest that it names")
        if shown["metadata"]["slug"] != document["metadata"]["name"]:
            yield self.finding(path, f"it holds the recipe {shown['metadata']['slug']}")

    def release(
        self, release: Document, name: str, last: dict[str, tuple[LedgerVersion, str]], served: set[str]
    ) -> Iterator[Finding]:
        """Yield where a release does not follow from the ones before it, which left the recipes at `last`."""
        path = release_path(name)
        for slug, entry in release["recipes"].items():
            version = read_version(entry["version"])
            before = last.get(slug)
            served.add(recipe_path(slug, version))
            document = self.documents.get(recipe_path(slug, version))
            if document is None:
                yield self.finding(path, f"it serves {slug} {version}, whose file is missing or broken")
            elif document["metadata"]["digest"] != entry["digest"]:
                yield self.finding(path, f"{slug} {version} has another digest than its file")
            elif entry["change"] != "unchanged" and document["release"] != name:
                yield self.finding(
                    path, f"{slug} {version} is marked {entry['change']}, but {document['release']} introduced it"
                )
            if before is None and entry["change"] != "new":
                yield self.finding(path, f"{slug} is marked {entry['change']}, but no release served it before")
            if before is not None:
                yield from self.succession(path, slug, before, entry)
            last[slug] = (version, entry["digest"])

    def succession(self, path: str, slug: str, before: tuple[LedgerVersion, str], entry: Document) -> Iterator[Finding]:
        """Yield where a version does not follow the one before."""
        version = read_version(entry["version"])
        if entry["change"] == "unchanged" and (version, entry["digest"]) != before:
            yield self.finding(path, f"{slug} is marked unchanged, but was {before[0]} before")
        elif entry["change"] == "changed" and version <= before[0]:
            yield self.finding(path, f"{slug} {version} does not come after {before[0]}: a version is never used again")
        elif entry["change"] == "new":
            yield self.finding(path, f"{slug} is marked new, but was {before[0]} before")

    def dates(self) -> Iterator[Finding]:
        """Yield where releases go back in time, or name another as the one before."""
        previous: Document | None = None
        for name in self.ledger.releases():
            document = self.documents.get(release_path(name))
            if document is None:
                continue
            if previous is not None and document["date"] < previous["date"]:
                yield self.finding(
                    release_path(name), f"its commit is older than that of {previous['metadata']['name']}"
                )
            expected = previous["metadata"]["name"] if previous else None
            if document.get("previous") != expected:
                yield self.finding(release_path(name), f"the release before it is {expected or 'none'}")
            previous = document

    def withdrawals(self) -> Iterator[Finding]:
        """Yield where versions were withdrawn that never were, or twice."""
        paths: set[str] = set()
        for withdrawal in self.documents.get(WITHDRAWN, {}).get("withdrawn", ()):
            path = recipe_path(withdrawal["slug"], read_version(withdrawal["version"]))
            if path not in self.documents:
                yield self.finding(
                    WITHDRAWN,
                    f"{withdrawal['slug']} {withdrawal['version']} was withdrawn, but there is no such version",
                )
            if path in paths:
                yield self.finding(WITHDRAWN, f"{withdrawal['slug']} {withdrawal['version']} was withdrawn twice")
            paths.add(path)

    def orphans(self, served: set[str]) -> Iterator[Finding]:
        """Yield recipes that no release serves, and parts that no recipe is made of."""
        used = {
            part_path(component.name, component.document["part"])
            for document in self.documents.values()
            if document["kind"] == "PublishedRecipe"
            for component in RecipeResult(document["recipe"]).components
        }
        for path, document in self.documents.items():
            if document["kind"] == "PublishedRecipe" and path not in served:
                yield self.finding(
                    path, "no release refers to it", "remove it: a release was interrupted; run it again"
                )
            if document["kind"] == "PublishedComponent" and path not in used:
                yield self.finding(path, "no recipe uses it", "remove it: a release was interrupted; run it again")


def _shape_of(path: str) -> type[BaseModel] | None:
    """Return the shape of the document at `path`, None when nothing belongs there."""
    if path == WITHDRAWN:
        return WithdrawalsShape
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(".yaml")
    if stem == name:
        return None
    if folder == RELEASES:
        return ReleaseShape if is_version(stem) else None
    if folder.startswith(f"{COMPONENTS}/"):
        return PublishedComponentShape
    return PublishedRecipeShape if folder and "/" not in folder and is_version(stem) else None
