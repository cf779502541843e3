"""The deployer helm: numbered folders that Helm installs one release each, and three scripts around them.

deploy.sh installs all releases, level by level, and is its own resume; rollback.sh takes them back to what was there
before; undeploy.sh goes the reverse way and keeps what cannot be made again. All run on bash 3.2, which macOS has: no
associative arrays, no `wait -n`, no array that may be empty, no `case` in `$( )`; and with kubectl's own templates in
place of jq.
Source: reference rows B5-B8, B17-B19, L1, L13, L17; the reference documents an undeploy.sh and has none.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from hashlib import sha256

from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.helm.install import INSTALL, install_sh, recipe_label
from clusterbook.bundle.helm.tables import (
    former_homes,
    former_names,
    kinds,
    needed_kinds,
    owned_secrets,
    releases,
    taints,
)
from clusterbook.bundle.local_chart import LATER, VALUES, local_chart, open_values, secret_values, values_files
from clusterbook.bundle.options import Options
from clusterbook.bundle.readme import README, generated_line, readme, slug
from clusterbook.bundle.template import fill
from clusterbook.records import Any

DEPLOY, ROLLBACK, UNDEPLOY, LABELS, UPSTREAM = "deploy.sh", "rollback.sh", "undeploy.sh", "labels.env", "upstream.env"


def files(recipe: Mapping[str, Any], plan: Plan, options: Options) -> dict[str, str]:
    """Return the files of a Helm bundle by path."""
    sentence = generated_line(recipe)
    contents: dict[str, str] = {}
    for folder in plan.folders:
        contents |= values_files(folder, folder.path) | local_chart(folder, folder.path)
        if folder.chart is not None:
            contents[f"{folder.path}/{UPSTREAM}"] = f"# {sentence}\n{_upstream(folder)}"
    tables = {
        "MADE": sentence,
        "RELEASES": releases(plan),
        "KINDS": kinds(plan),
        "NEEDED_KINDS": needed_kinds(plan),
        "TAINTS": taints(plan),
        "FORMER_RELEASES": former_names(plan),
        "FORMER_KINDS": former_homes(plan),
        "OWNED_SECRETS": owned_secrets(plan),
    }
    how = fill(f"helm/{README}", {"VALUES": VALUES, "LATER": LATER, "OPEN": open_values(plan) + secret_values(plan)})
    texts = {
        DEPLOY: fill(f"helm/{DEPLOY}", tables),
        ROLLBACK: fill(f"helm/{ROLLBACK}", tables),
        UNDEPLOY: fill(f"helm/{UNDEPLOY}", tables),
        LABELS: _labels(sentence, slug(recipe), contents),
        README: readme(recipe, plan, options, sections=how),
    }
    installs = {f"{folder.path}/{INSTALL}": install_sh(folder, sentence) for folder in plan.folders}
    return texts | contents | installs


def _labels(generated_line: str, recipe: str, contents: Mapping[str, str]) -> str:
    """Return how releases are labelled, as words of the shell.

    By RECIPE later bundles find them, and by BUNDLE, 16 hexadecimal digits of what is installed, rollback.sh finds what
    was there before. They stand in one file, so that no script differs where only values do.
    """
    found = sha256()
    for path, text in sorted(contents.items()):
        found.update(f"{path}\0{text}\0".encode())
    return f"# {generated_line}\nRECIPE={recipe_label(recipe)}\nBUNDLE={found.hexdigest()[:16]}\n"


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
