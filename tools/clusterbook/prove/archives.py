"""Archives: the packaged charts that lie at hand, and whether each is the one that is pinned.

A folder may have an index.json that says of a chart which version was wanted and which was found (`wanted`, `found`,
`exact`): a chart of another version is taken only where it says so, and what it proves is marked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from clusterbook.catalog.chart import ChartKeys, read_chart
from clusterbook.catalog.proofs import Archive, ProofSubject
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound

INDEX = "index.json"


class WrongChart(ClusterbookError):
    """An archive is named like a pinned chart but holds another one.

    Rendering it would prove nothing about the recipe. Pull the chart again, or correct the pin.
    """

    code = "CB243"
    exit_status = 2


@dataclass(frozen=True, slots=True)
class ChartFile:
    """A packaged chart: where it lies, what it is, and what it can be told."""

    path: Path
    archive: Archive
    keys: ChartKeys

    def refuse_other_bytes(self) -> None:
        """Check that the archive is still the one that was read: helm opens it anew for each render.

        Raises:
            WrongChart: it is gone, or another one lies in its place.
        """
        if not self.path.is_file() or _digest(self.path) != self.archive.digest:
            hint = "put the chart back and run it again; existing proofs are kept"
            raise WrongChart("changed while it was being rendered", place=self.path, hint=hint)


class Charts:
    """Folders of chart archives, `<component>-<version>.tgz` each; every archive is read once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Read the indexes of `folders`.

        Raises:
            NotFound: a folder is not there.
            InvalidRequest: an index is none.
        """
        self._folders = folders
        self._known: dict[Path, ChartFile] = {}
        self._standins: dict[tuple[str, str], tuple[Path, Mapping[str, Any]]] = {}
        self._pulled: dict[tuple[str, str], Path] = {}
        for folder in folders:
            if not folder.is_dir():
                raise NotFound(
                    f"{folder} is not a folder of charts", hint="name one of <component>-<version>.tgz files"
                )
            for entry in _index(folder):
                if entry.get("file") and entry.get("exact") is False:
                    name = str(entry.get("component")), str(entry.get("wanted"))
                    self._standins.setdefault(name, (folder / str(entry["file"]), entry))

    def chart(self, subject: ProofSubject) -> ChartFile | None:
        """Return the chart that a subject pins, the nearest where an index has one, None when it is not at hand.

        Raises:
            WrongChart: the archive holds another chart, or another version.
            UnreadableSource: it is no chart.
        """
        inexact = {path for path, _ in self._standins.values()}
        for folder in self._folders:
            for version in (subject.version, subject.version.removeprefix("v"), f"v{subject.version}"):
                for name in (subject.component, subject.chart):
                    path = folder / f"{name}-{version}.tgz"
                    if path not in inexact and path.is_file():
                        return self._pinned(path, subject)
        pulled = self._pulled.get((subject.component, subject.version))
        if pulled is not None:
            return self._pinned(pulled, subject)
        standin = self._standins.get((subject.component, subject.version))
        return self._standin(*standin) if standin is not None and standin[0].is_file() else None

    def version(self, subject: ProofSubject, version: str) -> ChartFile | None:
        """Return the archive of a version of a subject's chart, whatever the chart is called there; None for none.

        Raises:
            WrongChart: the archive holds another version.
            UnreadableSource: it is no chart.
        """
        for folder in self._folders:
            for each in (version, version.removeprefix("v"), f"v{version}"):
                for name in (subject.component, subject.chart):
                    path = folder / f"{name}-{each}.tgz"
                    if path.is_file():
                        chart = self._read(path, exact=True)
                        if chart.keys.version.removeprefix("v") != version.removeprefix("v"):
                            what = f"holds {chart.keys.name} {chart.keys.version}, but its file name says {version}"
                            raise WrongChart(what, place=path, hint="pull it again with `helm pull`, or rename it")
                        return chart
        pulled = self._pulled.get((subject.component, version))
        return self._read(pulled, exact=True) if pulled is not None else None

    def add(self, path: Path, subject: ProofSubject) -> None:
        """Take in an archive that was pulled for a subject."""
        self._pulled[subject.component, subject.version] = path

    def _pinned(self, path: Path, subject: ProofSubject) -> ChartFile:
        chart = self._read(path, exact=True)
        keys = chart.keys
        if keys.name != subject.chart or keys.version.removeprefix("v") != subject.version.removeprefix("v"):
            raise WrongChart(
                f"holds {keys.name} {keys.version}, and {subject.component} pins {subject.chart} {subject.version}",
                place=path,
                hint="pull it again with `helm pull`, or correct the pin in registry.yaml",
            )
        return chart

    def _standin(self, path: Path, entry: Mapping[str, Any]) -> ChartFile:
        """Return the chart that an index has instead of the pinned one, if it is what the index says."""
        chart = self._read(path, exact=False)
        keys, archive = chart.keys, chart.archive
        said = {"chart": keys.name, "found": keys.version, "sha256": archive.digest.partition(":")[2]}
        for field, is_now in said.items():
            if field in entry and str(entry[field]).removeprefix("v") != is_now.removeprefix("v"):
                raise WrongChart(
                    f"holds {keys.name} {keys.version}, whose {field} is {is_now}, but its index says {entry[field]}",
                    place=path,
                    hint=f"replace the chart with the one that the index describes, or correct {path.parent / INDEX}",
                )
        return chart

    def _read(self, path: Path, *, exact: bool) -> ChartFile:
        if path not in self._known:
            keys = read_chart(path)
            archive = Archive(keys.name, keys.version, _digest(path), exact)
            self._known[path] = ChartFile(path, archive, keys)
        return self._known[path]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{file_digest(file, 'sha256').hexdigest()}"


def _index(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of a folder's index, [] where it has none.

    Raises:
        InvalidRequest: it is no list of entries.
    """
    path = folder / INDEX
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", hint="remove or fix it") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidRequest(f"{path} is not a list of charts", hint="remove or fix it")
    return entries
