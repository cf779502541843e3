"""The shape of the component registry: what recipes may deploy, and what is known of it.

Source: reference rows F3-F11.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterbook.catalog.profile_schema import ConfigurationShape
from clusterbook.documents.schema import DefinitionName, DnsName, Metadata, Name, RelativePath, Shape, SourceVersion


class HelmShape(Shape):
    """Where a component's chart comes from unless a recipe says otherwise."""

    default_repository: str | None = Field(None, alias="defaultRepository")
    default_chart: str | None = Field(None, alias="defaultChart", description="May carry a repository name before '/'.")
    default_version: str | None = Field(None, alias="defaultVersion")
    default_namespace: str | None = Field(None, alias="defaultNamespace")


class KustomizeShape(Shape):
    """Where a component's kustomization comes from unless a recipe says otherwise."""

    default_source: str | None = Field(None, alias="defaultSource")
    default_path: str | None = Field(None, alias="defaultPath")
    default_tag: str | None = Field(None, alias="defaultTag")
    default_namespace: str | None = Field(None, alias="defaultNamespace")


class ManifestShape(Shape):
    """A component that is manifests alone."""

    default_namespace: str | None = Field(None, alias="defaultNamespace")


class SchedulingPathsShape(Shape):
    """Where in a chart's values the scheduling of one kind of node is written."""

    node_selector_paths: list[str] | None = Field(None, alias="nodeSelectorPaths")
    toleration_paths: list[str] | None = Field(None, alias="tolerationPaths")
    taint_paths: list[str] | None = Field(None, alias="taintPaths")
    taint_str_paths: list[str] | None = Field(None, alias="taintStrPaths")
    require_node_selector: bool | None = Field(
        None, alias="requireNodeSelector", description="A bundle without a node selector is refused."
    )
    require_node_selector_if_storage_class_set: bool | None = Field(
        None,
        alias="requireNodeSelectorIfStorageClassSet",
        description="The same, where a storage class is set, which may tie volumes to a zone.",
    )


class NodeSchedulingShape(Shape):
    """Scheduling paths for system nodes and for nodes with accelerators."""

    system: SchedulingPathsShape | None = None
    accelerated: SchedulingPathsShape | None = None
    node_count_paths: list[str] | None = Field(None, alias="nodeCountPaths")


class WorkloadShape(Shape):
    """Where a chart takes the label selector of protected workloads."""

    workload_selector_paths: list[str] | None = Field(None, alias="workloadSelectorPaths")


class PodSchedulingShape(Shape):
    """Scheduling of workload pods."""

    workload: WorkloadShape | None = None


class ComponentValidationShape(Shape):
    """A check that runs when a bundle is made."""

    function: str
    severity: Literal["error", "warning", "info"] | None = None
    conditions: dict[str, list[str]] | None = None
    message: str | None = None


class HealthCheckShape(Shape):
    """Which file asserts that a component is healthy."""

    assert_file: RelativePath | None = Field(None, alias="assertFile")


class UpgradesShape(Shape):
    """Which file says what an upgrade takes."""

    file: RelativePath


class InstallShape(Shape):
    """How a component is installed where the usual way does not do."""

    wait: bool | None = Field(None, description="false: do not wait until its objects are ready.")
    timeout: str | None = Field(None, pattern=r"^[1-9][0-9]*[smh]$", description="How long it may take, such as 20m.")
    retries: int | None = Field(None, ge=0, description="How often a failed attempt is retried.")


class RestartShape(Shape):
    """Another component whose new version has to restart the pods of this one."""

    component: Name = Field(description="The component whose chart version counts.")
    annotation_paths: list[str] = Field(alias="annotationPaths", description="Where in the values pod annotations go.")


class NeedShape(Shape):
    """Kinds that a cluster has to know before a component is installed, and where they come from."""

    kinds: list[DefinitionName] = Field(
        min_length=1, description="Names of CustomResourceDefinitions, such as gateways.gateway.networking.k8s.io."
    )
    how: str = Field(
        pattern=r"^\S(.*\S)?$", description="What to do when one is missing: a command, or a sentence; one line."
    )


class NodeEffectShape(Shape):
    """What an upgrade does to nodes, and to whoever works on them, and by which change."""

    effect: Literal["drains", "reboots", "restarts"] = Field(
        description="drains: pods leave the nodes; reboots: nodes restart; restarts: per-node pods restart."
    )
    paths: list[str] | None = Field(None, min_length=1, description="Values that do it when they change.")
    on_chart: bool | None = Field(None, alias="onChart", description="Another version of its chart does it.")
    on_manifests: bool | None = Field(None, alias="onManifests", description="Another text of its manifests does it.")
    how: str = Field(pattern=r"^\S(.*\S)?$", description="What happens, and what keeps it in bounds; one line.")


FactKey = Literal["allocationPaths", "crdGroups", "install", "nodeTaints", "restartsWith", "sourceRangePaths"]
"""Keys of a component that a registry in the reference's format does not have."""


class ComponentShape(Shape):
    """One component that recipes may name."""

    name: Name
    display_name: str | None = Field(None, alias="displayName")
    value_override_keys: list[str] | None = Field(None, alias="valueOverrideKeys")
    helm: HelmShape | None = None
    kustomize: KustomizeShape | None = None
    manifest: ManifestShape | None = None
    node_scheduling: NodeSchedulingShape | None = Field(None, alias="nodeScheduling")
    pod_scheduling: PodSchedulingShape | None = Field(None, alias="podScheduling")
    storage_class_paths: list[str] | None = Field(None, alias="storageClassPaths")
    shared_storage_class_paths: list[str] | None = Field(
        None, alias="sharedStorageClassPaths", description="The same, of volumes that several nodes write."
    )
    manifest_files: list[RelativePath] | None = Field(
        None, alias="manifestFiles", description="Applied after it, where no layer names any."
    )
    mixin_safe_override_paths: list[str] | None = Field(
        None, alias="mixinSafeOverridePaths", description="Values that a mixin may set, whoever brings the component."
    )
    owns_crds: bool | None = Field(
        None,
        alias="ownsCRDs",
        description="false: an upgrade leaves its kinds as they are; another chart brings them too.",
    )
    component_class: Literal["core", "ops"] | None = Field(
        None, alias="class", description="ops: watches a cluster, and needs no GPU; default: core."
    )
    upgrades: UpgradesShape | None = None
    renamed_from: list[Name] | None = Field(
        None, alias="renamedFrom", description="What it was called before: its releases take over those of that name."
    )
    takes_over: list[Name] | None = Field(
        None, alias="takesOver", description="Components that brought its kinds before it was one of its own."
    )
    node_effects: list[NodeEffectShape] | None = Field(
        None, alias="nodeEffects", description="What an upgrade of it does to nodes."
    )
    validations: list[ComponentValidationShape] | None = None
    health_check: HealthCheckShape | None = Field(None, alias="healthCheck")
    gke_critical_priority: bool | None = Field(None, alias="gkeCriticalPriority")
    has_self_ref_crds: bool | None = Field(None, alias="hasSelfRefCRDs")
    manifests_use_chart_crds: bool | None = Field(None, alias="manifestsUseChartCRDs")
    install: InstallShape | None = None
    crd_groups: list[str] | None = Field(
        None,
        alias="crdGroups",
        description="API groups of its CRDs, or a CRD by name in a group that others share. Leftovers are reported.",
    )
    needs_kinds: list[NeedShape] | None = Field(
        None,
        alias="needsKinds",
        description="Kinds that no chart of the catalog brings: nothing is installed without them.",
    )
    node_taints: list[str] | None = Field(
        None, alias="nodeTaints", description="Keys of taints it sets; leftovers are removed before it is installed."
    )
    allocation_paths: list[str] | None = Field(
        None, alias="allocationPaths", description="Values that decide how GPUs are given to pods."
    )
    source_range_paths: list[str] | None = Field(
        None, alias="sourceRangePaths", description="Where allowed client networks go; private ones unless said."
    )
    restarts_with: RestartShape | None = Field(None, alias="restartsWith")
    owned_secrets: list[DnsName] | None = Field(
        None,
        alias="ownedSecrets",
        description="Secrets that its chart writes empty or regenerates, and something else fills: kept as they are.",
    )
    pod_security: Literal["privileged"] | None = Field(
        None,
        alias="podSecurity",
        description="privileged: its pods start in no namespace of a stricter level of pod security.",
    )
    test_tier: str | None = Field(None, alias="testTier")


class ComponentRegistryShape(Shape):
    """The component registry: everything recipes may deploy."""

    api_version: SourceVersion | None = Field(None, alias="apiVersion")
    kind: Literal["ComponentRegistry"]
    metadata: Metadata | None = None
    components: list[ComponentShape]
    configurations: list[ConfigurationShape] | None = Field(
        None, description="Choices of every recipe that has the components they name, in trees of others as well."
    )
    public_groups: list[str] | None = Field(
        None, alias="publicGroups", description="API groups, as patterns, that a redacted snapshot still names."
    )
    also_for_reference: dict[Name, list[FactKey]] | None = Field(
        None,
        alias="alsoForReference",
        description="By component, what holds in trees of the reference's format as well, which have no words for it.",
    )
