"""Proof: that a bundle is what its recipe and options make, file by file.

What `render` recorded is read back and rendered again; who signed the recipe is asked elsewhere. Source: design,
section 8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from clusterbook.bundle.checksums import Difference, differences, digests
from clusterbook.bundle.components import select
from clusterbook.bundle.customisation import (
    UnpinnedContent,
    ValueChange,
    local_changes,
    option_words,
    plan_value_changes,
    unpinned_content,
)
from clusterbook.bundle.edits import Edit, file_edits
from clusterbook.bundle.folders import Plan, VendoredChart, plan
from clusterbook.bundle.options import read_options, read_options_document
from clusterbook.bundle.render import OPTIONS, PROVENANCE, RECIPE, Bundle, render
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.yaml_reader import parse
from clusterbook.resolve.recipe_schema import read_whole


class Rederivation(NamedTuple):
    """What became of rendering a bundle again; no differences: it derives from its recipe.

    `version` is that of the program that made it, `components` what it installs; `options` are the words it was made
    with, `values` what is another value for them than in the recipe's own bundle, `local` what is another value in the
    cluster-values.yaml files that were edited since; `unpinned` is what its recipe does not say the bytes of; `edits`
    are what else was changed by hand, place by place.
    """

    slug: str
    deployer: str
    version: str
    components: tuple[str, ...]
    differences: tuple[Difference, ...]
    options: tuple[str, ...] = ()
    values: tuple[ValueChange, ...] = ()
    local: tuple[ValueChange, ...] = ()
    unpinned: tuple[UnpinnedContent, ...] = ()
    edits: tuple[Edit, ...] = ()


def prove(files: Mapping[str, bytes], local: Collection[str] = ()) -> Rederivation:
    """Return what differs between `files` and the bundle that their recipe.yaml and options.yaml make.

    Args:
        files: the files of the bundle.
        local: those of them that hold values of one cluster and may differ; which values, is said apart.

    Raises:
        InvalidRequest: one of them is missing or is not what it should be.
    """
    recipe = document(files, RECIPE)
    request, version = read_options_document(document(files, OPTIONS))
    made = render_again(files)
    words = option_words(request)
    values = plan_value_changes(_own_plan(recipe, request), made.plan) if words else ()
    names = tuple(dict.fromkeys(folder.component for folder in made.plan.folders))
    slug = str(recipe.get("metadata", {}).get("slug", ""))
    deployer = str(request.get("deployer", "helm"))
    found = [each for each in differences(digests(made.files), digests(files)) if each.path not in local]
    edited = tuple(
        change for path in sorted(local) for change in local_changes(path, made.files.get(path, b""), files[path])
    )
    changed = {path: data for path, data in files.items() if path not in local}
    return Rederivation(
        slug,
        deployer,
        version,
        names,
        tuple(found),
        words,
        values,
        edited,
        unpinned_content(recipe, made.plan),
        file_edits(changed, {path: made.files[path] for path in made.files if path not in local}, made.plan),
    )


def edits_since(files: Mapping[str, bytes], recorded: Mapping[str, str]) -> tuple[Edit, ...]:
    """Return what was changed since digests were recorded, () where nobody can make again what they were taken of.

    Args:
        files: the files of the bundle as they are.
        recorded: the digests of the files as they were, by path.
    """
    if any(recorded.get(name) != sha256(files.get(name, b"")).hexdigest() for name in (RECIPE, OPTIONS)):
        return ()
    try:
        made = render_again(files)
    except ClusterbookError:  # another version made it, or a file that it is made of is among those that were changed
        return ()
    return file_edits(files, made.files, made.plan, recorded)


def render_again(files: Mapping[str, bytes]) -> Bundle:
    """Return the bundle that the recipe.yaml and options.yaml among `files` make.

    Raises:
        InvalidRequest: one of them is missing or is not what it should be.
    """
    recipe = document(files, RECIPE)
    read_whole(recipe)
    request, version = read_options_document(document(files, OPTIONS))
    charts = vendored_charts(files) if PROVENANCE in files else {}
    try:
        return render(recipe, request, version, charts)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(f"{RECIPE} is damaged: {error}", hint="make or fetch the bundle again") from error


def _own_plan(recipe: Mapping[str, Any], request: Mapping[str, Any]) -> Plan:
    """Return the plan of the recipe's own bundle for the same deployer."""
    options = read_options({"deployer": request.get("deployer", "helm")})
    return plan(recipe, select(recipe, options), options, {})


def document(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """Return the YAML document in one file of a bundle.

    Raises:
        InvalidRequest: it is missing or cannot be read.
    """
    if name not in files:
        raise InvalidRequest(f"{name} is missing, so this is not a bundle", hint="name the folder that holds it")
    try:
        node = parse(files[name].decode(), name)
        found = node.data() if node else None
    except SourceErrors as error:
        first = error.findings[0]
        raise InvalidRequest(first.what, place=first.place, hint="make or fetch the bundle again") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is not UTF-8 text", hint="make or fetch the bundle again") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"{name} is empty", hint="make or fetch the bundle again")
    return found


def vendored_charts(files: Mapping[str, bytes]) -> dict[str, VendoredChart]:
    """Return the charts that travel in a bundle, by component, each proved against its digest.

    Raises:
        InvalidRequest: a chart is missing or is not the one that was pulled.
    """
    found = {}
    entries = document(files, PROVENANCE).get("vendoredCharts") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidRequest(f"{PROVENANCE} lists no charts", hint="make or fetch the bundle again")
    for entry in entries:
        path = str(entry.get("path"))
        data = files.get(path)
        if data is None or sha256(data).hexdigest() != entry.get("sha256"):
            raise InvalidRequest(f"{path} is not the chart that {PROVENANCE} records", hint="make the bundle again")
        found[str(entry["name"])] = VendoredChart(str(entry["tarballName"]), data, str(entry["pullerVersion"]))
    return found
