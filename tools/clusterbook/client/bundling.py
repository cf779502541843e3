"""Bundling: from a request to a bundle.

Knows how a recipe becomes whole, what has to be fetched for it, and what the user hears. Does not know click, nor how
files are written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import clusterbook
from clusterbook.client import answers
from clusterbook.client.answers import Reply
from clusterbook.client.bundle_flags import ASKED, FLAGS
from clusterbook.core import views
from clusterbook.core.bundle import Bundle, render
from clusterbook.core.bundle.components import select
from clusterbook.core.bundle.options import REPEATED, SWITCHES, Request, json_word, read_options
from clusterbook.core.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.core.kit import build_file, complete, is_whole


class Differs(ClusterbookError):
    """The bundle would change: `bundle --diff` says how on standard output."""

    code = "CB113"
    exit_status = 10


def respond(found: Mapping[str, list[str]], slug: str) -> Reply:
    """Make the bundle that a command line asks for, given as words by flag key, or say what would change.

    Raises:
        ClusterbookError: nothing was written.
    """
    recipe, request, notes, output = requested(found, slug)
    made = make(recipe, request)
    as_json = found.get("format") == ["json"]
    if "diff" in found:
        return _compared(found["diff"][0], made, notes, as_json=as_json)
    where = output or "bundle"
    deployer = str(request.get("deployer", "helm"))
    write(where, made.files, top=f"{recipe['metadata'].get('slug') or 'bundle'}-{deployer}", force="force" in found)
    said = summary(made, where, deployer)
    return Reply(_json(said) if as_json else sentence(said), (*notes, *made.notes))


class Requested(NamedTuple):
    """What a command line asks for: the whole recipe, the options of its bundle, notes, and where it goes or ""."""

    recipe: dict[str, Any]
    request: dict[str, Any]
    notes: tuple[str, ...]
    output: str


def requested(found: Mapping[str, list[str]], slug: str) -> Requested:
    """Return what a command line asks for, given as words by flag key.

    Raises:
        ClusterbookError: no recipe answers it, or a file that it names cannot be read.
    """
    request: dict[str, Any] = {
        option: found[flag.key] if option in REPEATED else True if option in SWITCHES else found[flag.key][0]
        for option, flag in FLAGS.items()
        if flag.key in found
    }
    asked = {flag.key: found[flag.key][0] for flag in ASKED if flag.key in found}
    output = found.get("output", [""])[0]
    if "config" in asked:
        request, asked, output = _configured(request, asked, output, slug)
    if "setFile" in request:
        request["setFile"] = [file_setting(word) for word in request["setFile"]]
    recipe, notes = whole_recipe(asked, slug)
    return Requested(recipe, request, notes, output)


def _configured(
    request: dict[str, Any], asked: dict[str, str], output: str, slug: str
) -> tuple[dict[str, Any], dict[str, str], str]:
    """Return options, question and output with what a configuration says below them. Source: reference row G6."""
    from clusterbook.client.config import bundle_options, read_config, recipe_flags

    config = read_config(asked["config"])
    configured = bundle_options(config)
    target = str(configured.pop("output", ""))
    recipe = configured.pop("recipe", None)
    handed_in = {"recipe": str(recipe)} if recipe and not slug else {}
    criteria = {} if handed_in or slug or "recipe" in asked else recipe_flags(config)
    criteria = {key: word for key, word in criteria.items() if key not in ("output", "format")}
    return {**configured, **request}, {**criteria, **handed_in, **asked}, output or target


def _compared(where: str, made: Bundle, notes: tuple[str, ...], *, as_json: bool) -> Reply:
    """Return what a bundle would change about the one in the folder `where`."""
    from clusterbook.client.bundlefolder import read_bundle
    from clusterbook.core.bundle import changes

    found = changes.changes(read_bundle(where), made.files)
    text = _json(changes.as_data(found)) if as_json else changes.text(found)
    what = f"{len(found)} file{' is' if len(found) == 1 else 's are'} not as in {where}"
    return Reply(text, notes, error=Differs(what, hint=f"write the new bundle with -o {where}") if found else None)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(where: str, files: Mapping[str, bytes], *, top: str, force: bool) -> None:
    """Write a bundle to a folder, or to an archive that unpacks as the folder `top`.

    Raises:
        InvalidRequest: `where` is of a kind that is not written.
    """
    if where.startswith(("oci://", "cm://", "http://", "https://")):
        raise InvalidRequest(f"{where} is not written yet", hint="name a folder or a .tar.gz file")
    if where.endswith((".tar.gz", ".tgz")):
        from pathlib import Path

        from clusterbook.client.archive import entry, pack_file

        entries = (entry(f"{top}/{path}", data, executable=path.endswith(".sh")) for path, data in files.items())
        pack_file(entries, Path(where), compress=True)
        return
    from clusterbook.client.bundlefolder import write_bundle

    write_bundle(where, files, force=force)


def whole_recipe(options: answers.Options, slug: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the recipe that a request leads to with all that a bundle needs, and notes about it.

    Raises:
        ClusterbookError: no recipe answers the request; see `answers.find`.
    """
    found = answers.find(options, slug)
    shelf = found.shelf
    if shelf is not None:
        document = views.with_health_checks(found.document, shelf.health_checks(found.record))
        return complete(document, shelf.kit()), found.notes
    carried = found.document
    if is_whole(carried):
        return carried, found.notes
    return complete(carried, answers.open_shelf(options).kit()), found.notes


def make(recipe: Mapping[str, Any], request: Request) -> Bundle:
    """Return the bundle that `request` makes of a whole recipe, having fetched what travels along.

    Raises:
        InvalidRequest: an option is malformed or does not fit the recipe.
        ToolFailed: a chart or kustomization cannot be fetched.
    """
    options = read_options(request)
    names = [part.name for part in select(recipe, options).parts]
    kustomized = [
        reference
        for reference in recipe["componentRefs"]
        if reference.get("type") == "Kustomize"
        and reference["name"] in names
        and build_file(reference["name"]) not in (recipe.get("files") or {})
    ]
    if kustomized:
        from clusterbook.client.pulling import build_kustomization

        builds = {build_file(reference["name"]): build_kustomization(reference) for reference in kustomized}
        recipe = {**recipe, "files": {**(recipe.get("files") or {}), **builds}}
    charts = {}
    if options.vendor_charts:
        from clusterbook.client.pulling import pull_charts

        charts = pull_charts(recipe, names)
    return render(recipe, request, clusterbook.__version__, charts)


def file_setting(word: str) -> str:
    """Return the word for a `--set-file component:path=FILE`, with the file's content in place of its name.

    A .json, .yaml or .yml file is read as a document, every other one is text.

    Raises:
        InvalidRequest: the word is malformed or the file is no document.
        NotFound: the file cannot be read.
    """
    head, equals, name = word.partition("=")
    target, colon, path = head.partition(":")
    if not (equals and colon and name):
        raise InvalidRequest(
            f"--set-file {word} is not component:path=FILE",
            hint="write --set-file prometheus:alertmanager.config=alerts.yaml, say",
        )
    if name.endswith((".json", ".yaml", ".yml")):
        from clusterbook.client.inputs import read_value

        return json_word(target, path.split("."), read_value(name))
    try:
        from pathlib import Path

        return json_word(target, path.split("."), Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is not UTF-8 text", hint="save it as UTF-8") from error


def summary(bundle: Bundle, where: str, deployer: str) -> dict[str, Any]:
    """Return what was made, as data. Source: reference row B38."""
    return {
        "output": where,
        "deployer": deployer,
        "components": len({folder.component for folder in bundle.plan.folders}),
        "releases": len(bundle.plan.folders),
        "files": len(bundle.files),
        "bytes": sum(map(len, bundle.files.values())),
        "notes": list(bundle.notes),
        "next": NEXT[deployer].format(where=where),
    }


NEXT = {
    "helm": "{where}/deploy.sh",
    "helmfile": "helmfile -f {where}/helmfile.yaml apply",
    "argocd": "commit {where} to the repository that --repo names, then: kubectl apply -f {where}/app-of-apps.yaml",
    "argocd-helm": "helm install clusterbook-stack {where} --namespace argocd --set repoURL=…",
    "flux": "commit {where} to the repository that --repo names, then: kubectl apply -k {where}",
}
"""How a bundle is deployed, by deployer."""


def sentence(found: Mapping[str, Any]) -> str:
    """Return a summary for reading."""
    return (
        f"{found['output']}: {found['components']} components as {found['releases']} releases"
        f" in {found['files']} files, {found['bytes'] / 1024:.0f} KiB\n"
        f"deploy: {found['next']}\n"
        f"verify: clusterbook verify {found['output']} --min-trust-level unverified\n"
    )
