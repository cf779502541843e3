"""Provenance: which charts travel in a bundle, and where they came from.

Knows provenance.yaml. Does not pull charts. Source: reference row B33.
"""

from __future__ import annotations

from hashlib import sha256

from clusterbook.bundle.folders import Plan
from clusterbook.documents.api_version import API_VERSION
from clusterbook.documents.yaml_writer import dump

PROVENANCE = "provenance.yaml"


def provenance(plan: Plan) -> dict[str, bytes]:
    """Return provenance.yaml and the chart archives that it describes, {} when none travel along."""
    charts, found = [], {}
    for folder in plan.folders:
        if folder.vendored is None or folder.chart is None:
            continue
        where = f"{folder.path}/charts/{folder.vendored.tarball}"
        found[where] = folder.vendored.data
        charts.append(
            {
                "name": folder.name,
                "chart": folder.chart.name,
                "version": folder.chart.version,
                "repository": folder.chart.repository,
                "sha256": sha256(folder.vendored.data).hexdigest(),
                "tarballName": folder.vendored.tarball,
                "path": where,
                "pullerVersion": folder.vendored.puller,
            }
        )
    if charts:
        document = {"apiVersion": API_VERSION, "kind": "BundleProvenance", "vendoredCharts": charts}
        found[PROVENANCE] = dump(document).encode()
    return found
