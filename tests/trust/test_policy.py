"""Policies: who may sign is decided by the user, and each refusal has its own words."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.schema import check_shape
from clusterbook.documents.yaml_reader import parse
from clusterbook.documents.yaml_writer import dump
from clusterbook.trust.policy import (
    Identity,
    Key,
    Policy,
    PredicateMismatch,
    SubjectMismatch,
    Unsigned,
    Untrusted,
    WrongIssuer,
    WrongSigner,
    check_identity,
    check_statement,
    covers,
    decode,
    furthest_fault,
    is_pattern,
)
from clusterbook.trust.policy_schema import TrustPolicyShape
from clusterbook.trust.statement import PROVENANCE, Statement, Subject

A, B = (f"sha256:{each * 64}" for each in "ab")
ANN = Identity("ann@x.test", "https://issuer.test")
JOBS = Identity(identity_pattern=r"https://ci\.test/job/\d+", issuer_pattern=r"https://.*\.test")


def document(*signers: Any, **spec: Any) -> dict[str, Any]:
    """Return a policy as it stands in a file."""
    return {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "TrustPolicy",
        "metadata": {"name": "x"},
        "spec": {"signers": list(signers) or [{"key": "a.pub"}], **spec},
    }


def test_a_policy_is_read() -> None:
    exact = {"keyless": {"identity": "ann@x.test", "issuer": "https://issuer.test"}}
    pattern = {"keyless": {"identityPattern": "a.*", "issuerPattern": ".*", "root": "root.json"}}
    assert decode(document(exact, pattern, {"key": "a.pub"}, predicateTypes=["x", "y"])) == Policy(
        (ANN, Identity("", "", "a.*", ".*", "root.json"), Key("a.pub")), ("x", "y")
    )
    assert decode(document()) == Policy((Key("a.pub"),), (PROVENANCE,))


KEYLESS = st.dictionaries(
    st.sampled_from(["identity", "identityPattern", "issuer", "issuerPattern", "root", "other"]),
    st.sampled_from(["a", "a.*", "(", "", None, 1, ["x"], {"a": "b"}, "1.10"]),
)
SIGNER = st.one_of(
    st.fixed_dictionaries({"keyless": KEYLESS}),
    st.fixed_dictionaries({"key": st.sampled_from(["a.pub", "", None, 1, []])}),
    st.sampled_from([{}, None, "x", {"key": "a", "keyless": {}}, {"other": "x"}]),
)
SPEC = st.fixed_dictionaries(
    {"signers": st.lists(SIGNER, max_size=3)},
    optional={"predicateTypes": st.sampled_from([[], ["x"], [""], None, "x", [None], [1]]), "other": st.just("x")},
)
WHOLE = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["clusterbook.dev/v1alpha1"] * 4 + ["v1"]),
        "kind": st.sampled_from(["TrustPolicy"] * 4 + ["Policy"]),
        "metadata": st.sampled_from([{"name": "x"}] * 4 + [{}, {"name": ""}, {"name": "x", "version": 1}, None, "x"]),
        "spec": st.one_of(SPEC, SPEC, st.none()),
    }
)


@pytest.mark.parametrize("metadata", [{"name": ""}, {"name": "x", "version": ""}, {"name": []}, {"name": None}, {}])
def test_a_policy_without_a_name_is_not_read(metadata: Any) -> None:
    assert decode({**document(), "metadata": metadata}) is None


@given(WHOLE)
def test_the_quick_reader_and_the_shape_agree(found: dict[str, Any]) -> None:
    node = parse(dump(found), "trust.yaml")
    assert node is not None
    findings: list[Finding] = []
    check_shape(node, "trust.yaml", TrustPolicyShape, findings, strict=True)
    assert (decode(node.text_data()) is None) == bool(findings), findings


def test_a_signer_is_found_by_name_or_pattern() -> None:
    policy = Policy((ANN, JOBS))
    assert check_identity("ann@x.test", "https://issuer.test", "", policy) == ANN
    assert check_identity("https://ci.test/job/7", "https://other.test", "", policy) == JOBS


@pytest.mark.parametrize(
    ("identity", "issuer", "error"),
    [
        ("bob@x.test", "https://issuer.test", WrongSigner),
        ("ann@x.test.evil", "https://issuer.test", WrongSigner),
        ("xann@x.test", "https://issuer.test", WrongSigner),
        ("https://ci.test/job/7/evil", "https://issuer.test", WrongSigner),
        ("https://evil/?https://ci.test/job/7", "https://issuer.test", WrongSigner),
        ("https://ci.test/job/7\n", "https://issuer.test", WrongSigner),
        ("ann@x.test", "https://evil.test", WrongIssuer),
        ("https://ci.test/job/7", "https://issuer.test.evil", WrongIssuer),
    ],
)
def test_somebody_else_is_refused(identity: str, issuer: str, error: type[Untrusted]) -> None:
    with pytest.raises(error) as caught:
        check_identity(identity, issuer, "", Policy((ANN, JOBS)))
    assert identity in caught.value.what
    assert "ann@x.test of https://issuer.test or " in caught.value.hint


def test_a_name_counts_only_under_its_own_root() -> None:
    policy = Policy((ANN._replace(root="private.json"),))
    with pytest.raises(WrongSigner):
        check_identity(ANN.identity, ANN.issuer, "", policy)
    assert check_identity(ANN.identity, ANN.issuer, "private.json", policy)


def test_a_statement_has_to_be_about_the_artifact_and_of_the_right_kind() -> None:
    policy = Policy((ANN,))
    said = Statement((Subject("recipes/eks", A),), PROVENANCE, {})
    assert check_statement(said, A, policy) is said
    with pytest.raises(SubjectMismatch, match="covers recipes/eks, not sha256:b"):
        check_statement(said, B, policy)
    with pytest.raises(PredicateMismatch, match=r"sign/v1"):
        check_statement(Statement(said.subjects, "https://sigstore.dev/cosign/sign/v1", {}), A, policy)


def test_of_several_faults_the_one_that_got_furthest_is_told() -> None:
    faults = [Unsigned("a"), WrongIssuer("b"), WrongSigner("c")]
    assert furthest_fault(faults) is faults[1]


def root(start: str | None, end: str | None) -> dict[str, Any]:
    """Return a trust root all of whose parts were in use for a time."""
    span = {key: value for key, value in (("start", start), ("end", end)) if value}
    log = {"publicKey": {"validFor": span}}
    return {"certificateAuthorities": [{"validFor": span}], "tlogs": [log], "ctlogs": [log]}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [("2026-01-01T00:00:00Z", None, True), (None, "2027-01-01T00:00:00.000Z", True),
     ("2026-06-01T00:00:00Z", None, False), (None, "2026-01-01T00:00:00Z", False), ("soon", None, False)],
)  # fmt: skip
def test_a_root_covers_the_time_in_which_it_was_used(start: str | None, end: str | None, expected: bool) -> None:
    assert covers(root(start, end), datetime(2026, 3, 1, tzinfo=UTC)) is expected


def test_a_root_without_a_log_covers_nothing() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert not covers({**root(None, None), "tlogs": []}, at)
    assert not covers({**root(None, None), "ctlogs": [1]}, at)


def test_every_fault_says_why_it_matters() -> None:
    kinds = [kind for kind in Untrusted.__subclasses__() if kind.__module__ == Untrusted.__module__]
    assert len(kinds) == 8
    assert len({kind.code for kind in kinds}) == 8
    assert all(kind.exit_status == 4 and kind.__doc__ and re.search(r"\w", kind.__doc__) for kind in kinds)


@pytest.mark.parametrize("pattern", [r"(a+)+", r"(a|a)*b", r"(.*a){20}", r"a{0,200}a{0,200}b", r"(x*)*y"])
def test_a_pattern_is_held_against_a_name_in_linear_time(pattern: str) -> None:
    """Whoever logs in chooses his name, and a backtracking engine takes for ever on some."""
    start = time.process_time()
    found = Policy((Identity(identity_pattern=pattern, issuer="i"),))
    with pytest.raises(WrongSigner):
        check_identity("a" * 4000 + "!", "i", "", found)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("pattern", ["(?=a)a", r"(a)\1", "(?i)a", "(?>a)", "a{99999}", "a" * 5000, "("])
def test_a_pattern_that_takes_more_than_linear_time_is_refused(pattern: str) -> None:
    assert not is_pattern(pattern)
