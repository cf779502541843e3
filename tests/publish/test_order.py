"""Publishing in what order: nothing has a name before it is signed, and `latest` never goes back.

Attacks: findings 1 and "concurrent runs" of the review of trust.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from clusterbook.artifacts.open import open_index
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Unreachable
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.open import Base
from clusterbook.publish.publish import Destination, publish
from clusterbook.publish.release import Publication, PublishRequest, prepare
from clusterbook.trust.policy import TrustOptions
from tests.support import publications
from tests.support.publications import JULY, MARCH, START, Publisher
from tests.support.visible import Interrupted, check_visible, everything, fails_from, latest

REPOSITORIES = (*(f"{kind}/{slug}" for kind in ("recipes", "helm") for slug in ("base", "aks", "eks", "gke")), "index")


@pytest.fixture(scope="module")
def releases(publisher: Publisher) -> dict[str, Publication]:
    """Give both releases, with bundles for helm alone."""
    made = {}
    for name in (MARCH, JULY):
        request = PublishRequest(name, publisher.checkout / "recipes", publisher.checkout / "registry", ("helm",))
        made[name] = dataclasses.replace(prepare(request), issued=START)
    return made


def destination(publisher: Publisher, base: Base) -> Destination:
    return Destination(base, publisher.signer, TrustOptions(publisher.policy), jobs=1, lifetime=publications.LIFETIME)


@pytest.mark.parametrize("there", ["", MARCH], ids=["nothing there", "an older one there"])
def test_publishing_resumes_after_an_outage_at_any_operation_and_shows_nothing_unsigned(
    publisher: Publisher, releases: dict[str, Publication], there: str
) -> None:
    before, whole = Interrupted(), Interrupted()
    for store, names in ((before, [there]), (whole, [there, JULY])):
        for name in filter(None, names):
            publish(releases[name], destination(publisher, Base(store, "")))
    count = whole.operations - before.operations
    assert count > 60
    for number in range(count):
        store = Interrupted()
        base = Base(store, "")
        store.blobs, store.manifests, store.names = (dict(each) for each in everything(before))
        store.before = fails_from(number)
        with pytest.raises(Unreachable):
            publish(releases[JULY], destination(publisher, base))
        store.before = lambda _: None
        check_visible(base, REPOSITORIES, publisher.policy)
        assert latest(base, publisher.policy) in (there, JULY)
        publish(releases[JULY], destination(publisher, base))
        assert everything(store) == everything(whole)


@pytest.mark.parametrize(("first", "second"), [(MARCH, JULY), (JULY, MARCH)])
def test_two_publishes_at_once_never_leave_an_older_latest(
    publisher: Publisher, releases: dict[str, Publication], first: str, second: str
) -> None:
    counting = Interrupted()
    publish(releases[first], destination(publisher, Base(counting, "")))
    for number in range(0, counting.operations, 5):
        for at in (number, counting.operations - 1 - number // 5):
            store = Interrupted()
            base = Base(store, "")

            def other(operation: int, at: int = at, base: Base = base) -> None:
                if operation == at:
                    publish(releases[second], destination(publisher, base))

            store.before = other
            publish(releases[first], destination(publisher, base))
            store.before = lambda _: None
            assert latest(base, publisher.policy) == JULY, at
            check_visible(base, REPOSITORIES, publisher.policy)


def test_a_release_that_is_published_late_leaves_latest_where_it_is(
    publisher: Publisher, releases: dict[str, Publication]
) -> None:
    base = Base(Interrupted(), "")
    for name in (JULY, MARCH):
        publish(releases[name], destination(publisher, base))
    assert latest(base, publisher.policy) == JULY
    assert (
        open_index(base, TrustOptions(publisher.policy), now=None, previous=None, tag=MARCH).envelope.release == MARCH
    )


def test_latest_that_was_moved_back_by_hand_is_moved_on_by_the_next_publish(
    publisher: Publisher, releases: dict[str, Publication]
) -> None:
    base = Base(Interrupted(), "")
    for name in (MARCH, JULY):
        publish(releases[name], destination(publisher, base))
    base.store.put_manifest("index", base.store.manifest("index", MARCH), tag="latest")
    publish(releases[MARCH], destination(publisher, base))
    assert latest(base, publisher.policy) == JULY


def test_a_layout_lists_each_artifact_once_and_in_the_same_order(
    publisher: Publisher, releases: dict[str, Publication], tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        base = Base(Layout(tmp_path / folder, create=True), "")
        for name in (MARCH, JULY):
            publish(releases[name], dataclasses.replace(destination(publisher, base), jobs=8))
    one, two = ((tmp_path / folder / "index.json").read_bytes() for folder in ("one", "two"))
    assert one == two
    entries = Layout(tmp_path / "one").listing().entries()
    named = {entry.digest for entry in entries if entry.annotations.get("org.opencontainers.image.ref.name")}
    assert not [
        entry
        for entry in entries
        if entry.digest in named and not entry.annotations.get("org.opencontainers.image.ref.name")
    ]


def test_an_unsigned_latest_of_somebody_else_is_refused_before_anything_is_sent(
    publisher: Publisher, releases: dict[str, Publication]
) -> None:
    store = Interrupted()
    publisher.publish(Base(store, ""), MARCH, unsigned=True)
    before = [dict(each) for each in everything(store)]
    with pytest.raises(ClusterbookError):
        publish(releases[JULY], destination(publisher, Base(store, "")))
    assert [dict(each) for each in everything(store)] == before
