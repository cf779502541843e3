"""Releases: what a bundle on disk installs, read from its files, whoever wrote them last.

A bundle that somebody edited deploys what its files say, which is no longer what its recipe and options make. Values
are read as Helm or the deployer reads them: files in a row, then the numbers that are given one by one.
Law: a bundle as it was made has no edited release.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from clusterbook.bundle.flux.source import LATER as CONFIG_MAP
from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.integers import Path, large_integers, spell_path, subchart_integers, walk_integers
from clusterbook.bundle.local_chart import LATER, VALUES
from clusterbook.bundle.value_tree import clone, merge
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.scalars import BOOLEANS
from clusterbook.documents.yaml_reader import Node, parse

Files = Mapping[str, bytes]
Document = dict[str, Any]


class EditedRelease(NamedTuple):
    """What the release of a component has become: `fields` and `values` as a recipe says them, by the files `places`.

    `fields` are those of chart, source, version and namespace that are others than they were made; `values` are all.
    """

    fields: Mapping[str, str]
    values: Document
    places: tuple[str, ...]

    @property
    def place(self) -> str:
        """Return its files in words."""
        return ", ".join(self.places)

    def tells(self, path: str, place: str) -> bool:
        """Return whether what stands at a place of a file is among its values."""
        folder, _, name = path.rpartition("/")
        if path not in self.places or not folder:
            return False
        return name in (VALUES, LATER) or folder == "static" or place.startswith("spec.values.")


class _Release(NamedTuple):
    """What the files of one folder say: `fields` in the deployer's words."""

    fields: Document
    values: Document


def edited_releases(files: Files, made: Files, planned: Plan, deployer: str) -> dict[str, EditedRelease]:
    """Return the release of each component that files install otherwise than they were made, by component.

    Args:
        files: the bundle as it is.
        made: the bundle that its recipe and options make.
        planned: what they plan.
        deployer: for whom it was made.

    Raises:
        InvalidRequest: a file that says what is installed cannot be read.
    """
    found = {}
    read = _READERS[deployer]
    for folder in planned.folders:
        if folder.chart is None or folder.phase != "main":
            continue
        places = [path for path in _places(folder, deployer, made) if files.get(path) != made.get(path)]
        if not places or any(path not in files for path in places):  # what is missing installs nothing
            continue
        before, now = read(folder, made), read(folder, files)
        fields = {name: word for name, word in now.fields.items() if word != before.fields.get(name)}
        if fields or now.values != before.values:
            spelled = {name: _as_recipe(folder, name, str(word)) for name, word in fields.items()}
            found[folder.component] = EditedRelease(spelled, now.values, tuple(places))
    return found


def _places(folder: Folder, deployer: str, made: Files) -> Iterator[str]:
    """Yield the files that say what a folder installs."""
    names = {
        "helm": (VALUES, LATER, "upstream.env", "install.sh"),
        "helmfile": (VALUES, LATER),
        "argocd": (VALUES, "application.yaml"),
        "argocd-helm": (VALUES,),
        "flux": ("helmrelease.yaml", "integers.yaml", CONFIG_MAP),
    }
    yield from (f"{folder.path}/{name}" for name in names[deployer] if f"{folder.path}/{name}" in made)
    if deployer == "helmfile":
        yield f"level-{folder.level}.yaml"
    if deployer == "flux":
        yield from (path for path in made if path.startswith("sources/helmrepo-"))
    if deployer == "argocd-helm":
        own = (f"static/{folder.name}.yaml", VALUES, f"templates/{folder.name}.yaml")
        yield from (path for path in own if path in made)


def _as_recipe(folder: Folder, name: str, word: str) -> str:
    """Return a word of a deployer as recipes spell it: Argo CD wants no v before a version, and no scheme."""
    chart = folder.chart
    assert chart is not None, f"{folder.name} has no chart"
    if name == "version" and chart.version.startswith("v") and word[:1].isdigit():
        return f"v{word}"
    return f"oci://{word}" if name == "source" and chart.oci and "://" not in word else word


def _document(files: Files, path: str) -> Document:
    """Return the map in a file as Helm reads it, {} for an empty or a missing one. Raises InvalidRequest."""
    try:
        node = parse(files.get(path, b"").decode(), path)
    except SourceErrors as error:
        first = error.findings[0]
        raise InvalidRequest(first.what, place=first.place, hint="fix the file, or make the bundle again") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8 text", hint="fix the file, or make the bundle again") from error
    found = None if node is None else _as_helm(node)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidRequest(f"{path} is not a map", hint="fix the file, or make the bundle again")
    return found


def _as_helm(node: Node) -> Any:
    """Return the data of a node by YAML 1.1, in which an unquoted `no` is false."""
    if isinstance(node.value, dict):
        return {key: _as_helm(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_as_helm(child) for child in node.value]
    return BOOLEANS[node.text] if node.plain and node.text in BOOLEANS else node.value


def _with_numbers(values: Document, numbers: Mapping[Path, str]) -> Document:
    """Return values with numbers that are given one by one, as `--set` lays them over."""
    found: Any = clone(values)
    for path, word in numbers.items():
        inner = found
        for step, following in pairwise(path):
            inner = _below(inner, step, [] if isinstance(following, int) else {})
        number: Any = int(word) if re.fullmatch(r"-?(0|[1-9][0-9]*)", word) else word
        _put(inner, path[-1], number)
    return dict(found)


def _below(inner: Any, step: str | int, empty: Any) -> Any:
    """Return what is below a step, made where there is nothing of that kind."""
    present = inner.get(step) if isinstance(inner, dict) else inner[step] if int(step) < len(inner) else None
    if type(present) is not type(empty):
        _put(inner, step, empty)
        return empty
    return present


def _put(inner: Any, step: str | int, value: Any) -> None:
    if isinstance(inner, list):
        inner += [None] * (int(step) + 1 - len(inner))
    inner[step] = value


def _numbers(folder: Folder, given: Mapping[str, str], *, below: bool = False) -> dict[Path, str]:
    """Return the numbers of a release by path, from those that are given by how `--set` spells it.

    Args:
        folder: the release as it was made; what is given for other paths is no number of it.
        given: number by path.
        below: whether paths begin with the chart's name.
    """
    paths = [path for path, _ in walk_integers(folder.values)]
    spelled = [path for path, _ in (subchart_integers(folder) if below else large_integers(folder))]
    return {path: given[words] for path, words in zip(paths, spelled, strict=True) if words in given}


def _by_helm(folder: Folder, files: Files) -> _Release:
    lines = _text(files, f"{folder.path}/upstream.env").splitlines()
    words = dict(word.partition("=")[::2] for line in lines if not line.startswith("#") for word in _words(line))
    chart, source = words.get("CHART", ""), words.get("REPO", "")
    if chart.startswith("oci://"):
        source, _, chart = chart.rpartition("/")
    script = _text(files, f"{folder.path}/install.sh")
    call = script.partition("\nset -- helm upgrade")[2].partition("\n\n")[0].replace("\\\n", " ")
    flags = _words(call.partition("$apply")[0])
    given = dict(word.partition("=")[::2] for flag, word in pairwise(flags) if flag == "--set")
    spaces = [word for flag, word in pairwise(flags) if flag == "--namespace"]
    fields = {"chart": chart, "source": source, "version": words.get("VERSION", ""), "namespace": "".join(spaces[:1])}
    return _Release(fields, _with_numbers(_from_files(folder, files), _numbers(folder, given)))


def _from_files(folder: Folder, files: Files) -> Document:
    """Return what the two values files of a folder say together."""
    return merge(_document(files, f"{folder.path}/{VALUES}"), _document(files, f"{folder.path}/{LATER}"))


def _text(files: Files, path: str) -> str:
    return files.get(path, b"").decode("utf-8", "replace")


def _words(text: str) -> list[str]:
    """Return the words of a line of the shell, [] for what is none."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return []


def _by_helmfile(folder: Folder, files: Files) -> _Release:
    state = _document(files, f"level-{folder.level}.yaml")
    release = next((each for each in _maps(state.get("releases")) if each.get("name") == folder.name), {})
    given = {str(each.get("name")): str(each.get("value")) for each in _maps(release.get("set"))}
    plain = str(release.get("chart", "")).partition("{{ else }}")[2].removesuffix("{{ end }}") or release.get("chart")
    source, _, chart = str(plain).rpartition("/")
    urls = {each.get("name"): each.get("url") for each in _maps(state.get("repositories"))}
    fields = {name: release.get(name, "") for name in ("version", "namespace")}
    fields |= {"chart": chart, "source": urls.get(source, source)}
    return _Release(fields, _with_numbers(_from_files(folder, files), _numbers(folder, given)))


def _maps(value: Any) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _map(value: Any, *keys: str) -> Document:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _by_argocd(folder: Folder, files: Files) -> _Release:
    spec = _map(_document(files, f"{folder.path}/application.yaml"), "spec")
    sources = _maps(spec.get("sources")) or [_map(spec, "source")]
    source = sources[0]
    values = _document(files, f"{folder.path}/{VALUES}")
    if "valuesObject" in _map(source, "helm"):
        values = _map(source, "helm", "valuesObject")
    vendored = folder.vendored is not None and folder.chart is not None
    if vendored and folder.chart is not None:
        values = _map(values, folder.chart.name)
    given = {str(each.get("name")): str(each.get("value")) for each in _maps(_map(source, "helm").get("parameters"))}
    upstream = {} if vendored else {"chart": "chart", "source": "repoURL", "version": "targetRevision"}
    fields = {name: source.get(word, "") for name, word in upstream.items()}
    fields["namespace"] = _map(spec, "destination").get("namespace", "")
    return _Release(fields, _with_numbers(values, _numbers(folder, given, below=True)))


def _by_argocd_helm(folder: Folder, files: Files) -> _Release:
    assert folder.chart is not None, f"{folder.name} has no chart"
    values = _document(files, f"static/{folder.name}.yaml")
    if folder.vendored is not None:
        values = _map(_document(files, f"{folder.path}/{VALUES}"), folder.chart.name)
    chosen = _document(files, VALUES)
    key = next((key for key in (folder.part.key, folder.part.name) if key in chosen), "") if folder.dynamic else ""
    given = {path: str(number) for path, number in large_integers(folder)}
    spec = _map(_application(files, f"templates/{folder.name}.yaml"), "spec")
    upstream = (
        {} if folder.vendored is not None else {"chart": "chart", "source": "repoURL", "version": "targetRevision"}
    )
    fields = {name: _map(spec, "source").get(word, "") for name, word in upstream.items()}
    fields["namespace"] = _map(spec, "destination").get("namespace", "")
    return _Release(fields, _with_numbers(merge(values, _map(chosen, key)), _numbers(folder, given)))


def _application(files: Files, path: str) -> Document:
    """Return the Application in a template of a chart: an action within a line stands for itself, others for nothing.

    What cannot be read so is no Application; that its lines are others is told all the same.
    """
    text = re.sub(r"^[ \t]*\{\{.*\}\}[ \t]*$", "", _text(files, path), flags=re.MULTILINE)
    text = re.sub(r"\{\{.*?\}\}", lambda action: json.dumps(action[0]), text)
    try:
        return _document({path: text.encode()}, path)
    except InvalidRequest:
        return {}


def _by_flux(folder: Folder, files: Files) -> _Release:
    spec = _map(_document(files, f"{folder.path}/helmrelease.yaml"), "spec")
    numbers = _map(_document(files, f"{folder.path}/integers.yaml"), "data")
    left_open = _map(_document(files, f"{folder.path}/{CONFIG_MAP}"), "data")
    values: Document = {}
    paths = {spell_path(path): path for path, _ in walk_integers(folder.values)}
    for source in _maps(spec.get("valuesFrom")):
        data = numbers if source.get("name") == f"{folder.name}-integers" else left_open
        text, target = str(data.get(source.get("valuesKey", VALUES), "")), source.get("targetPath")
        if target in paths:
            values = _with_numbers(values, {paths[target]: text})
        elif target is None:
            values = merge(values, _document({VALUES: text.encode()}, VALUES))
    chart = _map(spec, "chart", "spec")
    fields = {"namespace": spec.get("targetNamespace", "")}
    if folder.vendored is None:
        fields |= {name: chart.get(name, "") for name in ("chart", "version")}
        repository = _document(files, f"sources/helmrepo-{_map(chart, 'sourceRef').get('name')}.yaml")
        fields["source"] = _map(repository, "spec").get("url", "")
    return _Release(fields, merge(values, _map(spec, "values")))


_READERS: Mapping[str, Callable[[Folder, Files], _Release]] = {
    "helm": _by_helm,
    "helmfile": _by_helmfile,
    "argocd": _by_argocd,
    "argocd-helm": _by_argocd_helm,
    "flux": _by_flux,
}
