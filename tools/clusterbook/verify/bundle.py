"""Bundle: how much is known of the files of one, on this machine or in a registry.

    files as recorded → the signature on them → what their recipe and options make

A bundle that somebody made from a published recipe, with options of their own, needs no signature: its recipe is found
again in what a source has published, by the digest of its content. There is no network call for what lies on this
machine. Source: reference rows T2-T6; design, section 8.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress

from clusterbook.bundle.checksums import (
    CHECKSUMS,
    FILES,
    Difference,
    differences,
    digests,
    files_digest,
    listed,
    unrooted,
)
from clusterbook.bundle.disk import MOST_BYTES, MOST_FILES
from clusterbook.bundle.rederive import prove
from clusterbook.bundle.render import OPTIONS, RECIPE
from clusterbook.diagnostics.errors import ClusterbookError, NotFound
from clusterbook.diagnostics.transport import Malformed
from clusterbook.fetch.attestation import verify_attestation
from clusterbook.files.tar_reader import Limits, members
from clusterbook.oci.open import open_registry
from clusterbook.oci.reference import parse_reference
from clusterbook.trust.policy import SubjectMismatch, Tampered, Unsigned, Untrusted
from clusterbook.trust.verify import Verified, bundles_of, verify_any
from clusterbook.verify.level import ATTESTED, UNKNOWN, UNVERIFIED, VERIFIED, Trust
from clusterbook.verify.verdict import NO_INSPECTION, Inspection, Verdict, as_document, published_verdict
from clusterbook.verify.verifier import Verifier

_LIMITS = Limits(files=MOST_FILES, total_bytes=MOST_BYTES)


class NotAsRecorded(ClusterbookError):
    """A bundle's files are not those that were recorded, or do not derive from its recipe.

    Do not deploy it. Make it again, or fetch it again from where it came.
    """

    code = "CB114"
    exit_status = 4


def archive_files(data: bytes, name: str) -> dict[str, bytes]:
    """Return the files in the bytes of an archive. Raises UnsafeArchive."""
    return {member.name: member.stream.read() for member in members(io.BytesIO(data), name, limits=_LIMITS)}


def _inspect(files: Mapping[str, bytes]) -> Inspection:
    """Hold files against checksums.txt, then against what their recipe and options make."""
    recorded = listed(files[CHECKSUMS].decode(errors="replace")) if CHECKSUMS in files else {}
    changes = tuple(differences(recorded, digests(files))) if recorded else ()
    whole = recorded and not changes and {RECIPE, OPTIONS} <= files.keys()
    return Inspection(len(recorded), changes, prove(files) if whole else None)


def verify_files(where: str, files: Mapping[str, bytes], beside: Mapping[str, bytes], verifier: Verifier) -> Verdict:
    """Return what is known of a bundle on this machine."""
    if CHECKSUMS not in files and not beside:
        what = f"{where} has no {CHECKSUMS}, so nothing says what it should hold"
        return _wrong(where, NotAsRecorded(what, hint="name a bundle"))
    inspection = _inspect(files)
    if inspection.differences:
        return _wrong(where, _changed(where, inspection.differences), inspection)
    verified: Verified | None = None
    if beside:
        try:
            verified = verify_attestation(beside, files, verifier.trusting()).verified
        except Untrusted as error:
            return _wrong(where, error, inspection)
    elif inspection.derives and verifier.published_in is not None:
        try:
            verified, warning = _recipe_signer(files, verifier.published_in, verifier)
        except Untrusted as error:
            return _wrong(where, error, inspection)
        verdict = bundle_verdict(where, inspection, verified, recipe=True)
        return verdict._replace(notes=(warning,)) if warning else verdict
    return bundle_verdict(where, inspection, verified)


def _recipe_signer(files: Mapping[str, bytes], where: str, verifier: Verifier) -> tuple[Verified | None, str]:
    """Return who signed the index that names the recipe of a bundle, None for nobody, and a warning as `visit` does.

    Raises:
        SubjectMismatch: the source publishes no such recipe.
        Untrusted, BadIndex: its index cannot be relied on.
    """
    from clusterbook.artifacts.open import OpenIndex
    from clusterbook.artifacts.visit import visit
    from clusterbook.bundle.rederive import document
    from clusterbook.documents.digest import digest
    from clusterbook.resolve.content import content

    recipe = document(files, RECIPE)
    slug, wanted = str(recipe["metadata"].get("slug", "")), digest(content(recipe))

    def signer(opened: OpenIndex) -> Verified | None:
        try:
            versions = opened.recipe(slug).versions
        except NotFound:
            versions = {}
        if wanted not in (entry.digest for entry in versions.values()):
            what = f"the recipe of the bundle, {slug or 'without a name'} {wanted}, is none that {where} publishes"
            raise SubjectMismatch(what, hint="make it from a recipe that was fetched: `fetch recipe`, then `bundle -r`")
        return opened.verified

    return visit(where, signer, access=verifier.access, trusting=verifier.trusting(), around=verifier.around)


def bundle_verdict(where: str, inspection: Inspection, verified: Verified | None, *, recipe: bool = False) -> Verdict:
    """Return the verdict on a bundle whose files are as recorded, and of which `verified` is the signature, if any.

    With `recipe`, its recipe is what is signed, not its files.
    """
    proof = inspection.proof
    if proof is not None and not inspection.derives and verified is None:
        what = f"{where} is not what its recipe and options make (made by clusterbook {proof.version})"
        hint = "verify with the version that made it, or make it again and compare: clusterbook bundle --diff"
        return _wrong(where, NotAsRecorded(what, hint=hint), inspection)
    level, reason = UNVERIFIED, "it carries no signature"
    if verified is not None:
        level, reason = ATTESTED, "it carries neither recipe nor options, from which it could be made again"
        if proof is not None:
            reason = f"this version does not make the same of its recipe as clusterbook {proof.version}"
        if inspection.derives:
            level, reason = VERIFIED, "signed, and what its signed recipe makes"
    trust = Trust(level, reason, verified.signer if verified else "", proof.version if proof else "")
    lines = [f"{where}: {level}"]
    if inspection.recorded:
        lines.append(f"{inspection.recorded} files as recorded")
    if verified is not None:
        what = "its recipe is signed" if recipe else "signed"
        lines.append(f"{what} by {trust.creator}{f' ({verified.issuer})' if verified.issuer else ''}")
    if proof is not None and inspection.derives:
        what = f"{proof.deployer}, {len(proof.components)} components"
        lines.append(f"derives from recipe {proof.slug} and its options ({what})")
    if level != VERIFIED:
        lines.append(f"not {VERIFIED if verified else ATTESTED}: {reason}")
    document = as_document(where, trust, inspection, verified)
    return Verdict(trust, {**document, "bundleAttested": verified is not None and not recipe}, tuple(lines))


def _wrong(where: str, error: ClusterbookError, inspection: Inspection | None = None) -> Verdict:
    """Return the verdict on what is not as it has to be."""
    inspection = inspection or NO_INSPECTION
    trust = Trust(UNKNOWN, error.what, "", inspection.proof.version if inspection.proof else "")
    shown = (*inspection.differences, *(inspection.proof.differences if inspection.proof else ()))
    lines = (f"{where}: {UNKNOWN}", *(f"{each.kind}: {each.path}" for each in shown))
    document = as_document(where, trust, inspection, None)
    return Verdict(trust, {**document, "errors": [error.what]}, lines, error)


def _changed(where: str, changes: tuple[Difference, ...]) -> NotAsRecorded:
    count = len(changes)
    hint = "do not deploy it: make or fetch it again"
    if changes[0].path.endswith("cluster-values.yaml"):
        hint = "values of this cluster belong into --set or --dynamic options: make the bundle again with them"
    return NotAsRecorded(
        f"{where}: {count} of its files {'is' if count == 1 else 'are'} not as {CHECKSUMS} records", hint=hint
    )


def verify_artifact(where: str, verifier: Verifier) -> Verdict:
    """Return what is known of one artifact in a registry."""
    reference = parse_reference(where)
    belief = verifier.trusting()
    store = open_registry(reference.host, verifier.access)
    manifest = store.manifest(reference.repository, reference.wanted)
    inspection, verified = NO_INSPECTION, None
    try:
        bundles = bundles_of(store, reference.repository, manifest.digest)
        assert belief.policy is not None
        with suppress(Unsigned):
            verified = verify_any(bundles, manifest.digest, belief.policy)
        packed = b""  # of the many parts that an artifact may have, one is kept
        for blob in manifest.blobs:
            data = store.read(reference.repository, blob, limit_bytes=MOST_BYTES)
            packed = data if FILES in manifest.annotations and blob == manifest.layers[0] else packed
        if packed:
            files = unrooted(archive_files(packed, where))
            if files_digest(files) != manifest.annotations[FILES]:
                raise Tampered(f"{where}: the files are not those that its manifest names", hint="do not use it")
            inspection = _inspect(files)
    except (Untrusted, Malformed) as error:
        return _wrong(where, error, inspection)
    if inspection.proof is None and FILES not in manifest.annotations:
        return published_verdict(where, verified, {"artifactDigest": manifest.digest})
    verdict = bundle_verdict(where, inspection, verified)
    return verdict._replace(document={**verdict.document, "artifactDigest": manifest.digest})
