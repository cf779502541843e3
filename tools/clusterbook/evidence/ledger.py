"""Evidence in the ledger (registry/evidence/SLUG/NAME/), each piece judged again before anybody is shown it.

It has to prove a version that was released.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.findings import Finding, Place, SourceErrors
from clusterbook.documents.yaml_reader import MAX_BYTES
from clusterbook.evidence.folder import judge_again, read
from clusterbook.evidence.model import BrokenEvidence, EvidenceProof
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import EVIDENCE, Ledger
from clusterbook.ledger.version import LedgerVersion
from clusterbook.trust.policy import Policy, TrustOptions, Untrusted
from clusterbook.trust.verify import read_policy

UNPROVEN_EVIDENCE = Code(
    "CB064",
    "evidence for no released version",
    "error",
    "Pages would claim that a recipe was validated, and the claim could not be checked.",
    "Create it again for a released version, with `clusterbook validate --evidence`, or leave it out.",
)

TRUST = "trust.yaml"
"""Whom the catalog believes about evidence; it lies among the sources of the site."""
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_LAY_OUT = f"evidence lies in {EVIDENCE}/RECIPE/NAME/, NAME in small letters, figures, dots and dashes"


@dataclass(frozen=True, slots=True)
class LedgerEvidence:
    """One piece of evidence: what it proves about which version, who vouches for it, "" for nobody, and its files."""

    name: str
    version: LedgerVersion
    proof: EvidenceProof
    signer: str
    issuer: str
    files: Mapping[str, bytes]


def read_evidence(registry: Path, ledger: Ledger, trust: Path) -> tuple[LedgerEvidence, ...]:
    """Return the evidence in the ledger at `registry`, sorted; `trust` is the policy that says who is believed.

    Raises:
        SourceErrors: some of it is broken, or proves nothing that was released; all is listed.
        BadPolicy: the policy cannot be read.
    """
    entries = list(_evidence_or_findings(registry, ledger, trust))
    findings = [each for each in entries if isinstance(each, Finding)]
    if findings:
        raise SourceErrors(findings)
    return tuple(each for each in entries if isinstance(each, LedgerEvidence))


def check(registry: Path, trust: Path) -> list[Finding]:
    """Return what is wrong with the evidence in the ledger at `registry`. Raises BadPolicy."""
    return [each for each in _evidence_or_findings(registry, open_ledger(registry), trust) if isinstance(each, Finding)]


def _evidence_or_findings(registry: Path, ledger: Ledger, trust: Path) -> Iterator[LedgerEvidence | Finding]:
    """Yield every piece of evidence, or what is wrong with it."""
    top = registry / EVIDENCE
    if not top.is_dir():
        return
    policy = read_policy(trust) if trust.is_file() else Policy(())
    released: dict[str, dict[str, LedgerVersion]] = {}
    for name in ledger.releases():
        for slug, entry in ledger.entries(name).items():
            released.setdefault(slug, {})[entry.digest] = entry.version
    for path in _folders(top):
        if isinstance(path, Finding):
            yield path
            continue
        try:
            yield _judge(path, released.get(path.parent.name, {}), policy, trust)
        except ClusterbookError as error:
            yield UNPROVEN_EVIDENCE.finding(Place(path.as_posix()), error.what, error.hint)


def _folders(top: Path) -> Iterator[Path | Finding]:
    """Yield the folder of each piece of evidence below `top`, sorted; whatever lies elsewhere is wrong."""
    for slug in _entries(top):
        if slug.is_symlink() or not slug.is_dir():
            yield UNPROVEN_EVIDENCE.finding(Place(slug.as_posix()), "no folder of evidence", _LAY_OUT)
            continue
        for path in _entries(slug):
            if path.is_symlink() or not path.is_dir() or not _NAME.fullmatch(path.name):
                yield UNPROVEN_EVIDENCE.finding(Place(path.as_posix()), "no folder of evidence", _LAY_OUT)
            else:
                yield path


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted; names that begin with a dot are left out, as in the rest of the ledger."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _judge(folder: Path, versions: Mapping[str, LedgerVersion], policy: Policy, trust: Path) -> LedgerEvidence:
    """Return what one piece of evidence proves; `versions` are those of its recipe, by digest.

    Raises:
        BrokenEvidence: it does not hold, or is about something else.
        Untrusted: it is signed, and not by somebody whom the policy names.
    """
    files = read(str(folder))
    large = next((name for name, data in files.items() if len(data) > MAX_BYTES), None)
    if large is not None:
        what = f"{large} is larger than {MAX_BYTES >> 20} MB, and everybody who clones would carry it"
        raise BrokenEvidence(what, hint="capture fewer nodes")
    try:
        proof, by = judge_again(files, str(folder), TrustOptions(policy, unsigned=True))
    except Untrusted as error:
        hint = f"{trust.as_posix()} is the trust policy: name the signer there, or leave the signature out"
        raise Untrusted(error.what, hint=hint) from error
    if proof.recipe != folder.parent.name:
        hint = f"move it to {EVIDENCE}/{proof.recipe}/{folder.name}"
        raise BrokenEvidence(f"it is for {proof.recipe}", hint=hint)
    if proof.digest not in versions:
        names = ", ".join(map(str, sorted(versions.values()))) or "none"
        what = f"no release has the recipe that was validated, {proof.digest}"
        raise BrokenEvidence(what, hint=f"validate against a released version: {names}")
    signer, issuer = (by.signer, by.issuer) if by else ("", "")
    signer = signer if issuer else Path(signer).stem
    return LedgerEvidence(folder.name, versions[proof.digest], proof, signer, issuer, files)
