"""What a publisher has published, for tests of those who fetch it: the releases of March and July, and a withdrawal.

Signed with a key, or by whoever a test says. Dated 2020 and good for a lifetime, so that a process with a real clock
can fetch them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.cli import build_main
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.open import Base
from clusterbook.publish.publish import Destination, publish
from clusterbook.publish.release import Publication, PublishRequest, prepare
from clusterbook.trust.policy import Key, Policy, TrustOptions
from clusterbook.trust.sign import KeySigner, Signer
from tests.support import checkouts, ledgers
from tests.support.checkouts import JULY, MARCH
from tests.support.servers.certificates import private_pem

START, LIFETIME = datetime(2020, 1, 1, tzinfo=UTC), timedelta(days=100 * 365)


class Publisher(NamedTuple):
    """Whoever publishes: a checkout with a ledger, and a key, `FOLDER/our.key` with `our.pub` beside it."""

    checkout: Path
    signer: KeySigner

    @property
    def key(self) -> Path:
        """The file with the public key."""
        return self.checkout.parent / "our.pub"

    @property
    def policy(self) -> Policy:
        """The policy that believes the key."""
        return Policy((Key(str(self.key), self.signer.public_pem()),))

    def publish(
        self,
        base: Base,
        release: str = JULY,
        *,
        signer: Signer | None = None,
        policy: Policy | None = None,
        unsigned: bool = False,
        change: Callable[[Publication], Publication] = lambda found: found,
        lifetime: timedelta = LIFETIME,
    ) -> None:
        """Publish a release, dated START or as `change` says."""
        request = PublishRequest(release, self.checkout / "recipes", self.checkout / "registry")
        found = change(dataclasses.replace(prepare(request), issued=START))
        believed = TrustOptions(policy or self.policy, unsigned=True)
        publish(found, Destination(base, None if unsigned else signer or self.signer, believed, lifetime=lifetime))

    def withdraw(self, slug: str, version: str, replacement: str) -> None:
        """Withdraw a version; what is published from now on says so."""
        before = Path.cwd()
        os.chdir(self.checkout)
        try:
            words = [slug, version, "--reason", "it burns", "--replacement", replacement]
            assert build_main.run(["withdraw", *words]) == 0
        finally:
            os.chdir(before)


def publisher(
    folder: Path, march: Mapping[str, str] = ledgers.MARCH, july: Mapping[str, str] = ledgers.JULY
) -> Publisher:
    """Return a publisher whose checkout, of the sources of two releases, and keys are below `folder`."""
    checkout = folder / "checkout"
    checkout.mkdir()
    pem = private_pem(ed25519.Ed25519PrivateKey.generate())
    (folder / "our.key").write_bytes(pem)
    found = Publisher(checkouts.released(checkout, march, july), KeySigner.from_file(folder / "our.key", {}))
    found.key.write_text(found.signer.public_pem())
    return found


def layout(path: Path) -> Base:
    """Return a layout to publish to."""
    return Base(Layout(path, create=True), "")


__all__ = ["JULY", "LIFETIME", "MARCH", "START", "Publisher", "layout", "publisher"]
