"""Source: how much is known of all that a registry, a mirror or an archive holds of a catalog.

A mirror holds a part of what the index names, and may hold charts and images besides, which the index does not name: of
those it is only known that their bytes are whole. Signatures and SBOMs are read like everything else, and a signature
has to be good: what the index names without one cannot be fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from clusterbook.artifacts import index
from clusterbook.artifacts.index import PinnedArtifact
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.sbom import MEDIA_TYPE as SBOM
from clusterbook.artifacts.visit import visit
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Malformed, NoArtifact, WrongContent
from clusterbook.mirror import archive
from clusterbook.oci.layout.reader import ImageLayout
from clusterbook.oci.open import Base
from clusterbook.oci.store import Store, is_manifest
from clusterbook.trust.policy import SubjectMismatch, Trusting, Unsigned, Untrusted, WrongIssuer, WrongSigner
from clusterbook.trust.statement import BrokenBundle
from clusterbook.trust.verify import bundles_of, verify
from clusterbook.verify.level import UNKNOWN
from clusterbook.verify.verdict import VerificationReport, published_verdict
from clusterbook.verify.verifier import Verifier


def verify_source(where: str, verifier: Verifier) -> VerificationReport:
    """Return what is known of a source: its index and every artifact that is there.

    Raises:
        ClusterbookError: the index cannot be relied on, or an artifact is damaged; which one says why.
    """
    belief = verifier.trusting()

    def well(verdict: VerificationReport) -> bool:
        return verdict.error is None and belief.unsigned

    verdict, warning = visit(
        where,
        lambda opened: _verify(where, opened, opened.trusting._replace(unsigned=belief.unsigned)),
        access=verifier.access,
        trusting=belief._replace(unsigned=True),
        around=verifier.around,
        well=well,
    )
    return verdict._replace(notes=(warning,)) if warning else verdict


def _verify(where: str, opened: OpenIndex, belief: Trusting) -> VerificationReport:
    """Return what is known of the source of an index."""
    base = opened.base
    reader = _ArtifactReader(opened)
    for needed in _needed(opened):
        reader.read(base.repository(needed.repository), needed.pin.digest)
    named = sorted(reader.whole)
    besides = _besides(opened, reader, belief)
    others = len(reader.whole) - len(named)
    homes = {needed.pin.digest: base.repository(needed.repository) for needed in _needed(opened)}
    signatures = _Signatures(opened, belief)
    for digest in named:
        reader.faults |= signatures.check(reader, homes[digest], digest)
    attached = signatures.count
    bills = _bills(opened, reader, signatures)
    _read_indexes(base, reader)
    _read_listing(base, reader)
    missing, faults = len(reader.missing), list(reader.faults.values())
    more = {
        "release": opened.envelope.release,
        "sequence": opened.envelope.sequence,
        "expires": opened.envelope.expires.isoformat(),
        "artifacts": len(named),
        "missing": missing,
        "others": others,
        "sboms": bills,
        "besides": besides,
        "attached": attached,
        "otherSigners": signatures.others,
    }
    lines = [
        f"index of release {more['release']}, number {more['sequence']}, good until {opened.envelope.expires.date()}"
    ]
    lines.append(f"{len(named)} artifacts as the index names them, {missing} named ones are not here")
    if bills:
        lines.append(f"{bills} SBOMs{', signed' if opened.verified else ''}")
    if signatures.others:
        lines.append(f"{signatures.others} of them are signed, though not by those whom the policy names")
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
    return VerificationReport(trust, document, (f"{where}: {UNKNOWN}", *(each.what for each in faults)), faults[0])


class _Signatures:
    """What refers to artifacts: read whole, and of each artifact one signature has to count if the index's does.

    `count` says how many there are, `others` how many artifacts are signed by somebody whom the policy does not name,
    as those are of releases before a key was changed.
    """

    def __init__(self, opened: OpenIndex, belief: Trusting) -> None:
        self._opened = opened
        self._policy = belief.policy if opened.verified is not None else None
        self._known: dict[bytes, frozenset[str] | ClusterbookError] = {}
        self.count = self.others = 0
        store, base = opened.base.store, opened.base
        self._of_index = list(self._bundles(store, base.repository(index.REPOSITORY), opened.manifest.digest))

    def check(self, reader: _ArtifactReader, repository: str, digest: str) -> dict[str, ClusterbookError]:
        """Return what is wrong with what refers to an artifact, by digest."""
        store, faults = self._opened.base.store, dict[str, ClusterbookError]()
        try:
            there = {manifest.digest for manifest in store.referrers(repository, digest)}
            for lost in store.listed(repository, digest) - there:
                faults[lost] = NoArtifact(f"{store.where}: {lost}, which refers to {digest}, is listed and not there")
        except (WrongContent, Malformed, NoArtifact) as error:
            return {f"{digest} referrers": error}
        for each in sorted(there):
            reader.read(repository, each)
        self.count += len(there)
        if self._policy is None or reader.faults.keys() & there:
            return faults
        found = [self._subjects(raw, digest) for raw in (*self._of_index, *self._bundles(store, repository, digest))]
        if any(not isinstance(each, ClusterbookError) and digest in each for each in found):
            return faults
        if any(isinstance(each, WrongSigner | WrongIssuer) for each in found):
            self.others += 1
            return faults
        why = next((each.what for each in found if isinstance(each, ClusterbookError)), "it has none")
        what = f"{store.where}/{repository}: no signature on {digest} counts, though the index names it: {why}"
        return {**faults, f"{digest} signature": Unsigned(what, hint="publish it again, or mirror it with signatures")}

    def vouched(self, repository: str, digest: str) -> bool:
        """Return whether a signature on an artifact counts; False where nobody has to sign."""
        if self._policy is None:
            return False
        raws = (*self._of_index, *self._bundles(self._opened.base.store, repository, digest))
        found = (self._subjects(raw, digest) for raw in raws)
        return any(not isinstance(each, ClusterbookError) and digest in each for each in found)

    def _bundles(self, store: Store, repository: str, digest: str) -> Iterator[bytes]:
        try:
            yield from bundles_of(store, repository, digest)
        except (WrongContent, Malformed, NoArtifact):  # said where it is read
            return

    def _subjects(self, raw: bytes, digest: str) -> frozenset[str] | ClusterbookError:
        """Return the digests that a signature counts for, or why it does not count."""
        assert self._policy is not None
        if raw not in self._known:
            try:
                found = verify(raw, digest, self._policy)
                self._known[raw] = frozenset(each.digest for each in found.statement.subjects)
            except SubjectMismatch as error:
                return error
            except (Untrusted, BrokenBundle) as error:
                self._known[raw] = error
        return self._known[raw]


def _read_indexes(base: Base, reader: _ArtifactReader) -> None:
    """Read the indexes of all releases that a registry has, with what refers to them."""
    repository = base.repository(index.REPOSITORY)
    for tag in base.store.tags(repository):
        try:
            digest = base.store.manifest(repository, tag).digest
            reader.read(repository, digest)
            for manifest in base.store.referrers(repository, digest):
                reader.read(repository, manifest.digest)
        except (WrongContent, Malformed, NoArtifact) as error:
            reader.faults[f"{repository}:{tag}"] = error


def _read_listing(base: Base, reader: _ArtifactReader) -> None:
    """Read all that the index.json of a layout lists, and hold each entry against what it stands for."""
    if not isinstance(base.store, ImageLayout):
        return
    for entry in base.store.listing().entries():
        if not is_manifest(entry):
            continue
        try:
            real = base.store.manifest("", entry.digest).descriptor
        except (WrongContent, Malformed, NoArtifact) as error:
            reader.faults.setdefault(entry.digest, error)
            continue
        for what, said, is_so in (
            ("media type", entry.media_type, real.media_type),
            ("size", entry.size, real.size),
            ("artifact type", entry.artifact_type or real.artifact_type, real.artifact_type),
        ):
            if said != is_so:
                fault = f"{base.store.where}: {entry.digest} is listed with the {what} {said}, it has {is_so}"
                reader.faults.setdefault(entry.digest, WrongContent(fault, hint="mirror it again"))
        reader.read("", entry.digest)


def _bills(opened: OpenIndex, reader: _ArtifactReader, signatures: _Signatures) -> int:
    """Return how many SBOMs lie beside the recipes, having made sure that whoever signed the recipe signed them.

    Anybody who writes to a registry can attach one.
    """
    base, number = opened.base, 0
    for needed in _needed(opened):
        if not needed.repository.startswith("recipes/") or needed.pin.digest not in reader.whole:
            continue
        repository = base.repository(needed.repository)
        try:
            bills = base.store.referrers(repository, needed.pin.digest, SBOM)
        except (WrongContent, Malformed, NoArtifact):  # said where it is read
            continue
        number += len(bills)
        for bill in bills if signatures.vouched(repository, needed.pin.digest) else ():
            if not signatures.vouched(repository, bill.digest):
                what = f"{base.store.where}: the SBOM {bill.digest} of {needed.repository}:{needed.tag} is not signed"
                hint = "who publishes the catalog did not attach it"
                reader.faults.setdefault(bill.digest, Unsigned(what, hint=hint))
    return number


def _besides(opened: OpenIndex, reader: _ArtifactReader, belief: Trusting) -> dict[str, int]:
    """Read what the index does not name, and what a mirror's list says to be there; return how many of each kind."""
    found: Counter[str] = Counter()
    base = opened.base
    try:
        roots = base.store.roots() if isinstance(base.store, ImageLayout) else []
    except (WrongContent, Malformed, NoArtifact) as error:
        reader.faults["index.json"] = error
        return {}
    for name, entry in roots:
        if not is_manifest(entry) or entry.artifact_type == index.INDEX or entry.digest in reader.whole:
            continue
        reader.read("", entry.digest)
        kind = _KINDS.get(name.replace(":", "/").partition("/")[0], "others")
        found[kind] += entry.digest in reader.whole
        if kind == _LISTS:
            from clusterbook.mirror.check import check_contents
            from clusterbook.mirror.load import contents

            try:
                listed = contents(base)
                for part in listed.held:
                    reader.read("", part.digest)
                check_contents(opened, listed, belief.policy)
            except ClusterbookError as error:
                reader.faults[entry.digest] = error
    return {kind: found[kind] for kind in sorted(found) if found[kind]}


_LISTS = "list of a mirror's contents"
_KINDS = {archive.REPOSITORY: _LISTS, "charts": "charts", "images": "images", index.REPOSITORY: "roots of trust"}
"""What is in a repository, by the first word of its name."""


def _needed(opened: OpenIndex) -> Iterator[PinnedArtifact]:
    """Yield every artifact that the index names."""
    for name in sorted(opened.envelope.shards):
        if name.startswith(index.RECIPES):
            for slug, recipe in index.recipes_in(opened.shard(name)).items():
                yield from index.closure(slug, recipe)
        else:
            opened.shard(name)


class _ArtifactReader:
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
