"""install.sh of one folder: one call of Helm, which stands alone. Source: reference rows B6, B7, B31, B40."""

from __future__ import annotations

import re
import shlex

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.integers import large_integers
from clusterbook.bundle.mirror_names import chart_home
from clusterbook.bundle.template import fill

INSTALL = "install.sh"


def install_sh(folder: Folder, generated_line: str) -> str:
    """Return the script of a folder; `generated_line` is the sentence that opens generated files."""
    own_namespace, readiness = _makes_own_namespace(folder), folder.phase == "readiness"
    secrets = folder.part.facts.get("ownedSecrets") or () if folder.chart else ()
    sections = {
        "chart": folder.chart is not None,
        "mirror": folder.chart is not None and not folder.vendored,
        "kubectl": own_namespace or readiness or folder.privileged or folder.chart is not None,
        "job": readiness,
        "privileged": folder.privileged and not own_namespace,
        "namespace": own_namespace,
        "upgrade": folder.chart is not None,
        "owned": bool(secrets),
    }
    words = {
        "MADE": generated_line,
        "NAME": folder.name,
        "NAMESPACE": folder.namespace,
        "CHART": '"$CHART" ${REPO:+--repo "$REPO"} ${VERSION:+--version "$VERSION"}' if folder.chart else ".",
        "HOME": chart_home(folder.chart.repository, folder.chart.name) if folder.chart else "",
        "WAIT": _wait(folder),
        "INTEGERS": "".join(f" --set {shlex.quote(f'{path}={number}')}" for path, number in large_integers(folder)),
        "SECRETS": " ".join(secrets),
    }
    return fill(f"helm/{INSTALL}", words, sections=[name for name, chosen in sections.items() if chosen])


def _wait(folder: Folder) -> str:
    """Return what Helm waits for, and how long."""
    flags = "--wait --wait-for-jobs " if folder.phase == "readiness" else "--wait " if folder.wait else ""
    return f"{flags}--timeout {folder.timeout_s}s"


def _makes_own_namespace(folder: Folder) -> bool:
    """Return whether a folder's manifests hold the very namespace that its release lies in."""
    texts = [text for text in folder.templates.values() if "Namespace" in text]
    if not texts:
        return False
    kind = re.compile(r"^kind: *[\"']?Namespace\b", re.M)
    name = re.compile(rf"^ +name: *[\"']?{re.escape(folder.namespace)}[\"']? *(?:#.*)?$", re.M)
    documents = (document for text in texts for document in re.split(r"^---", text, flags=re.M))
    return any(kind.search(document) and name.search(document) for document in documents)
