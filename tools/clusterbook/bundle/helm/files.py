"""The deployer helm: numbered folders that Helm installs one release each, and two scripts around them.

Knows the layout. Does not know what the scripts do: deploy_sh and undeploy_sh do. Source: reference rows B5-B8, L17.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.helm.deploy import DEPLOY, deploy_sh
from clusterbook.bundle.helm.install import install_sh
from clusterbook.bundle.helm.undeploy import UNDEPLOY, undeploy_sh
from clusterbook.bundle.local_chart import LATER, VALUES, local_chart, values_files
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import README, made, readme

UPSTREAM, INSTALL = "upstream.env", "install.sh"


def files(recipe: Mapping[str, Any], plan: Plan, options: Options) -> dict[str, str]:
    """Return the files of a Helm bundle by path."""
    texts = {
        DEPLOY: deploy_sh(recipe, plan),
        UNDEPLOY: undeploy_sh(recipe, plan),
        README: readme(recipe, plan, options, how=_how(plan)),
    }
    opening = f"# {made(recipe)}\n"
    for folder in plan.folders:
        texts |= values_files(folder, folder.path) | local_chart(folder, folder.path)
        texts[f"{folder.path}/{INSTALL}"] = install_sh(folder, opening)
        if folder.chart is not None:
            texts[f"{folder.path}/{UPSTREAM}"] = opening + _upstream(folder)
    return texts


def _upstream(folder: Folder) -> str:
    """Return where a chart comes from, as words of the shell. An OCI chart is its whole address, without REPO."""
    assert folder.chart is not None, f"{folder.name} has no chart"
    chart, repository = folder.chart.name, folder.chart.repository
    if folder.vendored is not None:
        chart, repository = f"charts/{folder.vendored.tarball}", ""
    elif folder.chart.oci:
        chart, repository = folder.chart.uri, ""
    words = {"CHART": chart, "REPO": repository, "VERSION": folder.chart.version}
    return "".join(f"{name}={shlex.quote(word)}\n" for name, word in words.items())


def _how(plan: Plan) -> str:
    """Return what README.md says about installing."""
    left = [f"`{folder.path}/{LATER}`" for folder in plan.folders if folder.dynamic]
    first = f"First give the values that are left open in {', '.join(left)}.\n\n" if left else ""
    return _HOW.format(before=first, values=VALUES, later=LATER)


_HOW = """\
## Install

Helm 3.14 or newer and kubectl are needed, and bash, be it that of macOS.

{before}```console
$ ./deploy.sh
```

Levels follow one another; what is in one level is installed side by side. To resume after a failure or an
interruption, run it again. `./deploy.sh --help` lists its flags. `NNN-*/install.sh` installs one release alone.

## Change

`clusterbook bundle` makes the bundle again with other options, and `--diff` says what that would change. Values for
this one cluster may also go into a folder's `{later}`, which counts more than its `{values}`; to `clusterbook verify`
the bundle is then `unknown`, and it names these files.

## Remove

```console
$ ./undeploy.sh --dry-run
$ ./undeploy.sh
```

It goes the reverse way. Namespaces, volume claims and kinds (CRDs) stay; `./undeploy.sh --help` says how to delete
those as well.
"""
