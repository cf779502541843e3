"""The ledger: what it records is found again, and what is not there is said so."""

from __future__ import annotations

import json

import jsonschema
import pytest

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diff.recipes import diff
from clusterbook.documents.yaml_reader import parse
from clusterbook.ledger.model import BrokenLedger, Ledger, part_path
from clusterbook.ledger.version import LedgerVersion
from clusterbook.site.json_schemas import schemas
from tests.support.ledgers import two

ONE = LedgerVersion(1, 0, 0)


def test_releases_are_ordered_by_number() -> None:
    files = {f"releases/2026.{month}.0.yaml": "" for month in (10, 9, 2)} | {"releases/notes.yaml": ""}
    assert Ledger(files).releases() == ["2026.2.0", "2026.9.0", "2026.10.0"]


def test_a_recipe_knows_its_versions_and_the_releases_that_brought_them() -> None:
    assert Ledger(two()).history("eks") == {ONE: "2026.3.0", LedgerVersion(1, 1, 0): "2026.7.0"}


def test_a_digest_leads_to_its_recipe_by_its_beginning_too() -> None:
    ledger = Ledger(two())
    entry = ledger.find("eks", ONE)
    assert ledger.by_digest(entry.digest) == ledger.by_digest(entry.digest[:20]) == entry


def test_a_side_knows_who_had_the_last_word() -> None:
    ledger = Ledger(two())
    changes = diff(ledger.side("eks", ONE), ledger.side("eks", LedgerVersion(1, 1, 0))).of("value")
    assert [(change.key, change.old_origin, change.new_origin) for change in changes] == [
        ("/size", "eks overlays/eks.yaml:6:47", "eks overlays/eks.yaml:6:47")
    ]


@pytest.mark.parametrize("digest", ["sha256:12", "sha256:zz3456789012", "sha256:" + "0" * 65, "latest"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a digest"):
        Ledger(two()).by_digest(digest)


@pytest.mark.parametrize(
    ("ask", "what", "hint"),
    [
        (lambda ledger: ledger.release("2026.5.0"), "there is no release 2026.5.0 in registry", "2026.3.0, 2026.7.0"),
        (
            lambda ledger: ledger.find("eks", LedgerVersion(3, 0, 0)),
            "eks has no version 3.0.0",
            "versions: 1.0.0, 1.1.0",
        ),
        (lambda ledger: ledger.find("ekz", ONE), "registry has no recipe ekz", "'eks'"),
        (lambda ledger: ledger.find("components", ONE), "registry has no recipe components", "known: aks"),
        (lambda ledger: ledger.by_digest("sha256:" + "0" * 64), "registry has no recipe with the digest", "--registry"),
    ],
)
def test_what_is_not_there_is_said_so(ask, what: str, hint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotFound) as found:
        ask(Ledger(two()))
    assert what in found.value.what
    assert hint in found.value.hint


@pytest.mark.parametrize("path", sorted(two()))
def test_every_file_fits_the_schema_of_its_kind(path: str) -> None:
    document = node.data() if (node := parse(two()[path], path)) else {}
    names = {"Release": "release", "PublishedRecipe": "published-recipe", "PublishedComponent": "published-component"}
    jsonschema.validate(document, json.loads(schemas()[f"{names[document['kind']]}.schema.json"]))


def test_an_empty_ledger_says_how_to_name_another() -> None:
    for ask in (lambda: Ledger({}).release("2026.7.0"), lambda: Ledger({}).find("eks", ONE)):
        with pytest.raises(NotFound) as found:
            ask()
        assert "--registry" in found.value.hint
    assert Ledger({}).releases() == Ledger({}).withdrawals() == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "registry/eks/1.0.0.yaml"),
        ("{", "registry/eks/1.0.0.yaml:2:1"),
        ("kind: PublishedRecipe\n", "registry/eks/1.0.0.yaml:1:1"),
        ("kind: Release\n", "registry/eks/1.0.0.yaml:1:1"),
    ],
)
def test_a_damaged_file_is_named(text: str, place: str) -> None:
    with pytest.raises(BrokenLedger) as found:
        Ledger({**two(), "eks/1.0.0.yaml": text}).content("eks", ONE)
    assert str(found.value.place) == place
    assert "git checkout" in found.value.hint


def test_a_missing_part_is_named() -> None:
    files = two()
    ref = Ledger(files).recipe("eks", ONE)["recipe"]["componentRefs"][0]
    del files[part_path(ref["name"], ref["part"])]
    with pytest.raises(BrokenLedger, match=f"registry/components/a/{ref['part']}.yaml is missing"):
        Ledger(files).content("eks", ONE)
