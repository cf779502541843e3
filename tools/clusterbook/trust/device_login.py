"""Device login: an identity token by way of another device, for machines without a browser.

Source: RFC 8628, "OAuth 2.0 Device Authorization Grant"; RFC 7636 (PKCE), which Sigstore's issuer asks for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.printable import one_line
from clusterbook.diagnostics.transport import AccessDenied
from clusterbook.oci.reference import is_loopback

_CLIENT = "sigstore"
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_CONFIGURATION = "/.well-known/openid-configuration"
_TIMEOUT_S, _LARGEST_BYTES = 30, 1 << 20
LONGEST_S = 900
"""How long a code counts at most, whatever the issuer says."""
_HINT = "give a token in SIGSTORE_ID_TOKEN"


def print_prompt(address: str, code: str) -> None:
    """Say on standard error where to log in."""
    CONSOLE.say("log in", f"open {address} and enter the code {code}")


def log_in(
    issuer: str, *, prompt: Callable[[str, str], None] = print_prompt, wait: Callable[[float], None] = time.sleep
) -> str:
    """Return the token of whoever logs in on another device.

    Args:
        issuer: the address of the OIDC issuer.
        prompt: told the address to open and the code to enter there.
        wait: called with seconds between one question and the next.

    Raises:
        AccessDenied: nobody did, or the issuer knows no such login.
    """
    configuration = _request(issuer.rstrip("/") + _CONFIGURATION)
    device_endpoint, token_endpoint = (
        configuration.get("device_authorization_endpoint"),
        configuration.get("token_endpoint"),
    )
    if not isinstance(device_endpoint, str) or not isinstance(token_endpoint, str):
        raise AccessDenied(f"{issuer} does not support the device flow", hint=f"log in with --browser, or {_HINT}")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    authorization = _request(
        device_endpoint,
        {"client_id": _CLIENT, "scope": "openid email", "code_challenge": challenge, "code_challenge_method": "S256"},
    )
    try:
        device, code = str(authorization["device_code"]), str(authorization["user_code"])
        address = str(authorization.get("verification_uri") or authorization["verification_url"])
        interval_s = min(max(float(authorization.get("interval", 5)), 0), 60)
        left_s = min(float(authorization.get("expires_in", 300)), LONGEST_S)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AccessDenied(f"{issuer} returned no login URL", hint=_HINT) from error
    prompt(one_line(address), one_line(code))
    question = {"grant_type": _GRANT, "device_code": device, "client_id": _CLIENT, "code_verifier": verifier}
    while left_s > 0:
        wait(interval_s)
        left_s -= max(interval_s, 0.1)
        answer = _request(token_endpoint, question)
        token = answer.get("id_token") or answer.get("access_token")
        if isinstance(token, str):
            return token
        fault = answer.get("error")
        if fault == "slow_down":
            interval_s += 5
        elif fault != "authorization_pending":
            raise AccessDenied(f"logging in failed: {one_line(str(fault)[:80])}", hint=_HINT)
    raise AccessDenied("the login timed out", hint="run it again")


def _request(address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what an address says, as a map; a question that is refused has an answer, too."""
    import requests
    from urllib3.exceptions import HTTPError

    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.netloc)):
        raise AccessDenied(f"{address[:200]!a}: a login needs TLS", hint=_HINT)
    try:
        with requests.request(
            "GET" if form is None else "POST", address, data=form, timeout=_TIMEOUT_S, stream=True,
            allow_redirects=False, headers={"Accept": "application/json"},
        ) as response:  # fmt: skip
            data = response.raw.read(_LARGEST_BYTES, decode_content=True)
        document = json.loads(data)
    except (requests.RequestException, HTTPError, OSError, ValueError, RecursionError) as error:
        raise AccessDenied(f"{parts.netloc} rejects the login: {type(error).__name__}", hint=_HINT) from error
    if not isinstance(document, dict):
        raise AccessDenied(f"{parts.netloc} rejects the login: invalid answer", hint=_HINT)
    return document
