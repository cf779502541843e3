"""The README.md of bundles for Argo CD: how they are handed over, the order of things, and a way out.

Knows words only. Source: design, section 8; reference rows B9-B12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.bundle.argocd.applications import (
    HEALTH_FILE,
    HOME,
    HOME_SERVER,
    PLACEHOLDER,
    SYNC_POLICY,
    application,
    chart_name,
    home_source,
    labels,
    parent_name,
    version,
)
from clusterbook.bundle.folders import Plan
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import readme
from clusterbook.documents.yaml_writer import dump

Recipe = Mapping[str, Any]

_HEALTH = f"""\
Once for each Argo CD, tell it how healthy an Application is. Without this it does not wait between waves; everything
still arrives in the end, because what comes too early is tried again, but with errors on the way:

```console
$ kubectl -n {HOME} patch configmap argocd-cm --patch-file {HEALTH_FILE}
```

Helm charts of Argo CD set the same under `configs.cm`."""

_STUCK = """\
## When a wave does not end

Look for the Application that is not Healthy, and mend it where the bundle lies. It reads newer values by itself. The
parent does not look for newer commits while its sync still waits, so for anything else end that first:
`argocd app terminate-op {parent}`."""

_REMOVE = """\
## Remove

```console
$ kubectl -n {home} delete application {parent}
```

{what}"""
_CASCADE = """\
Argo CD then removes all Applications and what they installed, last wave first: this bundle was made with
`deployer:cascadeDelete=true`."""
_ORPHANS = """\
That stops the parent and deletes nothing else. So does deleting the other Applications, which
`kubectl -n {home} delete applications -l {labels}` does: what they installed keeps running, and nobody watches over it.
To have Argo CD remove all of it, make the bundle with `--set deployer:cascadeDelete=true` before."""

_DIRECTORY = """\
## Install

Argo CD reads this directory from {where}, where it has to be the root.{placeholder}

{health}

Then hand over the one Application that makes all others:

```console
$ kubectl apply -f app-of-apps.yaml
$ kubectl -n {home} get applications -l {labels} --watch
```

To change something, make the bundle again and commit it; Argo CD follows."""

_NOBODY = """
Nobody has named that repository yet: make the bundle again with `--repo`, or replace the URL in all files."""

_CHART = """\
## Install

Push the chart to a registry (`helm package .`, then `helm push`), or commit this directory as the root of a Git
repository.

{health}

Then install the chart, and say where it lies:

```console
$ helm install {parent} oci://registry.example.org/charts/{chart} --version {version} --namespace {home} \\
    --set repoURL=oci://registry.example.org/charts
```

Helm makes the parent Application only. Argo CD renders the chart again for it, with the same values, and then all
Applications come in waves. Without a `repoURL` Helm makes the Applications itself, all at once, as long as none of them
needs a file of this chart.

From Git, or without Helm, hand Argo CD the parent yourself. `part: applications` makes it the parent of all others:

```yaml
{application}```

What can be chosen is in `values.yaml`; anything else is refused.{open}"""


def directory_readme(recipe: Recipe, plan: Plan, options: Options, waves: Mapping[str, int]) -> str:
    """Return README.md of a directory that Argo CD reads."""
    placeholder = "" if options.repo else _NOBODY
    how = _DIRECTORY.format(
        where=options.repo or PLACEHOLDER, placeholder=placeholder, health=_HEALTH, home=HOME, labels=_selector(recipe)
    )
    return readme(recipe, plan, options, how=_joined(how, recipe, options, waves))


def chart_readme(
    recipe: Recipe, plan: Plan, options: Options, waves: Mapping[str, int], keys: Mapping[str, str]
) -> str:
    """Return README.md of a chart of Applications; `keys` are the installation values by release."""
    chart, parent = chart_name(recipe), parent_name(options)
    left = ", ".join(f"`{keys[name]}` ({name})" for name in keys)
    how = _CHART.format(
        health=_HEALTH,
        parent=parent,
        chart=chart,
        version=version(recipe),
        home=HOME,
        application=dump(_handed_over(recipe, parent, options)),
        open=f" These values were left to you: {left}." if left else "",
    )
    return readme(recipe, plan, options, how=_joined(how, recipe, options, waves))


def _handed_over(recipe: Recipe, parent: str, options: Options) -> dict[str, Any]:
    """Return the parent Application as somebody writes it who does not install the chart with Helm."""
    url = options.repo or PLACEHOLDER
    values = {"appName": parent, "part": "applications", "repoURL": url}
    spec = {
        "destination": {"namespace": HOME, "server": HOME_SERVER},
        "source": {**home_source(recipe, url, options.target_revision), "helm": {"valuesObject": values}},
        "syncPolicy": SYNC_POLICY,
    }
    return application(parent, {"namespace": HOME}, spec, options)


def _joined(how: str, recipe: Recipe, options: Options, waves: Mapping[str, int]) -> str:
    """Return all sections that speak of Argo CD."""
    parent, selector = parent_name(options), _selector(recipe)
    what = _CASCADE if options.cascade_delete else _ORPHANS.format(home=HOME, labels=selector)
    return "\n\n".join(
        (
            how,
            _order(waves),
            _STUCK.format(parent=parent),
            _REMOVE.format(home=HOME, parent=parent, what=what),
        )
    )


def _order(waves: Mapping[str, int]) -> str:
    """Return which releases come in which wave."""
    rows = [
        "## Order",
        "",
        "Releases of one wave come side by side; each wave waits until the one before is Healthy.",
        "",
    ]
    rows += ["| wave | releases |", "|---|---|"]
    for wave in range(max(waves.values(), default=-1) + 1):
        names = ", ".join(name for name in waves if waves[name] == wave)
        rows.append(f"| {wave} | {names} |")
    return "\n".join(rows)


def _selector(recipe: Recipe) -> str:
    """Return the label selector of the recipe's Applications."""
    return ",".join(f"{key}={value}" for key, value in labels(recipe).items())
