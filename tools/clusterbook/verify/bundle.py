"""Bundle: how much is known of the files of one, on this machine or in a registry.

    files as recorded → the signature on them → what a source publishes → what their recipe and options make

A signature comes before anything is computed from the files. A bundle that somebody made from a published recipe, with
options of their own, needs none to be `derived`: its recipe is found again in what a source has published, by the
digest of its content, and each option is named. There is no network call for what lies on this machine.
Source: reference rows T2-T6; design, section 8.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from clusterbook.artifacts.name import check_name
from clusterbook.artifacts.open import WithdrawnVersion, withdrawn_error
from clusterbook.bundle.checksums import (
    CHECKSUMS,
    FILES,
    Difference,
    differences,
    digest_of_all,
    digests,
    files_digest,
    read_checksums,
    sha256,
    without_root,
)
from clusterbook.bundle.customisation import is_local
from clusterbook.bundle.disk import MOST_BYTES, MOST_FILES
from clusterbook.bundle.rederive import edits_since, prove
from clusterbook.bundle.render import OPTIONS, RECIPE
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Malformed
from clusterbook.fetch.attestation import verify_attestation
from clusterbook.files.tar_reader import Limits, members
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import open_artifact
from clusterbook.trust.policy import Tampered, Unsigned, Untrusted
from clusterbook.trust.verify import VerifiedStatement, bundles_of, verify_any
from clusterbook.verify.level import ADJUSTED, ATTESTED, DERIVED, UNKNOWN, UNVERIFIED, VERIFIED, Trust
from clusterbook.verify.publication import PublicationRecord, look_up_artifact, look_up_bundle
from clusterbook.verify.verdict import (
    NO_INSPECTION,
    BundleInspection,
    VerificationReport,
    as_document,
    published_verdict,
)
from clusterbook.verify.verifier import Verifier

_LIMITS = Limits(files=MOST_FILES, total_bytes=MOST_BYTES)


class NotAsRecorded(ClusterbookError):
    """A bundle's files differ from its checksums, or do not derive from its recipe.

    Do not deploy it. Make it again, or fetch it again from where it came.
    """

    code = "CB114"
    exit_status = 4


def archive_files(data: bytes, name: str) -> dict[str, bytes]:
    """Return the files in the bytes of an archive. Raises UnsafeArchive."""
    return {member.name: member.stream.read() for member in members(io.BytesIO(data), name, limits=_LIMITS)}


class _Record(NamedTuple):
    """What checksums.txt says of files: `local` are edited where a user may, `digest` is that of all as recorded."""

    files: int
    differences: tuple[Difference, ...]
    local: tuple[str, ...]
    digest: str
    recorded: Mapping[str, str]


NO_RECORD = _Record(0, (), (), "", {})
"""What was no bundle."""


def _record(files: Mapping[str, bytes]) -> _Record:
    """Hold files against their checksums.txt."""
    recorded = read_checksums(files[CHECKSUMS].decode(errors="replace")) if CHECKSUMS in files else {}
    changes = differences(recorded, digests(files)) if recorded else []
    local = tuple(each.path for each in changes if each.kind == "changed" and is_local(each.path))
    every = {path: sha256(data) for path, data in files.items()} | {path: recorded[path] for path in local}
    wrong = tuple(each for each in changes if each.path not in local)
    return _Record(len(recorded), wrong, local, digest_of_all(every), recorded)


def _inspect(files: Mapping[str, bytes], record: _Record) -> BundleInspection:
    """Hold files that are as recorded against what their recipe and options make."""
    whole = record.files and not record.differences and {RECIPE, OPTIONS} <= files.keys()
    proof = prove(files, record.local) if whole else None
    edits = edits_since(files, record.recorded) if record.differences else ()
    return BundleInspection(record.files, record.differences, proof, record.local, edits)


def verify_files(
    where: str, files: Mapping[str, bytes], beside: Mapping[str, bytes], verifier: Verifier
) -> VerificationReport:
    """Return what is known of a bundle on this machine."""
    if CHECKSUMS not in files and not beside:
        what = f"{where} has no {CHECKSUMS}"
        return _fault_report(where, NotAsRecorded(what, hint="name a bundle"))
    record = _record(files)
    if record.differences:
        return _fault_report(where, _difference_error(where, record.differences), _inspect(files, record))
    verified: VerifiedStatement | None = None
    manifest: Manifest | None = None
    publication: PublicationRecord | None = None
    warning = ""
    try:
        if beside:
            verified, manifest = verify_attestation(beside, record.digest, verifier.trust_options())
        if verifier.published_in is not None and (RECIPE in files or manifest is not None):
            publication, warning = look_up_bundle(files, record.digest, manifest, verifier.published_in, verifier)
        inspection = _check_pins(_inspect(files, record), publication)
    except Untrusted as error:
        return _fault_report(where, error, BundleInspection(record.files, (), None, record.local))
    verdict = bundle_verdict(where, inspection, verified, publication)
    verdict = _check_withdrawal(verdict, publication, verifier)
    return verdict._replace(notes=(warning,)) if warning else verdict


def _check_pins(inspection: BundleInspection, publication: PublicationRecord | None) -> BundleInspection:
    """Return an inspection in which charts that travel along and are those of the release count as pinned.

    Raises:
        Tampered: one of them is another than the release has.
    """
    proof, pins = inspection.proof, publication.pins if publication else None
    if proof is None or pins is None:
        return inspection
    left = []
    for each in proof.unpinned:
        right = pins.charts.get(each.component, frozenset())
        if right and f"sha256:{each.sha256}" not in right:
            what = f"{each.path} is not {each.what} of the release, which is {min(right)}"
            raise Tampered(what, hint="do not deploy it: make the bundle again, with charts of a source you trust")
        left += [] if right else [each]
    return inspection._replace(proof=proof._replace(unpinned=tuple(left)))


def bundle_verdict(
    where: str,
    inspection: BundleInspection,
    verified: VerifiedStatement | None,
    publication: PublicationRecord | None = None,
) -> VerificationReport:
    """Return the verdict on a bundle whose files are as recorded.

    Args:
        where: how a message calls it.
        inspection: what its files say.
        verified: the signature on its files, if any.
        publication: what a source says of it or of its recipe, if one was asked.
    """
    proof = inspection.proof
    vouched = verified or (publication.verified if publication and publication.same else None)
    if proof is not None and not inspection.derives and vouched is None:
        what = f"{where} differs from what its recipe and options render to (rendered by clusterbook {proof.version})"
        hint = "verify with the version that made it, or make it again and compare: clusterbook bundle --diff"
        return _fault_report(where, NotAsRecorded(what, hint=hint), inspection)
    level, reason = _level(inspection, vouched, publication)
    trust = Trust(level, reason, vouched.signer if vouched else "", proof.version if proof else "")
    lines = (f"{where}: {level}", *_facts(inspection, verified, publication))
    if level != VERIFIED:
        lines = (*lines, f"not {VERIFIED if vouched else ATTESTED}: {reason}")
    document = {**as_document(where, trust, inspection, vouched), "bundleAttested": vouched is not None}
    if publication is not None:
        signer = publication.verified.signer if publication.verified else ""
        gone = publication.withdrawn._asdict() if publication.withdrawn else None
        published = {
            "name": publication.slug,
            "version": publication.version,
            "same": publication.same,
            "withdrawn": gone,
        }
        document |= {
            "published": {"source": publication.where, **published},
            "recipeAttested": True,
            "recipeSigner": signer,
        }
    return VerificationReport(trust, document, lines)


def _level(
    inspection: BundleInspection, verified: VerifiedStatement | None, publication: PublicationRecord | None
) -> tuple[str, str]:
    """Return how much is known of a bundle, and why not more or on what it rests."""
    proof = inspection.proof
    if verified is None:
        if publication is not None and inspection.derives:
            return DERIVED, "its recipe is signed, its options are not: review what they change"
        return UNVERIFIED, "it has no signature"
    if inspection.local:
        count = len(inspection.local)
        return ADJUSTED, f"{count} of its cluster-values.yaml files {'was' if count == 1 else 'were'} edited since"
    if inspection.derives:
        return VERIFIED, "signed, and equal to what its signed recipe renders to"
    if proof is not None:
        return ATTESTED, f"this version renders its recipe differently than clusterbook {proof.version}"
    return ATTESTED, "it has no recipe and options to render again"


def _facts(
    inspection: BundleInspection, verified: VerifiedStatement | None, publication: PublicationRecord | None
) -> Iterator[str]:
    """Yield what is known of a bundle, a line each."""
    proof = inspection.proof
    if inspection.recorded:
        edited = (
            f", {len(inspection.local)} of them cluster-values.yaml files that were edited" if inspection.local else ""
        )
        yield f"{inspection.recorded} files as recorded{edited}"
    if verified is not None:
        yield f"signed by {_signer(verified)}"
    if publication is not None and publication.verified is not None:
        what = "published" if publication.same else "its recipe is signed"
        yield f"{what} by {_signer(publication.verified)} as {publication.name} in {publication.where}"
    if publication is not None and publication.withdrawn is not None:
        gone = publication.withdrawn
        yield f"withdrawn: {gone.name}: {gone.reason}{f'; use {gone.replacement}' if gone.replacement else ''}"
    if proof is None:
        return
    if inspection.derives:
        what = f"{proof.deployer}, {len(proof.components)} components"
        yield f"derives from recipe {proof.slug} and its options ({what})"
    yield from (f"option: {each}" for each in proof.options)
    yield from (f"value: {each}" for each in proof.values)
    yield from (f"edited: {each}" for each in proof.local)
    if verified is None and not (publication and publication.same):
        yield from (
            f"the recipe does not pin {each.what}: {each.path}, sha256:{each.sha256}" for each in proof.unpinned
        )


def _signer(verified: VerifiedStatement) -> str:
    return f"{verified.signer}{f' ({verified.issuer})' if verified.issuer else ''}"


def _check_withdrawal(
    verdict: VerificationReport, publication: PublicationRecord | None, verifier: Verifier
) -> VerificationReport:
    """Return a verdict with the error that its subject was withdrawn, unless that does not matter."""
    if publication is None or publication.withdrawn is None or verifier.withdrawn or verdict.error is not None:
        return verdict
    error: WithdrawnVersion = withdrawn_error(publication.withdrawn)
    return verdict._replace(error=error, document={**verdict.document, "errors": [error.what]})


def _fault_report(
    where: str, error: ClusterbookError, inspection: BundleInspection | None = None
) -> VerificationReport:
    """Return the verdict on what is not as it has to be."""
    inspection = inspection or NO_INSPECTION
    trust = Trust(UNKNOWN, error.what, "", inspection.proof.version if inspection.proof else "")
    proof = inspection.proof
    shown = (*inspection.differences, *(proof.differences if proof else ()))
    edits = inspection.edits or (proof.edits if proof else ())
    lines = (
        f"{where}: {UNKNOWN}",
        *(f"{each.kind}: {each.path}" for each in shown),
        *(f"edit: {each}" for each in edits),
    )
    document = as_document(where, trust, inspection, None)
    return VerificationReport(trust, {**document, "errors": [error.what]}, lines, error)


def _difference_error(where: str, changes: tuple[Difference, ...]) -> NotAsRecorded:
    count = len(changes)
    what = f"{where}: {count} of its files {'is' if count == 1 else 'are'} not as {CHECKSUMS} records"
    return NotAsRecorded(what, hint="do not deploy it: make or fetch it again")


def verify_artifact(where: str, verifier: Verifier) -> VerificationReport:
    """Return what is known of one artifact in a registry or a layout."""
    trust = verifier.trust_options()
    store, reference = open_artifact(where, verifier.access)
    repository = reference.repository
    manifest = store.manifest(repository, reference.tag_or_digest)
    record, verified, files = NO_RECORD, None, dict[str, bytes]()
    publication, warning, name = None, "", ""
    try:
        bundles = bundles_of(store, repository, manifest.digest)
        assert trust.policy is not None
        with suppress(Unsigned):
            verified = verify_any(bundles, manifest.digest, trust.policy)
        name = check_name(reference, manifest, verified)
        packed = b""  # of the many parts that an artifact may have, one is kept
        for blob in manifest.blobs:
            data = store.read(repository, blob, limit_bytes=MOST_BYTES)
            packed = data if FILES in manifest.annotations and blob == manifest.layers[0] else packed
        if packed:
            files = without_root(archive_files(packed, where))
            if files_digest(files) != manifest.annotations[FILES]:
                raise Tampered(f"{where}: the files differ from its manifest", hint="do not use it")
            record = _record(files)
        if verifier.published_in is not None and not record.differences:
            publication, warning = (
                look_up_bundle(files, record.digest, manifest, verifier.published_in, verifier)
                if RECIPE in files
                else look_up_artifact(manifest, verifier.published_in, verifier)
            )
        damaged = record.differences or record.local
        inspection = NO_INSPECTION if damaged else _check_pins(_inspect(files, record), publication)
    except (Untrusted, Malformed) as error:
        return _fault_report(where, error)
    if damaged:
        every = (*record.differences, *(Difference("changed", path) for path in record.local))
        return _fault_report(where, _difference_error(where, every), BundleInspection(record.files, every, None))
    facts = {"artifactDigest": manifest.digest, "artifactName": name}
    if inspection.proof is None and FILES not in manifest.annotations:
        verdict = published_verdict(where, verified, facts, (f"it is {name}",) if name else ())
    else:
        verdict = bundle_verdict(where, inspection, verified, publication)
        more = (f"it is {name}",) if name else ()
        verdict = verdict._replace(
            document={**verdict.document, **facts}, lines=(verdict.lines[0], *more, *verdict.lines[1:])
        )
    verdict = _check_withdrawal(verdict, publication, verifier)
    return verdict._replace(notes=(warning,)) if warning else verdict
