"""References name artifacts, and nothing else passes for one."""

from __future__ import annotations

import pytest

from clusterbook.diagnostics.transport import BadReference, Malformed
from clusterbook.oci.reference import (
    Reference,
    check_digest,
    check_tag_or_digest,
    is_loopback,
    is_version_tag,
    parse_reference,
    referrers_tag,
)

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci://ghcr.io/acme/recipes", Reference("ghcr.io", "acme/recipes")),
        ("oci://ghcr.io/a/b:1.0.0", Reference("ghcr.io", "a/b", "1.0.0")),
        (f"oci://ghcr.io/a/b@{DIGEST}", Reference("ghcr.io", "a/b", "", DIGEST)),
        (f"oci://127.0.0.1:5000/a:v1@{DIGEST}", Reference("127.0.0.1:5000", "a", "v1", DIGEST)),
        ("oci://[::1]:5000/a__b/c-d/e.f:V_1-x", Reference("[::1]:5000", "a__b/c-d/e.f", "V_1-x")),
    ],
)
def test_a_reference_is_read_and_written_back(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected
    assert str(expected) == text
    assert expected.tag_or_digest == (expected.digest or expected.tag)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ghcr.io/a/b", "does not start with oci://"),
        ("https://ghcr.io/a/b", "does not start with oci://"),
        ("oci://", "host"),
        ("oci://ghcr.io", "no repository"),
        ("oci://ghcr.io/", "no repository"),
        ("oci://-x/a", "host"),
        ("oci://a..b/a", "host"),
        ("oci://host:port/a", "host"),
        ("oci://ghcr.io/Acme/x", "write acme/x"),
        ("oci://ghcr.io/a//b", "repository"),
        ("oci://ghcr.io/a/../b", "repository"),
        ("oci://ghcr.io/a/b:", "tag"),
        ("oci://ghcr.io/a/b:-x", "tag"),
        ("oci://ghcr.io/a/b:1:2", "tag"),
        ("oci://ghcr.io/a/b@sha256:abc", "digest"),
        (f"oci://ghcr.io/a/b@{DIGEST}:1", "digest"),
        (f"oci://ghcr.io/a/b@{DIGEST}\n", "digest"),
        ("oci://ghcr.io/a?x=1", "repository"),
        (f"oci://ghcr.io/{'a' * 260}", "too long"),
    ],
)
def test_what_names_no_artifact_is_refused_with_a_hint(text: str, says: str) -> None:
    with pytest.raises(BadReference) as caught:
        parse_reference(text)
    assert says in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_status == 2


def test_a_password_in_a_reference_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadReference) as caught:
        parse_reference("oci://ann:secret@ghcr.io/a/b:1")
    assert "secret" not in str(caught.value)
    assert "docker login ghcr.io" in caught.value.hint


@pytest.mark.parametrize("word", ["sha256:../x", f"{DIGEST}\n", DIGEST.upper(), "sha512:00", None, 1])
def test_what_is_no_digest_becomes_no_path(word: object) -> None:
    with pytest.raises(Malformed):
        check_digest(word)


def test_a_tag_or_a_digest_can_be_wanted() -> None:
    assert [check_tag_or_digest(word) for word in ("1.0.0", DIGEST)] == ["1.0.0", DIGEST]
    with pytest.raises(BadReference):
        check_tag_or_digest("../x")


def test_tags_that_list_referrers_are_told_from_versions() -> None:
    tag = referrers_tag(DIGEST)
    assert not any(is_version_tag(each) for each in (tag, f"{tag}.sig", f"{tag}.att"))
    assert all(is_version_tag(each) for each in ("1.0.0", "sha256-abc", f"x{tag}"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("LOCALHOST:5000", True), ("127.0.0.1:80", True), ("127.8.9.1", True), ("[::1]:5000", True),
     ("localhost.example.com", False), ("127.0.0.1.example.com", False), ("[::2]", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_this_machine_is_told_from_others(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
