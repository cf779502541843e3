"""Credentials: who we are, as far as docker, podman or a credential helper was told.

No secret is in any message or representation. Source: docker's config.json ("auths", "credHelpers", "credsStore"),
containers-auth.json(5), docker-credential-helpers.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import AccessDenied

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HELPER_TIMEOUT_S = 30
_MEND = "fix it, or log in again with `docker login`"
_DOCKER_HUB = {"docker.io", "index.docker.io", "registry-1.docker.io"}
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Credential:
    """A name with a password, or a token that stands for both."""

    username: str
    secret: str = field(repr=False)
    identity_token: str = field(default="", repr=False)

    def basic(self) -> str:
        """Return the value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()

    def forms(self) -> list[str]:
        """Return every form in which somebody may repeat what is secret in it."""
        forms = []
        for word in filter(None, (self.secret, self.identity_token, f"{self.username}:{self.secret}")):
            encoded = base64.b64encode(word.encode()).decode()
            forms += [word, quote(word, safe=""), quote_plus(word), encoded, encoded.rstrip("=")]
        return forms


Credentials = Callable[[str], Credential | None]
"""Our credential for a host; None: anonymous."""


class BrokenCredentials(AccessDenied):
    """A file of credentials cannot be read, or a credential helper fails. Log in again with `docker login HOST`."""

    code = "CB150"


def anonymous(host: str) -> Credential | None:
    """Be nobody to every host."""
    del host
    return None


def from_files(environment: Mapping[str, str], home: Path) -> Credentials:
    """Return who we are according to the files that docker and podman write, the first that knows a host.

    Args:
        environment: DOCKER_CONFIG, REGISTRY_AUTH_FILE and XDG_RUNTIME_DIR are looked at.
        home: where `.docker` is.
    """

    def find(host: str) -> Credential | None:
        for path in _files(environment, home):
            config = _read(path)
            credential = _find(config, host, environment) if config else None
            if credential is not None:
                return credential
        return None

    return find


def _files(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a file of credentials, nothing when there is none.

    Raises:
        BrokenCredentials: there is one that cannot be read.
    """
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BrokenCredentials(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BrokenCredentials(f"{path} is not JSON", hint=_MEND) from error
    for key in ("auths", "credHelpers") if isinstance(document, dict) else ():
        if not isinstance(document.get(key) or {}, dict):
            raise BrokenCredentials(f"{path}: {key} is not a map of hosts", hint=_MEND)
    return document if isinstance(document, dict) else {}


def _keys(host: str) -> Iterator[str]:
    """Yield what a host may be called in such a file."""
    if host in _DOCKER_HUB:
        yield _DOCKER_HUB_KEY
        yield "docker.io"
    for form in ("{}", "https://{}", "http://{}", "https://{}/v1/", "https://{}/v2/", "https://{}/"):
        yield form.format(host)


def _find(config: Mapping[str, Any], host: str, environment: Mapping[str, str]) -> Credential | None:
    """Return who we are to a host: its own helper first, then the common one, then what the file says itself."""
    helpers, auths = config.get("credHelpers") or {}, config.get("auths") or {}
    for key in _keys(host):
        if isinstance(helper := helpers.get(key), str):
            return _from_helper(helper, key, environment)
    store = config.get("credsStore")
    if isinstance(store, str) and store:
        for key in [each for each in _keys(host) if each in auths] or [next(_keys(host))]:
            if (credential := _from_helper(store, key, environment)) is not None:
                return credential
    for key in _keys(host):
        if isinstance(auth := auths.get(key), dict) and (credential := _from_auth(auth, host)) is not None:
            return credential
    return None


def _from_auth(auth: Mapping[str, Any], host: str) -> Credential | None:
    """Return what one entry of `auths` says."""
    username, secret = str(auth.get("username") or ""), str(auth.get("password") or "")
    if auth.get("auth"):
        try:
            text = base64.b64decode(str(auth["auth"]), validate=True).decode().rstrip("\0")
        except (binascii.Error, ValueError) as error:
            raise BrokenCredentials(f"the credentials for {host} are damaged", hint=_login(host)) from error
        username, _, secret = text.partition(":")
    token = str(auth.get("identitytoken") or "")
    return Credential(username, secret, token) if username or token else None


def _from_helper(helper: str, key: str, environment: Mapping[str, str]) -> Credential | None:
    """Return what a credential helper knows about a host.

    Raises:
        BrokenCredentials: there is no such helper, or it fails; what it says is not repeated.
    """
    program = f"docker-credential-{helper}"
    if not _HELPER.fullmatch(helper):
        raise BrokenCredentials(f"{helper!a} is not the name of a credential helper")
    try:
        done = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            timeout=_HELPER_TIMEOUT_S,
            check=False,
            env=dict(environment),
        )
        if done.returncode:
            if b"credentials not found" in done.stdout + done.stderr:
                return None
            raise BrokenCredentials(f"{program} failed for {key} with status {done.returncode}", hint=_login(key))
        document = json.loads(done.stdout)
        username, secret = str(document["Username"]), str(document["Secret"])
    except subprocess.TimeoutExpired as error:
        raise BrokenCredentials(f"{program} timed out after {_HELPER_TIMEOUT_S} s") from error
    except OSError as error:
        hint = f"install it, or remove it from docker's config.json and {_login(key)}"
        raise BrokenCredentials(f"{program} cannot be run: {error.strerror}", hint=hint) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, ClusterbookError):
            raise
        raise BrokenCredentials(f"{program} did not answer like a credential helper") from None
    return Credential("", "", secret) if username == "<token>" else Credential(username, secret)


def _login(host: str) -> str:
    return f"log in again: docker login {host}"
