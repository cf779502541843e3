"""Source tree: a tree, or an index, that lies in a registry becomes a folder here, once it is known to be true.

    oci://HOST/REPOSITORY@DIGEST → manifest → its signature → one archive → a folder in the user's cache

A digest asks for exactly these bytes. A tag may name something else tomorrow, so that it takes a signature, whatever
is accepted of digests. The folder stays, so that what a message or an origin names can be opened; it is written anew
where it is not what the archive says.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from clusterbook.artifacts.name import check_name
from clusterbook.bundle.checksums import FILES
from clusterbook.diagnostics.errors import InvalidRequest, Unwritable
from clusterbook.fetch.attestation import artifact_attestation
from clusterbook.fetch.unpack import put_in_place
from clusterbook.files.context import Context
from clusterbook.files.tar_reader import Limits, members
from clusterbook.oci.open import Access, open_artifact
from clusterbook.trust.policy import TrustOptions

LARGEST_ARCHIVE_BYTES = 64 << 20
_LIMITS = Limits(files=20_000, total_bytes=256 << 20)
_TOPS = ("registry.yaml", "index.json")
"""What stands at the top of a tree, or of an index."""


class LocalTree(NamedTuple):
    """Where the tree is now, and who signed which bytes of it."""

    folder: Path
    note: str


def local_tree(where: str, trust: TrustOptions, access: Access, context: Context) -> LocalTree:
    """Return the folder of the tree that `oci://HOST/REPOSITORY:TAG` or `@DIGEST` names, or `oci-layout:FOLDER:TAG`.

    Args:
        where: one artifact.
        trust: whom to believe.
        access: how registries are spoken to.
        context: environment and home, which say where the cache is.

    Raises:
        Untrusted: nobody who is believed signed it, and that is not accepted.
        InvalidRequest: it is a tag that nobody signed, or no tree.
        UnsafeArchive: it holds what no tree has.
        Unwritable: the cache cannot be written.
    """
    if trust.at_least:
        what = f"{where} is a source tree without a release, so --at-least {trust.at_least} cannot be checked"
        raise InvalidRequest(what, hint="leave --at-least out")
    store, reference = open_artifact(where, access)
    manifest = store.manifest(reference.repository, reference.tag_or_digest)
    verified, _ = artifact_attestation(store, reference.repository, manifest, trust)
    if verified is None and not reference.digest:
        pinned = f"{where.removesuffix(f':{reference.tag}')}@{manifest.digest}"
        what = f"{where} is not signed, and a tag can move"
        raise InvalidRequest(what, hint=f"pin its digest: {pinned}")
    check_name(reference, manifest, verified)
    if FILES in manifest.annotations or len(manifest.layers) != 1:
        found = "a bundle" if FILES in manifest.annotations else f"{len(manifest.layers)} layers"
        hint = "push a folder with registry.yaml and overlays/ as one archive: oras push HOST/REPOSITORY:TAG recipes/"
        raise InvalidRequest(f"{where} is not a source tree: it holds {found}", hint=hint)
    data = store.read(reference.repository, manifest.layers[0], limit_bytes=LARGEST_ARCHIVE_BYTES)
    archive = members(BytesIO(data), where, limits=_LIMITS, folders=True)
    files = _without_top({member.name: member.stream.read() for member in archive})
    if not any(top in files for top in _TOPS):
        raise InvalidRequest(
            f"{where} has no registry.yaml, so it is not a source tree", hint="name the artifact of one"
        )
    folder = _cache(context) / manifest.digest.partition(":")[2]
    _write(folder, files)
    signed = f"signed by {verified.signer}" if verified else "not signed"
    return LocalTree(folder, f"{where} is {manifest.digest}, {signed}; its files are in {folder}")


def _without_top(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files without the one folder that all of them stand in, where an archive has one."""
    tops = {name.partition("/")[0] for name in files if "/" in name}
    if len(tops) != 1 or any("/" not in name for name in files):
        return dict(files)
    return {name.partition("/")[2]: data for name, data in files.items()}


def _cache(context: Context) -> Path:
    """Return where trees are kept. Source: XDG base directory specification."""
    cache = Path(context.environment.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else context.home / ".cache") / "clusterbook" / "trees"


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files and nothing else; one that does stays as it is. Raises Unwritable."""
    try:
        if _holds(folder, files):
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:12]}."))
        try:
            fresh = work / "new"
            for name, data in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            put_in_place(fresh, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        hint = "set XDG_CACHE_HOME to a writable folder"
        raise Unwritable(f"{folder} cannot be written: {error.strerror or error}", hint=hint) from error


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Return whether a folder holds these files and nothing else: no other file, and no link."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    found = set()
    for below, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(below) / name
            if path.is_symlink():
                return False
        found |= {(Path(below) / name).relative_to(folder).as_posix() for name in names}
    return found == files.keys() and all((folder / name).read_bytes() == data for name, data in files.items())
