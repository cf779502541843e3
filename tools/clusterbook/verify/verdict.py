"""Verdict: how much is known of something that was verified, as data and in sentences. Source: reference row T8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.checksums import Difference
from clusterbook.bundle.edits import Edit
from clusterbook.bundle.rederive import Rederivation
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.trust.verify import VerifiedStatement
from clusterbook.verify.level import UNVERIFIED, VERIFIED, Trust


class VerificationReport(NamedTuple):
    """What is known: as data, in sentences, with `error` where something is wrong, and `notes` for its user."""

    trust: Trust
    document: dict[str, Any]
    lines: tuple[str, ...]
    error: ClusterbookError | None = None
    notes: tuple[str, ...] = ()


class BundleInspection(NamedTuple):
    """What the files of a bundle say by themselves.

    `local` are those cluster-values.yaml that were edited since, `edits` what was changed elsewhere, place by place.
    """

    recorded: int
    differences: tuple[Difference, ...]
    proof: Rederivation | None
    local: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()

    @property
    def derives(self) -> bool:
        """Whether they are what their recipe and options make."""
        return self.proof is not None and not self.proof.differences


NO_INSPECTION = BundleInspection(0, (), None)
"""What was no bundle, so that nothing is recorded of it."""


def as_document(
    where: str, trust: Trust, inspection: BundleInspection, verified: VerifiedStatement | None
) -> dict[str, Any]:
    """Return a verdict as data. Source: reference row T8, with what this program knows besides."""
    proof = inspection.proof
    shown = (*inspection.differences, *(proof.differences if proof else ()))
    return {
        "bundle": where,
        "trustLevel": trust.level,
        "trustReason": trust.reason,
        "checksumsPassed": bool(inspection.recorded) and not inspection.differences,
        "checksumFiles": inspection.recorded,
        "bundleAttested": verified is not None,
        "recipeAttested": verified is not None,
        "identityPinned": verified is not None,
        "bundleCreator": trust.creator,
        "issuer": verified.issuer if verified else "",
        "builder": builder(verified),
        "derives": inspection.derives,
        "recipe": proof.slug if proof else "",
        "deployer": proof.deployer if proof else "",
        "options": list(proof.options) if proof else [],
        "values": [each._asdict() for each in proof.values] if proof else [],
        "localValues": [each._asdict() for each in proof.local] if proof else [],
        "localFiles": list(inspection.local),
        "unpinned": [each._asdict() for each in proof.unpinned] if proof else [],
        "toolVersion": trust.tool,
        "differences": [each._asdict() for each in shown],
        "edits": [each._asdict() for each in inspection.edits or (proof.edits if proof else ())],
        "errors": [],
    }


def builder(verified: VerifiedStatement | None) -> str:
    """Return who ran the build, as the signed statement says; "" where it does not. Source: SLSA provenance v1."""
    try:
        return str(verified.statement.predicate["runDetails"]["builder"]["id"]) if verified else ""
    except (KeyError, TypeError):
        return ""


def published_verdict(
    where: str, verified: VerifiedStatement | None, more: Mapping[str, Any], lines: tuple[str, ...] = ()
) -> VerificationReport:
    """Return the verdict on what is no bundle, so that nothing has to derive from anything."""
    level, reason = (VERIFIED, "signed") if verified else (UNVERIFIED, "not signed")
    trust = Trust(level, reason, verified.signer if verified else "")
    by = f"signed by {trust.creator}{f' ({verified.issuer})' if verified and verified.issuer else ''}"
    document = {**as_document(where, trust, NO_INSPECTION, verified), **more}
    return VerificationReport(trust, document, (f"{where}: {level}", by if verified else reason, *lines))
