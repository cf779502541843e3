"""Evidence for the site: what it says about recipes, in a reader's words.

It was verified before it came here. Evidence is stale when it is about another version than the newest that was not
withdrawn; its age is told by the newest release, never by a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from clusterbook.evidence.ledger import LedgerEvidence
from clusterbook.ledger.version import read_version
from clusterbook.site.model import EvidenceView, PhaseResult, RecipeSummary, VersionView
from clusterbook.site.versions import PublishedVersions
from clusterbook.validate.result import ERROR, FAILED, PARTIAL, PASSED, PHASES, SKIPPED, VERDICTS, Report, Result

VERDICT_WORDS = {
    PASSED: "passed",
    PARTIAL: "passed in part",
    FAILED: "failed",
    ERROR: "undecided",
    SKIPPED: "not validated",
    "": "not requested",
}
"""Verdict → how pages say it."""


class EvidenceStatus(NamedTuple):
    """What evidence says about a version: how many clusters gave each verdict, and what those in part say."""

    version: str
    verdicts: Mapping[str, int]
    parts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Return the worst verdict."""
        return next(verdict for verdict in VERDICTS if self.verdicts.get(verdict))

    def __str__(self) -> str:
        """Return `passed on 2 clusters, passed in part on 1 cluster (3 passed, 1 skipped)`."""
        notes = {PARTIAL: f" ({'; '.join(self.parts)})"}
        return ", ".join(
            f"{VERDICT_WORDS[verdict]} on {count} cluster{'' if count == 1 else 's'}{notes.get(verdict, '')}"
            for verdict in (PASSED, PARTIAL, FAILED, ERROR, SKIPPED)
            if (count := self.verdicts.get(verdict, 0))
        )


def evidence_of(proofs: Sequence[LedgerEvidence], versions: PublishedVersions) -> tuple[EvidenceView, ...]:
    """Return what is shown of all evidence: by recipe, the newest version first, and of each what was seen last."""
    evidence = [_evidence(proof, versions) for proof in proofs]
    evidence.sort(key=lambda proof: (read_version(proof.version), proof.taken, proof.name), reverse=True)
    return tuple(sorted(evidence, key=lambda proof: proof.slug))


def _evidence(proofs: LedgerEvidence, versions: PublishedVersions) -> EvidenceView:
    proof, version = proofs.proof, str(proofs.version)
    return EvidenceView(
        slug=proof.recipe,
        name=proofs.name,
        version=version,
        stale=version != _newest(versions.of(proof.recipe)),
        digest=proof.digest,
        taken=proof.taken_at,
        age=age(proof.taken_at, str(versions.newest["date"])),
        verdict=proof.verdict,
        says=proof.says,
        phases=tuple(_phase(phase, proof.results) for phase in PHASES),
        fingerprint=proof.fingerprint,
        signer=proofs.signer,
        issuer=proofs.issuer,
        files=proofs.files,
    )


def _newest(versions: Sequence[VersionView]) -> str:
    """Return the newest version that was not withdrawn, "" where all were."""
    return next((version.number for version in reversed(versions) if not version.withdrawn), "")


def _phase(name: str, results: Sequence[Result]) -> PhaseResult:
    judged = tuple(result for result in results if result.phase == name)
    report = Report("", "", judged)
    counts = {state: count for state, count in report.counts().items() if count}
    return PhaseResult(name, report.verdict if judged else "", report.says, counts, judged)


def age(taken: str, release: str) -> str:
    """Return in words how long before or after the newest release a snapshot was taken; both are RFC 3339 times."""
    try:
        days = (datetime.fromisoformat(release).date() - datetime.fromisoformat(taken).date()).days
    except ValueError:
        return "at an unknown time"
    if not days:
        return "on the day of the newest release"
    count = abs(days)
    return f"{count} day{'' if count == 1 else 's'} {'before' if days > 0 else 'after'} the newest release"


def status(evidence: Sequence[EvidenceView], version: str, phase: str = "") -> EvidenceStatus | None:
    """Return what evidence says about `version`, else about the newest that it is about; None: not tested.

    With a `phase`, what it says about that; where the phase was not judged, nothing.
    """
    proofs = [proof for proof in evidence if proof.version == version]
    if not proofs and evidence:
        newest = max((proof.version for proof in evidence), key=read_version)
        proofs = [proof for proof in evidence if proof.version == newest]
    if not proofs:
        return None
    counts: dict[str, int] = {}
    parts = []
    for proof in proofs:
        outcome = proof.phase(phase) if phase else proof
        if not phase or outcome.verdict not in ("", SKIPPED):
            counts[outcome.verdict] = counts.get(outcome.verdict, 0) + 1
            parts += [outcome.says] if outcome.verdict == PARTIAL else []
    return EvidenceStatus(proofs[0].version, counts, tuple(parts)) if counts else None


def passed_count(recipes: Sequence[RecipeSummary]) -> int:
    """Return how many recipes passed whole in the version that is the newest."""
    newest = ((summary.evidence, summary.newest.number) for summary in recipes if summary.newest)
    statuses = ((status(evidence, number), number) for evidence, number in newest)
    return sum(state is not None and state.version == number and state.verdict == PASSED for state, number in statuses)
