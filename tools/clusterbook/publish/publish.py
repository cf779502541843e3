"""Publish: a release of the ledger becomes artifacts in a registry or a layout, all of it signed.

    artifacts and SBOMs → index → statements → their signatures on everything → tags, `latest` last → read back

The order is such that whoever reads meanwhile sees the old state or the new one, nothing by name before it is signed,
and that running it again goes on where it was broken off. What was published before stays as it is: its digests are
taken over from the index that is there, once that is verified.

A release is one statement about its index, which pins everything by digest, and one statement about all artifacts, for
those who come across a single one; the latter in parts, as verifiers read at most MOST_SUBJECTS subjects at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from clusterbook.artifacts import index as release_index
from clusterbook.artifacts.attachment import sbom_attachment
from clusterbook.artifacts.index import RECIPE_KIND, Pin, PublishedRecipe, repository
from clusterbook.artifacts.latest import current_latest, settle_latest
from clusterbook.artifacts.layout import ReleaseVersion
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.artifacts.root import check_target, root_artifact
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import Descriptor
from clusterbook.oci.open import Base
from clusterbook.publish.index import Listed, Pins, descriptor_of, earlier_recipes, listing, make_index, published_pins
from clusterbook.publish.release import Publication, UnmadeBundle, artifacts_of, sbom_of
from clusterbook.publish.send import Report, Sender, quiet
from clusterbook.publish.sign import SignedPart, attach_all, sign_release, tag_all
from clusterbook.trust.policy import RootOfTrust, TrustOptions
from clusterbook.trust.sign import Signer

JOBS = 8


class NotThere(ClusterbookError):
    """What was published cannot be read back as it was sent. Publish again; if it persists, the registry loses content.

    The tags of the index had already been moved.
    """

    code = "CB187"
    exit_status = 6


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a release goes and who vouches for it; without `signer` nobody does. `roots` name the keys of releases."""

    base: Base
    signer: Signer | None
    trust: TrustOptions
    jobs: int = JOBS
    lifetime: timedelta = release_index.LIFETIME
    roots: tuple[RootOfTrust, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What publishing did; with nothing sent, all of it was there. `index` is the digest of the index.

    `latest` is the release that `latest` names now, `unmade` are the bundles that cannot be made of it, and why.
    """

    release: str
    artifacts: int
    sent_blobs: int
    sent_bytes: int
    sent_manifests: int
    index: str
    sequence: int
    expires: str
    latest: str = ""
    unmade: tuple[UnmadeBundle, ...] = ()


def publish(release: Publication, where: Destination, report: Report = quiet) -> PublishResult:
    """Publish a release.

    Raises:
        NotOfTheLedger: the sources do not give what the ledger records, or what is there already is something else.
        Untrusted, BadIndex: what was published there before is not to be relied on, or another root of trust is there.
        NotThere: what was sent cannot be read back.
    """
    sender = Sender(where.base, where.jobs, report)
    check_target(where.roots, where.base)
    before = current_latest(where.base, where.trust)
    earlier = earlier_recipes(release, where.base, where.trust, before)
    unmade: list[UnmadeBundle] = []
    with sender.batch():
        pins, bills = _send_artifacts(release, sender, earlier, unmade)
    with sender.batch():
        index = make_index(release, pins, before, earlier, lifetime=where.lifetime)
        sender.send(index.artifact, tags=[])
        described_index = index.artifact.manifest.descriptor
        subjects = [(release_index.REPOSITORY, Pin(described_index.digest, described_index.size))]
        subjects += sorted([*listing(pins), *bills])
        signer, policy = where.signer, where.trust.policy
        signed = sign_release(release, subjects, signer, policy, sender) if signer else []
    with sender.batch():
        attach_all(signed, sender)
        for root in where.roots:
            made = root_artifact(root.version, root.data)
            sender.send(made, tags=[made.tag])
        tag_all(pins, sender)
        sender.tag(index.artifact.repository, index.artifact.manifest, release.name)
        mine = open_index(where.base, where.trust, now=None, previous=None, tag=release.name)
        settle_latest(where.base, where.trust, mine, lambda newest: _tag_latest(newest, sender))
    _read_back(release, where, sender, subjects, signed)
    latest = current_latest(where.base, where.trust)
    return PublishResult(
        release.name,
        len(subjects),
        sender.blobs,
        sender.size,
        sender.manifests,
        subjects[0][1].digest,
        index.sequence,
        index.expires,
        latest.envelope.release if latest else release.name,
        tuple(sorted(unmade)),
    )


def _tag_latest(newest: OpenIndex, sender: Sender) -> None:
    sender.tag(release_index.REPOSITORY, newest.manifest, release_index.LATEST)


def _send_artifacts(
    release: Publication, sender: Sender, earlier: Mapping[str, PublishedRecipe], unmade: list[UnmadeBundle]
) -> tuple[Pins, list[Listed]]:
    """Return the artifacts of every version that the release serves, and the SBOMs, having sent what was missing.

    What cannot be made is added to `unmade`.

    SBOMs are made from the sources each time: one that lies there already may be anybody's.
    """
    pins: dict[ReleaseVersion, Mapping[str, Pin]] = {}
    bills: list[Listed] = []

    def send_version(version: ReleaseVersion) -> None:
        version_pins = published_pins(release, version, earlier)
        if version_pins is None or not all(
            sender.has(repository(kind, version.slug), descriptor_of(version_pins[kind])) for kind in version_pins
        ):
            version_pins = _send(release, sender, version, unmade)
        pins[version] = version_pins
        bills.append(_attach_sbom(release, sender, version, descriptor_of(version_pins[RECIPE_KIND])))

    sender.run_all("recipes", list(release.versions), send_version)
    return {version: pins[version] for version in release.versions}, bills


def _send(release: Publication, sender: Sender, version: ReleaseVersion, unmade: list[UnmadeBundle]) -> dict[str, Pin]:
    """Make the artifacts of a version and send them; what cannot be made is added to `unmade`."""
    pins = {}
    for kind, artifact in artifacts_of(release, version):
        if isinstance(artifact, UnmadeBundle):
            unmade.append(artifact)
            continue
        sender.send(artifact, tags=[])
        pins[kind] = Pin(artifact.manifest.digest, artifact.manifest.descriptor.size)
        if kind == RECIPE_KIND:
            _attach_sbom(release, sender, version, artifact.manifest.descriptor)
    return pins


def _attach_sbom(release: Publication, sender: Sender, version: ReleaseVersion, recipe: Descriptor) -> Listed:
    """Return the SBOM of a version, attached to its recipe."""
    home = repository(RECIPE_KIND, version.slug)
    attached = sender.attach(home, recipe, sbom_attachment(sbom_of(release, version), created=version.origin.date))
    return home, Pin(attached.digest, attached.descriptor.size)


def _read_back(
    release: Publication, where: Destination, sender: Sender, subjects: Sequence[Listed], signed: Sequence[SignedPart]
) -> None:
    """Make sure that what was sent is there, and true, as a client sees it; and that its signature can be found.

    Raises:
        NotThere: it is not.
        Malformed: a layout is none in the eyes of oras.
    """
    source_index = open_index(where.base, where.trust, now=None, previous=None, tag=release.name)
    if source_index.manifest.digest != subjects[0][1].digest:
        raise NotThere(f"{where.base.store.where}: another publisher released {release.name} meanwhile")
    attached = {each: one.attachment for one in signed for each in one.subjects}

    def read_back(item: Listed) -> None:
        descriptor = source_index.artifact(*item).descriptor
        if item in attached:
            sender.settle(item[0], descriptor, attached[item])

    try:
        sender.run_all("read back", [each for each in subjects if each[1].digest in sender.changed], read_back)
    except NoArtifact as error:
        raise NotThere(error.what, hint="publish again") from error
    if isinstance(where.base.store, Layout):
        from clusterbook.oci.oras import check_layout

        check_layout(where.base.store.path)
