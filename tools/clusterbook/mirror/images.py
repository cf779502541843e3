"""Images that a bundle starts: those that its manifests name, and those that helm says its charts start.

What a recipe lists is compared with them by `list`. Source: reference rows D4-D6, L6.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clusterbook.bundle.folders import Chart, Folder
from clusterbook.bundle.options import OptionWords, read_options
from clusterbook.bundle.pull import program, run
from clusterbook.bundle.render import Bundle
from clusterbook.catalog.images import images_in
from clusterbook.documents.yaml_writer import dump
from clusterbook.mirror.list import MirrorList, mirror_list

KUBE_VERSION = "1.33.0"
"""Charts ask which Kubernetes they are for; there is no cluster here to ask. Source: reference row D4."""
_AT_ONCE = 4
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)


def bundle_list(recipe: Mapping[str, Any], bundle: Bundle, request: OptionWords) -> MirrorList:
    """Return what a bundle pulls, made of a whole recipe with `request`."""
    releases = bundle.plan.folders
    manifests = {
        folder.name: [
            manifest for name, text in folder.templates.items() for manifest in objects(text, f"{folder.name}/{name}")
        ]
        for folder in releases
    }
    return mirror_list(recipe, bundle.plan, read_options(request), manifests)


def chart_images(folders: Iterable[Folder]) -> dict[str, set[str]]:
    """Return the full names of the images that charts name when helm renders them, by component.

    Raises:
        ToolFailed: helm is not installed, or cannot render one of them.
    """
    helm = program("helm", "charts are rendered with it")
    releases = [(folder, folder.chart) for folder in folders if folder.chart is not None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        texts = pool.map(lambda release: _template(helm, *release), releases)
        return {
            folder.component: {image for manifest in objects(text, folder.name) for image in images_in(manifest)}
            for (folder, _), text in zip(releases, texts, strict=True)
        }


def _template(helm: str, folder: Folder, chart: Chart) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        values = Path(temporary) / "values.yaml"
        values.write_text(dump(folder.part.all_values()), encoding="utf-8")
        where = [chart.uri] if chart.oci else [chart.name, "--repo", chart.repository]
        words = [
            "--version",
            chart.version,
            "--namespace",
            folder.namespace,
            "--kube-version",
            KUBE_VERSION,
            "--skip-tests",
        ]
        return run([helm, "template", folder.name, *where, *words, "--values", str(values)])


def objects(text: str, file: str) -> Iterator[Any]:
    """Yield those objects of a stream of manifests that may name an image; definitions of kinds are not read.

    Raises:
        SourceErrors: one is no YAML.
    """
    from clusterbook.documents.yaml_reader import parse  # 30 ms that no other command of the client needs

    for part in _SEPARATOR.split(text):
        names_image = "image" in part.lower() or "operators.coreos.com/" in part
        if names_image and "kind: CustomResourceDefinition" not in part:
            node = parse(part, file, first_only=True)
            if node is not None:
                yield node.data()
