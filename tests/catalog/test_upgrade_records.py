"""Upgrade records of a tree: which are read, and that a bad one of somebody else costs what it says and no recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from clusterbook.lookup.find import open_shelf
from clusterbook.lookup.format import HEAD
from tests.support.trees import build, load, shared_folder
from tests.transition.test_record import RECORD

PATH = "components/grove/upgrades.yaml"
FILES = {
    "registry.yaml": """\
kind: ComponentRegistry
components:
- name: grove
  helm: {defaultRepository: oci://example.org/charts, defaultChart: grove, defaultVersion: 0.1.0-alpha.13}
  upgrades: {file: components/grove/upgrades.yaml}
- name: plain
""",
    PATH: RECORD,
}


def test_the_records_that_a_registry_names_are_read() -> None:
    for strict in (True, False):
        found = load(FILES, strict=strict)
        assert list(found.upgrades) == ["grove"]
        assert found.upgrades["grove"].file == PATH
        assert [each.verdict for each in found.upgrades["grove"].transitions] == ["manual", "safe"]


def test_a_file_that_no_registry_names_is_no_record() -> None:
    registry = FILES["registry.yaml"].replace(f"  upgrades: {{file: {PATH}}}\n", "")
    assert load({**FILES, "registry.yaml": registry}).upgrades == {}


def test_our_own_record_that_is_not_understood_is_refused() -> None:
    with pytest.raises(SourceErrors) as caught:
        load({**FILES, PATH: RECORD.replace("verdict: manual", "verdict: maybe")})
    assert [(str(each.place), each.code) for each in caught.value.findings] == [(f"{PATH}:7:14", "CB010")]


@pytest.mark.parametrize("text", [RECORD.replace("verdict: manual", "verdict: maybe"), "", "a: [", "- 1\n"])
def test_a_record_of_others_that_is_not_understood_says_nothing_and_costs_no_recipe(text: str) -> None:
    found = load({**FILES, PATH: text}, strict=False)
    assert found.upgrades == {}
    assert [each.severity for each in found.findings] == ["warning"] * len(found.findings) != []
    assert not found.broken


def test_an_index_and_its_sources_give_the_same_records(tmp_path: Path) -> None:
    write_folder(tmp_path / "index", list(index_parts(build(FILES))), marker=HEAD)
    kept, resolved = open_shelf(str(tmp_path / "index")).upgrade_records(), load(FILES).upgrades
    assert {name: each.transitions for name, each in kept.items()} == {
        name: each.transitions for name, each in resolved.items()
    }


def test_all_records_of_november_are_read() -> None:
    tree = shared_folder("reference/2026.11")
    found = load_catalog(read_tree(tree)).upgrades
    assert {name: [each.verdict for each in record.transitions] for name, record in found.items()} == {
        "nvsentinel": ["manual"],
        "gpu-operator": ["safe"],
        "nodewright-operator": ["manual", "safe"],
        "k8s-aibom": ["manual"],
        "grove": ["manual", "manual"],
    }
    jump = found["grove"].crossed("v0.1.0-alpha.8", "v0.1.0-alpha.12")
    assert [step.id for step in jump[0].steps("helm")] == ["delete-legacy-crd", "apply-new-crds", "rerun-installer"]
    assert len(found["grove"].crossed("v0.1.0-alpha.8", "v0.1.0-alpha.13")) == 2
