"""Reader: an OCI image layout as far as it is read, wherever its files lie: in a folder, an archive or a web site.

A layout is one pool: whatever it holds is there for every repository, and a tag `1.0.0` of `recipes/eks` stands in the
index as `recipes/eks:1.0.0`. Source: OCI image specification 1.1, "image-layout"; referrers are entries without a name,
as oras writes them.
"""

from __future__ import annotations

import json
from abc import abstractmethod

from clusterbook.diagnostics.transport import Malformed, NoArtifact, Refused
from clusterbook.oci.layout.index import Listing
from clusterbook.oci.manifest import INDEXES, LARGEST_MANIFEST_BYTES, REF_NAME, Descriptor, Manifest, parse_manifest
from clusterbook.oci.reference import check_digest, is_digest, referrers_tag
from clusterbook.oci.store import MOST_REFERRERS, Content, Store

MARKER, INDEX_FILE, SHORT_FILE, BLOBS = "oci-layout", "index.json", "latest.json", "blobs/sha256"
VERSION = "1.0.0"
LARGEST_MARKER_BYTES = 4096
_LAYOUT = f"name the folder in which {MARKER} and {INDEX_FILE} are, or the archive of a mirror"


class ImageLayout(Store):
    """A layout that is read. Whoever says where its files lie gives `read_file`, `stream`, `exists` and `listing`."""

    def __init__(self, where: str) -> None:
        """Know how messages name it; nothing is read yet."""
        self.where = where
        self._subjects: dict[str, str] = {}

    @abstractmethod
    def read_file(self, name: str, limit_bytes: int) -> bytes:
        """Return the bytes of a file, one more than `limit_bytes` at most. Raises NoArtifact, Malformed."""

    @abstractmethod
    def listing(self) -> Listing:
        """Return what index.json says now."""

    def latest(self) -> Listing | None:
        """Return the short listing that goes with it, None when there is none."""
        return None

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index that a tag or a digest names."""
        return self._manifest(
            reference if is_digest(reference) else self._digest_named(ref_name(repository, reference))
        )

    def referrers(self, repository: str, digest: str, artifact_type: str = "") -> list[Manifest]:
        """Return what says something about `digest`; listed one by one, or in an index as registries have it."""
        check_digest(digest)
        short = self.latest()
        listing = short if short is not None and short.has(digest) else self.listing()
        tag = referrers_tag(digest)
        lists = [listing.find(tag), listing.find(ref_name(repository, tag))]
        digests = {
            part.digest
            for entry in lists
            if entry is not None and entry.media_type in INDEXES
            for part in self._manifest(entry.digest).manifests
        }
        for entry in listing.candidates(digest, artifact_type):
            if entry.media_type not in INDEXES and self._subject_of(entry.digest) == digest:
                digests.add(entry.digest)
        if len(digests) > MOST_REFERRERS:
            raise Malformed(f"{self.where}: more than {MOST_REFERRERS} artifacts refer to {digest}")
        manifests = [manifest for each in sorted(digests) if (manifest := self._find_manifest(each)) is not None]
        return [
            each
            for each in manifests
            if each.subject is not None and each.subject.digest == digest and artifact_type in ("", each.artifact_type)
        ]

    def all_tags(self, repository: str) -> list[str]:
        """Return all tags of a repository, sorted; with repository "", all names as they stand."""
        prefix = f"{repository}:" if repository else ""
        names = {name for entry in self.listing().entries() if (name := name_of(entry)).startswith(prefix)}
        return sorted(name[len(prefix) :] for name in names if name)

    def roots(self) -> list[tuple[str, Descriptor]]:
        """Return (name, descriptor) of all entries but referrers; names are `REPOSITORY:TAG`, or "" for none."""
        return [
            (name_of(entry), entry)
            for entry in self.listing().entries()
            if name_of(entry) or entry.media_type in INDEXES or not self._subject_of(entry.digest)
        ]

    def check_version(self) -> None:
        """Make sure that this is a layout, of the version that is read.

        Raises:
            NoArtifact: it is none.
            Malformed: it is one of another version.
        """
        try:
            version = json.loads(self.read_file(MARKER, LARGEST_MARKER_BYTES)).get("imageLayoutVersion")
        except NoArtifact as error:
            raise NoArtifact(f"{self.where} is not an OCI layout: it has no file {MARKER}", hint=_LAYOUT) from error
        except (ValueError, AttributeError) as error:
            raise Malformed(f"{self.where}/{MARKER} is damaged", hint="copy it again") from error
        if version != VERSION:
            raise Malformed(
                f"{self.where} is a layout of version {str(version)!a}, only {VERSION} is supported", hint=_LAYOUT
            )

    def _digest_named(self, name: str) -> str:
        """Return the digest of what is called `name`."""
        short = self.latest()
        entry = short.find(name) if short is not None else None
        if entry is None:
            entry = self.listing().find(name)
        if entry is None:
            raise NoArtifact(f"{self.where} has no {name}", hint=self._names_hint())
        return entry.digest

    def _manifest(self, digest: str) -> Manifest:
        raw = self.read_file(blob_name(digest), LARGEST_MANIFEST_BYTES)
        return parse_manifest(raw, reference=digest, name=f"{self.where}: {digest}")

    def _subject_of(self, digest: str) -> str:
        """Return the digest of what a manifest of the index refers to, "" when it refers to nothing."""
        if digest not in self._subjects:
            subject = self._manifest(digest).subject
            self._subjects[digest] = subject.digest if subject else ""
        return self._subjects[digest]

    def _find_manifest(self, digest: str) -> Manifest | None:
        """Return a manifest that an index lists, None when it is not there."""
        try:
            return self._manifest(digest)
        except NoArtifact:
            return None

    def _names_hint(self) -> str:
        names = sorted(name for entry in self.listing().entries() if (name := name_of(entry)))
        return f"it has {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}" if names else "it is empty"


class ReadOnlyLayout(ImageLayout):
    """A layout into which nothing can be put."""

    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, mount_from: str = "") -> bool:
        """Refuse to keep a blob."""
        del repository, blob, content, mount_from
        raise self._refusal()

    def put_manifest(
        self, repository: str, manifest: Manifest, *, tag: str = "", root: bool = True, present: bool | None = None
    ) -> bool:
        """Refuse to keep a manifest."""
        del repository, manifest, tag, root, present
        raise self._refusal()

    def _refusal(self) -> Refused:
        return Refused(f"{self.where} is read-only", hint="name oci://HOST/BASE or oci-layout:FOLDER")


def ref_name(repository: str, tag: str) -> str:
    """Return how a tag of a repository is called in an index."""
    return f"{repository}:{tag}" if repository else tag


def name_of(entry: Descriptor) -> str:
    """Return what an entry of an index is called, "" for nothing."""
    return entry.annotations.get(REF_NAME, "")


def blob_name(digest: str) -> str:
    """Return the file that a blob is. Raises Malformed."""
    return f"{BLOBS}/{check_digest(digest).partition(':')[2]}"
