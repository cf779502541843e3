"""Verify: what it is whose trust is in question - a bundle, an artifact or a source - and who looks at it."""

from __future__ import annotations

from pathlib import Path

from clusterbook.bundle.disk import ARCHIVES, read_bundle
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.fetch.attestation import read_attestation
from clusterbook.files.read import exists, is_file, is_folder
from clusterbook.oci.open import LAYOUT_SCHEME, is_artifact
from clusterbook.verify.bundle import verify_artifact, verify_files
from clusterbook.verify.verdict import VerificationReport
from clusterbook.verify.verifier import Verifier


def verify(where: str, verifier: Verifier) -> VerificationReport:
    """Return what is known of `where`: the folder or archive of a bundle, an artifact in a registry, or a source.

    Raises:
        NotFound: it is not there.
        InvalidRequest: it is something else, or a release is asked for and nothing would show one.
    """
    path = Path(where)
    if where.endswith(ARCHIVES) and "://" not in where:
        _refuse_release(where, verifier)
        return verify_files(where, read_bundle(path), read_attestation(path), verifier)
    if is_folder(where) and not is_file(path / "oci-layout"):
        _refuse_release(where, verifier)
        return verify_files(where, read_bundle(path), read_attestation(path), verifier)
    if is_artifact(where):
        _refuse_release(where, verifier)
        return verify_artifact(where, verifier)
    if "://" not in where and not where.startswith(LAYOUT_SCHEME) and not exists(where):
        raise NotFound(f"{where} does not exist", hint="name a bundle, an artifact (oci://…) or the source of a mirror")
    from clusterbook.verify.source import verify_source

    return verify_source(where, verifier)


def _refuse_release(where: str, verifier: Verifier) -> None:
    """Refuse to hold a bundle or an artifact against a release where no source says of which one it is."""
    if verifier.choice.at_least and verifier.published_in is None:
        what = f"--at-least {verifier.choice.at_least} applies to a release, and {where} does not name its release"
        raise InvalidRequest(what, hint="name the source that publishes it: --from SOURCE")
