"""Fetch: what was published comes here, once it is known to be true.

    source → index, verified and not older than before → shard → artifact by digest → file or folder → remembered

Part of a fetch that has to be quick, so what only some need is imported for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import withdrawal_of
from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, PublishedVersion, choose, pin_of
from clusterbook.artifacts.open import OpenIndex, refuse_withdrawn
from clusterbook.artifacts.visit import visit
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diagnostics.transport import Malformed
from clusterbook.files.context import Context
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import Access
from clusterbook.oci.store import Store
from clusterbook.trust.choose_policy import PolicyChoice, trusting
from clusterbook.trust.policy import Trusting

if TYPE_CHECKING:
    from clusterbook.lookup.format import Index

LARGEST_RECIPE_BYTES = 64 << 20


class PublishedArtifact(NamedTuple):
    """One artifact of an opened index."""

    opened: OpenIndex
    slug: str
    version: str
    entry: PublishedVersion
    kind: str
    manifest: Manifest

    @property
    def repository(self) -> str:
        """The repository it is in."""
        return self.opened.base.repository(index.repository(self.kind, self.slug))

    @property
    def name(self) -> str:
        """What it is called, `SLUG@VERSION`."""
        return f"{self.slug}@{self.version}"

    def said(self) -> dict[str, Any]:
        """Return what is known of it, as data."""
        verified = self.opened.verified
        return {
            "slug": self.slug,
            "version": self.version,
            "recipeDigest": self.entry.digest,
            "artifactDigest": self.manifest.digest,
            "release": self.opened.envelope.release,
            "signer": verified.signer if verified else "",
            "issuer": verified.issuer if verified else "",
        }


class FetchResult(NamedTuple):
    """What came of it: what is to be printed, "" where it went to a file, and what its user should hear."""

    text: str
    notes: tuple[str, ...] = ()


class FetchRequest(NamedTuple):
    """What is wanted of the source `where`: its "index", or a "recipe" or a "bundle".

    Which one, `name` says (SLUG or SLUG@VERSION) or criteria do. `form` and `output` None are what suits the kind.
    """

    kind: str
    where: str
    name: str = ""
    criteria: Mapping[str, str] = MappingProxyType({})
    allow_inherited: bool = False
    allow_withdrawn: bool = False
    deployer: str = "helm"
    form: str | None = None
    output: str | None = None
    force: bool = False


def fetch(wanted: FetchRequest, choice: PolicyChoice, access: Access, around: Context) -> FetchResult:
    """Fetch a recipe, a bundle or an index.

    Args:
        wanted: which of them, from where, and where to.
        choice: whom to believe.
        access: how registries are spoken to.
        around: environment, home and the time.

    Raises:
        ClusterbookError: nothing was written, and what was remembered of the source stays.
    """
    belief = trusting(choice, around.environment, around.home)
    if is_reference(wanted.name):
        return _referenced(wanted, belief, choice, access)

    def deliver(opened: OpenIndex) -> FetchResult:
        if wanted.kind == "index":
            from clusterbook.fetch.contents import contents

            text, notes = contents(opened, as_json=wanted.form == "json")
            return _delivered(text.encode(), wanted)._replace(notes=notes)
        chosen, notes = _chosen(opened, wanted)
        result = _recipe(chosen, wanted) if wanted.kind == "recipe" else _bundle(chosen, wanted, choice)
        return result._replace(notes=(*notes, *result.notes))

    result, warning = visit(wanted.where, deliver, access=access, trusting=belief, around=around)
    return result._replace(notes=(*result.notes, warning)) if warning else result


def is_reference(name: str) -> bool:
    """Return whether what is wanted is named by where it is, and no index has to say so."""
    return name.startswith(("oci://", "oci-layout:"))


def _referenced(wanted: FetchRequest, belief: Trusting, choice: PolicyChoice, access: Access) -> FetchResult:
    """Bring a bundle that somebody pushed, once its own signature is verified.

    Raises:
        InvalidRequest: it is no bundle, or an index is asked for as well.
        Untrusted: no signature on it counts.
    """
    from clusterbook.artifacts.name import check_name
    from clusterbook.bundle.checksums import FILES
    from clusterbook.fetch.attestation import artifact_attestation
    from clusterbook.oci.open import open_artifact

    if wanted.kind != "bundle" or wanted.where or wanted.criteria:
        what = f"{wanted.name} names one bundle, where it is"
        raise InvalidRequest(what, hint="type `fetch bundle` without --from and criteria, or the name of a recipe")
    store, reference = open_artifact(wanted.name, access)
    repository = reference.repository
    manifest = store.manifest(repository, reference.wanted)
    if FILES not in manifest.annotations:
        raise InvalidRequest(f"{wanted.name} is no bundle", hint="`clusterbook verify` says what is known of it")
    verified, beside = artifact_attestation(store, repository, manifest, belief)
    check_name(reference, manifest, verified)
    said = {
        "artifactDigest": manifest.digest,
        "signer": verified.signer if verified else "",
        "issuer": verified.issuer if verified else "",
    }
    note = f"{manifest.digest}, signed by {verified.signer if verified else 'nobody'}"
    result = _kept(store, repository, manifest, wanted, beside, choice, name=wanted.name, said=said)
    return result._replace(notes=(note, *result.notes))


def _chosen(opened: OpenIndex, wanted: FetchRequest) -> tuple[PublishedArtifact, tuple[str, ...]]:
    """Return the artifact that is asked for, and notes about it."""
    slug, _, version_word = wanted.name.partition("@")
    notes: tuple[str, ...] = ()
    if slug and wanted.criteria:
        raise InvalidRequest(f"both the recipe {slug} and criteria were given", hint="give one of them")
    if not slug:
        from clusterbook.fetch.criteria import slug_for
        from clusterbook.lookup.find import Question

        question = Question(criteria=wanted.criteria, allow_inherited=wanted.allow_inherited)
        slug, notes = slug_for(question, _head(opened))
    try:
        recipe = opened.recipe(slug)
    except NotFound as error:
        from clusterbook.diagnostics.errors import did_you_mean

        hint = did_you_mean(slug, _head(opened).matcher.slugs()).rstrip("?")
        raise NotFound(error.what, hint=f"{hint}; `clusterbook fetch index` lists them all") from error
    version, entry = choose(slug, recipe, opened.version(slug, recipe, version_word))
    artifact_kind = RECIPE_KIND if wanted.kind == "recipe" else wanted.deployer
    pin = pin_of(slug, version, entry, artifact_kind)
    if not wanted.allow_withdrawn:
        refuse_withdrawn(opened.envelope, slug, version)
    elif found := withdrawal_of(opened.envelope, slug, version):
        notes = (*notes, f"{found.name} was withdrawn: {found.reason}")
    if version != recipe.current:
        notes = (*notes, f"{slug}@{version} is not what release {opened.envelope.release} serves: {recipe.current}")
    manifest = opened.artifact(index.repository(artifact_kind, slug), pin)
    notes = (*notes, f"{slug}@{version} of release {entry.release}, {opened.signature()}")
    return PublishedArtifact(opened, slug, version, entry, artifact_kind, manifest), notes


def _head(opened: OpenIndex) -> Index:
    from clusterbook.lookup.format import decode_head

    return decode_head(opened.shard(index.CRITERIA), f"{opened.base.store.where}: {index.CRITERIA}")


def _recipe(chosen: PublishedArtifact, wanted: FetchRequest) -> FetchResult:
    """Return a recipe, or write it."""
    layer = next((each for each in chosen.manifest.layers if each.media_type == RECIPE), None)
    if layer is None:
        raise Malformed(f"{chosen.name} is published without a recipe", hint="it has to be published again")
    data = chosen.opened.base.store.read(chosen.repository, layer, limit_bytes=LARGEST_RECIPE_BYTES)
    if wanted.form in (None, "yaml"):
        from clusterbook.documents.yaml_writer import dump

        data = dump(json.loads(data)).encode()
    return _delivered(data, wanted)


def _delivered(data: bytes, wanted: FetchRequest) -> FetchResult:
    """Return what is to be printed, or write it to a file."""
    if wanted.output in (None, "-"):
        return FetchResult(data.decode())
    from clusterbook.files.write import write_bytes

    write_bytes(Path(wanted.output), data)
    return FetchResult("")


def _bundle(chosen: PublishedArtifact, wanted: FetchRequest, choice: PolicyChoice) -> FetchResult:
    """Bring a bundle into a folder, or into the file of an archive."""
    from clusterbook.fetch.attestation import find_attestation

    store = chosen.opened.base.store
    beside = find_attestation(chosen.opened, chosen.repository, chosen.manifest)
    name, said = f"{chosen.name} for {chosen.kind}", {**chosen.said(), "deployer": chosen.kind}
    return _kept(store, chosen.repository, chosen.manifest, wanted, beside, choice, name=name, said=said)


def _kept(
    store: Store,
    repository: str,
    manifest: Manifest,
    wanted: FetchRequest,
    beside: Mapping[str, bytes],
    choice: PolicyChoice,
    *,
    name: str,
    said: dict[str, Any],
) -> FetchResult:
    """Bring the one layer of a bundle here; `said` is what is known of it."""
    from clusterbook.bundle.disk import is_archive
    from clusterbook.fetch.unpack import keep_archive, unpack_bundle

    output = "bundle" if wanted.output is None else wanted.output
    if len(manifest.layers) != 1:
        what = f"the bundle {name} has {len(manifest.layers)} layers"
        raise Malformed(what, hint="it has to be published again")
    source = (store, repository, manifest.layers[0])
    if is_archive(output):
        files = keep_archive(*source, Path(output), beside)
    else:
        files = unpack_bundle(*source, Path(output), beside, force=wanted.force)
    said |= {"output": output, "files": len(files)}
    if wanted.form == "json":
        return FetchResult(json.dumps(said, indent=2, sort_keys=True) + "\n")
    return FetchResult(f"{output}: {name}, {said['files']} files\nverify: clusterbook verify {output}{choice.flags}\n")
