"""Signing: with a key, or as whoever is logged in; and a message for each reason why nobody signs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.diagnostics.errors import NotFound
from clusterbook.diagnostics.transport import AccessDenied
from clusterbook.trust.keys import BadKey
from clusterbook.trust.sign import KeylessSigner, KeySigner
from clusterbook.trust.sigstore import BadTrustRoot, SigningFailed
from clusterbook.trust.statement import BUNDLE, PROVENANCE, Subject, parse_bundle, statement
from clusterbook.trust.verify import key_policy, verify
from tests.support.servers.certificates import private_pem
from tests.support.servers.sigstore import FakeSigstore, running

A = f"sha256:{'a' * 64}"
ABOUT = statement([Subject("recipes/eks", A)], PROVENANCE, {})
KEY = ed25519.Ed25519PrivateKey.generate()
CI = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI",
      "BUILDKITE", "SIGSTORE_ID_TOKEN")  # fmt: skip


def test_a_key_in_a_file_signs(tmp_path: Path) -> None:
    (tmp_path / "k.key").write_bytes(private_pem(KEY, "pw"))
    signer = KeySigner.from_file(tmp_path / "k.key", {"CLUSTERBOOK_KEY_PASSWORD": "pw"})
    raw = signer.sign(ABOUT)
    (tmp_path / "k.pub").write_text(signer._key.public().pem())
    assert verify(raw, A, key_policy([tmp_path / "k.pub"])).statement.subjects == (Subject("recipes/eks", A),)
    assert json.loads(raw)["mediaType"] == BUNDLE
    with pytest.raises(BadKey, match="is encrypted"):
        KeySigner.from_file(tmp_path / "k.key", {})
    with pytest.raises(NotFound, match="absent"):
        KeySigner.from_file(tmp_path / "absent", {})


def test_a_key_signs_the_same_bytes_each_time() -> None:
    from clusterbook.trust.keys import private_key

    signer = KeySigner(private_key(private_pem(KEY), "k"))
    assert signer.sign(ABOUT) == signer.sign(ABOUT)


def config(instance: FakeSigstore, folder: Path) -> str:
    """Return a file with the configuration of an instance."""
    (folder / "config.json").write_text(json.dumps(instance.trust_config()))
    return str(folder / "config.json")


def test_who_is_logged_in_signs_into_the_log_and_is_stamped(tmp_path: Path) -> None:
    with running(FakeSigstore()) as instance:
        environment = {"SIGSTORE_ID_TOKEN": instance.token()}
        raw = KeylessSigner.from_environment(environment, trust_config=config(instance, tmp_path)).sign(ABOUT)
        assert instance.requests == ["/api/v2/signingCert", "/api/v1/timestamp", "/api/v1/log/entries"]
    material = json.loads(raw)["verificationMaterial"]
    assert len(material["tlogEntries"]) == len(material["timestampVerificationData"]["rfc3161Timestamps"]) == 1
    assert parse_bundle(raw).payload == ABOUT


def test_nobody_signs_who_is_not_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CI:
        monkeypatch.delenv(name, raising=False)
    with (
        running(FakeSigstore()) as instance,
        pytest.raises(AccessDenied, match="there is no identity to sign with") as caught,
    ):
        KeylessSigner(trust_config=config(instance, tmp_path)).sign(ABOUT)
    assert "SIGSTORE_ID_TOKEN" in caught.value.hint


@pytest.mark.parametrize("lifetime_s", [None, -100])
def test_a_token_that_is_none_or_has_run_out_is_refused(tmp_path: Path, lifetime_s: int | None) -> None:
    with running(FakeSigstore()) as instance:
        token = "no.token.x" if lifetime_s is None else instance.token(lifetime_s=lifetime_s)
        with pytest.raises(AccessDenied, match="invalid or expired") as caught:
            KeylessSigner(trust_config=config(instance, tmp_path), token=token).sign(ABOUT)
        assert instance.requests == []
    assert token not in str(caught.value)


@pytest.mark.parametrize("path", ["/api/v2/signingCert", "/api/v1/log/entries"])
def test_an_instance_that_does_not_sign_is_named(tmp_path: Path, path: str) -> None:
    with running(FakeSigstore()) as instance:
        instance.refuse = [path]
        token = instance.token()
        with pytest.raises(SigningFailed) as caught:
            KeylessSigner(trust_config=config(instance, tmp_path), token=token).sign(ABOUT)
    assert caught.value.exit_status == 6
    assert token not in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "{}", "[]"])
def test_what_is_no_trust_configuration_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(NotFound if text is None else BadTrustRoot, match=r"config\.json"):
        KeylessSigner(trust_config=str(tmp_path / "config.json")).sign(ABOUT)


@pytest.mark.parametrize("how", ["silent", "slow"])
@pytest.mark.parametrize("path", ["/api/v2/signingCert", "/api/v1/log", "/api/v2/log", "/api/v1/timestamp"])
def test_an_instance_that_does_not_answer_is_waited_for_no_longer_than_said(
    tmp_path: Path, path: str, how: str
) -> None:
    version = 2 if "v2/log" in path else 1
    with running(FakeSigstore()) as instance:
        getattr(instance, how).append(path)
        (tmp_path / "config.json").write_text(json.dumps(instance.trust_config(rekor=version)))
        signer = KeylessSigner(
            trust_config=str(tmp_path / "config.json"), token=instance.token(), limits_s={"signing_s": 1.5}
        )
        with pytest.raises(SigningFailed, match=r"did not sign within 1\.5 s"):
            signer.sign(ABOUT)
        assert instance.requests[-1].startswith(path)


def test_ci_that_does_not_say_who_signs_is_waited_for_no_longer_than_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeSigstore()) as instance:
        instance.silent.append("/who")
        for name in CI:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{instance.url}/who")
        signer = KeylessSigner(trust_config=config(instance, tmp_path), limits_s={"signing_s": 0.5})
        with pytest.raises(AccessDenied, match="did not answer"):
            signer.sign(ABOUT)
