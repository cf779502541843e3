"""Shelves: what look-ups ask of a catalog, whoever answers.

Two give the same answers: `index.IndexShelf` reads what was resolved before, `local.LocalShelf` resolves sources now.
Only whoever checks types imports this: making protocols takes a millisecond that a look-up does not have.
"""

from __future__ import annotations

from typing import Any, Protocol

from clusterbook.catalog.criteria import Vocabulary
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.resolve.bundle_inputs import BundleInputs
from clusterbook.resolve.choices import Offers
from clusterbook.resolve.matching import Answer, Matcher
from clusterbook.transition.record import UpgradeRecord


class CatalogRecipe(Protocol):
    """One recipe of a catalog, with what lies beside it."""

    @property
    def document(self) -> dict[str, Any]:
        """Return the recipe, its health checks left out."""

    def health_checks(self) -> dict[str, str]:
        """Return the text of the recipe's health checks by component."""

    def origins(self, component: str) -> dict[str, Any]:
        """Return the origins of one component, or with "" the recipe's own, by pointer."""


class Shelf(Protocol):
    """All that look-ups ask of a catalog.

    `detected` are the criteria that a snapshot gives, by dimension; `unfit` those of which it shows what no recipe is
    for, with the reason, `unseen` those of which nobody knows, and why; `remarks` what a user should hear besides.
    """

    source: IndexFiles
    detected: dict[str, str | int]
    unfit: dict[str, str]
    unseen: dict[str, str]
    remarks: list[str]
    matcher: Matcher
    vocabulary: Vocabulary

    def offers(self, answer: Answer) -> Offers:
        """Return what can be chosen for the recipe that an answer leads to."""

    def judge(self, answer: Answer) -> Answer:
        """Return what becomes of an answer once the snapshot, if there is one, has been asked."""

    def recipe(self, answer: Answer) -> CatalogRecipe:
        """Return the recipe that an answer leads to."""

    def recipe_by_slug(self, slug: str) -> dict[str, Any]:
        """Return the recipe called `slug`, which the listing names."""

    def validators(self) -> dict[str, dict[str, Any]]:
        """Return the checks that recipes may name, by name."""

    def public_groups(self) -> list[str]:
        """Return patterns of the API groups that a redacted snapshot still names."""

    def upgrade_records(self) -> dict[str, UpgradeRecord]:
        """Return what the upgrades of components take, by name."""

    def bundle_inputs(self) -> BundleInputs:
        """Return what bundles need besides the recipe."""

    def lines(self) -> list[dict[str, Any]]:
        """Return at least name, slug and state of every recipe."""

    def listing(self) -> Any:
        """Return a line about every recipe."""
