"""A registry on loopback that does what it is told: OCI distribution 1.1 by the book, or any way a real one goes wrong.

Not for use outside tests: it keeps everything in memory, and its passwords are known.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import secrets
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.servers.loopback import listening

INDEX = "application/vnd.oci.image.index.v1+json"
USER, PASSWORD, IDENTITY = "ann", "s3cret:with:colons", "identity-token"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with the next `times` requests that fit; `path` is searched for, with its query.

    Exactly one of the others says what: a status, a body that ends early (`cut`), is other (`wrong`) or comes a byte at
    a time (`drip_s`), an answer that does not come (`silent_s`), a connection that is closed (`reset`), another host.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"errors": [{"code": "TEST", "message": "as told"}]}'
    cut: int = -1
    wrong: bool = False
    drip_s: float = 0
    silent_s: float = 0
    reset: bool = False
    redirect: str = ""
    after: int = 0
    """How many requests that fit go well before."""


@dataclass(frozen=True)
class Request:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]


class FakeRegistry:
    """State and behaviour of one registry. `host` is where it listens, once it is `running`."""

    def __init__(self, *, referrers: bool = True, auth: str = "", page: int = 0, mounts: bool = True) -> None:
        self.api, self.auth, self.page, self.mounts = referrers, auth, page, mounts
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.uploads: dict[str, bytes] = {}
        self.tokens: dict[str, set[str]] = {}
        self.realm = ""
        self.lifetime_s = 60
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.lock = threading.RLock()
        self.host = ""

    def expire_tokens(self) -> None:
        """Forget every token, as if its time had come."""
        with self.lock:
            self.tokens.clear()

    def count(self, method: str, path: str) -> int:
        """Return how many requests fit."""
        return sum(each.method == method and re.search(path, each.path) is not None for each in self.requests)

    def fault_for(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with a request, once less from now on."""
        with self.lock:
            for position, fault in enumerate(self.faults):
                if fault.method in (method, "*") and re.search(fault.path, path):
                    if fault.after:
                        self.faults[position] = Fault(**{**vars(fault), "after": fault.after - 1})
                        continue
                    rest = Fault(**{**vars(fault), "times": fault.times - 1})
                    self.faults[position : position + 1] = [rest] if rest.times else []
                    return fault
        return None


@contextmanager
def running(registry: FakeRegistry, *, tls: ssl.SSLContext | None = None) -> Iterator[FakeRegistry]:
    """Have a registry listen on loopback for the length of the block."""
    with listening(_Handler, tls=tls, registry=registry) as port:
        registry.host = f"127.0.0.1:{port}"
        yield registry


def digest_of(data: bytes) -> str:
    """Return the digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers requests; one of its class belongs to one registry."""

    registry: FakeRegistry
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    fault: Fault | None = None

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        """Take in a request, let it go wrong as told, else answer it."""
        registry, parts = self.registry, urlsplit(self.path)
        registry.requests.append(Request(self.command, self.path, dict(self.headers.items())))
        self.fault = registry.fault_for(self.command, self.path)
        body = self.take_in()
        fault = self.fault
        if body is None or (fault is not None and fault.reset):
            self.close_connection = True
            return
        if fault is not None and fault.silent_s:
            time.sleep(fault.silent_s)
        if fault is not None and fault.status:
            return self.answer(fault.status, fault.body, Content_Type="application/json", **fault.headers)
        if fault is not None and fault.redirect:
            return self.answer(307, b"", Location=f"{fault.redirect}{self.path}")
        query = parse_qs(parts.query)
        with registry.lock:
            if parts.path == "/token":
                return self.token(query, body)
            if not self.let_in(parts.path, query):
                return None
            found = re.fullmatch(r"/v2/(.+)/(blobs/uploads|blobs|manifests|referrers|tags)/([^/]*)", parts.path)
            if parts.path == "/v2/":
                return self.answer(200)
            if found is None:
                return self.refuse(404, "NAME_UNKNOWN")
            repository, kind, last = found.groups()
            return getattr(self, kind.replace("/", "_"))(repository, last, query, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def take_in(self) -> bytes | None:
        """Return the body of the request, None when it does not come whole."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send an answer, its body in the way of the fault."""
        fault = self.fault
        if fault is not None and fault.wrong and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and 0 <= fault.cut < len(body):
            self.wfile.write(body[: fault.cut])
            self.close_connection = True
            return
        if fault is not None and fault.drip_s:
            for position in range(len(body)):
                self.wfile.write(body[position : position + 1])
                self.wfile.flush()
                time.sleep(fault.drip_s)
            return
        self.wfile.write(body)

    def refuse(self, status: int, code: str, **headers: str) -> None:
        """Send an error as the specification has it."""
        text = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        self.answer(status, text, Content_Type="application/json", **headers)

    # --- who may do what

    def let_in(self, path: str, query: dict[str, list[str]]) -> bool:
        """Return whether the request may be answered, having refused it otherwise."""
        registry, said = self.registry, self.headers.get("Authorization", "")
        if not registry.auth:
            return True
        if registry.auth == "basic":
            if said == basic(USER, PASSWORD):
                return True
            self.refuse(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="test"')
            return False
        found = re.match(r"/v2/(.+)/(?:blobs|manifests|referrers|tags)/", path)
        repository = found[1] if found else ""
        needed = {f"repository:{repository}:{'pull' if self.command in ('GET', 'HEAD') else 'pull,push'}"}
        needed |= {f"repository:{each}:pull" for each in query.get("from", [])}
        has = registry.tokens.get(said.removeprefix("Bearer "), set())
        if all(
            any(wanted == each or wanted.replace(":pull", ":pull,push") == each for each in has) for wanted in needed
        ):
            return True
        realm = registry.realm or f"{'https' if self.is_tls() else 'http'}://{registry.host}/token"
        challenge = f'Bearer realm="{realm}",service="test",scope="{sorted(needed)[-1]}"'
        self.refuse(401, "UNAUTHORIZED", WWW_Authenticate=challenge)
        return False

    def is_tls(self) -> bool:
        return isinstance(self.connection, ssl.SSLSocket)

    def token(self, query: dict[str, list[str]], body: bytes) -> None:
        """Give out a token: to pull to anybody, to push to those with a password or an identity token."""
        form = parse_qs(body.decode())
        known = self.headers.get("Authorization", "") == basic(USER, PASSWORD)
        if self.command == "POST":
            known = form.get("refresh_token") == [IDENTITY]
        elif self.headers.get("Authorization") and not known:
            return self.refuse(401, "UNAUTHORIZED")
        wanted = query.get("scope", []) + [each for scope in form.get("scope", []) for each in scope.split()]
        given = {each if known else each.replace("pull,push", "pull") for each in wanted}
        word = secrets.token_hex(8)
        self.registry.tokens[word] = given
        text = json.dumps({"token": word, "expires_in": self.registry.lifetime_s}).encode()
        return self.answer(200, text, Content_Type="application/json")

    # --- blobs

    def blobs_uploads(self, repository: str, last: str, query: dict[str, list[str]], body: bytes) -> None:
        registry = self.registry
        if self.command == "POST":
            digest, near = query.get("mount", [""])[0], query.get("from", [""])[0]
            if registry.mounts and (near, digest) in registry.blobs:
                registry.blobs[repository, digest] = registry.blobs[near, digest]
                return self.answer(201, Location=f"/v2/{repository}/blobs/{digest}", Docker_Content_Digest=digest)
            session = secrets.token_hex(8)
            registry.uploads[session] = b""
            return self.answer(202, Location=f"/v2/{repository}/blobs/uploads/{session}?state=1")
        if last not in registry.uploads:
            return self.refuse(404, "BLOB_UPLOAD_UNKNOWN")
        data, digest = registry.uploads.pop(last) + body, query.get("digest", [""])[0]
        if digest_of(data) != digest:
            return self.refuse(400, "DIGEST_INVALID")
        registry.blobs[repository, digest] = data
        return self.answer(201, Location=f"/v2/{repository}/blobs/{digest}", Docker_Content_Digest=digest)

    def blobs(self, repository: str, last: str, query: dict[str, list[str]], body: bytes) -> None:
        del query, body
        data = self.registry.blobs.get((repository, last))
        if data is None:
            return self.refuse(404, "BLOB_UNKNOWN")
        said = self.headers.get("Range")
        if said:
            start = int(said.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return self.refuse(416, "RANGE_INVALID")
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return self.answer(206, data[start:], Content_Range=span)
        return self.answer(200, data, Docker_Content_Digest=last, Content_Type="application/octet-stream")

    # --- manifests

    def manifests(self, repository: str, last: str, query: dict[str, list[str]], body: bytes) -> None:
        del query
        registry = self.registry
        if self.command == "PUT":
            return self.put_manifest(repository, last, body)
        digest = registry.tags.get((repository, last), last)
        if (repository, digest) not in registry.manifests:
            return self.refuse(404, "MANIFEST_UNKNOWN")
        kind, data = registry.manifests[repository, digest]
        if kind not in self.headers.get("Accept", ""):
            return self.refuse(404, "MANIFEST_UNKNOWN")
        return self.answer(200, data, Content_Type=kind, Docker_Content_Digest=digest)

    def put_manifest(self, repository: str, last: str, body: bytes) -> None:
        registry, digest = self.registry, digest_of(body)
        document = json.loads(body)
        if last.startswith("sha256:") and last != digest:
            return self.refuse(400, "DIGEST_INVALID")
        needed = [document["config"], *document["layers"]] if "layers" in document else []
        if any((repository, each["digest"]) not in registry.blobs for each in needed):
            return self.refuse(400, "MANIFEST_BLOB_UNKNOWN")
        listed = document.get("manifests", []) if not last.startswith("sha256-") else []
        if any((repository, each["digest"]) not in registry.manifests for each in listed):
            return self.refuse(400, "MANIFEST_UNKNOWN")
        registry.manifests[repository, digest] = (self.headers["Content-Type"], body)
        if not last.startswith("sha256:"):
            registry.tags[repository, last] = digest
        extra = {"OCI_Subject": document["subject"]["digest"]} if registry.api and document.get("subject") else {}
        return self.answer(201, Docker_Content_Digest=digest, **extra)

    def referrers(self, repository: str, last: str, query: dict[str, list[str]], body: bytes) -> None:
        del body
        if not self.registry.api:
            return self.refuse(404, "NOT_FOUND")
        found = []
        for (name, digest), (kind, data) in sorted(self.registry.manifests.items()):
            document = json.loads(data)
            if name == repository and (document.get("subject") or {}).get("digest") == last:
                own = document.get("artifactType") or document["config"]["mediaType"]
                found.append({"mediaType": kind, "digest": digest, "size": len(data), "artifactType": own})
        page, headers = self.paged(found, query, f"/v2/{repository}/referrers/{last}")
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": page}
        return self.answer(200, json.dumps(document).encode(), Content_Type=INDEX, **headers)

    def tags(self, repository: str, last: str, query: dict[str, list[str]], body: bytes) -> None:
        del last, body
        if not any(name == repository for name, _ in self.registry.manifests):
            return self.refuse(404, "NAME_UNKNOWN")
        found = sorted(tag for name, tag in self.registry.tags if name == repository)
        page, headers = self.paged(found, query, f"/v2/{repository}/tags/list")
        return self.answer(200, json.dumps({"name": repository, "tags": page}).encode(), **headers)

    def paged(self, found: list[Any], query: dict[str, list[str]], path: str) -> tuple[list[Any], dict[str, str]]:
        """Return one page of a list, and the header that leads to the next."""
        if not self.registry.page:
            return found, {}
        start = int(query.get("last", ["0"])[0])
        end = start + self.registry.page
        return found[start:end], {"Link": f'<{path}?last={end}>; rel="next"'} if end < len(found) else {}


def basic(user: str, password: str) -> str:
    """Return the header that says who somebody is."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def main() -> None:
    """Run a registry without the referrers API until whoever started it closes our input; print where it listens."""
    with running(FakeRegistry(referrers=False)) as registry:
        print(registry.host, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
