"""OCI registries on loopback, with TLS: one that answers the referrers API, and one, distribution, that does not.

`Registry.env` makes programs trust the certificate and know the
password.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import tokens
from tests.interop.certs import Certificates
from tests.interop.processes import Servers, free_ports, listens
from tests.interop.tokens import Tokens
from tests.interop.toolchain import program

USER = "tester"
PASSWORD = "only-on-loopback"  # noqa: S105 - says what it is
# bcrypt of the above, cost 4, as `htpasswd -Bb` writes it; distribution takes nothing else.
_HTPASSWD = "tester:$2y$04$6GEAwVaJAkcs/rFs/SpJ4.yGk3ARKFCaursUYGYT7uh6lasW4rRmm\n"


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry. `host` is what stands before the first slash of a reference.

    It is `localhost` and not an address because Argo CD does not take a reference that starts with 127.0.0.1 for one.
    """

    host: str
    certificates: Certificates
    logins: Path  # a folder with Docker's config.json and Helm's helm.json

    @property
    def env(self) -> dict[str, str]:
        """Environment with which crane, cosign, regctl, Helm and other Go programs trust it and are let in."""
        return {
            **self.certificates.trust,
            "DOCKER_CONFIG": str(self.logins),
            "HELM_REGISTRY_CONFIG": str(self.logins / "helm.json"),
        }


def _registry(folder: Path, certificates: Certificates, port: str | int, *, login: bool) -> Registry:
    """Return the registry that listens on `port`, with the files that let a client in."""
    host = f"localhost:{port}"
    text = json.dumps({"auths": {host: {"auth": _basic()}} if login else {}})
    logins = folder / "logins"
    for name in ("config.json", "helm.json"):
        _write(logins / name, text)
    return Registry(host, certificates, logins)


def _basic() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def with_referrers(
    folder: Path, certificates: Certificates, *, login: bool = False, referrers: bool = True
) -> Iterator[Registry]:
    """Run a registry that answers the referrers API (OCI 1.1); with `login`, for USER and PASSWORD alone."""
    with Servers(folder / "logs") as servers:
        server = servers.start(
            "registry", program("referrers-registry"),
            "-blobs", folder / "blobs", f"-referrers={str(referrers).lower()}",
            "-cert", certificates.certificate, "-key", certificates.key,
            *(("-user", USER, "-password", PASSWORD) if login else ()),
        )  # fmt: skip
        port = server.first_line().rpartition(":")[2]
        yield _registry(folder, certificates, port, login=login)


@contextlib.contextmanager
def with_tokens(folder: Path, certificates: Certificates, *, lifetime_s: int) -> Iterator[tuple[Registry, Tokens]]:
    """Run distribution, which lets in whoever has a token; they are good for so long."""
    issuer = tokens.Tokens(certificates, f"Basic {_basic()}", lifetime_s)
    with tokens.serve(issuer, certificates) as realm:
        asked = {
            "realm": realm, "service": tokens.SERVICE, "issuer": tokens.ISSUER,
            "rootcertbundle": str(certificates.authority),
        }  # fmt: skip
        with distribution(folder, certificates, auth={"token": asked}) as registry:
            yield registry, issuer


@contextlib.contextmanager
def distribution(
    folder: Path, certificates: Certificates, *, login: bool = True, auth: Mapping[str, Any] | None = None
) -> Iterator[Registry]:
    """Run distribution, the registry of Docker and many others, which does not know the referrers API.

    With `login` it asks for a password, unless `auth` says what it asks for.
    """
    (port,) = free_ports(1)
    _write(folder / "htpasswd", _HTPASSWD)
    settings: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {
            "addr": f"127.0.0.1:{port}",
            "tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)},
        },
    }
    if login:
        settings["auth"] = auth or {"htpasswd": {"realm": "clusterbook", "path": str(folder / "htpasswd")}}
    _write(folder / "config.yaml", json.dumps(settings))
    with Servers(folder / "logs") as servers:
        server = servers.start("registry", program("registry"), "serve", folder / "config.yaml")
        server.wait_until(lambda: listens(port), "listening")
        yield _registry(folder, certificates, port, login=login)
