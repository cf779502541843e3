"""The shape of the validator catalog: the checks that recipes may name. Source: reference row F18."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterbook.documents.schema import Metadata, Name, Phase, Shape


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


class RightShape(Shape):
    """What a check may do in the cluster; it may do nothing that is not written here."""

    api_groups: list[str] = Field(alias="apiGroups", min_length=1, description='"" is the core group.')
    resources: list[str] = Field(min_length=1)
    verbs: list[str] = Field(min_length=1)
    resource_names: list[str] | None = Field(None, alias="resourceNames")
    namespace: str | None = Field(None, description="Absent: everywhere. `.` is the namespace that the check runs in.")


class ValidatorShape(Shape):
    """One check that a recipe may name in a validation phase."""

    name: Name
    phase: Phase
    description: str | None = None
    image: str | None = None
    timeout: str | None = None
    command: list[str] | None = Field(
        None, description="Instead of the image's own; exit 0 passed, 1 failed, 2 skipped."
    )
    args: list[str] | None = None
    env: list[EnvShape] | None = None
    resources: ResourcesShape | None = None
    where: Literal["anywhere", "each GPU node"] | None = Field(None, description="With a GPU each, on every GPU node.")
    permissions: list[RightShape] | None = Field(None, description="What it may do; absent: nothing.")
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
