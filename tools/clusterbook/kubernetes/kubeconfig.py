"""Kubeconfig: which cluster is meant, as kubectl reads it, or none.

Of several files the first that says something counts: for `current-context`, and for each cluster, context and user by
its name, whole. A relative path is one from the file that names it. What kubectl refuses is refused.
Source: client-go, tools/clientcmd; held against kubectl itself by the interop tier.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.selector import describe
from clusterbook.documents.yaml_reader import parse
from clusterbook.files.read import is_file, is_folder, read_text
from clusterbook.kubernetes.errors import BrokenKubeconfig

HOME_KUBECONFIG = ".kube/config"
MAX_BYTES = 10 * 1024 * 1024
_HINT = "see `kubectl config view`"
_TEXT = dict.fromkeys
_FIELDS: dict[str, dict[str, type]] = {
    "cluster": {
        **_TEXT(("server", "tls-server-name", "certificate-authority", "certificate-authority-data", "proxy-url"), str),
        "insecure-skip-tls-verify": bool,
    },
    "context": _TEXT(("cluster", "user", "namespace"), str),
    "user": {
        **_TEXT(("client-certificate", "client-certificate-data", "client-key", "client-key-data"), str),
        **_TEXT(("token", "tokenFile", "username", "password", "as", "as-uid"), str),
        "as-groups": list,
        **_TEXT(("as-user-extra", "auth-provider", "exec"), dict),
    },
}
"""What an entry may say, and as what; kubectl takes no number for a text, nor "false" for false."""
_PATHS = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}


class Choice(NamedTuple):
    """The context that counts, and what it says: paths are whole, and `where` names the files for messages."""

    context: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    user_name: str
    namespace: str
    where: str


def files_of(kubeconfig: str, env: Mapping[str, str]) -> list[Path]:
    """Return the files that are there, in order: those that are named, else of KUBECONFIG, else the one at home.

    Args:
        kubeconfig: a file, or several as in KUBECONFIG; "" for none.
        env: the environment.

    Raises:
        NotFound: none of those that are named exists.
        InvalidRequest: a folder is named.
    """
    if kubeconfig:
        named = [Path(part).expanduser() if env.get("HOME") else Path(part) for part in _parts(kubeconfig)]
    elif env.get("KUBECONFIG"):
        named = [Path(part) for part in _parts(env["KUBECONFIG"])]  # no `~`: kubectl knows none, the shell does
    else:
        named = [Path(env["HOME"], HOME_KUBECONFIG)] if env.get("HOME") else []
    for path in named:
        if is_folder(path):
            raise InvalidRequest(f"{path} is a folder, not a kubeconfig", hint="name a file with --kubeconfig")
    # What is neither file nor folder may be a pipe, <(kubectl config view --raw), which is read as any other.
    existing = [path for path in named if is_file(path) or path.exists()]
    if kubeconfig and not existing:
        raise NotFound(f"there is no kubeconfig {kubeconfig}", hint="name a file with --kubeconfig")
    return existing


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(part for part in text.split(os.pathsep) if part))


def choose(files: Sequence[Path], context: str = "") -> Choice | None:
    """Return what several files say together, None where they say nothing at all.

    Args:
        files: in order; the first counts most.
        context: another than the current one, "" for that.

    Raises:
        BrokenKubeconfig: a file cannot be used, or no context that can.
    """
    where = os.pathsep.join(map(str, files))
    current, entries = "", {kind: dict[str, Mapping[str, Any]]() for kind in _FIELDS}
    for path in files:
        document = _document(path)
        current = current or _value_of_type(document.get("current-context"), str, f"{path}: current-context") or ""
        for kind, known in entries.items():
            for name, entry in _entries(document, kind, path).items():
                known.setdefault(name, entry)
    chosen = context or current
    if not chosen:
        if not any(entries.values()):
            return None
        raise BrokenKubeconfig(f"{where} has no current-context", hint="kubectl config use-context NAME")
    about = _entry(entries["context"], "context", chosen, where)
    cluster = _entry(entries["cluster"], "cluster", about.get("cluster") or "", f"{where}: the context '{chosen}'")
    user = about.get("user") or ""
    own = _entry(entries["user"], "user", user, f"{where}: the context '{chosen}'") if user else {}
    return Choice(chosen, cluster, own, user, about.get("namespace") or "default", where)


def _entry(entries: Mapping[str, Mapping[str, Any]], kind: str, name: str, where: str) -> Mapping[str, Any]:
    """Return the entry of a name.

    Raises:
        BrokenKubeconfig: there is none.
    """
    if name not in entries:
        hint = did_you_mean(name, entries) if entries and name else _HINT
        raise BrokenKubeconfig(
            f"{where} has no {kind} '{name}'" if name else f"{where} does not name a {kind}", hint=hint
        )
    return entries[name]


def _document(path: Path) -> Mapping[str, Any]:
    """Return what a file holds, {} for an empty one."""
    text = read_text(path, limit_bytes=MAX_BYTES, hint="name a kubeconfig", error=BrokenKubeconfig)
    try:
        node = parse(text, str(path), first_only=True)
    except SourceErrors as error:
        first = error.findings[0]
        raise BrokenKubeconfig(f"{path} cannot be used: {first.what}", place=first.place, hint=first.hint) from error
    document = _value_of_type(node.data() if node else None, dict, str(path)) or {}
    for key, value in (("apiVersion", "v1"), ("kind", "Config")):
        if document.get(key, value) != value:
            raise BrokenKubeconfig(f"{path}: its {key} is '{document[key]}', not {value}", hint="name a kubeconfig")
    return document


def _entries(document: Mapping[str, Any], kind: str, path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the entries of one kind in a file by name, their paths whole."""
    entries: dict[str, Mapping[str, Any]] = {}
    for number, item in enumerate(_value_of_type(document.get(f"{kind}s"), list, f"{path}: {kind}s") or ()):
        where = f"{path}: {kind}s[{number}]"
        fields = _value_of_type(item, dict, where) or {}
        name = _value_of_type(fields.get("name"), str, f"{where}.name") or ""
        if name in entries:
            raise BrokenKubeconfig(f"{path} has two {kind}s '{name}'", hint="keep one of them")
        entry = dict(_value_of_type(fields.get(kind), dict, f"{where}.{kind}") or {})
        for key, kind_of_value in _FIELDS[kind].items():
            if _value_of_type(entry.get(key), kind_of_value, f"{where}.{kind}.{key}") is None:
                entry.pop(key, None)
        entries[name] = _with_absolute_paths(entry, kind, path)
    return entries


def _with_absolute_paths(entry: dict[str, Any], kind: str, path: Path) -> Mapping[str, Any]:
    """Return an entry whose relative paths are taken from the folder of its file."""
    folder = path.absolute().parent
    for key in _PATHS.get(kind, ()):
        if entry.get(key):
            entry[key] = str(folder / entry[key])
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command") or ""):
        entry["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return entry


def _value_of_type(value: Any, kind: type, where: str) -> Any:
    """Return a value that is of a type, or None.

    Raises:
        BrokenKubeconfig: it is something else.
    """
    if value is not None and not isinstance(value, kind):
        words = {str: "text", bool: "true or false", list: "a list", dict: "a map"}[kind]
        raise BrokenKubeconfig(f"{where} is {describe(value)}, not {words}", hint=_HINT)
    return value
