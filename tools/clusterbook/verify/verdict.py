"""Verdicts: how much is known of something that was verified, as data and in sentences.

Knows how a verdict is put. Does not know how it is found. Source: reference row T8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.checksums import Difference
from clusterbook.bundle.rederive import Proof
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.trust.verify import Verified
from clusterbook.verify.trustlevel_ import UNVERIFIED, VERIFIED, Found


class Verdict(NamedTuple):
    """What is known: as data, in sentences, and with `error` where something is wrong."""

    found: Found
    said: dict[str, Any]
    lines: tuple[str, ...]
    error: ClusterbookError | None = None


class Looked(NamedTuple):
    """What the files of a bundle say by themselves."""

    recorded: int
    differences: tuple[Difference, ...]
    proof: Proof | None

    @property
    def derives(self) -> bool:
        """Whether they are what their recipe and options make."""
        return self.proof is not None and not self.proof.differences


NOTHING = Looked(0, (), None)
"""What was no bundle, so that nothing is recorded of it."""


def described(where: str, found: Found, looked: Looked, verified: Verified | None) -> dict[str, Any]:
    """Return a verdict as data. Source: reference row T8, with what this program knows besides."""
    proof = looked.proof
    shown = (*looked.differences, *(proof.differences if proof else ()))
    return {
        "bundle": where,
        "trustLevel": found.level,
        "trustReason": found.reason,
        "checksumsPassed": bool(looked.recorded) and not looked.differences,
        "checksumFiles": looked.recorded,
        "bundleAttested": verified is not None,
        "recipeAttested": verified is not None,
        "identityPinned": verified is not None,
        "bundleCreator": found.creator,
        "issuer": verified.issuer if verified else "",
        "builder": builder(verified),
        "derives": looked.derives,
        "recipe": proof.slug if proof else "",
        "deployer": proof.deployer if proof else "",
        "toolVersion": found.tool,
        "differences": [each._asdict() for each in shown],
        "errors": [],
    }


def builder(verified: Verified | None) -> str:
    """Return who ran the build, as the signed statement says; "" where it does not. Source: SLSA provenance v1."""
    try:
        return str(verified.statement.predicate["runDetails"]["builder"]["id"]) if verified else ""
    except (KeyError, TypeError):
        return ""


def published(where: str, verified: Verified | None, more: Mapping[str, Any], lines: tuple[str, ...] = ()) -> Verdict:
    """Return the verdict on what is no bundle, so that nothing has to derive from anything."""
    level, reason = (VERIFIED, "signed as it is") if verified else (UNVERIFIED, "nobody signed it")
    found = Found(level, reason, verified.signer if verified else "")
    by = f"signed by {found.creator}{f' ({verified.issuer})' if verified and verified.issuer else ''}"
    said = {**described(where, found, NOTHING, verified), **more}
    return Verdict(found, said, (f"{where}: {level}", by if verified else reason, *lines))
