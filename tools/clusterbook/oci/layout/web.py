"""Web: a layout on a web site; any server that hands out files will do.

A site has no answers of its own: what is not there is 404. Reading one recipe asks for six files, however many there
are.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from clusterbook.diagnostics.transport import BadReference, Malformed, NoArtifact, Patience
from clusterbook.oci.client import Client
from clusterbook.oci.credentials import Credentials, anonymous
from clusterbook.oci.download import download
from clusterbook.oci.http import Clock
from clusterbook.oci.layout.index import LARGEST_BYTES, Listing
from clusterbook.oci.layout.reader import INDEX_FILE, SHORT_FILE, ReadOnlyLayout, blob_name
from clusterbook.oci.manifest import Descriptor
from clusterbook.oci.reference import is_loopback

SCHEMES = ("https://", "http://")


class SiteLayout(ReadOnlyLayout):
    """The layout whose files are below an address."""

    def __init__(
        self,
        address: str,
        *,
        ca_file: str = "",
        credentials: Credentials = anonymous,
        plain_http: bool = False,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Open a layout.

        Args:
            address: where its folder is.
            ca_file: certificate authorities to trust instead of the usual ones.
            credentials: who we are; asked for only when the site wants to know.
            plain_http: whether that may be said without TLS; on this machine it may anyway.
            patience: how long and how often something is tried.
            clock: how time is told and spent.

        Raises:
            BadReference: it is no address, or carries a password, which is not repeated.
            NoArtifact: there is no layout.
        """
        host, path = _split_address(address)
        plain = address.startswith("http://")
        allowed = anonymous if plain and not plain_http and not is_loopback(host) else credentials
        self._client = Client(
            host, plain_http=plain, ca_file=ca_file, credentials=allowed, patience=patience, clock=clock
        )
        self._address = f"{'http' if plain else 'https'}://{host}{path}"
        super().__init__(self._address)
        self._listing: Listing | None = None
        self._latest: list[Listing] | None = None
        self.check_version()

    def read_file(self, name: str, limit_bytes: int) -> bytes:
        """Return the bytes of a file. Raises Malformed when it is larger."""
        url = f"{self._address}/{name}"

        def get() -> bytes:
            response = self._client.send("GET", url)
            if response.status_code in (404, 410):
                self._client.drain(response)
                raise NoArtifact(f"{url} does not exist", hint="name the folder in which oci-layout and index.json are")
            if response.status_code != 200:
                raise self._client.refusal(response)
            return self._client.read(response, limit_bytes)

        return self._client.retry(get)

    def stream(self, repository: str, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Return the bytes of a blob from `start` on; what is cut is gone on with."""
        del repository
        return download(self._client, f"{self._address}/{blob_name(blob.digest)}", blob, start, where=self.where)

    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether there is a blob or a manifest of that digest."""
        del repository

        def request() -> bool:
            response = self._client.send("HEAD", f"{self._address}/{blob_name(descriptor.digest)}")
            self._client.drain(response)
            return response.status_code == 200

        return self._client.retry(request)

    def listing(self) -> Listing:
        """Return what index.json says; asked for once."""
        if self._listing is None:
            self._listing = Listing(self.read_file(INDEX_FILE, LARGEST_BYTES), f"{self.where}/{INDEX_FILE}")
        return self._listing

    def latest(self) -> Listing | None:
        """Return the short listing, asked for once. That it goes with index.json is up to whoever filled the site."""
        if self._latest is None:
            try:
                listing = Listing(self.read_file(SHORT_FILE, LARGEST_BYTES), f"{self.where}/{SHORT_FILE}")
                self._latest = [listing] if listing.full_digest else []
            except (NoArtifact, Malformed):
                self._latest = []
        return self._latest[0] if self._latest else None


def _split_address(address: str) -> tuple[str, str]:
    """Return host, with its port, and path of an address. Raises BadReference."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise BadReference("that is not a URL", hint="write https://HOST/FOLDER") from error
    if parts.username is not None or parts.password is not None:
        hint = f"log in with `docker login {parts.hostname}` and leave the name out"
        raise BadReference("a URL must not contain a user or a password", hint=hint)
    if not parts.hostname or parts.query or parts.fragment:
        raise BadReference(f"{address.partition('?')[0]} is not the URL of a folder", hint="write https://HOST/FOLDER")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}" if port else host, quote(parts.path.rstrip("/"), safe="/%~")
