"""The shape of a configuration file: its sections and fields, some of which only the reference's program acts on.

Its JSON Schema is generated from here; `cli.config` says which flags the fields stand for. Source: reference rows G6,
G7.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    """A part of the configuration; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class CriteriaPart(_Part):
    """Criteria, as on the command line."""

    service: str | None = None
    accelerator: str | None = None
    intent: str | None = None
    os: str | None = None
    platform: str | None = None
    nodes: int | None = Field(None, ge=0)


class InputPart(_Part):
    """What criteria are taken from."""

    snapshot: str | None = None


class OutputPart(_Part):
    """Where the recipe goes."""

    path: str | None = None
    format: Literal["yaml", "json", "table"] | None = None


class AccountingPart(_Part):
    """Who brings the database of Slurm's accounting."""

    mode: str | None = None


class SlurmPart(_Part):
    """What can be chosen about Slurm."""

    accounting: AccountingPart | None = None


class RuntimeInventoryPart(_Part):
    """Whether the inventory of AI software is deployed."""

    mode: str | None = None


class InterfacePart(_Part):
    """To which network one interface belongs."""

    interface_name: str = Field(alias="interfaceName")
    network: str


class GkePart(_Part):
    """What a recipe has to be told of a GKE cluster."""

    tcpxo_interfaces: list[InterfacePart] | None = Field(None, alias="tcpxoInterfaces")


class ConfigurationPart(_Part):
    """What can be chosen for a recipe besides its profile."""

    slurm: SlurmPart | None = None
    runtime_inventory: RuntimeInventoryPart | None = Field(None, alias="runtimeInventory")
    gke: GkePart | None = None


class RecipePart(_Part):
    """What `recipe` and `query` read."""

    criteria: CriteriaPart | None = None
    input: InputPart | None = None
    output: OutputPart | None = None
    data: str | None = None
    criteria_strict: bool | None = Field(None, alias="criteriaStrict")
    allow_inherited: bool | None = Field(None, alias="allowInherited")
    source: str | None = None
    profile: str | None = None
    configuration: ConfigurationPart | None = None


class BundleInputPart(_Part):
    """What is bundled."""

    recipe: str | None = None


class BundleOutputPart(_Part):
    """Where the bundle goes."""

    target: str | None = None
    image_refs: str | None = Field(None, alias="imageRefs")


class DeploymentPart(_Part):
    """How the bundle is deployed."""

    deployer: str | None = None
    repo: str | None = None
    target_revision: str | None = Field(None, alias="targetRevision")
    set_: list[str] | None = Field(None, alias="set")
    set_json: list[str] | None = Field(None, alias="setJson")
    set_file: list[str] | None = Field(None, alias="setFile")
    set_secret: list[str] | None = Field(None, alias="setSecret")
    dynamic: list[str] | None = None
    vendor_charts: bool | None = Field(None, alias="vendorCharts")
    readiness_hooks: bool | None = Field(None, alias="readinessHooks")
    app_name: str | None = Field(None, alias="appName")
    flux_namespace: str | None = Field(None, alias="fluxNamespace")
    flux_oci_source_name: str | None = Field(None, alias="fluxOciSourceName")


class SchedulingPart(_Part):
    """Which nodes take which pods."""

    system_node_selector: dict[str, str] | None = Field(None, alias="systemNodeSelector")
    system_node_tolerations: list[str] | None = Field(None, alias="systemNodeTolerations")
    accelerated_node_selector: dict[str, str] | None = Field(None, alias="acceleratedNodeSelector")
    accelerated_node_tolerations: list[str] | None = Field(None, alias="acceleratedNodeTolerations")
    workload_gate: str | None = Field(None, alias="workloadGate")
    workload_selector: dict[str, str] | None = Field(None, alias="workloadSelector")
    nodes: int | None = Field(None, ge=0)
    storage_class: str | None = Field(None, alias="storageClass")
    shared_storage_class: str | None = Field(None, alias="sharedStorageClass")
    dra_eviction_node_label: str | None = Field(None, alias="draEvictionNodeLabel")


class AttestationPart(_Part):
    """How a bundle is signed: by whoever is logged in, or with a key. `key` and `trustConfig` are ours."""

    enabled: bool | None = None
    key: str | None = None
    signing_key: str | None = Field(None, alias="signingKey")
    trust_config: str | None = Field(None, alias="trustConfig")
    certificate_identity_regexp: str | None = Field(None, alias="certificateIdentityRegexp")
    oidc_device_flow: bool | None = Field(None, alias="oidcDeviceFlow")
    fulcio_url: str | None = Field(None, alias="fulcioURL")
    rekor_url: str | None = Field(None, alias="rekorURL")


class RegistryPart(_Part):
    """How a registry is reached that a bundle is pushed to."""

    insecure_tls: bool | None = Field(None, alias="insecureTLS")
    plain_http: bool | None = Field(None, alias="plainHTTP")
    ca_file: str | None = Field(None, alias="caFile")


class BundlePart(_Part):
    """What `bundle` reads."""

    input: BundleInputPart | None = None
    output: BundleOutputPart | None = None
    deployment: DeploymentPart | None = None
    scheduling: SchedulingPart | None = None
    attestation: AttestationPart | None = None
    registry: RegistryPart | None = None


class AgentPart(_Part):
    """Who looks into a node, and where; there is one where this section is there. `os` is seen, and not asked."""

    namespace: str | None = None
    image: str | None = None
    image_pull_secret: list[str] | None = Field(None, alias="imagePullSecrets")
    job_name: str | None = Field(None, alias="jobName")
    service_account_name: str | None = Field(None, alias="serviceAccountName")
    node_selector: dict[str, str] | None = Field(None, alias="nodeSelector")
    toleration: list[str] | None = Field(None, alias="tolerations")
    require_gpu: bool | None = Field(None, alias="requireGpu")
    runtime_class: str | None = Field(None, alias="runtimeClassName")
    os: str | None = None
    requests: str | None = None
    limits: str | None = None


class ValidateInputPart(_Part):
    """What a judgement takes."""

    recipe: str | None = None
    snapshot: str | None = None


class ExecutionPart(_Part):
    """How a judgement goes; `run` and `noCleanup` are for what runs on a cluster. `run` is ours."""

    run: bool | None = None
    phases: list[str] | None = None
    fail_on_error: bool | None = Field(None, alias="failOnError")
    fail_fast: bool | None = Field(None, alias="failFast")
    no_cluster: bool | None = Field(None, alias="noCluster")
    no_cleanup: bool | None = Field(None, alias="noCleanup")
    timeout: str | None = None


class ConformancePart(_Part):
    """The evidence that CNCF asks for, which is not made here."""

    dir: str | None = None
    cncf_submission: bool | None = Field(None, alias="cncfSubmission")
    features: list[str] | None = None


class ProofPart(_Part):
    """The evidence of a judgement: where it goes; `bom`, `push` and what is about registries is not read here."""

    out: str | None = None
    bom: str | None = None
    push: str | None = None
    plain_http: bool | None = Field(None, alias="plainHTTP")
    insecure_tls: bool | None = Field(None, alias="insecureTLS")


class EvidencePart(_Part):
    """What evidence is written."""

    cncf: ConformancePart | None = None
    attestation: ProofPart | None = None


class ValidatePart(_Part):
    """What `validate` reads."""

    input: ValidateInputPart | None = None
    agent: AgentPart | None = None
    execution: ExecutionPart | None = None
    evidence: EvidencePart | None = None


class SnapshotOutputPart(_Part):
    """Where a snapshot goes."""

    path: str | None = None
    format: Literal["yaml", "json", "table"] | None = None
    template: str | None = None


class SnapshotExecutionPart(_Part):
    """How a snapshot is taken."""

    timeout: str | None = None
    no_cleanup: bool | None = Field(None, alias="noCleanup")
    privileged: bool | None = None
    max_nodes_per_entry: int | None = Field(None, alias="maxNodesPerEntry", ge=0)


class SnapshotPart(_Part):
    """What `snapshot` reads."""

    output: SnapshotOutputPart | None = None
    agent: AgentPart | None = None
    execution: SnapshotExecutionPart | None = None


class FetchPart(_Part):
    """What `fetch` reads: from where, and whom to believe."""

    from_: str | None = Field(None, alias="from")
    policy: str | None = None
    key: list[str] | None = None
    trust_root: list[str] | None = Field(None, alias="trustRoot")
    plain_http: bool | None = Field(None, alias="plainHttp")
    ca_file: str | None = Field(None, alias="caFile")


class VerifyPolicyPart(_Part):
    """How much has to be known, where the reference's configuration says it."""

    min_trust_level: str | None = Field(None, alias="minTrustLevel")
    require_creator: str | None = Field(None, alias="requireCreator")
    cli_version_constraint: str | None = Field(None, alias="cliVersionConstraint")


class VerifyTrustPart(_Part):
    """Whom to trust, where the reference's configuration says it; `fetch` is where ours does."""

    certificate_identity_regexp: str | None = Field(None, alias="certificateIdentityRegexp")
    key: str | None = None
    trust_root: str | None = Field(None, alias="trustRoot")


class VerifyPart(VerifyPolicyPart):
    """What `verify` reads besides `fetch`: how much has to be known."""

    at_least: str | None = Field(None, alias="atLeast")
    policy: VerifyPolicyPart | None = None
    trust: VerifyTrustPart | None = None


class DiffPart(_Part):
    """Settings of `diff`; the first three select the changes of a cluster that are reported."""

    ignore: list[str] | None = None
    ignore_from: list[str] | None = Field(None, alias="ignoreFrom")
    severity: Literal["critical", "warning", "info", "noise"] | None = None
    exit_code: bool | None = Field(None, alias="exitCode")
    format: Literal["text", "markdown", "json", "yaml"] | None = None


class SpecPart(_Part):
    """The sections; those of other commands are theirs to check."""

    recipe: RecipePart | None = None
    snapshot: SnapshotPart | None = None
    bundle: BundlePart | None = None
    fetch: FetchPart | None = None
    verify: VerifyPart | None = None
    validate_: ValidatePart | None = Field(None, alias="validate")
    diff: DiffPart | None = None


class MetadataPart(_Part):
    """What a configuration is called."""

    name: str | None = None


class ConfigShape(_Part):
    """A configuration file."""

    api_version: str | None = Field(None, alias="apiVersion")
    kind: Literal["ClusterbookConfig", "AICRConfig"]
    metadata: MetadataPart | None = None
    spec: SpecPart
