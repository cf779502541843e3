"""Chart archives: what upstream charts can be told.

A hostile archive can do nothing: nothing is unpacked, nothing but the files that matter is read, and of those no more
than fits.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.diagnostics.errors import NotFound, UnreadableSource
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.yaml_reader import parse
from clusterbook.lint.rules import ChartKeys
from clusterbook.snapshot.constraint import parse_version

MAX_ARCHIVE_BYTES = 20 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
"""Largest archive once unpacked, since what is passed over is unpacked on the way."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Most text read from one archive; the largest chart of the catalog has 6 MB, mostly CRDs, which are left out."""

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_PATH = re.compile(r"\.Values((?:\.\w+)+)")
_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def read_charts(folder: Path, components: Iterable[str]) -> dict[str, ChartKeys]:
    """Return the charts in `folder` by component; of several versions the newest.

    Raises:
        UnreadableSource: no such folder, or an archive that is no chart.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise NotFound(f"{folder} {what}", hint="name a folder of <component>-<version>.tgz files")
    found: dict[str, tuple[tuple[int, ...], ChartKeys]] = {}
    for path in sorted(folder.glob("*.tgz")):
        name = component_of(path.name, components)
        if not name:
            continue
        chart = read_chart(path)
        version = parse_version(chart.version) or ()
        if name not in found or found[name][0] <= version:
            found[name] = version, chart
    return {name: chart for name, (_, chart) in found.items()}


def component_of(file: str, components: Iterable[str]) -> str:
    """Return which component a file belongs to, "" for none: `<component>-<version>.tgz`, the longest name first."""
    for name in sorted(components, key=len, reverse=True):
        rest = file.removeprefix(f"{name}-")
        if rest != file and re.match(r"v?\d", rest):
            return name
    return ""


def read_chart(path: Path) -> ChartKeys:
    """Return what the chart archive at `path` can be told.

    Raises:
        UnreadableSource: not a chart, or larger than the limits.
    """
    try:
        if path.stat().st_size > MAX_ARCHIVE_BYTES:
            raise UnreadableSource(f"larger than {MAX_ARCHIVE_BYTES // 1024 // 1024} MB", place=path)
        with tarfile.open(path, "r:gz") as archive:
            texts = dict(_texts(archive, path))
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UnreadableSource(f"not a chart archive: {error}", place=path, hint="`helm pull` makes one") from error
    roots = [name for name in texts if name.count("/") == 1 and name.endswith("/Chart.yaml")]
    if len(roots) != 1:
        raise UnreadableSource("no chart: it has no Chart.yaml", place=path, hint="`helm pull` makes a chart archive")
    return _chart(roots[0].removesuffix("Chart.yaml"), texts, path)


def _texts(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the files that say what a chart can be told.

    Raises:
        UnreadableSource: more or larger files than a chart has.
    """
    total = unpacked = 0
    for number, member in enumerate(archive):
        unpacked += member.size
        if number >= MAX_FILES or unpacked > MAX_UNPACKED_BYTES:
            raise UnreadableSource(f"{member.name}: too many or too large files for a chart", place=path)
        name = member.name.removeprefix("./")
        if not member.isreg() or not _matters(name):
            continue
        total += member.size
        if member.size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
            raise UnreadableSource(f"{name} is too large", place=path)
        content = archive.extractfile(member)
        if content is not None:
            yield name, content.read(MAX_FILE_BYTES).decode("utf-8", errors="replace")


def _matters(name: str) -> bool:
    return name.endswith(("/values.yaml", "/Chart.yaml", "/values.schema.json")) or "/templates/" in name


def _chart(root: str, texts: Mapping[str, str], path: Path) -> ChartKeys:
    """Return the chart below `root` in an archive, with the values of its subcharts under their names."""
    about = _data(texts.get(f"{root}Chart.yaml", ""), f"{path}:{root}Chart.yaml")
    values = dict(_data(texts.get(f"{root}values.yaml", ""), f"{path}:{root}values.yaml"))
    templates = [text for name, text in texts.items() if name.startswith(f"{root}templates/")]
    actions = [action for text in templates for action in _ACTION.findall(text)]
    read = {tuple(path.split(".")[1:]) for action in actions for path in _PATH.findall(action)}
    words = {word for action in actions for word in _WORD.findall(_PATH.sub("", action))}
    for dependency in about.get("dependencies") or []:
        name = str(dependency.get("name", "")) if isinstance(dependency, dict) else ""
        alias = str(dependency.get("alias") or name) if name else ""
        inner: Mapping[str, object] = {}
        if f"{root}charts/{name}/Chart.yaml" in texts:
            below = _chart(f"{root}charts/{name}/", texts, path)
            inner, words = below.values, words | below.words
            read |= {(alias, *path) for path in below.read}
        if alias:
            values[alias] = _over(inner, values.get(alias))
    schema = texts.get(f"{root}values.schema.json", "")
    return ChartKeys(
        name=str(about.get("name", "")),
        version=str(about.get("version", "")),
        values=values,
        read=frozenset(read),
        words=frozenset(words),
        schema=_schema(schema),
    )


def _data(text: str, file: str) -> dict[str, Any]:
    """Return the map in a YAML text; a chart whose file is broken has none."""
    try:
        node = parse(text, file, first_only=True)
    except SourceErrors:
        return {}
    found = node.data() if node else {}
    return found if isinstance(found, dict) else {}


def _schema(text: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _over(low: Mapping[str, object], high: object) -> object:
    """Return a parent's values over those of its subchart."""
    if not isinstance(high, dict):
        return low if high is None else high
    merged = dict(low)
    for key, value in high.items():
        inner = merged.get(key)
        merged[key] = _over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
