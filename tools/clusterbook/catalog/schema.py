"""The shapes of the documents people write: what may stand where.

The JSON Schemas under schemas/v1 are generated from these shapes and never edited. Source: reference rows F3-F18.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from clusterbook.catalog.profile_schema import ProfileShape
from clusterbook.catalog.registry_schema import ComponentRegistryShape
from clusterbook.catalog.validator_schema import ValidatorCatalogShape
from clusterbook.documents.schema import (
    PHASES,
    CriterionValue,
    Metadata,
    Name,
    OverlayMetadata,
    OverlayVersion,
    Phase,
    RelativePath,
    Shape,
    SourceVersion,
)
from clusterbook.transition.schema import ComponentUpgradesShape

__all__ = ["PHASES", "SHAPES", "ComponentRegistryShape", "Metadata", "Name", "Phase", "Shape", "ValidatorCatalogShape"]


class CriteriaShape(Shape):
    """Which queries an overlay applies to; what is left out applies to all."""

    service: CriterionValue | None = Field(None, description="Kubernetes service, such as eks.")
    accelerator: CriterionValue | None = Field(None, description="GPU model, such as h100.")
    intent: CriterionValue | None = Field(None, description="training or inference.")
    os: CriterionValue | None = Field(None, description="Operating system of the nodes, such as ubuntu.")
    platform: CriterionValue | None = Field(None, description="Workload platform, such as kubeflow.")
    nodes: int | None = Field(None, ge=0, description="Exact number of nodes; 0 means any.")


class ConstraintShape(Shape):
    """What must be true of a cluster."""

    name: str = Field(min_length=1, description="Measurement path, such as K8s.server.version.")
    value: str = Field(min_length=1, description="Expected value with an optional operator, such as '>= 1.30'.")
    severity: str | None = Field(None, description="error or warning.")
    remediation: str | None = Field(None, description="What to do when it does not hold.")
    unit: str | None = Field(None, description="Unit of a number, such as GB/s.")


class ExpectedResourceShape(Shape):
    """A Kubernetes object that must exist once a component is deployed."""

    kind: str = Field(min_length=1)
    name: str = Field(min_length=1)
    namespace: str | None = None


class ComponentRefShape(Shape):
    """One component of a recipe, or what a layer changes about it."""

    name: Name = Field(description="A name from the component registry.")
    type: str | None = Field(None, description="Helm or Kustomize; default: what the registry says.")
    namespace: str | None = None
    chart: str | None = Field(None, description="Chart name without its repository.")
    source: str | None = Field(None, description="Chart repository (https:// or oci://) or Git source.")
    version: str | None = Field(None, description="Chart version; quote it.")
    tag: str | None = Field(None, description="Git tag, for Kustomize.")
    path: str | None = Field(None, description="Folder in the Git source, for Kustomize.")
    values_file: RelativePath | None = Field(None, alias="valuesFile", description="Values file below the tree's root.")
    overrides: dict[str, Any] | None = Field(None, description="Values that win over the values files; null deletes.")
    dependency_refs: list[str] | None = Field(None, alias="dependencyRefs", description="Components deployed before.")
    manifest_files: list[RelativePath] | None = Field(None, alias="manifestFiles", description="Applied after.")
    pre_manifest_files: list[RelativePath] | None = Field(None, alias="preManifestFiles", description="Applied before.")
    expected_resources: list[ExpectedResourceShape] | None = Field(None, alias="expectedResources")
    health_check_asserts: str | None = Field(None, alias="healthCheckAsserts", description="Inline health check.")
    health_check_skip: bool | None = Field(None, alias="healthCheckSkip", description="Leave the health check out.")
    cleanup: bool | None = Field(None, description="Uninstall after validation.")
    patches: list[str] | None = Field(None, description="Not supported by any deployer; refused.")


class NodeSelectionShape(Shape):
    """Which nodes a validation phase uses."""

    selector: dict[str, str] | None = None
    max_nodes: int | None = Field(None, alias="maxNodes", ge=0)
    exclude_nodes: list[str] | None = Field(None, alias="excludeNodes")


class ValidationPhaseShape(Shape):
    """What one validation phase checks."""

    timeout: str | None = None
    constraints: list[ConstraintShape] | None = None
    checks: list[str] | None = Field(None, description="Validators by name; [] drops what is inherited.")
    node_selection: NodeSelectionShape | None = Field(None, alias="nodeSelection")
    infrastructure: str | None = None


class ValidationShape(Shape):
    """The four validation phases; a phase that is absent is inherited."""

    readiness: ValidationPhaseShape | None = None
    deployment: ValidationPhaseShape | None = None
    performance: ValidationPhaseShape | None = None
    conformance: ValidationPhaseShape | None = None


class ResolutionShape(Shape):
    """How queries are answered."""

    strict_dimensions: list[Literal["os"]] | None = Field(
        None,
        alias="strictDimensions",
        min_length=1,
        max_length=1,
        description="Those that must be named where a recipe depends on them: os, as everywhere.",
    )


class RecipeSpecShape(Shape):
    """What an overlay says."""

    base: str | None = Field(None, description="The one overlay it builds on; empty means base.")
    criteria: CriteriaShape | None = None
    mixins: list[str] | None = Field(None, description="Mixins applied after all overlays.")
    constraints: list[ConstraintShape] | None = None
    component_refs: list[ComponentRefShape] | None = Field(None, alias="componentRefs")
    validation: ValidationShape | None = None
    profile: ProfileShape | None = None
    resolution: ResolutionShape | None = None


class RecipeMetadataShape(Shape):
    """An overlay: a layer of recipes, chosen by its criteria."""

    api_version: OverlayVersion | None = Field(None, alias="apiVersion")
    kind: Literal["RecipeMetadata"]
    metadata: OverlayMetadata
    spec: RecipeSpecShape


class MixinSpecShape(Shape):
    """What a mixin adds."""

    constraints: list[ConstraintShape] | None = None
    component_refs: list[ComponentRefShape] | None = Field(None, alias="componentRefs")


class RecipeMixinShape(Shape):
    """A mixin: a fragment that overlays name, without criteria of its own."""

    api_version: SourceVersion | None = Field(None, alias="apiVersion")
    kind: Literal["RecipeMixin"]
    metadata: Metadata
    spec: MixinSpecShape


class DimensionShape(Shape):
    """The values of one dimension."""

    values: list[Name] = Field(description="Allowed values, without any.")
    aliases: dict[str, str] | None = Field(None, description="Other spelling → value.")
    any: list[str] | None = Field(None, description="Other spellings of any.")


class DimensionsShape(Shape):
    """The named dimensions."""

    service: DimensionShape
    accelerator: DimensionShape
    intent: DimensionShape
    os: DimensionShape
    platform: DimensionShape


class CriteriaSpecShape(Shape):
    """What the criteria file says."""

    dimensions: DimensionsShape


class CriteriaCatalogShape(Shape):
    """The criteria values of the catalog; overlays may claim more. Source: reference rows R1-R7."""

    api_version: Literal["clusterbook.dev/v1alpha1"] = Field(alias="apiVersion")
    kind: Literal["CriteriaCatalog"]
    metadata: Metadata
    spec: CriteriaSpecShape


class ImageShape(Shape):
    """One container image that a component may start."""

    registry: str = Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$", description="Host it is pulled from, such as quay.io.")
    repository: str = Field(
        pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$", description="Path on that host; official images are library/<name>."
    )
    tag: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
        description="Version; quote it. Left out where the image is pulled by its digest alone.",
    )
    digest: str | None = Field(None, pattern=r"^sha256:[0-9a-f]{64}$", description="Digest that was inspected.")
    source: Literal["chart", "manifest", "operator"] = Field(
        description="Named in the chart, in a manifest of ours, or by an operator once it runs, beyond proof."
    )
    suffix: list[Literal["os", "architecture", "kernel"]] | None = Field(
        None, description="What an operator adds to the tag on each node, in order: os adds -ubuntu24.04, say."
    )
    switch: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$",
        description="Path of a value of the component: where it is false, the image is not started.",
    )

    @model_validator(mode="after")
    def _says_which(self) -> ImageShape:
        if self.tag is None and self.digest is None:
            raise ValueError("write 'tag', 'digest', or both")
        if self.tag is None and self.suffix:
            raise ValueError("'suffix' is put behind a tag; write 'tag' as well")
        return self


class MissingImagesShape(Shape):
    """Images that a list cannot name."""

    missing: str = Field(min_length=1, description="Which images, such as those of an agent that an operator starts.")
    reason: str = Field(min_length=1, description="Why they are not known.")


class ComponentImagesSpecShape(Shape):
    """What an image list says."""

    chart: str | None = Field(
        None, min_length=1, description="Version of the chart that the list was written for; quote it."
    )
    images: list[ImageShape] = Field(description="Empty where it is known that none is started.")
    incomplete: list[MissingImagesShape] | None = Field(
        None, description="Which images are not listed, and why; left out where the list is complete."
    )


class ComponentImagesShape(Shape):
    """The container images of one component, components/<name>/images.yaml: what has to be there without a network."""

    api_version: Literal["clusterbook.dev/v1alpha1"] = Field(alias="apiVersion")
    kind: Literal["ComponentImages"]
    metadata: Metadata
    spec: ComponentImagesSpecShape


SHAPES: dict[str, type[BaseModel]] = {
    "component-images": ComponentImagesShape,
    "component-registry": ComponentRegistryShape,
    "component-upgrades": ComponentUpgradesShape,
    "criteria": CriteriaCatalogShape,
    "recipe-metadata": RecipeMetadataShape,
    "recipe-mixin": RecipeMixinShape,
    "validator-catalog": ValidatorCatalogShape,
}
"""Shape by the name of its schema file."""
