"""Whoever gives out tokens for distribution: to pull and to push, to one user, for a few seconds.

They say who may do what as distribution reads it. Source: Distribution, "Token Authentication Specification".
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.interop.certs import Certificates

SERVICE, ISSUER = "registry.test", "tokens.test"


class Tokens:
    """Signs tokens with the key of the servers' certificate. `given` counts them."""

    def __init__(self, certificates: Certificates, basic: str, lifetime_s: int) -> None:
        self.basic, self.lifetime_s, self.given = basic, lifetime_s, 0
        key = serialization.load_pem_private_key(certificates.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        leaf = x509.load_pem_x509_certificates(certificates.certificate.read_bytes())[0]
        self._chain = [base64.b64encode(leaf.public_bytes(serialization.Encoding.DER)).decode()]

    def give(self, scopes: Sequence[str]) -> str:
        """Return a token for what is asked, such as `repository:a/b:pull,push`."""
        now = int(time.time())
        access = [
            {"type": kind, "name": name, "actions": actions.split(",")}
            for kind, name, actions in (scope.split(":") for scope in scopes)
        ]
        self.given += 1
        claims = {
            "iss": ISSUER, "sub": "tester", "aud": SERVICE, "iat": now, "nbf": now - 5, "exp": now + self.lifetime_s,
            "jti": str(self.given), "access": access,
        }  # fmt: skip
        text = ".".join(_url64(json.dumps(each).encode()) for each in (self._head(), claims))
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_url64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _head(self) -> dict[str, object]:
        return {"typ": "JWT", "alg": "ES256", "x5c": self._chain}


@contextlib.contextmanager
def serve(tokens: Tokens, certificates: Certificates) -> Iterator[str]:
    """Give out tokens on loopback, over TLS; gives the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == tokens.basic
            body = b""
            if known:
                scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
                token = tokens.give([each for scope in scopes for each in scope.split()])
                body = json.dumps({"token": token, "expires_in": tokens.lifetime_s}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that goes away is no news
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="tokens")
        thread.start()
        try:
            yield f"https://localhost:{server.server_address[1]}/token"
        finally:
            server.shutdown()
            thread.join()


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
