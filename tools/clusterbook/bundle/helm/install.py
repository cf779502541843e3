"""install.sh of one folder: one call of Helm, which stands alone. Source: reference rows B6, B7, B31, B40."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.integers import file_integers, integer_paths, large_integers, refuse_twice
from clusterbook.bundle.mirror_names import chart_home
from clusterbook.bundle.settings import SecretSource, Setting
from clusterbook.bundle.template import fill

INSTALL = "install.sh"


def recipe_label(slug: str) -> str:
    """Return what releases of a recipe's bundles are labelled with: its name, as long as labels may be."""
    return slug[:63].strip("-._") or "base"


def install_sh(folder: Folder, generated_line: str) -> str:
    """Return the script of a folder.

    Args:
        folder: the release that it installs.
        generated_line: the sentence that opens generated files.
    """
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
        "taken": bool(folder.secrets),
        "integers": bool(large_integers(folder)),
    }
    words = {
        "MADE": generated_line,
        "NAME": folder.name,
        "NAMESPACE": folder.namespace,
        "ORDER": f"{folder.number:03d}",
        "CHART": '"$CHART" ${REPO:+--repo "$REPO"} ${VERSION:+--version "$VERSION"}' if folder.chart else ".",
        "HOME": chart_home(folder.chart.repository, folder.chart.name) if folder.chart else "",
        "WAIT": _wait(folder),
        "INTEGERS": "".join(f" --set {shlex.quote(f'{path}={number}')}" for path, number in large_integers(folder)),
        "REFUSE": refuse_twice(),
        "FILE_INTEGERS": file_integers(),
        "PATHS": shlex.quote(integer_paths(folder)),
        "SECRETS": " ".join(secrets),
        "TAKEN": "".join(f" --set-file {each.dotted()}=/dev/fd/{fd}" for fd, each in _taken(folder)),
        "TAKE": "".join(_take(fd, each) for fd, each in _taken(folder)),
        "OPEN": "".join(f'    exec {fd}< <(printf %s "$value_{fd}")\n' for fd, _ in _taken(folder)),
        "OPEN_TEMPLATE": "    open_values\n" if folder.secrets else "",
    }
    return fill(f"helm/{INSTALL}", words, sections=[name for name, chosen in sections.items() if chosen])


_FIRST_FD = 21
"""Behind those that bash keeps for itself."""


def _taken(folder: Folder) -> Iterator[tuple[int, Setting]]:
    """Yield the values that are taken at installation, each with the file descriptor that Helm reads it from."""
    yield from enumerate(folder.secrets, _FIRST_FD)


def _take(fd: int, setting: Setting) -> str:
    """Return the lines that take one value."""
    place: SecretSource = setting.value
    words = ("cat", place.file) if place.file else ("secret", place.name, place.key)
    return f'take {shlex.quote(str(place))} {shlex.join(words)}\nvalue_{fd}="$value"\n'


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
