"""Media types: in which form a registry keeps the bundle of each deployer, so that the deployer can pull it itself.

The types, and what goes into the archive. Source: Helm, "OCI support"; Flux, "OCI artifacts"; Argo CD 3.1, "OCI": one
layer, of a type that every OCI tool reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

BUNDLE = "application/vnd.clusterbook.bundle.v1"
EMPTY = "application/vnd.oci.empty.v1+json"
_ARCHIVE = "application/vnd.oci.image.layer.v1.tar+gzip"


class MediaTypes(NamedTuple):
    """The types of a bundle's manifest, of its config (EMPTY: there is none) and of its one layer."""

    artifact: str
    config: str
    layer: str


GENERIC = MediaTypes(BUNDLE, EMPTY, _ARCHIVE)
MEDIA: Mapping[str, MediaTypes] = {
    "helm": GENERIC,
    "helmfile": GENERIC,
    "argocd": GENERIC,
    "argocd-helm": MediaTypes(
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    ),
    "flux": MediaTypes(
        "application/vnd.cncf.flux.config.v1+json",
        "application/vnd.cncf.flux.config.v1+json",
        "application/vnd.cncf.flux.content.v1.tar+gzip",
    ),
}
"""Types by deployer."""


def archive_files(deployer: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what the archive of a bundle holds: all of it, or the chart, which Helm keeps small."""
    if deployer != "argocd-helm":
        return dict(files)
    from clusterbook.bundle.argocd.helm_chart import package

    return dict(package(files))


def config(deployer: str, files: Mapping[str, bytes]) -> bytes:
    """Return the config of a bundle's manifest: a chart's Chart.yaml as JSON, else an empty map."""
    if deployer != "argocd-helm":
        return b"{}"
    from clusterbook.bundle.rederive import document
    from clusterbook.documents.digest import canonical

    return canonical(document(files, "Chart.yaml"))
