"""Attestation: the signature that a fetched bundle carries along, so that it can be verified later, with no network.

signature ─ statement ─ manifest.json (its digest is a subject) ─ annotation FILES ─ every file of the bundle
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from clusterbook.artifacts import index
from clusterbook.artifacts.open import OpenIndex
from clusterbook.bundle.checksums import FILES
from clusterbook.bundle.disk import ATTESTATION, MANIFEST, SIGNATURE, is_archive, read_archive
from clusterbook.diagnostics.errors import ClusterbookError, unreadable
from clusterbook.oci.manifest import Manifest, parse_manifest
from clusterbook.oci.store import Store
from clusterbook.trust.policy import Tampered, TrustOptions, Unsigned, Untrusted
from clusterbook.trust.statement import LARGEST_BUNDLE_BYTES, BrokenBundle
from clusterbook.trust.verify import VerifiedStatement, bundles_of, verify, verify_any


def find_attestation(source_index: OpenIndex, repository: str, manifest: Manifest) -> dict[str, bytes]:
    """Return what a bundle carries along, by file: nothing where nobody signed and that was accepted.

    One statement covers the index and most of what it names, so that it is looked at first.

    Raises:
        Untrusted: the index counts, but no signature on the artifact itself does.
    """
    policy = source_index.trust.policy
    if policy is None or source_index.verified is None:
        return {}
    store = source_index.base.store
    faults: list[ClusterbookError] = []
    homes = (
        (source_index.base.repository(index.REPOSITORY), source_index.manifest.digest),
        (repository, manifest.digest),
    )
    for home, digest in homes:
        for raw in bundles_of(store, home, digest):
            try:
                verify(raw, manifest.digest, policy)
            except (Untrusted, BrokenBundle) as error:
                faults.append(error)
                continue
            return {MANIFEST: manifest.raw, SIGNATURE: raw}
    what = f"{store.where}: there is no signature on {manifest.digest}, though the index lists one"
    raise Unsigned(what, hint=faults[-1].what if faults else "it may have been mirrored without its signatures")


def artifact_attestation(
    store: Store, repository: str, manifest: Manifest, trust: TrustOptions
) -> tuple[VerifiedStatement | None, dict[str, bytes]]:
    """Return who signed one bundle, and what it carries along; nobody and nothing where that is accepted.

    Raises:
        Unsigned: nobody signed it, and that is not accepted.
        Untrusted: no signature on it counts.
    """
    raws = list(bundles_of(store, repository, manifest.digest))
    if not raws and trust.unsigned:
        return None, {}
    assert trust.policy is not None
    verified = verify_any(raws, manifest.digest, trust.policy)
    for raw in raws:
        with suppress(Untrusted, BrokenBundle):
            if verify(raw, manifest.digest, trust.policy) == verified:
                return verified, {MANIFEST: manifest.raw, SIGNATURE: raw}
    raise Unsigned(f"{store.where}: there is no signature on {manifest.digest}")


def read_attestation(where: Path) -> dict[str, bytes]:
    """Return what the bundle in the folder or archive `where` carries along, by file.

    What is no file of ours is among it: nothing may lie there that nobody looks at. Raises as `read_bundle`.
    """
    if is_archive(where):
        carried = read_archive(where)
        return {name.removeprefix(ATTESTATION): carried[name] for name in carried if name.startswith(ATTESTATION)}
    files: dict[str, bytes] = {}
    folder = where / ATTESTATION
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise unreadable(folder, error) from error
    for name in names[:_MOST_FILES]:
        path = folder / name
        try:
            if name in (MANIFEST, SIGNATURE) and path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    files[name] = file.read(LARGEST_BUNDLE_BYTES + 1)
            else:
                files[name] = b""
        except OSError as error:
            raise unreadable(path, error) from error
    return files


_MOST_FILES = 16
"""More than this many are not listed: two are ours, and one too many is enough to refuse."""


class Attestation(NamedTuple):
    """What the files of a bundle are known to be: who signed which manifest."""

    verified: VerifiedStatement
    manifest: Manifest


def verify_attestation(beside: Mapping[str, bytes], digest: str, trust: TrustOptions) -> Attestation:
    """Return who speaks for the files of a bundle.

    Args:
        beside: what it carries along, by file.
        digest: the digest of all of the bundle's own files (`checksums.files_digest`).
        trust: whom to believe.

    Raises:
        Unsigned: it carries nothing along.
        Untrusted: what it carries does not count, or speaks of other files.
    """
    if not beside:
        raise Unsigned(
            "the bundle carries no signature", hint="fetch it again; a bundle made on this machine is not signed"
        )
    assert trust.policy is not None
    if missing := {MANIFEST, SIGNATURE} - beside.keys():
        raise Tampered(f"attestation/{min(missing)} is missing", hint="fetch it again")
    if extra := beside.keys() - {MANIFEST, SIGNATURE}:
        what = f"attestation/{min(extra)} does not belong to a bundle"
        raise Tampered(what, hint="remove it if it is yours, or fetch the bundle again")
    try:
        manifest = parse_manifest(beside[MANIFEST], name=f"attestation/{MANIFEST}")
    except ClusterbookError as error:
        raise Tampered(error.what, hint="fetch it again") from error
    verified = verify_any([beside[SIGNATURE]], manifest.digest, trust.policy)
    files_digest = manifest.annotations.get(FILES, "")
    if files_digest != digest:
        raise Tampered("the files differ from those that were signed", hint="do not use them: fetch the bundle again")
    return Attestation(verified, manifest)
