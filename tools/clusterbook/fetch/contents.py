"""Contents: what an index says is published, for reading and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import withdrawal_of
from clusterbook.artifacts.index import PublishedRecipe
from clusterbook.artifacts.open import OpenIndex


def contents(source_index: OpenIndex, *, as_json: bool) -> tuple[str, tuple[str, ...]]:
    """Return all versions of all recipes, and what a user should hear about the index itself."""
    recipes = {
        slug: recipe
        for name in sorted(source_index.envelope.shards)
        if name.startswith(index.RECIPES)
        for slug, recipe in index.recipes_in(source_index.shard(name)).items()
    }
    recipes = dict(sorted(recipes.items()))
    if as_json:
        return json.dumps(_document(source_index, recipes), indent=2, sort_keys=True, ensure_ascii=False) + "\n", ()
    envelope = source_index.envelope
    about = f"release {envelope.release}, number {envelope.sequence}, of {envelope.issued.date()}"
    return _table(source_index, recipes), (
        f"{about}, valid until {envelope.expires.date()}; {source_index.signature()}",
    )


def _table(source_index: OpenIndex, recipes: Mapping[str, PublishedRecipe]) -> str:
    rows = [("RECIPE", "VERSION", "RELEASE", "DIGEST", "")]
    for slug, recipe in recipes.items():
        for version, entry in recipe.versions.items():
            gone = withdrawal_of(source_index.envelope, slug, version)
            state = f"withdrawn: {gone.reason}" if gone else "" if version == recipe.current else "earlier"
            rows.append((slug, version, entry.release, entry.digest, state))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "".join("  ".join((*map(str.ljust, row[:4], widths), row[4])).rstrip() + "\n" for row in rows)


def _document(source_index: OpenIndex, recipes: Mapping[str, PublishedRecipe]) -> dict[str, Any]:
    envelope, verified = source_index.envelope, source_index.verified
    return {
        "release": envelope.release,
        "sequence": envelope.sequence,
        "issued": envelope.issued.isoformat(),
        "expires": envelope.expires.isoformat(),
        "digest": source_index.manifest.digest,
        "signer": verified.signer if verified else "",
        "issuer": verified.issuer if verified else "",
        "withdrawn": [each._asdict() for each in envelope.withdrawn],
        "recipes": {
            slug: {
                "current": recipe.current,
                "versions": {
                    version: {
                        "digest": entry.digest,
                        "release": entry.release,
                        "artifacts": {kind: pin.digest for kind, pin in entry.artifacts.items()},
                    }
                    for version, entry in recipe.versions.items()
                },
            }
            for slug, recipe in recipes.items()
        },
    }
