"""The configuration file: which flags its fields stand for. Flags win over it.

Source: reference rows G6, G7.
"""

from __future__ import annotations

from typing import Any

from clusterbook.cli.command import Request, Value
from clusterbook.cli.reference_words import FLAGS
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.schema import MISSING_KEY, WRONG_DOCUMENT, check_shape
from clusterbook.documents.yaml_reader import Node
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
    SpecPart,
    VerifyPart,
    VerifyPolicyPart,
    VerifyTrustPart,
)
from clusterbook.inputs.read import read_node

_SECTIONS = SpecPart.model_fields


def read_config(where: str) -> ConfigShape:
    """Return the configuration at `where`.

    Raises:
        InvalidRequest: a field is unknown or has the wrong type.
        NotFound: the file cannot be read.
    """
    config, findings = shape_of(read_node(where), where)
    if config is None:
        raise InvalidRequest(findings[0].what, place=findings[0].place, hint=findings[0].hint)
    return config


def shape_of(node: Node, where: str) -> tuple[ConfigShape | None, list[Finding]]:
    """Return the configuration that a document at `where` is, or None and what is wrong with it.

    That it is a document of another kind comes first: what else is wrong with it follows from that.
    """
    findings: list[Finding] = []
    check_shape(node, where, ConfigShape, findings, strict=True)
    if findings:
        return None, sorted(findings, key=lambda each: (each.code != WRONG_DOCUMENT.code, each.place, each.code))
    config = ConfigShape.model_validate(node.text_data())
    if config.kind == "AICRConfig" and not config.spec.model_fields_set:  # as the reference has it
        place = Place(where, node.value["spec"].line, node.value["spec"].column)
        hint = f"add one of them: {', '.join(sorted(info.alias or name for name, info in _SECTIONS.items()))}"
        return None, [MISSING_KEY.finding(place, "the configuration has no section", hint)]
    return config, []


def verify_request(config: ConfigShape) -> Request:
    """Return what of `verify` a configuration stands for: whom to trust is what `fetch` says.

    Raises:
        InvalidRequest: it says something in two places, or what is not supported.
    """
    part = config.spec.verify or VerifyPart()
    trust = part.trust or VerifyTrustPart()
    if trust.certificate_identity_regexp:
        what = "spec.verify.trust.certificateIdentityRegexp is not supported: it is about AICR's own program"
        raise InvalidRequest(what, hint="remove it: whom to trust is what `policy` of spec.fetch says")
    fetched = (config.spec.fetch or FetchPart()).model_dump(exclude_none=True)
    said: list[tuple[str, dict[str, Any]]] = [
        ("spec.verify", part.model_dump(exclude_none=True, exclude={"policy", "trust"})),
        ("spec.verify.policy", (part.policy or VerifyPolicyPart()).model_dump(exclude_none=True)),
        ("spec.fetch", {key: tuple(value) if isinstance(value, list) else value for key, value in fetched.items()}),
        ("spec.verify.trust", {key: (value,) for key, value in trust.model_dump(exclude_none=True).items()}),
    ]
    fields = _said_once(said)
    return Request.of({**fields, "published_in": fields.pop("from_", None)})


def _said_once(sections: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the fields of several sections together. Raises InvalidRequest where two say the same otherwise."""
    fields: dict[str, Any] = {}
    known: dict[str, str] = {}
    for section, said in sections:
        for name, value in said.items():
            if fields.setdefault(name, value) != value:
                what = f"{section} and {known[name]} say two things of {name.replace('_', '-')}"
                raise InvalidRequest(what, hint="keep one of them")
            known.setdefault(name, section)
    return fields


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
    elsewhere = {"dra_eviction_node_label"}  # see refuse_unread
    scheduling = (part.scheduling or SchedulingPart()).model_dump(exclude_none=True, by_alias=True, exclude=elsewhere)
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
    if signing.enabled is None and signing.model_dump(exclude_none=True):
        what = "spec.bundle.attestation says how a bundle is signed, and not that one is"
        raise InvalidRequest(what, hint="add enabled: true, or enabled: false to leave bundles unsigned")
    if signing.key and signing.signing_key and signing.key != signing.signing_key:
        raise InvalidRequest("spec.bundle.attestation names two keys: key and signingKey", hint="keep one of them")
    key = signing.key or signing.signing_key
    for name, said in {"fulcioURL": signing.fulcio_url, "rekorURL": signing.rekor_url}.items():
        if signing.enabled and said:
            what = f"spec.bundle.attestation.{name}: an address alone does not say what to trust there"
            hint = "write trustConfig: FILE, a ClientTrustConfig with both addresses and the trust root"
            raise InvalidRequest(what, hint=hint)
    if registry.insecure_tls:
        what = "spec.bundle.registry.insecureTLS: certificates are always verified"
        raise InvalidRequest(what, hint="name its CA with --ca-file, or for a test registry plainHTTP: true")
    by_login = signing.enabled and not key
    found: dict[str, Value] = {
        "sign_key": key if signing.enabled else None,
        "keyless": by_login or None,
        "device_flow": (by_login and signing.oidc_device_flow) or None,
        "trust_config": signing.trust_config if by_login else None,
        "plain_http": registry.plain_http or None,
        "ca_file": registry.ca_file,
        "image_refs": part.output.image_refs if part.output else None,
    }
    return Request.of(found)


def refuse_unread(config: ConfigShape, where: str) -> None:
    """Refuse a field of `bundle` of which nothing comes here: whoever wrote it would wait for it in vain.

    Raises:
        InvalidRequest: it is there; naming it, and what to do instead.
    """
    part = config.spec.bundle or BundlePart()
    signing, scheduling = part.attestation or AttestationPart(), part.scheduling or SchedulingPart()
    for path, said, instead in (
        (
            "attestation.certificateIdentityRegexp",
            signing.certificate_identity_regexp,
            "`verify --policy` names the trusted signers",
        ),
        ("scheduling.draEvictionNodeLabel", scheduling.dra_eviction_node_label, FLAGS["--dra-eviction-node-label"]),
    ):
        if said:
            raise InvalidRequest(f"spec.bundle.{path} is not supported", place=where, hint=f"remove it: {instead}")
