"""Fleets: one table about many snapshots, the worst first."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support import indexes
from tests.support.clusters import FILES

OTHER = "v1.28.1"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(indexes.write_index(tmp_path_factory.mktemp("fleet")))


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Return a folder with a good cluster, and one that is no EKS and lacks a release."""
    other: dict[str, Any] = json.loads(json.dumps(FILES["h100-eks"]).replace("v1.33.5-eks-3025e55", OTHER))
    other["releases"] = [each for each in other["releases"] if each["name"] != "gpu-operator"]
    folder = tmp_path / "fleet"
    (folder / "west").mkdir(parents=True)
    (folder / "a-good.json").write_text(json.dumps(FILES["h100-eks"]))
    (folder / "west" / "b-other.json").write_text(json.dumps(other))
    (folder / "notes.txt").write_text("no snapshot")
    return folder


def test_a_folder_is_one_table_and_whom_nothing_fits_comes_first(index: str, fleet: Path) -> None:
    said = indexes.run("fit", str(fleet), "--source", index)
    lines = [line.split() for line in said.out.splitlines()]
    assert [line[0] for line in lines] == ["CLUSTER", "west/b-other.json", "a-good.json"]
    assert lines[2][3] == "h100-eks-training"
    assert "clusters fit a recipe" in said.err


def test_several_files_are_a_fleet_and_json_has_every_recipe(index: str, fleet: Path) -> None:
    files = [str(fleet / "a-good.json"), str(fleet / "west" / "b-other.json")]
    found = json.loads(indexes.run("fit", *files, "--source", index, "-t", "json").out)
    good = next(each for each in found if each["cluster"] == files[0])
    assert good["best"] == "h100-eks-training"
    assert {each["fit"] for each in good["recipes"]} == {"fits", "misses"}


def test_a_cluster_that_fits_nothing_is_ten(index: str, tmp_path: Path) -> None:
    bare = {"kind": "Snapshot", "measurements": [
        {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": OTHER}}]}]}  # fmt: skip
    (tmp_path / "bare.json").write_text(json.dumps(bare))
    assert indexes.run("fit", str(tmp_path), "--source", index).status == 10


def test_what_cannot_be_read_is_a_row_and_two(index: str, fleet: Path) -> None:
    (fleet / "broken.yaml").write_text("kind: Pod\n")
    said = indexes.run("fit", str(fleet), "--source", index)
    assert said.status == 2
    assert said.out.splitlines()[1].startswith("broken.yaml")
    assert len(said.out.splitlines()) == 4


def test_a_folder_without_snapshots_and_nodes_of_a_fleet_are_refused(index: str, fleet: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert indexes.run("fit", str(tmp_path / "empty"), "--source", index).status == 2
    assert indexes.run("fit", str(fleet), "--pool", "x", "--source", index).status == 2


def test_a_recipe_is_held_against_every_cluster_of_a_folder(fleet: Path) -> None:
    line = ("diff", "h100-eks-ubuntu-training-kubeflow", str(fleet))
    said = indexes.run(*line)
    assert [row.split()[0] for row in said.out.splitlines()] == ["CLUSTER", "west/b-other.json", "a-good.json"]
    assert said.status == 0
    assert indexes.run(*line, "--exit-code").status == 10
    found = json.loads(indexes.run(*line, "-t", "json").out)
    paths = {change["path"] for change in found[0]["changes"]}
    assert "components.gpu-operator" in paths


def test_a_baseline_is_held_against_every_cluster_of_a_folder(fleet: Path) -> None:
    said = indexes.run("diff", str(fleet / "a-good.json"), str(fleet), "-t", "markdown")
    assert said.out.splitlines()[1] == "|---|---|---|---|---|---|---|"
    assert said.out.splitlines()[3].endswith("| as desired, as far as measured |")  # no values of Helm releases


FORGED = "v1\x1b[8m\n  passed  nothing\r\u202e|<img src=x>`"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_what_strangers_wrote_stays_in_its_cell(fleet: Path, form: str) -> None:
    document = json.loads((fleet / "a-good.json").read_text(encoding="utf-8"))
    (fleet / "west" / "c\n  passed.json").write_text(json.dumps(forged(document)), encoding="utf-8")
    said = indexes.run("diff", str(fleet / "a-good.json"), str(fleet), "-t", form)
    lines = said.out.splitlines()
    assert len(lines) == (5 if form == "markdown" else 4)
    assert said.out.replace("\n", "").isprintable()
    if form == "markdown":
        assert all(line.count("|") - line.count("\\|") == 8 for line in lines)
        assert all("`" in line.split("|")[1] for line in lines[2:])


def forged(value: Any) -> Any:
    """Return a document whose texts end in what a terminal or a page would obey, but those that say what they are."""
    if isinstance(value, dict):
        fixed = ("type", "subtype", "kind", "apiVersion", "state")
        return {key: each if key in fixed else forged(each) for key, each in value.items()}
    if isinstance(value, list):
        return [forged(each) for each in value]
    return value + FORGED if isinstance(value, str) else value


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "{taken}"),
        ("validate", "h100-eks-training", "-s", "{taken}", "--no-cluster"),
        ("recipe", "-s", "{taken}", "--intent", "training", "--allow-inherited", "-o", "{folder}/recipe.yaml"),
        ("diff", "{folder}/a-good.json", "{taken}"),
        ("diff", "h100-eks-training", "{taken}", "-t", "markdown"),
    ],
)
def test_a_note_has_one_line_whatever_a_snapshot_says(fleet: Path, words: tuple[str, ...]) -> None:
    taken = fleet / "forged.json"
    document = json.loads((fleet / "a-good.json").read_text(encoding="utf-8"))
    taken.write_text(json.dumps(forged(document)), encoding="utf-8")
    said = indexes.run(*(word.format(taken=taken, folder=fleet) for word in words))
    assert (said.out + said.err).replace("\n", "").replace("\t", "").isprintable()
    assert [line for line in said.err.splitlines() if line.startswith("  passed")] == []


def test_nothing_that_ends_as_a_snapshot_is_left_out_in_silence(index: str, fleet: Path) -> None:
    whole = (fleet / "a-good.json").read_text(encoding="utf-8")
    (fleet / "UPPER.JSON").write_text(whole, encoding="utf-8")
    (fleet / "linked.yaml").symlink_to(fleet / "a-good.json")
    (fleet / "broken.yml").symlink_to(fleet / "gone")
    (fleet / "folder.yaml").mkdir()
    os.mkfifo(fleet / "pipe.yaml")
    said = indexes.run("fit", str(fleet), "--source", index)
    assert said.status == 2
    names = [line.split()[0] for line in said.out.splitlines()]
    assert sorted(names[1:3]) == ["broken.yml", "pipe.yaml"]
    assert set(names[3:]) == {"west/b-other.json", "UPPER.JSON", "a-good.json", "linked.yaml"}
    assert said.out.count("is not a readable file") == 2


def test_what_a_dot_hides_is_left_out_as_in_a_mounted_configmap(index: str, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted" / "..2026_11_30"
    mounted.mkdir(parents=True)
    (mounted / "cluster.json").write_text(json.dumps(FILES["h100-eks"]), encoding="utf-8")
    (mounted.parent / "..data").symlink_to(mounted.name)
    (mounted.parent / "cluster.json").symlink_to("..data/cluster.json")
    (mounted.parent / ".cluster.json").write_text("{", encoding="utf-8")
    said = indexes.run("fit", str(mounted.parent), "--source", index)
    assert [line.split()[0] for line in said.out.splitlines()] == ["CLUSTER", "cluster.json"]
