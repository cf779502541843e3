"""The shape of a profile: a choice whose answers exclude each other. Source: the reference's ADR-015."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from clusterbook.documents.schema import Name, Shape

ChoiceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]


class ProfileRefShape(Shape):
    """The values of one component that a profile decides."""

    name: Name
    overrides: dict[str, Any] = Field(min_length=1, description="Every value of the profile sets the same paths.")


class ProfileConstraintShape(Shape):
    """What must be true of a cluster for one answer."""

    name: str = Field(min_length=1, description="Measurement path, such as K8s.server.version.")
    value: str = Field(min_length=1, description="Expected value with an optional operator, such as '>= 1.30'.")
    remediation: str | None = Field(None, description="What to do when it does not hold.")


class ProfileValueShape(Shape):
    """One choice of a profile."""

    description: str | None = None
    component_refs: list[ProfileRefShape] | None = Field(None, alias="componentRefs")
    constraints: list[ProfileConstraintShape] | None = None
    advertiser: Literal["external"] | None = Field(
        None, description="GPUs are advertised to Kubernetes by something else."
    )


class ProfileShape(Shape):
    """A choice that criteria cannot express, whose answers exclude each other, such as who installs the driver."""

    name: ChoiceName
    description: str | None = None
    default: ChoiceName = Field(description="One of the values.")
    values: dict[ChoiceName, ProfileValueShape] = Field(min_length=1)


class ConfigurationShape(ProfileShape):
    """A choice that the registry knows for every recipe that has the components it names."""

    confirms: bool | None = Field(
        None,
        description="true: the default is what the layers say already; it changes and records nothing, and "
        "recipes that disable one of the components do not offer the choice.",
    )
