"""Evidence in the ledger: judged again, about what was released, and refused with its place where it is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from clusterbook.cli import build_main
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.evidence import model
from clusterbook.evidence.ledger import LedgerEvidence, read_evidence
from clusterbook.ledger.folder import open_ledger
from tests.support import ledgers, proofs


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the ledger of March and July."""
    monkeypatch.chdir(tmp_path)
    proofs.registry(tmp_path)
    return tmp_path


def look() -> tuple[LedgerEvidence, ...]:
    registry = Path("registry")
    return read_evidence(registry, open_ledger(registry), Path("site/trust.yaml"))


def test_a_ledger_without_evidence_proves_nothing() -> None:
    assert look() == ()
    assert build_main.run(["audit"]) == 0


def test_evidence_is_about_a_version_and_says_who_vouches_for_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = proofs.believed(root)
    proofs.prove(root, proofs.MARCH, "2026-07-14-acme")
    proofs.prove(root, proofs.JULY, "2026-07-15-acme", "--key", str(key))
    found = look()
    assert [(each.name, str(each.version), each.signer) for each in found] == [
        ("2026-07-14-acme", "1.0.0", ""),
        ("2026-07-15-acme", "1.1.0", "acme"),
    ]
    assert {each.proof.verdict for each in found} == {"passed"}
    assert [(each.phase, each.state) for each in found[0].proof.results][:2] == [
        ("readiness", "passed"),
        ("readiness", "passed"),
    ]
    capsys.readouterr()
    assert build_main.run(["audit", "--against", ""]) == 0
    assert capsys.readouterr().out == "no findings\n"


def test_a_version_that_came_back_is_the_newest_that_says_so(root: Path) -> None:
    back = ledgers.plan(ledgers.MARCH, "2026.9.0", ledgers.two())
    for path, text in back.files.items():
        (root / "registry" / path).write_text(text)
    proofs.prove(root, proofs.MARCH, "acme")
    assert [str(each.version) for each in look()] == ["2.0.0"]


def changed(folder: Path) -> None:
    report = folder / "report.json"
    report.write_text(report.read_text().replace('"rawStatus": "passed"', '"rawStatus": "failed"', 1))


def forged(folder: Path) -> None:
    """Change the report and what the manifest says of it, as a forger would."""
    changed(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["report.json"]["sha256"] = sha256((folder / "report.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_bytes(model.encode(manifest))


def large(folder: Path) -> None:
    with (folder / "snapshot.json").open("a") as file:
        file.truncate(11 << 20)


@pytest.mark.parametrize(
    ("spoil", "place", "what", "hint"),
    [
        (changed, "eks/acme", "report.json was modified", ""),
        (forged, "eks/acme", "validating again gives: passed", "do not rely on this report"),
        (lambda folder: (folder / "bom.cdx.json").unlink(), "eks/acme", "bom.cdx.json is missing", ""),
        (lambda folder: (folder / "more").mkdir(), "eks/acme", "more is not a regular file", ""),
        (large, "eks/acme", "snapshot.json is larger than 10 MB", "fewer nodes"),
        (lambda folder: folder.rename(folder.with_name("Acme")), "eks/Acme", "no folder of evidence", "small letters"),
        (lambda folder: (folder.parent / "note.txt").write_text("x"), "eks/note.txt", "no folder of evidence", ""),
        (lambda folder: (folder.parent.parent / "x.txt").write_text("x"), "x.txt", "no folder of evidence", "RECIPE"),
        (lambda folder: folder.parent.rename(folder.parent.with_name("aks")), "aks/acme", "it is for eks",
         "move it to evidence/eks/acme"),
    ],
    ids=["changed", "forged", "incomplete", "a folder", "large", "name", "stray", "stray above", "elsewhere"],
)  # fmt: skip
def test_evidence_that_does_not_hold_is_refused_with_its_place(
    root: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], place: str, what: str, hint: str
) -> None:
    spoil(proofs.prove(root, proofs.JULY, "acme"))
    capsys.readouterr()
    assert build_main.run(["audit"]) == 10
    out = capsys.readouterr().out
    assert f"registry/evidence/{place}: CB064 " in out
    assert what in out
    assert hint in out
    with pytest.raises(SourceErrors) as caught:
        look()
    assert [each.code for each in caught.value.findings] == ["CB064"]


def test_evidence_about_what_was_never_released_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = {**ledgers.JULY, "eks": "criteria: {service: eks}\ncomponentRefs: [{name: b, overrides: {size: 9}}]"}
    proofs.prove(root, proofs.JULY, "acme", sources=ours)
    capsys.readouterr()
    assert build_main.run(["audit"]) == 10
    out = capsys.readouterr().out
    assert "no release has the recipe that was validated, sha256:" in out
    assert "validate against a released version: 1.0.0, 1.1.0" in out


def test_somebody_whom_nobody_believes_does_not_vouch(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = proofs.believed(root, "other")
    proofs.believed(root)
    proofs.prove(root, proofs.JULY, "acme", "--key", str(key))
    capsys.readouterr()
    assert build_main.run(["audit"]) == 10
    out = capsys.readouterr().out
    assert "signed with a key that the policy does not name" in out
    assert "site/trust.yaml is the trust policy" in out
    (root / "site" / "trust.yaml").unlink()
    assert build_main.run(["audit"]) == 10
    (root / "registry" / "evidence" / "eks" / "acme" / model.SIGNED).unlink()
    assert build_main.run(["audit"]) == 0


def test_evidence_may_be_taken_away_and_not_exchanged(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.support.checkouts import commit_all, run_git

    folder = proofs.prove(root, proofs.JULY, "acme")
    run_git("init", "-q", "-b", "main")
    commit_all("evidence", "2026-07-15T00:00:00+00:00")
    assert build_main.run(["audit", "--against", "HEAD"]) == 0
    shutil.rmtree(folder)
    assert build_main.run(["audit", "--against", "HEAD"]) == 0
    proofs.prove(root, proofs.JULY, "acme", "--phase", "deployment")
    capsys.readouterr()
    assert build_main.run(["audit", "--against", "HEAD"]) == 10
    assert "registry/evidence/eks/acme/manifest.json: CB060 " in capsys.readouterr().out
