"""Open: the store that `oci://HOST/BASE`, an address, a folder or an archive names.

Nothing that speaks to a registry or a web site is imported before one is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diagnostics.transport import BadReference
from clusterbook.files.read import exists, is_folder
from clusterbook.oci.reference import SCHEME, Reference, check_tag_or_digest, is_digest, parse_reference
from clusterbook.oci.store import Store

LAYOUT_SCHEME = "oci-layout:"


class Access(NamedTuple):
    """How registries are spoken to; the flags --plain-http and --ca-file, and where credentials are looked for."""

    plain_http: bool = False
    ca_file: str = ""
    environment: Mapping[str, str] = MappingProxyType({})
    home: Path = Path()


class Base(NamedTuple):
    """A store and the repository below which everything is: `recipes/eks` is at `BASE/recipes/eks`."""

    store: Store
    name: str

    def repository(self, name: str) -> str:
        """Return the whole name of a repository below the base."""
        return f"{self.name}/{name}" if self.name else name


def open_base(where: str, access: Access, *, create: bool = False) -> Base:
    """Return what `oci://HOST/BASE` or `oci-layout:FOLDER` names; `create` makes a folder that does not exist.

    Raises:
        InvalidRequest: it is neither.
        NoArtifact: the folder is no layout.
    """
    if where.startswith(LAYOUT_SCHEME):
        from clusterbook.oci.layout.folder import Layout

        return Base(Layout(Path(where.removeprefix(LAYOUT_SCHEME)), create=create), "")
    if not where.startswith(SCHEME):
        raise InvalidRequest(
            f"{where} is not a registry or an OCI layout",
            hint=f"name oci://HOST/BASE, or oci-layout:{where} for a folder",
        )
    reference = parse_reference(where)
    if reference.tag_or_digest:
        raise InvalidRequest(f"{where} names one artifact, not a base", hint="leave tag and digest out")
    return Base(open_registry(reference.host, access), reference.repository)


class ArtifactLocation(NamedTuple):
    """Where one artifact is; in a layout, `reference` has neither host nor repository."""

    store: Store
    reference: Reference


def is_artifact(where: str) -> bool:
    """Return whether `where` names one artifact: oci://HOST/REPOSITORY:TAG or @DIGEST, oci-layout:FOLDER:TAG.

    Raises:
        BadReference: it is none that could be.
    """
    if where.startswith(LAYOUT_SCHEME):
        return bool(_layout_parts(where)[1])
    return where.startswith(SCHEME) and bool(parse_reference(where).tag_or_digest)


def open_artifact(where: str, access: Access, *, create: bool = False) -> ArtifactLocation:
    """Return the place of one artifact; `create` makes the folder of a layout that does not exist.

    Raises:
        BadReference: it is not written as one.
        NoArtifact: the folder is no layout.
    """
    if where.startswith(LAYOUT_SCHEME):
        folder, tag_or_digest = _layout_parts(where)
        if tag_or_digest:
            store = open_base(f"{LAYOUT_SCHEME}{folder}", access, create=create).store
            check_tag_or_digest(tag_or_digest)
            return ArtifactLocation(
                store, Reference("", "", *(("", tag_or_digest) if is_digest(tag_or_digest) else (tag_or_digest, "")))
            )
    reference = parse_reference(where)
    if not reference.tag_or_digest:
        hint = f"write {where}:1.0.0, say, or {where}@sha256:…"
        raise BadReference(f"{where} names a repository without a tag or digest", hint=hint)
    return ArtifactLocation(open_registry(reference.host, access), reference)


def _layout_parts(where: str) -> tuple[str, str]:
    """Return the folder that `oci-layout:FOLDER[:TAG][@DIGEST]` names, and the tag or digest, "" for neither."""
    rest = where.removeprefix(LAYOUT_SCHEME)
    folder, at, digest = rest.rpartition("@")
    if at and is_digest(digest):
        head, _, _ = folder.rpartition(":") if "/" not in folder.rpartition(":")[2] else (folder, "", "")
        return head or folder, digest
    folder, colon, tag = rest.rpartition(":")
    return (folder, tag) if colon and folder and "/" not in tag else (rest, "")


def open_source(where: str, access: Access) -> Base:
    """Return what can be read from `where`: what `open_base` opens, a web site, the folder or archive of a layout.

    Raises:
        NotFound: there is no such folder or archive.
        BadReference: it is none of these.
        NoArtifact: it is no layout.
    """
    if where.startswith((SCHEME, LAYOUT_SCHEME)):
        return open_base(where, access)
    if where.startswith(("https://", "http://")):
        from clusterbook.oci.credentials import from_files
        from clusterbook.oci.layout.web import SiteLayout

        credentials = from_files(access.environment, access.home)
        return Base(
            SiteLayout(where, ca_file=access.ca_file, credentials=credentials, plain_http=access.plain_http), ""
        )
    path = Path(where)
    if is_folder(where):
        from clusterbook.oci.layout.folder import Layout

        return Base(Layout(path), "")
    if "://" in where:
        raise BadReference(f"{where.partition('://')[0]}:// is not a supported scheme", hint=_SOURCES)
    if not exists(where):
        raise NotFound(f"{where} does not exist", hint=_SOURCES)
    from clusterbook.oci.layout.tar import TarLayout

    return Base(TarLayout(path), "")


def absolute(where: str) -> str:
    """Return the one name of a source, whichever way it is written: where it is, for a folder or an archive."""
    if where.startswith((SCHEME, "https://", "http://")):
        return where.rstrip("/")
    return str(Path(where.removeprefix(LAYOUT_SCHEME)).resolve())


_SOURCES = "name oci://HOST/BASE, https://HOST/FOLDER, a folder or an archive (.tar) of an OCI layout"


def open_registry(host: str, access: Access) -> Store:
    """Return the registry at `host`; nothing is sent yet."""
    from clusterbook.oci.credentials import from_files
    from clusterbook.oci.registry import Registry

    credentials = from_files(access.environment, access.home)
    return Registry(host, plain_http=access.plain_http, ca_file=access.ca_file, credentials=credentials)
