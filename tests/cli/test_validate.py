"""`validate --no-cluster` and `fit` as their users meet them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook import __version__
from clusterbook.cli import fit as fit_command
from clusterbook.cli import validate as validate_command
from clusterbook.cli.command import Caller, Request, Value
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.documents.yaml_writer import dump
from clusterbook.inputs import fast
from tests.support import indexes
from tests.support.clusters import FILES, SNAPSHOTS

H100 = str(SNAPSHOTS / "h100-eks.yaml")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(indexes.write_index(tmp_path_factory.mktemp("judging")))


def validate(words: Mapping[str, Value], slug: str = "") -> Reply:
    """Return what `validate` says to the words of a command line."""
    return validate_command.validate(Request.of({**words, "slug": slug or None}), Caller({}))


def fit(words: Mapping[str, Value], snapshot: str = "") -> Reply:
    """Return what `fit` says."""
    return fit_command.fit(Request.of({**words, "snapshots": (snapshot,) if snapshot else ()}), Caller({}))


def recipe(folder: Path, *, name: str = "recipe.yaml", **more: Any) -> str:
    document = {"kind": "RecipeResult", "metadata": {"slug": "mine"}, "componentRefs": [], **more}
    path = folder / name
    path.write_text(json.dumps(document) if name.endswith("json") else dump(document), encoding="utf-8")
    return str(path)


def test_a_recipe_of_the_index_is_judged_by_its_name(index: str) -> None:
    reply = validate({"source": index, "snapshot": H100, "no_cluster": True}, "h100-eks-training")
    assert "  passed  K8s.server.version  it is v1.33.5-eks-3025e55\n" in reply.text
    assert reply.status == 0
    again = validate({"source": index, "snapshot": H100, "no_cluster": True, "recipe": "h100-eks-training"})
    assert again == reply


@pytest.mark.parametrize("name", ["recipe.yaml", "recipe.json"])
def test_a_recipe_of_a_file_is_judged(index: str, tmp_path: Path, name: str) -> None:
    where = recipe(tmp_path, name=name, constraints=[{"name": "OS.release.ID", "value": "ubuntu"}])
    reply = validate({"source": index, "snapshot": H100, "no_cluster": True, "recipe": where})
    assert reply.text == "readiness\n  passed  OS.release.ID  it is ubuntu\nGPUs: 32 whole\n1 passed: mine passed\n"
    assert reply.status == 0


@pytest.mark.parametrize(
    ("overrides", "order", "switches"),
    [
        ({"enabled": False}, ["x"], ["enabled"]),
        ({"install": False}, ["x"], ["install"]),
        ({"enabled": False, "install": False}, ["x"], ["enabled", "install"]),
        ({"enabled": False}, [], []),
        ({"enabled": False}, None, []),
        ({"enabled": True}, ["x"], []),
        ({"enabled": 0}, ["x"], []),
        ({}, ["x"], []),
    ],
)
def test_a_component_that_is_switched_off_and_deployed_is_told_and_not_refused(
    index: str, tmp_path: Path, overrides: dict[str, Any], order: list[str] | None, switches: list[str]
) -> None:
    components = [{"name": "x", "version": "1.0", "source": "https://x.example", "overrides": overrides}]
    where = recipe(tmp_path, componentRefs=components, **({} if order is None else {"deploymentOrder": order}))
    reply = validate({"source": index, "snapshot": H100, "no_cluster": True, "recipe": where, "phase": ("readiness",)})
    told = [note for note in reply.notes if "deploymentOrder" in note]
    assert [note.partition(": it is false")[0] for note in told] == [
        f"{where}: componentRefs.x.overrides.{switch}" for switch in switches
    ]
    assert (
        reply.status
        == validate(
            {"source": index, "snapshot": H100, "no_cluster": True, "recipe": recipe(tmp_path), "phase": ("readiness",)}
        ).status
    )


def test_a_file_of_criteria_is_resolved_and_judged(index: str, tmp_path: Path) -> None:
    path = tmp_path / "criteria.yaml"
    path.write_text("kind: RecipeCriteria\nspec: {service: eks, intent: training}\n", encoding="utf-8")
    reply = validate({"source": index, "snapshot": H100, "no_cluster": True, "recipe": str(path)})
    assert "eks-training" in reply.text


@pytest.mark.parametrize(
    ("constraint", "status"), [("ubuntu", 0), ("rhel", 10), (">= 24", 2)], ids=["holds", "differs", "cannot be told"]
)
def test_the_exit_status_says_what_follows(index: str, tmp_path: Path, constraint: str, status: int) -> None:
    where = recipe(tmp_path, constraints=[{"name": "OS.release.ID", "value": constraint}])
    words = ["validate", "-r", where, "-s", H100, "--no-cluster", "--source", index]
    assert indexes.run(*words).status == status
    assert indexes.run(*words, "--fail-on-error", "false").status == 0


def test_the_report_is_written_as_ctrf(index: str, tmp_path: Path) -> None:
    where, target = recipe(tmp_path), tmp_path / "report.json"
    words = ["validate", "-r", where, "-s", H100, "--no-cluster", "--source", index]
    said = indexes.run(*words, "-o", str(target))
    assert said.err == "note: no phase was requested: nothing was validated\n"
    assert json.loads(target.read_text())["reportFormat"] == "CTRF"
    assert indexes.run(*words, "--format", "json").out == target.read_text()


def test_phases_are_chosen(index: str, tmp_path: Path) -> None:
    checks = {"conformance": {"checks": ["alive"]}, "deployment": {"checks": ["alive"]}}
    where = recipe(tmp_path, validation=checks)
    words = ["validate", "-r", where, "-s", H100, "--no-cluster", "--source", index, "--phase"]
    some = indexes.run(*words, "conformance").out
    assert "deployment\n" not in some
    assert ", deployment not requested: " in some
    both = indexes.run(*words, "conformance", "--phase", "deployment")
    assert both.out == indexes.run(*words, "all").out
    assert "deployment\n" in both.out
    assert "--phase all was given with other phases" in indexes.run(*words, "all", "--phase", "deployment").err


def test_a_configuration_stands_for_flags(index: str, tmp_path: Path) -> None:
    where = recipe(tmp_path, constraints=[{"name": "OS.release.ID", "value": "rhel"}])
    config = tmp_path / "config.yaml"
    execution = {"phases": ["deployment"], "failOnError": False, "failFast": True, "noCluster": True}
    spec = {
        "recipe": {"source": index},
        "validate": {"input": {"recipe": where, "snapshot": H100}, "execution": execution},
    }
    config.write_text(dump({"kind": "AICRConfig", "spec": spec}), encoding="utf-8")
    said = indexes.run("validate", "--config", str(config))
    assert (said.status, said.out.splitlines()[1]) == (0, "  FAILED  OS.release.ID  it is ubuntu, not rhel")
    assert indexes.run("validate", "--config", str(config), "--fail-on-error", "true").status == 10
    config.write_text(
        dump({"kind": "AICRConfig", "spec": {"validate": {"execution": {"phase": "x"}}}}), encoding="utf-8"
    )
    said = indexes.run("validate", "--config", str(config))
    assert (said.status, "unknown key 'phase'" in said.err) == (2, True)


BAD: list[tuple[dict[str, Value], str, type[Exception], str]] = [
    ({}, "", MissingFlag, "--recipe is missing"),
    ({"recipe": "x"}, "y", InvalidRequest, "both the recipe y and --recipe x were given"),
    ({"snapshot": ""}, "eks", MissingFlag, "--no-cluster needs --snapshot"),
    ({}, "h200-eks", NotFound, "there is no recipe h200-eks"),
    ({"recipe": "nowhere.yaml"}, "", NotFound, "nowhere.yaml"),
    ({"snapshot": "nowhere.yaml"}, "eks", NotFound, "nowhere.yaml"),
    ({"phase": ("deploy",)}, "eks", InvalidRequest, "there is no phase 'deploy'"),
    ({"snapshot": "cm://gpu"}, "eks", InvalidRequest, "is not a ConfigMap reference"),
]


@pytest.mark.parametrize(("options", "slug", "kind", "what"), BAD, ids=[case[3] for case in BAD])
def test_a_question_that_cannot_be_answered_is_refused(
    index: str, options: dict[str, Value], slug: str, kind: type[Exception], what: str
) -> None:
    asked: dict[str, Value] = {"source": index, "snapshot": H100, "no_cluster": True, **options}
    with pytest.raises(kind, match=what):
        validate({key: value for key, value in asked.items() if value}, slug)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("kind: Pod\n", "this is not a snapshot: its kind is 'Pod'"),
        (
            "kind: Snapshot\napiVersion: clusterbook.dev/v9\n",
            "has the apiVersion 'clusterbook.dev/v9', which is not supported",
        ),
        ("kind: Snapshot\nmeasurements: 1\n", "measurements is the value 1, not a list"),
        ("kind: Snapshot\n", "this snapshot is empty: it has no measurements"),
        ("kind: Snapshot\nmeasurements: []\n", "this snapshot is empty: it has no measurements"),
        ("kind: Snapshot\nfingerprint: {service: eks}\n", "this snapshot is empty: it has no measurements"),
        ('{"kind": "Snapshot", "kind": "Snapshot"}', "key 'kind' is given twice"),
        ('{"kind": "Snapshot", "a": [{"x": 1, "x" : 2}]}', "key 'x' is given twice"),
        ('{"kind": "Snapshot", "a": "b\\":", "c": [{"x": 1,"x":2}]}', "key 'x' is given twice"),
        ('{"kind": "Snapshot", "a": ' + "[" * 99 + "]" * 99 + "}", "nests deeper than"),
        ('{"kind": "Snapshot", "a": ' + "9" * 5000 + "}", "9… is not a finite number"),
        ('{"kind": "Snapshot", "a": 1e999}', "1e999 is not a finite number"),
        ("a: [\n", "not YAML"),
        ('{"kind": "Snapshot"', "not YAML"),
        ('{"kind": "Snapshot", "x": NaN}', "this is not a snapshot|NaN"),
        ("", "holds nothing"),
        ("\xff", "not UTF-8|no document"),
    ],
)
def test_a_snapshot_that_is_none_is_refused(index: str, tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "snapshot.yaml"
    path.write_bytes(text.encode("latin-1"))
    if "NaN" in text:
        assert fast.read_document(str(path))["x"] == "NaN"  # YAML takes it for a word
        return
    with pytest.raises(InvalidRequest, match=what) as error:
        validate({"source": index, "snapshot": str(path), "no_cluster": True}, "eks")
    assert str(path) in str(error.value)
    with pytest.raises(InvalidRequest, match=what):
        fit({"source": index}, str(path))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "MAX_BYTES", 1024 * 1024)
    path = tmp_path / "snapshot.json"
    path.write_text(" " * (1024 * 1024 + 1))
    with pytest.raises(InvalidRequest, match="is larger than 1 MB"):
        fast.read_document(str(path))


def test_json_and_yaml_of_a_snapshot_are_the_same_document(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text(json.dumps(FILES["h100-eks"]))
    assert fast.read_document(str(path)) == fast.read_document(H100) == FILES["h100-eks"]


def test_a_judgement_imports_neither_pydantic_nor_ruamel_nor_click(index: str, tmp_path: Path) -> None:
    script = (
        "import sys; from clusterbook.cli.main import run\n"
        f"run(['validate', 'h100-eks-training', '-s', {H100!r}, '--no-cluster', '--source', {index!r}], {{}})\n"
        "print(sorted({'pydantic', 'ruamel', 'click', 'dataclasses', 'urllib.request'} & set(sys.modules)))\n"
    )
    path = tmp_path / "script.py"
    path.write_text(script.replace("'h100-eks-training'", f"'-r', {recipe(tmp_path)!r}"))
    import subprocess
    import sys

    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- fit --------------------------------------------------------------------------------------------------------------


def test_every_recipe_is_held_against_a_cluster(index: str) -> None:
    reply = fit({"source": index, "format": "json"}, H100)
    found = {line["recipe"]: (line["fit"], line.get("why", "")) for line in json.loads(reply.text)}
    assert found == {
        "h100-eks-training": ("fits", ""),
        "eks-training": ("fits", ""),
        "eks": ("fits", ""),
        "h100": ("fits", ""),
        "base": ("fits", ""),
        "gke-cos": ("misses", "service: the recipe is for gke, and the cluster shows eks"),
    }
    assert next(iter(found)) == "h100-eks-training"
    assert reply.notes == ("5 of 6 curated recipes fit, 1 do not, 0 are unknown",)


def test_what_the_cluster_does_not_show_is_not_taken_for_granted(index: str) -> None:
    reply = fit({"source": index}, str(SNAPSHOTS / "bare-node.yaml"))
    lines = dict(line.split("  ", 1) for line in reply.text.splitlines()[1:])
    assert lines["h100"].endswith("unknown  as far as one machine shows: accelerator")
    assert lines["eks"].endswith("unknown  as far as one machine shows: nothing")
    assert "fits" not in reply.text
    assert [note for note in reply.notes if "of one machine" in note] == [reply.notes[0]]
    assert reply.notes[0].endswith("capture its cluster: clusterbook snapshot --cluster -o cluster.yaml")


def test_what_a_machine_should_tell_and_does_not_is_named(index: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text("kind: Snapshot\nmeasurements:\n- type: OS\n  subtypes: [{subtype: release, data: {ID: ubuntu}}]\n")
    lines = dict(line.split("  ", 1) for line in fit({"source": index}, str(path)).text.splitlines()[1:])
    assert "accelerator: the recipe is for h100, and the cluster does not show its own" in lines["h100"]


def test_a_cluster_that_could_not_be_asked_is_no_machine(index: str, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(
        "kind: Snapshot\nmeasurements:\n- type: OS\n  subtypes: [{subtype: release, data: {ID: ubuntu}}]\n"
        "coverage: [{part: measurements/K8s, state: denied, reason: nodes is forbidden}]\n"
    )
    reply = fit({"source": index}, str(path))
    assert not any("of one machine" in note for note in reply.notes)
    assert "K8s could not be read: no permission: nodes is forbidden" in reply.text


def test_a_machine_is_judged_as_far_as_it_tells_and_no_more(index: str) -> None:
    where = str(SNAPSHOTS / "bare-node.yaml")
    reply = validate({"source": index, "snapshot": where, "no_cluster": True}, "h100-eks-training")
    assert reply.status == 2
    assert "  ERROR   K8s.server.version  K8s does not exist: no cluster" in reply.text
    assert "  skipped alive  readiness could not be validated\n" in reply.text
    assert reply.notes == (
        "this is a snapshot of one machine; capture its cluster: clusterbook snapshot --cluster -o cluster.yaml",
    )


def test_the_first_constraint_that_fails_is_named(index: str, tmp_path: Path) -> None:
    document = dict(FILES["h100-eks"])
    old = {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.28.1-eks-1"}}]}
    document["measurements"] = [each if each["type"] != "K8s" else old for each in document["measurements"]]
    path = tmp_path / "old.yaml"
    path.write_text(dump(document))
    found = {line["recipe"]: line for line in json.loads(fit({"source": index, "format": "json"}, str(path)).text)}
    assert found["h100-eks-training"]["why"] == "K8s.server.version: it is v1.28.1-eks-1, not >= 1.30"
    assert found["eks"]["fit"] == "fits"


def test_recipes_of_a_private_tree_are_asked_too(index: str, tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    (tmp_path / "registry.yaml").write_text("kind: ComponentRegistry\ncomponents: []\n")
    text = "kind: RecipeMetadata\nmetadata: {name: mine}\nspec: {criteria: {service: eks, platform: kubeflow}}\n"
    (tmp_path / "overlays" / "mine.yaml").write_text(text)
    assert "mine" in fit({"source": index, "data": str(tmp_path)}, H100).text


def test_fit_takes_a_snapshot(index: str) -> None:
    with pytest.raises(MissingFlag, match="the snapshot is missing"):
        fit({"source": index})
    said = indexes.run("fit", "nowhere.yaml", "--source", index)
    assert (said.status, "CB102 nowhere.yaml" in said.err) == (3, True)


@pytest.mark.parametrize("words", [("--pool", "h100-ubuntu-24.04"), ("--node-selector", "nvidia.com/gpu.present=true")])
def test_fit_and_validate_judge_the_nodes_that_were_picked(index: str, words: tuple[str, str]) -> None:
    said = indexes.run("fit", H100, "--source", index, *words, "-t", "json")
    assert (said.status, json.loads(said.out)[0]["recipe"]) == (0, "h100-eks-training")
    line = ("validate", "h100-eks-training", "--no-cluster", "-s", H100, "--source", index, "--phase", "readiness")
    judged = indexes.run(*line, *words)
    assert judged.status == 0
    assert "only these nodes were validated: " in judged.err
    assert indexes.run(*line, "--pool", "nowhere").status == 2
    assert indexes.run(*line, *words, "--evidence", "proof").status == 2


def test_a_snapshot_of_a_newer_version_is_judged_and_says_so(index: str, tmp_path: Path) -> None:
    document = {**FILES["h100-eks"], "metadata": {**FILES["h100-eks"]["metadata"], "version": "2026.7.0"}}
    taken = tmp_path / "newer.yaml"
    taken.write_text(dump(document), encoding="utf-8")
    assert fit({"source": index}, str(taken)).notes[0] == (
        f"the snapshot was taken by a newer version, 2026.7.0; this is {__version__}"
    )
