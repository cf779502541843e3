"""Both registries let the right client in, and differ in the one thing they are there for: the referrers API."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.interop.processes import run
from tests.interop.registries import PASSWORD, USER, Registry
from tests.interop.toolchain import program

TYPE = "application/vnd.clusterbook.test.v1"


def ask(registry: Registry, path: str, *, login: bool = True) -> dict[str, object]:
    headers = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()} if login else {}
    trust = ssl.create_default_context(cafile=registry.certificates.authority)
    request = urllib.request.Request(f"https://{registry.host}{path}", headers=headers)
    with urllib.request.urlopen(request, context=trust, timeout=10) as answer:  # noqa: S310
        found: dict[str, object] = json.load(answer)
        return found


def push(registry: Registry, folder: Path) -> tuple[str, str]:
    """Push an artifact, and one that refers to it; return both digests."""
    file = folder / "content"
    file.write_text("content")
    env = {**registry.env, "HOME": str(folder)}
    reference = f"{registry.host}/some/artifact:1"
    put = (program("regctl"), "artifact", "put", "--format", "{{ .Manifest.GetDescriptor.Digest }}", "-f", file)
    subject = run(*put, "--artifact-type", TYPE, reference, env=env).strip()
    referrer = run(*put, "--artifact-type", f"{TYPE}+signature", "--subject", reference, env=env).strip()
    return subject, referrer


def test_the_referrers_api_is_answered(registry: Registry, tmp_path: Path) -> None:
    subject, referrer = push(registry, tmp_path)
    found = ask(registry, f"/v2/some/artifact/referrers/{subject}")
    assert [each["digest"] for each in found["manifests"]] == [referrer]  # type: ignore[attr-defined]


def test_distribution_knows_no_referrers_and_clients_fall_back_to_a_tag(
    plain_registry: Registry, tmp_path: Path
) -> None:
    subject, referrer = push(plain_registry, tmp_path)
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        ask(plain_registry, f"/v2/some/artifact/referrers/{subject}")
    caught.value.close()
    tags = ask(plain_registry, "/v2/some/artifact/tags/list")["tags"]
    assert subject.replace(":", "-") in tags  # type: ignore[operator]
    env = {**plain_registry.env, "HOME": str(tmp_path)}
    listed = run(program("regctl"), "artifact", "list", f"{plain_registry.host}/some/artifact:1", env=env)
    assert referrer in listed


@pytest.mark.parametrize("which", ["registry", "plain_registry"])
def test_nobody_enters_without_the_password(which: str, request: pytest.FixtureRequest) -> None:
    found: Registry = request.getfixturevalue(which)
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        ask(found, "/v2/", login=False)
    assert caught.value.headers["WWW-Authenticate"].startswith("Basic ")
    caught.value.close()


@pytest.mark.parametrize("which", ["registry", "plain_registry"])
def test_a_certificate_of_nobody_we_know_is_refused(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    found: Registry = request.getfixturevalue(which)
    env = {**found.env, "SSL_CERT_FILE": "/dev/null", "HOME": str(tmp_path)}
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(program("crane"), "catalog", found.host, env=env)
    assert "certificate" in caught.value.stderr
    assert run(program("crane"), "catalog", found.host, env={**found.env, "HOME": str(tmp_path)}) == ""
