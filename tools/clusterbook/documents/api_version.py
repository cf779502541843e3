"""API versions: which spellings of apiVersion are read for which kind of document, and which is written.

Part of every look-up, so it imports nothing. Source: design, section 5; reference row G13, deprecations page.
"""

API_VERSION = "clusterbook.dev/v1alpha1"
"""What our documents say."""
REFERENCE = "aicr.run/v1alpha2"
"""What all of the reference's documents said until they were frozen."""
FIRST_GENERATION = "aicr.nvidia.com/v1alpha1"
"""What the reference's documents said before."""
STABLE = "aicr.run/v1"
"""What the reference's frozen documents say: recipes, criteria, snapshots."""
AUTHORED = "aicr.run/v1beta1"
"""What the reference's sources and configurations say since then."""
PROFILED_ALPHA, PROFILED = "aicr.run/v1alpha3", "aicr.run/v1beta2"
"""What an overlay says that declares a profile, and a recipe of which something was chosen: before, and since then."""

_ALL = (API_VERSION, REFERENCE, FIRST_GENERATION)
API_VERSIONS = (*_ALL, STABLE, AUTHORED, PROFILED_ALPHA, PROFILED)
"""All that are read."""
FOREIGN = API_VERSIONS[1:]
"""Those of the reference's documents."""
LENIENT = (REFERENCE, FIRST_GENERATION)
"""Those of documents whose unknown fields the reference passed over; since it left alpha, it has refused them."""
READ = {
    "RecipeMetadata": (*_ALL, AUTHORED, PROFILED_ALPHA, PROFILED),
    "RecipeMixin": (*_ALL, AUTHORED),
    "ComponentRegistry": (*_ALL, AUTHORED),
    "ComponentUpgrades": (*_ALL, AUTHORED),
    "AICRConfig": (*_ALL, AUTHORED),
    "ClusterbookConfig": (*_ALL, AUTHORED),
    "RecipeResult": (*_ALL, STABLE, PROFILED_ALPHA, PROFILED),
    "Snapshot": (*_ALL, STABLE),
    "RecipeCriteria": (*_ALL, STABLE),
}
"""What is read of each kind; see `versions_of`."""
WRITTEN = {
    "RecipeResult": (STABLE, REFERENCE, FIRST_GENERATION),
    "RecipeCriteria": (STABLE, REFERENCE, FIRST_GENERATION),
    "Snapshot": (STABLE, REFERENCE, FIRST_GENERATION),
    "AICRConfig": (AUTHORED, REFERENCE, FIRST_GENERATION),
}
"""What can be written of each kind besides our own; a recipe of which something was chosen says `profiled` instead."""
SOURCES = {STABLE: AUTHORED, PROFILED: AUTHORED, PROFILED_ALPHA: REFERENCE}
"""What the sources say from which a recipe was made; those of other recipes say what it says itself."""


def versions_of(kind: object) -> tuple[str, ...]:
    """Return what is read of a kind of document; of one that is not known, all there are."""
    return READ.get(kind, API_VERSIONS) if isinstance(kind, str) else API_VERSIONS


def profiled(version: str) -> str:
    """Return what a recipe says of which something was chosen, where other recipes say `version`."""
    return {REFERENCE: PROFILED_ALPHA, STABLE: PROFILED}.get(version, version)
