"""Make: from a whole recipe and options to a bundle, with what has to be fetched for it, and onto a disk."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import clusterbook
from clusterbook.bundle.components import select
from clusterbook.bundle.disk import ARCHIVES, write_bundle
from clusterbook.bundle.options import OptionWords, json_word, read_options
from clusterbook.bundle.render import Bundle, render
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any
from clusterbook.resolve.bundle_inputs import build_file
from clusterbook.resolve.recipe import RecipeResult


def write(where: str, files: Mapping[str, bytes], *, top: str, force: bool) -> None:
    """Write a bundle to a folder, or to an archive that unpacks as the folder `top`.

    Raises:
        ForeignFiles: the folder holds files that would be lost or mixed up.
        Unwritable: it cannot be written.
    """
    if where.endswith(ARCHIVES):
        from pathlib import Path

        from clusterbook.files.archive import pack_file, tar_entry

        with suppress(OSError):  # what is wrong with the folder, packing says
            Path(where).parent.mkdir(parents=True, exist_ok=True)
        entries = (tar_entry(f"{top}/{path}", data, executable=path.endswith(".sh")) for path, data in files.items())
        pack_file(entries, Path(where), compress=True)
        return
    write_bundle(where, files, force=force)


def make(recipe: Mapping[str, Any], request: OptionWords) -> Bundle:
    """Return the bundle that `request` makes of a whole recipe, having fetched what travels along.

    Raises:
        InvalidRequest: an option is malformed or does not fit the recipe.
        ToolFailed: a chart or kustomization cannot be fetched.
    """
    options = read_options(request)
    result = RecipeResult(recipe)
    kustomized = [
        component
        for component in result.components
        if component.type == "Kustomize" and build_file(component.name) not in result.files
    ]
    if not (kustomized or options.vendor_charts):
        return render(recipe, request, clusterbook.__version__)
    names = [part.name for part in select(recipe, options).parts]
    kustomized = [component for component in kustomized if component.name in names]
    if kustomized:
        from clusterbook.bundle.pull import build_kustomization

        builds = {build_file(component.name): build_kustomization(component.document) for component in kustomized}
        recipe = {**recipe, "files": {**result.files, **builds}}
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
