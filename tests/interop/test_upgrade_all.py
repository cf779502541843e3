"""What counts upgrades counts right: what differs is named, what is kept on purpose is not, and a few routes cover all.

One recipe goes through every release with charts that stand in for upstream's; once killed at random moments.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import upgrade_all
from tests.interop.charts import ChartServers
from tests.interop.deployment import Name
from tests.interop.upgrade_all import Route, covering, differences, open_routes, plain

SMALL = "a100"
Opened = tuple[ChartServers, list[Route]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Give the servers of the charts of all releases, and every route."""
    with open_routes(tmp_path_factory.mktemp("routes"), (), real=False) as found:
        yield found


def config_map(name: str = "one", **data: str) -> tuple[Name, dict[str, Any]]:
    """Return a ConfigMap of a namespace."""
    metadata = {"name": name, "namespace": "gpu", "uid": "1", "annotations": {"deployment.kubernetes.io/revision": "2"}}
    return Name("/api/v1/configmaps", "gpu", name), {"metadata": metadata, "data": data}


def state(*objects: tuple[Name, dict[str, Any]]) -> dict[Name, Any]:
    return {name: plain(name, each) for name, each in objects}


def test_what_differs_is_missing_or_left_over_is_named() -> None:
    reached = state(config_map("both", a="1"), config_map("old"))
    wanted = state(config_map("both", a="2"), config_map("new"))
    assert list(differences(reached, wanted)) == [
        "configmaps gpu/both differs at /data/a: ('2',) is ('1',)",
        "configmaps gpu/new is missing",
        "configmaps gpu/old is left over",
    ]


def test_what_tells_one_cluster_from_another_is_no_difference() -> None:
    name, one = config_map(a="1")
    other = {**one, "metadata": {**one["metadata"], "uid": "2", "annotations": {}}}
    assert list(differences(state((name, one)), state((name, other)))) == []


@pytest.mark.parametrize("kinds", ["/api/v1/namespaces", "/api/v1/persistentvolumeclaims"])
def test_what_an_upgrade_keeps_on_purpose_may_be_there(kinds: str) -> None:
    kept = Name(kinds, "gpu", "kept")
    assert list(differences(state((kept, {"metadata": {"name": "kept"}})), {})) == []


def test_a_few_routes_upgrade_each_release_in_each_way(opened: Opened) -> None:
    _, every = opened
    some = covering(every)
    assert len(some) < len(every)
    assert set().union(*(route.steps() for route in some)) == set().union(*(route.steps() for route in every))


@pytest.mark.parametrize("seed", [None, 7])
def test_a_recipe_ends_as_if_installed_anew_killed_or_not(opened: Opened, seed: int | None, tmp_path: Path) -> None:
    servers, every = opened
    route = next(each for each in every if SMALL in each.slugs)
    dice = None if seed is None else random.Random(seed)  # noqa: S311 (moments, not secrets)
    assert upgrade_all.upgraded(route, servers, tmp_path, dice=dice, back=seed is None) == []


def test_a_recipe_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert upgrade_all.main(["h100-moon"]) == 2
    assert "no recipe h100-moon" in capsys.readouterr().err
