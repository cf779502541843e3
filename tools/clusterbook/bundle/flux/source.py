"""Home: where Flux finds the bundle itself.

Knows the Git or OCI source in which a bundle lies, and how Flux is told to follow it. Does not know what the bundle
installs. Source: reference rows B13, B14.

In Git, a HelmRelease finds a chart of ours by its path. In an OCI registry it cannot: `chart.spec.sourceRef` takes no
OCIRepository, and `chartRef` takes one only where the whole artifact is one chart. So an ArtifactGenerator, which
Flux has since 2.7, cuts each chart out of the bundle. It knows the bundle's OCIRepository by its name alone, so a
bundle that is mirrored to another registry stays as it is; so this is what happens, too, when nobody says where the
bundle will lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.options import Options
from clusterbook.bundle.repositories import slug
from clusterbook.diagnostics.errors import InvalidRequest

GIT, OCI = "GitRepository", "OCIRepository"
SOURCE = "source.toolkit.fluxcd.io/v1"
SYNC = "sync.yaml"
"""The file that makes Flux follow the bundle; it is applied by hand, so it is not part of kustomization.yaml."""
LATER = "configmap-values.yaml"
"""The file with the values that are left to the installation. Source: reference row B23."""
BRANCH, TAG, INTERVAL = "main", "latest", "10m"
_SYNC_API = "kustomize.toolkit.fluxcd.io/v1"
_VERSION = re.compile(r"v?[0-9]+\.[0-9]+(\.[0-9]+[A-Za-z0-9.+-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SCP = re.compile(r"([A-Za-z0-9_.-]+@[A-Za-z0-9.-]+):(?!//)/?(.+)")
_TAGGED = re.compile(r"(oci://.*/[^/:]+):([A-Za-z0-9_][A-Za-z0-9._-]*)")


class Home(NamedTuple):
    """The source in which a bundle lies, and the name of its object; `url` is "" when only that is known."""

    kind: str
    name: str
    url: str
    ref: Mapping[str, str]


def find_home(options: Options) -> Home:
    """Return where the bundle will lie.

    Raises:
        InvalidRequest: Flux cannot reach such a repository, or a revision is given of none.
    """
    url, revision = options.repo, options.target_revision
    if not url and revision:
        raise InvalidRequest(
            f"--target-revision {revision} says nothing without --repo", hint="add --repo, or leave it out"
        )
    if not url or url.startswith("oci://"):
        tagged = _TAGGED.fullmatch(url)
        url, tag = tagged.groups() if tagged else (url, TAG)
        return Home(OCI, options.flux_oci_source, url, {"tag": revision or tag})
    scp = _SCP.fullmatch(url)
    if scp and "://" not in url:
        url = f"ssh://{scp[1]}/{scp[2]}"
    if not url.startswith(("http://", "https://", "ssh://")):
        raise InvalidRequest(f"--repo {url}: Flux reads Git over https and ssh", hint="write https://… or ssh://…")
    return Home(GIT, slug(url.removesuffix(".git")), url, _git_ref(revision))


def _git_ref(revision: str) -> dict[str, str]:
    """Return a revision as Flux names it: a commit, a full reference, a tag, else a branch."""
    if _COMMIT.fullmatch(revision):
        return {"commit": revision}
    if revision.startswith("refs/"):
        return {"name": revision}
    return {"tag": revision} if _VERSION.fullmatch(revision) else {"branch": revision or BRANCH}


def later(folder: Folder) -> str:
    """Return the name of the ConfigMap with the values of a folder that are left to the installation."""
    return f"{folder.name}-values"


def source(home: Home) -> dict[str, Any]:
    """Return the object of a home whose URL is known."""
    spec: dict[str, Any] = {"interval": INTERVAL, "url": home.url, "ref": dict(home.ref)}
    if home.url.startswith("ssh://"):
        spec["secretRef"] = {"name": home.name}
    return {"apiVersion": SOURCE, "kind": home.kind, "metadata": {"name": home.name}, "spec": spec}


def sync(home: Home, namespace: str) -> list[dict[str, Any]]:
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


def how(home: Home, plan: Plan, namespace: str) -> str:
    """Return what README.md says about installing."""
    backwards = " ".join(folder.name for folder in reversed(plan.folders))
    follow = f"kubectl apply --filename {SYNC}" if home.url else _FOLLOW.format(home=home, namespace=namespace)
    before = _needed(home, plan) + _left_open(home, plan, namespace)
    if home.url.startswith("ssh://"):
        secret = f"flux create secret git {home.name} --namespace {namespace} --url {home.url}"
        before += f"\nGit over ssh needs a deploy key:\n\n```sh\n{secret}\n```\n"
    where = f"{home.url} ({' '.join(home.ref.values())})" if home.url else f"its {home.kind} `{home.name}`"
    return _HOW.format(before=before, follow=follow, where=where, home=home, namespace=namespace, backwards=backwards)


def _needed(home: Home, plan: Plan) -> str:
    """Return what Flux itself has to bring along."""
    if home.kind == GIT:
        return "Flux 2.3 or newer is needed. This bundle lies at the root of the repository.\n"
    if any(folder.vendored for folder in plan.folders):
        return _GENERATOR_NEEDED.format(version="2.8")
    if any(folder.chart is None for folder in plan.folders):
        return _GENERATOR_NEEDED.format(version="2.7")
    return "Flux 2.3 or newer is needed.\n"


def _left_open(home: Home, plan: Plan, namespace: str) -> str:
    """Return where the values are given that were left open, if there are any."""
    left = [folder for folder in plan.folders if folder.dynamic]
    if home.kind == GIT:
        text = "".join(f"\nGive the values that are left open in `{folder.path}/{LATER}`.\n" for folder in left)
    else:
        text = "".join(_EDIT.format(name=later(folder), namespace=namespace) for folder in left)
        text = f"\nSome values are left open. Once Flux has begun, give them:\n\n```sh\n{text}```\n" if left else ""
    return text


_EDIT = "kubectl edit configmap {name} --namespace {namespace}\n"
_GENERATOR_NEEDED = """\
Flux {version} or newer is needed, with the source-watcher: it cuts the charts that lie in here out of the bundle.

```sh
flux install --components-extra=source-watcher
```
"""
_FOLLOW = """\
flux create source oci {home.name} --namespace {namespace} --interval 10m --url oci://REGISTRY/PATH --tag TAG
flux create kustomization {home.name} --namespace {namespace} --interval 10m \\
  --source OCIRepository/{home.name} --path ./ --prune=true"""
_HOW = """\
## Install

{before}
Flux follows {where}. Say so once:

```sh
{follow}
flux get helmreleases --namespace {namespace} --watch
```

Each release starts as soon as those that it needs are ready.

## Remove

Flux takes everything away at once when its Kustomization goes. In the right order it is:

```sh
flux suspend kustomization {home.name} --namespace {namespace}
for release in {backwards}; do
  kubectl delete helmrelease "$release" --namespace {namespace} --ignore-not-found
done
flux delete kustomization {home.name} --namespace {namespace} --silent
```
"""
