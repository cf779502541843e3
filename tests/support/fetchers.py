"""Those who fetch and verify, for tests: each has a home and a clock of their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clusterbook.artifacts.memory import memory
from clusterbook.cli import fetch
from clusterbook.cli.command import Request, Value
from clusterbook.cli.reply import Reply
from clusterbook.files.context import Context
from clusterbook.oci.open import absolute
from clusterbook.verify import verify
from clusterbook.verify.verdict import VerificationReport
from clusterbook.verify.verifier import Verifier
from tests.support.publications import START, Publisher

NOW = START + timedelta(days=1)


class Client:
    """Somebody who believes a publisher, unless a call says otherwise; flags are keywords, `from_` for --from."""

    def __init__(self, home: Path, publisher: Publisher) -> None:
        self.home, self.publisher = home, publisher

    def __call__(self, kind: str, which: str = "", *, now: datetime = NOW, **words: Any) -> Reply:
        """Fetch something."""
        return fetch.fetch(kind, self._request({**words, "which": which or None}), Context({}, self.home, now))

    def verify(self, where: object, *, now: datetime = NOW, **words: Any) -> VerificationReport:
        """Verify something."""
        request, around = self._request(words), Context({}, self.home, now)
        choice, access = fetch.read_choice(request), fetch.read_access(request, around)
        published_in, withdrawn = request.values.get("published_in"), request.says("allow_withdrawn")
        return verify.verify(str(where), Verifier(choice, access, around, published_in, withdrawn=withdrawn))

    def seen(self, source: object) -> int | None:
        """Return the number of the index that is remembered of a source."""
        found = memory({}, self.home).recall(absolute(str(source)))
        return found.sequence if found else None

    def _request(self, words: dict[str, Any]) -> Request:
        repeated = ("key", "trust_root")
        given: dict[str, Value] = {
            name.removesuffix("_"): value
            if value is None or value is True
            else (str(value),)
            if name in repeated
            else str(value)
            for name, value in words.items()
        }
        if not {"key", "policy", "config", "tuf_root"} & words.keys():
            given["key"] = (str(self.publisher.key),)
        return Request.of(given)
