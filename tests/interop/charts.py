"""Chart servers on loopback: an HTTP chart repository and an OCI registry that serve what the recipes pin.

Each chart is served under the host and path that its upstream has, below ours: `https://charts.example/x` becomes
`http://127.0.0.1:PORT/charts.example/x`, `oci://ghcr.io/x` becomes `oci://localhost:PORT/ghcr.io/x`. `redirect`
writes a source tree whose registry names these, so that bundles are made by the unchanged bundler and deployed by
unchanged scripts. A chart is the real upstream one where the shared folder has it, else one that stands in
(standin.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clusterbook.resolve.resolver import Recipe
from tests.interop import registries, standin
from tests.interop.certs import Certificates
from tests.interop.processes import run, serving
from tests.interop.registries import Registry
from tests.interop.toolchain import program
from tests.support.trees import SHARED

REAL = SHARED / "charts"
_SOURCE = re.compile(r"^(\s*defaultRepository:\s*)((?:https?|oci)://\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One chart as a recipe pins it; `chart` without its repository."""

    component: str
    source: str
    chart: str
    version: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One packaged chart; `real` says whether it is upstream's, `exact` whether it is of the very version pinned."""

    pin: Pin
    archive: bytes
    real: bool
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ChartServers:
    """Both servers, running. `asked` fills with the paths of the chart repository that were asked for."""

    port: int
    registry: Registry
    charts: Sequence[Chart]
    asked: list[str] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """Environment with which Helm and others trust the OCI registry."""
        return self.registry.env

    def url(self, source: str) -> str:
        """Return where the charts of an upstream repository are served; "" stays "" (a component without a chart)."""
        if not source:
            return ""
        scheme, _, rest = source.partition("://")
        return f"oci://{self.registry.host}/{rest}" if scheme == "oci" else f"http://127.0.0.1:{self.port}/{rest}"

    def redirect(self, tree: Path, to: Path) -> Path:
        """Return `to`, a copy of a source tree whose charts come from these servers."""
        shutil.copytree(tree, to)
        registry = to / "registry.yaml"
        text = registry.read_text(encoding="utf-8")
        registry.write_text(_SOURCE.sub(lambda found: found[1] + self.url(found[2]), text), encoding="utf-8")
        return to


def pins(recipes: Iterable[Recipe]) -> list[Pin]:
    """Return every chart that these recipes deploy, sorted."""
    found = set()
    for recipe in recipes:
        for component in recipe.components:
            if component.enabled and component.word("source") and component.word("type") == "Helm":
                chart = component.word("chart").rpartition("/")[2] or component.name
                found.add(Pin(component.name, component.word("source"), chart, component.word("version")))
    return sorted(found)


def charts(wanted: Iterable[Pin], tree: Path, real: Path = REAL) -> list[Chart]:
    """Return a packaged chart for each pin: upstream's where `real` has it, else a stand-in.

    Components may have one chart together: then it stands in for all of them.

    An upstream chart of another version than the pinned one is of no use where it defines none of the kinds that our
    manifests expect of it: it is from before they were renamed.

    Args:
        tree: the source tree that says what each component's health check expects.
        real: packaged charts, each folder of them with an index.json; need not exist.
    """
    upstream = _upstream(real)
    made = []
    shared: dict[tuple[str, str, str], list[str]] = {}
    for pin in wanted:
        shared.setdefault((pin.source, pin.chart, pin.version), []).append(pin.component)
    for pin in wanted:
        found = upstream.get((pin.component, pin.version))
        expected = standin.kinds_of(pin.component)
        if found is None or (expected and not found[1] and expected.isdisjoint(_kinds(found[0]))):
            users = shared[pin.source, pin.chart, pin.version]
            stand_in = standin.shared_archive({each: _check(tree, each) for each in users}, pin.chart, pin.version)
            made.append(Chart(pin, stand_in, real=False))
        else:
            archive, exact = found
            made.append(Chart(pin, stamp(archive.read_bytes(), pin), real=True, exact=exact))
    return made


def _check(tree: Path, component: str) -> str:
    """Return the text of a component's health check, "" where there is none."""
    check = tree / "checks" / component / "health-check.yaml"
    return check.read_text(encoding="utf-8") if check.is_file() else ""


def _upstream(real: Path) -> dict[tuple[str, str], tuple[Path, bool]]:
    """Return the packaged upstream charts by component and pinned version, and whether each is exactly that.

    A folder counts before those in it.
    """
    indexes = sorted(real.rglob("index.json"), key=lambda index: len(index.parts), reverse=True)
    return {
        (entry["component"], entry["wanted"]): (index.parent / entry["file"], entry["exact"])
        for index in indexes
        for entry in json.loads(index.read_text(encoding="utf-8"))
    }


def _kinds(archive: Path) -> set[str]:
    """Return the kinds that a packaged chart defines, and what else its files call a kind."""
    with tarfile.open(archive) as tar:
        files = [content(tar, entry).decode(errors="replace") for entry in tar if entry.isfile()]
    return {found for text in files for found in re.findall(r"^\s+kind: (\w+)\s*$", text, re.MULTILINE)}


def stamp(archive: bytes, pin: Pin) -> bytes:
    """Return a packaged chart that has the name and the version of `pin`; unchanged when it has them already.

    A chart packaged from the next best tag is better to test with than a stand-in, and only so a pin finds it.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {entry.name: content(tar, entry) for entry in tar if entry.isfile()}
    (about,) = (path for path in files if path.count("/") == 1 and path.endswith("/Chart.yaml"))
    text = stamped = files[about].decode()
    for key, wanted in (("name", pin.chart), ("version", pin.version)):
        said = re.search(rf"^{key}:\s*[\"']?([^\"'\s]+).*$", stamped, re.MULTILINE)
        assert said is not None, f"{about} says no {key}"
        if said[1] != wanted:
            stamped = f"{stamped[: said.start()]}{key}: {json.dumps(wanted)}{stamped[said.end() :]}"
    return archive if stamped == text else standin.pack({**files, about: stamped.encode()})


def content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    """Return what a file of an archive holds."""
    file = tar.extractfile(entry)
    assert file is not None
    return file.read()


@contextlib.contextmanager
def serve(folder: Path, certificates: Certificates, served: Sequence[Chart]) -> Iterator[ChartServers]:
    """Serve charts; once the block is left nobody answers any more."""
    asked: list[str] = []
    files = _repositories([chart for chart in served if not chart.pin.source.startswith("oci://")])
    with registries.with_referrers(folder, certificates) as registry, _http(files, asked) as port:
        servers = ChartServers(port, registry, served, asked)
        for chart in served:
            if chart.pin.source.startswith("oci://"):
                _push(folder / "push", chart, servers)
        yield servers


def _repositories(served: Sequence[Chart]) -> dict[str, bytes]:
    """Return the files of all HTTP repositories by path: each an index.yaml, and the archives beside it."""
    files: dict[str, bytes] = {}
    entries: dict[str, dict[str, dict[str, object]]] = {}
    for chart in served:
        root = "/" + chart.pin.source.partition("://")[2].rstrip("/")
        name = f"{chart.pin.chart}-{chart.pin.version}.tgz"
        files[f"{root}/{name}"] = chart.archive
        entries.setdefault(root, {})[name] = {
            "apiVersion": "v2",
            "name": chart.pin.chart,
            "version": chart.pin.version,
            "digest": hashlib.sha256(chart.archive).hexdigest(),
            "urls": [name],
        }
    for root, found in entries.items():
        by_name: dict[str, list[dict[str, object]]] = {}
        for entry in found.values():
            by_name.setdefault(str(entry["name"]), []).append(entry)
        files[f"{root}/index.yaml"] = json.dumps({"apiVersion": "v1", "entries": by_name}).encode()
    return files


def _push(folder: Path, chart: Chart, servers: ChartServers) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chart.pin.chart}-{chart.pin.version}.tgz"
    path.write_bytes(chart.archive)
    run(program("helm"), "push", path, servers.url(chart.pin.source), env=servers.env)


@contextlib.contextmanager
def _http(files: Mapping[str, bytes], asked: list[str]) -> Iterator[int]:
    """Serve files by path; gives the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            asked.append(path)
            content = files.get(path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with serving(Handler) as port:
        yield port
