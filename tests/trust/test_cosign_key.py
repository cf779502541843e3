"""Keys that cosign locked: the vector of NaCl's own test, a key of cosign 3.1, and what is none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from clusterbook.trust.cosign_key import WrongPassword, open_box
from clusterbook.trust.keys import BadKey, private_key, public_key

# cosign 3.1.3 generate-key-pair, with the password "pw"
PASSWORD = "pw"  # noqa: S105
KEY = b"""\
-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJick9ib1BKVlBYZ1E3amFTeU85NGxNM0hjUXFINWlW
OWRZZDFBSGcxOTBVPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJ3QWZHSzN4c05HY3dxeWRZNnIvc1FiK3ovdXFudGpWSCJ9LCJj
aXBoZXJ0ZXh0IjoiWWZ4b2dBZU1yMVJrcUVpQXd1d0hJUUppVWgzYjZtejFMaDN3
MGFyNlg0Z0dVejlMdGVnZ01xMXJ2T1RJakYrTUdKay82QXBmZkFXK2VhUVBSZTlN
NXFVV2pXSVAzcWZRM21FRjFUQy9KQnlCUm0vNnZaZzR6Y2dTWkhveHdST0dqNmZO
cElaYkhyR0FQVzFqV29oTnNmQ1oyQktjVVBRUmxUZkFLL1llVW9DR1U0RGowQ0ZV
cHdhQkVxcXUycTZ0SnM2SU02UzdVQUk5a3c9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
"""
PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0AHUzwyYZPOuwbOhGVMRwzrDo5HT
Fv6FHaxwnF87z2JY1RfKub+D2/7wAPTz1I6Hnyg2jR+2xSfS6DZVudJIFw==
-----END PUBLIC KEY-----
"""
# NaCl, tests/secretbox.c and secretbox.out
FIRST_KEY = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
NONCE = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
MESSAGE = bytes.fromhex(
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f4"
    "1db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52"
    "f0a089bc76897040e082f937763848645e0705"
)
BOX = bytes.fromhex(
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b"
    "4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da"
    "99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5"
)


def test_a_box_of_nacl_opens() -> None:
    assert open_box(BOX, FIRST_KEY, NONCE) == MESSAGE


@pytest.mark.parametrize("at", [0, 15, 16, 80, len(BOX) - 1])
def test_a_box_of_which_a_bit_is_changed_does_not_open(at: int) -> None:
    changed = bytearray(BOX)
    changed[at] ^= 1
    with pytest.raises(WrongPassword):
        open_box(bytes(changed), FIRST_KEY, NONCE)


@pytest.mark.parametrize("box", [b"", b"x", bytes(15), bytes(16)])
def test_a_box_that_is_too_short_does_not_open(box: bytes) -> None:
    with pytest.raises(WrongPassword):
        open_box(box, FIRST_KEY, NONCE)


@pytest.mark.parametrize("name", [b"SIGSTORE", b"COSIGN"])
def test_a_key_of_cosign_signs(name: bytes) -> None:
    key = private_key(KEY.replace(b"SIGSTORE", name), "k", password=PASSWORD)
    assert key.public().pem() == PUBLIC
    assert public_key(PUBLIC, "k").fits(key.sign(b"message"), b"message")


@pytest.mark.parametrize(("password", "says"), [("", "is encrypted"), ("wrong", "is encrypted with another password")])
def test_a_key_of_cosign_says_that_it_is_locked(password: str, says: str) -> None:
    with pytest.raises(BadKey, match=says) as caught:
        private_key(KEY, "k", password=password)
    assert "COSIGN_PASSWORD" in caught.value.hint


def written(**changes: Any) -> bytes:
    """Return the key with another document in it."""
    document = json.loads(base64.b64decode("".join(KEY.decode().split("\n")[1:-2])))
    for path, value in changes.items():
        *above, last = path.split("__")
        part = document
        for step in above:
            part = part[step]
        part[last] = value
    text = base64.b64encode(json.dumps(document).encode()).decode()
    name = "ENCRYPTED SIGSTORE PRIVATE KEY"
    return f"-----BEGIN {name}-----\n{text}\n-----END {name}-----\n".encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"kdf__params__N": 1 << 30},
        {"kdf__params__r": 1 << 20},
        {"kdf__params__p": 1 << 20},
        {"kdf__params__N": "65536"},
        {"kdf__params__N": True},
        {"kdf__params__N": 65537},
        {"kdf__params": {}},
        {"kdf__name": "pbkdf2"},
        {"kdf": []},
        {"cipher__name": "aes"},
        {"cipher__nonce": "AAAA"},
        {"cipher__nonce": 7},
        {"ciphertext": None},
    ],
)
def test_a_key_that_is_not_as_cosign_writes_it_is_refused_at_once(changes: dict[str, Any]) -> None:
    with pytest.raises(BadKey, match="is not a private key"):
        private_key(written(**changes), "k", password=PASSWORD)
