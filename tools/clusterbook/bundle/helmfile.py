"""Helmfile: one state file for each topological level; releases of one level are installed side by side.

Source: reference rows B15, B23.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from clusterbook.bundle.folders import TIMEOUT_S, Folder, Plan
from clusterbook.bundle.handover import upgrade_section
from clusterbook.bundle.integers import file_integers, integer_paths, large_integers, refuse_twice
from clusterbook.bundle.local_chart import (
    LATER,
    VALUES,
    has_unknown_kinds,
    head,
    local_chart,
    open_values,
    secret_values,
    values_files,
)
from clusterbook.bundle.mirror_names import chart_home
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import README, readme
from clusterbook.bundle.repositories import repository_names
from clusterbook.bundle.settings import Path, SecretSource
from clusterbook.bundle.template import fill
from clusterbook.bundle.value_tree import put
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import Any

_ANYWHERE = "{{{{ with env `CHART_MIRROR` }}}}{{{{ trimSuffix `/` . }}}}/{home}{{{{ else }}}}{plain}{{{{ end }}}}"
"""Where a chart comes from: the mirror that whoever installs names, else where the recipe says."""
_REFERENCE = re.compile(r"ref\+[^+:]*://")
RELEASE = "release.sh"
DEFAULTS = "defaults.yaml.gotmpl"
"""What all levels are laid over; helmfile fills it in, since Helm 4 has to be told what Helm 3 knows no flag for."""


def files(recipe: Mapping[str, Any], plan: Plan, options: Options) -> dict[str, str]:
    """Return the files of a Helmfile bundle by path."""
    for folder in plan.folders:
        for place, text in references([folder.values, folder.dynamic]):
            raise InterpretedText(folder.component, place, text)
    opening, names = head(recipe), repository_names(plan)
    levels: dict[str, list[Folder]] = {}
    texts: dict[str, str] = {}
    for folder in plan.folders:
        levels.setdefault(f"level-{folder.level}.yaml", []).append(folder)
        texts |= values_files(folder, folder.path) | local_chart(folder, folder.path)
    for path, folders in levels.items():
        texts[path] = opening + dump(_level(folders, names))
    texts[DEFAULTS] = opening + fill(DEFAULTS, {"TIMEOUT": str(TIMEOUT_S)})
    charts = any(folder.chart for folder in plan.folders)
    if charts:
        taken = "".join(map(_taken, plan.folders))
        integers = "".join(map(_refusal, plan.folders))
        sections = {"taken": taken, "integers": integers}
        words = {
            "TAKEN": taken,
            "FLAGS": "$taken " if taken else "",
            "FILE_INTEGERS": file_integers(),
            "REFUSE": refuse_twice(),
            "INTEGERS": integers,
        }
        texts[RELEASE] = fill(RELEASE, words, sections=[name for name, chosen in sections.items() if chosen])
    order = sorted(levels, key=lambda path: levels[path][0].level)
    texts["helmfile.yaml"] = opening + dump({"helmfiles": [{"path": path} for path in order]})
    how = fill(
        "helmfile.md",
        {"OPEN": open_values(plan) + secret_values(plan), "UPGRADE": upgrade_section(plan, "helmfile")},
        sections=_sections(plan),
    )
    texts[README] = readme(recipe, plan, options, sections=how)
    return texts


def _refusal(folder: Folder) -> str:
    """Return the line that refuses a release whose own file says a number which is given one by one, "" for none."""
    paths = integer_paths(folder)
    file = shlex.quote(f"{folder.path}/{LATER}")
    return f"    {folder.name}) refuse_twice {file} {shlex.quote(paths)} ;;\n" if paths else ""


class InterpretedText(InvalidRequest):
    """Helmfile would look up text among the values of a chart, `ref+file:///etc/shadow`, say, and deploy what it finds.

    It reads from the machine that it runs on, and such text cannot be escaped. Change the value in the layer
    that sets it, or choose another deployer, which treats it as plain text.
    """

    code = "CB204"

    def __init__(self, component: str, path: Path, text: str) -> None:
        """Say which value of which component it is."""
        super().__init__(
            f"component {component}: Helmfile would look up {'.'.join(path)}, {text!r}, and deploy what it finds",
            hint="change the value, or choose another deployer: --deployer helm, say",
        )
        self.component, self.path = component, path


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield path and text of each value, or key, that holds what Helmfile looks up.

    Source: helmfile/vals, pkg/expansion, ExpandRegexMatch: `ref+` or `secretref+`, a scheme, `://`, anywhere in a text.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from references(key, (*path, key))
            yield from references(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner, path)
    elif isinstance(value, str) and _REFERENCE.search(value):
        yield path, value


def _sections(plan: Plan) -> list[str]:
    """Return the sections of README.md that concern a bundle."""
    chosen = {
        "charts": any(folder.chart for folder in plan.folders),
        "taken": any(folder.secrets for folder in plan.folders),
    }
    return [name for name, is_chosen in chosen.items() if is_chosen]


def _taken(folder: Folder) -> str:
    """Return the line that says which values of a release Helmfile takes from elsewhere, and whether from Secrets."""
    if not folder.secrets:
        return ""
    words = " ".join(f"--set-string {each.dotted()}=-" for each in folder.secrets)
    where = "cluster" if any(not each.value.file for each in folder.secrets) else "files"
    return f"    {folder.name}) taken='{words}' from={where} ;;\n"


def _lookups(folder: Folder) -> list[dict[str, Any]]:
    """Return the values that Helmfile looks up for a release, [] for none.

    Source: helmfile/vals, providers k8s and file.
    """
    found: dict[str, Any] = {}
    for each in folder.secrets:
        place: SecretSource = each.value
        secret = f"k8s://v1/Secret/{folder.namespace}/{place.name}/{place.key}"
        put(found, each.path, f"ref+{f'file://{place.file}' if place.file else secret}")
    return [found] if found else []


def _level(folders: Sequence[Folder], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the state file of one level."""
    together = {folder.name: folder for folder in folders}
    urls = sorted({folder.chart.repository for folder in folders if folder.chart and _has_index(folder)})
    found: dict[str, Any] = {
        "bases": [DEFAULTS],
        "releases": [_release(folder, names, together) for folder in folders],
    }
    if urls:
        found["repositories"] = [{"name": names[url], "url": url} for url in urls]
    return found


def _has_index(folder: Folder) -> bool:
    """Return whether the chart of a folder is found in the index of a repository."""
    return folder.chart is not None and folder.vendored is None and not folder.chart.oci


def _release(folder: Folder, names: Mapping[str, str], together: Mapping[str, Folder]) -> dict[str, Any]:
    """Return one release; what it needs from earlier levels is there already."""
    found: dict[str, Any] = {
        "name": folder.name,
        "namespace": folder.namespace,
        "values": [f"{folder.path}/{VALUES}", f"{folder.path}/{LATER}", *_lookups(folder)],
        **_chart(folder, names),
    }
    needs = [f"{together[name].namespace}/{name}" for name in folder.needs if name in together]
    if needs:
        found["needs"] = needs
    integers = large_integers(folder)
    if integers:
        found["set"] = [{"name": path, "value": str(number)} for path, number in integers]
    if not folder.wait:
        found["wait"] = False
    if folder.phase == "readiness":
        found["waitForJobs"] = True
    if folder.timeout_s != TIMEOUT_S:
        found["timeout"] = folder.timeout_s
    if has_unknown_kinds(folder):
        found["disableValidation"] = True
    if folder.chart is not None:
        found["hooks"] = _hooks(folder)
    return found


def _hooks(folder: Folder) -> list[dict[str, Any]]:
    """Return what is done before and after an upstream chart; helmfile fills in what it knows of the release."""
    secrets = folder.part.facts.get("ownedSecrets") or ()
    known = (f"{{{{ .Release.{name} }}}}" for name in ("Name", "Namespace", "Chart", "Version", "KubeContext"))
    words = [*known, folder.path, "privileged" if folder.privileged else "any", *secrets]
    times = {"before": "presync", **({"after": "postsync"} if secrets else {})}
    return [
        {"events": [event], "command": "bash", "args": [RELEASE, when, *words], "showlogs": True}
        for when, event in times.items()
    ]


def _chart(folder: Folder, names: Mapping[str, str]) -> dict[str, str]:
    """Return where a chart is found, and its version where that is not settled by the place."""
    if folder.chart is None:
        return {"chart": f"./{folder.path}"}
    if folder.vendored:
        return {"chart": f"./{folder.path}/charts/{folder.vendored.tarball}"}
    where = folder.chart.repository if folder.chart.oci else names[folder.chart.repository]
    home = chart_home(folder.chart.repository, folder.chart.name)
    return {"chart": _ANYWHERE.format(plain=f"{where}/{folder.chart.name}", home=home), "version": folder.chart.version}
