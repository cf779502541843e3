"""Evidence artifact: the files of evidence, as one artifact of a registry.

Knows type, layers, annotations and the tag that it is given, and which layers make evidence. Does not know stores, nor
what follows from the files: that is `evidence`. Same files, same bytes. Each file is a layer with its name as title, so
that any OCI client gets the folder back. Source: reference rows V50, V52.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.artifacts import sbom
from clusterbook.evidence.model import (
    MANIFEST,
    RECIPE,
    REPORT,
    SBOM,
    SIGNED,
    SNAPSHOT,
    STATEMENT,
    BrokenEvidence,
    Proof,
)
from clusterbook.oci.manifest import TITLE, Descriptor, Manifest, artifact, titled
from clusterbook.trust.statement import BUNDLE

ARTIFACT = "application/vnd.clusterbook.evidence.v1+json"
_TYPES = {
    **dict.fromkeys((MANIFEST, RECIPE, SNAPSHOT, REPORT), "application/json"),
    SBOM: sbom.MEDIA_TYPE,
    STATEMENT: "application/vnd.in-toto+json",
    SIGNED: BUNDLE,
}
"""File → its media type; in this order they are layers."""
_MOST_OF_A_SLUG = 100
"""Characters of a recipe's name in a tag, which has 128 at most."""


def evidence_artifact(files: Mapping[str, bytes], proof: Proof) -> Manifest:
    """Return the manifest of the evidence that `files` are, and that proves `proof`."""
    layers = [titled(kind, files[name], name) for name, kind in _TYPES.items() if name in files]
    annotations = {
        "org.opencontainers.image.title": f"Evidence of {proof.recipe}: {proof.verdict}",
        "dev.clusterbook.recipe.digest": proof.digest,
        "dev.clusterbook.evidence.verdict": proof.verdict,
    }
    if proof.taken:
        annotations["org.opencontainers.image.created"] = proof.taken
    return artifact(ARTIFACT, layers, annotations=annotations)


def tag_of(manifest: Manifest, proof: Proof) -> str:
    """Return the tag of evidence that nobody has given one: never that of other evidence."""
    return f"{proof.recipe[:_MOST_OF_A_SLUG]}-{manifest.digest.removeprefix('sha256:')[:12]}"


def layers_of(manifest: Manifest, where: str) -> dict[str, Descriptor]:
    """Return the layers of evidence by file name.

    Raises:
        BrokenEvidence: it is another artifact, or has a layer that evidence does not have.
    """
    if manifest.artifact_type != ARTIFACT:
        kind = manifest.artifact_type or "no artifact type"
        raise BrokenEvidence(f"{where} is no evidence: it is {kind}", hint="name what `evidence publish` has printed")
    found: dict[str, Descriptor] = {}
    for layer in manifest.layers:
        name = (layer.annotations or {}).get(TITLE, "")
        if name not in _TYPES or name in found:
            raise BrokenEvidence(f"{where} has a layer called '{name}'{' twice' if name in found else ''}")
        found[name] = layer
    return found
