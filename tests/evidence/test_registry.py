"""Evidence in a registry: published once it holds and somebody vouches for it, and verified from its reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.cli import main
from clusterbook.evidence.model import BrokenEvidence
from clusterbook.evidence.registry import ARTIFACT, layers_of
from clusterbook.oci.manifest import artifact, describe_file
from clusterbook.trust.keys import private_key
from tests.support.clusters import SNAPSHOTS
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, Fault, running

Run = Callable[..., tuple[int, str, str]]
SLUG = "h100-eks-ubuntu-training-kubeflow"
JUDGED = ("validate", SLUG, "--no-cluster", "-s", str(SNAPSHOTS / "h100-eks.yaml"), "--evidence", "e")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with running(FakeRegistry()) as server:
        yield server


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in a folder with the key `our` and the evidence `e`, which nobody vouches for."""
    monkeypatch.chdir(tmp_path)
    pem = private_pem(ed25519.Ed25519PrivateKey.generate())
    Path("our.key").write_bytes(pem)
    Path("our.pub").write_text(private_key(pem, "our").public().pem())

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(words, {})
        said = capsys.readouterr()
        return status, said.out, said.err

    assert call(*JUDGED)[0] == 0
    return call


def test_evidence_is_published_signed_and_verified_from_its_reference(run: Run, registry: FakeRegistry) -> None:
    where = f"oci://{registry.host}/acme/evidence"
    status, out, err = run("evidence", "publish", "e", where, "--key", "our.key")
    assert status == 0, err
    reference = out.strip()
    assert reference.startswith(f"{where}@sha256:")
    assert f" of {SLUG}; check it: clusterbook evidence verify {reference}" in err
    assert Path("e/statement.sigstore.json").exists()
    tag = f"{SLUG}-{reference.rpartition(':')[2][:12]}"
    assert [name for _, name in registry.tags] == [tag]

    status, out, err = run("evidence", "verify", reference, "--key", "our.pub", "--save", "got")
    assert status == 0, err
    assert f" {SLUG} partial (" in out.splitlines()[0]
    assert f"evidence {reference}\n" in out
    assert out.endswith("signed by our.pub\n")
    kept = {path.name: path.read_bytes() for path in Path("got").iterdir()}
    assert kept == {path.name: path.read_bytes() for path in Path("e").iterdir()}
    said = json.loads(run("evidence", "verify", f"{where}:{tag}", "--key", "our.pub", "-t", "json")[1])
    assert (said["evidence"], said["verdict"], said["signer"]) == (reference, "partial", "our.pub")


def test_publishing_again_is_the_same_and_sends_nothing(run: Run, registry: FakeRegistry) -> None:
    words = ("evidence", "publish", "e", f"oci://{registry.host}/evidence:mine", "--unsigned", "-t", "json")
    first = json.loads(run(*words)[1])
    sent = registry.count("PUT", "")
    assert json.loads(run(*words)[1]) == first
    assert registry.count("PUT", "") == sent
    assert first["recipe"] == SLUG
    assert run("evidence", "verify", first["reference"], "--unsigned")[0] == 0


def test_a_tag_is_not_moved_to_other_evidence(run: Run, registry: FakeRegistry) -> None:
    where = f"oci://{registry.host}/evidence:mine"
    reference = run("evidence", "publish", "e", where, "--unsigned")[1].strip()
    run(*JUDGED, "--phase", "deployment")
    status, out, err = run("evidence", "publish", "e", where, "--unsigned")
    assert (status, out) == (2, "")
    assert f"has other evidence already: {reference.partition('@')[2]}" in err
    assert f"leave the tag out; {SLUG}-" in err


def test_evidence_that_does_not_hold_is_not_published(run: Run, registry: FakeRegistry) -> None:
    Path("e/report.json").write_text("{}")
    status, out, err = run("evidence", "publish", "e", f"oci://{registry.host}/evidence", "--key", "our.key")
    assert (status, out) == (2, "")
    assert "CB132 report.json" in err
    assert not registry.requests


def test_evidence_that_a_registry_has_changed_is_refused(run: Run, registry: FakeRegistry) -> None:
    reference = run("evidence", "publish", "e", f"oci://{registry.host}/evidence", "--unsigned")[1].strip()
    for name, data in registry.blobs.items():
        registry.blobs[name] = data.replace(b"passed", b"failed")
    status, out, err = run("evidence", "verify", reference, "--unsigned", "--save", "got")
    assert (status, out) == (4, "")
    assert "does not match its digest" in err
    assert not Path("got").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("publish", "e", "{oci}/x"), 2, "the evidence in e"),
        (
            ("publish", "e", "{oci}/x@sha256:" + "0" * 64, "--unsigned"),
            2,
            "names a digest, which a push cannot choose",
        ),
        (("publish", "e", "ghcr.io/x", "--unsigned"), 2, "does not start with oci://"),
        (("publish", "none", "{oci}/x", "--unsigned"), 3, "CB102 none"),
        (("publish", "e", "{oci}/x", "--key", "our.pub"), 2, "our.pub is not a private key"),
        (("publish", "e", "{oci}/denied", "--unsigned"), 4, "denied"),
        (("verify", "{oci}/x", "--unsigned"), 2, "names no tag or digest"),
        (("verify", "{oci}/x:none", "--unsigned"), 3, "CB141 "),
        (("verify", "{oci}/x:mine", "--key", "our.pub"), 4, "is not signed"),
        (("verify", "{oci}/x:mine"), 2, "there is no trust policy"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Run, registry: FakeRegistry, words: tuple[str, ...], status: int, said: str
) -> None:
    assert run("evidence", "publish", "e", f"oci://{registry.host}/x:mine", "--unsigned")[0] == 0
    registry.faults = [Fault("*", "/v2/denied/", status=403, times=9)]
    found, out, err = run("evidence", *(word.replace("{oci}", f"oci://{registry.host}") for word in words))
    assert (found, out) == (status, ""), err
    assert said in err


def test_only_what_evidence_has_is_taken_for_it() -> None:
    with pytest.raises(BrokenEvidence, match=r"x is not evidence: it is application/other"):
        layers_of(artifact("application/other", []), "x")
    layer = describe_file("application/json", b"{}", "recipe.json")
    with pytest.raises(BrokenEvidence, match=r"x has a layer called 'recipe.json' twice"):
        layers_of(artifact(ARTIFACT, [layer, layer]), "x")
    with pytest.raises(BrokenEvidence, match=r"x has a layer called '../../.profile'"):
        layers_of(artifact(ARTIFACT, [describe_file("application/json", b"{}", "../../.profile")]), "x")
