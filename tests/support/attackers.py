"""An attacker for tests: holds the source and not the key, shows any bytes under any name, and is found out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from clusterbook.artifacts.attachment import signature_attachment
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import Base
from clusterbook.publish.send import Sender
from clusterbook.trust.statement import BUNDLE, PROVENANCE
from tests.support.fetchers import NOW, Client
from tests.support.publications import Publisher


class Attacker:
    """Somebody who holds the source: shows any bytes under any name."""

    def __init__(self, home: Path, publisher: Publisher, honest: Path) -> None:
        self.client, self.publisher, self.honest = Client(home / "client", publisher), publisher, honest
        self.shown = home / "shown"
        shutil.copytree(honest, self.shown)
        self.client("index", from_=self.shown)
        self.target = home / "target"

    @property
    def layout(self) -> Layout:
        return Layout(self.shown)

    def show(self, other: Path) -> None:
        """Show another layout in the place of the honest one."""
        shutil.rmtree(self.shown)
        shutil.copytree(other, self.shown)

    def blob(self, digest: str) -> Path:
        """Return the file of a blob."""
        return self.shown / "blobs/sha256" / digest.removeprefix("sha256:")

    def shard(self, slug: str) -> Path:
        """Return the file of the shard that a recipe is in."""
        files = [self.blob(each.digest) for each in self.layout.manifest("index", "latest").layers[1:]]
        return next(path for path in files if f'"{slug}":{{"current"'.encode() in path.read_bytes())

    def strip(self) -> None:
        """Remove every signature."""
        path = self.shown / "index.json"
        document = json.loads(path.read_bytes())
        document["manifests"] = [each for each in document["manifests"] if each.get("artifactType") != BUNDLE]
        path.write_text(json.dumps(document))

    def attach(self, index: Manifest, bundle: bytes) -> None:
        """Attach a signature to an index."""
        Sender(Base(self.layout, ""), 1).attach(
            "index", index.descriptor, signature_attachment(bundle, PROVENANCE, created="")
        )

    def fails(
        self, error: type[ClusterbookError], *, now: datetime = NOW, kinds: Sequence[str] = ("recipe", "bundle")
    ) -> None:
        """Make sure that a fetch ends in an error, and leaves nothing behind."""
        for kind in kinds:
            with pytest.raises(error) as caught:
                self.client(kind, "eks", from_=self.shown, output=self.target, now=now)
            assert caught.value.exit_status == 4
            assert caught.value.hint or caught.value.what
            assert not self.target.exists()
            assert not list(self.target.parent.glob(".target*"))
            assert self.client.seen(self.shown) == 2
        self.show(self.honest)
        self.client("bundle", "eks", from_=self.shown, output=self.target)
        assert self.client.verify(self.target).trust.level == "verified"
