"""Credentials come from where docker and podman leave them, and from helpers; no message repeats one."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from clusterbook.oci.credentials import BrokenCredentials, Credential, from_files


def encoded(user: str, password: str) -> dict[str, str]:
    """Return an entry as `docker login` writes it."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def found(home: Path, config: object, host: str, **environment: str) -> Credential | None:
    """Return who we are to a host when docker's config.json says so."""
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return from_files(environment, home)(host)


def helper(folder: Path, name: str, script: str) -> str:
    """Return a PATH on which there is a credential helper."""
    folder.mkdir(exist_ok=True)
    (folder / f"docker-credential-{name}").write_text(f"#!/bin/sh\n{script}\n")
    (folder / f"docker-credential-{name}").chmod(0o755)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "https://ghcr.io/v1/"])
def test_an_entry_is_found_however_the_host_is_written(tmp_path: Path, key: str) -> None:
    config = {"auths": {key: encoded("ann", "a:b"), "other.io": encoded("bob", "x")}}
    assert found(tmp_path, config, "ghcr.io") == Credential("ann", "a:b")
    assert found(tmp_path, config, "nobody.io") is None


def test_docker_hub_is_found_under_its_old_name(tmp_path: Path) -> None:
    config = {"auths": {"https://index.docker.io/v1/": encoded("ann", "x")}}
    assert found(tmp_path, config, "docker.io") == Credential("ann", "x")
    assert found(tmp_path, config, "registry-1.docker.io") == Credential("ann", "x")


def test_an_identity_token_is_found(tmp_path: Path) -> None:
    config = {"auths": {"r.io": {**encoded("00000000", ""), "identitytoken": "tok"}}}
    assert found(tmp_path, config, "r.io") == Credential("00000000", "", "tok")


@pytest.mark.parametrize("config", [{}, [], {"auths": None}, {"auths": {"r.io": {}}}, {"auths": {"r.io": None}}])
def test_a_file_that_says_nothing_says_nothing(tmp_path: Path, config: object) -> None:
    assert found(tmp_path, config, "r.io") is None


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert from_files({}, tmp_path)("r.io") is None


def test_the_folder_and_podmans_file_are_looked_at(tmp_path: Path) -> None:
    for name in ("docker", "containers"):
        (tmp_path / name).mkdir()
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {"a.io": encoded("ann", "1")}}))
    (tmp_path / "containers" / "auth.json").write_text(json.dumps({"auths": {"b.io": encoded("bob", "2")}}))
    (tmp_path / "named.json").write_text(json.dumps({"auths": {"a.io": encoded("eve", "3")}}))
    environment = {"DOCKER_CONFIG": str(tmp_path / "docker"), "XDG_RUNTIME_DIR": str(tmp_path)}
    find = from_files(environment, tmp_path)
    assert (find("a.io"), find("b.io")) == (Credential("ann", "1"), Credential("bob", "2"))
    find = from_files({**environment, "REGISTRY_AUTH_FILE": str(tmp_path / "named.json")}, tmp_path)
    assert find("a.io") == Credential("eve", "3")


def test_a_helper_of_the_host_is_asked_first(tmp_path: Path) -> None:
    path = helper(tmp_path / "bin", "own", 'read host; echo "{\\"Username\\": \\"$host\\", \\"Secret\\": \\"x\\"}"')
    config = {"credHelpers": {"r.io": "own"}, "auths": {"r.io": encoded("ann", "y"), "s.io": encoded("bob", "z")}}
    assert found(tmp_path, config, "r.io", PATH=path) == Credential("r.io", "x")
    assert found(tmp_path, config, "s.io", PATH=path) == Credential("bob", "z")


def test_the_common_helper_is_asked_and_may_know_nothing(tmp_path: Path) -> None:
    path = helper(tmp_path / "bin", "common", 'echo "credentials not found in native keychain"; exit 1')
    config = {"credsStore": "common", "auths": {"r.io": encoded("ann", "y")}}
    assert found(tmp_path, config, "r.io", PATH=path) == Credential("ann", "y")
    assert found(tmp_path, config, "s.io", PATH=path) is None


def test_a_helper_may_give_a_token(tmp_path: Path) -> None:
    path = helper(tmp_path / "bin", "own", 'echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"tok\\"}"')
    assert found(tmp_path, {"credHelpers": {"r.io": "own"}}, "r.io", PATH=path) == Credential("", "", "tok")


@pytest.mark.parametrize(
    ("name", "script", "says"),
    [
        ("own", "echo top-secret; exit 2", "status 2"),
        ("own", "echo top-secret", "did not answer like"),
        ("own", "echo '[\"top-secret\"]'", "did not answer like"),
        ("absent", "", "cannot be run"),
        ("../evil", "", "not the name of"),
    ],
)
def test_a_helper_that_fails_is_named_and_not_repeated(tmp_path: Path, name: str, script: str, says: str) -> None:
    path = helper(tmp_path / "bin", "own", script)
    with pytest.raises(BrokenCredentials, match=says) as caught:
        found(tmp_path, {"credHelpers": {"r.io": name}}, "r.io", PATH=path)
    assert "top-secret" not in str(caught.value)
    assert (caught.value.code, caught.value.exit_status) == ("CB150", 4)


@pytest.mark.parametrize("config", ["{", '{"auths": {"r.io": {"auth": "***"}}}'])
def test_a_damaged_file_is_named_and_not_repeated(tmp_path: Path, config: str) -> None:
    with pytest.raises(BrokenCredentials) as caught:
        found(tmp_path, config, "r.io")
    assert "***" not in str(caught.value)


def test_a_credential_does_not_show_its_secret() -> None:
    assert "secret" not in repr(Credential("ann", "secret", "secret"))
