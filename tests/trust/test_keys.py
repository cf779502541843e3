"""Keys of one's own: two kinds, PEM files, and a message for each way in which a file is none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from clusterbook.diagnostics.errors import NotFound
from clusterbook.trust.keys import BadKey, certificate_key, private_key, public_key, read_key_file
from tests.support.servers.certificates import private_pem

P256, ED25519 = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize("key", [P256, ED25519])
@pytest.mark.parametrize("password", ["", "correct horse"])
def test_what_a_key_signs_its_other_half_checks(key: object, password: str) -> None:
    private = private_key(private_pem(key, password), "k", password=password)
    public = public_key(private.public().pem(), "k.pub")
    signature = private.sign(b"message")
    assert public.fits(signature, b"message")
    assert not public.fits(signature, b"massage")
    assert not public.fits(signature[:-1], b"message")
    assert not public.fits(b"", b"message")
    assert public.hint() == private.public().hint()


def test_the_hint_is_the_one_that_cosign_writes() -> None:
    # openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
    der = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    pem = f"-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n"
    assert public_key(pem, "k").hint() == "BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k="


def test_a_public_key_that_cosign_made_is_read() -> None:
    # cosign 3.1 generate-key-pair
    lines = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE548L6XlwKMDPzVLmOdqlQRopsLQx",
        "2KXnJjeakjMG4ItrP1Vo6OzdMxMcUyUR0DHjXIaLxzXLlWdVOpTeLG/vjg==",
    )
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    assert public_key(pem, "cosign.pub").pem() == pem


@pytest.mark.parametrize(
    ("pem", "password", "says"),
    [
        (b"", "", "is not a private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", "is not a private key"),
        (private_pem(P256, "right"), "", "is encrypted"),
        (private_pem(P256, "right"), "wrong", "encrypted with another password"),
        (private_pem(ec.generate_private_key(ec.SECP384R1())), "", "unsupported type"),
        (private_pem(rsa.generate_private_key(65537, 2048)), "", "unsupported type"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----", "x",
         "is not a private key"),
        (b"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED COSIGN PRIVATE KEY-----", "",
         "is not a private key"),
    ],
)  # fmt: skip
def test_what_is_no_private_key_is_refused(pem: bytes, password: str, says: str) -> None:
    with pytest.raises(BadKey, match=says) as caught:
        private_key(pem, "k", password=password)
    assert caught.value.hint
    assert "wrong" not in str(caught.value)


def test_a_password_for_a_key_that_is_not_locked_does_no_harm() -> None:
    assert private_key(private_pem(P256), "k", **{"password": "unused"}).sign(b"x")


@pytest.mark.parametrize("key", [P256, ED25519])
def test_a_public_key_is_written_as_others_write_it(key: ec.EllipticCurvePrivateKey) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    text = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    assert private_key(private_pem(key), "k").public().pem() == text
    assert public_key(text.replace("\n", "\r\n"), "k").der == public_key(text, "k").der


@pytest.mark.parametrize("key", [P256, ED25519])
def test_a_damaged_public_key_is_refused(key: object) -> None:
    der = private_key(private_pem(key), "k").public().der
    for damaged in (der[:-1], der + b"x", der[:-33] + bytes(33) if len(der) > 60 else der[:-2]):
        text = base64.b64encode(damaged).decode()
        with pytest.raises(BadKey, match="damaged"):
            public_key(f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n", "k")


@pytest.mark.parametrize("pem", ["", "x", private_pem(P256).decode()])
def test_what_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(BadKey, match="not a public key") as caught:
        public_key(pem, "k")
    assert ("never share" in caught.value.hint) == ("PRIVATE" in pem)


def test_a_public_key_of_another_kind_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(BadKey, match="unsupported type"):
        public_key(pem, "k")


def test_files_and_certificates_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        read_key_file(tmp_path / "absent")
    with pytest.raises(BadKey, match="certificate"):
        certificate_key(b"der")
