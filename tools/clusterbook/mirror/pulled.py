"""Pulled: what a bundle pulls, listed for those who carry it across an air gap. Source: reference rows D4-D6, L6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.bundle.options import Request, read_options
from clusterbook.bundle.render import Bundle
from clusterbook.mirror.chart_images_ import objects
from clusterbook.mirror.list import MirrorList, mirror_list


def listed(recipe: Mapping[str, Any], bundle: Bundle, request: Request) -> MirrorList:
    """Return what a bundle pulls, made of a whole recipe with `request`."""
    releases = bundle.plan.folders
    ours = {
        folder.name: [
            each for name, text in folder.templates.items() for each in objects(text, f"{folder.name}/{name}")
        ]
        for folder in releases
    }
    return mirror_list(recipe, bundle.plan, read_options(request), ours)
