"""The index: all answers of one catalog, laid out so that a look-up reads little.

Each part has its name here and its layout; a reader refuses any other. Part of every look-up, so it imports next to
nothing.

    index.json           which overlay matches what, and the allowed criteria values
    recipes/SLUG.json    one recipe, and the names of the blobs that belong to it
    blobs/DIGEST         a health check, or the origins of one component; shared between recipes
    list.json            a line about every recipe
    validators.json      the checks that recipes may name
    groups.json          the API groups that a redacted snapshot still names
    choices.json         what can be chosen for a recipe, by its name: the answers, that of the default first
    upgrades.json        what it takes to bring a component from one version to another, as its record says
    kit.json             registry facts, images, manifests: what bundles need besides the recipe
    sources.json         the source files, for what is resolved locally
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from clusterbook.catalog.criteria import Criteria, Vocabulary
from clusterbook.diagnostics.errors import BrokenIndex
from clusterbook.records import TYPE_CHECKING, Any, NamedTuple
from clusterbook.resolve.matching import Matcher
from clusterbook.resolve.recipe import COMPONENTS, ORDER

if TYPE_CHECKING:
    from clusterbook.resolve.bundle_inputs import BundleInputs
    from clusterbook.resolve.choices import Offers

FORMAT = "clusterbook-index/1"
REBUILD = "build it again: clusterbook-build build"
HEAD, LISTING, KIT, SOURCES = "index.json", "list.json", "kit.json", "sources.json"
VALIDATORS, GROUPS, UPGRADES, CHOICES = "validators.json", "groups.json", "upgrades.json", "choices.json"


class Index(NamedTuple):
    """The head of an index: enough to tell what becomes of a query."""

    matcher: Matcher
    vocabulary: Vocabulary


class Record(NamedTuple):
    """One recipe of an index. `checks` and `origins` map a component to a blob; "" has the recipe's own origins.

    `choices` is what can be chosen: by name, the answers, that of the default first.
    """

    recipe: dict[str, Any]
    checks: Mapping[str, str]
    origins: Mapping[str, str]
    choices: Mapping[str, list[str]]

    @property
    def offers(self) -> Offers:
        """Return what can be chosen."""
        from clusterbook.resolve.choices import Offer

        return {name: Offer(values[0], tuple(values)) for name, values in self.choices.items()}


_NEEDED = (("apiVersion", str), ("kind", str), ("metadata", dict), ("criteria", dict), (COMPONENTS, list),
           (ORDER, list))  # fmt: skip
"""What every stored recipe has."""


def recipe_part(slug: str) -> str:
    """Return the name of the part that holds a recipe."""
    return f"recipes/{slug}.json"


def blob_part(digest: str) -> str:
    """Return the name of the part that holds a blob."""
    return f"blobs/{digest}"


def encode(document: Any) -> bytes:
    """Return a document as the bytes of a part: JSON, keys sorted, so that same content is same bytes."""
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def encode_head(index: Index) -> bytes:
    """Return the bytes of index.json."""
    return encode(
        {
            "format": FORMAT,
            "overlays": [[name, *criteria] for name, criteria in index.matcher.overlays],
            "failures": dict(index.matcher.failures),
            "vocabulary": index.vocabulary._asdict(),
        }
    )


def decode_head(data: bytes, name: str) -> Index:
    """Return the head of an index.

    Raises:
        BrokenIndex: not an index, or one of another format.
    """
    head = decode(data, name)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise BrokenIndex(f"{name} is not an index of format {FORMAT}", hint=REBUILD)
    try:
        matcher = Matcher([(entry[0], Criteria(*entry[1:])) for entry in head["overlays"]], head["failures"])
        return Index(matcher, Vocabulary(**head["vocabulary"]))
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise BrokenIndex(f"{name} is incomplete", hint=REBUILD) from error


def decode_inputs(data: bytes, name: str) -> BundleInputs:
    """Return what bundles need besides a recipe, as an index has it.

    Raises:
        BrokenIndex: the part is not what it should be.
    """
    from clusterbook.resolve.bundle_inputs import BundleInputs  # no look-up needs it

    found = decode(data, name)
    if isinstance(found, dict) and all(isinstance(found.get(part), dict) for part in BundleInputs._fields):
        return BundleInputs(*(found[part] for part in BundleInputs._fields))
    raise BrokenIndex(f"{name} is incomplete", hint=REBUILD)


def decode_record(data: bytes, name: str) -> Record:
    """Return one recipe of an index.

    Raises:
        BrokenIndex: the part is not what it should be.
    """
    found = decode(data, name)
    if isinstance(found, dict):
        found.setdefault("choices", {})  # indexes of before have none
    if isinstance(found, dict) and all(isinstance(found.get(part), dict) for part in Record._fields):
        recipe = found["recipe"]
        if all(isinstance(recipe.get(key), kind) for key, kind in _NEEDED) and all(
            isinstance(component, dict) and "name" in component for component in recipe[COMPONENTS]
        ):
            return Record(recipe, found["checks"], found["origins"], found["choices"])
    raise BrokenIndex(f"{name} is incomplete", hint=REBUILD)


def decode(data: bytes, name: str) -> Any:
    """Return the document in the bytes of a part.

    Raises:
        BrokenIndex: the bytes are not JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenIndex(f"{name} is damaged: {error}", hint=REBUILD) from error
