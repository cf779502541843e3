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


def as_data(mirror_list: MirrorList) -> dict[str, Any]:
    """Return the list as our own document."""
    return {
        "apiVersion": API_VERSION,
        "kind": "MirrorList",
        "metadata": {"name": mirror_list.name},
        "spec": {
            "complete": not mirror_list.gaps,
            **({"gaps": list(map(gap_as_data, mirror_list.gaps))} if mirror_list.gaps else {}),
            "charts": [
                {
                    "name": need.chart.name,
                    "repository": need.chart.repository,
                    "version": need.chart.version,
                    "component": need.component,
                    "namespace": need.namespace,
                }
                for need in mirror_list.charts
            ],
            "images": [{"name": image, "components": list(names)} for image, names in mirror_list.images.items()],
        },
    }


def gap_as_data(gap: ImageGap) -> dict[str, str]:
    """Return what is not known of a component's images."""
    return {"component": gap.component, **({"missing": gap.missing} if gap.missing else {}), "why": gap.why}


def _hauler(mirror_list: MirrorList) -> str:
    head = {"apiVersion": "content.hauler.cattle.io/v1"}
    metadata = {"metadata": {"name": _name(mirror_list)}}
    images = {
        **head,
        "kind": "Images",
        **metadata,
        "spec": {"images": [{"name": image} for image in mirror_list.images]},
    }
    charts = [
        {"name": need.chart.name, "repoURL": need.chart.repository, "version": need.chart.version}
        for need in mirror_list.charts
    ]
    return f"{dump(images)}---\n{dump({**head, 'kind': 'Charts', **metadata, 'spec': {'charts': charts}})}"


def _zarf(mirror_list: MirrorList) -> str:
    charts = {need.component: need for need in mirror_list.charts}
    names = sorted({*charts, *(name for names in mirror_list.images.values() for name in names)})
    components = [
        {
            "name": name,
            "required": True,
            **({"charts": [_zarf_chart(charts[name])]} if name in charts else {}),
            **({"images": images} if (images := mirror_list.of(name)) else {}),
        }
        for name in names
    ]
    return dump(
        {
            "kind": "ZarfPackageConfig",
            "metadata": {"name": _name(mirror_list), "description": f"Charts and images of {mirror_list.name}"},
            "components": components,
        }
    )


def _zarf_chart(need: ComponentChart) -> dict[str, str]:
    chart = need.chart
    where = {"url": chart.uri if chart.oci else chart.repository}
    return {"name": chart.name, "namespace": need.namespace, "version": chart.version, **where}


def _name(mirror_list: MirrorList) -> str:
    """Return a name that Kubernetes takes."""
    return re.sub(r"[^a-z0-9]+", "-", mirror_list.name.lower()).strip("-")[:63].strip("-")


FORMATS: Mapping[str, Callable[[MirrorList], str]] = {
    "yaml": lambda found: dump(as_data(found)),
    "json": lambda found: json.dumps(as_data(found), indent=2, ensure_ascii=False) + "\n",
    "hauler": _hauler,
    "zarf": _zarf,
    "images": lambda found: "".join(f"{image}\n" for image in found.images),
}
"""Text of a list, by the word that --format takes."""
