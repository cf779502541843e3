"""Registry: a store that is spoken to by OCI distribution 1.1.

Where a registry lacks the referrers API, a tag lists them; both are written, either is read. Source: OCI distribution
specification 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Lock
from typing import Any

from clusterbook.diagnostics.transport import AccessDenied, Malformed, NoArtifact, Patience, Unreachable, WrongContent
from clusterbook.oci.client import Client
from clusterbook.oci.credentials import Credentials, anonymous
from clusterbook.oci.download import download
from clusterbook.oci.http import Clock, Transient, Upload
from clusterbook.oci.login import origin
from clusterbook.oci.manifest import (
    ACCEPTED,
    INDEX,
    LARGEST_MANIFEST_BYTES,
    Descriptor,
    Manifest,
    index,
    parse_descriptor,
    parse_manifest,
)
from clusterbook.oci.reference import (
    check_digest,
    check_repository,
    check_tag_or_digest,
    is_loopback,
    referrers_tag,
)
from clusterbook.oci.store import MOST_REFERRERS, Content, Store, check_blob, is_manifest

_ACCEPT = {"Accept": ", ".join(ACCEPTED)}
_ACCEPT_LISTS = {"Accept": f"{INDEX}, application/json"}
_MOST_PAGES = 1000
_MOST_LISTED = 100_000
_SMALL_BYTES = 1 << 20
_ATTEMPTS = 5
_NO_API = (400, 404, 405, 406, 501)


class Registry(Store):
    """The registry at `host` (`HOST[:PORT]`)."""

    def __init__(
        self,
        host: str,
        *,
        plain_http: bool = False,
        ca_file: str = "",
        credentials: Credentials = anonymous,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Get ready to speak to a registry; nothing is sent yet.

        Args:
            host: its name, and its port unless it is the usual one.
            plain_http: whether to do without TLS; on this machine that is so anyway, unless there is a `ca_file`.
            ca_file: certificate authorities to trust instead of the usual ones.
            credentials: who we are; asked for only when the registry wants to know.
            patience: how long and how often something is tried.
            clock: how time is told and spent.
        """
        self.where = f"oci://{host}"
        self._host = host
        self._client = Client(
            host,
            plain_http=plain_http or (is_loopback(host) and not ca_file),
            ca_file=ca_file,
            credentials=credentials,
            patience=patience,
            clock=clock,
        )
        self._lists: dict[tuple[str, str], Lock] = {}
        self._lock = Lock()
        self._without_api: set[str] = set()
        self._mounts = True

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index that a tag or a digest names."""
        url = self._url(repository, "manifests", check_tag_or_digest(reference))
        name = f"{self.where}/{repository} {reference}"

        def get() -> Manifest:
            response = self._client.send("GET", url, scopes=_pull(repository), headers=_ACCEPT)
            if response.status_code == 404:
                self._client.drain(response)
                raise NoArtifact(f"{name} does not exist", hint=f"`{self.where}/{repository}` may have other tags")
            if response.status_code != 200:
                raise self._client.refusal(response)
            digest, kind = response.headers.get("Docker-Content-Digest", ""), response.headers.get("Content-Type", "")
            raw = self._client.read(response, LARGEST_MANIFEST_BYTES)
            manifest = parse_manifest(raw, media_type=kind, reference=reference, name=name)
            if digest.startswith("sha256:") and digest != manifest.digest:
                raise WrongContent(f"{name}: the registry announced {digest} but sent {manifest.digest}")
            return manifest

        return self._client.retry(get)

    def stream(self, repository: str, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Return the bytes of a blob from `start` on; what is cut is gone on with."""
        url = self._url(repository, "blobs", check_digest(blob.digest))
        return download(self._client, url, blob, start, scopes=_pull(repository), where=f"{self.where}/{repository}")

    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether the registry has a blob or, by its media type, a manifest."""
        if is_manifest(descriptor):
            return self._digest_of(repository, descriptor.digest) is not None
        url = self._url(repository, "blobs", check_digest(descriptor.digest))

        def request() -> bool:
            response = self._client.send("HEAD", url, scopes=_pull(repository))
            self._client.drain(response)
            if response.status_code not in (200, 404):
                raise self._client.refusal(response)
            return response.status_code == 200

        return self._client.retry(request)

    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, mount_from: str = "") -> bool:
        """Keep a blob, sent as a stream; what breaks off is sent again from its start.

        A small one that is near is not asked for first, unless the registry mounts none: that would cost as much.
        """
        if not (mount_from and blob.size <= _SMALL_BYTES and self._mounts) and self.exists(repository, blob):
            return False
        return self._client.retry(lambda: self._upload(repository, blob, content, mount_from))

    def put_manifest(
        self, repository: str, manifest: Manifest, *, tag: str = "", root: bool = True, present: bool | None = None
    ) -> bool:
        """Keep a manifest; one with a subject is listed under the subject's fallback tag as well."""
        del root
        reference = check_tag_or_digest(tag or manifest.digest)
        changed = self._digest_of(repository, reference) != manifest.digest if present is None else not present
        if changed:
            self._put(repository, reference, manifest)
        if manifest.subject is not None:
            changed = self._list(repository, manifest.subject.digest, manifest.descriptor) or changed
        return changed

    def referrers(self, repository: str, digest: str, artifact_type: str = "") -> list[Manifest]:
        """Return what says something about `digest`: by the API and by the fallback tag, each looked into itself."""
        descriptors = {each.digest: each for each in (self._by_api(repository, digest) or [])}
        descriptors |= {each.digest: each for each in self._by_tag(repository, digest)}
        if len(descriptors) > MOST_REFERRERS:
            raise Malformed(f"{self.where}/{repository}: more than {MOST_REFERRERS} artifacts refer to {digest}")
        manifests = []
        for each in sorted(descriptors):
            try:
                manifest = self.manifest(repository, each)
            except NoArtifact:
                continue  # listed and since deleted
            if manifest.subject is not None and manifest.subject.digest == digest:
                manifests.append(manifest)
        return [each for each in manifests if artifact_type in ("", each.artifact_type)]

    def referrer_digests(self, repository: str, digest: str) -> set[str]:
        """Return the digests that the API lists, or the fallback tag where there is none."""
        by_api = self._by_api(repository, digest)
        return {each.digest for each in (self._by_tag(repository, digest) if by_api is None else by_api)}

    def all_tags(self, repository: str) -> list[str]:
        """Return all tags of a repository, sorted."""
        url = self._url(repository, "tags", "list") + "?n=1000"
        return sorted({tag for page in self._pages(url, repository, "tags") or [] for tag in page if type(tag) is str})

    # --- one request each ---------------------------------------------------------------------------------------------

    def _upload(self, repository: str, blob: Descriptor, content: Content, mount_from: str) -> bool:
        """Send a blob in one go, or have it mounted; return whether it was sent."""
        url, scopes = self._url(repository, "blobs", "uploads/"), _push(repository)
        query = ""
        if mount_from and mount_from != repository:
            query = f"?mount={check_digest(blob.digest)}&from={check_repository(mount_from)}"
        try:
            session = self._client.send(
                "POST", url + query, scopes=scopes | (_pull(mount_from) if query else frozenset()), body=lambda: b""
            )
        except AccessDenied:
            if not query:
                raise
            return self._upload(repository, blob, content, "")  # it may not be read there, but perhaps written here
        if session.status_code == 201 and query:
            self._client.drain(session)
            return False
        location = session.headers.get("Location", "")
        if session.status_code != 202:
            raise self._client.refusal(session)
        if not location:
            what = f"{self.where} accepted an upload but returned no Location (status 202)"
            raise Malformed(what, hint="a proxy may be dropping headers")
        self._client.drain(session)
        if query:
            self._mounts = False
            if self.exists(repository, blob):
                return False
        place = self._client.resolve_location(session.url or url, location)
        place += f"{'&' if '?' in place else '?'}digest={blob.digest}"
        done = self._client.send(
            "PUT",
            place,
            scopes=scopes,
            headers={"Content-Type": "application/octet-stream"},
            body=lambda: Upload(check_blob(content(0), blob, "what is to be sent"), blob.size),
        )
        if done.status_code == 404:  # the upload was given up meanwhile
            raise Transient(self._client.refusal(done))
        if done.status_code != 201:
            raise self._client.refusal(done)
        self._client.drain(done)
        return True

    def _put(self, repository: str, reference: str, manifest: Manifest) -> None:
        url, headers = self._url(repository, "manifests", reference), {"Content-Type": manifest.descriptor.media_type}

        def put() -> None:
            done = self._client.send("PUT", url, scopes=_push(repository), headers=headers, body=lambda: manifest.raw)
            if done.status_code not in (200, 201):
                raise self._client.refusal(done)
            self._client.drain(done)
            digest = done.headers.get("Docker-Content-Digest", manifest.digest)
            if digest != manifest.digest:
                raise WrongContent(f"{self.where}/{repository}: the registry stored {manifest.digest} as {digest}")

        self._client.retry(put)

    def _digest_of(self, repository: str, reference: str) -> str | None:
        """Return the digest that a tag or a digest stands for, None when there is nothing."""
        url = self._url(repository, "manifests", reference)

        def request() -> str | None:
            response = self._client.send("HEAD", url, scopes=_pull(repository), headers=_ACCEPT)
            self._client.drain(response)
            if response.status_code == 404:
                return None
            if response.status_code != 200:
                raise self._client.refusal(response)
            return response.headers.get("Docker-Content-Digest") or self.manifest(repository, reference).digest

        return self._client.retry(request)

    # --- what refers to what ------------------------------------------------------------------------------------------

    def _by_api(self, repository: str, digest: str) -> list[Descriptor] | None:
        """Return what the referrers API lists, None when the registry has none."""
        if repository in self._without_api:
            return None
        pages = self._pages(self._url(repository, "referrers", check_digest(digest)), repository, "manifests")
        if pages is None:
            self._without_api.add(repository)
            return None
        try:
            return [parse_descriptor(each) for page in pages for each in page]
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed(
                f"{self.where}/{repository}: the list of referrers of {digest} is invalid: {error}"
            ) from error

    def _by_tag(self, repository: str, digest: str) -> tuple[Descriptor, ...]:
        """Return what the fallback tag lists."""
        try:
            return self.manifest(repository, referrers_tag(check_digest(digest))).manifests
        except NoArtifact:
            return ()

    def _list(self, repository: str, digest: str, entry: Descriptor) -> bool:
        """Add an entry to a fallback tag; return whether it was missing.

        Others may write the tag at the same time, and nothing in the protocol keeps them from it: so what was written
        is read transient. Whoever publishes checks once more at the end (`Sender.settle`).
        """
        with self._lock:
            lock = self._lists.setdefault((repository, digest), Lock())
        with lock:
            for attempt in range(_ATTEMPTS):
                entries = self._by_tag(repository, digest)
                if any(each.digest == entry.digest for each in entries):
                    return attempt > 0
                self._put(repository, referrers_tag(digest), index([*entries, entry]))
            if any(each.digest == entry.digest for each in self._by_tag(repository, digest)):
                return True
        what = f"{self.where}/{repository}: the referrers of {digest} keep being changed by others"
        raise Unreachable(what, hint="make sure that only one publisher writes to a repository")

    def _pages(self, url: str, repository: str, key: str) -> list[list[Any]] | None:
        """Return the lists under `key` in an answer of several pages, None when there is no such thing here."""
        pages: list[list[Any]] = []
        while url and len(pages) < _MOST_PAGES:
            url, page = self._client.retry(lambda at=url: self._page(at, repository, key))  # type: ignore[misc]
            if page is None:
                return pages or None
            pages.append(page)
            if sum(map(len, pages)) > _MOST_LISTED:
                raise Malformed(f"{self.where}/{repository} lists more than {_MOST_LISTED:,} {key}")
        return pages

    def _page(self, url: str, repository: str, key: str) -> tuple[str, list[Any] | None]:
        response = self._client.send(
            "GET", url, scopes=_pull(repository), headers={"Accept": f"{INDEX}, application/json"}
        )
        if response.status_code in _NO_API:
            self._client.drain(response)
            return "", None
        if response.status_code != 200:
            raise self._client.refusal(response)
        kind, following = response.headers.get("Content-Type", ""), response.links.get("next", {}).get("url", "")
        raw = self._client.read(response, LARGEST_MANIFEST_BYTES)
        if key == "manifests" and not kind.startswith(INDEX):
            return "", None  # something else answers under this address
        try:
            page = json.loads(raw)[key] or []
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Malformed(f"{self.where}/{repository} returned no {key}") from error
        if not isinstance(page, list):
            raise Malformed(f"{self.where}/{repository} returned no list of {key}")
        after = self._client.resolve_location(url, following) if following else ""
        if after and origin(after) != origin(url):
            raise Malformed(f"{self.where}/{repository} continues a list on another host")
        return after, page

    def _url(self, repository: str, kind: str, last: str) -> str:
        return f"{self._client.address}/v2/{check_repository(repository, host=self._host)}/{kind}/{last}"


def _pull(repository: str) -> frozenset[str]:
    return frozenset({f"repository:{repository}:pull"})


def _push(repository: str) -> frozenset[str]:
    return frozenset({f"repository:{repository}:pull,push"})
