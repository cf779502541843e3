"""The shape of a component's proofs, components/<name>/proof.json; schemas/v1 is generated from here.

Proofs are generated and read by `clusterbook.catalog.proofs`, which imports no pydantic: this is for those who read
them with something else.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from clusterbook.catalog.schema import Metadata
from clusterbook.documents.schema import Shape

Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Kubernetes = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
ObjectName = Annotated[str, Field(pattern=r"^[^/]*/.*$")]
Level = Literal["restricted", "baseline", "privileged"]


class _InShape(Shape):
    """What is true of some of the renders only."""

    renders: list[Key] | None = Field(
        None, alias="in", description="Keys of the renders that it is true of; left out where it is true of all."
    )


class RenderShape(Shape):
    """One render: a chart with one set of values, for the oldest Kubernetes of each recipe that has it."""

    key: Key = Field(description="Digest of component, source, chart, version, namespace, values and own manifests.")
    chart: str | None = Field(None, description="Name of the chart; left out where only manifests of ours are.")
    version: str | None = Field(None, description="Version of the archive that was rendered.")
    digest: str | None = Field(None, pattern=r"^sha256:[0-9a-f]{64}$", description="Digest of the archive.")
    exact: Literal[False] | None = Field(None, description="The archive is not of the pinned version, but near it.")
    kubernetes: list[Kubernetes] = Field(description="Versions that it was rendered for.")
    refusal: str | None = Field(None, description="Helm's error where nothing could be rendered.")


class ValueEffectShape(_InShape):
    """What one value does."""

    path: Pointer = Field(description="JSON Pointer below the values of the component.")
    effect: Literal["live", "default", "dead", "own", "refused"] = Field(
        description="live: it changes what is deployed; default: the chart says the same; dead: nothing changes; "
        "own: our manifests or the bundler read it; refused: the chart does not render with it."
    )
    default: Any = Field(None, description="The chart's own value; left out where it has none.")
    near: Pointer | None = Field(
        None, description="The value that was probably meant; the chart does not have this one."
    )
    switch: Pointer | None = Field(None, description="The value that switches this one off.")
    shared: list[Pointer] | None = Field(None, description="Values that say the same, so that one of them would do.")
    why: str | None = Field(None, description="What else there is to say.")
    changes: list[str] | None = Field(
        None,
        description="What is different without it, the first of it: +Kind/name is there only with it, -Kind/name only "
        "without it, Kind/name#/json/pointer reads otherwise.",
    )
    more: int | None = Field(None, ge=1, description="How many further changes there are.")


class KubernetesFactShape(_InShape):
    """Which Kubernetes the chart asks for, or one that it refuses."""

    range: str | None = Field(None, description="kubeVersion of the chart.")
    refused: Kubernetes | None = Field(None, description="A version that recipes allow and the chart refuses.")
    why: str | None = Field(None, description="Helm's error.")


class ImageFactShape(_InShape):
    """An image that the chart names."""

    image: str
    objects: list[ObjectName] = Field(description="The first objects that name it.")
    value: Pointer | None = Field(None, description="The value that sets its repository.")


class PointersFactShape(_InShape):
    """Fields that are new at each render."""

    object: ObjectName
    pointers: list[Pointer]


class OwnedFactShape(PointersFactShape):
    """Fields that the chart writes without content and a controller then owns."""

    api_version: str = Field(alias="apiVersion")
    namespace: str | None = None


class KindFactShape(_InShape):
    """A custom resource definition that the chart brings."""

    name: str
    kind: str
    versions: list[str] = Field(description="Served versions.")
    where: Literal["crds", "templates", "hook"] = Field(description="Helm upgrades those of templates alone.")


class HookFactShape(_InShape):
    """An object that is a hook."""

    object: ObjectName
    when: list[str]


class WebhookFactShape(_InShape):
    """A configuration of admission webhooks."""

    object: ObjectName
    webhooks: list[str]
    failure_policy: list[Literal["Fail", "Ignore"]] = Field(alias="failurePolicy")


class _RoleFactShape(_InShape):
    """A role."""

    object: ObjectName
    rules: int = Field(ge=0)
    grants: list[str] = Field(description="What they allow: resource.group: verbs, once for each resource.")
    everything: Literal[True] | None = Field(None, description="A rule allows every verb on every resource.")


class ClusterRoleFactShape(_RoleFactShape):
    """A role for the whole cluster."""

    added_to: list[str] | None = Field(None, alias="addedTo", description="Roles of the cluster that get them as well.")


class RoleFactShape(_RoleFactShape):
    """A role for one namespace."""

    namespace: str | None = None


class BindingFactShape(_InShape):
    """A role that is not of the chart, and whom the chart gives it to in the whole cluster."""

    object: ObjectName
    role: str
    subjects: list[str]


class ImmutableFactShape(_InShape):
    """A Secret or ConfigMap that can never be changed."""

    object: ObjectName


class PodSecurityFactShape(_InShape):
    """The level that a namespace has to allow so that the pods of the chart start."""

    level: Level
    why: list[str] = Field(description="Kind/name#/json/pointer of what needs it, the first of it.")


class FactsShape(Shape):
    """What the renders say besides; a kind without a fact is left out."""

    kubernetes: list[KubernetesFactShape] | None = None
    images: list[ImageFactShape] | None = None
    unstable: list[PointersFactShape] | None = None
    kinds: list[KindFactShape] | None = None
    hooks: list[HookFactShape] | None = None
    webhooks: list[WebhookFactShape] | None = None
    cluster_roles: list[ClusterRoleFactShape] | None = Field(None, alias="clusterRoles")
    roles: list[RoleFactShape] | None = None
    bindings: list[BindingFactShape] | None = None
    owned: list[OwnedFactShape] | None = None
    immutable: list[ImmutableFactShape] | None = None
    pod_security: list[PodSecurityFactShape] | None = Field(None, alias="podSecurity")


class ComponentProofSpecShape(Shape):
    """What was proven."""

    method: int = Field(ge=1, description="Number of the way in which values are judged; another one is another proof.")
    renders: list[RenderShape]
    values: list[ValueEffectShape]
    facts: FactsShape


class ComponentProofShape(Shape):
    """What a component's chart makes of the values that recipes give it; written by `clusterbook-build prove`."""

    api_version: Literal["clusterbook.dev/v1alpha1"] = Field(alias="apiVersion")
    kind: Literal["ComponentProof"]
    metadata: Metadata
    spec: ComponentProofSpecShape


PROOF_SHAPES: dict[str, type[BaseModel]] = {"component-proof": ComponentProofShape}
"""Shape by the name of its schema file."""
