"""Source: how much is known of all that a registry, a mirror or an archive holds of a catalog.

A mirror holds a part of what the index names, and may hold charts and images besides, which the index does not name: of
those it is only known that their bytes are whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from clusterbook.artifacts import index
from clusterbook.artifacts.index import PinnedArtifact
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.visit import visit
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Malformed, NoArtifact, WrongContent
from clusterbook.mirror import archive
from clusterbook.oci.layout.reader import ImageLayout
from clusterbook.oci.open import Base
from clusterbook.oci.store import is_manifest
from clusterbook.verify.level import UNKNOWN, UNVERIFIED
from clusterbook.verify.verdict import Verdict, published_verdict
from clusterbook.verify.verifier import Verifier


def verify_source(where: str, verifier: Verifier) -> Verdict:
    """Return what is known of a source: its index and every artifact that is there.

    Raises:
        ClusterbookError: the index cannot be relied on, or an artifact is damaged; which one says why.
    """
    belief = verifier.trusting()

    def well(verdict: Verdict) -> bool:
        return verdict.error is None and (verdict.trust.level != UNVERIFIED or belief.unsigned)

    verdict, warning = visit(
        where,
        lambda opened: _verify(where, opened),
        access=verifier.access,
        trusting=belief._replace(unsigned=True),
        around=verifier.around,
        well=well,
    )
    return verdict._replace(notes=(warning,)) if warning else verdict


def _verify(where: str, opened: OpenIndex) -> Verdict:
    """Return what is known of the source of an index."""
    base = opened.base
    reader = _Reader(opened)
    for needed in _needed(opened):
        reader.read(base.repository(needed.repository), needed.pin.digest)
    named = len(reader.whole)
    besides = _besides(base, reader)
    others, missing, faults = len(reader.whole) - named, len(reader.missing), list(reader.faults.values())
    more = {
        "release": opened.envelope.release,
        "sequence": opened.envelope.sequence,
        "expires": opened.envelope.expires.isoformat(),
        "artifacts": named,
        "missing": missing,
        "others": others,
        "besides": besides,
    }
    lines = [
        f"index of release {more['release']}, number {more['sequence']}, good until {opened.envelope.expires.date()}"
    ]
    lines.append(f"{named} artifacts as the index names them, {missing} named ones are not here")
    if besides:
        counted = ", ".join(f"{number} {kind}" for kind, number in besides.items())
        lines.append(f"besides, not named by the index, though with the bytes of their digests: {counted}")
    verdict = published_verdict(where, opened.verified, more, tuple(lines))
    if not faults:
        return verdict
    trust = verdict.trust._replace(level=UNKNOWN, reason=faults[0].what)
    document = {
        **verdict.document,
        "trustLevel": UNKNOWN,
        "trustReason": trust.reason,
        "errors": [each.what for each in faults],
    }
    return Verdict(trust, document, (f"{where}: {UNKNOWN}", *(each.what for each in faults)), faults[0])


def _besides(base: Base, reader: _Reader) -> dict[str, int]:
    """Read what the index does not name, and what a mirror's list says to be there; return how many of each kind."""
    found: Counter[str] = Counter()
    for name, entry in base.store.roots() if isinstance(base.store, ImageLayout) else ():
        if not is_manifest(entry) or entry.artifact_type == index.INDEX or entry.digest in reader.whole:
            continue
        reader.read("", entry.digest)
        kind = _KINDS.get(name.replace(":", "/").partition("/")[0], "others")
        found[kind] += entry.digest in reader.whole
        if kind == _LISTS:
            from clusterbook.mirror.load import contents

            try:
                for part in contents(base).held:
                    reader.read("", part.digest)
            except ClusterbookError as error:
                reader.faults[entry.digest] = error
    return {kind: found[kind] for kind in sorted(found) if found[kind]}


_LISTS = "list of a mirror's contents"
_KINDS = {archive.REPOSITORY: _LISTS, "charts": "charts", "images": "images"}
"""What is in a repository, by the first word of its name."""


def _needed(opened: OpenIndex) -> Iterator[PinnedArtifact]:
    """Yield every artifact that the index names."""
    for name in sorted(opened.envelope.shards):
        if name.startswith(index.RECIPES):
            for slug, recipe in index.recipes_in(opened.shard(name)).items():
                yield from index.closure(slug, recipe)
        else:
            opened.shard(name)


class _Reader:
    """Reads all bytes of artifacts, once each, and notes what came of it, by digest."""

    def __init__(self, opened: OpenIndex) -> None:
        self._store = opened.base.store
        self.whole: set[str] = set()
        self.missing: set[str] = set()
        self.faults: dict[str, ClusterbookError] = {}

    def read(self, repository: str, digest: str) -> None:
        """Read an artifact, and the parts of one that is an index."""
        if digest in self.whole or digest in self.missing or digest in self.faults:
            return
        try:
            manifest = self._store.manifest(repository, digest)
        except NoArtifact:
            self.missing.add(digest)
            return
        except (WrongContent, Malformed) as error:
            self.faults[digest] = error
            return
        try:
            for blob in manifest.blobs:
                for _ in self._store.blob(repository, blob):
                    pass
        except (NoArtifact, WrongContent, Malformed) as error:
            self.faults[digest] = error
            return
        for part in filter(is_manifest, manifest.manifests):
            self.read(repository, part.digest)
        self.whole.add(digest)
