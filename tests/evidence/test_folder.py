"""Evidence: written by validate, vouched for with a key, and judged again by whoever doubts it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.cli import main
from clusterbook.evidence import model
from clusterbook.trust.keys import private_key
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.statement import Subject, statement
from tests.support import publications
from tests.support.clusters import SNAPSHOTS
from tests.support.publications import Publisher
from tests.support.servers.certificates import private_pem

Run = Callable[..., tuple[int, str, str]]
SLUG = "h100-eks-ubuntu-training-kubeflow"
JUDGED = ("validate", SLUG, "--no-cluster", "-s", str(SNAPSHOTS / "h100-eks.yaml"), "--evidence", "e")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in a folder with two keys, `our` and `other`."""
    monkeypatch.chdir(tmp_path)
    for name in ("our", "other"):
        pem = private_pem(ed25519.Ed25519PrivateKey.generate())
        Path(f"{name}.key").write_bytes(pem)
        Path(f"{name}.pub").write_text(private_key(pem, name).public().pem())

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(words, {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_a_judgement_is_proved_and_signed(run: Run) -> None:
    status, _, err = run(*JUDGED, "--key", "our.key")
    assert status == 0
    assert re.search(rf"note: evidence in e: \d+ passed, \d+ skipped.* of {SLUG}, sha256:", err)
    status, out, _ = run("evidence", "verify", "e", "--key", "our.pub")
    assert status == 0
    assert out.startswith(f"validated again, with the same result: {SLUG} partial (")
    assert ": eks, h100, ubuntu, 6 nodes\n" in out
    assert out.endswith("signed by our.pub\n")
    found = json.loads(run("evidence", "verify", "e", "--key", "our.pub", "-t", "json")[1])
    assert (found["verdict"], found["signer"], found["taken"]) == ("partial", "our.pub", "2026-07-14T08:30:00Z")
    assert run("evidence", "digest", SLUG)[1] == f"{found['digest']}\n"


def test_a_recipe_has_the_digest_of_its_bundle(run: Run) -> None:
    run("bundle", SLUG, "-o", "made")
    run("recipe", SLUG, "-o", "recipe.yaml")
    digests = {run("evidence", "digest", word)[1] for word in (SLUG, "made/recipe.yaml", "recipe.yaml")}
    assert len(digests) == 1


def test_failure_is_evidence_as_well_and_the_exit_status_says_so(run: Run) -> None:
    words = [SLUG.replace("h100", "gb200") if word == SLUG else word for word in JUDGED]
    assert run(*words)[0] == 10
    status, out, _ = run("evidence", "verify", "e", "--unsigned")
    assert status == 10
    assert out.endswith("unsigned: nothing proves that the snapshot is genuine\n")


def test_evidence_can_be_signed_later_once_it_holds(run: Run) -> None:
    assert "it is not signed yet; type clusterbook evidence sign e --key FILE" in run(*JUDGED)[2]
    assert run("evidence", "sign", "e", "--key", "our.key") == (
        0,
        "",
        run("evidence", "sign", "e", "--key", "our.key")[2],
    )
    assert run("evidence", "verify", "e", "--key", "other.pub", "--key", "our.pub")[0] == 0
    Path("e/report.json").write_text("{}")
    status, _, err = run("evidence", "sign", "e", "--key", "our.key")
    assert status == 2
    assert "report.json was modified" in err


def forge(name: str, old: str, new: str) -> None:
    """Change a file, and what the manifest says of it, as a forger would."""
    path = Path("e") / name
    path.write_text(path.read_text().replace(old, new))
    manifest = json.loads(Path("e/manifest.json").read_bytes())
    manifest["files"][name]["sha256"] = sha256(path.read_bytes()).hexdigest()
    Path("e/manifest.json").write_bytes(model.encode(manifest))


def test_a_report_that_does_not_follow_is_refused_whoever_signed(run: Run) -> None:
    words = [SLUG.replace("h100", "gb200") if word == SLUG else word for word in JUDGED]
    run(*words, "--key", "our.key")
    forge("report.json", '"rawStatus": "failed"', '"rawStatus": "passed"')
    status, out, err = run("evidence", "verify", "e", "--key", "our.pub")
    assert (status, out) == (4, "")
    assert "CB168" in err  # nobody signed these files, so nothing in them is computed
    manifest = f"sha256:{sha256(Path('e/manifest.json').read_bytes()).hexdigest()}"
    said = statement([Subject("manifest.json", manifest)], model.PREDICATE, {})
    Path("e/statement.sigstore.json").write_bytes(KeySigner.from_file(Path("our.key"), {}).sign(said))
    status, out, err = run("evidence", "verify", "e", "--key", "our.pub")
    assert (status, out) == (2, "")
    assert "CB133 the report says of" in err


def test_a_signature_of_other_evidence_is_refused(run: Run) -> None:
    run(*JUDGED, "--key", "our.key")
    signed = Path("e/statement.sigstore.json").read_bytes()
    Path("e/statement.sigstore.json").unlink()
    run(*JUDGED, "--phase", "deployment")
    Path("e/statement.sigstore.json").write_bytes(signed)
    for trust, code in ((("--key", "our.pub"), "CB168"), (("--unsigned",), "CB163")):
        status, _, err = run("evidence", "verify", "e", *trust)
        assert (status, code in err) == (4, True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("verify", "e"), 2, "there is no trust policy"),
        (("verify", "e", "--key", "other.pub"), 4, "signed with a key that the policy does not name"),
        (("verify", "e", "--key", "our.pub", "--policy", "x"), 2, "--policy and --key exclude each other"),
        (("verify", "none", "--unsigned"), 3, "CB102 none"),
        (("verify", "deep", "--unsigned"), 2, "deep/more is not a regular file"),
        (("verify", "bare", "--unsigned"), 2, "manifest.json is missing"),
        (("sign", "e"), 2, "name one signer"),
        (("sign", "e", "--key", "our.pub"), 2, "our.pub is not a private key"),
        (("digest", "nothing-like-it"), 3, "there is no recipe nothing-like-it"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, words: tuple[str, ...], status: int, said: str) -> None:
    run(*JUDGED, "--key", "our.key")
    Path("deep/more").mkdir(parents=True)
    Path("bare").mkdir()
    found, out, err = run("evidence", *words)
    assert (found, out) == (status, "")
    assert said in err


def test_unsigned_evidence_is_refused_by_those_who_ask_for_a_signature(run: Run) -> None:
    run(*JUDGED)
    status, _, err = run("evidence", "verify", "e", "--key", "our.pub")
    assert status == 4
    assert "e is not signed" in err


def test_a_folder_with_something_else_is_left_alone(run: Run) -> None:
    Path("e").mkdir()
    Path("e/mine").write_text("x")
    status, out, err = run(*JUDGED)
    assert (status, out) == (8, "")
    assert "e exists already and holds something else" in err
    assert Path("e/mine").read_text() == "x"


def test_a_key_without_evidence_is_refused(run: Run) -> None:
    status, _, err = run(*JUDGED[:-2], "--key", "our.key")
    assert status == 2
    assert "--sign-key and --keyless sign evidence" in err


def test_what_was_not_asked_is_not_passed(run: Run) -> None:
    err = run(*JUDGED, "--phase", "performance", "--key", "our.key")[2]
    assert f"deployment not requested, conformance not requested of {SLUG}, sha256:" in err
    assert json.loads(run("evidence", "verify", "e", "--key", "our.pub", "-t", "json")[1])["verdict"] == "partial"
    assert json.loads(Path("e/manifest.json").read_bytes())["verdict"] == "partial"
    assert json.loads(Path("e/statement.intoto.json").read_bytes())["predicate"]["verdict"] == "partial"


def test_a_signature_is_never_dropped_by_judging_again(run: Run) -> None:
    run(*JUDGED, "--key", "our.key")
    before = {path.name: path.read_bytes() for path in Path("e").iterdir()}
    status, out, err = run(*JUDGED, "--phase", "deployment")
    assert (status, out) == (2, "")
    assert "the evidence in e is signed, and the new evidence would not be" in err
    assert "--key FILE; or name another folder" in err
    assert {path.name: path.read_bytes() for path in Path("e").iterdir()} == before
    assert run(*JUDGED[:-1], "f")[0] == 0
    assert run("evidence", "verify", "f", "--unsigned", "--save", "e")[0] == 2
    assert {path.name: path.read_bytes() for path in Path("e").iterdir()} == before
    assert run(*JUDGED, "--key", "our.key")[0] == 0


def without_constraints(recipe: str) -> str:
    return re.sub(r"constraints:\n(?:  - .*\n(?:    .*\n)*)+", "constraints: []\n", recipe)


@pytest.mark.parametrize("change", [str, without_constraints])
def test_evidence_about_a_recipe_that_was_never_published_is_refused(
    run: Run, july: Path, publisher: Publisher, change: Callable[[str], str]
) -> None:
    source = ("--from", str(july), "--from-key", str(publisher.key))
    assert run("fetch", "recipe", "eks", "--from", str(july), "--key", str(publisher.key), "-o", "r.yaml")[0] == 0
    before = Path("r.yaml").read_text()
    Path("r.yaml").write_text(change(before))
    run("validate", "-r", "r.yaml", "--no-cluster", "-s", str(SNAPSHOTS / "h100-eks.yaml"), "--evidence", "e")
    status, out, err = run("evidence", "verify", "e", "--unsigned", *source, "-t", "json")
    if change is without_constraints:
        assert change(before) != before
        assert (status, "CB168" in err) == (4, True)
    else:
        assert status in (0, 10)
        assert json.loads(out)["published"] == "eks@1.1.0"


def test_evidence_about_a_version_that_was_withdrawn_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    publisher = publications.publisher(tmp_path / "p")
    publisher.publish(publications.layout(tmp_path / "source"))
    assert run("fetch", "recipe", "eks", "--from", "source", "--key", str(publisher.key), "-o", "r.yaml")[0] == 0
    run("validate", "-r", "r.yaml", "--no-cluster", "-s", str(SNAPSHOTS / "h100-eks.yaml"), "--evidence", "e")
    publisher.withdraw("eks", "1.1.0", "")
    publisher.publish(publications.layout(tmp_path / "source"))
    status, _, err = run("evidence", "verify", "e", "--unsigned", "--from", "source", "--from-key", str(publisher.key))
    assert (status, "CB186" in err) == (2, True)


@pytest.mark.parametrize("said", ["soon\nsigned by our.pub", "soon\x1b[2J\x1b[Hsigned by our.pub\u202e", "x\r\x9b2K"])
def test_what_a_snapshot_says_adds_no_line_about_who_signed(run: Run, said: str) -> None:
    text = (SNAPSHOTS / "h100-eks.yaml").read_text()
    assert '  timestamp: "2026-07-14T08:30:00Z"' in text
    Path("cluster.yaml").write_text(text.replace('"2026-07-14T08:30:00Z"', json.dumps(said)))
    words = [word if "h100-eks.yaml" not in word else "cluster.yaml" for word in JUDGED]
    run(*words)
    _, out, _ = run("evidence", "verify", "e", "--unsigned")
    assert out.splitlines()[-1] == "unsigned: nothing proves that the snapshot is genuine"
    assert not any(line.startswith("signed by") for line in out.splitlines())
    assert all(line.isprintable() for line in out.splitlines())
