"""Release folders, written: the indexes of all releases of a ledger, beside the build, where look-ups find them.

Written once for a ledger and a program: both are told by digests, and what is up to date is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.files.write import write_bytes, write_folder
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.release_index import ReleaseIndex, open_release
from clusterbook.ledger.upgrades import NONE, UpgradeFacts, plan_upgrades
from clusterbook.lookup.format import FORMAT, encode, recipe_part
from clusterbook.lookup.index_files import IndexFiles, embedded_texts
from clusterbook.lookup.release_folder import LISTING, find_folder, ledger_digests, place

UPGRADES = "upgrades.json"
"""The file beside the indexes that has every plan."""
_TELLING = ("/upgrades.yaml", "/proof.json")
"""Ends of source files that say what upgrades are planned by: records, and proofs of charts."""
_PACKAGE = Path(__file__).resolve().parents[1]


def write_releases(registry: Path) -> list[str]:
    """Write the index of every release of the ledger in `registry` of a clone; return those that were written.

    A release whose sources are not at hand, or resolve to something else, is left out: asking for it says why.

    Raises:
        BrokenLedger: the ledger is not what it should be.
        Unwritable: a file cannot be written.
    """
    digests, program, kept = ledger_digests(registry.as_posix()), _program_digest(), Path(place(registry.as_posix()))
    if not digests:
        return []
    written = [] if _is_current(kept / LISTING, digests, program) else _write_indexes(registry, kept, digests, program)
    stamp = _stamp(digests, program)
    if _read(kept / UPGRADES).get("made") != stamp:
        facts = plan_upgrades(open_ledger(registry), _opener(registry))
        text = json.dumps({"made": stamp, **facts._asdict()}, separators=(",", ":"))
        write_bytes(kept / UPGRADES, f"{text}\n".encode())
    return written


def read_upgrades(registry: Path) -> UpgradeFacts:
    """Return every upgrade between versions of the ledger in `registry`, as it was written or else planned now.

    Raises:
        BrokenLedger: the ledger is not what it should be.
    """
    digests = ledger_digests(registry.as_posix())
    if not digests:
        return NONE
    found = _read(Path(place(registry.as_posix())) / UPGRADES)
    if found.get("made") == _stamp(digests, _program_digest()):
        return UpgradeFacts(**{name: found[name] for name in UpgradeFacts._fields})
    return plan_upgrades(open_ledger(registry), _opener(registry))


def _opener(registry: Path) -> Callable[[str], IndexFiles]:
    """Return what gives the index of a release: what was written, or else what is resolved now."""
    return lambda release: find_folder(registry.as_posix(), release) or open_release(registry, release)


def _write_indexes(registry: Path, kept: Path, digests: Mapping[str, str], program: str) -> list[str]:
    """Write the index of each release; return those that were written. Raises as `write_releases`."""
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


def _is_current(listing: Path, digests: Mapping[str, str], program: str) -> bool:
    found = _read(listing)
    return (found.get("ledger"), found.get("program")) == (digests, program)


def _read(path: Path) -> dict[str, Any]:
    """Return a document that was written, {} where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stamp(digests: Mapping[str, str], program: str) -> str:
    """Return what plans depend on, as a digest: the ledger, the program, and the records and proofs built in."""
    known = {path: text for path, text in embedded_texts().items() if path.endswith(_TELLING)}
    return sha256(json.dumps([digests, program, known], sort_keys=True).encode()).hexdigest()


def _program_digest() -> str:
    """Return a digest of this program's sources, by which an index of another one is told."""
    found = sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        found.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
