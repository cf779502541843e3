"""`upgrade plan` at the command line, and `bundle --like`: bundles, recipes and snapshots of a small catalog."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clusterbook.bundle.disk import read_bundle
from clusterbook.cli import main
from clusterbook.documents.yaml_reader import parse
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from tests.support import clusters, publications, trees
from tests.support.indexes import Said
from tests.support.publications import JULY, MARCH
from tests.transition.test_record import RECORD

Ask = Callable[..., Said]
SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "v1" / "upgrade-plan.schema.json"
REGISTRY = """\
kind: ComponentRegistry
components:
- name: {operator}
  {former}
  valueOverrideKeys: [{operator}key]
  helm:
    {{defaultRepository: https://charts.example/o, defaultChart: o, defaultVersion: "{version}", defaultNamespace: o}}
- name: b
  helm: {{defaultRepository: https://charts.example/b, defaultChart: b, defaultVersion: "1.0.0", defaultNamespace: b}}
- name: c
  helm: {{defaultRepository: https://charts.example/c, defaultChart: c, defaultVersion: "1.0.0", defaultNamespace: c}}
"""
OLD = {
    "registry.yaml": REGISTRY.format(operator="old", former="displayName: Old", version="1.0.0"),
    "eks": "criteria: {service: eks}\ncomponentRefs: [{name: old, overrides: {x: {y: 1}}}, {name: b}]",
}
NEW = {
    "registry.yaml": REGISTRY.format(operator="new", former="renamedFrom: [old]", version="2.0.0"),
    "eks": 'criteria: {service: eks}\nconstraints: [{name: K8s.server.version, value: ">= 1.30"}]\n'
    "componentRefs: [{name: new, overrides: {x: {y: 2}}}, {name: c, overrides: {z: 1}}]",
}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Give a command line in a folder with the indexes `old` and `new`, and a bundle of each: `bundle-old`, … ."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        capsys.readouterr()
        return Said(main.run(words, dict(os.environ)), *capsys.readouterr())

    for name, files in (("old", OLD), ("new", NEW)):
        parts = list(index_parts(trees.build(files)))
        write_folder(Path(name), parts, marker="index.json")
        assert call("bundle", "eks", "--source", name, "-o", f"bundle-{name}").status == 0
        Path(f"{name}.yaml").write_text(call("recipe", "eks", "--source", name).out)
    return call


def plan(said: Said) -> dict[str, Any]:
    assert said.status in (0, 10), said.err
    document: dict[str, Any] = json.loads(said.out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    return document["spec"]


FORMS = [
    ("bundle-old", "bundle-new"),
    ("bundle-old", "eks"),
    ("bundle-old", "new.yaml"),
    ("bundle-old.tgz", "bundle-new"),
]


@pytest.mark.parametrize("words", FORMS)
def test_whatever_names_the_two_the_plan_is_the_same(ask: Ask, words: tuple[str, str]) -> None:
    assert ask("bundle", "eks", "--source", "old", "-o", "bundle-old.tgz").status == 0
    said = ask("upgrade", "plan", *words, "--source", "new", "-t", "json")
    spec = plan(said)
    assert (said.status, "CB260" in said.err) == (10, True)
    assert [(each["release"], each["action"]) for each in spec["releases"]] == [
        ("c", "comes"), ("new", "renamed"), ("b", "goes"),
    ]  # fmt: skip
    assert {each.get("release", "") for each in spec["needsYou"]} == {"", "b"}
    assert spec["requirements"] == [{"name": "K8s.server.version", "after": ">= 1.30"}]


def test_a_recipe_file_and_a_recipe_of_the_index_are_sides_too(ask: Ask) -> None:
    spec = plan(ask("upgrade", "plan", "old.yaml", "eks", "--source", "old", "-t", "json"))
    assert {each["action"] for each in spec["releases"]} == {"stays"}


def test_what_stays_as_it_is_needs_nobody(ask: Ask) -> None:
    said = ask("upgrade", "plan", "bundle-new", "bundle-new")
    assert (said.status, "needs you" in said.out) == (0, False)
    assert "2 unchanged" in said.out


@pytest.mark.parametrize(
    ("form", "first"), [("text", "bundle-old → bundle-new: 3 releases"), ("markdown", "# bundle-old")]
)
def test_what_needs_you_comes_first(ask: Ask, form: str, first: str) -> None:
    said = ask("upgrade", "plan", "bundle-old", "bundle-new", "-t", form)
    assert said.out.startswith(first)
    assert said.out.lower().index("manual steps") < said.out.index(
        "eleases, in the" if form == "text" else "## Releases"
    )
    assert "not available" in said.out


def test_a_plan_takes_over_the_options_of_the_bundle_that_is_deployed(ask: Ask) -> None:
    assert ask("bundle", "eks", "--source", "new", "-o", "mine", "--set", "c:z=7").status == 0
    spec = plan(ask("upgrade", "plan", "mine", "eks", "--source", "new", "-t", "json"))
    assert {each["action"] for each in spec["releases"]} == {"stays"}
    spec = plan(ask("upgrade", "plan", "mine", "bundle-new", "-t", "json"))
    (step,) = [each for each in spec["releases"] if each["action"] == "changes"]
    assert step["values"] == [{"pointer": "/z", "before": 7, "after": 1, "effect": "unproven"}]


def test_a_bundle_that_was_edited_is_said_to_be(ask: Ask) -> None:
    edited = next(Path("bundle-old").glob("*-old/values.yaml"))
    edited.write_text("x: 9\n")
    assert "bundle-old was edited" in ask("upgrade", "plan", "bundle-old", "bundle-new").err


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("nowhere", "eks"), 3, "there is no recipe nowhere"),
        (("./nowhere.yaml", "eks"), 3, "nowhere.yaml"),
        (("old", "eks"), 2, "not a bundle"),
        (("registry.yaml", "eks"), 2, "neither a recipe nor a snapshot"),
        (("eks",), 1, "TO"),
    ],
)
def test_what_is_no_side_is_refused(ask: Ask, words: tuple[str, ...], status: int, part: str) -> None:
    Path("registry.yaml").write_text("kind: Other\n")
    said = ask("upgrade", "plan", *words, "--source", "new")
    assert (said.status, part in said.err) == (status, True), said.err


def test_a_cluster_is_planned_by_what_it_shows(ask: Ask) -> None:
    Path("cluster.yaml").write_text(json.dumps(clusters.eks()))
    said = ask("upgrade", "plan", "cluster.yaml", "h100-eks-ubuntu-training-kubeflow", "-t", "json")
    spec = plan(said)
    actions = {each["release"]: each["action"] for each in spec["releases"]}
    assert actions["gpu-operator"] in ("stays", "changes", "upgrades")
    assert "goes" not in actions.values()
    assert {each["name"]: each.get("holds") for each in spec["requirements"]}["K8s.server.version"] is True
    assert ask("upgrade", "plan", "bundle-old", "cluster.yaml").status == 2


# --- bundle --like ----------------------------------------------------------------------------------------------------


def options(folder: str) -> dict[str, Any]:
    node = parse(read_bundle(folder)["options.yaml"].decode(), "options.yaml")
    assert node is not None
    found: dict[str, Any] = node.data()["spec"]
    return found


def test_options_live_on_and_flags_lie_over_them(ask: Ask) -> None:
    first = ("--set", "c:z=7", "--set", "c:v=8", "--set-json", "new:k=[1]", "-d", "helmfile", "--storage-class", "gp3")
    assert ask("bundle", "eks", "--source", "new", "-o", "first", *first).status == 0
    more = ("--set", "c:z=9", "--storage-class", "gp4")
    said = ask("bundle", "eks", "--source", "new", "-o", "second", "--like", "first", *more)
    assert said.status == 0, said.err
    assert options("second") == {
        "deployer": "helmfile", "storageClass": "gp4", "set": ["c:v=8", "c:z=9"], "setJson": ["new:k=[1]"],
    }  # fmt: skip
    assert "options are those of first" in said.err
    assert "now --storage-class gp4" in said.err


def test_a_bundle_that_is_like_another_is_the_same_bundle(ask: Ask) -> None:
    assert ask("bundle", "eks", "--source", "new", "-o", "first", "--set", "c:z=7", "-d", "flux").status == 0
    assert ask("bundle", "eks", "--source", "new", "-o", "second", "--like", "first").status == 0
    assert read_bundle("first") == read_bundle("second")
    assert ask("bundle", "eks", "--source", "new", "-o", "first.tgz", "--like", "first").status == 0
    assert ask("bundle", "eks", "--source", "new", "-o", "third", "--like", "first.tgz").status == 0
    assert read_bundle("first") == read_bundle("third")


@pytest.mark.parametrize("word", ["old:x.y=5", "oldkey:x.y=5"])
def test_an_option_for_a_component_that_is_gone_names_its_successor(ask: Ask, word: str) -> None:
    assert ask("bundle", "eks", "--source", "old", "-o", "first", "--set", word).status == 0
    said = ask("bundle", "eks", "--source", "new", "-o", "second", "--like", "first")
    assert said.status == 2
    assert "it is now called new: --set new:x.y…" in said.err
    assert not Path("second").exists()
    dropped = ask(
        "bundle", "eks", "--source", "new", "-o", "second", "--like", "first", "--drop", word.partition("=")[0]
    )
    assert dropped.status == 0
    assert "set" not in options("second")


def test_an_option_for_a_component_without_a_successor_is_refused_too(ask: Ask) -> None:
    assert ask("bundle", "eks", "--source", "old", "-o", "first", "--set", "b:x=5").status == 0
    said = ask("bundle", "eks", "--source", "new", "-o", "second", "--like", "first")
    assert (said.status, "no b any more" in said.err) == (2, True)
    assert ask("bundle", "eks", "--source", "new", "-o", "second", "--like", "first", "--drop", "b").status == 0


def test_a_value_that_the_recipe_no_longer_speaks_of_is_told(ask: Ask) -> None:
    files = {**NEW, "eks": NEW["eks"].replace("{x: {y: 2}}", "{w: 1}")}
    write_folder(Path("newer"), list(index_parts(trees.build(files))), marker="index.json")
    assert ask("bundle", "eks", "--source", "new", "-o", "first", "--set", "new:x.y=5").status == 0
    said = ask("bundle", "eks", "--source", "newer", "-o", "second", "--like", "first")
    assert said.status == 0
    assert "--set new:x.y is carried over, but the recipe no longer sets anything there" in said.err


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("--like", "nowhere"), 3, "nowhere"),
        (("--like", "bundle-new", "--drop", "c:y"), 2, "does not set it"),
        (("--drop", "c:y"), 2, "--like"),
    ],
)
def test_what_cannot_be_liked_or_dropped_is_refused(ask: Ask, words: tuple[str, ...], status: int, part: str) -> None:
    said = ask("bundle", "eks", "--source", "new", "-o", "second", *words)
    assert (said.status, part in said.err) == (status, True), said.err


def test_a_bundle_that_is_made_over_another_says_which_options_change(ask: Ask) -> None:
    assert ask("bundle", "eks", "--source", "new", "-o", "first", "--set", "c:z=7", "-d", "argocd").status == 0
    same = ask("bundle", "eks", "--source", "new", "-o", "first", "--set", "c:z=7", "-d", "argocd")
    assert "options are not those" not in same.err
    said = ask("bundle", "eks", "--source", "new", "-o", "first")
    assert "options differ from the bundle that was in first: --deployer helm, not argocd; no longer --set c:z=7" in (
        said.err
    )


def test_records_are_those_of_the_published_catalog_that_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def files(version: str) -> dict[str, str]:
        record = "upgrades: {file: components/grove/upgrades.yaml}"
        registry = REGISTRY.format(operator="grove", former=record, version=version)
        return {
            "registry.yaml": registry,
            "components/grove/upgrades.yaml": RECORD,
            "base": "componentRefs: [{name: c}]",
            "eks": "criteria: {service: eks}\ncomponentRefs: [{name: grove}]",
        }

    monkeypatch.chdir(tmp_path)
    made = publications.publisher(tmp_path, files("0.1.0-alpha.8"), files("0.1.0-alpha.12"))
    for release in (MARCH, JULY):
        made.publish(publications.layout(tmp_path / "layout"), release)
    source = ["--source", f"oci-layout:{tmp_path / 'layout'}", "--key", str(made.key)]
    capsys.readouterr()
    status = main.run(["upgrade", "plan", f"eks@{MARCH}", f"eks@{JULY}", *source, "-t", "json"], {})
    steps = {each["release"]: each for each in plan(Said(status, *capsys.readouterr()))["releases"]}
    assert steps["grove"]["record"]["verdict"] == "manual"
    assert steps["grove"]["record"]["why"] == "A kind gets another name."
