"""Proofs of resolved components: found by what they are about, and put beside the origins of values."""

from __future__ import annotations

from clusterbook.catalog.load import Catalog, load_catalog
from clusterbook.catalog.proofs import Archive, Effect, Proof, encode, path_of
from clusterbook.catalog.tree import SourceFile, SourceTree
from clusterbook.lookup.build import index_parts
from clusterbook.resolve import matrix
from clusterbook.resolve.document import origins_document
from clusterbook.resolve.proof import Proofs, subject_of, with_effects
from tests.support.trees import tree

FILES = {"base": "componentRefs: [{name: a, overrides: {size: 2, gone: 1}}]"}
LIVE = Effect("live", changes=("ConfigMap/c#/data/x",), default=(1,))


def proven(size: int = 2) -> Catalog:
    """Return a catalog whose proof is about `size`."""
    texts = FILES | {"base": FILES["base"].replace("size: 2", f"size: {size}")}
    about = matrix.build(load_catalog(tree(texts)))
    key = subject_of(about.catalog, about.recipes["base"].components[0]).key()
    text = encode("a", [Proof(key, Archive("a", "1.0.0"), ("1.34.0",), {"/size": LIVE}, {})])
    sources = tree(FILES)
    return load_catalog(SourceTree({**sources.files, path_of("a"): SourceFile(text, path_of("a"))}, {}))


def test_the_proof_of_a_component_is_the_one_about_its_values() -> None:
    found = proven()
    component = matrix.build(found).recipes["base"].components[0]
    assert Proofs(found).effects(component) == {"/size": LIVE}


def test_a_proof_about_other_values_proves_nothing() -> None:
    found = proven(size=3)
    component = matrix.build(found).recipes["base"].components[0]
    assert Proofs(found).of(component) is None
    assert Proofs(found).effects(component) == {}


def test_the_effect_stands_beside_the_layer_that_won() -> None:
    recipe = matrix.build(proven()).recipes["base"]
    origins = with_effects(origins_document(recipe), recipe.components[0], {"/size": LIVE})
    assert origins["/components/a/values/size"][-1]["effect"] == LIVE.document()
    assert "effect" not in origins["/components/a/values/gone"][-1]
    assert "effect" not in origins["/components/a/version"][-1]


def test_an_index_carries_the_effects() -> None:
    blobs = b"".join(data for _, data in index_parts(matrix.build(proven())))
    assert b'"effect": "live"' in blobs or b'"effect":"live"' in blobs
    plain = b"".join(data for _, data in index_parts(matrix.build(load_catalog(tree(FILES)))))
    assert b'"effect"' not in plain
