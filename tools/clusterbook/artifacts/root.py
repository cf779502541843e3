"""Root: the versions of a root of trust that a source has, followed one by one from the one that is believed.

They lie beside the index, so that whoever may read that can read them, each under the tag `root-VERSION`: an artifact
of the type ROOT with one layer, TUF root metadata. A version that is signed as it has to be is kept before the next one
is asked for. Source: TUF specification 1.0, section 5.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from clusterbook.artifacts import index
from clusterbook.diagnostics.errors import BrokenIndex
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.files.context import Context
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, artifact, describe_file
from clusterbook.oci.open import Base
from clusterbook.trust.policy import RootOfTrust, TrustOptions

if TYPE_CHECKING:
    from clusterbook.artifacts.layout import Artifact

ROOT = "application/vnd.clusterbook.root.v1+json"
MOST_VERSIONS = 256
"""How many versions are followed at once, as python-tuf has it."""
_TAG = re.compile(r"root-([1-9][0-9]{0,8})")


def root_artifact(version: int, data: bytes) -> Artifact:
    """Return the artifact of one version of a root of trust."""
    from clusterbook.artifacts.layout import Artifact  # brings all of recipes along

    layer = describe_file(ROOT, data, f"{version}.root.json")
    blobs = ((EMPTY_CONFIG, EMPTY_BLOB), (layer, data))
    return Artifact(index.REPOSITORY, f"root-{version}", artifact(ROOT, [layer]), blobs)


def root_versions(base: Base) -> list[int]:
    """Return the versions that a source has, in order."""
    tags = base.store.tags(base.repository(index.REPOSITORY))
    return sorted(int(found[1]) for found in map(_TAG.fullmatch, tags) if found)


def read_version(base: Base, version: int) -> bytes | None:
    """Return one version of a root of trust as a source has it, None where there is none.

    Raises:
        BrokenIndex: under its tag is something else.
    """
    from clusterbook.trust.tuf_root import LARGEST_ROOT_BYTES

    repository = base.repository(index.REPOSITORY)
    try:
        manifest = base.store.manifest(repository, f"root-{version}")
    except NoArtifact:
        return None
    if manifest.artifact_type != ROOT or len(manifest.layers) != 1:
        raise BrokenIndex(
            f"{_name(base, version)} is not a root of trust", hint="check that it is the base of the right catalog"
        )
    return base.store.read(repository, manifest.layers[0], limit_bytes=LARGEST_ROOT_BYTES)


def follow(base: Base, trust: TrustOptions, context: Context) -> tuple[TrustOptions, str]:
    """Return whom to believe once a source has shown later versions of roots of trust, and what the user has to hear.

    Raises:
        UntrustedRoot: a later version is not signed by enough keys of the one before and of its own.
        ExpiredTufRoot: the newest that can be had has run out.
        BadTufRoot, BrokenIndex: a later version is none.
    """
    policy = trust.policy
    if policy is None or not policy.roots:
        return trust, ""
    warnings: list[str] = []
    signers = tuple(
        _newest(base, each, context, warnings) if isinstance(each, RootOfTrust) else each for each in policy.signers
    )
    return trust._replace(policy=policy._replace(signers=signers)), "; ".join(dict.fromkeys(warnings))


def _newest(base: Base, root: RootOfTrust, context: Context, warnings: list[str]) -> RootOfTrust:
    from clusterbook.trust.root_store import root_store
    from clusterbook.trust.tuf_root import next_root

    store = root_store(context.environment, context.home)
    for _ in range(MOST_VERSIONS):
        data = read_version(base, root.version + 1)
        if data is None:
            break
        root = next_root(root, data, _name(base, root.version + 1))
        if warning := store.keep(root):
            warnings.append(warning)
    refuse_expired(root, context.now, base.store.where)
    return root


def refuse_expired(root: RootOfTrust, now: datetime, where: str) -> None:
    """Raise ExpiredTufRoot where a root of trust has run out and no later one is there."""
    if root.expires <= now:
        from clusterbook.trust.tuf_root import ExpiredTufRoot

        what = f"{root} expired on {root.expires.date()}, and {where} has no newer version"
        raise ExpiredTufRoot(what, hint="use another source, or ask the publisher for a later version")


def check_chain(versions: Sequence[bytes], name: str) -> tuple[RootOfTrust, ...]:
    """Return the versions of one root of trust, each of which has to follow from the one before.

    Raises:
        UntrustedRoot: one does not.
        BadTufRoot: one is none.
    """
    from clusterbook.trust.tuf_root import next_root, read_root

    chain: list[RootOfTrust] = []
    for data in versions:
        chain.append(next_root(chain[-1], data, name) if chain else read_root(data, name))
    return tuple(chain)


def check_target(chain: Sequence[RootOfTrust], target: Base) -> None:
    """Make sure that versions of a root of trust may be put where others are.

    Raises:
        UntrustedRoot: the target has another root under one of the numbers, or a later version than these.
    """
    from clusterbook.trust.tuf_root import UntrustedRoot

    roots = {root.version: root.data for root in chain}
    if not roots:
        return
    for version in root_versions(target):
        if version not in roots and version > max(roots):
            what = f"{_name(target, version)} exists already and is newer than the version to publish"
            raise UntrustedRoot(what, hint=f"pass version {version} as well")
        if version in roots and read_version(target, version) != roots[version]:
            what = f"{_name(target, version)} differs from version {version} that is to be published"
            raise UntrustedRoot(what, hint="find out first which of the two your publisher made")


def check_same(chain: Sequence[RootOfTrust], believed: RootOfTrust) -> None:
    """Make sure that versions of a root of trust lead to the one that is believed, where they reach it.

    Raises:
        UntrustedRoot: they are those of somebody else.
    """
    from clusterbook.trust.tuf_root import UntrustedRoot

    for root in chain:
        if root.version == believed.version and root.data != believed.data:
            what = f"{root.file} has another version {root.version} than {believed}, which was trusted before"
            raise UntrustedRoot(what, hint="do not use it: somebody put it there")


def _name(base: Base, version: int) -> str:
    return f"{base.store.where}: {base.repository(index.REPOSITORY)}:root-{version}"
