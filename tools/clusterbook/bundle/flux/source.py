"""The source in which Flux finds the bundle itself, and how Flux is told to follow it.

Source: reference rows B13, B14.

In Git, a HelmRelease finds a chart of ours by its path. In an OCI registry it cannot: `chart.spec.sourceRef` takes no
OCIRepository, and `chartRef` takes one only where the whole artifact is one chart. So an ArtifactGenerator, which
Flux has since 2.7, cuts each chart out of the bundle. It knows the bundle's OCIRepository by its name alone, so a
bundle that is mirrored to another registry stays as it is; so this is what happens, too, when nobody says where the
bundle will lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.handover import upgrade_section
from clusterbook.bundle.local_chart import secret_values
from clusterbook.bundle.options import Options
from clusterbook.bundle.repositories import slug
from clusterbook.bundle.template import fill
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any, NamedTuple

GIT, OCI = "GitRepository", "OCIRepository"
SOURCE = "source.toolkit.fluxcd.io/v1"
SYNC = "sync.yaml"
"""The file that makes Flux follow the bundle; it is applied by hand, so it is not part of kustomization.yaml."""
LATER = "configmap-values.yaml"
"""The file with the values that are left to the installation. Source: reference row B23."""
BRANCH, TAG, INTERVAL = "main", "latest", "10m"
_SYNC_API = "kustomize.toolkit.fluxcd.io/v1"
_VERSION = r"v?[0-9]+\.[0-9]+(\.[0-9]+[A-Za-z0-9.+-]*)?"
_COMMIT = r"[0-9a-f]{40}"
_SCP = r"([A-Za-z0-9_.-]+@[A-Za-z0-9.-]+):(?!//)/?(.+)"
_TAGGED = r"(oci://.*/[^/:]+):([A-Za-z0-9_][A-Za-z0-9._-]*)"


class BundleSource(NamedTuple):
    """The source in which a bundle lies, and the name of its object; `url` is "" when only that is known."""

    kind: str
    name: str
    url: str
    ref: Mapping[str, str]


def bundle_source(options: Options) -> BundleSource:
    """Return where the bundle will lie.

    Raises:
        InvalidRequest: Flux cannot reach such a repository, or a revision is given of none.
    """
    url, revision = options.repo, options.target_revision
    if not url and revision:
        raise InvalidRequest(
            f"--target-revision {revision} has no effect without --repo", hint="add --repo, or leave it out"
        )
    if not url or url.startswith("oci://"):
        tagged = re.fullmatch(_TAGGED, url)
        url, tag = tagged.groups() if tagged else (url, TAG)
        return BundleSource(OCI, options.flux_oci_source, url, {"tag": revision or tag})
    scp = re.fullmatch(_SCP, url)
    if scp and "://" not in url:
        url = f"ssh://{scp[1]}/{scp[2]}"
    if not url.startswith(("http://", "https://", "ssh://")):
        raise InvalidRequest(f"--repo {url}: Flux reads Git over https and ssh", hint="write https://… or ssh://…")
    return BundleSource(GIT, slug(url.removesuffix(".git")), url, _git_ref(revision))


def _git_ref(revision: str) -> dict[str, str]:
    """Return a revision as Flux names it: a commit, a full reference, a tag, else a branch."""
    if re.fullmatch(_COMMIT, revision):
        return {"commit": revision}
    if revision.startswith("refs/"):
        return {"name": revision}
    return {"tag": revision} if re.fullmatch(_VERSION, revision) else {"branch": revision or BRANCH}


def values_config_map_name(folder: Folder) -> str:
    """Return the name of the ConfigMap with the values of a folder that are left to the installation."""
    return f"{folder.name}-values"


def source(home: BundleSource) -> dict[str, Any]:
    """Return the object of a home whose URL is known."""
    spec: dict[str, Any] = {"interval": INTERVAL, "url": home.url, "ref": dict(home.ref)}
    if home.url.startswith("ssh://"):
        spec["secretRef"] = {"name": home.name}
    return {"apiVersion": SOURCE, "kind": home.kind, "metadata": {"name": home.name}, "spec": spec}


def sync(home: BundleSource, namespace: str) -> list[dict[str, Any]]:
    """Return the objects that make Flux follow a home whose URL is known."""
    found = source(home)
    found["metadata"]["namespace"] = namespace
    spec = {
        "interval": INTERVAL,
        "path": "./",
        "prune": True,
        "sourceRef": {"kind": home.kind, "name": home.name},
    }
    metadata = {"name": home.name, "namespace": namespace}
    return [found, {"apiVersion": _SYNC_API, "kind": "Kustomization", "metadata": metadata, "spec": spec}]


def installation_section(home: BundleSource, plan: Plan, namespace: str) -> str:
    """Return what README.md says about installing."""
    left_open = [folder for folder in plan.folders if folder.dynamic]
    git = home.kind == GIT
    edit = "".join(
        f"kubectl edit configmap {values_config_map_name(folder)} --namespace {namespace}\n" for folder in left_open
    )
    generator = "" if git else _generator_version(plan)
    words = {
        "VERSION": generator,
        "GIVE": "".join(_GIVE.format(folder.path, LATER) for folder in left_open) if git else "",
        "TAKEN": secret_values(plan, namespace),
        "EDIT": edit,
        "NAME": home.name,
        "NAMESPACE": namespace,
        "KIND": home.kind,
        "URL": home.url,
        "REVISION": " ".join(home.ref.values()),
        "SYNC": SYNC,
        "UPGRADE": upgrade_section(plan, "flux"),
        "BACKWARDS": " ".join(folder.name for folder in reversed(plan.folders)),
    }
    sections = {
        "git": git,
        "alone": not git and not generator,
        "generator": bool(generator),
        "edit": bool(edit) and not git,
        "taken": any(folder.secrets for folder in plan.folders),
        "ssh": home.url.startswith("ssh://"),
        "placed": bool(home.url),
        "unplaced": not home.url,
    }
    return fill("flux/README.md", words, sections=[name for name, chosen in sections.items() if chosen])


_GIVE = "\nSet the install-time values in `{}/{}`.\n"


def _generator_version(plan: Plan) -> str:
    """Return the version of Flux that can cut the charts of a bundle out of it, "" where there are none."""
    if any(folder.vendored for folder in plan.folders):
        return "2.8"
    return "2.7" if any(folder.chart is None for folder in plan.folders) else ""
