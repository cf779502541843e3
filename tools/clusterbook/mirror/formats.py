"""Mirror formats: a mirror list as other tools read it.

Our own document, Hauler's manifests, Zarf's package and a plain list of images.
Source: reference row D5; Hauler, content.hauler.cattle.io/v1; Zarf, ZarfPackageConfig.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from clusterbook.documents.api_version import API_VERSION
from clusterbook.documents.yaml_writer import dump
from clusterbook.mirror.list import ComponentChart, ImageGap, MirrorList


def as_data(found: MirrorList) -> dict[str, Any]:
    """Return the list as our own document."""
    return {
        "apiVersion": API_VERSION,
        "kind": "MirrorList",
        "metadata": {"name": found.name},
        "spec": {
            "complete": not found.gaps,
            **({"gaps": list(map(gap_as_data, found.gaps))} if found.gaps else {}),
            "charts": [
                {
                    "name": need.chart.name,
                    "repository": need.chart.repository,
                    "version": need.chart.version,
                    "component": need.component,
                    "namespace": need.namespace,
                }
                for need in found.charts
            ],
            "images": [{"name": image, "components": list(names)} for image, names in found.images.items()],
        },
    }


def gap_as_data(gap: ImageGap) -> dict[str, str]:
    """Return what is not known of a component's images."""
    return {"component": gap.component, **({"missing": gap.missing} if gap.missing else {}), "why": gap.why}


def _hauler(found: MirrorList) -> str:
    head = {"apiVersion": "content.hauler.cattle.io/v1"}
    metadata = {"metadata": {"name": _name(found)}}
    images = {**head, "kind": "Images", **metadata, "spec": {"images": [{"name": image} for image in found.images]}}
    charts = [
        {"name": need.chart.name, "repoURL": need.chart.repository, "version": need.chart.version}
        for need in found.charts
    ]
    return f"{dump(images)}---\n{dump({**head, 'kind': 'Charts', **metadata, 'spec': {'charts': charts}})}"


def _zarf(found: MirrorList) -> str:
    charts = {need.component: need for need in found.charts}
    names = sorted({*charts, *(name for names in found.images.values() for name in names)})
    components = [
        {
            "name": name,
            "required": True,
            **({"charts": [_zarf_chart(charts[name])]} if name in charts else {}),
            **({"images": images} if (images := found.of(name)) else {}),
        }
        for name in names
    ]
    return dump(
        {
            "kind": "ZarfPackageConfig",
            "metadata": {"name": _name(found), "description": f"Charts and images of {found.name}"},
            "components": components,
        }
    )


def _zarf_chart(need: ComponentChart) -> dict[str, str]:
    chart = need.chart
    where = {"url": chart.uri if chart.oci else chart.repository}
    return {"name": chart.name, "namespace": need.namespace, "version": chart.version, **where}


def _name(found: MirrorList) -> str:
    """Return a name that Kubernetes takes."""
    return re.sub(r"[^a-z0-9]+", "-", found.name.lower()).strip("-")[:63].strip("-")


FORMATS: Mapping[str, Callable[[MirrorList], str]] = {
    "yaml": lambda found: dump(as_data(found)),
    "json": lambda found: json.dumps(as_data(found), indent=2, ensure_ascii=False) + "\n",
    "hauler": _hauler,
    "zarf": _zarf,
    "images": lambda found: "".join(f"{image}\n" for image in found.images),
}
"""Text of a list, by the word that --format takes."""
