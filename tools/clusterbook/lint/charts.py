"""Charts: the folder of upstream charts that `check` is shown, `<component>-<version>.tgz` each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from clusterbook.catalog.chart import ChartKeys, read_chart
from clusterbook.diagnostics.errors import NotFound
from clusterbook.snapshot.constraint import parse_version


def read_charts(folder: Path, components: Iterable[str]) -> dict[str, ChartKeys]:
    """Return the charts in `folder` by component; of several versions the newest.

    Raises:
        UnreadableSource: no such folder, or an archive that is no chart.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise NotFound(f"{folder} {what}", hint="name a folder of <component>-<version>.tgz files")
    newest: dict[str, tuple[tuple[int, ...], ChartKeys]] = {}
    for path in sorted(folder.glob("*.tgz")):
        name = component_of(path.name, components)
        if not name:
            continue
        chart = read_chart(path)
        version = parse_version(chart.version) or ()
        if name not in newest or newest[name][0] <= version:
            newest[name] = version, chart
    return {name: chart for name, (_, chart) in newest.items()}


def component_of(file: str, components: Iterable[str]) -> str:
    """Return which component a file belongs to, "" for none: `<component>-<version>.tgz`, the longest name first."""
    for name in sorted(components, key=len, reverse=True):
        rest = file.removeprefix(f"{name}-")
        if rest != file and re.match(r"v?\d", rest):
            return name
    return ""
