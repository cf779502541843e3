"""Root store: the newest version of each root of trust that was seen, kept by the one that a user began with.

So a key that was revoked stays revoked where no source can be asked. What is kept and cannot be read is an error: to
begin anew would be to believe again what was revoked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.oci.blob_file import lock_file
from clusterbook.trust.policy import Policy, RootOfTrust
from clusterbook.trust.roots import data_folder
from clusterbook.trust.tuf_root import LARGEST_ROOT_BYTES, BadTufRoot, read_root


class RootStore(NamedTuple):
    """The folder with one file for each root of trust that somebody began with."""

    folder: Path

    def newest(self, first: RootOfTrust) -> RootOfTrust:
        """Return the version that counts of the root that a user began with.

        Raises:
            BadTufRoot: what is kept of it cannot be read.
        """
        file = self.file(first)
        try:
            with file.open("rb") as opened:
                data = opened.read(LARGEST_ROOT_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return first
        except OSError as error:
            raise self._damage(first, str(error.strerror)) from error
        try:
            newest = read_root(data, str(file))
        except ClusterbookError as error:
            raise self._damage(first, "it is not a root of trust") from error
        if newest.version < first.version:
            return first
        named = tuple(key._replace(file=key.file.replace(str(file), first.file, 1)) for key in newest.keys)
        return newest._replace(file=first.file, first=first.first, keys=named)

    def keep(self, newer: RootOfTrust) -> str:
        """Keep a later version; return what the user has to hear, "" when all went well."""
        file = self.file(newer)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with lock_file(file.with_suffix(".lock")):
                if not file.exists() or self.newest(newer._replace(version=0)).version < newer.version:
                    fresh = file.with_suffix(f".{os.getpid()}")
                    with fresh.open("wb") as opened:
                        opened.write(newer.data)
                        opened.flush()
                        os.fsync(opened.fileno())
                    fresh.replace(file)
        except OSError as error:
            what = "a revoked key would be trusted again next time"
            return f"{file} cannot be written ({error.strerror}): {what}"
        return ""

    def file(self, first: RootOfTrust) -> Path:
        """Return where the later versions of a root of trust are kept."""
        return self.folder / f"{first.first[:32]}.json"

    def _damage(self, first: RootOfTrust, why: str) -> BadTufRoot:
        file = self.file(first)
        hint = f"get a newer {first.file} from its publisher, or remove {file} to start over with the one you have"
        return BadTufRoot(f"{file}, the newest version seen of {first.file}, is damaged: {why}", hint=hint)


def root_store(environment: Mapping[str, str], home: Path) -> RootStore:
    """Return where this user's roots of trust are kept."""
    return RootStore(data_folder(environment, home) / "tuf-roots")


def newest_roots(policy: Policy, environment: Mapping[str, str], home: Path) -> Policy:
    """Return a policy with the version that counts of each root of trust. Raises BadTufRoot."""
    if not policy.roots:
        return policy
    store = root_store(environment, home)
    signers = (store.newest(each) if isinstance(each, RootOfTrust) else each for each in policy.signers)
    return policy._replace(signers=tuple(signers))
