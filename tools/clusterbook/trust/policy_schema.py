"""The shape of trust.yaml: for the schema that editors use, and for messages that name the place of a mistake.

`policy.decode` reads the same without pydantic; a test holds that both agree.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from clusterbook.trust.policy import is_pattern

Word = Annotated[str, Field(min_length=1)]


def _pattern(text: str) -> str:
    if not is_pattern(text):
        raise ValueError("this is not an RE2 regular expression: no flags, look-around or back-references")
    return text


Pattern = Annotated[Word, AfterValidator(_pattern)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TrustMetadataShape(_Shape):
    """What a policy is called."""

    name: Word = Field(description="Informative.")
    version: Word | None = Field(None, description="Informative.")


class KeylessShape(_Shape):
    """A keyless signer. Write one of identity and identityPattern, one of issuer and issuerPattern."""

    identity: Word | None = Field(None, description="Who signs, exactly: an address of a workflow, or a mail address.")
    identity_pattern: Pattern | None = Field(
        None, alias="identityPattern", description="The same as a regular expression, which must match all of it."
    )
    issuer: Word | None = Field(None, description="The OIDC issuer of the identity, exactly.")
    issuer_pattern: Pattern | None = Field(
        None, alias="issuerPattern", description="The same as a regular expression, which must match all of it."
    )
    root: Word | None = Field(
        None, description="A trusted_root.json, relative to this file; default: Sigstore's public one."
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> KeylessShape:
        if (self.identity is None) == (self.identity_pattern is None):
            raise ValueError("write either 'identity' or 'identityPattern'")
        if (self.issuer is None) == (self.issuer_pattern is None):
            raise ValueError("write either 'issuer' or 'issuerPattern'")
        return self


class SignerShape(_Shape):
    """Somebody who may sign: by logging in, with a key, or with one that a root of trust names."""

    keyless: KeylessShape | None = Field(None, description="A keyless signer.")
    key: Word | None = Field(None, description="A public key (PEM: P-256 or Ed25519), relative to this file.")
    tuf_root: Word | None = Field(
        None,
        alias="tufRoot",
        description="TUF root metadata that names keys, relative to this file; later versions are followed.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> SignerShape:
        if [self.keyless, self.key, self.tuf_root].count(None) != 2:
            raise ValueError("write one of 'keyless', 'key' and 'tufRoot'")
        return self


class TrustSpecShape(_Shape):
    """What a policy says."""

    signers: list[SignerShape] = Field(min_length=1, description="Trusted signers; one of them is enough.")
    predicate_types: list[Word] | None = Field(
        None,
        alias="predicateTypes",
        min_length=1,
        description="Predicate types of the statement; default: SLSA provenance v1.",
    )


class TrustPolicyShape(_Shape):
    """A trust.yaml: whose signatures a user believes."""

    api_version: Literal["clusterbook.dev/v1alpha1"] = Field(alias="apiVersion")
    kind: Literal["TrustPolicy"]
    metadata: TrustMetadataShape
    spec: TrustSpecShape


POLICY_SHAPES: dict[str, type[BaseModel]] = {"trust-policy": TrustPolicyShape}
"""Shape by the name of its schema file."""
