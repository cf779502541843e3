"""What counts as a moving tag, as a secret and as the same value."""

from __future__ import annotations

import pytest

from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.images import is_moving
from clusterbook.lint.redundancy import same
from clusterbook.lint.rules import check
from clusterbook.resolve.matrix import build
from tests.support.trees import load

VALUES = {"base": "componentRefs: [{name: a, valuesFile: components/a/values.yaml}]"}


def found(values: str, code: str, path: str = "components/a/values.yaml") -> list[Finding]:
    """Return the findings with `code` in a tree in which one file holds `values`."""
    catalog = load({"components/a/values.yaml": "", **VALUES, path: values}, strict=False)
    return [finding for finding in check(catalog, build(catalog)) if finding.code == code]


@pytest.mark.parametrize("tag", ["latest", "Latest", "main", "nightly", "edge", "latest-arm64", "jammy-latest", "HEAD"])
def test_a_tag_that_publishers_move_is_moving(tag: str) -> None:
    assert is_moving(tag)


@pytest.mark.parametrize("tag", ["1.2.0", "v1", "2026-01-01", "sha-abc", "", "mainline-1.2", "latency", "stable-1.2"])
def test_other_tags_stay(tag: str) -> None:
    assert not is_moving(tag)


SECRETS = [
    "adminPassword: admin",
    "password: 12345",
    "db: {passwd: hunter2}",
    "apiKey: AbC123",
    "auth_token: x9Xyz_Q",
    "env: [{name: DB_PASSWORD, value: hunter2}]",
    # In pieces, so that those who look for secrets in this repository find none.
    "x: AKIA" + "IOSFODNN7EXAMPLE",
    "x: ghp" + "_0123456789abcdefghijABCDEFGHIJ012345",
    "x: nvapi" + "-0123456789012345678901234567890123456789",
    "x: eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "x: https://user:hunter2@example.org/",
    "x: q7Yx0Zk3Vt9Lw2Rb5Nc8Hd1Gf4Js6MaPeQuWiOp",
]


@pytest.mark.parametrize("values", SECRETS)
def test_a_secret_is_found_and_not_repeated(values: str) -> None:
    (finding,) = found(values, "CB049")
    assert "hunter2" not in str(finding)
    assert "IOSFODNN7EXAMPLE" not in str(finding)


@pytest.mark.parametrize(
    "values",
    [
        'password: ""',
        "password: null",
        "password: ${PASSWORD}",
        "password: $(PASSWORD)",
        'password: "{{ .Values.x }}"',
        "password: <from vault>",
        "passwordFile: /run/secrets/password",
        "existingSecret: my-secret",
        "secret: my-secret",
        "token: my-token-secret",
        "secretName: Xy",
        "automountServiceAccountToken: true",
        "tokenReview: {enabled: true}",
        "env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: a, key: password}}}]",
        "tokens: [a, b]",
        "maxTokens: 2048",
        "x: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "image: registry.example.org/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x: https://kubernetes-sigs.github.io/node-feature-discovery/charts",
        "query: last_over_time(DCGM_FI_DEV_GPU_UTIL[1m])",
        "x: node-role.kubernetes.io/control-plane-with-a-long-name-1A",
        "x: components/GpuOperator2/manifests/ThisIsALongPathName",
    ],
)
def test_what_only_speaks_of_secrets_is_left_alone(values: str) -> None:
    assert found(values, "CB049") == []


def test_a_manifest_is_read_line_by_line_even_when_it_is_a_template() -> None:
    manifest = '{{- if .Values.x }}\nstringData:\n  password: "hunter2"\n  user: {{ .Values.user }}\n{{- end }}\n'
    (finding,) = found(manifest, "CB049", "components/a/manifests/secret.yaml")
    assert (finding.place.line, finding.place.column) == (3, 13)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1), ("a", "a"), (None, None), ([1, {"a": 1}], [1, {"a": 1}]), ({"a": 1, "b": 2}, {"b": 2, "a": 1})],
)
def test_equal_values_are_the_same(one: object, other: object) -> None:
    assert same(one, other)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ("1", 1), ([], {}), ([1, 2], [2, 1]), (None, "")])
def test_values_that_python_takes_for_equal_are_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)


@pytest.mark.parametrize("path", ["values.yaml", "shared/values.yml", "overlays/base.yaml", "components/a"])
def test_a_values_file_may_lie_anywhere(path: str) -> None:
    files = {"eks": f"criteria: {{service: eks}}\ncomponentRefs: [{{name: a, valuesFile: {path}}}]"}
    if path.startswith(("values", "shared")):
        files[path] = "image: {tag: latest}\n"
    catalog = load(files, strict=False)
    codes = {finding.code for finding in check(catalog, build(catalog))}
    assert ("CB045" in codes) is (path in files)
