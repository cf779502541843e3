"""The page for whoever comes from AICR: its commands do what it says, on AICR's own tree of August."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from clusterbook.cli import main, reference_words
from clusterbook.cli.commands import COMMANDS
from tests.support.indexes import Said
from tests.support.trees import shared_folder

Ask = Callable[..., Said]
PAGE = (Path(__file__).resolve().parents[2] / "site/docs/guide/aicr.md").read_text(encoding="utf-8")
TREE = ("--external-only", "--data")
TOLERATION = ("--accelerated-node-toleration", "nvidia.com/gpu:NoSchedule")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    tree = str(shared_folder("reference/2026.08"))
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        own = [word for word in words if word not in ("--external-only", "--data", "./aicr/recipes")]
        status = main.run([*own, *TREE, tree], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def lines() -> list[list[str]]:
    """Return the commands of the page that need no cluster and no file of the reader."""
    blocks = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", "")
    words = [shlex.split(line)[1:] for line in blocks.splitlines() if line]
    return [line for line in words if line[0] != "snapshot" and "recipe.yaml" not in line[2:3]]


def test_the_commands_of_the_page_work(ask: Ask) -> None:
    assert len(lines()) >= 5
    for line in lines():
        said = ask(*line)
        assert said.status == 0, (line, said.err)
    assert YAML(typ="safe").load(Path("recipe.yaml"))["apiVersion"] == "aicr.run/v1"
    assert Path("aicr-data/registry.yaml").exists()
    assert ask("recipe", "-r", "criteria.yaml").out == ask("recipe", "--config", "config.yaml").out


@pytest.mark.parametrize("words", [("--set", "gpuoperator:driver.enabled=false"), ("--dynamic", "gpuoperator:driver")])
def test_what_the_page_calls_locked_is_locked(ask: Ask, words: tuple[str, str]) -> None:
    assert " ".join(words) in PAGE
    said = ask("bundle", "h100-aks-training--operator-managed", *TOLERATION, *words, "-o", "b")
    assert said.status == 2
    assert "gpuStack=operator-managed" in said.err


def test_shared_volumes_have_a_class_and_what_stands_in_place_of_a_flag_is_there(ask: Ask) -> None:
    slug = "h100-eks-ubuntu-training-slurm"
    assert ask("bundle", slug, *TOLERATION, "--shared-storage-class", "fast", "-o", "b").status == 0
    values = [YAML(typ="safe").load(file) for file in Path("b").glob("*-slinky-slurm/values.yaml")]
    assert [each["storage"]["home"]["storageClassName"] for each in values] == ["fast"]


def test_the_inventory_is_left_out_where_a_recipe_has_it_and_granted_to_none(ask: Ask) -> None:
    slug, flag = "h100-gke-cos-inference", "--runtime-inventory"
    assert "k8s-aibom" in ask("query", slug, "deploymentOrder").out
    for words in ((slug, flag, "disabled"), (f"{slug}--disabled",)):
        assert "k8s-aibom" not in ask("query", *words, "--selector", "deploymentOrder").out
        chosen = ask("query", *words, "--selector", "configuration.runtimeInventory.mode")
        assert chosen.out == "disabled\n", chosen.err
    assert ask("recipe", slug, flag, "enabled").out == ask("recipe", slug).out
    for other in ("h100-gke-cos-inference-dynamo", "h100-gke-cos-training", "h100-eks-training"):
        assert ask("recipe", other, flag, "enabled").status == 2
    written = ask("recipe", slug, flag, "disabled", "--api-version", "aicr.run/v1", "-o", "written.yaml")
    assert written.status == 0
    document = YAML(typ="safe").load(Path("written.yaml"))
    assert document["apiVersion"] == "aicr.run/v1beta2"
    (left_out,) = [each for each in document["componentRefs"] if each["name"] == "k8s-aibom"]
    assert left_out["overrides"]["install"] is False


def test_no_recipe_of_that_tree_has_the_runtime_that_needs_networks(ask: Ask) -> None:
    words = ",".join(f"eth{number}=gpu-nic-{number}" for number in range(1, 9))
    assert ask("recipe", "h100-gke-cos-training", "--gke-tcpxo-interfaces", words).status == 2


def test_a_component_stays_in_the_namespace_that_it_was_deployed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trees = [str(shared_folder(f"reference/2026.{month}")) for month in ("08", "11")]
    slug = "h100-eks-ubuntu-training"
    for tree, name in zip(trees, ("old", "new"), strict=True):
        assert main.run(["recipe", slug, *TREE, tree, "-o", f"{name}.yaml"], {}) == 0
    kept = ["--inherit-from", "old.yaml", *TREE, trees[1]]
    assert main.run(["query", slug, "components.nodewright-operator", *kept, "-t", "json"], {}) == 0
    found = json.loads(capsys.readouterr().out)
    old, new = (
        next(
            each
            for each in YAML(typ="safe").load(Path(f"{name}.yaml"))["componentRefs"]
            if each["name"] == "nodewright-operator"
        )
        for name in ("old", "new")
    )
    assert old["namespace"] == found["namespace"] == "skyhook" != new["namespace"]
    assert (found["version"], found["values"]) == (new["version"], new["values"])


def test_no_flag_is_there_that_the_page_misses_and_none_is_missing_that_it_names() -> None:
    flags = {name for command in COMMANDS for flag in command.flags for name in flag.names}
    missing, _, _ = PAGE.partition("## What is missing")[2].partition("are no flags here")
    named = set(re.findall(r"`(--[a-z-]+)`", missing))
    assert not flags & named
    assert named <= reference_words.FLAGS.keys()
    assert {"--profile", "--slurm-accounting-mode", "--external-only", "--api-version", "--kind"} <= flags


def test_every_command_and_flag_of_the_table_is_there() -> None:
    rows = [line.split(" | ")[1:] for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line][1:]
    spans = [span for row in rows for cell in row for span in re.findall(r"`([^`]+)`", cell)]
    commands = {command.name: {name for flag in command.flags for name in flag.names} for command in COMMANDS}
    words = [span.split()[1] for span in spans if span.startswith("clusterbook ")]
    assert len(rows) > 15
    assert {word for word in words if word not in {name.partition(" ")[0] for name in commands}} == set()
    flags = {word for span in spans for word in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", span)}
    assert {flag for flag in flags if not any(flag in known for known in commands.values())} == set()


def test_drift_and_findings_end_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    two = ("diff", "h100-eks-training", "gb200-eks-training")
    assert main.run([*two], {}) == 0
    assert main.run([*two, "--exit-code"], {}) == 10
    tree = str(shared_folder("reference/2026.11"))
    assert main.run(["check", tree, "-o", "found.txt"], {}) == 10
    found = Path("found.txt").read_text(encoding="utf-8")
    assert "ownsCRDs" not in found
    assert "upgrades.file" not in found


@pytest.mark.parametrize("slug", ["h100-eks-ubuntu-training", "h100-gke-cos-training", "h100-aks-training"])
def test_bundles_are_made_of_the_newest_tree(slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [slug, *TREE, str(shared_folder("reference/2026.11")), *TOLERATION, "-o", "b"]
    places = ["--accelerated-node-selector", "gpu=yes", "--system-node-selector", "role=system"]
    assert main.run(["bundle", *words, *places], {}) == 0
    assert (tmp_path / "b" / "deploy.sh").is_file()


def test_the_figures_of_what_is_equal_are_those_of_the_results() -> None:
    expected = json.loads(shared_folder("reference/2026.08.expected.json").read_text(encoding="utf-8"))
    equal = PAGE.partition("## What is equal")[2].partition("## ")[0]
    assert f"all {len(expected['combos'])} for EKS, AKS, kind and any service" in " ".join(equal.split())
    assert f"AICR's {len(expected['combos'])} results" in equal


@pytest.mark.parametrize("word", ["tag: main", "patches: [p.yaml]", "type: Kustom"])
def test_a_recipe_that_does_not_fit_together_is_refused(ask: Ask, word: str) -> None:
    slug = "h100-eks-training"
    assert ask("recipe", slug, "--api-version", "aicr.run/v1", "-o", "recipe.yaml").status == 0
    text = Path("recipe.yaml").read_text(encoding="utf-8")
    key, _, value = word.partition(": ")
    document = YAML(typ="safe").load(text)
    document["componentRefs"][0][key] = YAML(typ="safe").load(value)
    Path("edited.json").write_text(json.dumps(document), encoding="utf-8")
    said = ask("bundle", "-r", "edited.json", "-o", "b")
    assert said.status == 2
    assert not Path("b").exists()
