"""Publication: under which name a source publishes a bundle or an artifact, and whether it was withdrawn since.

A signature says who made something, once; only the index of a source says what is to be used today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import IndexWithdrawal, withdrawal_of
from clusterbook.artifacts.index import PinnedArtifact, PublishedRecipe
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.pins import Pins, recipe_pins
from clusterbook.artifacts.visit import visit
from clusterbook.bundle.checksums import FILES
from clusterbook.bundle.customisation import unnamed_files
from clusterbook.bundle.rederive import document
from clusterbook.bundle.render import OPTIONS, PROVENANCE, RECIPE
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.documents.digest import digest
from clusterbook.oci.manifest import Manifest
from clusterbook.resolve.content import content
from clusterbook.resolve.recipe_schema import read_whole
from clusterbook.trust.policy import SubjectMismatch, Unsigned
from clusterbook.trust.verify import VerifiedStatement
from clusterbook.verify.verifier import Verifier

Result = TypeVar("Result")
_CHANGED = "recipe.yaml was changed: fetch the recipe and make the bundle again"


class PublicationRecord(NamedTuple):
    """What a source says of something: its name and version there, and who signed the index.

    `same` says that every byte is what is published, rather than that only the recipe is; `pins` are the digests that
    the release has of what travels in the bundle, None where nothing does or its source has no SBOM.
    """

    where: str
    slug: str
    version: str
    verified: VerifiedStatement | None
    same: bool
    withdrawn: IndexWithdrawal | None
    pins: Pins | None = None

    @property
    def name(self) -> str:
        """What it is called, `SLUG@VERSION`."""
        return f"{self.slug}@{self.version}"


def look_up_artifact(manifest: Manifest, where: str, verifier: Verifier) -> tuple[PublicationRecord | None, str]:
    """Return what a source says of an artifact, None for an index, and a warning as `visit` does.

    Raises:
        SubjectMismatch: the source publishes no such artifact.
        Untrusted, BadIndex: its index cannot be relied on.
    """
    if manifest.artifact_type == index.INDEX:
        return None, ""

    def find(source_index: OpenIndex) -> PublicationRecord:
        pinned = _find_pin(source_index, manifest.digest)
        if pinned is None:
            what = f"{where} has no artifact with the digest {manifest.digest}"
            raise SubjectMismatch(what, hint="it may be of another publisher, or older than what the source keeps")
        return _record(where, source_index, pinned[0], pinned[1].tag, same=True)

    return _visit(where, find, verifier)


def look_up_bundle(
    files: Mapping[str, bytes], files_digest: str, manifest: Manifest | None, where: str, verifier: Verifier
) -> tuple[PublicationRecord, str]:
    """Return what a source says of a bundle, or of its recipe, and a warning as `visit` does.

    Args:
        files: the files of the bundle.
        files_digest: the digest of all of them.
        manifest: the manifest that its signature is about, if it carries one.
        where: the source.
        verifier: whoever verifies.

    Raises:
        SubjectMismatch: the source publishes neither, or the recipe calls itself something else than it does there.
        Untrusted, BadIndex: its index cannot be relied on.
        InvalidRequest: it has no recipe that can be read.
    """

    def find(source_index: OpenIndex) -> PublicationRecord:
        pinned = _find_pin(source_index, manifest.digest) if manifest is not None else None
        if pinned is not None:
            return _record(where, source_index, pinned[0], pinned[1].tag, same=True)
        return _recipe_record(source_index, files, files_digest, where)

    return _visit(where, find, verifier)


def _visit(where: str, use: Callable[[OpenIndex], Result], verifier: Verifier) -> tuple[Result, str]:
    return visit(where, use, access=verifier.access, trust=verifier.trust_options(), context=verifier.context)


def _recipe_record(
    source_index: OpenIndex, files: Mapping[str, bytes], files_digest: str, where: str
) -> PublicationRecord:
    """Return what a source says of the recipe of a bundle."""
    recipe = document(files, RECIPE)
    read_whole(recipe)
    metadata = recipe["metadata"]
    slug, recipe_digest = str(metadata.get("slug", "")), digest(content(recipe))
    names = source_index.versions_of(slug, recipe_digest)
    if not names:
        what = f"the recipe of the bundle, {slug or 'without a name'} {recipe_digest}, is not published by {where}"
        raise SubjectMismatch(what, hint="make it from a recipe that was fetched: `fetch recipe`, then `bundle -r`")
    version = str(metadata.get("version") or names[-1])
    if version not in names or metadata.get("digest", recipe_digest) != recipe_digest:
        what = f"the recipe of the bundle is marked {slug}@{version}, {where} publishes it as {slug}@{names[-1]}"
        raise SubjectMismatch(what, hint=_CHANGED)
    if extra := unnamed_files(recipe):
        what = f"the recipe of the bundle carries {extra[0]}, which is not used by its components"
        raise SubjectMismatch(what, hint=_CHANGED)
    same = files_digest == _published_digest(source_index, slug, version, files)
    record = _record(where, source_index, slug, version, same=same)
    if PROVENANCE in files:
        with suppress(Unsigned):
            return record._replace(pins=recipe_pins(source_index, slug, version))
    return record


def _published_digest(source_index: OpenIndex, slug: str, version: str, files: Mapping[str, bytes]) -> str:
    """Return the digest of the files of the published bundle, "" where the source has none to look at."""
    spec: Any = document(files, OPTIONS).get("spec") if OPTIONS in files else None
    deployer = str(spec.get("deployer", "")) if isinstance(spec, dict) else ""
    pin = source_index.recipe(slug).versions[version].artifacts.get(deployer)
    if pin is None:
        return ""
    try:
        return source_index.artifact(index.repository(deployer, slug), pin).annotations.get(FILES, "")
    except NoArtifact:
        return ""


def _find_pin(source_index: OpenIndex, digest: str) -> tuple[str, PinnedArtifact] | None:
    """Return the slug and the place of what an index pins with a digest, None for nothing."""
    for name in sorted(source_index.envelope.shards):
        if not name.startswith(index.RECIPES):
            continue
        recipes: Mapping[str, PublishedRecipe] = index.recipes_in(source_index.shard(name))
        for slug, recipe in recipes.items():
            for each in index.closure(slug, recipe):
                if each.pin.digest == digest:
                    return slug, each
    return None


def _record(where: str, source_index: OpenIndex, slug: str, version: str, *, same: bool) -> PublicationRecord:
    return PublicationRecord(
        where, slug, version, source_index.verified, same, withdrawal_of(source_index.envelope, slug, version)
    )
