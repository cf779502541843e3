"""The shapes of the documents of the ledger: what a release writes, once and for all.

The JSON Schemas of the files under registry/ are generated from here. Source: design, sections 3, 5 and 9.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from clusterbook.catalog.schema import ConstraintShape, CriteriaShape, Name, Shape, ValidationShape

ApiVersion = Literal["clusterbook.dev/v1alpha1"]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
PartName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
SemVer = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$")]
CommitId = Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
Brief = Any
"""Origins in few words; `provenance` writes and reads them."""


class PublishedMetadata(Shape):
    """What a published recipe is called, and the digest of its content."""

    name: Name = Field(description="The slug.")
    version: SemVer
    digest: Digest = Field(description="sha256 over the RFC 8785 JSON of the recipe with its parts in place.")


class ChangesShape(Shape):
    """What a version changes against the one before; all of it shows with `clusterbook diff`."""

    since: SemVer | None = Field(None, description="The version before; absent for the first.")
    level: Literal["major", "minor", "patch"] | None = None
    because: str | None = Field(None, description="The change that decides the level.")
    summary: list[str] | None = None


class PartShape(Shape):
    """One component of a published recipe: the file components/<name>/<part>.yaml has all of it."""

    name: Name
    version: str | None = None
    part: PartName


class SelectedProfileShape(Shape):
    """The answer that a recipe has to the profile it declares, and the values that this decides."""

    name: Name
    value: str
    advertiser: str | None = None
    owned_paths: dict[Name, list[str]] = Field(alias="ownedPaths", description="Value paths by component.")


class ResolvedMetadata(Shape):
    """What a resolved recipe says about itself."""

    slug: Name
    state: Literal["curated", "composed"]
    applied_overlays: list[str] = Field(alias="appliedOverlays")
    selected_profile: SelectedProfileShape | None = Field(None, alias="selectedProfile")


class ResolvedShape(Shape):
    """The recipe as it was resolved."""

    api_version: ApiVersion = Field(alias="apiVersion")
    kind: Literal["RecipeResult"]
    metadata: ResolvedMetadata
    criteria: CriteriaShape
    component_refs: list[PartShape] = Field(alias="componentRefs")
    deployment_order: list[Name] = Field(alias="deploymentOrder")
    constraints: list[ConstraintShape] | None = None
    configuration: dict[str, Any] | None = Field(None, description="The typed choices, as they were chosen.")
    validation: ValidationShape | None = None


class PublishedRecipeShape(Shape):
    """One version of one recipe, registry/<slug>/<version>.yaml. Never edited."""

    api_version: ApiVersion = Field(alias="apiVersion")
    kind: Literal["PublishedRecipe"]
    metadata: PublishedMetadata
    release: SemVer = Field(description="The release that brought it.")
    changes: ChangesShape
    recipe: ResolvedShape
    origins: dict[str, Brief] = Field(description="JSON Pointer → who said it; at the commit of the release.")


class PublishedPartMetadata(Shape):
    """What a part is called, and the digest of what it says."""

    name: Name = Field(description="The component.")
    digest: Digest = Field(description="sha256 over the RFC 8785 JSON of component and origins.")


class PublishedComponentShape(Shape):
    """One component as one or more recipes resolve it, registry/components/<name>/<part>.yaml. Never edited.

    Its name is the beginning of the digest of `component` and `origins`.
    """

    api_version: ApiVersion = Field(alias="apiVersion")
    kind: Literal["PublishedComponent"]
    metadata: PublishedPartMetadata
    release: SemVer = Field(description="The release that brought it; its commit is where the origins point.")
    component: dict[str, Any]
    origins: dict[str, Brief] = Field(description="JSON Pointer below the component → who said it.")


class ReleaseMetadata(Shape):
    """What a release is called."""

    name: SemVer = Field(description="Year, month, number: 2026.7.0.")


class ReleasedRecipeShape(Shape):
    """The version in which a release serves a recipe."""

    version: SemVer
    digest: Digest
    change: Literal["new", "changed", "unchanged"]


class WithdrawnVersionShape(Shape):
    """A version that was withdrawn when a release was made."""

    slug: Name
    version: SemVer


class ReleaseShape(Shape):
    """One publication of the whole matrix, registry/releases/<release>.yaml. Never edited."""

    api_version: ApiVersion = Field(alias="apiVersion")
    kind: Literal["Release"]
    metadata: ReleaseMetadata
    previous: SemVer | None = None
    commit: CommitId = Field(description="The commit whose recipes/ it publishes.")
    date: Date = Field(description="Of that commit.")
    catalog: Digest = Field(description="sha256 over the RFC 8785 JSON of path → sha256 of every file under recipes/.")
    recipes: dict[Name, ReleasedRecipeShape]
    gone: dict[Name, SemVer] | None = Field(None, description="Recipes no longer served, and their last version.")
    successors: dict[Name, list[Name]] | None = Field(
        None, description="What answers in place of a recipe that is no longer served, such as the same with an OS."
    )
    withdrawn: list[WithdrawnVersionShape] | None = None


class WithdrawalShape(Shape):
    """One withdrawal."""

    slug: Name
    version: SemVer
    reason: str = Field(min_length=1)
    replacement: str | None = Field(None, description="slug@version to use instead.")
    commit: CommitId
    date: Date = Field(description="Of that commit.")


class WithdrawalsShape(Shape):
    """All withdrawals, registry/withdrawn.yaml; new ones are added below."""

    api_version: ApiVersion = Field(alias="apiVersion")
    kind: Literal["Withdrawals"]
    withdrawn: list[WithdrawalShape]


LEDGER_SHAPES: dict[str, type[BaseModel]] = {
    "published-component": PublishedComponentShape,
    "published-recipe": PublishedRecipeShape,
    "release": ReleaseShape,
    "withdrawals": WithdrawalsShape,
}
"""Shape by the name of its schema file."""
