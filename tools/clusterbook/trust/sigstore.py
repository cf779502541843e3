"""Keyless signatures: by somebody who logged in, in the log of a Sigstore instance.

The only module that imports sigstore, inside its functions: that takes a quarter of a second. Checking makes no network
call: it needs a trust root, which is a file. Signing talks to the instance that its configuration names.

Of sigstore-python 4.5: `Verifier.production()` copies a root into the user's cache and believes that copy ever after,
so it is never called; `verify_dsse` checks neither subject nor predicate, and its policies fit whole words only, so
both are decided in `policy`; what Fulcio and Rekor clients raise is of no family, so that all is caught here.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, unreadable
from clusterbook.diagnostics.transport import AccessDenied, Unreachable
from clusterbook.trust.deadline import within
from clusterbook.trust.keys import BadKey, certificate_key
from clusterbook.trust.policy import BadSignature, ExpiredRoot, Tampered, covers
from clusterbook.trust.statement import SigstoreBundle, pae

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LOGIN_S, SIGNING_S = 300.0, 120.0
"""How long somebody has to log in, and an instance to answer: the clients of sigstore-python 4.5 wait without end."""
_PUBLIC_GOOD = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
_GIVE_ONE = "give a token in SIGSTORE_ID_TOKEN"
_ISSUER = "1.3.6.1.4.1.57264.1.8"
_ISSUER_RAW = "1.3.6.1.4.1.57264.1.1"


class BadTrustRoot(InvalidRequest):
    """A file is not a Sigstore trust root (trusted_root.json) or trust configuration, or cannot be read."""

    code = "CB171"


class SigningFailed(ClusterbookError):
    """The Sigstore instance did not sign: its certificate authority, log or timestamping refused or did not answer."""

    code = "CB172"
    exit_status = 6


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """Who signed, as a certificate says that a trust root vouches for."""

    identity: str
    issuer: str


def public_root() -> bytes:
    """Return the trust root of Sigstore's public instance, as it came with sigstore-python."""
    from importlib.resources import files

    return files("sigstore._store").joinpath(_PUBLIC_GOOD, "trusted_root.json").read_bytes()


def verify_keyless(bundle: SigstoreBundle, root: bytes, name: str) -> CertificateIdentity:
    """Return who signed the statement in a bundle, having checked all but who they ought to be.

    Args:
        bundle: the signature.
        root: the text of a trusted_root.json.
        name: how a message calls the root.

    Raises:
        BadTrustRoot: `root` is no trust root.
        Tampered: the signature does not match the statement.
        ExpiredRoot: the root ends before the signature was made.
        BadSignature: the root does not vouch for it.
    """
    try:
        if not certificate_key(bundle.certificate).fits(bundle.signature, pae(bundle.payload)):
            raise Tampered("the signature does not match the statement", hint="one of them was changed after signing")
    except BadKey as error:
        raise BadSignature(error.what) from error
    from cryptography import x509
    from sigstore import errors
    from sigstore.models import Bundle, InvalidBundle

    verifier, recorder = _verifier(root, name), _CertificateRecorder()
    ended = False
    try:
        parsed = Bundle.from_json(bundle.raw)
        material, signed_at = _trust_material(json.loads(root), bundle)
        ended = all(material.values()) and not covers(material, signed_at)
        _, payload = verifier.verify_dsse(parsed, recorder)
        if payload != bundle.payload or recorder.certificate is None:
            raise Tampered("the signature covers another statement than the bundle shows")
        if not all(material.values()):
            raise BadSignature(f"{name} does not have the certificate authority or the log of the signature")
        signed = _certificate_identity(recorder.certificate)
    except (
        errors.Error,
        InvalidBundle,
        x509.DuplicateExtension,
        x509.ExtensionNotFound,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        if not ended:
            reason = " ".join(str(error).split())[:200]
            hint = "check that it is the trust root of the instance that signed"
            raise BadSignature(f"the signature does not verify against {name}: {reason}", hint=hint) from error
    if ended:
        what = f"{name} was not valid at {signed_at:%Y-%m-%d}, when the signature was made"
        raise ExpiredRoot(what, hint="get a newer trust root: clusterbook trust update")
    return signed


class _CertificateRecorder:
    """A policy of sigstore's that accepts everybody, and remembers whom."""

    def __init__(self) -> None:
        self.certificate: Certificate | None = None

    def verify(self, cert: Certificate) -> None:
        """Take note of a certificate whose chain was checked."""
        self.certificate = cert


def _verifier(root: bytes, name: str) -> Any:
    """Return who checks signatures by a trust root. Raises BadTrustRoot: it has no log, or a damaged certificate."""
    from sigstore.errors import Error
    from sigstore.verify import Verifier

    trusted = _trusted_root(_with_last_moments(root), name)
    try:
        return Verifier(trusted_root=trusted)
    except (Error, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        hint = "get a complete trusted_root.json: clusterbook trust update"
        raise BadTrustRoot(f"{name} cannot be used: {reason}", hint=hint) from error


def _with_last_moments(root: bytes) -> bytes:
    """Return a trust root whose time stamp authorities count until their end, the end included, for sigstore-python.

    sigstore-python 4.5.1 takes the end for the first moment that does not count; so a microsecond, the finest step that
    it knows, is added. Source: protobuf-specs, TimeRange: "the end is inclusive"; sigstore-conformance,
    trust-root-tsa-validity-end-inclusive. What is damaged stays so, and is refused by whoever reads it.
    """
    try:
        document = json.loads(root)
        for each in document["timestampAuthorities"]:
            if end := each["validFor"].get("end"):
                last = datetime.fromisoformat(end)
                each["validFor"]["end"] = (last + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return root
    return json.dumps(document).encode()


def check_root(root: bytes, name: str) -> None:
    """Raise BadTrustRoot where a text is no trust root."""
    _trusted_root(root, name)


def _trusted_root(root: bytes, name: str) -> Any:
    """Return a trust root as sigstore reads it, by way of text: nothing of the user's cache."""
    import tempfile

    from sigstore.errors import Error
    from sigstore.models import TrustedRoot

    try:
        with tempfile.NamedTemporaryFile(suffix=".json") as file:  # from_file is the only public way in
            file.write(root)
            file.flush()
            return TrustedRoot.from_file(file.name)
    except (Error, ValueError, KeyError) as error:
        raise BadTrustRoot(f"{name} is not a Sigstore trust root", hint="name a trusted_root.json") from error


def _certificate_identity(certificate: Certificate) -> CertificateIdentity:
    """Return who a certificate is for."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (name,) = names  # one, as Fulcio writes it
        if not isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
            raise ValueError("an identity that is neither an e-mail address nor a URI")
        return CertificateIdentity(name.value, _issuer(certificate))
    except (x509.ExtensionNotFound, ValueError, AttributeError) as error:
        raise BadSignature("the certificate of the signature has no identity") from error


def _issuer(certificate: Certificate) -> str:
    """Return who vouches for the name in a certificate. Source: Fulcio, "Certificate extensions"."""
    from cryptography import x509

    extensions = {each.oid.dotted_string: each.value for each in certificate.extensions}
    new, old = extensions.get(_ISSUER), extensions.get(_ISSUER_RAW)
    if isinstance(new, x509.UnrecognizedExtension):
        if new.value[:1] != b"\x0c" or len(new.value) < 2 or new.value[1] & 0x80 or len(new.value) != new.value[1] + 2:
            raise ValueError("an issuer that is not text")
        return new.value[2:].decode()
    if isinstance(old, x509.UnrecognizedExtension):
        return old.value.decode()
    raise ValueError("no issuer")


def _trust_material(root: dict[str, Any], bundle: SigstoreBundle) -> tuple[dict[str, list[Any]], datetime]:
    """Return the parts of a trust root that a signature relies on, and when it was made.

    sigstore-python 4.5.1 accepts the signatures of an authority or a log whose `validFor` has ended, so this is checked
    besides. A log that the root does not have is left out, and no other may stand in for it: sigstore-python tries all
    keys where the name of a log, which Rekor v2 does not sign, leads to none.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    certificate = x509.load_der_x509_certificate(bundle.certificate)
    entries = json.loads(bundle.raw)["verificationMaterial"].get("tlogEntries") or []
    logs = {b64decode(each["logId"]["keyId"]) for each in entries}
    try:
        scts = certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
        timestamp_logs = {b64encode(each.log_id).decode() for each in scts}
    except x509.ExtensionNotFound:
        timestamp_logs = set()

    def issued(authority: Any) -> bool:
        for each in authority["certChain"]["certificates"]:
            try:
                certificate.verify_directly_issued_by(x509.load_der_x509_certificate(b64decode(each["rawBytes"])))
            except (ValueError, TypeError, InvalidSignature):
                continue
            return True
        return False

    return {
        "certificateAuthorities": [each for each in root.get("certificateAuthorities", []) if issued(each)],
        "tlogs": [each for each in root.get("tlogs", []) if _log_ids(each) & logs],
        "ctlogs": [each for each in root.get("ctlogs", []) if each["logId"]["keyId"] in timestamp_logs],
    }, certificate.not_valid_before_utc


def _log_ids(log: dict[str, Any]) -> set[bytes]:
    """Return what entries may call a log of a trust root. Source: protobuf-specs, TransparencyLogInstance."""
    return {b64decode(log[key]["keyId"]) for key in ("logId", "checkpointKeyId") if log.get(key)}


class Instance:
    """A Sigstore instance to sign with; "" is the public one, else a file with its trust configuration."""

    def __init__(self, trust_config: str = "", *, login_s: float = LOGIN_S, signing_s: float = SIGNING_S) -> None:
        """Read the configuration; the public one is fetched.

        Args:
            trust_config: its file.
            login_s: how long somebody has to log in.
            signing_s: how long the instance has to answer.

        Raises:
            BadTrustRoot: the file is none.
            Unreachable: the public one cannot be fetched.
        """
        self._login_s, self._signing_s = login_s, signing_s
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig

        if not trust_config:
            try:
                silent = Unreachable("Sigstore's public instance did not answer", hint="run it again later")
                self._config = within(signing_s, ClientTrustConfig.production, silent)
            except (Error, OSError) as error:
                hint = "check the network to sigstore.dev; name a private instance with --trust-config"
                raise Unreachable(f"Sigstore's public instance cannot be reached: {error}", hint=hint) from error
            return
        try:
            self._config = ClientTrustConfig.from_json(Path(trust_config).read_text("utf-8"))
        except OSError as error:
            raise unreadable(trust_config, error, hint="name a ClientTrustConfig") from error
        except (Error, ValueError, KeyError) as error:
            hint = "name a ClientTrustConfig: a trust root and a signing configuration in one file"
            raise BadTrustRoot(f"{trust_config} is not a trust configuration", hint=hint) from error

    def token(self, identity_token: str, *, browser: bool, device: bool = False) -> str:
        """Return a token that says who we are: the one given, what CI offers, or what a login brings.

        Args:
            identity_token: a token, or "".
            browser: whether a login in the browser may be asked for.
            device: whether a login on another device may be asked for; it comes first.

        Raises:
            AccessDenied: there is none.
        """
        from sigstore.errors import Error
        from sigstore.oidc import IdentityError, detect_credential

        try:
            silent = AccessDenied("the CI's identity token service did not answer", hint=_GIVE_ONE)
            token = identity_token or within(self._signing_s, detect_credential, silent)
            issuer = self._config.signing_config.get_oidc_url
            expired = AccessDenied(
                f"the login timed out after {self._login_s:g} s", hint=f"run it again, or {_GIVE_ONE}"
            )
            if not token and device:
                from clusterbook.trust.device_login import LONGEST_S, log_in

                token = within(max(self._login_s, LONGEST_S), lambda: log_in(issuer()), expired)
            if not token and browser:
                token = _browser_login(issuer(), self._login_s, expired)
        except (Error, IdentityError, OSError, ValueError) as error:
            raise AccessDenied(f"logging in failed: {error}", hint=_GIVE_ONE) from error
        if not token:
            hint = f"run it in CI with `id-token: write`, {_GIVE_ONE}, or log in with --browser or --device-flow"
            raise AccessDenied("there is no identity to sign with", hint=hint)
        return token

    def sign(self, payload: bytes, token: str) -> bytes:
        """Return the bundle of a statement, signed by whoever the token is for.

        Raises:
            AccessDenied: the token is none, or has run out.
            SigningFailed: the instance does not sign.
        """
        from sigstore.dsse import Statement
        from sigstore.oidc import IdentityError, IdentityToken
        from sigstore.sign import SigningContext

        try:
            identity = IdentityToken(token)
        except IdentityError as error:
            raise AccessDenied("the identity token is invalid or expired", hint="get a fresh one") from error

        def signed() -> bytes:
            with SigningContext.from_trust_config(self._config).signer(identity) as signer:
                return signer.sign_dsse(Statement(payload)).to_json().encode()

        what = f"the Sigstore instance did not sign within {self._signing_s:g} s"
        try:
            return within(self._signing_s, signed, SigningFailed(what, hint="run it again later"))
        except SigningFailed:
            raise
        except Exception as error:
            reason = " ".join(f"{type(error).__name__} {error}".replace(token, "***").split())[:200]
            raise SigningFailed(f"the Sigstore instance did not sign: {reason}", hint="run it again later") from error


def _browser_login(issuer: str, limit_s: float, expired: AccessDenied) -> str:
    """Return the token of whoever logs in in the browser, or elsewhere and types the code that is shown there.

    The browser is sent back to a port of this machine with a code, which counts only together with a secret that it
    never saw. Source: RFC 8252; RFC 7636 (PKCE).

    Raises:
        AccessDenied: nobody did in time (`expired`), the issuer's answer is none, or nobody can be asked.
        Error, IdentityError, OSError, ValueError: it did not come about for another reason.
    """
    import sys
    from contextlib import redirect_stdout

    from sigstore.oidc import Issuer

    try:
        with redirect_stdout(sys.stderr):  # where a code is asked for: data goes to standard output
            return within(limit_s, lambda: str(Issuer(issuer).identity_token()), expired)
    except EOFError as error:
        what = "there is no browser and no terminal for a login"
        raise AccessDenied(what, hint=f"log in with --device-flow, or {_GIVE_ONE}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise AccessDenied("logging in failed: the issuer's answer is invalid", hint=_GIVE_ONE) from error
