"""Evidence on disk: written, signed, and held against what it says.

Knows the folder and who vouches for it. Does not know what follows from what: that is `core.evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook import __version__
from clusterbook.client.outputs import write_bytes, write_folder
from clusterbook.core import evidence
from clusterbook.core.errors import InvalidRequest, unreadable
from clusterbook.core.evidence import MANIFEST, SIGNED, BrokenEvidence, Proof

if TYPE_CHECKING:
    from clusterbook.client.opened import Trusting
    from clusterbook.client.sign import Signer
    from clusterbook.client.trust import Verified

MOST_BYTES = 256 * 1024 * 1024
"""A snapshot of 5,000 nodes takes 30 MB, the rest less than one."""

_FOLDER = "name the folder that `clusterbook validate --evidence` wrote"


class Vouched(NamedTuple):
    """What evidence proves, and who says that the snapshot is what they saw; `by` is None when nobody does."""

    proof: Proof
    by: Verified | None


def write(
    where: str,
    recipe: Mapping[str, Any],
    taken: Mapping[str, Any],
    *,
    phases: tuple[str, ...],
    fail_fast: bool,
    signer: Signer | None,
) -> Proof:
    """Write the evidence of a judgement to the folder `where`, replacing older evidence; return what it proves.

    Raises:
        InvalidRequest: one of the documents is not what it must be.
        Unwritable: the folder cannot be written, or holds something else.
    """
    files = evidence.gather(recipe, taken, version=__version__, phases=phases, fail_fast=fail_fast)
    proof = evidence.recompute(files, version=__version__)
    if signer is not None:
        files[SIGNED] = signer.sign(proof.statement)
    write_folder(Path(where), files.items(), marker=MANIFEST)
    return proof


def read(where: str) -> dict[str, bytes]:
    """Return the files of the evidence in a folder.

    Raises:
        NotFound: no such folder.
        Unreadable: it is there, but not for us.
        BrokenEvidence: it holds folders, links or too much.
    """
    folder = Path(where)
    try:
        there = sorted(folder.iterdir())
    except NotADirectoryError as error:
        raise InvalidRequest(f"{where} is not a folder", hint=_FOLDER) from error
    except OSError as error:
        raise unreadable(where, error, hint=_FOLDER) from error
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for path in there:
        if path.is_symlink() or not path.is_file():
            raise BrokenEvidence(f"{path} is no plain file", hint="evidence is a folder of plain files")
        try:
            left -= path.stat().st_size
            if left < 0:
                raise BrokenEvidence(f"{where} holds more than {MOST_BYTES >> 20} MB")
            files[path.name] = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error
    return files


def sign(where: str, signer: Signer) -> Proof:
    """Sign evidence, having judged it again; return what it proves.

    Raises:
        BrokenEvidence: it does not hold, so that nobody should vouch for it.
    """
    proof = evidence.recompute(read(where), version=__version__)
    write_bytes(Path(where) / SIGNED, signer.sign(proof.statement))
    return proof


def verify(where: str, trusting: Trusting) -> Vouched:
    """Return what evidence proves, having judged it again, and who vouches for it.

    Raises:
        InvalidRequest: it is not said who is believed.
        BrokenEvidence: it does not hold.
        Untrusted: nobody who is believed vouches for it.
    """
    if trusting.policy is None and not trusting.unsigned:
        hint = "name a key with --key or a policy with --policy; --unsigned asks only whether the report follows"
        raise InvalidRequest("it is not said who is believed", hint=hint)
    return judge_again(read(where), where, trusting)


def judge_again(files: Mapping[str, bytes], where: str, trusting: Trusting) -> Vouched:
    """Return what the files of evidence prove, and who vouches for it; raises as `verify`, `where` is what is named."""
    proof = evidence.recompute(files, version=__version__)
    if SIGNED not in files:
        if not trusting.unsigned:
            from clusterbook.core.policy import Unsigned

            raise Unsigned(f"{where} is not signed", hint="--unsigned asks only whether its report follows")
        return Vouched(proof, None)
    return Vouched(proof, _vouched(files[SIGNED], proof, trusting))


def _vouched(signed: bytes, proof: Proof, trusting: Trusting) -> Verified | None:
    """Return who signed the statement, None where nobody is believed and that is accepted."""
    from clusterbook.client.trust import verify as verify_signature
    from clusterbook.core.policy import Tampered
    from clusterbook.core.statement import parse_bundle

    if parse_bundle(signed).payload != proof.statement:
        raise Tampered("the signature covers another statement", hint="it was moved here from other evidence")
    if trusting.policy is None:
        return None
    return verify_signature(signed, proof.digest, trusting.policy._replace(predicate_types=(evidence.PREDICATE,)))
