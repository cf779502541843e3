"""Source trees on disk, and private trees laid over public ones.

A tree reads the same on every machine: links are not followed, and what is large or no text is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from clusterbook.catalog.tree import (
    CRITERIA,
    REGISTRY,
    VALIDATORS,
    SourceFile,
    SourceTree,
    is_in_our_format,
    is_ours,
)
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, UnreadableSource
from clusterbook.documents.yaml_reader import MAX_BYTES
from clusterbook.files.read import exists, is_folder, read_source

EXTENDED = (REGISTRY, VALIDATORS)
"""The files of a private tree that extend the public ones entry by entry. Source: reference row F20."""
_TREE = "name a folder with registry.yaml and overlays/"


def read_tree(
    root: Path, *, label: str | None = None, strict: bool | None = None, refused: list[UnreadableSource] | None = None
) -> SourceTree:
    """Return the source tree below `root`.

    Args:
        root: a folder with registry.yaml and overlays/.
        label: what stands for `root` in messages and origins; default: `root` as given.
        strict: whether the tree is our own, where unknown keys are errors; default: as its registry says.
        refused: takes the errors of single files, which are then left out; default: the first one is raised.

    Raises:
        NotFound: no such folder.
        UnreadableSource: a link, a file over 10 MB, not UTF-8. Source: reference row F19.
    """
    files = {path: SourceFile(text, f"{label or root}/{path}") for path, text in _texts(root, refused)}
    return SourceTree(files=files, under={}, strict=is_ours(files) if strict is None else strict)


def overlay_tree(under: SourceTree, data: Path, *, refused: list[UnreadableSource] | None = None) -> SourceTree:
    """Return `under` with the private tree at `data` on top.

    registry.yaml and validators/catalog.yaml extend what is there by name; every other file replaces or is added. What
    says that it is in our format is read strictly: the whole tree where its registry says so, else each such file.

    Raises:
        UnreadableSource: as `read`, and when registry.yaml is missing. Source: reference rows F19, F20.
    """
    mine = {path: SourceFile(text, f"{data}/{path}", external=True) for path, text in _texts(data, refused)}
    whole = REGISTRY in mine and is_in_our_format(mine[REGISTRY])
    mine = {
        path: replace(source, strict=True) if whole or is_in_our_format(source) else source
        for path, source in mine.items()
    }
    if REGISTRY not in mine:
        raise UnreadableSource(f"{data} has no {REGISTRY}", hint="a private tree starts with its registry.yaml")
    extended = {path: under.files[path] for path in EXTENDED if path in under.files and path in mine}
    return SourceTree(files={**under.files, **mine}, under=extended, strict=under.strict, ours=under.ours)


def with_criteria(tree: SourceTree, ours: Mapping[str, str]) -> SourceTree:
    """Return `tree`, with our criteria file when it has none: trees in the reference's format never have one (F17)."""
    if CRITERIA in tree.files or CRITERIA not in ours:
        return tree
    return replace(tree, files={**tree.files, CRITERIA: SourceFile(ours[CRITERIA], f"(built in)/{CRITERIA}")})


def with_registry(tree: SourceTree, ours: Callable[[], Mapping[str, str]]) -> SourceTree:
    """Return `tree`, with our registry beside it when it is in the reference's format; only then are ours asked for."""
    text = None if tree.strict else ours().get(REGISTRY)
    return tree if text is None else replace(tree, ours=SourceFile(text, f"(built in)/{REGISTRY}"))


def tree_from_texts(texts: Mapping[str, str], *, label: str) -> SourceTree:
    """Return the tree of files that an index carries."""
    files = {path: SourceFile(text, f"{label}/{path}") for path, text in texts.items()}
    return SourceTree(files=files, under={}, strict=is_ours(files))


def _texts(root: Path, refused: list[UnreadableSource] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (path below root, text) of every file, sorted by path; `refused` as in `read`.

    Raises:
        UnreadableSource: as `read`.
    """
    if not exists(root):
        raise NotFound(f"{root} does not exist", hint=_TREE)
    if not is_folder(root):
        raise InvalidRequest(f"{root} is not a folder", hint=_TREE)
    paths = []
    for folder, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [Path(folder) / name for name in names if not name.startswith(".")]
        paths += [Path(folder) / name for name in (*folders, *names) if (Path(folder) / name).is_symlink()]
    for path in sorted(set(paths)):
        try:
            text = _text(path)
        except UnreadableSource as error:
            if refused is None:
                raise
            refused.append(error)
            continue
        if text is not None:
            yield path.relative_to(root).as_posix(), text


def _refuse(error: OSError) -> None:
    raise UnreadableSource(
        f"{error.filename} cannot be read: {error.strerror}", hint="check its permissions"
    ) from error


def _text(path: Path) -> str | None:
    """Return a file's text, None when it is no YAML and not text either."""
    yaml = path.suffix in (".yaml", ".yml")
    name = str(path).encode("utf-8", "backslashreplace").decode()
    if name != str(path):
        raise UnreadableSource("a file name that is not UTF-8", hint="rename it", place=name)
    data = read_source(path, limit_bytes=MAX_BYTES)
    try:
        return data.decode("utf-8-sig" if yaml else "utf-8")
    except UnicodeDecodeError as error:
        if yaml:
            what = f"not UTF-8 text (byte {error.start})"
            raise UnreadableSource(what, hint="save it as UTF-8", place=path) from error
        return None
