"""KMS: keys that never leave where they are kept, awskms:// and the like; the program `cosign` asks for signatures.

So no library of a cloud is needed here. What it brings is checked against the public key before it counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.keys import PublicKey, public_key
from clusterbook.trust.sigstore import SigningFailed
from clusterbook.trust.statement import BrokenBundle, key_bundle, pae, parse_bundle

SCHEMES = ("awskms://", "gcpkms://", "azurekms://", "hashivault://", "k8s://", "pkcs11:")
_NO_LOG = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}
_LONGEST_S = 120


class KmsSigner:
    """Signs with a key in a KMS, by way of cosign 3; no log is told."""

    def __init__(self, uri: str, environment: Mapping[str, str]) -> None:
        """Ask for the public key.

        Raises:
            InvalidRequest: there is no cosign.
            SigningFailed: the KMS does not answer.
            BadKey: the key is of a kind that is not used here.
        """
        self._uri, self._environment = uri, dict(environment)
        program = shutil.which("cosign", path=environment.get("PATH"))
        if program is None:
            hint = "install cosign 3, or sign with a PEM file"
            raise InvalidRequest(f"{_scheme(uri)} needs cosign, which is not on PATH", hint=hint)
        self._program = program
        self._key: PublicKey = public_key(self._run("public-key", "--key", uri), uri)
        self.hint = self._key.hint()

    def public_pem(self) -> str:
        """Return the public key, as text."""
        return self._key.pem()

    def sign(self, statement: bytes) -> bytes:
        """Return a bundle that names the key by its hint.

        Raises:
            SigningFailed: the KMS does not sign, or something else than it was given.
        """
        with tempfile.TemporaryDirectory() as folder:
            file, config, out = (Path(folder, name) for name in ("statement.json", "config.json", "bundle.json"))
            file.write_bytes(statement)
            config.write_text(json.dumps(_NO_LOG))
            words = ("--statement", str(file), "--signing-config", str(config), "--bundle", str(out), "--yes")
            self._run("attest-blob", "--key", self._uri, *words)
            try:
                bundle = parse_bundle(out.read_bytes())
            except (OSError, BrokenBundle) as error:
                raise SigningFailed(f"cosign wrote no signature: {error}", hint="check that it is cosign 3") from error
        if bundle.payload != statement or not self._key.fits(bundle.signature, pae(statement)):
            raise SigningFailed("what cosign signed is not what it was given", hint="check that it is cosign 3")
        return key_bundle(statement, bundle.signature, self.hint)

    def _run(self, *words: str) -> str:
        CONSOLE.step(f"run {self._program} {words[0]}", program=self._program)
        try:
            done = subprocess.run(
                [self._program, *words],
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=_LONGEST_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SigningFailed(f"cosign {words[0]} failed: {error}"[:300]) from error
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith(("Error", "error", "main.go"))]
            reason = " ".join((lines or done.stderr.splitlines() or [""])[-1].split())[:300]
            hint = f"check your permissions: cosign public-key --key {self._uri}"
            raise SigningFailed(f"cosign {words[0]} failed: {reason}", hint=hint)
        return done.stdout


def is_kms(key: str) -> bool:
    """Return whether a word is the address of a key that cosign asks for, and no file."""
    return key.startswith(SCHEMES)


def _scheme(uri: str) -> str:
    return uri.partition(":")[0] + "://"
