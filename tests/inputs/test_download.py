"""A document behind a URL: it comes whole or not at all, and nothing secret is said about it."""

from __future__ import annotations

import http.server
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import ClusterbookError, NotFound
from clusterbook.diagnostics.transport import AccessDenied, BadReference, RateLimited, TimedOut, Unreachable
from clusterbook.inputs import download
from clusterbook.inputs.download import read_address
from tests.support.servers.certificates import authority_and_server
from tests.support.servers.loopback import listening
from tests.support.servers.site import Fault, Site, serving


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "a.yaml").write_text("kind: RecipeCriteria\n")
    with serving(Site(tmp_path)) as found:
        yield found


def test_what_is_there_comes_and_no_more_than_is_asked_for(site: Site) -> None:
    assert read_address(f"{site.address}/a.yaml", 1000) == b"kind: RecipeCriteria\n"
    assert read_address(f"{site.address}/a.yaml", 4) == b"kind"


def test_a_redirect_is_followed_though_not_to_what_is_not_the_web(site: Site) -> None:
    site.faults = [Fault("moved", status=302, headers={"Location": f"{site.address}/a.yaml"})]
    assert read_address(f"{site.address}/moved", 1000) == b"kind: RecipeCriteria\n"
    for where in ("ftp://127.0.0.1/x", "file:///etc/passwd"):
        site.faults = [Fault("moved", status=302, headers={"Location": where})]
        with pytest.raises(ClusterbookError):
            read_address(f"{site.address}/moved", 1000)


@pytest.fixture
def tls_site(tmp_path: Path, site: Site) -> Iterator[tuple[str, str]]:
    """Give the address of a site with TLS that sends everybody to one without, and the file with its authority."""

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path.startswith("/moved") else 200)
            self.send_header("Location", f"{site.address}/a.yaml?t=secret")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None: ...

    context, authority = authority_and_server(tmp_path / "tls")
    with listening(Elsewhere, tls=context) as port:
        yield f"https://127.0.0.1:{port}", authority


def test_a_redirect_that_leaves_tls_is_not_followed(tls_site: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    address, authority = tls_site
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    with pytest.raises(Unreachable, match="not safe") as caught:
        read_address(f"{address}/moved?token=secret", 1000)
    assert "secret" not in str(caught.value)


def test_the_authorities_of_this_machine_are_trusted_and_no_others(
    tls_site: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, authority = tls_site
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    with pytest.raises(Unreachable, match="TLS failed") as caught:
        read_address(f"{address}/a.yaml", 1000)
    assert "SSL_CERT_FILE" in caught.value.hint
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    assert read_address(f"{address}/a.yaml", 1000) == b"ok"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AccessDenied), (404, NotFound), (429, RateLimited), (503, Unreachable), (504, TimedOut), (204, Unreachable)],
)
def test_an_answer_other_than_a_good_one_is_asked_for_once(
    site: Site, status: int, error: type[ClusterbookError]
) -> None:
    site.faults = [Fault("a.yaml", status=status, headers={"WWW-Authenticate": f'Bearer realm="{site.address}/t"'})]
    with pytest.raises(error):
        read_address(f"{site.address}/a.yaml", 1000)
    assert len(site.asked) == 1


def test_a_body_that_breaks_off_is_not_taken_for_the_whole(site: Site) -> None:
    site.faults = [Fault("a.yaml", cut=5)]
    with pytest.raises(Unreachable, match="the connection was closed"):
        read_address(f"{site.address}/a.yaml", 1000)


def test_an_answer_that_does_not_come_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    site.faults = [Fault("a.yaml", silent_s=1)]
    with pytest.raises(TimedOut):
        read_address(f"{site.address}/a.yaml", 1000)


@pytest.mark.parametrize(
    "where", ["http://", "http://127.0.0.1:x/", "http://[::1/", "http://127.0.0.1:0/x", "http://a b/"]
)
def test_what_is_no_address_is_refused(where: str) -> None:
    with pytest.raises(BadReference):
        read_address(where, 1000)


def test_a_password_is_never_repeated() -> None:
    with pytest.raises(BadReference) as caught:
        read_address("http://ann:secret@127.0.0.1/x", 1000)
    assert "secret" not in str(caught.value)
