"""Upgrade records: what a document says, and which jumps cross a transition."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from clusterbook.documents.yaml_reader import parse
from clusterbook.transition.record import MANUAL, SAFE, UpgradeStep, read_record
from clusterbook.transition.schema import ComponentUpgradesShape

RECORD = """\
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentUpgrades
component: grove
transitions:
  - from: <0.1.0-alpha.12
    to: 0.1.0-alpha.12
    verdict: manual
    verifiedBy: a run on kind, 2026-09-02
    summary: A kind gets another name.
    precondition: none of the old kind is left
    reversible: false
    reversibleNotes: the old kind is gone
    affectedResources:
      - group: grove.io
        kinds: [ClusterTopology]
    stepsByDeployer:
      - deployers: [helm, helmfile]
        steps:
          - {id: delete, description: kubectl delete crd x, reason: it has the short name}
      - steps:
          - {id: sync, description: sync the releases}
    references: [https://example.org/1]
  - from: ">=0.1.0-alpha.12 <0.1.0-alpha.13"
    to: 0.1.0-alpha.13
    verdict: safe
    verifiedBy: a run on kind, 2026-09-28
    summary: A field comes.
"""


def document(text: str = RECORD) -> dict[str, object]:
    node = parse(text, "upgrades.yaml")
    assert node is not None
    found = node.data()
    assert isinstance(found, dict)
    return found


def test_a_record_says_all_that_its_document_says() -> None:
    ComponentUpgradesShape.model_validate(document())
    record = read_record(document(), "components/grove/upgrades.yaml")
    first, second = record.transitions
    assert (record.component, record.file) == ("grove", "components/grove/upgrades.yaml")
    assert (first.start.text, first.target.text, first.verdict) == ("<0.1.0-alpha.12", "0.1.0-alpha.12", MANUAL)
    assert (first.summary, first.precondition) == ("A kind gets another name.", "none of the old kind is left")
    assert (first.verified_by, first.reversible, first.reversible_notes) == (
        "a run on kind, 2026-09-02",
        False,
        "the old kind is gone",
    )
    assert [(each.group, each.kinds) for each in first.resources] == [("grove.io", ("ClusterTopology",))]
    assert first.references == ("https://example.org/1",)
    assert (second.verdict, second.reversible, second.groups) == (SAFE, None, ())


def test_a_transition_is_written_as_it_was_read() -> None:
    transitions = document()["transitions"]
    assert [each.document() for each in read_record(document()).transitions] == transitions


def test_a_deployer_has_its_own_steps_or_those_for_the_rest() -> None:
    first, second = read_record(document()).transitions
    assert first.steps("helm") == (UpgradeStep("delete", "kubectl delete crd x", "it has the short name"),)
    assert [step.id for step in first.steps("flux")] == ["sync"]
    assert second.steps("helm") == ()


@pytest.mark.parametrize(
    ("old", "new", "crossed"),
    [
        ("v0.1.0-alpha.8", "v0.1.0-alpha.12", ["0.1.0-alpha.12"]),
        ("0.1.0-alpha.8", "0.1.0-alpha.13", ["0.1.0-alpha.12", "0.1.0-alpha.13"]),
        ("0.1.0-alpha.8", "1.0.0", ["0.1.0-alpha.12", "0.1.0-alpha.13"]),
        ("0.1.0-alpha.12", "0.1.0-alpha.13", ["0.1.0-alpha.13"]),
        ("0.1.0-alpha.12", "0.1.0-alpha.12", []),
        ("0.1.0-alpha.13", "0.1.0-alpha.8", []),
        ("0.1.0-alpha.13", "0.2.0", []),
        ("main", "0.1.0-alpha.13", []),
        ("0.1.0-alpha.8", "main", []),
    ],
)
def test_a_jump_crosses_what_it_starts_below_and_reaches(old: str, new: str, crossed: list[str]) -> None:
    assert [each.target.text for each in read_record(document()).crossed(old, new)] == crossed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from: <0.1.0-alpha.12", "from: ^0.1.0"),
        ("to: 0.1.0-alpha.12", "to: 0.1 || 0.2"),
        ("to: 0.1.0-alpha.12", "to: latest"),
        ("verdict: manual", "verdict: maybe"),
        ("deployers: [helm, helmfile]", "deployers: [kustomize]"),
        ("deployers: [helm, helmfile]", "deployers: []"),
        ("summary: A kind gets another name.", "summary: ' '"),
        ("    precondition:", "    precondtion:"),
        ("kinds: [ClusterTopology]", "kinds: []"),
        ("component: grove", "components: grove"),
    ],
)
def test_what_does_not_have_the_shape_is_refused(old: str, new: str) -> None:
    assert old in RECORD
    with pytest.raises(ValidationError):
        ComponentUpgradesShape.model_validate(document(RECORD.replace(old, new, 1)))
