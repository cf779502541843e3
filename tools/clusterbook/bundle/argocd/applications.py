"""Applications: what Argo CD has to know about a release, whoever hands it the object.

Waves, names, where charts come from, and how Argo CD applies, whether the objects are written down or Helm writes
them. Source: reference rows B9-B12, B22, B37; Argo CD 2.14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from clusterbook.bundle.folders import POD_SECURITY, Chart, Folder, Plan
from clusterbook.bundle.integers import subchart_integers
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import slug
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any

PARENT = "clusterbook-stack"
HOME, HOME_SERVER = "argocd", "https://kubernetes.default.svc"
"""Where Applications live: Argo CD's own namespace in the cluster that it runs in, whatever cluster they deploy to."""
API_VERSION, KIND = "argoproj.io/v1alpha1", "Application"
PLACEHOLDER = "https://github.com/YOUR-ORG/YOUR-REPO.git"
"""Stands for the repository that nobody named. Source: reference row B10."""
LONGEST_NAME = 63
"""Argo CD marks what an Application deploys with a label that holds its name. Source: Kubernetes, label values."""
FINALIZER = "resources-finalizer.argocd.argoproj.io"
WAVE, COMPARE = "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/compare-options"
PART_OF = "app.kubernetes.io/part-of"
FIRST_VERSION = "0.1.0"
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
"""Source: Semantic Versioning 2.0.0."""

SYNC_POLICY: Mapping[str, Any] = {
    "automated": {"prune": True, "selfHeal": True},
    # An automatic sync that failed for good is not tried again for the same commit, so these outlast a slow start: they
    # take 80 minutes together.
    "retry": {"limit": 20, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "5m"}},
    "syncOptions": [
        "CreateNamespace=true",
        "ServerSideApply=true",
        "SkipDryRunOnMissingResource=true",
        "PruneLast=true",
    ],
}
"""How Argo CD applies. Server-side because some definitions of kinds do not fit into the annotation that it would
otherwise write; the third option is read from Argo CD 3 on, before it a second attempt does the same. What a newer
bundle no longer has goes once all else is healthy, as deploy.sh has it."""

HEALTH_FILE = "argocd-cm-patch.yaml"
_HEALTH = """\
local found = {status = "Progressing", message = "waiting for its first sync"}
local status = obj.status or {}
if status.health ~= nil and status.health.status ~= nil then
  found.status = status.health.status
  found.message = status.health.message or ""
end
if status.operationState ~= nil and status.operationState.phase == "Running" then
  found.status = "Progressing"
  found.message = status.operationState.message or ""
end
return found
"""
HEALTH: Mapping[str, Any] = {"data": {"resource.customizations.health.argoproj.io_Application": _HEALTH}}
"""What makes waves wait: since 1.8 Argo CD looks at the health of an Application only when told how. One that is being
synced counts as on its way, so a hook of its chart or a failure that passes does not end its parent's sync.
Source: Argo CD, operator manual, resource health."""


def waves(folders: Sequence[Folder]) -> dict[str, int]:
    """Return the wave of each release: right behind the last of those that it needs, so the others go side by side.

    A release that nobody waits for and nobody needs comes in the last wave, where it holds up no other.
    """
    found: dict[str, int] = {}
    for folder in folders:
        found[folder.name] = max((found[name] + 1 for name in folder.needs), default=0)
    last = max(found.values(), default=0)
    needed = {name for folder in folders for name in folder.needs}
    return {folder.name: found[folder.name] if folder.wait or folder.name in needed else last for folder in folders}


def parent_name(options: Options) -> str:
    """Return the name of the Application that holds all others; a name that was asked for gets no prefix."""
    return options.app_name or options.name_prefix + PARENT


def refuse_names(plan: Plan, options: Options) -> None:
    """Raise InvalidRequest when an Application could not be told from another, or its name is too long for a label."""
    parent = parent_name(options)
    for folder in plan.folders:
        name = options.name_prefix + folder.name
        if len(name) > LONGEST_NAME:
            raise InvalidRequest(
                f"the Application {name} has {len(name)} characters, the limit is {LONGEST_NAME}",
                hint="shorten --set deployer:namePrefix",
            )
        if folder.name == PARENT or name == parent:
            raise InvalidRequest(
                f"the parent Application and that of {folder.name} are both called {name}",
                hint="choose another --app-name",
            )


def application(name: str, metadata: Mapping[str, Any], spec: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return an Application of this name; `metadata` and `spec` are what is its own."""
    finalizers = {"finalizers": [FINALIZER]} if options.cascade_delete else {}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, **finalizers, **metadata},
        "spec": {"project": options.project, **spec},
    }


def child_annotations(wave: int) -> dict[str, str]:
    """Return what an Application says about itself: when it comes, and who compares.

    What is applied by the server is compared by the server: Argo CD by itself knows Kubernetes only as it was when it
    was built, and gives up on a field that is newer. Source: Argo CD, user guide, diff strategies.
    """
    return {COMPARE: "ServerSideDiff=true", WAVE: str(wave)}


def labels(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels by which all Applications of a recipe are found."""
    return {PART_OF: slug(recipe)[:LONGEST_NAME].rstrip("-._")}


def chart_source(chart: Chart) -> dict[str, Any]:
    """Return where Argo CD finds a chart.

    A registry has no scheme, else Argo CD 2 takes it for an HTTP repository. There the version is a tag, so it stays as
    it is; in an HTTP repository 1.2.3 finds v1.2.3 as well, while 1.2 would find any 1.2.x.
    Source: reference row B10; Argo CD, util/helm/client.go; Helm, pkg/repo/index.go.
    """
    if chart.oci:
        return {"chart": chart.name, "repoURL": without_scheme(chart.repository), "targetRevision": chart.version}
    plain = chart.version.removeprefix("v")
    return {
        "chart": chart.name,
        "repoURL": chart.repository,
        "targetRevision": plain if _SEMVER.fullmatch(plain) else chart.version,
    }


def without_scheme(url: str) -> str:
    """Return the reference of a registry without `oci://`."""
    return url.removeprefix("oci://")


def release(folder: Folder) -> dict[str, Any]:
    """Return how Helm renders a release, but for its values: its name, and the numbers that are given one by one."""
    numbers = [{"name": path, "value": str(number)} for path, number in subchart_integers(folder)]
    return {"releaseName": folder.name, **({"parameters": numbers} if numbers else {})}


def differences(folder: Folder) -> dict[str, Any]:
    """Return what the Application of a release says beyond others: which Secrets stay, what its namespace admits.

    A Secret that a chart writes empty or makes up anew is Argo CD's to compare, and it would write it again for ever.
    """
    secrets = folder.part.facts.get("ownedSecrets") or () if folder.chart else ()
    ignored = [{"kind": "Secret", "name": name, "jsonPointers": ["/data"]} for name in secrets]
    options = [*SYNC_POLICY["syncOptions"], *(["RespectIgnoreDifferences=true"] if ignored else [])]
    namespace = {"managedNamespaceMetadata": {"labels": {POD_SECURITY: "privileged"}}} if folder.privileged else {}
    if not ignored and not namespace:
        return {}
    policy = {**SYNC_POLICY, "syncOptions": options, **namespace}
    return {**({"ignoreDifferences": ignored} if ignored else {}), "syncPolicy": policy}


def version(recipe: Mapping[str, Any]) -> str:
    """Return the version under which the bundle is published: the recipe's, if it has one that a registry can sort."""
    found = str((recipe.get("metadata") or {}).get("version") or "").removeprefix("v")
    return found if _SEMVER.fullmatch(found) else FIRST_VERSION


def chart_name(recipe: Mapping[str, Any]) -> str:
    """Return the name of the chart that holds the Applications."""
    return re.sub("[^a-z0-9]+", "-", slug(recipe).lower()).strip("-")


def home_source(recipe: Mapping[str, Any], url: str, revision: str) -> dict[str, str]:
    """Return where Argo CD finds the chart that holds the Applications: a registry, or the root of a Git repository."""
    if not url.startswith("oci://"):
        return {"path": ".", "repoURL": url, "targetRevision": revision or "HEAD"}
    name = chart_name(recipe)
    home = without_scheme(url).removesuffix(f"/{name}")
    return {"chart": name, "repoURL": home, "targetRevision": revision or version(recipe)}
