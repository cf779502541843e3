"""The shape of components/<name>/upgrades.yaml: what it takes to bring a component from one version to another.

Source: the reference's ADR-021, upgrade records.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from clusterbook.documents.schema import Name, Shape, SourceVersion
from clusterbook.transition.version_range import RANGE

Range = Annotated[str, Field(pattern=RANGE, max_length=200)]
Line = Annotated[str, Field(min_length=1, pattern=r"\S")]
Deployer = Literal["argocd", "argocd-helm", "flux", "helm", "helmfile"]


class AffectedResourcesShape(Shape):
    """Objects of a cluster that a transition concerns."""

    group: str = Field(description="API group, such as grove.io; empty for the core group.")
    kinds: list[Line] = Field(min_length=1)


class UpgradeStepShape(Shape):
    """One step that somebody takes."""

    id: Name
    description: Line = Field(description="What to do: a command, or a sentence.")
    reason: str | None = Field(None, description="Why it is needed.")


class DeployerStepsShape(Shape):
    """The steps with some deployers; the group without `deployers` is for the rest."""

    deployers: list[Deployer] | None = Field(None, min_length=1)
    steps: list[UpgradeStepShape] = Field(min_length=1)


class TransitionShape(Shape):
    """What it takes to come from one range of versions into another."""

    from_: Range = Field(alias="from", description="Versions that it starts from, such as '>=0.18.0 <0.19.0'.")
    to: Range = Field(description="Versions that it leads to, such as '0.19.0'.")
    verdict: Literal["safe", "manual", "blocked"] = Field(
        description="safe: nothing to do; manual: follow the steps; blocked: not possible directly."
    )
    verified_by: Line | None = Field(None, alias="verifiedBy", description="How it is known, such as a run or a note.")
    summary: Line
    precondition: str | None = Field(None, description="Precondition.")
    reversible: bool | None = Field(None, description="Whether the rollback was tested.")
    reversible_notes: str | None = Field(None, alias="reversibleNotes")
    affected_resources: list[AffectedResourcesShape] | None = Field(None, alias="affectedResources")
    steps_by_deployer: list[DeployerStepsShape] | None = Field(None, alias="stepsByDeployer")
    references: list[Line] | None = None


class ComponentUpgradesShape(Shape):
    """What it takes to upgrade one component."""

    api_version: SourceVersion = Field(alias="apiVersion")
    kind: Literal["ComponentUpgrades"]
    component: Name = Field(description="The component that the registry names this file for.")
    transitions: list[TransitionShape] = Field(min_length=1)
