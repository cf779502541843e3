"""The configuration file: its fields, and which flags they stand for. Flags win over it.

Source: reference rows G6, G7.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clusterbook.cli.command import Request, Value
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.schema import check_shape
from clusterbook.inputs.read import read_node


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


class ConfigurationPart(_Part):
    """What can be chosen for a recipe besides its profile."""

    slurm: SlurmPart | None = None


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


class AttestationPart(_Part):
    """How a bundle is signed: by whoever is logged in, or with a key. `key` and `trustConfig` are ours."""

    enabled: bool | None = None
    key: str | None = None
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


class SpecPart(_Part):
    """The sections; those of other commands are theirs to check."""

    recipe: RecipePart | None = None
    snapshot: SnapshotPart | None = None
    bundle: BundlePart | None = None
    fetch: FetchPart | None = None
    validate_: ValidatePart | None = Field(None, alias="validate")


class ConfigShape(_Part):
    """A configuration file."""

    api_version: str | None = Field(None, alias="apiVersion")
    kind: Literal["ClusterbookConfig", "AICRConfig"]
    metadata: dict[str, Any] | None = None
    spec: SpecPart


def read_config(where: str) -> ConfigShape:
    """Return the configuration at `where`.

    Raises:
        InvalidRequest: a field is unknown or has the wrong type.
        NotFound: the file cannot be read.
    """
    node = read_node(where)
    findings: list[Finding] = []
    check_shape(node, where, ConfigShape, findings, strict=True)
    if findings:
        raise InvalidRequest(findings[0].what, place=findings[0].place, hint=findings[0].hint)
    return ConfigShape.model_validate(node.data())


def fetch_request(config: ConfigShape, *, named: bool) -> Request:
    """Return what of `fetch` a configuration stands for; criteria only where no recipe is `named`.

    Files are found from where the command is run, like those of the other sections.
    """
    part = config.spec.fetch or FetchPart()
    given = part.model_dump(exclude_none=True)
    fields = {key.removesuffix("_"): tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    recipe = config.spec.recipe or RecipePart()
    deployer = config.spec.bundle.deployment.deployer if config.spec.bundle and config.spec.bundle.deployment else None
    fields |= {"allow_inherited": recipe.allow_inherited, "deployer": deployer}
    return Request.of({**fields, **({} if named else _criteria(recipe))})


def _criteria(part: RecipePart) -> dict[str, str]:
    """Return the criteria of a configuration, by flag key."""
    fields = (part.criteria or CriteriaPart()).model_dump(exclude_none=True)
    return {name: str(value) for name, value in fields.items()}


def recipe_request(config: ConfigShape) -> Request:
    """Return what of a look-up a configuration stands for."""
    part = config.spec.recipe or RecipePart()
    output = part.output or OutputPart()
    slurm = part.configuration.slurm if part.configuration else None
    fields: dict[str, Value] = {
        **_criteria(part),
        "snapshot": part.input.snapshot if part.input else None,
        "output": output.path,
        "format": output.format,
        "data": part.data,
        "source": part.source,
        "criteria_strict": part.criteria_strict,
        "allow_inherited": part.allow_inherited,
        "profile": (part.profile,) if part.profile else None,
        "slurm_accounting_mode": slurm.accounting.mode if slurm and slurm.accounting else None,
    }
    return Request.of(fields)


def bundle_options(config: ConfigShape) -> dict[str, Any]:
    """Return the options of `bundle` that a configuration stands for: words by option, `recipe` and `output` besides.

    Raises:
        InvalidRequest: it bundles another recipe than it makes. Source: reference row G7.
    """
    part = config.spec.bundle or BundlePart()
    deployment = (part.deployment or DeploymentPart()).model_dump(exclude_none=True, by_alias=True)
    scheduling = (part.scheduling or SchedulingPart()).model_dump(exclude_none=True, by_alias=True)
    found: dict[str, Any] = {**deployment, **scheduling}
    for group in ("systemNode", "acceleratedNode"):
        if f"{group}Tolerations" in found:
            found[f"{group}Toleration"] = found.pop(f"{group}Tolerations")
    for option in ("systemNodeSelector", "acceleratedNodeSelector", "workloadSelector"):
        if option in found:
            found[option] = [f"{key}={value}" for key, value in found[option].items()]
    recipe = part.input.recipe if part.input else None
    made = config.spec.recipe.output.path if config.spec.recipe and config.spec.recipe.output else None
    if recipe and made and recipe != made:
        raise InvalidRequest(
            f"spec.bundle.input.recipe is {recipe}, but spec.recipe.output.path is {made}",
            hint="write the same path, or leave one of them out",
        )
    target = part.output.target if part.output else None
    return {**found, **({"recipe": recipe} if recipe else {}), **({"output": target} if target else {})}


def bundle_target(config: ConfigShape) -> Request:
    """Return what the sections of a configuration on signing and pushing say, as flags would.

    Raises:
        InvalidRequest: they ask for something that is not done.
    """
    part = config.spec.bundle or BundlePart()
    signing, registry = part.attestation or AttestationPart(), part.registry or RegistryPart()
    for name, said in {"fulcioURL": signing.fulcio_url, "rekorURL": signing.rekor_url}.items():
        if signing.enabled and said:
            what = f"spec.bundle.attestation.{name}: an address alone does not say what is to be believed of it"
            hint = "write trustConfig: FILE, a ClientTrustConfig with both addresses and the trust root"
            raise InvalidRequest(what, hint=hint)
    if registry.insecure_tls:
        what = "spec.bundle.registry.insecureTLS: certificates are always checked"
        raise InvalidRequest(what, hint="name its authority with --ca-file, or for a test registry plainHTTP: true")
    by_login = signing.enabled and not signing.key
    found: dict[str, Value] = {
        "sign_key": signing.key if signing.enabled else None,
        "keyless": by_login or None,
        "device_flow": (by_login and signing.oidc_device_flow) or None,
        "trust_config": signing.trust_config if by_login else None,
        "plain_http": registry.plain_http or None,
        "ca_file": registry.ca_file,
        "image_refs": part.output.image_refs if part.output else None,
    }
    return Request.of(found)


def unread_parts(config: ConfigShape) -> list[str]:
    """Return the fields of a configuration that are about the reference's own program, and are not read."""
    signing = (config.spec.bundle or BundlePart()).attestation
    return (
        ["spec.bundle.attestation.certificateIdentityRegexp"] if signing and signing.certificate_identity_regexp else []
    )
