"""The shape of a snapshot, as collectors write it; schemas/v1/snapshot.schema.json is generated from here.

`model` and `inventory` read more: what the reference wrote as well.
Source: reference rows S1-S20; objects, releases and coverage are ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clusterbook.documents.schema import Shape, SnapshotVersion

Reading = str | int | float | bool | None
MeasurementType = Literal["K8s", "GPU", "OS", "SystemD", "NodeTopology", "NetworkTopology", "Performance", "Checks"]


class SnapshotMetadata(Shape):
    """When, where and by what a snapshot was taken."""

    timestamp: str | None = Field(None, description="RFC 3339, UTC.")
    version: str | None = Field(None, description="Version of the tool that took it.")
    source_node: str | None = Field(None, alias="source-node", description="The node whose own readings these are.")
    redacted: str | None = Field(None, description="The redaction that was applied, by its version; absent: none.")


class FingerprintValue(Shape):
    """One thing that tells clusters apart, and what says so."""

    value: str | int | None = None
    version: str | None = Field(None, description="For os: the release, such as 24.04.")
    source: str | None = Field(None, description="The reading it comes from, such as K8s.node.provider.")
    note: str | None = Field(None, description="multi-region, multi-gpu or unknown-sku, say.")


class FingerprintShape(Shape):
    """What kind of cluster this is; advisory."""

    service: FingerprintValue | str | None = None
    accelerator: FingerprintValue | str | None = None
    gpu_model: FingerprintValue | str | None = Field(None, alias="gpuModel")
    os: FingerprintValue | str | None = None
    k8s_version: FingerprintValue | str | None = Field(None, alias="k8sVersion")
    region: FingerprintValue | str | None = None
    node_count: FingerprintValue | int | None = Field(None, alias="nodeCount")
    gpu_node_count: FingerprintValue | int | None = Field(None, alias="gpuNodeCount")
    gpus: FingerprintValue | str | None = Field(None, description="How many of each kind: 16 whole, 14 MIG.")


class ItemShape(Shape):
    """One of several alike things, such as a network interface."""

    data: dict[str, Reading] | None = None
    context: dict[str, Reading] | None = Field(None, description="What helps people, and is not judged first.")


class SubtypeShape(Shape):
    """One group of readings."""

    subtype: Annotated[str, Field(min_length=1, description="server, release, sysctl, containerd.service, …")]
    data: dict[str, Reading] | None = None
    context: dict[str, Reading] | None = None
    items: list[ItemShape] | None = None


class MeasurementShape(Shape):
    """All groups of one type; each type stands at most once."""

    type: MeasurementType
    subtypes: list[SubtypeShape]


class ObjectMetadata(BaseModel):
    """An object's name, and whatever else the API says; managedFields is better left out."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    name: str = Field(min_length=1)
    namespace: str | None = None
    labels: dict[str, str] | None = None


class ObjectShape(BaseModel):
    """One object as the API shows it, without apiVersion and kind; spec and status as far as they are needed."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    metadata: ObjectMetadata


class ObjectsShape(Shape):
    """All objects of one kind; a kind with no items was looked for, and there are none."""

    api_version: str = Field(alias="apiVersion", min_length=1)
    kind: str = Field(min_length=1)
    items: list[ObjectShape]


class InstalledReleaseShape(Shape):
    """One installed Helm release, in its last revision."""

    name: str = Field(min_length=1)
    namespace: str | None = None
    chart: str | None = Field(None, description="Name of the chart.")
    version: str | None = Field(None, description="Version of the chart; quote it.")
    app_version: str | None = Field(None, alias="appVersion")
    status: str | None = Field(None, description="deployed, failed, pending-install, …")
    revision: int | None = None
    values: dict[str, Any] | None = Field(None, description="What its user gave; absent where it could not be read.")


class GapShape(Shape):
    """Something that could not be seen, or not all of it."""

    part: str = Field(
        min_length=1,
        description="objects/<apiVersion>/<kind>, measurements/<type>[.<subtype>], releases or nodes.",
    )
    state: Literal["absent", "partial", "denied", "failed", "skipped"] = Field(
        description="The cluster has none; some is missing; no permission; an error or time-out; not looked for."
    )
    namespace: str | None = Field(None, description="Absent: in all namespaces.")
    reason: str | None = Field(None, description="What the API or the system said.")


class SnapshotShape(Shape):
    """What a cluster is, at one moment, and what of it could not be seen."""

    api_version: SnapshotVersion | None = Field(None, alias="apiVersion")
    kind: Literal["Snapshot"]
    metadata: SnapshotMetadata | None = None
    fingerprint: FingerprintShape | None = None
    measurements: list[MeasurementShape] | None = None
    objects: list[ObjectsShape] | None = None
    releases: list[InstalledReleaseShape] | None = Field(None, description="Absent: nobody looked.")
    coverage: list[GapShape] | None = Field(None, description="What is not listed was seen completely.")
