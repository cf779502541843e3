"""Tested: what evidence says about recipes, in a reader's words.

Knows what makes evidence stale, and how its outcomes are told. Does not verify it: that is `build.proofs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from clusterbook.evidence.ledger import Kept
from clusterbook.ledger.version import read_version
from clusterbook.site.model import Edition, Evidence, PhaseOutcome, Summary
from clusterbook.site.versions import Editions
from clusterbook.validate import result as outcome
from clusterbook.validate.result import ERROR, FAILED, PARTIAL, PASSED, PHASES, SKIPPED, Report, Result

VERDICTS = {
    PASSED: "passed",
    PARTIAL: "passed in part",
    FAILED: "failed",
    ERROR: "undecided",
    SKIPPED: "not judged",
    "": "not asked",
}
"""Verdict → how pages say it."""


class Standing(NamedTuple):
    """What is known about a version: how many clusters there were of each verdict, and what those in part showed."""

    version: str
    verdicts: Mapping[str, int]
    parts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Return the worst that was found."""
        return next(verdict for verdict in outcome.VERDICTS if self.verdicts.get(verdict))

    def __str__(self) -> str:
        """Return `passed on 2 clusters, passed in part on 1 cluster (3 passed, 1 skipped)`."""
        shown = f" ({'; '.join(self.parts)})"
        return ", ".join(
            f"{VERDICTS[verdict]} on {count} cluster{'' if count == 1 else 's'}{shown if verdict == PARTIAL else ''}"
            for verdict in (PASSED, PARTIAL, FAILED, ERROR, SKIPPED)
            if (count := self.verdicts.get(verdict, 0))
        )


def evidence(kept: Sequence[Kept], editions: Editions) -> tuple[Evidence, ...]:
    """Return what is shown of all evidence: by recipe, the newest version first, and of each what was seen last."""
    found = [_shown(each, editions) for each in kept]
    found.sort(key=lambda each: (read_version(each.version), each.taken, each.name), reverse=True)
    return tuple(sorted(found, key=lambda each: each.slug))


def _shown(kept: Kept, editions: Editions) -> Evidence:
    proof, version = kept.proof, str(kept.version)
    return Evidence(
        slug=proof.recipe,
        name=kept.name,
        version=version,
        stale=version != _newest(editions.of(proof.recipe)),
        digest=proof.digest,
        taken=proof.taken,
        age=age(proof.taken, str(editions.newest["date"])),
        verdict=proof.verdict,
        says=proof.says,
        phases=tuple(_phase(phase, proof.results) for phase in PHASES),
        fingerprint=proof.fingerprint,
        signer=kept.signer,
        issuer=kept.issuer,
        files=kept.files,
    )


def _newest(editions: Sequence[Edition]) -> str:
    """Return the newest version that was not withdrawn, "" where all were."""
    return next((each.version for each in reversed(editions) if not each.withdrawn), "")


def _phase(name: str, results: Sequence[Result]) -> PhaseOutcome:
    mine = tuple(result for result in results if result.phase == name)
    report = Report("", "", mine)
    counts = {state: count for state, count in report.counts().items() if count}
    return PhaseOutcome(name, report.verdict if mine else "", report.says, counts, mine)


def age(taken: str, release: str) -> str:
    """Return how long before or after the newest release something was seen; both are RFC 3339 times."""
    try:
        days = (datetime.fromisoformat(release).date() - datetime.fromisoformat(taken).date()).days
    except ValueError:
        return "nobody knows when"
    if not days:
        return "on the day of the newest release"
    count = abs(days)
    return f"{count} day{'' if count == 1 else 's'} {'before' if days > 0 else 'after'} the newest release"


def standing(found: Sequence[Evidence], version: str, phase: str = "") -> Standing | None:
    """Return what is known about `version`, else about the newest that anything is known of; None: not tested.

    With a `phase`, what is known about that; where it was not judged, nothing is.
    """
    chosen = [each for each in found if each.version == version]
    if not chosen and found:
        newest = max((each.version for each in found), key=read_version)
        chosen = [each for each in found if each.version == newest]
    if not chosen:
        return None
    counts: dict[str, int] = {}
    parts = []
    for each in chosen:
        found_of = each.phase(phase) if phase else each
        if not phase or found_of.verdict not in ("", SKIPPED):
            counts[found_of.verdict] = counts.get(found_of.verdict, 0) + 1
            parts += [found_of.says] if found_of.verdict == PARTIAL else []
    return Standing(chosen[0].version, counts, tuple(parts)) if counts else None


def passed(recipes: Sequence[Summary]) -> int:
    """Return how many recipes passed whole in the version that is the newest."""
    found = ((each, standing(each.evidence, each.newest.version)) for each in recipes if each.newest)
    return sum(
        known is not None and known.version == each.newest.version and known.verdict == PASSED
        for each, known in found
        if each.newest
    )
