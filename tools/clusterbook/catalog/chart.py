"""A Helm chart's archive: what the chart can be told, read without unpacking it.

A hostile archive may do nothing here: nothing is written, nothing but the files that matter is read, of those no more
than fits, and a path that leaves the chart is refused.
"""

from __future__ import annotations

import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import UnreadableSource
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.diagnostics.transport import UnsafeArchive
from clusterbook.documents.yaml_reader import parse
from clusterbook.files.tar_reader import Head

MAX_ARCHIVE_BYTES = 20 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
"""Largest archive once unpacked, since what is passed over is unpacked on the way."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Most text read from one archive; the largest chart of the catalog has 6 MB, mostly CRDs, which are left out."""

MAX_NESTED = 16
"""Most subcharts one inside the other; the deepest chart of the catalog has two."""

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_PATH = re.compile(r"\.Values((?:\.\w+)+)")
_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class ChartKeys(NamedTuple):
    """What one upstream chart can be told: the data of its values.yaml with those of its subcharts in place.

    A template may read what has no default. `read` are the paths that templates spell out from the root of the values,
    `words` what they read without saying from where. `conditions` are the values, one of which switches a subchart, by
    the subchart's path; `kube_version` is the range of Kubernetes that the chart asks for, "" for any.
    """

    name: str
    version: str
    values: Mapping[str, object]
    read: frozenset[tuple[str, ...]] = frozenset()
    words: frozenset[str] = frozenset()
    schema: Mapping[str, object] | None = None
    conditions: Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
    kube_version: str = ""


def read_chart(path: Path) -> ChartKeys:
    """Return what the chart archive at `path` can be told.

    Raises:
        UnreadableSource: not a chart, larger than the limits, or made to do harm.
    """
    try:
        if path.stat().st_size > MAX_ARCHIVE_BYTES:
            raise UnreadableSource(f"larger than {MAX_ARCHIVE_BYTES // 1024 // 1024} MB", place=path)
        with tarfile.open(path, "r:gz", tarinfo=Head) as archive:
            texts = dict(_texts(archive, path))
    except UnsafeArchive as error:
        raise UnreadableSource(f"not a chart archive: {error.what}", place=path, hint=_MADE_BY) from error
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError) as error:
        raise UnreadableSource(f"not a chart archive: {error}", place=path, hint=_MADE_BY) from error
    except RecursionError as error:  # tarfile reads each head that extends another inside the other
        raise UnreadableSource("not a chart archive: endless headers", place=path, hint=_MADE_BY) from error
    roots = [name for name in texts if name.count("/") == 1 and name.endswith("/Chart.yaml")]
    if len(roots) != 1:
        raise UnreadableSource("not a chart: it has no Chart.yaml", place=path, hint=_MADE_BY)
    return _chart(roots[0].removesuffix("Chart.yaml"), texts, path)


def _texts(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the files that say what a chart can be told.

    Raises:
        UnreadableSource: more or larger files than a chart has.
    """
    total = unpacked = 0
    seen: set[str] = set()
    for number, member in enumerate(archive):
        unpacked += member.size
        if number >= MAX_FILES or unpacked > MAX_UNPACKED_BYTES:
            raise UnreadableSource(f"{member.name}: too many or too large files for a chart", place=path)
        name = member.name.removeprefix("./")
        if _leaves(name):
            raise UnreadableSource(f"holds {member.name!a}, a path that leaves the chart", place=path)
        if (member.issym() or member.islnk()) and _leaves(_target(member)):
            raise UnreadableSource(f"{member.name!a} links to {member.linkname!a}, which leaves the chart", place=path)
        if not member.isreg() or not _matters(name):
            continue
        if name in seen:  # readers differ in which of the two they take
            raise UnreadableSource(f"holds {name!a} twice", place=path)
        seen.add(name)
        total += member.size
        if member.size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
            raise UnreadableSource(f"{name} is too large", place=path)
        content = archive.extractfile(member)
        if content is not None:
            yield name, content.read(MAX_FILE_BYTES).decode("utf-8", errors="replace")


def _leaves(name: str) -> bool:
    """Return whether a path leads out of the folder that it is unpacked to, on any system."""
    plain = name.replace("\\", "/")
    return plain.startswith("/") or plain[1:2] == ":" or ".." in PurePosixPath(plain).parts


def _target(link: tarfile.TarInfo) -> str:
    """Return where a link leads, from the root of the archive: symbolic ones count from where they lie."""
    if link.islnk() or _leaves(link.linkname.replace("../", "")):
        return link.linkname
    return normpath(f"{PurePosixPath(link.name).parent}/{link.linkname}")


def _matters(name: str) -> bool:
    return name.endswith(("/values.yaml", "/Chart.yaml", "/values.schema.json")) or "/templates/" in name


_MADE_BY = "`helm pull` makes a chart archive"


def _chart(root: str, texts: Mapping[str, str], path: Path) -> ChartKeys:
    """Return the chart below `root` in an archive, with the values of its subcharts under their names."""
    if root.count("/charts/") > MAX_NESTED:
        raise UnreadableSource(f"more than {MAX_NESTED} charts one inside the other", place=path)
    about = _data(texts.get(f"{root}Chart.yaml", ""), f"{path}:{root}Chart.yaml")
    values = dict(_data(texts.get(f"{root}values.yaml", ""), f"{path}:{root}values.yaml"))
    templates = [text for name, text in texts.items() if name.startswith(f"{root}templates/")]
    actions = [action for text in templates for action in _ACTION.findall(text)]
    read = {tuple(path.split(".")[1:]) for action in actions for path in _PATH.findall(action)}
    words = {word for action in actions for word in _WORD.findall(_PATH.sub("", action))}
    conditions: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
    dependencies = about.get("dependencies")
    for dependency in dependencies if isinstance(dependencies, list) else []:
        name = str(dependency.get("name", "")) if isinstance(dependency, dict) else ""
        alias = str(dependency.get("alias") or name) if name else ""
        inner: Mapping[str, object] = {}
        if f"{root}charts/{name}/Chart.yaml" in texts:
            below = _chart(f"{root}charts/{name}/", texts, path)
            inner, words = below.values, words | below.words
            read |= {(alias, *path) for path in below.read}
            conditions |= {
                (alias, *sub): tuple((alias, *path) for path in paths) for sub, paths in below.conditions.items()
            }
        if alias:
            words_of = str(dependency.get("condition") or "").split(",")
            conditions[(alias,)] = tuple(tuple(word.strip().split(".")) for word in words_of if word.strip())
            values[alias] = _over(inner, values.get(alias))
    schema = texts.get(f"{root}values.schema.json", "")
    return ChartKeys(
        name=str(about.get("name", "")),
        version=str(about.get("version", "")),
        values=values,
        read=frozenset(read),
        words=frozenset(words),
        schema=_schema(schema),
        conditions=conditions,
        kube_version=str(about.get("kubeVersion") or ""),
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
    except (ValueError, RecursionError):
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
