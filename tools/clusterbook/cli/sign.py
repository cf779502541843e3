"""The flags by which a command says who signs."""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.cli.command import Request
from clusterbook.cli.flags import Flag
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterbook.trust.sign import Signer

SIGN = (
    Flag("sign_key", ("--sign-key",), "Sign with a private key: PEM file, or KMS URI (through cosign).", "FILE|URI"),
    Flag("keyless", ("--keyless",), "Sign keyless: with a token, in CI, by --device-flow or --browser."),
    Flag("identity_token", ("--identity-token",), "OIDC token to sign with, or a file that holds one.", "TOKEN|FILE"),
    Flag("device_flow", ("--device-flow", "--oidc-device-flow"), "Without a token, log in on another device."),
    Flag("browser", ("--browser",), "Without a token, log in with the browser."),
    Flag("trust_config", ("--trust-config",), "ClientTrustConfig of your own Sigstore instance.", "FILE"),
    Flag("tlog_upload", ("--tlog-upload",), "Record keyless signatures in the log (Rekor).", "", ("true", "false")),
)  # fmt: skip
_OF_KEYLESS = ("identity_token", "device_flow", "browser", "trust_config")


def read_signer(request: Request, environment: Mapping[str, str]) -> Signer | None:
    """Return who signs, None where nobody is asked to.

    Raises:
        InvalidRequest: it is said twice, or something is said about a login that nobody asked for.
        BadKey: the key is none, or does not open.
    """
    key, keyless = request.values.get("sign_key"), "keyless" in request.switches
    if key is not None and keyless:
        raise InvalidRequest("--sign-key and --keyless exclude each other", hint="give one of them")
    for name in _OF_KEYLESS:
        if request.says(name) and not keyless:
            raise InvalidRequest(f"--{name.replace('_', '-')} has no effect without --keyless", hint="add --keyless")
    upload = request.values.get("tlog_upload")
    if upload is not None and key is None and not keyless:
        raise InvalidRequest("--tlog-upload has no effect without a signature", hint="add --sign-key FILE")
    if upload == "false" and keyless:
        what = "a keyless signature is valid only with its entry in the log, so --tlog-upload=false is not possible"
        raise InvalidRequest(what, hint="sign with --sign-key, or name your own instance: --trust-config")
    if upload == "true" and not keyless:
        raise InvalidRequest(
            "a signature with a key is not logged", hint="leave --tlog-upload out, or sign with --keyless"
        )
    if key is None and not keyless:
        return None
    from clusterbook.trust.sign import signer

    return signer(
        environment,
        key=key,
        keyless=keyless,
        trust_config=request.values.get("trust_config"),
        browser="browser" in request.switches,
        device="device_flow" in request.switches,
        token=request.text("identity_token"),
    )


def sign_notes(request: Request) -> tuple[str, ...]:
    """Return what whoever signs should know."""
    if "keyless" not in request.switches or "trust_config" in request.values:
        return ()
    from clusterbook.trust.sign import PUBLIC

    return (PUBLIC,)


def verify_flags(request: Request) -> str:
    """Return the flags by which others verify what a command line signs."""
    if "sign_key" in request.values:
        return "--key PUBLIC_KEY"
    return "--certificate-identity NAME --certificate-oidc-issuer URL"
