"""Drift from files: two snapshots, or a recipe and a snapshot.

Knows what a user leaves out of a comparison. Does not know what a difference means (`core.drift`, `core.installed`),
nor what the words of a command line name (`comparing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from clusterbook.bundle.options import Request
from clusterbook.diagnostics.errors import InvalidRequest, unreadable
from clusterbook.diff import snapshots as drift
from clusterbook.diff.installed import installed_drift
from clusterbook.diff.snapshot_report import Drift
from clusterbook.diff.snapshots import chosen
from clusterbook.resolve.recipe import Document
from clusterbook.snapshot.model import Snapshot

_PATTERNS = "name a file with one pattern a line"


class Taken(NamedTuple):
    """A snapshot, by what it was called."""

    label: str
    snapshot: Snapshot


class Deployable(NamedTuple):
    """A recipe that may have been deployed, by what it was called; `request` has the options of a bundle of it."""

    label: str
    recipe: Document
    request: Request | None = None


class Wanted(NamedTuple):
    """Which changes a user wants to hear of: from which severity on, and which paths not."""

    least: str = drift.INFO
    ignored: tuple[str, ...] = ()


def wanted(least: str, ignored: Sequence[str], files: Sequence[str]) -> Wanted:
    """Return what a user wants to hear of; files hold one pattern a line, behind # is comment.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is there, but not for us.
    """
    found = list(ignored)
    for name in files:
        try:
            lines = Path(name).read_text("utf-8").splitlines()
        except OSError as error:
            raise unreadable(name, error, hint=_PATTERNS) from error
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{name} is not UTF-8 text", hint=_PATTERNS) from error
        found += [line.partition(" #")[0].strip() for line in lines if not line.lstrip().startswith("#")]
    return Wanted(least, tuple(pattern for pattern in found if pattern))


def drift_of(before: Taken | Deployable, after: Taken, want: Wanted) -> Drift:
    """Return what is different in a snapshot.

    Raises:
        InvalidRequest: there is no such severity, or one of the two is damaged.
        Unseen: the snapshot does not say what is installed.
    """
    try:
        if isinstance(before, Taken):
            found = drift.drift(before.snapshot, after.snapshot, least=drift.NOISE)
        else:
            found = installed_drift(before.recipe, after.snapshot, before.request)
    except (KeyError, TypeError, AttributeError) as error:  # deep inside an object or a recipe somebody handed in
        what = f"{before.label} or {after.label} is damaged: {error}"
        raise InvalidRequest(what, hint="take the snapshot, or print the recipe, again") from error
    return Drift(before.label, after.label, chosen(found, ignore=want.ignored, least=want.least))
