"""Sign: one statement, by somebody who logged in or with a key; one port for both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.keys import PrivateKey, private_key, read_key_file
from clusterbook.trust.statement import key_bundle, pae

KEY_PASSWORD = "CLUSTERBOOK_KEY_PASSWORD"  # noqa: S105 (the name of a variable)
PUBLIC = "who signs --keyless is made public, for good: the name of the login stands in a log that everybody can read"
IDENTITY_TOKEN = "SIGSTORE_ID_TOKEN"  # noqa: S105 (the name of a variable, as sigstore-python and cosign have it)


class Signer(Protocol):
    """Whoever signs statements. `hint` is that of the key, as its bundles bear it; "" for somebody who logs in."""

    hint: str

    def sign(self, statement: bytes) -> bytes:
        """Return a Sigstore bundle with the statement and its signature."""


class KeySigner:
    """Signs with a key; no log is told."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.hint = key.public().hint()

    @classmethod
    def from_file(cls, path: Path, environment: Mapping[str, str]) -> KeySigner:
        """Return the signer with the key in a PEM file, which CLUSTERBOOK_KEY_PASSWORD opens if it is locked.

        Raises:
            BadKey: it is none, or does not open.
        """
        pem = read_key_file(path)
        return cls(private_key(pem, str(path), password=environment.get(KEY_PASSWORD, "")))

    def public_pem(self) -> str:
        """Return the public key, as text."""
        return self._key.public().pem()

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle that names the key by its hint."""
        return key_bundle(statement, self._key.sign(pae(statement)), self.hint)


class KeylessSigner:
    """Signs as whoever is logged in, into the log of a Sigstore instance; asks who that is when it first signs."""

    def __init__(self, *, trust_config: str = "", token: str = "", browser: bool = False) -> None:
        """Get ready to sign.

        Args:
            trust_config: a file that says where the instance's authority, log and time stamps are, and what is to be
                believed of them; "" is Sigstore's public instance.
            token: who signs, as an OIDC identity token; "" asks what CI offers.
            browser: whether a login in the browser may be asked for, when there is no token.
        """
        self._trust_config, self._token, self._browser = trust_config, token, browser
        self.hint = ""

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, trust_config: str = "", browser: bool = False
    ) -> KeylessSigner:
        """Return the signer whose token is in SIGSTORE_ID_TOKEN, if any."""
        return cls(trust_config=trust_config, token=environment.get(IDENTITY_TOKEN, ""), browser=browser)

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle with the certificate of whoever signed, and the log's entry.

        Raises:
            AccessDenied: nobody says who signs.
            SigningFailed: the instance does not sign.
        """
        from clusterbook.trust.sigstore import Instance  # a quarter of a second

        instance = Instance(self._trust_config)
        return instance.sign(statement, instance.token(self._token, browser=self._browser))


def signer(
    environment: Mapping[str, str],
    *,
    key: str | None,
    keyless: bool = False,
    trust_config: str | None = None,
    browser: bool = False,
) -> Signer:
    """Return who signs: whoever has the file `key`, or with `keyless` whoever is logged in.

    Raises:
        InvalidRequest: it is not said who signs, or twice.
        BadKey: the key is none, or does not open.
    """
    if bool(key) == keyless:
        raise InvalidRequest("say who signs, once", hint="say --key FILE or --keyless")
    if key:
        return KeySigner.from_file(Path(key), environment)
    return KeylessSigner.from_environment(environment, trust_config=trust_config or "", browser=browser)
