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
from clusterbook.trust.policy import SubjectMismatch, TrustOptions, Unsigned, Untrusted, WrongIssuer, WrongSigner
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
    trust = verifier.trust_options()

    def is_worth_remembering(verdict: VerificationReport) -> bool:
        return verdict.error is None and trust.unsigned

    verdict, warning = visit(
        where,
        lambda opened: _verify(where, opened, opened.trust._replace(unsigned=trust.unsigned)),
        access=verifier.access,
        trust=trust._replace(unsigned=True),
        context=verifier.context,
        worth_remembering=is_worth_remembering,
    )
    return verdict._replace(notes=(warning,)) if warning else verdict


def _verify(where: str, source_index: OpenIndex, trust: TrustOptions) -> VerificationReport:
    """Return what is known of the source of an index."""
    base = source_index.base
    reader = _ArtifactReader(source_index)
    for needed in _index_artifacts(source_index):
        reader.read(base.repository(needed.repository), needed.pin.digest)
    digests = sorted(reader.whole)
    extras = _read_extras(source_index, reader)
    others = len(reader.whole) - len(digests)
    repositories = {needed.pin.digest: base.repository(needed.repository) for needed in _index_artifacts(source_index)}
    signatures = _Signatures(source_index, trust)
    for digest in digests:
        reader.faults |= signatures.check(reader, repositories[digest], digest)
    attached = signatures.count
    bills = _check_sboms(source_index, reader, signatures)
    _read_indexes(base, reader)
    _read_listing(base, reader)
    missing, faults = len(reader.missing), list(reader.faults.values())
    more = {
        "release": source_index.envelope.release,
        "sequence": source_index.envelope.sequence,
        "expires": source_index.envelope.expires.isoformat(),
        "artifacts": len(digests),
        "missing": missing,
        "others": others,
        "sboms": bills,
        "besides": extras,
        "attached": attached,
        "otherSigners": signatures.others,
    }
    until = source_index.envelope.expires.date()
    lines = [f"index of release {more['release']}, number {more['sequence']}, valid until {until}"]
    lines.append(f"{len(digests)} artifacts match the index, {missing} listed ones are not here")
    if bills:
        lines.append(f"{bills} SBOMs{', signed' if source_index.verified else ''}")
    if signatures.others:
        lines.append(f"{signatures.others} of them are signed, though not by a signer of the policy")
    if extras:
        counted = ", ".join(f"{number} {kind}" for kind, number in extras.items())
        lines.append(f"also, not listed in the index but matching their digests: {counted}")
    verdict = published_verdict(where, source_index.verified, more, tuple(lines))
    if not faults:
        return verdict
    reached = verdict.trust._replace(level=UNKNOWN, reason=faults[0].what)
    document = {
        **verdict.document,
        "trustLevel": UNKNOWN,
        "trustReason": reached.reason,
        "errors": [each.what for each in faults],
    }
    return VerificationReport(reached, document, (f"{where}: {UNKNOWN}", *(each.what for each in faults)), faults[0])


class _Signatures:
    """What refers to artifacts: read whole, and of each artifact one signature has to count if the index's does.

    `count` says how many there are, `others` how many artifacts are signed by somebody whom the policy does not name,
    as those are of releases before a key was changed.
    """

    def __init__(self, source_index: OpenIndex, trust: TrustOptions) -> None:
        self._source_index = source_index
        self._policy = trust.policy if source_index.verified is not None else None
        self._subjects_by_signature: dict[bytes, frozenset[str] | ClusterbookError] = {}
        self.count = self.others = 0
        store, base = source_index.base.store, source_index.base
        self._of_index = list(self._bundles(store, base.repository(index.REPOSITORY), source_index.manifest.digest))

    def check(self, reader: _ArtifactReader, repository: str, digest: str) -> dict[str, ClusterbookError]:
        """Return what is wrong with what refers to an artifact, by digest."""
        store, faults = self._source_index.base.store, dict[str, ClusterbookError]()
        try:
            referrers = {manifest.digest for manifest in store.referrers(repository, digest)}
            for lost in store.referrer_digests(repository, digest) - referrers:
                faults[lost] = NoArtifact(
                    f"{store.where}: {lost}, which refers to {digest}, is listed but does not exist"
                )
        except (WrongContent, Malformed, NoArtifact) as error:
            return {f"{digest} referrers": error}
        for each in sorted(referrers):
            reader.read(repository, each)
        self.count += len(referrers)
        if self._policy is None or reader.faults.keys() & referrers:
            return faults
        subjects = [self._subjects(raw, digest) for raw in (*self._of_index, *self._bundles(store, repository, digest))]
        if any(not isinstance(each, ClusterbookError) and digest in each for each in subjects):
            return faults
        if any(isinstance(each, WrongSigner | WrongIssuer) for each in subjects):
            self.others += 1
            return faults
        why = next((each.what for each in subjects if isinstance(each, ClusterbookError)), "it has none")
        what = f"{store.where}/{repository}: no signature on {digest} is valid, though the index lists it: {why}"
        return {**faults, f"{digest} signature": Unsigned(what, hint="publish it again, or mirror it with signatures")}

    def covers(self, repository: str, digest: str) -> bool:
        """Return whether a signature on an artifact counts; False where nobody has to sign."""
        if self._policy is None:
            return False
        raws = (*self._of_index, *self._bundles(self._source_index.base.store, repository, digest))
        subjects = (self._subjects(raw, digest) for raw in raws)
        return any(not isinstance(each, ClusterbookError) and digest in each for each in subjects)

    def _bundles(self, store: Store, repository: str, digest: str) -> Iterator[bytes]:
        try:
            yield from bundles_of(store, repository, digest)
        except (WrongContent, Malformed, NoArtifact):  # said where it is read
            return

    def _subjects(self, raw: bytes, digest: str) -> frozenset[str] | ClusterbookError:
        """Return the digests that a signature counts for, or why it does not count."""
        assert self._policy is not None
        if raw not in self._subjects_by_signature:
            try:
                verified = verify(raw, digest, self._policy)
                self._subjects_by_signature[raw] = frozenset(each.digest for each in verified.statement.subjects)
            except SubjectMismatch as error:
                return error
            except (Untrusted, BrokenBundle) as error:
                self._subjects_by_signature[raw] = error
        return self._subjects_by_signature[raw]


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
        for what, listed, is_so in (
            ("media type", entry.media_type, real.media_type),
            ("size", entry.size, real.size),
            ("artifact type", entry.artifact_type or real.artifact_type, real.artifact_type),
        ):
            if listed != is_so:
                fault = f"{base.store.where}: {entry.digest} is listed with the {what} {listed}, but has {is_so}"
                reader.faults.setdefault(entry.digest, WrongContent(fault, hint="mirror it again"))
        reader.read("", entry.digest)


def _check_sboms(source_index: OpenIndex, reader: _ArtifactReader, signatures: _Signatures) -> int:
    """Return how many SBOMs lie beside the recipes, having made sure that whoever signed the recipe signed them.

    Anybody who writes to a registry can attach one.
    """
    base, number = source_index.base, 0
    for artifact in _index_artifacts(source_index):
        if not artifact.repository.startswith("recipes/") or artifact.pin.digest not in reader.whole:
            continue
        repository = base.repository(artifact.repository)
        try:
            sboms = base.store.referrers(repository, artifact.pin.digest, SBOM)
        except (WrongContent, Malformed, NoArtifact):  # said where it is read
            continue
        number += len(sboms)
        for sbom in sboms if signatures.covers(repository, artifact.pin.digest) else ():
            if not signatures.covers(repository, sbom.digest):
                what = (
                    f"{base.store.where}: the SBOM {sbom.digest} of {artifact.repository}:{artifact.tag} is not signed"
                )
                hint = "the catalog's publisher did not attach it"
                reader.faults.setdefault(sbom.digest, Unsigned(what, hint=hint))
    return number


def _read_extras(source_index: OpenIndex, reader: _ArtifactReader) -> dict[str, int]:
    """Read what the index does not name, and what a mirror's list says to be there; return how many of each kind."""
    counts: Counter[str] = Counter()
    base = source_index.base
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
        counts[kind] += entry.digest in reader.whole
        if kind == _LISTS:
            from clusterbook.mirror.check import check_contents
            from clusterbook.mirror.load import contents

            try:
                contents_list = contents(base)
                for part in contents_list.held:
                    reader.read("", part.digest)
                check_contents(source_index, contents_list)
            except ClusterbookError as error:
                reader.faults[entry.digest] = error
    return {kind: counts[kind] for kind in sorted(counts) if counts[kind]}


_LISTS = "list of a mirror's contents"
_KINDS = {archive.REPOSITORY: _LISTS, "charts": "charts", "images": "images", index.REPOSITORY: "roots of trust"}
"""What is in a repository, by the first word of its name."""


def _index_artifacts(source_index: OpenIndex) -> Iterator[PinnedArtifact]:
    """Yield every artifact that the index names."""
    for name in sorted(source_index.envelope.shards):
        if name.startswith(index.RECIPES):
            for slug, recipe in index.recipes_in(source_index.shard(name)).items():
                yield from index.closure(slug, recipe)
        else:
            source_index.shard(name)


class _ArtifactReader:
    """Reads all bytes of artifacts, once each, and notes what came of it, by digest."""

    def __init__(self, source_index: OpenIndex) -> None:
        self._store = source_index.base.store
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
