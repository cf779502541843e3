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


class InspectedObjectShape(Shape):
    """An object that has to be there and be healthy."""

    kind: str = Field(min_length=1)
    name: str = Field(min_length=1, description="May hold {fullname}.")
    namespace: str | None = Field(None, description="May be {namespace}, that of the component.")


class InspectedStateShape(InspectedObjectShape):
    """An object whose status.state has to be a word."""

    api_version: str = Field(alias="apiVersion", min_length=1)
    state: str


class InspectedConditionShape(InspectedObjectShape):
    """An object of which a condition has to be true."""

    api_version: str = Field(alias="apiVersion", min_length=1)
    condition: str


class InspectedVersionShape(InspectedObjectShape):
    """A workload that shows the version of a component, by label, image tag or annotation."""

    component: Name = Field(description="In whose namespace it lies, unless the recipe does not say one.")


class InspectedPodsShape(Shape):
    """Pods in the namespace of the component, of which one has to run."""

    labels: dict[str, str]
    otherwise: str = Field(description="What is wrong when none runs; may hold {namespace}.")


class InspectedSomeShape(Shape):
    """Objects of a kind, of which in one a field has to end in a word."""

    api_version: str = Field(alias="apiVersion", min_length=1)
    kind: str = Field(min_length=1)
    field: str = Field(pattern=r"^\w+(\.\w+)*$", description="Such as spec.driver.")
    ends_with: str = Field(alias="endsWith")
    otherwise: str = Field(description="What is wrong when there is none.")


class InspectionShape(Shape):
    """What a snapshot has to show, so that a check can hold; whatever is not there fails it."""

    component: Name | None = Field(None, description="Only where the recipe deploys it.")
    namespace: str | None = Field(None, description="Of the component, unless the recipe says another: {namespace}.")
    fullname: str | None = Field(None, description="Of its release, unless its values override it: {fullname}.")
    gpu_nodes: int | None = Field(None, alias="gpuNodes", ge=1, description="How many a measurement takes.")
    measured: bool | None = Field(None, description="Held against figures, by the constraints that it judges.")
    expected_resources: bool | None = Field(
        None, alias="expectedResources", description="All namespaces and expected resources of the recipe."
    )
    version: InspectedVersionShape | None = None
    healthy: list[InspectedObjectShape] | None = None
    states: list[InspectedStateShape] | None = None
    conditions: list[InspectedConditionShape] | None = None
    pods: InspectedPodsShape | None = None
    some: InspectedSomeShape | None = None
    holds: str | None = Field(None, description="What to say when it holds; {count} are the pods, or some objects.")
    holds_one: str | None = Field(None, alias="holdsOne", description="The same of one.")
    then: str | None = Field(
        None, description="Checks that have to run as well, so that inspection alone never passes."
    )
    then_if: str | None = Field(None, alias="thenIf", description="Only where this value of the component is true.")


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
    judges: list[str] | None = Field(None, description="Constraints that it judges itself; absent: that of its name.")
    inspect: list[InspectionShape] | None = Field(
        None, description="What a snapshot shows; the first whose component the recipe deploys counts."
    )
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
