"""Release index: a release of the ledger answers again, from the sources of its commit.

    ledger: release → commit → sources of that commit → every answer → a recipe, held against the recorded digest

The ledger records recipes, and of manifests and health checks the digests alone, so their texts come from history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from clusterbook.artifacts.layout import NotOfTheLedger, ReleaseOrigin, ReleaseVersion, add_version
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import tree_from_texts, with_registry
from clusterbook.catalog.tree import RECIPES
from clusterbook.diagnostics.errors import NotFound
from clusterbook.documents.digest import tree_digest
from clusterbook.ledger import git
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.lookup.build import index_parts
from clusterbook.lookup.format import KIT, Record, blob_part, decode_inputs
from clusterbook.lookup.index_files import IndexFiles, embedded_texts
from clusterbook.resolve import matrix, views
from clusterbook.resolve.bundle_inputs import BundleInputs, complete


class ReleaseIndex(IndexFiles):
    """The index of a release, as it was built from the commit that the release records."""

    def __init__(self, ledger: Ledger, release: str, texts: Mapping[str, str]) -> None:
        """Resolve the sources `texts` of the release.

        Raises:
            NotOfTheLedger: they are not those that the release records.
            SourceErrors: they contradict themselves.
        """
        document = ledger.release(release)
        if tree_digest(texts) != document["catalog"]:
            what = f"the sources at {document['commit'][:12]} are not those that release {release} records"
            raise NotOfTheLedger(what, hint="fetch the Git history that the ledger refers to")
        self.where, self.is_tree = f"release {release} of {ledger.label}", False
        self.remarks = (f"as released in {release}, from the sources of {document['commit'][:12]}",)
        self._origin = ReleaseOrigin(release, document["commit"], document["date"])
        self._entries = ledger.entries(release)
        tree = with_registry(tree_from_texts(dict(texts), label=RECIPES), embedded_texts)
        self._parts = dict(index_parts(matrix.whole(load_catalog(tree))))
        self._inputs: BundleInputs | None = None

    def read(self, part: str) -> bytes | None:
        """Return the bytes of a part, None when the index does not have it."""
        return self._parts.get(part)

    def parts(self) -> Iterable[tuple[str, bytes]]:
        """Return name and bytes of every part."""
        return self._parts.items()

    def record(self, slug: str) -> Record | None:
        """Return one recipe with the version and the digest that the release records, None where it has none.

        Raises:
            NotOfTheLedger: the sources do not give what was recorded.
        """
        found = super().record(slug)
        if found is None or slug not in self._entries:
            return found
        if self._inputs is None:
            self._inputs = decode_inputs(self.need(KIT), f"{self.where}: {KIT}")
        checks = {name: self.need(blob_part(blob)).decode() for name, blob in found.checks.items()}
        whole = complete(views.with_health_checks(found.recipe, checks), self._inputs)
        entry = self._entries[slug]
        version = ReleaseVersion(slug, str(entry.version), entry.digest, self._origin)
        return found._replace(recipe={**found.recipe, "metadata": add_version(whole, version)["metadata"]})


def open_release(registry: Path, selector: str, slug: str = "") -> ReleaseIndex:
    """Return the index of the release that is meant, from the ledger in the folder `registry` of a clone.

    Args:
        registry: the ledger; the sources are in `recipes` beside it.
        selector: a release, or with `slug` a version of that recipe, or its digest.
        slug: the recipe; "" for any.

    Raises:
        NotFound: there is no ledger, no such release, or no such version.
        NoHistory: the folder is in no checkout.
    """
    ledger = open_ledger(registry)
    if not ledger.releases():
        name = f"{slug}@{selector}" if slug else selector
        hint = "name where it is published: --source oci://HOST/BASE or oci-layout:FOLDER; or a ledger: --registry DIR"
        raise NotFound(f"{name} is not built in, and there is no ledger in {ledger.label}", hint=hint)
    release = release_of(ledger, selector, slug)
    texts = git.texts(registry.parent / RECIPES, ledger.release(release)["commit"])
    return ReleaseIndex(ledger, release, texts)


def release_of(ledger: Ledger, selector: str, slug: str = "") -> str:
    """Return the release that serves what is meant; of a version the last that does. Raises as `open_release`."""
    releases = ledger.releases()
    if selector in releases or not slug:
        ledger.release(selector)
        return selector
    for release in reversed(releases):
        entry = ledger.entries(release).get(slug)
        if entry is not None and selector in (str(entry.version), entry.digest):
            return release
    versions = [str(version) for version in ledger.history(slug)]
    hint = f"versions: {', '.join(versions) or 'none'}; releases: {', '.join(releases)}"
    raise NotFound(f"there is no {slug}@{selector}", hint=hint)
