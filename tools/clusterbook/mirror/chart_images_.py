"""Images of charts: what helm says a chart starts, with the values that a bundle gives it.

Knows `helm template`. Does not know what the catalog lists. Source: reference row D4.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clusterbook.bundle.folders import Chart, Folder
from clusterbook.bundle.pull import program, run
from clusterbook.catalog.images import images_in
from clusterbook.documents.yaml_reader import parse
from clusterbook.documents.yaml_writer import dump

KUBE_VERSION = "1.33.0"
"""Charts ask which Kubernetes they are for; there is no cluster here to ask. Source: reference row D4."""
_AT_ONCE = 4
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)


def chart_images(folders: Iterable[Folder]) -> dict[str, set[str]]:
    """Return the full names of the images that charts name when helm renders them, by component.

    Raises:
        ToolFailed: helm is not installed, or cannot render one of them.
    """
    helm = program("helm", "charts are rendered with it")
    wanted = [(folder, folder.chart) for folder in folders if folder.chart is not None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        texts = pool.map(lambda each: _template(helm, *each), wanted)
        return {
            folder.component: {image for found in objects(text, folder.name) for image in images_in(found)}
            for (folder, _), text in zip(wanted, texts, strict=True)
        }


def _template(helm: str, folder: Folder, chart: Chart) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        values = Path(temporary) / "values.yaml"
        values.write_text(dump(folder.part.all_values()), encoding="utf-8")
        where = [chart.uri] if chart.oci else [chart.name, "--repo", chart.repository]
        asked = [
            "--version",
            chart.version,
            "--namespace",
            folder.namespace,
            "--kube-version",
            KUBE_VERSION,
            "--skip-tests",
        ]
        return run([helm, "template", folder.name, *where, *asked, "--values", str(values)])


def objects(text: str, file: str) -> Iterator[Any]:
    """Yield those objects of a stream of manifests that may name an image; definitions of kinds are not read.

    Raises:
        SourceErrors: one is no YAML.
    """
    for part in _SEPARATOR.split(text):
        if ("image:" in part or "operators.coreos.com/" in part) and "kind: CustomResourceDefinition" not in part:
            node = parse(part, file, first_only=True)
            if node is not None:
                yield node.data()
