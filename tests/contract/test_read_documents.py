"""Documents that are handed in, as AICR writes them and as people edit them: read as they are meant, or refused.

Nothing of a document is passed over in silence: what is not read is refused, or told where AICR passed over it, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import main
from clusterbook.documents.yaml_writer import dump
from tests.support import indexes
from tests.support.indexes import Said

Ask = Callable[..., Said]
Change = Callable[[dict[str, Any]], object]
CRITERIA = (
    "apiVersion: aicr.run/v1\nkind: RecipeCriteria\nmetadata: {name: x}\nspec: {service: eks, intent: training}\n"
)
CHOSEN = {"name": "gpuStack", "value": "ami", "ownedPaths": {"a": ["driver.enabled", "enabled"]}}
RECIPE: dict[str, Any] = {
    "apiVersion": "aicr.run/v1",
    "kind": "RecipeResult",
    "metadata": {"version": "v1.0.0", "appliedOverlays": ["base", "eks"]},
    "criteria": {"service": "eks"},
    "constraints": [{"name": "K8s.server.version", "value": ">= 1.25"}],
    "componentRefs": [
        {
            "name": "a",
            "type": "Helm",
            "namespace": "ns-a",
            "source": "https://charts.example/a",
            "chart": "a",
            "version": "v1.0.0",
            "overrides": {"driver": {"enabled": True}},
        }
    ],
    "deploymentOrder": ["a"],
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return indexes.write_index(tmp_path_factory.mktemp("read"))


@pytest.fixture
def ask(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        own = () if words[0] == "check" else ("--source", str(index))
        status = main.run([*words, *own], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


# --- criteria ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        CRITERIA,
        CRITERIA.replace("\n", "\r\n"),
        "\ufeff" + CRITERIA,
        "# by hand\n---\n" + CRITERIA + "...\n",
        CRITERIA.replace("eks", "EKS"),
        CRITERIA.replace("eks", "amazon"),
        CRITERIA.replace("training", "training, os: any, platform: null, nodes: 0"),
        CRITERIA.replace("{service: eks, intent: training}", "\n  &i intent: training\n  service: eks"),
        CRITERIA.replace("apiVersion: aicr.run/v1\nkind: RecipeCriteria\n", ""),
        CRITERIA.replace("aicr.run/v1", "''"),
        json.dumps(
            {"apiVersion": "aicr.run/v1", "kind": "RecipeCriteria", "spec": {"service": "eks", "intent": "training"}}
        ),
    ],
)
def test_criteria_mean_the_same_however_they_are_written(ask: Ask, text: str) -> None:
    Path("c.yaml").write_text(text, encoding="utf-8", newline="")
    said = ask("query", "--selector", "metadata.slug", "-r", "c.yaml")
    assert (said.status, said.out) == (0, "eks-training\n"), said.err


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("aicr.run/v1", "aicr.run/v1beta1", "aicr.run/v1beta1"),
        ("aicr.run/v1", "aicr.run/v1beta2", "aicr.run/v1beta2"),
        ("aicr.run/v1", "aicr.run/v2", "aicr.run/v2"),
        ("aicr.run/v1", "[aicr.run/v1]", "c.yaml:1:13: CB101 apiVersion is a list"),
        ("RecipeCriteria", "[RecipeCriteria]", "c.yaml:2:7: CB101 kind is a list"),
        ("RecipeCriteria", "recipeCriteria", "recipeCriteria"),
        ("RecipeCriteria", "Deployment", "Deployment"),
        ("kind:", "apiVersion: aicr.run/v1\nkind:", "given twice"),
        ("service: eks", "service: eks, service: gke", "given twice"),
        ("service: eks", "servise: eks", "servise"),
        ("service: eks", "service: [eks]", "service of the RecipeCriteria is a list"),
        ("service: eks", "service: {eks: 1}", "service of the RecipeCriteria is a map"),
        ("training", "true", "intent of the RecipeCriteria"),
        ("training", "training, nodes: true", "nodes of the RecipeCriteria"),
        ("training", "training, nodes: 1.5", "1.5"),
        ("training", "training, nodes: -3", "-3"),
        ("{service: eks, intent: training}", "[eks]", "no criteria"),
        ("{service: eks, intent: training}", "{}", "no criteria"),
        ("spec:", "status: {}\nspec:", "status is not a key"),
        ("spec:", "criteria: {service: gke}\nspec:", "criteria is not a key"),
        ("spec:", "---\nspec:", "second document"),
        (CRITERIA, "", "holds nothing"),
        (CRITERIA, "- eks\n", "a list"),
    ],
)
def test_what_criteria_cannot_be_is_refused(ask: Ask, old: str, new: str, what: str) -> None:
    assert old in CRITERIA
    Path("c.yaml").write_text(CRITERIA.replace(old, new, 1), encoding="utf-8")
    said = ask("recipe", "-r", "c.yaml")
    assert (said.status, said.out) == (2, "")
    assert what in said.err
    assert "c.yaml" in said.err or "nodes" in said.err
    checked = ask("check", "c.yaml")
    assert checked.status in (2, 10), checked
    assert what in checked.out + checked.err or "kind" in checked.err


def test_what_alpha_passed_over_is_told(ask: Ask) -> None:
    Path("c.yaml").write_text(CRITERIA.replace("aicr.run/v1", "aicr.run/v1alpha2") + "status: {}\n")
    said = ask("query", "--selector", "metadata.slug", "-r", "c.yaml")
    assert (said.status, said.out) == (0, "eks-training\n")
    assert "c.yaml: status is not read" in said.err


# --- recipes ----------------------------------------------------------------------------------------------------------


def component(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the one component of a recipe."""
    found: dict[str, Any] = recipe["componentRefs"][0]
    return found


def choose(recipe: dict[str, Any]) -> None:
    """Record that something was chosen for a recipe, under the version that says so."""
    recipe["apiVersion"] = "aicr.run/v1beta2"
    recipe["metadata"]["selectedProfile"] = deepcopy(CHOSEN)


def written(*changes: Change) -> str:
    """Return the text of the recipe with changes made to it."""
    recipe = deepcopy(RECIPE)
    for change in changes:
        change(recipe)
    return dump(recipe)


@pytest.mark.parametrize(
    "text",
    [
        written(),
        written(choose),
        written().replace("\n", "\r\n"),
        "\ufeff" + written(),
        json.dumps(RECIPE),
        written(lambda it: it.pop("apiVersion")),
        written(lambda it: it.update(apiVersion="aicr.run/v1alpha2")),
        written(lambda it: component(it).update(type="helm")),
        written(lambda it: it["componentRefs"].append({"name": "off", "type": "x", "overrides": {"install": False}})),
    ],
)
def test_a_recipe_is_bundled_however_it_is_written(ask: Ask, text: str) -> None:
    Path("r.yaml").write_text(text, encoding="utf-8", newline="")
    said = ask("bundle", "-r", "r.yaml", "-o", "b")
    assert said.status == 0, said.err
    assert ask("check", "r.yaml").out == "no findings\n"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda it: it.update(apiVersion="aicr.run/v1beta1"), "aicr.run/v1beta1"),
        (lambda it: it.update(apiVersion="aicr.run/v1beta2"), "records none"),
        (lambda it: it["metadata"].update(selectedProfile=CHOSEN), "the profile gpuStack"),
        (lambda it: it.update(configuration={"slurm": {"accounting": {"mode": "disabled"}}}), "slurm.accounting.mode"),
        (lambda it: (choose(it), it["metadata"]["selectedProfile"].pop("ownedPaths")), "selectedProfile"),
        (lambda it: (choose(it), it["metadata"]["selectedProfile"].update(ownedPaths={"b": ["enabled"]})), "name b"),
        (lambda it: (choose(it), it.update(more=1)), "more"),
        (lambda it: (choose(it), component(it).update(versionn="1")), "versionn"),
        (lambda it: component(it).update(type="Kustom"), "has the type 'Kustom'"),
        (lambda it: component(it).update(version="v"), "has the version 'v'"),
        (lambda it: component(it).update(version=" v1.0.0"), "spaces around its version"),
        (lambda it: component(it).update(tag="main"), "is Helm with a tag or path"),
        (lambda it: component(it).update(patches=["p.yaml"]), "declares patches"),
        (lambda it: component(it).pop("version"), "a source but no version"),
        (lambda it: component(it).pop("source"), "but no source"),
        (lambda it: (component(it).pop("source"), component(it).pop("chart")), "nothing to deploy"),
        (lambda it: component(it).update(type="Kustomize"), "Kustomize without a path"),
        (lambda it: component(it).update(version=1.1), "not text"),
        (lambda it: component(it).update(dependencyRefs="b"), "dependencyRefs"),
        (lambda it: component(it).update(overrides=[]), "overrides"),
        (lambda it: component(it).pop("name"), "names"),
        (lambda it: it["componentRefs"].append(component(it)), "twice"),
        (lambda it: it["deploymentOrder"].append("b"), "deploys b"),
        (lambda it: it.update(deploymentOrder=[]), "deploys nothing"),
        (lambda it: it.update(componentRefs={}), "componentRefs"),
        (lambda it: it.pop("criteria"), "criteria"),
        (lambda it: it.update(constraints=[{"name": "x"}]), "constraint"),
    ],
)
def test_what_a_recipe_cannot_be_is_refused(ask: Ask, change: Change, what: str) -> None:
    Path("r.yaml").write_text(written(change), encoding="utf-8")
    said = ask("bundle", "-r", "r.yaml", "-o", "b")
    assert said.status == 2, said
    assert what in said.err
    assert not Path("b").exists()
    checked = ask("check", "r.yaml")
    assert checked.status in (2, 10)
    assert what in checked.out + checked.err


def test_a_key_that_is_not_read_is_told_and_has_a_place(ask: Ask) -> None:
    text = written(lambda it: component(it).update(versionn="2"))
    Path("r.yaml").write_text(text, encoding="utf-8")
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "versionn" in each)
    said = ask("bundle", "-r", "r.yaml", "-o", "b")
    assert said.status == 0
    assert "componentRefs[0].versionn is not read" in said.err
    checked = ask("check", "r.yaml")
    assert checked.status == 10
    assert f"r.yaml:{line}:5: CB012" in checked.out
    assert "'version'" in checked.out


# --- snapshots --------------------------------------------------------------------------------------------------------

SNAPSHOT = """\
apiVersion: aicr.run/v1
kind: Snapshot
metadata: {version: v1.0.0}
measurements:
- {type: K8s, subtypes: [{subtype: server, data: {version: v1.33.0}}]}
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("aicr.run/v1", "aicr.run/v1beta1", "aicr.run/v1beta1"),
        ("aicr.run/v1", "[aicr.run/v1]", "apiVersion is a list"),
        ("- {type: K8s", "- {typ: K8s", "type"),
        ("data: {version: v1.33.0}", "data: [v1.33.0]", "data"),
        ("data: {version: v1.33.0}", "data: {version: [1]}", "version"),
        ("measurements:\n- ", "measurements:\n  ", "measurements"),
        (
            "- {type: K8s, subtypes: [{subtype: server, data: {version: v1.33.0}}]}\n",
            "",
            "is empty: it has no measurements",
        ),
    ],
)
def test_what_a_snapshot_cannot_be_is_found(ask: Ask, old: str, new: str, what: str) -> None:
    assert old in SNAPSHOT
    Path("s.yaml").write_text(SNAPSHOT)
    assert ask("check", "s.yaml").out == "no findings\n"
    Path("s.yaml").write_text(SNAPSHOT.replace(old, new, 1))
    said = ask("check", "s.yaml")
    assert said.status in (2, 10)
    assert what in said.out + said.err
