"""Release folders, written: the indexes of all releases of a ledger, beside the build, where look-ups find them.

Written once for a ledger and a program: both are told by digests, and what is up to date is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.files.write import write_folder
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.release_index import ReleaseIndex, open_release
from clusterbook.lookup.format import FORMAT, encode, recipe_part
from clusterbook.lookup.release_folder import LISTING, ledger_digests, place

_PACKAGE = Path(__file__).resolve().parents[1]


def write_releases(registry: Path) -> list[str]:
    """Write the index of every release of the ledger in `registry` of a clone; return those that were written.

    A release whose sources are not at hand, or resolve to something else, is left out: asking for it says why.

    Raises:
        BrokenLedger: the ledger is not what it should be.
        Unwritable: a file cannot be written.
    """
    digests, program, kept = ledger_digests(registry.as_posix()), _program_digest(), Path(place(registry.as_posix()))
    if not digests or _is_current(kept / LISTING, digests, program):
        return []
    ledger = open_ledger(registry)
    files: list[tuple[str, bytes]] = []
    releases = {}
    for name in ledger.releases():
        try:
            files += [(f"{name}/{part}", data) for part, data in _parts(ledger, open_release(registry, name), name)]
        except ClusterbookError:
            continue
        serves = {slug: [str(each.version), each.digest] for slug, each in ledger.entries(name).items()}
        releases[name] = {"commit": ledger.release(name)["commit"], "serves": serves}
    listing = {"format": FORMAT, "program": program, "ledger": digests, "releases": releases}
    text = json.dumps(listing, separators=(",", ":")) + "\n"  # the order of releases is theirs
    write_folder(kept, [(LISTING, text.encode()), *files], marker=LISTING)
    return list(releases)


def _parts(ledger: Ledger, index: ReleaseIndex, release: str) -> Iterator[tuple[str, bytes]]:
    """Yield the parts of a release, recipes with the version and the digest that they were held against."""
    served = {recipe_part(slug): slug for slug in ledger.entries(release)}
    for part, data in index.parts():
        record = index.record(served[part]) if part in served else None
        yield part, data if record is None else encode({**json.loads(data), "recipe": record.recipe})


def _is_current(listing: Path, digests: dict[str, str], program: str) -> bool:
    try:
        found = json.loads(listing.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and (found.get("ledger"), found.get("program")) == (digests, program)


def _program_digest() -> str:
    """Return a digest of this program's sources, by which an index of another one is told."""
    found = sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        found.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
