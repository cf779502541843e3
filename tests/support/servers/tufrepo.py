"""A TUF repository in a folder, with a trusted_root.json in it, as a Sigstore instance has one. Only for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

ROLES = ("root", "targets", "snapshot", "timestamp")


class TufRepository:
    """A repository below `folder`; whoever holds `signer` may write it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = CryptoSigner.generate_ed25519()
        self.root = Root(consistent_snapshot=True)
        for role in ROLES:
            self.root.add_key(self.signer.public_key, role)
        self.version = 0

    def publish(self, trusted_root: bytes, *, days: int = 365, root: bool = True) -> None:
        """Write the next version of everything, good for some days."""
        self.version += 1
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        targets = self.folder / "targets"
        targets.mkdir(parents=True, exist_ok=True)
        (targets / f"{sha256(trusted_root).hexdigest()}.trusted_root.json").write_bytes(trusted_root)
        kept = Targets(self.version, expires=until)
        kept.targets["trusted_root.json"] = TargetFile.from_data("trusted_root.json", trusted_root, ["sha256"])
        self._write(kept, f"{self.version}.targets.json")
        snapshot = Snapshot(self.version, expires=until, meta={"targets.json": MetaFile(self.version)})
        self._write(snapshot, f"{self.version}.snapshot.json")
        self._write(Timestamp(self.version, expires=until, snapshot_meta=MetaFile(self.version)), "timestamp.json")
        if root:
            self.root.version, self.root.expires = self.version, until
            self._write(self.root, f"{self.version}.root.json")

    def _write(self, signed: Root | Targets | Snapshot | Timestamp, name: str) -> None:
        metadata = Metadata(signed)
        metadata.sign(self.signer)
        metadata.to_file(str(self.folder / name))
