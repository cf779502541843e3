"""Which recipe a command line asks for, and where it is looked up: here, or in a registry, verified as by any fetch.

Part of every look-up, so what only some need is imported for them.
"""

from __future__ import annotations

import os

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.cli.command import Request, read_choices
from clusterbook.cli.flags import INHERIT_FROM, INTERFACES, REMOTE
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.lookup.find import Question
from clusterbook.lookup.index_files import IndexFiles


def read_question(request: Request) -> Question:
    """Return which recipe a command line asks for. Raises as `read_where`."""
    slug, version = read_name(request, request.text("slug"))
    source, data = read_where(request, version=version, slug=slug)
    for flag in (INHERIT_FROM, INTERFACES):
        if request.values.get(flag.key) == "":
            raise InvalidRequest(f"{flag.names[0]} is empty", hint="give it a value, or leave it out")
    return Question(
        slug,
        {name: request.values[name] for name in (*DIMENSIONS, "nodes") if name in request.values},
        strict="criteria_strict" in request.switches,
        allow_inherited="allow_inherited" in request.switches,
        chosen=read_choices(request),
        document=request.values.get("recipe"),
        snapshot=request.values.get("snapshot"),
        source=source,
        data=data,
        kubeconfig=request.text("kubeconfig"),
        inherit_from=request.text("inherit_from"),
        interfaces=request.text("interfaces"),
    )


def read_name(request: Request, name: str) -> tuple[str, str]:
    """Return slug and version of a recipe's name: SLUG@VERSION, SLUG@RELEASE or SLUG@sha256:DIGEST; "" for no version.

    Raises:
        InvalidRequest: nothing stands behind the @, or --release says something else.
    """
    slug, at, version = name.partition("@")
    if not at:
        return name, ""
    if not slug or not version:
        raise InvalidRequest(f"'{name}' has no version", hint="type SLUG@VERSION or SLUG@RELEASE")
    if request.text("release", version) != version:
        what = f"{name} and --release {request.text('release')} were given"
        raise InvalidRequest(what, hint="give one of them")
    return slug, version


def read_where(request: Request, *, version: str = "", slug: str = "") -> tuple[str | IndexFiles, str]:
    """Return the index or source tree that a command line asks, "" for the built-in one, and what lies over it.

    With --release, or a `version` of the recipe `slug`, it is that release's.

    Raises:
        InvalidRequest: --external-only stands without a tree, or beside another source.
        ClusterbookError: one of them is in a registry, and cannot be had, or not be believed.
    """
    source, data = request.text("source"), request.text("data")
    if "external_only" in request.switches:
        if source:
            raise InvalidRequest("--external-only and --source were given", hint="type --data DIR --external-only")
        if not data:
            what = "--external-only has no effect without --data"
            raise InvalidRequest(what, hint="type --data DIR --external-only")
        source, data = data, ""
    selector = version or request.text("release")
    if source.startswith(REMOTE) or data.startswith(REMOTE):
        return _bring(request, source, data, selector=selector, slug=slug)
    if selector:
        return _released(request, source, selector, slug), data
    return source, data


def _released(request: Request, source: str, selector: str, slug: str) -> IndexFiles:
    """Return the index of a release of the ledger in a clone.

    Raises:
        InvalidRequest: something is asked that has no releases.
        ClusterbookError: there is no such release, or its sources cannot be had.
    """
    if source:
        name = f"{slug}@{selector}" if slug else f"--release {selector}"
        what = f"{source} is one index or tree, which has no releases, so {name} cannot be answered"
        raise InvalidRequest(what, hint="name a published catalog, --source oci://… or oci-layout:…, or leave it out")
    from clusterbook.lookup.release_folder import find_folder

    registry = request.text("registry", "registry")
    if (written := find_folder(registry, selector, slug)) is not None:
        return written
    from pathlib import Path

    from clusterbook.ledger.release_index import open_release

    return open_release(Path(registry), selector, slug)


def _bring(request: Request, source: str, data: str, *, selector: str, slug: str) -> tuple[str | IndexFiles, str]:
    """Return the index or source tree that is asked, and what lies over it, where one of them is in a registry.

    An artifact is a tree, or an index, and becomes a folder; a base is a published catalog, and is asked as it is.

    Raises:
        InvalidRequest: a published catalog is to stand alone as a tree.
        ClusterbookError: it cannot be had, or not be believed.
    """
    from clusterbook.cli.fetch import read_access, read_choice
    from clusterbook.fetch.catalog import open_catalog
    from clusterbook.fetch.source_tree import local_tree
    from clusterbook.files.context import Context
    from clusterbook.oci.open import is_artifact
    from clusterbook.trust.choose_policy import trust_options

    context = Context.of(os.environ)
    access, trust = read_access(request, context), trust_options(read_choice(request), os.environ, context.home)
    if source.startswith(REMOTE) and not is_artifact(source):
        if "external_only" in request.switches:
            what = f"{source} is a published catalog, not a source tree"
            raise InvalidRequest(what, hint=f"use --source {source}")
        catalog = open_catalog(source, trust, access, context, selector=selector, slug=slug)
        if data.startswith(REMOTE):
            found = local_tree(data, trust._replace(at_least=""), access, context)
            CONSOLE.note(found.note)
            data = str(found.folder)
        return catalog, data
    if selector and source.startswith(REMOTE):
        what = f"{source} is a source tree, which has no releases"
        raise InvalidRequest(what, hint="name the base of a published catalog: --source oci://HOST/BASE")
    below = _released(request, source, selector, slug) if selector else None
    folders = []
    for where in (source, data):
        if where.startswith(REMOTE):
            found = local_tree(where, trust, access, context)
            CONSOLE.note(found.note)
            where = str(found.folder)
        folders.append(where)
    return below or folders[0], folders[1]
