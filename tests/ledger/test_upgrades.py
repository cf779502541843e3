"""Upgrades planned beforehand: each is what the command says, however it was put together."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.release_index import open_release
from clusterbook.ledger.upgrades import NONE, plan_upgrades
from clusterbook.ledger.write_releases import UPGRADES, read_upgrades, write_releases
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.lookup.release_folder import place
from tests.support import ledgers, sites, upgrades
from tests.support.publications import Publisher

HISTORY = pytest.mark.skipif(not (sites.OURS / ".git").exists(), reason="not a git checkout, so no release has sources")


@HISTORY
@pytest.mark.parametrize(("old", "new"), upgrades.covering() if (sites.OURS / ".git").exists() else ())
def test_an_upgrade_is_what_the_command_plans(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert upgrades.ours().plan(old, new) == upgrades.of_command(capsys, old, new)


@HISTORY
def test_the_examples_have_every_kind_of_line() -> None:
    kinds = {kind for pair in upgrades.covering() for kind in upgrades.kinds_of(upgrades.ours().plan(*pair) or {})}
    actions = {f"action {each}" for each in ("comes", "goes", "renamed", "moves", "upgrades", "changes", "stays")}
    assert actions <= kinds
    assert {"undo yes", "undo no", "undo not known", "verdict manual", "verdict unknown", "has unproven"} <= kinds
    assert len(upgrades.covering()) < 30


@HISTORY
def test_versions_that_are_not_adjacent_are_planned_at_once() -> None:
    slug = "h100-eks-ubuntu-training-kubeflow"
    plan = upgrades.ours().plan(f"{slug}@1.0.0", f"{slug}@3.0.0")
    assert plan is not None
    steps = {step["release"]: step for step in plan["spec"]["releases"]}
    assert steps["nodewright-operator"]["before"]["release"] == "skyhook-operator"


@HISTORY
def test_a_recipe_that_is_gone_leads_to_its_successors() -> None:
    plan = upgrades.ours().plan("a100-aks@2.0.1", "a100-aks-ubuntu@1.0.0") or next(
        upgrades.ours().plan(old, new)
        for new, each in upgrades.ours().plans.items()
        for old in each
        if old.startswith("a100-aks@") and new.startswith("a100-aks-ubuntu@")
    )
    assert plan is not None
    assert {step["action"] for step in plan["spec"]["releases"]} & {"upgrades", "changes", "stays"}


@HISTORY
def test_a_version_of_which_no_bundle_can_be_made_is_named_with_why() -> None:
    refused = upgrades.ours().refused
    assert "not a namespace" in refused["h100-gke-cos-training@1.0.0"]
    assert not any(name in plans for name in refused for plans in upgrades.ours().plans.values())


@HISTORY
def test_what_a_release_brought_stands_by_itself() -> None:
    found = 0
    for release in open_ledger(sites.OURS / "registry").releases():
        part = upgrades.ours().to_release(release)
        for new, plans in part.plans.items():
            for old in plans:
                assert part.plan(old, new) == upgrades.ours().plan(old, new)
                found += 1
        for name, entries in part.lists.items():
            assert len({json.dumps(each, sort_keys=True) for each in entries}) == len(entries), name
    assert found == sum(map(len, upgrades.ours().plans.values()))


@pytest.mark.parametrize("written", [False, True])
def test_upgrades_are_the_same_written_beforehand_or_planned_now(
    publisher: Publisher, written: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = publisher.checkout / "registry"
    if written:
        write_releases(registry)
        assert json.loads((Path(place(str(registry))) / UPGRADES).read_text())["plans"]
    facts = read_upgrades(registry)
    monkeypatch.chdir(publisher.checkout)
    main.run(["upgrade", "plan", "eks@1.0.0", "eks@1.1.0", "-t", "json"], dict(os.environ))
    assert facts.plan("eks@1.0.0", "eks@1.1.0") == json.loads(capsys.readouterr().out)
    assert facts.plan("eks@1.1.0", "eks@1.0.0") is None


def test_a_damaged_file_of_upgrades_is_planned_again(publisher: Publisher) -> None:
    registry = publisher.checkout / "registry"
    write_releases(registry)
    for text in ("", "{", "[]", '{"made": 1}'):
        (Path(place(str(registry))) / UPGRADES).write_text(text)
        assert read_upgrades(registry).plans


def test_without_a_ledger_there_are_no_upgrades(tmp_path: Path) -> None:
    assert read_upgrades(tmp_path / "registry") == NONE
    assert write_releases(tmp_path / "registry") == []


def test_a_release_without_sources_refuses_its_versions_and_no_other() -> None:
    def none(release: str) -> IndexFiles:
        return open_release(Path("/nowhere/registry"), release)

    facts = plan_upgrades(Ledger(ledgers.two()), none)
    assert facts.plans == {}
    assert facts.refused.keys() == {"base@1.0.0", "eks@1.0.0", "eks@1.1.0", "aks@1.0.0"} & facts.refused.keys()
    assert facts.releases["eks@1.1.0"] == "2026.7.0"


def test_only_so_many_versions_back_are_planned(publisher: Publisher) -> None:
    registry = publisher.checkout / "registry"
    ledger, index = open_ledger(registry), lambda release: open_release(registry, release)
    assert plan_upgrades(ledger, index, most_versions=1).plans.keys() == {"eks@1.1.0"}
    assert plan_upgrades(ledger, index, most_versions=0).plans == {}
