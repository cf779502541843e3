# ruff: noqa: E501 (a case a line)
"""`clusterbook diff` with a snapshot: what has drifted, and how that is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from tests.support.clusters import SNAPSHOTS

H100, GB200 = (str(SNAPSHOTS / f"{name}.yaml") for name in ("h100-eks", "gb200-eks"))
SLUG = "h100-eks-ubuntu-training-kubeflow"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(words, {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_two_snapshots_are_compared(run: Run) -> None:
    status, out, _ = run("diff", H100, GB200)
    assert status == 0
    assert out.splitlines()[2:4] == ["critical", "  ~ GPU.hardware.gpu-count: 8 → 4"]
    assert out.splitlines()[-1].startswith("3 critical, ")


@pytest.mark.parametrize("flag", ["--exit-code", "--fail-on-drift"])
def test_drift_has_an_exit_status_of_its_own_when_that_was_the_question(run: Run, flag: str) -> None:
    assert run("diff", H100, GB200, flag)[0] == 10
    status, out, err = run("diff", H100, H100, flag, "-t", "json")
    assert (status, json.loads(out)["changes"], err) == (0, [], "")
    assert run("diff", H100, GB200, flag, "--ignore", "*")[0] == 0


def test_what_is_told_can_be_narrowed(run: Run) -> None:
    status, out, _ = run("diff", H100, GB200, "--severity", "critical", "-t", "json", "--ignore", "GPU.*")
    assert [each["path"] for each in json.loads(out)["changes"]] == ["fingerprint.accelerator"]
    assert json.loads(out)["leftOut"] > 10
    Path("ignored").write_text("# what we know\nGPU.*\n\nfingerprint.* # soon\n")
    assert run("diff", H100, GB200, "--severity", "critical", "--ignore-from", "ignored", "--exit-code")[0] == 0
    status, out, err = run("diff", H100, GB200, "--ignore-from", "none")
    assert (status, out) == (3, "")
    assert "CB102 none" in err


def test_a_recipe_is_held_against_what_is_installed(run: Run) -> None:
    status, out, err = run("diff", SLUG, H100, "--exit-code", "-t", "json")
    found = json.loads(out)["changes"]
    assert (status, err, {each["kind"] for each in found}) == (10, "", {"unseen"})
    assert len(found) == 15
    assert all(each["path"].endswith(".values") for each in found)  # which the snapshot does not say
    assert run("diff", SLUG, H100, "--exit-code", "--ignore", "components.*.values")[0] == 0
    assert run("recipe", SLUG, "-o", "recipe.yaml")[0] == 0
    text = Path("recipe.yaml").read_text()
    Path("recipe.yaml").write_text(text.replace("version: v26.7.1", "version: v27.0.0"))
    status, out, _ = run("diff", "recipe.yaml", H100, "-t", "json", "--exit-code")
    assert status == 10
    found = json.loads(out)
    assert (found["baselineSource"], found["targetSource"]) == ("recipe.yaml", H100)
    changed = [change["path"] for change in found["changes"] if change["kind"] != "unseen"]
    assert changed == ["components.gpu-operator.version"]


def test_a_bundle_is_held_against_what_is_installed(run: Run) -> None:
    assert run("bundle", SLUG, "--set", "gpuoperator:driver.version=1.2.3", "-o", "made")[0] == 0
    status, out, _ = run("diff", "made", H100, "--exit-code")  # the snapshot does not say values
    assert (status, "has not drifted" in out) == (10, False)
    status, out, err = run("diff", SLUG, "made", "--exit-code", "-t", "json")
    (change,) = json.loads(out)["changes"]
    assert (status, err, change["component"], change["key"]) == (10, "", "gpu-operator", "/driver/version")
    assert (change["new"], change["newOrigin"]) == ("1.2.3", "the bundle's options")
    Path("made/recipe.yaml").write_text("kind: RecipeResult\n")
    status, _, err = run("diff", "made", H100)
    assert status == 2
    assert "made/recipe.yaml is not a complete recipe" in err


@pytest.mark.parametrize("words", [(), ("--severity", "critical"), ("--ignore", "fingerprint.*"), ("-t", "markdown")])
def test_a_cluster_of_which_not_all_was_measured_has_not_drifted_only_as_far(run: Run, words: tuple[str, ...]) -> None:
    _, out, _ = run("diff", H100, H100, *words)
    assert out.splitlines()[0].endswith(("in what was measured and asked for", "in what was measured and asked for."))
    assert "not measured: values of releases" in out


def test_a_machine_is_not_compared_with_what_only_a_cluster_shows(run: Run) -> None:
    reading = {"subtype": "release", "data": {"ID": "ubuntu"}}
    Path("one.yaml").write_text(
        json.dumps({"kind": "Snapshot", "measurements": [{"type": "OS", "subtypes": [reading]}]})
    )
    found = json.loads(run("diff", "one.yaml", "one.yaml", "-t", "json")[1])
    kinds = [f"objects.{kind}" for kind in ("Deployment", "DaemonSet", "StatefulSet", "CustomResourceDefinition")]
    assert (found["changes"], found["notMeasured"]) == ([], [*kinds, "releases"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((H100, SLUG), f"is a snapshot and {SLUG} is a recipe\n  hint: put the desired state first: clusterbook diff {SLUG}"),
        ((SLUG, SLUG, "--severity", "info"), "apply to changes of a cluster only"),
        ((SLUG, "bare.yaml"), "holds no Helm releases"),
        ((SLUG, "empty.yaml"), "empty.yaml: CB101 this snapshot is empty"),
        (("pod.yaml", H100), "pod.yaml is neither a snapshot nor a recipe"),
        ((H100, "old.yaml"), "this snapshot is invalid"),
        ((H100, H100, "--severity", "fatal"), "fatal"),
        ((H100, "deep.yaml"), f"{H100} or deep.yaml is damaged"),
        (("odd.yaml", H100), "odd.yaml: CB101 componentRefs[0].registry.nodeScheduling of the recipe is the value 7"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(run: Run, words: tuple[str, ...], said: str) -> None:
    Path("bare.yaml").write_text("kind: Snapshot\nmeasurements: [{type: OS, subtypes: []}]\n")
    Path("empty.yaml").write_text("kind: Snapshot\nmeasurements: []\n")
    Path("pod.yaml").write_text("kind: Pod\n")
    kinds = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "items": [{"metadata": {"name": "x"}, "spec": {"template": 7}}]}
    ]
    Path("deep.yaml").write_text(json.dumps({"kind": "Snapshot", "objects": kinds}))
    component = {"name": "x", "registry": {"nodeScheduling": 7}}
    recipe = {
        "kind": "RecipeResult",
        "metadata": {},
        "criteria": {},
        "componentRefs": [component],
        "deploymentOrder": ["x"],
    }
    Path("odd.yaml").write_text(json.dumps(recipe))
    Path("old.yaml").write_text("kind: Snapshot\nmeasurements: 7\n")
    status, out, err = run("diff", *words)
    assert (status, out) == (2, "")
    assert said in err
