"""A document behind a URL: it comes whole or not at all, and nothing secret is said about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import BadReference, TimedOut, Unreachable
from clusterbook.inputs import download as addressed
from clusterbook.inputs.download import read_address
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


def test_a_redirect_that_leaves_tls_is_not_followed() -> None:
    from email.message import Message
    from io import BytesIO
    from urllib.request import Request

    request = Request("https://127.0.0.1/a.yaml?token=secret")
    with pytest.raises(Unreachable, match="not safe") as caught:
        addressed._Redirects().redirect_request(
            request, BytesIO(), 302, "", Message(), "http://127.0.0.1/a.yaml?t=secret"
        )  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_a_body_that_breaks_off_is_not_taken_for_the_whole(site: Site) -> None:
    site.faults = [Fault("a.yaml", cut=5)]
    with pytest.raises(Unreachable, match="breaks off"):
        read_address(f"{site.address}/a.yaml", 1000)


def test_an_answer_that_does_not_come_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addressed, "TIMEOUT_S", 0.2)
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
