"""The shape of the validator catalog: the checks that recipes may name. Source: reference row F18."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterbook.core.shapebase import Metadata, Name, Phase, Shape


class EnvShape(Shape):
    """An environment variable of a validator."""

    name: str
    value: str | None = None


class AffinityShape(Shape):
    """Next to which component's pods a validator runs."""

    component_ref: str = Field(alias="componentRef")
    pod_label_selector: dict[str, str] | str | None = Field(None, alias="podLabelSelector")
    requirement: Literal["required", "preferred"] | None = None
    topology_key: str | None = Field(None, alias="topologyKey")


class ResourcesShape(Shape):
    """What a validator's container may use."""

    cpu: str | None = None
    memory: str | None = None


class ValidatorShape(Shape):
    """One check that a recipe may name in a validation phase."""

    name: Name
    phase: Phase
    description: str | None = None
    image: str | None = None
    timeout: str | None = None
    args: list[str] | None = None
    env: list[EnvShape] | None = None
    resources: ResourcesShape | None = None
    dependency_affinity: list[AffinityShape] | None = Field(None, alias="dependencyAffinity")


class ValidatorCatalogShape(Shape):
    """The checks that recipes may name."""

    api_version: (
        Literal[
            "clusterbook.dev/v1alpha1",
            "aicr.run/v1alpha2",
            "aicr.nvidia.com/v1alpha1",
            "validator.nvidia.com/v1alpha1",
        ]
        | None
    ) = Field(None, alias="apiVersion")
    kind: Literal["ValidatorCatalog"]
    metadata: Metadata | None = None
    validators: list[ValidatorShape]
