"""Bundling: from a request to a bundle.

Knows how a recipe becomes whole, what has to be fetched for it, and what the user hears. Does not know click, nor how
files are written.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import clusterbook
from clusterbook.bundle import readme
from clusterbook.bundle.checksums import CHECKSUMS
from clusterbook.bundle.components import select
from clusterbook.bundle.disk import ARCHIVES, read_bundle, write_bundle
from clusterbook.bundle.options import REPEATED, SWITCHES, Request, json_word, read_options
from clusterbook.bundle.render import Bundle, render
from clusterbook.cli.bundle import ASKED, EVERY, FLAGS
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.lookup import find as answers
from clusterbook.lookup.find import Reply
from clusterbook.resolve import views
from clusterbook.resolve.bundle_inputs import build_file, complete, is_whole


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
    where = output or "bundle"
    _refuse_target(where)
    made = make(recipe, request)
    as_json = found.get("format") == ["json"]
    if "diff" in found:
        return _compared(found["diff"][0], made, notes, as_json=as_json)
    deployer = str(request.get("deployer", "helm"))
    top = f"{readme.slug(recipe)}-{deployer}"
    write(where, made.files, top=top, force="force" in found)
    said = summary(made, where, deployer, top=top)
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
    for each in EVERY:
        if not each.repeated and found.get(each.key) == [""]:
            raise InvalidRequest(f"{each.names[0]} is empty", hint="give it a value, or leave it out")
    request: dict[str, Any] = {
        option: found[flag.key] if option in REPEATED else True if option in SWITCHES else found[flag.key][0]
        for option, flag in FLAGS.items()
        if flag.key in found
    }
    asked = {flag.key: found[flag.key][0] for flag in ASKED if flag.key in found}
    output = found.get("output", [""])[0]
    said: tuple[str, ...] = ()
    if "config" in asked:
        from clusterbook.cli.config_bundle import configured

        request, asked, output, said = configured(request, asked, output, slug)
    if "setFile" in request:
        request["setFile"] = [file_setting(word) for word in request["setFile"]]
    recipe, notes = whole_recipe(asked, slug)
    return Requested(recipe, request, (*said, *notes), output)


def _compared(where: str, made: Bundle, notes: tuple[str, ...], *, as_json: bool) -> Reply:
    """Return what a bundle would change about the one in the folder `where`."""
    from clusterbook.bundle import diff as changes

    old = read_bundle(where)
    if CHECKSUMS not in old:
        raise InvalidRequest(f"{where} has no {CHECKSUMS}, so it is not a bundle", hint="name an older bundle")
    found = changes.changes(old, made.files)
    text = _json(changes.as_data(found)) if as_json else changes.text(found)
    what = f"{len(found)} file{' is' if len(found) == 1 else 's are'} not as in {where}"
    return Reply(text, notes, error=Differs(what, hint=f"write the new bundle with -o {where}") if found else None)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _refuse_target(where: str) -> None:
    """Raise InvalidRequest when a bundle cannot be written to a place of this kind."""
    if where.startswith("-"):
        raise InvalidRequest(f"--output {where} looks like a flag", hint=f"if it is a name, write ./{where}")
    if where.startswith(("oci://", "cm://", "http://", "https://")):
        raise InvalidRequest(f"{where}: a bundle is written to a disk", hint="name a folder or a .tar.gz file")
    if where.endswith((".zip", ".tar", ".bz2", ".xz", ".zst", ".gz", ".7z")) and not where.endswith(ARCHIVES):
        raise InvalidRequest(f"{where}: archives of this kind are not written", hint="name a .tar.gz file, or a folder")


def write(where: str, files: Mapping[str, bytes], *, top: str, force: bool) -> None:
    """Write a bundle to a folder, or to an archive that unpacks as the folder `top`.

    Raises:
        ForeignFiles: the folder holds files that would be lost or mixed up.
        Unwritable: it cannot be written.
    """
    if where.endswith(ARCHIVES):
        from pathlib import Path

        from clusterbook.files.archive import entry, pack_file

        with suppress(OSError):  # what is wrong with the folder, packing says
            Path(where).parent.mkdir(parents=True, exist_ok=True)
        entries = (entry(f"{top}/{path}", data, executable=path.endswith(".sh")) for path, data in files.items())
        pack_file(entries, Path(where), compress=True)
        return
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
    from clusterbook.resolve.recipe_schema import refuse_unsound

    carried = found.document
    refuse_unsound(carried)
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
        from clusterbook.bundle.pull import build_kustomization

        builds = {build_file(reference["name"]): build_kustomization(reference) for reference in kustomized}
        recipe = {**recipe, "files": {**(recipe.get("files") or {}), **builds}}
    charts = {}
    if options.vendor_charts:
        from clusterbook.bundle.pull import pull_charts

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
    from clusterbook.inputs.read import read_text, read_value

    read = read_value if name.endswith((".json", ".yaml", ".yml")) else read_text
    return json_word(target, path.split("."), read(name))


def summary(bundle: Bundle, where: str, deployer: str, *, top: str) -> dict[str, Any]:
    """Return what was made, as data; an archive unpacks as the folder `top`. Source: reference row B38."""
    archive = where.endswith(ARCHIVES)
    return {
        "output": where,
        "deployer": deployer,
        "components": len({folder.component for folder in bundle.plan.folders}),
        "releases": len(bundle.plan.folders),
        "files": len(bundle.files),
        "bytes": sum(map(len, bundle.files.values())),
        "notes": list(bundle.notes),
        **({"unpack": f"tar -xzf {shlex.quote(where)}"} if archive else {}),
        "next": NEXT[deployer].format(where=shlex.quote(top if archive else where)),
        "verify": f"clusterbook verify {shlex.quote(where)} --min-trust-level unverified",
    }


NEXT = {
    "helm": "{where}/deploy.sh",
    "helmfile": "helmfile -f {where}/helmfile.yaml apply",
    "argocd": "commit {where} to the repository that --repo names, then: kubectl apply -f {where}/app-of-apps.yaml",
    "argocd-helm": "helm install clusterbook-stack {where} --namespace argocd --set repoURL=…",
    "flux": "push {where} to the registry or repository that Flux follows; {where}/README.md says how",
}
"""How a bundle is deployed, by deployer."""


def sentence(found: Mapping[str, Any]) -> str:
    """Return a summary for reading."""
    return (
        f"{found['output']}: {found['components']} components as {found['releases']} releases"
        f" in {found['files']} files, {found['bytes'] / 1024:.0f} KiB\n"
        + (f"unpack: {found['unpack']}\n" if "unpack" in found else "")
        + f"deploy: {found['next']}\nverify: {found['verify']}\n"
    )
