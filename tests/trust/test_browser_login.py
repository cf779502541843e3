"""Logging in in the browser: sent there and back, with a code that only who asked can use, and how it ends otherwise.

The browser is a program that follows redirects, named by BROWSER as on any machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.trust.policy import Identity, Policy
from clusterbook.trust.statement import PROVENANCE, Subject, statement
from clusterbook.trust.verify import verify
from tests.support.servers.sigstore import ISSUER, FakeSigstore, running

DIGEST = "sha256:" + "a" * 64
ABOUT = statement([Subject("x", DIGEST)], PROVENANCE, {})
BROWSER = """#!{python}
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=20).read()
"""
SIGN = """
import json, os, sys
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.trust.sign import KeylessSigner
try:
    limits = json.loads(os.environ.get("LIMITS", "{}"))
    signed = KeylessSigner(trust_config=sys.argv[1], browser=True, limits_s=limits).sign(sys.argv[2].encode())
except ClusterbookError as error:
    sys.exit(f"{error.code} {error}")
sys.stdout.write(signed.decode())
"""


@pytest.fixture
def instance() -> Iterator[FakeSigstore]:
    with running(FakeSigstore()) as found:
        yield found


def without_ambient(more: dict[str, str]) -> dict[str, str]:
    """Return the environment without what CI says of itself, and with more."""
    ci = ("GITHUB_", "SIGSTORE_", "ACTIONS_", "COSIGN_", "GITLAB_", "BUILDKITE")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ci)}, **more}


def sign(
    instance: FakeSigstore, folder: Path, *, browser: str = BROWSER, limits: Mapping[str, float] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return how signing ended for somebody with this browser, who types this."""
    (folder / "config.json").write_text(json.dumps(instance.trust_config()))
    program = folder / "browser"
    program.write_text(browser.format(python=sys.executable))
    program.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-c", SIGN, str(folder / "config.json"), ABOUT.decode()],
        env=without_ambient({"BROWSER": f"{program} %s", "LIMITS": json.dumps(limits or {})}), input="",
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def signer(instance: FakeSigstore, folder: Path, signed: str) -> str:
    """Return who signed."""
    (folder / "root.json").write_text(json.dumps(instance.trusted_root()))
    policy = Policy((Identity("ann@ci.test", ISSUER, root=str(folder / "root.json")),))
    return verify(signed.encode(), DIGEST, policy).signer


def test_who_logs_in_in_the_browser_has_signed(instance: FakeSigstore, tmp_path: Path) -> None:
    done = sign(instance, tmp_path)
    assert done.returncode == 0, done.stderr
    assert signer(instance, tmp_path, done.stdout) == "ann@ci.test"
    (asked,) = (path for path in instance.requests if path.startswith("/auth?"))
    assert "code_challenge_method=S256" in asked
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A" in asked


def test_without_a_browser_the_code_is_typed_and_only_the_signature_goes_to_standard_output(
    instance: FakeSigstore, tmp_path: Path
) -> None:
    """Somebody opens the address that is shown, on another machine, and types what it says."""
    (tmp_path / "config.json").write_text(json.dumps(instance.trust_config()))
    with subprocess.Popen(
        [sys.executable, "-c", SIGN, str(tmp_path / "config.json"), ABOUT.decode()],
        env=without_ambient({"BROWSER": "false %s"}), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        address = next(line.strip() for line in process.stderr if "/auth?" in line)
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310
            code = answer.read().decode()
        out, err = process.communicate(f"{code}\n", timeout=60)
    assert process.returncode == 0, err
    assert signer(instance, tmp_path, out) == "ann@ci.test"


@pytest.mark.parametrize(
    ("login", "says"),
    [
        ({"redirect": {"error": "access_denied", "code": None}}, "access_denied"),
        ({"redirect": {"state": "another"}}, "state mismatch"),
        ({"redirect": {"state": None}}, "answer is invalid"),
        ({"redirect": {"code": None}}, "answer is invalid"),
        ({"redirect": {"code": "another"}}, "Token request failed"),
        ({"token": (400, b'{"error": "invalid_grant"}')}, "Token request failed"),
        ({"token": (200, b'{"error": "invalid_grant"}')}, "invalid_grant"),
        ({"token": (200, b"{}")}, "answer is invalid"),
        ({"token": (200, b"[]")}, "answer is invalid"),
        ({"token": (200, b"x")}, "logging in failed"),
        ({"token": (200, b'{"access_token": 3}')}, "logging in failed"),
        ({"token": (200, b'{"access_token": "a.b.c"}')}, "logging in failed"),
    ],
)
def test_a_login_that_does_not_come_about_is_said(
    instance: FakeSigstore, tmp_path: Path, login: dict[str, Any], says: str
) -> None:
    instance.login = login
    done = sign(instance, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(path.startswith("/api") for path in instance.requests)


def test_without_a_browser_and_without_anybody_who_types_it_is_said(instance: FakeSigstore, tmp_path: Path) -> None:
    done = sign(instance, tmp_path, browser="#!/bin/sh\nexit 1\n")
    assert done.returncode == 1
    assert "no browser and no terminal" in done.stderr
    assert "--device-flow" in done.stderr
    assert done.stdout == ""


def test_a_browser_in_which_nobody_logs_in_is_waited_for_no_longer_than_said(
    instance: FakeSigstore, tmp_path: Path
) -> None:
    done = sign(instance, tmp_path, browser="#!/bin/sh\nexit 0\n", limits={"login_s": 0.5})
    assert (done.returncode, done.stdout) == (1, "")
    assert "CB" in done.stderr
    assert "the login timed out after 0.5 s" in done.stderr
    assert not any(path.startswith("/api") for path in instance.requests)


def test_a_code_that_nobody_types_is_waited_for_no_longer_than_said(instance: FakeSigstore, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(instance.trust_config()))
    with subprocess.Popen(
        [sys.executable, "-c", SIGN, str(tmp_path / "config.json"), ABOUT.decode()],
        env=without_ambient({"BROWSER": "false %s", "LIMITS": '{"login_s": 0.5}'}), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdin is not None
        said = process.stderr.read()  # its input stays open, and says nothing
        assert "the login timed out after 0.5 s" in said
