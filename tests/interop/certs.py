"""A certificate authority for loopback, made anew for each run; nothing else is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of one authority and of the one server certificate that it issued."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def trust(self) -> dict[str, str]:
        """Environment that makes a Go program trust this authority, and no other."""
        return {"SSL_CERT_FILE": str(self.authority), "SSL_CERT_DIR": str(self.authority.parent / "none")}


def issue(folder: Path) -> Certificates:
    """Write an authority and a certificate for this machine's loopback names into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Clusterbook tests")
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(str(files.authority))
    for index, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(str(files.certificate), append=index > 0)
    server.private_key_pem.write_to_path(str(files.key))
    files.key.chmod(0o600)
    return files
