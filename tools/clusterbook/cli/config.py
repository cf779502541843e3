"""The configuration file: which flags its fields stand for. Flags win over it.

Source: reference rows G6, G7.
"""

from __future__ import annotations

from typing import Any

from clusterbook.cli.command import Request, Value
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.schema import check_shape
from clusterbook.inputs.config_schema import (
    AttestationPart,
    BundlePart,
    ConfigShape,
    CriteriaPart,
    DeploymentPart,
    DiffPart,
    FetchPart,
    OutputPart,
    RecipePart,
    RegistryPart,
    SchedulingPart,
    VerifyPart,
)
from clusterbook.inputs.read import read_node


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


def verify_request(config: ConfigShape) -> Request:
    """Return what of `verify` a configuration stands for: whom to trust is what `fetch` says."""
    part = config.spec.verify or VerifyPart()
    fetched = (config.spec.fetch or FetchPart()).model_dump(exclude_none=True)
    trusted = {key: tuple(value) if isinstance(value, list) else value for key, value in fetched.items()}
    return Request.of({**part.model_dump(exclude_none=True), "published_in": trusted.pop("from_", None), **trusted})


def diff_request(config: ConfigShape) -> Request:
    """Return what of `diff` a configuration stands for."""
    part, recipe = config.spec.diff or DiffPart(), config.spec.recipe or RecipePart()
    given = part.model_dump(exclude_none=True)
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return Request.of({**fields, "source": recipe.source})


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
    inventory = part.configuration.runtime_inventory if part.configuration else None
    gke = part.configuration.gke if part.configuration else None
    interfaces = ",".join(f"{each.interface_name}={each.network}" for each in (gke and gke.tcpxo_interfaces) or ())
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
        "runtime_inventory": inventory.mode if inventory else None,
        "interfaces": interfaces or None,
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


def refuse_unread(config: ConfigShape, where: str) -> None:
    """Refuse the field of `bundle` that is about the reference's own program, and is not read.

    Raises:
        InvalidRequest: it is there; naming it, and what to do instead.
    """
    signing = (config.spec.bundle or BundlePart()).attestation
    if signing and signing.certificate_identity_regexp:
        what = "spec.bundle.attestation.certificateIdentityRegexp is not acted on"
        raise InvalidRequest(what, place=where, hint="remove it: `verify --policy` says whom to trust")
