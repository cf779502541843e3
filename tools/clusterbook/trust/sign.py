"""Sign: one statement, by somebody who logged in or with a key; one port for both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.keys import PrivateKey, private_key, read_key_file
from clusterbook.trust.statement import key_bundle, pae

KEY_PASSWORDS = ("CLUSTERBOOK_KEY_PASSWORD", "COSIGN_PASSWORD")
PUBLIC = (
    "a --keyless signature makes the signer's identity public, permanently: it is recorded in a public transparency log"
)
IDENTITY_TOKENS = ("COSIGN_IDENTITY_TOKEN", "SIGSTORE_ID_TOKEN")
"""Variables that hold a token, as cosign and sigstore-python name them; the first that is there counts."""
_LARGEST_TOKEN_BYTES = 64 << 10


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
        """Return the signer with the key in a PEM file, which a password of the environment opens if it is locked.

        Raises:
            BadKey: it is none, or does not open.
        """
        return cls(read_private_key(path, environment))

    def public_pem(self) -> str:
        """Return the public key, as text."""
        return self._key.public().pem()

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle that names the key by its hint."""
        return key_bundle(statement, self._key.sign(pae(statement)), self.hint)


def read_private_key(path: Path, environment: Mapping[str, str]) -> PrivateKey:
    """Return the key in a PEM file, which a password of the environment opens if it is locked.

    Raises:
        BadKey: it is none, or does not open.
    """
    return private_key(read_key_file(path), str(path), password=_first(environment, KEY_PASSWORDS))


class KeylessSigner:
    """Signs as whoever is logged in, into the log of a Sigstore instance; asks who that is when it first signs."""

    def __init__(
        self,
        *,
        trust_config: str = "",
        token: str = "",
        browser: bool = False,
        device: bool = False,
        limits_s: Mapping[str, float] | None = None,
    ) -> None:
        """Get ready to sign.

        Args:
            trust_config: a file that says where the instance's authority, log and time stamps are, and what is to be
                believed of them; "" is Sigstore's public instance.
            token: who signs, as an OIDC identity token; "" asks what CI offers.
            browser: whether a login in the browser may be asked for, when there is no token.
            device: whether a login on another device may be asked for, when there is no token.
            limits_s: how long a login (`login_s`) and a signature (`signing_s`) may take, None for the usual.
        """
        self._limits_s = limits_s or {}
        self._trust_config, self._token, self._browser, self._device = trust_config, token, browser, device
        self.hint = ""

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, trust_config: str = "", browser: bool = False, device: bool = False
    ) -> KeylessSigner:
        """Return the signer whose token is in COSIGN_IDENTITY_TOKEN or SIGSTORE_ID_TOKEN, if any."""
        token = _first(environment, IDENTITY_TOKENS)
        return cls(trust_config=trust_config, token=token, browser=browser, device=device)

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle with the certificate of whoever signed, and the log's entry.

        Raises:
            AccessDenied: nobody says who signs.
            SigningFailed: the instance does not sign.
        """
        from clusterbook.trust.sigstore import Instance  # a quarter of a second

        instance = Instance(self._trust_config, **self._limits_s)
        return instance.sign(statement, instance.token(self._token, browser=self._browser, device=self._device))


def signer(
    environment: Mapping[str, str],
    *,
    key: str | None,
    keyless: bool = False,
    trust_config: str | None = None,
    browser: bool = False,
    device: bool = False,
    token: str = "",
) -> Signer:
    """Return who signs: whoever has the key, or with `keyless` whoever is logged in.

    Args:
        environment: where passwords and tokens are looked for.
        key: a file, or the address of a key in a KMS.
        keyless: whether somebody signs by logging in.
        trust_config: the Sigstore instance; None is the public one.
        browser: whether a login in the browser may be asked for.
        device: whether a login on another device may be asked for.
        token: an identity token, or a file with one; it counts before those of the environment.

    Raises:
        InvalidRequest: it is not said who signs, or twice.
        BadKey: the key is none, or does not open.
    """
    if bool(key) == keyless:
        raise InvalidRequest("name one signer", hint="type --key FILE or --keyless")
    if key:
        from clusterbook.trust.kms import KmsSigner, is_kms

        return KmsSigner(key, environment) if is_kms(key) else KeySigner.from_file(Path(key), environment)
    given = {IDENTITY_TOKENS[0]: _token(token)} if token else {}
    return KeylessSigner.from_environment(
        {**environment, **given}, trust_config=trust_config or "", browser=browser, device=device
    )


def _token(word: str) -> str:
    """Return the identity token that a word is, or that is in the file of that name.

    Raises:
        InvalidRequest: it is neither; what it is, is not repeated.
    """
    if word.count(".") == 2 and not set(word) & set("/\\ "):
        return word
    try:
        with Path(word).open("rb") as file:
            return file.read(_LARGEST_TOKEN_BYTES).decode().strip()
    except (OSError, ValueError) as error:
        what = "--identity-token is neither a token nor a file with one"
        raise InvalidRequest(what, hint="a token has three parts with dots between them") from error


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of some variables that is there and not empty, else ""."""
    return next((environment[name] for name in names if environment.get(name)), "")
