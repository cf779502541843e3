"""Folders: what a bundle installs, one Helm release each, in order.

Which releases a component becomes, what each needs first and how long it may take, for every deployer alike. Source:
reference rows B4-B7, B15, B19, B30, B31, B39, B40.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from clusterbook.bundle.components import BundleComponent, ComponentSelection
from clusterbook.bundle.options import Options
from clusterbook.bundle.settings import Setting
from clusterbook.bundle.value_tree import without_null
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump
from clusterbook.records import TYPE_CHECKING, Any, NamedTuple
from clusterbook.resolve.bundle_inputs import build_file, readiness_file
from clusterbook.resolve.recipe import deployment_levels

if TYPE_CHECKING:
    from typing import Literal

    Phase = Literal["pre", "main", "post", "readiness"]

MOST = 999
TIMEOUT_S, READINESS_TIMEOUT_S = 600, 95 * 60
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?")
_UNITS = {"s": 1, "m": 60, "h": 3600}
QUOTA = "clusterbook-critical-pods"
POD_SECURITY = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace says what its pods may do. Source: Kubernetes, Pod Security Admission."""
_PODS_PER_NODE = 32


class Chart(NamedTuple):
    """A chart of somebody else's. `repository` is an https:// or oci:// URL without the chart's name."""

    name: str
    repository: str
    version: str

    @property
    def oci(self) -> bool:
        """Return whether the chart lies in an OCI registry."""
        return self.repository.startswith("oci://")

    @property
    def uri(self) -> str:
        """Return the address of the chart in an OCI registry, without its version."""
        return f"{self.repository}/{self.name}"


class VendoredChart(NamedTuple):
    """A chart that travels in the bundle: the archive's name, its bytes and who pulled it."""

    tarball: str
    data: bytes
    puller: str


class Folder(NamedTuple):
    """One release. `chart` is None when `templates` (file name → text) are what it installs.

    `level` counts from 0: releases of one level whose components differ do not need each other. `needs` names the
    releases that come first. `wait` says whether its objects have to be ready before it counts as installed.
    """

    number: int
    name: str
    part: BundleComponent
    phase: Phase
    namespace: str
    chart: Chart | None
    templates: Mapping[str, str]
    values: Mapping[str, Any]
    dynamic: Mapping[str, Any]
    level: int
    needs: tuple[str, ...]
    wait: bool = True
    timeout_s: int = TIMEOUT_S
    retries: int | None = None
    vendored: VendoredChart | None = None
    numbered: bool = True
    secrets: tuple[Setting, ...] = ()

    @property
    def path(self) -> str:
        """Return the folder's name; it starts with the number where the order is told by names."""
        return f"{self.number:03d}-{self.name}" if self.numbered else self.name

    @property
    def component(self) -> str:
        """Return the name of the component."""
        return self.part.name

    @property
    def privileged(self) -> bool:
        """Return whether its namespace has to admit privileged pods; those of Kubernetes itself stay as they are."""
        return self.part.facts.get("podSecurity") == "privileged" and not self.namespace.startswith("kube-")


class Plan(NamedTuple):
    """All folders in the order of their numbers, and what a user should hear."""

    folders: tuple[Folder, ...]
    notes: tuple[str, ...]


def plan(
    recipe: Mapping[str, Any], selected: ComponentSelection, options: Options, charts: Mapping[str, VendoredChart]
) -> Plan:
    """Return the folders of a bundle.

    Raises:
        InvalidRequest: a name cannot be that of a release, or something from outside is missing.
        ClusterbookError: a manifest cannot be rendered.
    """
    notes = list(selected.notes)
    dependencies = {part.name: part.reference.get("dependencyRefs") or () for part in selected.parts}
    levels = deployment_levels(dependencies, list(dependencies))
    last: dict[str, tuple[str, ...]] = {}
    folders: list[Folder] = []
    files = recipe.get("files") or {}
    renderer = _Renderer()
    for part in selected.parts:
        _refuse_name(part.name, part)
        needs = _last_releases(part.reference.get("dependencyRefs") or (), last)
        made = _folders(part, recipe, files, options, charts, renderer)
        if not made:
            notes.append(f"{part.name} has nothing to install: it has no chart, and its manifests render to nothing")
        for folder in made:
            _refuse_name(folder.name, part)
            folders.append(folder._replace(number=len(folders) + 1, level=levels[part.name], needs=needs))
            needs = (folder.name,)
        last[part.name] = needs
    names = [folder.name for folder in folders]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InvalidRequest(f"two releases have the name {sorted(twice)[0]}", hint="rename one of the components")
    if len(folders) > MOST:
        raise InvalidRequest(f"the bundle has {len(folders)} folders, the limit is {MOST}", hint="split the recipe")
    return Plan(tuple(folders), tuple(notes))


def _last_releases(names: Iterable[str], last: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the last releases of the named components, those that are not deployed left out."""
    return tuple(sorted({release for name in names for release in last.get(name, ())}))


def _refuse_name(name: str, part: BundleComponent) -> None:
    """Raise InvalidRequest when a name cannot be that of a release. Source: Helm, release names."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"component {part.name}: '{name}' cannot name a release",
            hint="up to 53 small letters, digits and -; rename the component",
        )


def _folders(
    part: BundleComponent,
    recipe: Mapping[str, Any],
    files: Mapping[str, str],
    options: Options,
    charts: Mapping[str, VendoredChart],
    renderer: _Renderer,
) -> list[Folder]:
    """Return the folders of one component, without number, level and needs."""
    before = {**_render_manifests(part, "preManifestFiles", files, renderer), **_quota(part, recipe, options)}
    after = _render_manifests(part, "manifestFiles", files, renderer)
    install = part.facts.get("install") or {}
    plain = Folder(0, part.name, part, "main", _namespace(part), None, {}, {}, {}, 0, ())
    plain = plain._replace(numbered=options.deployer != "flux")
    main = plain._replace(
        wait=install.get("wait") is not False,
        timeout_s=_seconds(install.get("timeout")) or TIMEOUT_S,
        retries=install.get("retries"),
    )
    found: list[Folder] = []
    if before:
        found.append(plain._replace(name=f"{part.name}-pre", phase="pre", templates=before))
    if part.reference.get("type") == "Kustomize":
        if options.deployer == "flux":
            raise InvalidRequest(
                f"component {part.name} is Kustomize, and --deployer flux installs charts only",
                hint=f"leave it out with --set {part.name}:enabled=false, or choose another deployer",
            )
        build = files.get(build_file(part.name))
        if build is None:
            raise InvalidRequest(
                f"component {part.name} is Kustomize and was not built", hint="install kustomize, then try again"
            )
        found.append(main._replace(templates={"manifest.yaml": build}))
    elif part.reference.get("source"):
        chart = chart_of(part.reference)
        found.append(
            main._replace(
                chart=chart,
                values=part.values,
                dynamic=part.dynamic,
                vendored=_vendored_chart(part, options, charts),
                secrets=part.secrets,
            )
        )
        if after:
            found.append(plain._replace(name=f"{part.name}-post", phase="post", templates=after))
    elif after:
        found.append(main._replace(templates=after, values=part.values))
    test = files.get(readiness_file(part.name))
    if options.readiness_hooks and test is not None:
        from clusterbook.bundle.readiness import readiness_templates

        found.append(
            plain._replace(
                name=f"{part.name}-readiness",
                phase="readiness",
                templates=readiness_templates(
                    part.name, _namespace(part), test, installed="" if options.deployer == "helm" else _text(found)
                ),
                timeout_s=READINESS_TIMEOUT_S,
            )
        )
    return found


def _text(folders: Sequence[Folder]) -> str:
    """Return what folders install as text: another one when any of it changes."""
    return json.dumps([[each.name, each.chart, each.templates, each.values] for each in folders], sort_keys=True)


def _namespace(part: BundleComponent) -> str:
    """Return the namespace of a component."""
    namespace = str(part.reference.get("namespace") or "")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", namespace):
        raise InvalidRequest(
            f"component {part.name}: '{namespace}' is not a namespace",
            hint="set namespace in the recipe or the registry",
        )
    return namespace


def chart_of(reference: Mapping[str, Any]) -> Chart:
    """Return the chart of a component that has one.

    Raises:
        InvalidRequest: its name, repository or version can be none; helm would take some of them for flags.
    """
    component, name = reference["name"], str(reference.get("chart") or reference["name"])
    source, version = str(reference["source"]), str(reference.get("version") or "")
    for pattern, word, what, hint in (
        (r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name, "chart's name", "letters, digits, . _ and -"),
        (r"(https?|oci)://[^\s'\"{}]+", source, "chart repository", "it starts with https:// or oci://"),
        (r"[a-zA-Z0-9][a-zA-Z0-9.+_-]*", version, "chart's version", "name exactly one, such as 1.10.0"),
    ):
        if not re.fullmatch(pattern, word):
            raise InvalidRequest(f"component {component}: '{word}' is not a {what}", hint=hint)
    return Chart(name, source.rstrip("/"), version)


def _vendored_chart(
    part: BundleComponent, options: Options, charts: Mapping[str, VendoredChart]
) -> VendoredChart | None:
    """Return the chart that travels along, None when it is pulled at install time."""
    if not options.vendor_charts:
        return None
    if part.name not in charts:
        raise InvalidRequest(f"the chart of {part.name} could not be pulled", hint="install helm, then try again")
    return charts[part.name]


def _render_manifests(
    part: BundleComponent, field: str, files: Mapping[str, str], renderer: _Renderer
) -> dict[str, str]:
    """Return the manifests of one list field, rendered, by file name; those that come out empty are left out (B7)."""
    paths = part.reference.get(field) or ()
    if not paths:
        return {}
    data = {
        "Values": {part.name: without_null(part.all_values())},
        "Release": {"Name": part.name, "Namespace": _namespace(part), "Service": "Helm"},
        "Chart": {"Name": part.name, "Version": str(part.reference.get("version") or "")},
    }
    found: dict[str, str] = {}
    for path in paths:
        text = renderer.render(files[path], data, path)
        if _has_content(text):
            name = path.rsplit("/", 1)[-1]
            name = name if name not in found else path.replace("/", "-")
            _refuse_file(name, path, part)
            found[name] = _without_hooks(text).strip("\n") + "\n"
    return found


class _Renderer:
    """Renders the manifests of one bundle, which may make only so much together."""

    def __init__(self) -> None:
        self._budget: Any = None

    def render(self, text: str, data: Mapping[str, Any], path: str) -> str:
        """Return what a manifest gives; the language of templates is imported for those that speak it."""
        if "{{" not in text:
            return text
        from clusterbook.gotemplate import Budget, render

        self._budget = self._budget or Budget()
        return render(text, data, file=path, budget=self._budget)


def _without_hooks(text: str) -> str:
    """Return a manifest without the annotations that make hooks of what it holds."""
    if "helm.sh/hook" not in text:
        return text
    from clusterbook.bundle.hooks import without_hooks

    return without_hooks(text)


def _refuse_file(name: str, path: str, part: BundleComponent) -> None:
    """Raise InvalidRequest when a file cannot lie in a chart's templates/, or Helm would not install what is in it."""
    if path.startswith("/") or ".." in path.split("/"):
        raise InvalidRequest(
            f"component {part.name}: the manifest {path!r} leaves the catalog",
            hint="name it by its path below the catalog, such as components/NAME/manifests/x.yaml",
        )
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name) or name == "NOTES.txt":
        raise InvalidRequest(
            f"component {part.name}: the manifest {path!r} cannot be called {name!r} in a chart",
            hint="letters, digits, . _ and -, a letter or digit first; rename the file",
        )


def _has_content(text: str) -> bool:
    """Return whether a manifest holds more than comments and separators."""
    lines = (line.strip() for line in text.splitlines())
    return any(line and not line.startswith("#") and line not in ("---", "...") for line in lines)


def critical_pods(facts: Mapping[str, Any], recipe: Mapping[str, Any], options: Options) -> int:
    """Return how many pods of a critical priority class a component's namespace has to admit, 0 where it need not say.

    GKE starts none without a quota. Source: reference row B30.
    """
    if not facts.get("gkeCriticalPriority") or recipe["criteria"].get("service") != "gke":
        return 0
    return max(_PODS_PER_NODE, options.nodes * _PODS_PER_NODE)


def _quota(part: BundleComponent, recipe: Mapping[str, Any], options: Options) -> dict[str, str]:
    """Return the quota that admits pods of a critical priority class, {} where none is wanted."""
    pods = critical_pods(part.facts, recipe, options)
    if not pods:
        return {}
    classes = ["system-node-critical", "system-cluster-critical"]
    selector = {"operator": "In", "scopeName": "PriorityClass", "values": classes}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": QUOTA, "namespace": _namespace(part)},
        "spec": {"hard": {"pods": str(pods)}, "scopeSelector": {"matchExpressions": [selector]}},
    }
    return {"critical-pods-quota.yaml": dump(quota)}


def _seconds(word: Any) -> int:
    """Return a duration such as 20m in seconds, 0 for none."""
    return int(word[:-1]) * _UNITS[word[-1]] if word else 0


def escape_template(text: str) -> str:
    """Return rendered text as a template that Helm renders to the same text."""
    return text.replace("{{", '{{ "{{" }}') if "{{" in text else text
