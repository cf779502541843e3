"""The shelf that an index is: recipes, their health checks and their origins, as they were resolved before.

Part of every look-up, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.catalog.criteria import Vocabulary
from clusterbook.diagnostics.errors import BrokenIndex, NotFound
from clusterbook.lookup.format import (
    GROUPS,
    KIT,
    LISTING,
    REBUILD,
    UPGRADES,
    VALIDATORS,
    Record,
    blob_part,
    decode,
    decode_inputs,
)
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.records import TYPE_CHECKING, Any, NamedTuple
from clusterbook.resolve.matching import Answer, Matcher

if TYPE_CHECKING:
    from clusterbook.resolve.bundle_inputs import BundleInputs
    from clusterbook.resolve.choices import Offers
    from clusterbook.transition.record import UpgradeRecord


class IndexedRecipe(NamedTuple):
    """A recipe of an index; its health checks and origins are read when they are asked for."""

    source: IndexFiles
    record: Record

    @property
    def document(self) -> dict[str, Any]:
        """Return the recipe, its health checks left out."""
        return self.record.recipe

    def health_checks(self) -> dict[str, str]:
        """Return the text of the recipe's health checks by component."""
        return {name: self.source.need(blob_part(blob)).decode() for name, blob in self.record.checks.items()}

    def origins(self, component: str) -> dict[str, Any]:
        """Return the origins of one component, or with "" the recipe's own, by pointer."""
        blob = self.record.origins.get(component)
        part = blob_part(blob) if blob else ""
        return decode(self.source.need(part), part) if blob else {}


class IndexShelf:
    """Answers from an index."""

    def __init__(self, source: IndexFiles) -> None:
        """Read the head of the index in `source`."""
        self.source = source
        self.detected: dict[str, str | int] = {}
        self.unfit: dict[str, str] = {}
        self.unseen: dict[str, str] = {}
        self.remarks: list[str] = list(source.remarks)
        head = source.head()
        self.matcher: Matcher = head.matcher
        self.vocabulary: Vocabulary = head.vocabulary

    def offers(self, answer: Answer) -> Offers:
        """Return what can be chosen for the recipe that an answer leads to."""
        return self._indexed(answer.slug or "").record.offers

    def judge(self, answer: Answer) -> Answer:
        """Return an answer as it is: an index knows of no snapshot."""
        return answer

    def recipe(self, answer: Answer) -> IndexedRecipe:
        """Return the recipe that an answer leads to. Raises NotFound where the index lacks it."""
        return self._indexed(answer.slug or "")

    def recipe_by_slug(self, slug: str) -> dict[str, Any]:
        """Return the recipe called `slug`, which the listing names. Raises NotFound where the index lacks it."""
        return self._indexed(slug).document

    def _indexed(self, slug: str) -> IndexedRecipe:
        record = self.source.record(slug)
        if record is None:
            raise NotFound(f"the index has no recipe {slug}", hint=REBUILD)
        return IndexedRecipe(self.source, record)

    def validators(self) -> dict[str, dict[str, Any]]:
        """Return the checks that recipes may name, by name; none where the index does not say."""
        data = self.source.read(VALIDATORS)
        found = decode(data, VALIDATORS) if data else {}
        return found if isinstance(found, dict) else {}

    def public_groups(self) -> list[str]:
        """Return patterns of the API groups that a redacted snapshot still names; none where the index says none."""
        data = self.source.read(GROUPS)
        found = decode(data, GROUPS) if data else []
        return [str(pattern) for pattern in found] if isinstance(found, list) else []

    def upgrade_records(self) -> dict[str, UpgradeRecord]:
        """Return what the upgrades of components take, by name; none where the index does not say."""
        from clusterbook.transition.record import read_record

        data = self.source.read(UPGRADES)
        found = decode(data, UPGRADES) if data else {}
        try:
            return {name: read_record(document) for name, document in found.items()}
        except (AttributeError, KeyError, TypeError) as error:
            raise BrokenIndex(f"{self.source.where}/{UPGRADES} is incomplete", hint=REBUILD) from error

    def bundle_inputs(self) -> BundleInputs:
        """Return what bundles need besides the recipe."""
        return decode_inputs(self.source.need(KIT), f"{self.source.where}/{KIT}")

    def lines(self) -> list[dict[str, Any]]:
        """Return at least name, slug and state of every recipe."""
        return self.source.lines()

    def listing(self) -> Any:
        """Return a line about every recipe."""
        lines = self.source.document(LISTING)
        needed = {"name", "slug", "state", "criteria", "is_leaf", "source", "health"}
        if not isinstance(lines, list) or not all(isinstance(line, dict) and needed <= line.keys() for line in lines):
            raise BrokenIndex(f"{self.source.where}/{LISTING} is damaged", hint=REBUILD)
        return still_served(lines, self.source.withdrawn(), self.remarks)


def still_served(lines: list[dict[str, Any]], withdrawn: Mapping[str, str], remarks: list[str]) -> list[dict[str, Any]]:
    """Return the lines of recipes that were not withdrawn; of the others a remark says why."""
    remarks += [f"{reason}; it is left out" for reason in withdrawn.values()]
    return [line for line in lines if line["slug"] not in withdrawn] if withdrawn else lines
