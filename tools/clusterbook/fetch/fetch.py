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
from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, PublishedRecipe, PublishedVersion, choose, pin_of
from clusterbook.artifacts.open import OpenIndex, open_index, refuse_withdrawn
from clusterbook.artifacts.visit import visit
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.diagnostics.transport import Malformed, NoArtifact
from clusterbook.files.context import Context
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import Access
from clusterbook.oci.store import Store
from clusterbook.trust.choose_policy import PolicyChoice, trust_options
from clusterbook.trust.policy import TrustOptions

if TYPE_CHECKING:
    from clusterbook.lookup.format import Index

LARGEST_RECIPE_BYTES = 64 << 20


class PublishedArtifact(NamedTuple):
    """One artifact of an opened index."""

    source_index: OpenIndex
    slug: str
    version: str
    entry: PublishedVersion
    kind: str
    manifest: Manifest

    @property
    def repository(self) -> str:
        """The repository it is in."""
        return self.source_index.base.repository(index.repository(self.kind, self.slug))

    @property
    def name(self) -> str:
        """What it is called, `SLUG@VERSION`."""
        return f"{self.slug}@{self.version}"

    def facts(self) -> dict[str, Any]:
        """Return what is known of it, as data."""
        verified = self.source_index.verified
        return {
            "slug": self.slug,
            "version": self.version,
            "recipeDigest": self.entry.digest,
            "artifactDigest": self.manifest.digest,
            "release": self.source_index.envelope.release,
            "signer": verified.signer if verified else "",
            "issuer": verified.issuer if verified else "",
        }


class FetchResult(NamedTuple):
    """What came of it: what is to be printed, "" where it went to a file, and what its user should hear."""

    text: str
    notes: tuple[str, ...] = ()


class FetchRequest(NamedTuple):
    """What is wanted of the source `where`: its "index", or a "recipe" or a "bundle".

    Which one, `name` says (SLUG or SLUG@VERSION) or criteria do, as of `release` where there is one. `form` and
    `output` None are what suits the kind.
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
    release: str = ""


def fetch(request: FetchRequest, choice: PolicyChoice, access: Access, context: Context) -> FetchResult:
    """Fetch a recipe, a bundle or an index.

    Args:
        request: which of them, from where, and where to.
        choice: whom to believe.
        access: how registries are spoken to.
        context: environment, home and the time.

    Raises:
        ClusterbookError: nothing was written, and what was remembered of the source stays.
    """
    trust = trust_options(choice, context.environment, context.home)
    if is_reference(request.name):
        return _fetch_reference(request, trust, choice, access)

    def deliver(source_index: OpenIndex) -> FetchResult:
        if request.kind == "index":
            from clusterbook.fetch.contents import contents

            text, notes = contents(source_index, as_json=request.form == "json")
            return _deliver(text.encode(), request)._replace(notes=notes)
        artifact, notes = _choose_artifact(source_index, request)
        result = _recipe(artifact, request) if request.kind == "recipe" else _bundle(artifact, request, choice)
        return result._replace(notes=(*notes, *result.notes))

    result, warning = visit(request.where, deliver, access=access, trust=trust, context=context)
    return result._replace(notes=(*result.notes, warning)) if warning else result


def is_reference(name: str) -> bool:
    """Return whether what is wanted is named by where it is, and no index has to say so."""
    return name.startswith(("oci://", "oci-layout:"))


def _fetch_reference(request: FetchRequest, trust: TrustOptions, choice: PolicyChoice, access: Access) -> FetchResult:
    """Bring a bundle that somebody pushed, once its own signature is verified.

    Raises:
        InvalidRequest: it is no bundle, or an index is asked for as well.
        Untrusted: no signature on it counts.
    """
    from clusterbook.artifacts.name import check_name
    from clusterbook.bundle.checksums import FILES
    from clusterbook.fetch.attestation import artifact_attestation
    from clusterbook.oci.open import open_artifact

    if request.kind != "bundle" or request.where or request.criteria:
        what = f"{request.name} names a single bundle"
        raise InvalidRequest(what, hint="type `fetch bundle` without --from and criteria, or the name of a recipe")
    store, reference = open_artifact(request.name, access)
    repository = reference.repository
    manifest = store.manifest(repository, reference.tag_or_digest)
    if FILES not in manifest.annotations:
        raise InvalidRequest(f"{request.name} is not a bundle", hint="`clusterbook verify` shows what it is")
    verified, beside = artifact_attestation(store, repository, manifest, trust)
    check_name(reference, manifest, verified)
    facts = {
        "artifactDigest": manifest.digest,
        "signer": verified.signer if verified else "",
        "issuer": verified.issuer if verified else "",
    }
    note = f"{manifest.digest}, {f'signed by {verified.signer}' if verified else 'not signed'}"
    result = _write_bundle(store, repository, manifest, request, beside, choice, name=request.name, facts=facts)
    return result._replace(notes=(note, *result.notes))


def _choose_artifact(source_index: OpenIndex, request: FetchRequest) -> tuple[PublishedArtifact, tuple[str, ...]]:
    """Return the artifact that is asked for, and notes about it."""
    slug, _, version_word = request.name.partition("@")
    notes: tuple[str, ...] = ()
    if slug and request.criteria:
        raise InvalidRequest(f"both the recipe {slug} and criteria were given", hint="give one of them")
    if not slug:
        from clusterbook.fetch.criteria import slug_for
        from clusterbook.lookup.find import Question

        question = Question(criteria=request.criteria, allow_inherited=request.allow_inherited)
        slug, notes = slug_for(question, head_of(source_index, request.release))
    version_word = version_word or request.release
    try:
        recipe = source_index.recipe(slug)
    except NotFound as error:
        from clusterbook.diagnostics.errors import did_you_mean

        hint = did_you_mean(slug, _head(source_index).matcher.slugs()).rstrip("?")
        raise NotFound(error.what, hint=f"{hint}; `clusterbook fetch index` lists them all") from error
    try:
        version, entry = choose(slug, recipe, source_index.version(slug, recipe, version_word))
    except NotFound as error:
        if version_word or recipe.current:
            raise
        raise NotFound(error.what, hint=f"{_successors_hint(source_index, slug, recipe)}{error.hint}") from error
    artifact_kind = RECIPE_KIND if request.kind == "recipe" else request.deployer
    pin = pin_of(slug, version, entry, artifact_kind)
    if not request.allow_withdrawn:
        refuse_withdrawn(source_index.envelope, slug, version)
    elif withdrawal := withdrawal_of(source_index.envelope, slug, version):
        notes = (*notes, f"{withdrawal.name} was withdrawn: {withdrawal.reason}")
    if version != recipe.current:
        notes = (
            *notes,
            f"{slug}@{version} is not what release {source_index.envelope.release} serves: {recipe.current}",
        )
    manifest = source_index.artifact(index.repository(artifact_kind, slug), pin)
    notes = (*notes, f"{slug}@{version} of release {entry.release}, {source_index.signature()}")
    return PublishedArtifact(source_index, slug, version, entry, artifact_kind, manifest), notes


def _successors_hint(source_index: OpenIndex, slug: str, recipe: PublishedRecipe) -> str:
    """Return the beginning of a hint that names what answers in the place of a recipe, "" where nothing is known to.

    What it answered is in its last version, which a partial mirror may lack.
    """
    from clusterbook.catalog.criteria import read_criteria

    version = max(recipe.versions, key=lambda each: [int(number) for number in each.split(".")])
    try:
        pin = pin_of(slug, version, recipe.versions[version], RECIPE_KIND)
        repository = index.repository(RECIPE_KIND, slug)
        data = _recipe_bytes(source_index, repository, source_index.artifact(repository, pin))
        head = _head(source_index)
        found = head.matcher.successors(read_criteria(json.loads(data)["criteria"], head.vocabulary))
    except ClusterbookError:
        return ""
    return f"take {' or '.join(found)}, which answers in its place; or " if found else ""


def _head(source_index: OpenIndex) -> Index:
    from clusterbook.lookup.format import decode_head

    return decode_head(source_index.shard(index.CRITERIA), f"{source_index.base.store.where}: {index.CRITERIA}")


def head_of(source_index: OpenIndex, release: str) -> Index:
    """Return what tells the recipe for given criteria, as of a release; "" is the last. Raises as `index_of`."""
    return _head(index_of(source_index, release))


def index_of(source_index: OpenIndex, release: str) -> OpenIndex:
    """Return the index of a release, believed as that of the source is; "" is that one.

    Raises:
        NotFound: the source does not carry the index of that release.
        Untrusted: nobody who is believed signed it.
        BadIndex: it is not to be relied on, or of another release.
    """
    if release in ("", source_index.envelope.release):
        return source_index
    try:
        return open_index(source_index.base, source_index.trust, now=None, previous=None, tag=release)
    except NoArtifact as error:
        what = f"{source_index.base.store.where} does not have the index of release {release}"
        hint = "it was not published there, or this is a partial mirror: use the full source"
        raise NotFound(what, hint=hint) from error


def _recipe_bytes(source_index: OpenIndex, repository: str, manifest: Manifest) -> bytes:
    """Return the recipe in an artifact, as canonical JSON."""
    layer = next((each for each in manifest.layers if each.media_type == RECIPE), None)
    if layer is None:
        raise Malformed(f"{repository} is published without a recipe", hint="publish it again")
    return source_index.base.store.read(repository, layer, limit_bytes=LARGEST_RECIPE_BYTES)


def _recipe(artifact: PublishedArtifact, request: FetchRequest) -> FetchResult:
    """Return a recipe, or write it."""
    data = _recipe_bytes(artifact.source_index, artifact.repository, artifact.manifest)
    if request.form in (None, "yaml"):
        from clusterbook.documents.yaml_writer import dump

        data = dump(json.loads(data)).encode()
    return _deliver(data, request)


def _deliver(data: bytes, request: FetchRequest) -> FetchResult:
    """Return what is to be printed, or write it to a file."""
    if request.output in (None, "-"):
        return FetchResult(data.decode())
    from clusterbook.files.write import write_bytes

    write_bytes(Path(request.output), data)
    return FetchResult("")


def _bundle(artifact: PublishedArtifact, request: FetchRequest, choice: PolicyChoice) -> FetchResult:
    """Bring a bundle into a folder, or into the file of an archive."""
    from clusterbook.fetch.attestation import find_attestation

    store = artifact.source_index.base.store
    beside = find_attestation(artifact.source_index, artifact.repository, artifact.manifest)
    name, facts = f"{artifact.name} for {artifact.kind}", {**artifact.facts(), "deployer": artifact.kind}
    return _write_bundle(store, artifact.repository, artifact.manifest, request, beside, choice, name=name, facts=facts)


def _write_bundle(
    store: Store,
    repository: str,
    manifest: Manifest,
    request: FetchRequest,
    beside: Mapping[str, bytes],
    choice: PolicyChoice,
    *,
    name: str,
    facts: dict[str, Any],
) -> FetchResult:
    """Bring the one layer of a bundle here; `facts` is what is known of it."""
    from clusterbook.bundle.disk import is_archive
    from clusterbook.fetch.unpack import keep_archive, unpack_bundle

    output = "bundle" if request.output is None else request.output
    if len(manifest.layers) != 1:
        what = f"the bundle {name} has {len(manifest.layers)} layers"
        raise Malformed(what, hint="publish it again")
    source = (store, repository, manifest.layers[0])
    if is_archive(output):
        files = keep_archive(*source, Path(output), beside)
    else:
        files = unpack_bundle(*source, Path(output), beside, force=request.force)
    facts |= {"output": output, "files": len(files)}
    if request.form == "json":
        return FetchResult(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    return FetchResult(f"{output}: {name}, {facts['files']} files\nverify: clusterbook verify {output}{choice.flags}\n")
