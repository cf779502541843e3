"""The shape of an upgrade plan as JSON; schemas/v1 is generated from here.

Plans are written by `upgrade.report`, which imports no pydantic: this is for those who read them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from clusterbook.documents.schema import Shape


class PlanMetadataShape(Shape):
    """What is upgraded to what."""

    from_: str = Field(alias="from", description="What FROM was called on the command line.")
    to: str
    deployer: Literal["argocd", "argocd-helm", "flux", "helm", "helmfile"]


class UpgradeNoteShape(Shape):
    """What there is to know, and to do."""

    topic: Literal[
        "goes", "kinds", "namespace", "nodes", "others", "record", "renamed", "requires", "version", "volumes"
    ]
    text: str
    do: str | None = Field(None, description="What to type, or to decide.")
    needs_you: bool = Field(alias="needsYou", description="Only you can do it.")


class PlanNeedShape(UpgradeNoteShape):
    """What needs somebody, with the release that it is about; without, the whole cluster."""

    release: str | None = None


class RequirementShape(Shape):
    """What has to hold before the first step, and did not have to before."""

    name: str = Field(description="A constraint, such as K8s.server.version, or names of kinds.")
    before: str | None = Field(None, description="What was asked before.")
    after: str
    holds: bool | None = Field(None, description="What a snapshot shows; absent where it is not known.")


class PlacedReleaseShape(Shape):
    """A Helm release on one side. What is not known, or not there, is left out."""

    release: str
    namespace: str
    chart: str | None = None
    repository: str | None = None
    version: str | None = None


class ValueStepShape(Shape):
    """A value that changes; the side on which it is not set is left out."""

    pointer: str = Field(description="JSON Pointer below the values of the release.")
    before: Any = None
    after: Any = None
    effect: Literal["live", "default", "dead", "own", "refused", "unproven"] = Field(
        description="What the value that is set does, as its chart's proof says; unproven where no proof is about it."
    )
    changes: list[str] | None = Field(None, description="Objects that read otherwise with it, the first of them.")
    more: int | None = Field(None, ge=1, description="How many further changes there are.")


class KindStepShape(Shape):
    """A custom resource definition that an upgrade moves."""

    name: str
    change: Literal["comes", "changes", "goes", "taken over", "may change"] = Field(
        description="may change: it is there on both sides, and what is in it was not compared."
    )
    how: str = Field(description="Who moves it.")
    lost: list[str] | None = Field(None, description="Versions that are no longer served.")


class RecordStepShape(Shape):
    """A step of an upgrade record."""

    id: str
    description: str


class RecordShape(Shape):
    """What upgrade records say of the step."""

    verdict: Literal["safe", "manual", "blocked", "unknown", "unversioned"]
    why: str
    steps: list[RecordStepShape] | None = None


class UndoShape(Shape):
    """Whether a step can be undone."""

    possible: Literal["yes", "no", "not known"]
    why: str = Field(description="How, or why not.")


class ReleaseStepShape(Shape):
    """What becomes of one release."""

    release: str
    component: str
    action: Literal["comes", "goes", "renamed", "moves", "upgrades", "changes", "stays"]
    before: PlacedReleaseShape | None = None
    after: PlacedReleaseShape | None = None
    values: list[ValueStepShape] | None = None
    manifests: list[str] | None = Field(None, description="Manifests of the recipe whose text differs.")
    kinds: list[KindStepShape] | None = None
    record: RecordShape | None = None
    notes: list[UpgradeNoteShape] | None = None
    unproven: list[str] | None = Field(None, description="What is not known, and why.")
    undo: UndoShape


class PlanSpecShape(Shape):
    """The plan: releases in the order in which they are installed, those that go last."""

    needs_you: list[PlanNeedShape] = Field(alias="needsYou")
    requirements: list[RequirementShape]
    notes: list[UpgradeNoteShape]
    releases: list[ReleaseStepShape]


class UpgradePlanShape(Shape):
    """What becomes of each release in an upgrade; written by `clusterbook upgrade plan -t json`."""

    api_version: Literal["clusterbook.dev/v1alpha1"] = Field(alias="apiVersion")
    kind: Literal["UpgradePlan"]
    metadata: PlanMetadataShape
    spec: PlanSpecShape


PLAN_SHAPES: dict[str, type[BaseModel]] = {"upgrade-plan": UpgradePlanShape}
"""Shape by the name of its schema file."""
