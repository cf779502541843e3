"""A Sigstore on loopback: identity tokens, Fulcio, the certificate log, Rekor v1 and v2, and time stamps on one port.

Not for use outside tests: it believes any token. sigstore-python, cosign 3.1 and sigstore-go verify what it signs.
"""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID
from cryptography.x509.oid import ObjectIdentifier as Oid

from tests.support.servers import der
from tests.support.servers.loopback import listening
from tests.support.servers.transparency import Log, b64, sha256, sign, spki

ISSUER, IDENTITY = "https://issuer.test", "https://ci.test/job/1"
_EXTENSIONS = "1.3.6.1.4.1.57264.1"
_SCT_LIST = Oid("1.3.6.1.4.1.11129.2.4.2")
_CLAIMS = (("repository", 12, "https://github.com/"), ("sha", 13, ""), ("ref", 14, ""),
           ("job_workflow_ref", 9, "https://github.com/"))  # fmt: skip
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
Answer = tuple[int, str, bytes, Mapping[str, str]]


def compact(document: Any) -> bytes:
    """Return JSON as RFC 8785 has it, for what occurs here."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class FakeSigstore:
    """Keys and logs of one instance. `url` is where it listens, once it is `running`; `refuse` lists paths it fails.

    `silent` lists paths of which it says nothing while it runs, and `slow` those whose answer comes byte by byte.
    """

    def __init__(self, *, name: str = "fake.test", stamps: bool = True) -> None:
        self.name, self.stamps, self.url = name, stamps, ""
        self.valid = {"start": "2020-01-01T00:00:00Z"}
        self.refuse: list[str] = []
        self.silent: list[str] = []
        self.slow: list[str] = []
        self.ended = threading.Event()
        self.login: dict[str, Any] = {}
        self._logins: dict[str, dict[str, str]] = {}
        self.requests: list[str] = []
        self._now = dt.datetime.now(dt.UTC)
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(6)]
        self._intermediate_key, self._ct_key, self._stamp_key, self._token_key, root_key, stamp_root_key = keys
        self._root = self._authority("root", root_key)
        self._intermediate = self._authority("intermediate", self._intermediate_key, self._root, root_key)
        self._stamp_root = self._authority("stamp root", stamp_root_key)
        self._stamp = self._stamper(stamp_root_key)
        self.rekor1 = Log("rekor1.fake.test - 1", ec.generate_private_key(ec.SECP256R1()))
        key, name = ed25519.Ed25519PrivateKey.generate(), "rekor2.fake.test"
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.rekor2 = Log(name, key, sha256(name.encode() + b"\n\x01" + raw))  # C2SP signed-note

    # --- what is told to those who use it

    def token(self, subject: str = IDENTITY, *, lifetime_s: int = 300, issuer: str = ISSUER, **claims: str) -> str:
        """Return a token that says who somebody is."""
        now = int(time.time())
        payload = {"iss": issuer, "aud": "sigstore", "sub": subject, "iat": now, "exp": now + lifetime_s, **claims}
        head = f"{_url64(compact({'alg': 'ES256', 'typ': 'JWT', 'kid': '1'}))}.{_url64(compact(payload))}"
        r, s = decode_dss_signature(sign(self._token_key, head.encode()))
        return f"{head}.{_url64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def trusted_root(self) -> dict[str, Any]:
        """Return the document trusted_root.json."""

        def log(url: str, key: Any, log_id: bytes, kind: str) -> dict[str, Any]:
            public = {"rawBytes": b64(spki(key)), "keyDetails": kind, "validFor": self.valid}
            return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": {"keyId": b64(log_id)}}

        def authority(name: str, *chain: x509.Certificate) -> dict[str, Any]:
            raw = [{"rawBytes": b64(each.public_bytes(serialization.Encoding.DER))} for each in chain]
            subject = {"organization": "fake.test", "commonName": name}
            chained = {"certificates": raw}
            return {
                "subject": subject,
                "uri": f"https://{name}.fake.test",
                "certChain": chained,
                "validFor": self.valid,
            }

        p256, ed = "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519"
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            # sigstore-go finds a v2 log by its host, which has to be the name in the checkpoint
            "tlogs": [
                log("https://rekor1.fake.test", self.rekor1.key, self.rekor1.log_id, p256),
                log("https://rekor2.fake.test", self.rekor2.key, self.rekor2.log_id, ed),
            ],
            "ctlogs": [log("https://ct.fake.test", self._ct_key, sha256(spki(self._ct_key)), p256)],
            "certificateAuthorities": [authority("fulcio", self._intermediate, self._root)],
            "timestampAuthorities": [authority("tsa", self._stamp, self._stamp_root)],
        }

    def signing_config(self, *, rekor: int = 1) -> dict[str, Any]:
        """Return the document signing_config.json."""

        def service(url: str, version: int = 1) -> dict[str, Any]:
            since = {"start": "2020-01-01T00:00:00Z"}
            return {"url": url, "majorApiVersion": version, "validFor": since, "operator": "fake.test"}

        return {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service(self.url)],
            "oidcUrls": [service(self.url)],
            "rekorTlogUrls": [service(self.url, rekor)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [service(f"{self.url}/api/v1/timestamp")] if self.stamps else [],
            "tsaConfig": {"selector": "ANY"},
        }

    def trust_config(self, *, rekor: int = 1) -> dict[str, Any]:
        """Return the document that sigstore-python signs by."""
        kind = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
        return {
            "mediaType": kind,
            "trustedRoot": self.trusted_root(),
            "signingConfig": self.signing_config(rekor=rekor),
        }

    # --- what it answers

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return status, content type, body and further headers."""
        self.requests.append(path)
        if any(path.startswith(each) for each in self.silent):
            self.ended.wait()
        if any(path.startswith(each) for each in self.refuse):
            return 503, "application/json", b'{"code": 503, "message": "as told"}', {}
        if path == "/api/v2/signingCert":
            return 200, "application/json", compact(self._certify(json.loads(body), headers)), {}
        if path.startswith("/api/v1/log/entries"):
            entry = self.log1(json.loads(body))
            name = next(iter(entry))
            return 201, "application/json", compact(entry), {"ETag": name, "Location": f"{path}/{name}"}  # for Go
        if path == "/api/v2/log/entries":
            return 201, "application/json", compact(self.log2(json.loads(body))), {}
        if path == "/api/v1/timestamp":
            return 201, "application/timestamp-reply", self.timestamp(body), {}
        if path.startswith("/auth?"):
            return self._log_in(_form(path.partition("?")[2]))
        if path == "/token":
            return self._redeem(_form(body.decode()))
        if path == "/.well-known/openid-configuration":
            ways = {"authorization_endpoint": f"{self.url}/auth", "token_endpoint": f"{self.url}/token"}
            return 200, "application/json", compact({"issuer": ISSUER, **ways}), {}
        return 404, "application/json", b'{"code": 404, "message": "not found"}', {}

    # --- who logs in; `login` says what goes wrong: other words for the redirect, or another answer about the token

    def _log_in(self, asked: dict[str, str]) -> Answer:
        """Send somebody back who has logged in, or was refused."""
        if not asked["redirect_uri"].startswith("http:"):  # whoever has no browser is shown the code
            self._logins["shown"] = asked
            return 200, "text/plain", b"shown", {}
        code = os.urandom(8).hex()
        self._logins[code] = asked
        words = {"code": code, "state": asked["state"], **self.login.get("redirect", {})}
        query = urlencode({key: word for key, word in words.items() if word is not None})
        return 302, "text/plain", b"", {"Location": f"{asked['redirect_uri']}?{query}"}

    def _redeem(self, form: dict[str, str]) -> Answer:
        """Give a token for a code, to whoever knows the secret behind the login that it is of."""
        asked = self._logins.pop(form["code"])
        proof = _url64(sha256(form["code_verifier"].encode()))
        if (proof, "S256") != (asked["code_challenge"], asked["code_challenge_method"]):
            return 400, "application/json", b'{"error": "invalid_grant"}', {}
        if form["redirect_uri"] != asked["redirect_uri"] or form["grant_type"] != "authorization_code":
            return 400, "application/json", b'{"error": "invalid_request"}', {}
        status, text = self.login.get("token", (200, compact({"access_token": self.token("ann@ci.test")})))
        return status, "application/json", text, {}

    # --- Fulcio

    def _authority(
        self, name: str, key: Any, issuer: x509.Certificate | None = None, issuer_key: Any = None
    ) -> x509.Certificate:
        signer, subject = issuer_key or key, self._name(name)
        built = self._base(key, issuer.subject if issuer else subject, signer, days=3650).subject_name(subject)
        built = built.add_extension(x509.BasicConstraints(True, 0 if issuer else None), True)
        built = built.add_extension(_usage(authority=True), True)
        if issuer:
            built = built.add_extension(x509.ExtendedKeyUsage([Usage.CODE_SIGNING]), False)
        return built.sign(signer, hashes.SHA256())

    def _name(self, common: str) -> x509.Name:
        parts = ((NameOID.ORGANIZATION_NAME, self.name), (NameOID.COMMON_NAME, common))
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])

    def _base(self, key: Any, issuer: x509.Name, signer: Any, *, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - dt.timedelta(days=1))
            .not_valid_after(self._now + dt.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
        )

    def _certify(self, document: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        token = (document.get("credentials") or {}).get("oidcIdentityToken")
        claims = _claims(token or headers.get("Authorization", "").removeprefix("Bearer "))
        if request := document.get("certificateSigningRequest"):
            asked = x509.load_pem_x509_csr(base64.b64decode(request))
            if not asked.is_signature_valid:
                raise ValueError("the request is not signed by the key that it is for")
            public: Any = asked.public_key()
        else:
            public = serialization.load_pem_public_key(document["publicKeyRequest"]["publicKey"]["content"].encode())
        leaf = self._leaf(public, claims)
        pem = [
            each.public_bytes(serialization.Encoding.PEM).decode() for each in (leaf, self._intermediate, self._root)
        ]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": pem}}}

    def _leaf(self, public: Any, claims: Mapping[str, str]) -> x509.Certificate:
        name = claims.get("email") or claims["sub"]
        mail = "@" in name and "://" not in name
        names = [x509.RFC822Name(name) if mail else x509.UniformResourceIdentifier(name)]
        return self.certificate(public, names, claims)

    def certificate(
        self,
        public: Any,
        names: Sequence[x509.GeneralName],
        claims: Mapping[str, str],
        *,
        start: dt.datetime | None = None,
        without: Collection[Oid] = (),
        promise: Callable[[bytes], bytes] | None = None,
    ) -> x509.Certificate:
        """Return a certificate for ten minutes.

        Args:
            public: the key that it is for.
            names: whom it is for.
            claims: what was said of them.
            start: when it begins; by default now.
            without: the extensions that it lacks.
            promise: makes the promises of certificate logs from what is to be logged.
        """
        now = start or dt.datetime.now(dt.UTC).replace(microsecond=0)
        built = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._intermediate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(minutes=10))
            .add_extension(_usage(), True)
            .add_extension(x509.ExtendedKeyUsage([Usage.CODE_SIGNING]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._intermediate_key.public_key()), False
            )
            .add_extension(x509.SubjectAlternativeName(names), True)
            .add_extension(x509.UnrecognizedExtension(Oid(f"{_EXTENSIONS}.1"), claims["iss"].encode()), False)
            .add_extension(x509.UnrecognizedExtension(Oid(f"{_EXTENSIONS}.8"), der.text(claims["iss"])), False)
        )
        if without:
            built._extensions = [each for each in built._extensions if each.oid not in without]
        for claim, number, prefix in _CLAIMS:
            if claim in claims:
                value = der.text(prefix + claims[claim])
                built = built.add_extension(x509.UnrecognizedExtension(Oid(f"{_EXTENSIONS}.{number}"), value), False)
        unsigned = built.sign(self._intermediate_key, hashes.SHA256()).tbs_certificate_bytes
        if _SCT_LIST in without:
            return built.sign(self._intermediate_key, hashes.SHA256())
        listed = x509.UnrecognizedExtension(_SCT_LIST, der.octets((promise or self.promise)(unsigned)))
        return built.add_extension(listed, False).sign(self._intermediate_key, hashes.SHA256())

    def promise(self, certificate: bytes) -> bytes:
        """Return the list with the log's one promise about a certificate that lacks nothing else. Source: RFC 6962."""
        now = int(time.time() * 1000).to_bytes(8, "big")
        issuer = sha256(spki(self._intermediate_key))
        signed = b"\0\0" + now + b"\0\1" + issuer + len(certificate).to_bytes(3, "big") + certificate + b"\0\0"
        signature = sign(self._ct_key, signed)
        promise = b"\0" + sha256(spki(self._ct_key)) + now + b"\0\0\4\3" + _counted(signature)
        return _counted(_counted(promise))

    # --- Rekor

    def log1(self, document: dict[str, Any], at_s: int | None = None) -> dict[str, Any]:
        """Return the answer of Rekor v1 about an entry, taken up now unless at another time."""
        if document["kind"] == "dsse" and "proposedContent" in document["spec"]:
            proposed = document["spec"]["proposedContent"]
            envelope = json.loads(proposed["envelope"])
            signatures = [{"signature": s["sig"], "verifier": proposed["verifiers"][0]} for s in envelope["signatures"]]
            spec = {
                "envelopeHash": _hash(proposed["envelope"].encode()),
                "payloadHash": _hash(base64.b64decode(envelope["payload"])),
                "signatures": signatures,
            }
            document = {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}
        body, now = compact(document), int(time.time()) if at_s is None else at_s
        at = self.rekor1.append(body)
        log_id = self.rekor1.log_id.hex()
        promised = {"body": b64(body), "integratedTime": now, "logID": log_id, "logIndex": at.position}
        proof = {
            "checkpoint": at.checkpoint,
            "hashes": [each.hex() for each in at.path],
            "logIndex": at.position,
            "rootHash": at.root.hex(),
            "treeSize": at.size,
        }
        promise = b64(sign(self.rekor1.key, compact(promised)))
        verification = {"signedEntryTimestamp": promise, "inclusionProof": proof}
        return {os.urandom(32).hex(): {**promised, "verification": verification}}

    def log2(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of Rekor v2 about an entry."""
        asked = document["hashedRekordRequestV002"]
        signature = {"content": asked["signature"]["content"], "verifier": dict(asked["signature"]["verifier"])}
        spec = {"data": {"algorithm": "SHA2_256", "digest": asked["digest"]}, "signature": signature}
        body = compact({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}})
        at = self.rekor2.append(body)
        proof = {
            "logIndex": str(at.position),
            "rootHash": b64(at.root),
            "treeSize": str(at.size),
            "hashes": [b64(each) for each in at.path],
            "checkpoint": {"envelope": at.checkpoint},
        }
        return {
            "logIndex": str(at.position),
            "logId": {"keyId": b64(self.rekor2.log_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionProof": proof,
            "canonicalizedBody": b64(body),
        }

    # --- time stamps

    def _stamper(self, root_key: Any) -> x509.Certificate:
        built = self._base(self._stamp_key, self._stamp_root.subject, root_key, days=3649)
        built = built.subject_name(self._name("tsa")).add_extension(_usage(), True)
        stamping = x509.ExtendedKeyUsage([Usage.TIME_STAMPING])
        return built.add_extension(stamping, True).sign(root_key, hashes.SHA256())

    def timestamp(self, request: bytes, at: dt.datetime | None = None) -> bytes:
        """Return a time stamp for a request, of now unless of another time. Source: RFC 3161; RFC 5652."""
        parts = der.children(der.children(request)[0][1])
        imprint, rest = parts[1][2], parts[2:]
        nonce = next((whole for tag, _, whole in rest if tag == 2), b"")
        with_certificate = any(tag == 1 and content != b"\0" for tag, content, _ in rest)
        now = (at or dt.datetime.now(dt.UTC)).strftime("%Y%m%d%H%M%SZ").encode()
        policy, serial = der.oid("1.3.6.1.4.1.57264.2"), der.integer(x509.random_serial_number())
        accuracy = der.sequence(der.integer(1))
        info = der.sequence(der.integer(1), policy, imprint, serial, der.tlv(0x18, now), accuracy, nonce)
        certificate = self._stamp.public_bytes(serialization.Encoding.DER)
        attributes = sorted(
            der.sequence(der.oid(kind), der.set_of(value))
            for kind, value in (
                ("1.2.840.113549.1.9.3", der.oid("1.2.840.113549.1.9.16.1.4")),
                ("1.2.840.113549.1.9.4", der.octets(sha256(info))),
                (
                    "1.2.840.113549.1.9.16.2.47",
                    der.sequence(der.sequence(der.sequence(der.octets(sha256(certificate))))),
                ),
            )
        )
        signer = der.sequence(
            der.integer(1),
            der.sequence(self._stamp.issuer.public_bytes(), der.integer(self._stamp.serial_number)),
            _SHA256,
            der.tlv(0xA0, *attributes),
            _ECDSA,
            der.octets(sign(self._stamp_key, der.tlv(0x31, *attributes))),
        )
        signed = der.sequence(
            der.integer(3),
            der.set_of(_SHA256),
            der.sequence(der.oid("1.2.840.113549.1.9.16.1.4"), der.tlv(0xA0, der.octets(info))),
            *([der.tlv(0xA0, certificate)] if with_certificate else []),
            der.set_of(signer),
        )
        content = der.sequence(der.oid("1.2.840.113549.1.7.2"), der.tlv(0xA0, signed))
        return der.sequence(der.sequence(der.integer(0)), content)


@contextmanager
def running(instance: FakeSigstore) -> Iterator[FakeSigstore]:
    """Have an instance listen on loopback for the length of the block."""
    with listening(_Handler, instance=instance) as port:
        instance.url = f"http://127.0.0.1:{port}"
        try:
            yield instance
        finally:
            instance.ended.set()


class _Handler(http.server.BaseHTTPRequestHandler):
    instance: FakeSigstore
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, kind, text, more = self.instance.answer(self.path, self.headers, body)
        except (ValueError, KeyError, IndexError) as error:
            status, kind, more = 400, "application/json", {}
            text = compact({"code": 400, "message": repr(error)})
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        if any(self.path.startswith(each) for each in self.instance.slow):
            for byte in text[:-1]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.instance.ended.wait(0.2):
                    break
        else:
            self.wfile.write(text)

    do_GET = do_POST = handle_any  # noqa: N815


def _usage(*, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": sha256(data).hex()}


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _form(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _claims(token: str) -> dict[str, str]:
    payload = token.split(".")[1]
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found
