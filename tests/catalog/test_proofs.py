"""Proofs as files: what was found out is written once, read back whole, and never taken for what it is not."""

from __future__ import annotations

import json

import pytest

from clusterbook.catalog.proofs import METHOD, Archive, BrokenProof, Effect, Proof, ProofSubject, decode, encode

SUBJECT = ProofSubject(
    "a", "https://charts.example", "a", "1.0.0", "ns", {"x": {"y": 1}}, {"components/a/manifests/m.yaml": "m"}
)
LIVE = Effect("live", changes=("ConfigMap/c#/data/x",), more=2, default=(None,))
PROOFS = [
    Proof("1" * 16, Archive("a", "1.0.0", "sha256:00"), ("1.30.0",), {"/x/y": LIVE}, {"images": [{"image": "b:1"}]}),
    Proof(
        "2" * 16,
        Archive("b", "0.9.0", "sha256:01", exact=False),
        ("1.30.0", "1.31.0"),
        {"/x/y": LIVE, "/z": Effect("dead", near="/x", why="w", switch="/s", shared=("/t",))},
        {},
        "it does not render",
    ),
]  # fmt: skip


def test_what_is_written_is_read_back() -> None:
    assert decode(encode("a", PROOFS), "proof.json") == PROOFS


def test_the_order_of_proofs_does_not_change_the_file() -> None:
    assert encode("a", PROOFS) == encode("a", reversed(PROOFS))


def test_what_renders_have_in_common_is_written_once() -> None:
    values = json.loads(encode("a", PROOFS))["spec"]["values"]
    assert [(each["path"], each.get("in")) for each in values] == [("/x/y", None), ("/z", ["2" * 16])]


def test_proofs_of_another_method_are_none() -> None:
    text = encode("a", PROOFS).replace(f'"method": {METHOD}', f'"method": {METHOD + 1}')
    assert decode(text, "proof.json") == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"spec": {}}', f'{{"spec": {{"method": {METHOD}, "renders": [{{}}]}}}}']
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(BrokenProof) as caught:
        decode(text, "components/a/proof.json")
    assert caught.value.place == "components/a/proof.json"


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1.0.1"},
        {"source": "oci://charts.example"},
        {"namespace": "other"},
        {"values": {"x": {"y": 2}}},
        {"values": {"x": {"y": "1"}}},
        {"manifests": {"components/a/manifests/m.yaml": "n"}},
    ],
)
def test_a_subject_that_says_anything_else_has_another_key(change: dict[str, object]) -> None:
    assert SUBJECT._replace(**change).key() != SUBJECT.key()  # type: ignore[arg-type]


def test_the_order_of_values_does_not_change_the_key() -> None:
    one, two = (SUBJECT._replace(values=values) for values in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert one.key() == two.key()


def test_a_proof_is_about_one_archive_and_the_versions_of_kubernetes_that_were_rendered() -> None:
    proof = PROOFS[1]
    assert proof.is_about(proof.archive, ["1.31.0"])
    assert not proof.is_about(proof.archive, ["1.32.0"])
    assert not proof.is_about(proof.archive._replace(digest="sha256:02"), ["1.31.0"])
