"""Evidence in a folder: written, signed, published, and judged again before anybody relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook import __version__
from clusterbook.diagnostics.errors import InvalidRequest, unreadable
from clusterbook.evidence import model
from clusterbook.evidence.model import MANIFEST, MOST_BYTES, SIGNED, BrokenEvidence, EvidenceProof
from clusterbook.files.write import write_bytes, write_folder
from clusterbook.lookup.index import IndexShelf
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.oci.reference import SCHEME
from clusterbook.validate.checks import read_checks

if TYPE_CHECKING:
    from clusterbook.oci.open import Access
    from clusterbook.trust.policy import TrustOptions
    from clusterbook.trust.sign import Signer
    from clusterbook.trust.verify import VerifiedStatement

_FOLDER = "name the folder that `clusterbook validate --evidence` wrote"


class SignedProof(NamedTuple):
    """What evidence proves, and who says that the snapshot is what they saw; `by` is None when nobody does."""

    proof: EvidenceProof
    by: VerifiedStatement | None


class EvidenceFiles(NamedTuple):
    """The files of evidence by name, and where they are: a folder, or a reference that ends in a digest."""

    where: str
    files: dict[str, bytes]


class EvidenceVerification(NamedTuple):
    """What was verified, and what came of it."""

    evidence: EvidenceFiles
    result: SignedProof


class PublishedEvidence(NamedTuple):
    """Evidence in a registry: what it proves, and the reference that always means it."""

    proof: EvidenceProof
    reference: str


def write(
    where: str,
    recipe: Mapping[str, Any],
    snapshot: Mapping[str, Any],
    *,
    phases: tuple[str, ...],
    fail_fast: bool,
    signer: Signer | None,
) -> EvidenceProof:
    """Write the evidence of a judgement to the folder `where`, replacing older evidence; return what it proves.

    Raises:
        InvalidRequest: one of the documents is not what it must be.
        Unwritable: the folder cannot be written, or holds something else.
    """
    shelf = _package_index()
    checks, groups = read_checks(shelf.validators()), shelf.public_groups()
    files = model.gather(
        recipe, snapshot, checks=checks, groups=groups, version=__version__, phases=phases, fail_fast=fail_fast
    )
    proof = _proof(files)
    if signer is not None:
        files[SIGNED] = signer.sign(proof.statement)
    write_folder(Path(where), files.items(), marker=MANIFEST)
    return proof


def keep_signature(where: str) -> None:
    """Refuse to replace signed evidence in the folder `where` by evidence that nobody vouches for.

    Raises:
        InvalidRequest: it is signed.
    """
    if (Path(where) / SIGNED).exists():
        hint = "sign the new one as well: --key FILE; or name another folder"
        raise InvalidRequest(f"the evidence in {where} is signed, and the new evidence would not be", hint=hint)


def load(where: str, access: Access) -> EvidenceFiles:
    """Return the evidence in a folder or, by `oci://…`, in a registry. Raises as `read` and `evidence_store.pull`."""
    if where.startswith(SCHEME):
        from clusterbook.evidence.registry import pull

        return EvidenceFiles(*pull(where, access))
    return EvidenceFiles(where, read(where))


def read(where: str) -> dict[str, bytes]:
    """Return the files of the evidence in a folder.

    Raises:
        NotFound: no such folder.
        Unreadable: it is there, but not for us.
        BrokenEvidence: it holds folders, links or too much.
    """
    folder = Path(where)
    try:
        paths = sorted(folder.iterdir())
    except NotADirectoryError as error:
        raise InvalidRequest(f"{where} is not a folder", hint=_FOLDER) from error
    except OSError as error:
        raise unreadable(where, error, hint=_FOLDER) from error
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for path in paths:
        if path.is_symlink() or not path.is_file():
            raise BrokenEvidence(f"{path} is not a regular file", hint="evidence is a folder of regular files")
        try:
            left -= path.stat().st_size
            if left < 0:
                raise BrokenEvidence(f"{where} holds more than {MOST_BYTES >> 20} MB")
            files[path.name] = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error
    return files


def sign(where: str, signer: Signer) -> EvidenceProof:
    """Sign evidence, having judged it again; return what it proves.

    Raises:
        BrokenEvidence: it does not hold, so that nobody should vouch for it.
    """
    proof = _proof(read(where))
    write_bytes(Path(where) / SIGNED, signer.sign(proof.statement))
    return proof


def publish(where: str, target: str, *, signer: Signer | None, unsigned: bool, access: Access) -> PublishedEvidence:
    """Push the evidence in a folder to a registry, once judging it again has shown that it holds.

    Args:
        where: the folder.
        target: `oci://HOST/REPOSITORY[:TAG]`.
        signer: who vouches for it before it goes; None leaves it is.
        unsigned: whether it may go without anybody vouching for it.
        access: how registries are spoken to.

    Raises:
        BrokenEvidence: it does not hold.
        InvalidRequest: nobody vouches for it, or the target names other evidence.
    """
    proof = sign(where, signer) if signer else _proof(read(where))
    files = read(where)
    if SIGNED not in files and not unsigned:
        hint = f"sign it while publishing: clusterbook evidence publish {where} {target} --key FILE; or add --unsigned"
        raise InvalidRequest(f"the evidence in {where} is not signed", hint=hint)
    from clusterbook.evidence.registry import push

    pushed = push(target, files, proof, access)
    return PublishedEvidence(_proof(pushed.files), pushed.reference)


def verify(where: str, trust: TrustOptions, access: Access | None = None) -> EvidenceVerification:
    """Return what evidence proves, having judged it again, and who vouches for it; `where` may be `oci://…`.

    Raises:
        InvalidRequest: there is no trust policy.
        BrokenEvidence: it does not hold.
        Untrusted: nobody who is believed vouches for it.
    """
    if trust.policy is None and not trust.unsigned:
        hint = "name a key with --key or a policy with --policy; --unsigned checks only the report"
        raise InvalidRequest("there is no trust policy", hint=hint)
    from clusterbook.oci.open import Access

    evidence = load(where, access or Access())
    return EvidenceVerification(evidence, judge_again(evidence.files, where, trust))


def judge_again(files: Mapping[str, bytes], where: str, trust: TrustOptions) -> SignedProof:
    """Return what the files of evidence prove, and who vouches for it; raises as `verify`, `where` is what is named."""
    if SIGNED not in files:
        if not trust.unsigned:
            from clusterbook.trust.policy import Unsigned

            raise Unsigned(
                f"{where} is not signed", hint="--unsigned checks only that its report follows from the snapshot"
            )
        return SignedProof(_proof(files), None)
    verified = _signer(files, trust)  # before anything in the evidence is computed
    proof = _proof(files)
    _check_statement(files[SIGNED], proof)
    return SignedProof(proof, verified)


def save(evidence: EvidenceFiles, where: str) -> None:
    """Write evidence to the folder `where`, replacing older evidence.

    Raises:
        InvalidRequest: the older evidence is signed, and this is not.
        Unwritable: the folder cannot be written, or holds something else.
    """
    if SIGNED not in evidence.files:
        keep_signature(where)
    write_folder(Path(where), evidence.files.items(), marker=MANIFEST)


def _proof(files: Mapping[str, bytes]) -> EvidenceProof:
    """Return what the files of evidence prove, judged again by the checks that everybody has."""
    return model.recompute(files, checks=read_checks(_package_index().validators()), version=__version__)


def _package_index() -> IndexShelf:
    """Return the index inside the package, which evidence is judged by: a private catalog is not there to repeat it."""
    return IndexShelf(IndexFiles())


def _signer(files: Mapping[str, bytes], trust: TrustOptions) -> VerifiedStatement | None:
    """Return who signed a statement about the manifest, None where nobody is believed and that is accepted."""
    from clusterbook.trust.verify import verify as verify_signature

    if trust.policy is None:
        return None
    manifest = f"sha256:{sha256(files.get(MANIFEST, b'')).hexdigest()}"
    policy = trust.policy._replace(predicate_types=(model.PREDICATE,))
    return verify_signature(files[SIGNED], manifest, policy)


def _check_statement(signed: bytes, proof: EvidenceProof) -> None:
    """Raise Tampered unless a signature covers the statement that the evidence makes."""
    from clusterbook.trust.policy import Tampered
    from clusterbook.trust.statement import parse_bundle

    if parse_bundle(signed).payload != proof.statement:
        raise Tampered("the signature covers another statement", hint="it belongs to other evidence")
