"""What several tests of the client start from: a catalog that is published, and somebody who fetches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import publications
from tests.fetchers import Client
from tests.publications import JULY, MARCH, Publisher


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Give a publisher whose ledger nobody changes."""
    return publications.publisher(tmp_path_factory.mktemp("publisher"))


@pytest.fixture(scope="session")
def july(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a layout with both releases; nobody changes it."""
    path = tmp_path_factory.mktemp("july") / "layout"
    for release in (MARCH, JULY):
        publisher.publish(publications.layout(path), release)
    return path


@pytest.fixture
def client(tmp_path: Path, publisher: Publisher) -> Client:
    """Give somebody who has fetched nothing yet."""
    return Client(tmp_path / "home", publisher)
