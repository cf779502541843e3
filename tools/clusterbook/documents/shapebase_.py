"""What all shapes have in common: the base, and the words that documents share.

Knows patterns of names, paths and versions. Does not know any document.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ApiVersion = Literal["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1"]
Name = Annotated[str, Field(min_length=1, pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$")]
DefinitionName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$")]
RelativePath = Annotated[str, Field(min_length=1, pattern=r"^[^/\\~\s][^\\]*$")]
CriterionValue = Annotated[str, Field(pattern=r"^\s*([a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?)?\s*$")]
Phase = Literal["readiness", "deployment", "performance", "conformance"]
PHASES: tuple[Phase, ...] = ("readiness", "deployment", "conformance", "performance")


class Shape(BaseModel):
    """A frozen document part; unknown keys are reported."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Metadata(Shape):
    """What a document is called."""

    name: Name = Field(description="Unique among documents of its kind; a source file is named after it.")
    version: str | None = Field(None, description="Version of the document itself; informative.")


class OverlayMetadata(Metadata):
    """What an overlay is called."""

    recipe_version: str | None = Field(
        None,
        alias="recipeVersion",
        pattern=r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$",
        description="The least version of the recipe for exactly these criteria.",
    )
