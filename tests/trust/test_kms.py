"""Keys in a KMS, by way of cosign: a program that stands in for it signs with a key of ours, or does something else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.keys import BadKey, private_key
from clusterbook.trust.kms import KmsSigner
from clusterbook.trust.sign import signer
from clusterbook.trust.sigstore import SigningFailed
from clusterbook.trust.statement import PROVENANCE, Subject, statement
from clusterbook.trust.verify import key_policy, verify
from tests.support.servers.certificates import private_pem

A = f"sha256:{'a' * 64}"
ABOUT = statement([Subject("helm/eks", A)], PROVENANCE, {})
URI = "awskms:///alias/releases"
STAND_IN = """\
#!{python}
import json, os, sys
sys.path.insert(0, {tools!r})
from pathlib import Path
from clusterbook.trust.keys import private_key
from clusterbook.trust.statement import key_bundle, pae

words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([words, os.environ.get("AWS_REGION")]) + "\\n")
key = private_key(Path({key!r}).read_bytes(), "k")
said = dict(zip(words[1::2], words[2::2]))
assert said["--key"] == {uri!r}, said
if words[0] == "public-key":
    print({pem!r} or key.public().pem(), end="")
elif {mode!r} == "fail":
    sys.exit("Error: signing: AccessDeniedException")
else:
    config = json.loads(Path(said["--signing-config"]).read_text())
    assert "rekorTlogUrls" not in config
    text = Path(said["--statement"]).read_bytes()
    if {mode!r} == "other":
        text = text.replace(b"helm/eks", b"helm/gke")
    if {mode!r} != "nothing":
        Path(said["--bundle"]).write_bytes(key_bundle(text, key.sign(pae(text)), "x"))
"""


def cosign(folder: Path, *, mode: str = "", pem: str = "") -> dict[str, str]:
    """Return an environment whose PATH has a stand-in for cosign."""
    (folder / "our.key").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    (folder / "our.pub").write_text(private_key((folder / "our.key").read_bytes(), "k").public().pem())
    tools = str(Path(__file__).resolve().parents[2] / "tools")
    log, key = str(folder / "log"), str(folder / "our.key")
    text = STAND_IN.format(python=sys.executable, tools=tools, log=log, key=key, uri=URI, mode=mode, pem=pem)
    program = folder / "bin/cosign"
    program.parent.mkdir()
    program.write_text(text)
    program.chmod(0o755)
    return {"PATH": str(program.parent), "AWS_REGION": "eu-central-1"}


def test_cosign_is_asked_for_a_signature_and_told_the_whole_environment(tmp_path: Path) -> None:
    found = signer(cosign(tmp_path), key=URI)
    assert isinstance(found, KmsSigner)
    raw = found.sign(ABOUT)
    assert verify(raw, A, key_policy([tmp_path / "our.pub"])).statement.subjects == (Subject("helm/eks", A),)
    assert (tmp_path / "log").read_text().count("eu-central-1") == 2


def test_without_cosign_a_kms_cannot_be_asked(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="awskms:// needs cosign") as caught:
        signer({"PATH": str(tmp_path)}, key=URI)
    assert "install cosign" in caught.value.hint


@pytest.mark.parametrize(
    ("mode", "says"),
    [("fail", "AccessDeniedException"), ("other", "is not what it was given"), ("nothing", "wrote no signature")],
)
def test_what_cosign_brings_is_held_against_what_it_was_given(tmp_path: Path, mode: str, says: str) -> None:
    found = signer(cosign(tmp_path, mode=mode), key=URI)
    with pytest.raises(SigningFailed, match=says):
        found.sign(ABOUT)


def test_a_key_of_another_kind_is_refused_before_it_signs(tmp_path: Path) -> None:
    with pytest.raises(BadKey):
        signer(cosign(tmp_path, pem="-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), key=URI)
    assert "attest-blob" not in (tmp_path / "log").read_text()
