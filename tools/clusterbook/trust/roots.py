"""Roots: the trusted_root.json of a Sigstore instance, kept up to date by TUF.

A newer one is taken only if the one before it signs for it, and is kept apart from the cache of sigstore's own
programs, which believe whatever lies there. tuf is imported inside its functions. Source: reference row T10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, Unwritable, unreadable
from clusterbook.diagnostics.transport import Unreachable
from clusterbook.oci.reference import is_loopback

PUBLIC = "https://tuf-repo-cdn.sigstore.dev"
"""Sigstore's public instance."""
ROOT = "trusted_root.json"
_BEGINNING = "root.json"
_LARGEST_BYTES = 1 << 20


class UntrustedRepository(ClusterbookError):
    """TUF metadata is not signed by the previous root's keys, is older than what was seen, or has expired.

    The trust root is unchanged. Try again from another network: this may be a man-in-the-middle attack.
    """

    code = "CB211"
    exit_status = 4


class RootUpdate(NamedTuple):
    """A trust root that is up to date: its file, whether it is another one than before, and its digest."""

    file: Path
    changed: bool
    digest: str


def root_file(environment: Mapping[str, str], home: Path, url: str = PUBLIC) -> Path:
    """Return where the trust root of an instance is kept."""
    return data_folder(environment, home) / "roots" / quote(url.rstrip("/"), safe="") / ROOT


def data_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Return where this user's data is. Source: XDG base directory specification."""
    data = Path(environment.get("XDG_DATA_HOME", ""))
    return (data if data.is_absolute() else home / ".local" / "share") / "clusterbook"


def update(file: Path, url: str = PUBLIC, initial_root: Path | None = None) -> RootUpdate:
    """Bring the trust root of an instance up to date.

    Args:
        file: where it is kept (`root_file`).
        url: the instance's TUF repository.
        initial_root: the root.json that is believed to begin with; sigstore's public one is known.

    Raises:
        InvalidRequest: there is nothing to begin with, or no TLS.
        Unreachable: the repository cannot be asked.
        UntrustedRepository: what it shows cannot be believed.
        Unwritable: it cannot be kept.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.netloc)):
        raise InvalidRequest(f"{url} is not an https URL", hint=f"write it as {PUBLIC}")
    bootstrap = _bootstrap_root(file.parent, url, initial_root)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        data = _fetch_root(file.parent, url, bootstrap)
        before = file.read_bytes() if file.is_file() else None
        if data != before:
            from clusterbook.files.write import write_bytes
            from clusterbook.trust.sigstore import check_root

            check_root(data, f"{ROOT} of {url}")
            write_bytes(file, data)
        return RootUpdate(file, data != before, f"sha256:{sha256(data).hexdigest()}")
    except OSError as error:
        raise Unwritable(f"{file} cannot be written: {error.strerror or error}") from error


def _bootstrap_root(folder: Path, url: str, initial_root: Path | None) -> bytes | None:
    """Return the root.json to begin with, None when there is one from the last time."""
    if initial_root is not None:
        try:
            with initial_root.open("rb") as file:
                return file.read(_LARGEST_BYTES)
        except OSError as error:
            raise unreadable(initial_root, error, hint="name a root.json") from error
    if url.rstrip("/") == PUBLIC:
        from importlib.resources import files

        return files("sigstore._store").joinpath(quote(PUBLIC, safe=""), _BEGINNING).read_bytes()
    if not (folder / _BEGINNING).exists():
        hint = "name the root.json of its operator: --root root.json"
        raise InvalidRequest(f"there is no initial root for {url}", hint=hint)
    return None


def _fetch_root(folder: Path, url: str, bootstrap: bytes | None) -> bytes:
    """Return the trust root that a repository vouches for."""
    from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
    from tuf.ngclient.updater import Updater

    base = url.rstrip("/") + "/"
    try:
        updater = Updater(str(folder), base, str(folder), urljoin(base, "targets/"), bootstrap=bootstrap)
        updater.refresh()
        target = updater.get_targetinfo(ROOT)
        if target is None:
            raise UntrustedRepository(
                f"{url} has no {ROOT}", hint="check that it is the TUF repository of a Sigstore instance"
            )
        path = updater.download_target(target, str(folder / f".{ROOT}"))
        return Path(path).read_bytes()
    except RepositoryError as error:
        hint = "the trust root is unchanged; try again from another network"
        raise UntrustedRepository(f"{url} cannot be trusted: {_reason(error)}", hint=hint) from error
    except DownloadHTTPError as error:
        raise Unreachable(f"{url} returned status {error.status_code}", hint="check the URL") from error
    except DownloadError as error:
        hint = "check the network; or copy trusted_root.json over and name it with --trust-root"
        if "NameResolutionError" in _reason(error):
            raise Unreachable(f"{urlsplit(url).netloc}: no such host", hint=hint) from error
        raise Unreachable(f"{url} cannot be reached: {_reason(error)}", hint=hint) from error


def _reason(error: Exception) -> str:
    text = str(error) or str(error.__cause__ or "") or type(error).__name__
    return " ".join(re.sub(r"HTTPS?ConnectionPool\(.*?\): ", "", text).split())[:160]
