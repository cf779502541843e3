"""Those who fetch and verify, for tests: each has a home and a clock of their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clusterbook.artifacts.memory import memory
from clusterbook.cli import fetch as fetching
from clusterbook.cli.reply import Reply
from clusterbook.files.context import Context
from clusterbook.oci.open import absolute
from clusterbook.verify import verify as verifying
from clusterbook.verify.verdict import Verdict
from clusterbook.verify.verifier import Verifier
from tests.support.publications import START, Publisher

NOW = START + timedelta(days=1)


class Client:
    """Somebody who believes a publisher, unless a call says otherwise; flags are keywords, `from_` for --from."""

    def __init__(self, home: Path, publisher: Publisher) -> None:
        self.home, self.publisher = home, publisher

    def __call__(self, kind: str, which: str = "", *, now: datetime = NOW, **words: Any) -> Reply:
        """Fetch something."""
        return fetching.respond(kind, self._words(words), which, Context({}, self.home, now))

    def verify(self, where: object, *, now: datetime = NOW, **words: Any) -> Verdict:
        """Verify something."""
        given, around = self._words(words), Context({}, self.home, now)
        published_in = given["published_in"][0] if "published_in" in given else None
        verifier = Verifier(fetching.choice_of(given), fetching.access_of(given, around), around, published_in)
        return verifying.verify(str(where), verifier)

    def seen(self, source: object) -> int | None:
        """Return the number of the index that is remembered of a source."""
        found = memory({}, self.home).recall(absolute(str(source)))
        return found.sequence if found else None

    def _words(self, words: dict[str, Any]) -> dict[str, list[str]]:
        given = {key.removesuffix("_"): [str(value)] for key, value in words.items() if value is not None}
        if not {"key", "policy", "config"} & words.keys():
            given["key"] = [str(self.publisher.key)]
        return given
