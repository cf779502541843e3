"""What is written for AICR: each kind of document in each of its versions, read back under the rules of that version.

The catalog is a small one that has it all: a profile, manifests, a values file, a health check.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.cli import main
from clusterbook.documents.api_version import WRITTEN
from clusterbook.documents.yaml_writer import dump
from clusterbook.files.write import write_folder
from clusterbook.lookup import build as indexing
from clusterbook.snapshot.build import envelope
from tests.support import trees
from tests.support.indexes import Said

Ask = Callable[..., Said]
PROFILED = {"aicr.run/v1": "aicr.run/v1beta2", "aicr.run/v1alpha2": "aicr.run/v1alpha3"}
MANIFEST = "components/b/manifests/x.yaml"
FILES = {
    "base": f"""
        constraints: [{{name: K8s.server.version, value: ">= 1.25"}}]
        componentRefs:
          - {{name: a, valuesFile: components/a/values.yaml, dependencyRefs: [b]}}
          - {{name: b, manifestFiles: [{MANIFEST}], overrides: {{port: 80, "a.b/c": "1.10", gone: null}}}}
    """,
    "eks": """
        criteria: {service: eks}
        profile:
          name: gpuStack
          default: ami
          values:
            ami: {componentRefs: [{name: a, overrides: {driver: {enabled: false}}}]}
            operator: {componentRefs: [{name: a, overrides: {driver: {enabled: true}}}]}
    """,
    "gke": "criteria: {service: gke}",
    "components/a/values.yaml": 'driver:\n  version: "1.0"\n  enabled: true\n',
    MANIFEST: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {port: '{{ .Values.b.port }}'}\n",
}
KNOWN = {
    *("name", "namespace", "chart", "type", "source", "version", "tag", "path", "valuesFile", "overrides", "patches"),
    *("dependencyRefs", "manifestFiles", "preManifestFiles", "cleanup", "expectedResources", "healthCheckAsserts"),
    "healthCheckSkip",
}
"""All that a component of AICR has. Source: reference row R16."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "index"
    write_folder(folder, list(indexing.index_parts(trees.build(FILES))), marker="index.json")
    return folder


@pytest.fixture
def ask(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        own = ("--source", str(index)) if words[0] in ("recipe", "query", "bundle") else ()
        status = main.run([*words, *own], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def read(path: str) -> Any:
    """Return the document in a file."""
    return YAML(typ="safe").load(Path(path))


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize(
    ("slug", "version"),
    [
        (slug, each)
        for slug in ("gke", "eks", "eks--operator")
        for each in (PROFILED, WRITTEN["RecipeResult"])[slug == "gke"]
    ],
)
def test_a_recipe_is_whole_for_whoever_reads_it(ask: Ask, slug: str, version: str, form: str) -> None:
    words = ("--api-version", version, "-t", form, "-o", f"r.{form}", "--files", "tree")
    written = ask("recipe", slug, *words)
    assert written.status == 0, written.err
    document = read(f"r.{form}")
    chosen = "selectedProfile" in document["metadata"]
    assert chosen == (slug != "gke")
    assert document["apiVersion"] == (PROFILED.get(version, version) if chosen else version)
    assert {key for component in document["componentRefs"] for key in component} <= KNOWN
    assert not any("valuesFile" in component for component in document["componentRefs"])
    assert Path("tree", MANIFEST).read_text() == FILES[MANIFEST]
    assert ask("check", f"r.{form}").out == "no findings\n"
    ours = json.loads(ask("query", slug, "--selector", "components", "-t", "json").out)
    again = json.loads(ask("query", "-r", f"r.{form}", "--selector", "components", "-t", "json").out)
    values = {name: each.get("values") or each.get("overrides") for name, each in again.items()}
    assert values == {name: each["values"] for name, each in ours.items()}
    bundled = ask("bundle", "-r", f"r.{form}", "--data", "tree", "-o", "theirs")
    assert bundled.status == 0, bundled.err
    assert ask("bundle", slug, "-o", "ours").status == 0
    shown = [path.relative_to("ours") for path in sorted(Path("ours").rglob("values.yaml"))]
    assert shown
    for path in shown:
        assert Path("theirs", path).read_text() == Path("ours", path).read_text(), path


def test_manifests_that_are_not_written_are_told(ask: Ask) -> None:
    said = ask("recipe", "gke", "--api-version", "aicr.run/v1", "-o", "r.yaml")
    assert "1 manifests are named but not included: --files DIR" in said.err
    assert ask("bundle", "-r", "r.yaml", "-o", "b").status == 2


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("gke", "--files", "tree"), 2),
        (("gke", "--kind", "criteria", "--api-version", "aicr.run/v1", "--files", "tree"), 2),
        (("gke", "--api-version", "aicr.run/v1", "--files", "full"), 8),
    ],
)
def test_files_are_written_where_that_means_something(ask: Ask, words: tuple[str, ...], status: int) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    said = ask("recipe", *words)
    assert said.status == status, said
    assert not Path("tree").exists()
    assert Path("full/mine.txt").exists()


def test_a_recipe_that_is_handed_in_has_its_manifests_written_from_the_tree_that_has_them(ask: Ask) -> None:
    ask("recipe", "gke", "--api-version", "aicr.run/v1", "-o", "one.yaml", "--files", "one")
    words = ("--api-version", "aicr.run/v1alpha2", "-o", "two.yaml", "--files", "two")
    said = ask("recipe", "-r", "one.yaml", "--data", "one", *words)
    assert said.status == 0, said.err
    assert Path("two", MANIFEST).read_bytes() == Path("one", MANIFEST).read_bytes()
    assert read("two/registry.yaml") == {
        "apiVersion": "aicr.run/v1alpha2",
        "kind": "ComponentRegistry",
        "components": [],
    }
    assert read("one/registry.yaml")["apiVersion"] == "aicr.run/v1beta1"


def test_what_was_chosen_is_not_written_in_a_version_that_knows_no_choices(ask: Ask) -> None:
    said = ask("recipe", "eks", "--api-version", "aicr.nvidia.com/v1alpha1", "-o", "r.yaml")
    assert said.status == 2
    assert "gpuStack was chosen" in said.err


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("version", WRITTEN["RecipeCriteria"])
def test_criteria_lead_to_the_same_recipe(ask: Ask, version: str, form: str) -> None:
    assert ask("recipe", "gke", "--kind", "criteria", "--api-version", version, "-t", form, "-o", "c.x").status == 0
    assert set(read("c.x")) == {"apiVersion", "kind", "metadata", "spec"}
    assert ask("recipe", "-r", "c.x").out == ask("recipe", "gke").out


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("version", WRITTEN["AICRConfig"])
@pytest.mark.parametrize("slug", ["gke", "eks", "eks--operator"])
def test_a_configuration_makes_the_recipe_again(ask: Ask, slug: str, version: str, form: str) -> None:
    assert ask("recipe", slug, "--kind", "config", "--api-version", version, "-t", form, "-o", "c.x").status == 0
    assert (read("c.x")["apiVersion"], read("c.x")["kind"]) == (version, "AICRConfig")
    assert ask("recipe", "--config", "c.x").out == ask("recipe", slug).out


@pytest.mark.parametrize("version", WRITTEN["Snapshot"])
def test_a_snapshot_says_the_same_of_a_cluster(ask: Ask, version: str) -> None:
    file = Path(__file__).resolve().parents[1] / "snapshots/h100-eks.yaml"
    ours = YAML(typ="safe").load(file)
    Path("s.yaml").write_text(dump(envelope(ours, version)), encoding="utf-8")
    assert read("s.yaml")["apiVersion"] == version
    assert ask("check", "s.yaml").out == "no findings\n"
    words = ("query", "--selector", "metadata", "--accelerator", "any", "--os", "any", "--allow-inherited", "-s")
    assert ask(*words, "s.yaml").out == ask(*words, str(file)).out != ""


@pytest.mark.parametrize("kind", ["recipe", "criteria", "config"])
@pytest.mark.parametrize("version", ["aicr.run/v1alpha3", "aicr.run/v2", "v1", ""])
def test_another_version_is_not_written(ask: Ask, kind: str, version: str) -> None:
    said = ask("recipe", "gke", "--kind", kind, "--api-version", version, "-o", "x.yaml")
    assert said.status == 2, (kind, version)
    assert not Path("x.yaml").exists()
