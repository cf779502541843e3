"""Choices at a look-up: by flag, by a recipe's name, by file and environment; from an index and from sources alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.files.write import write_folder
from clusterbook.lookup import build as indexing
from tests.support import trees
from tests.support.indexes import Said

Ask = Callable[..., Said]
FILES = {
    "base": "componentRefs: [{name: a, overrides: {driver: {enabled: true}}}]",
    "eks": """
        criteria: {service: eks}
        profile:
          name: gpuStack
          default: ami
          values:
            ami: {componentRefs: [{name: a, overrides: {driver: {enabled: false}}}]}
            operator:
              componentRefs: [{name: a, overrides: {driver: {enabled: true}}}]
              constraints: [{name: K8s.server.version, value: '>= 1.30', remediation: upgrade it}]
    """,
    "gke": "criteria: {service: gke}",
}
PRIVATE = "apiVersion: clusterbook.dev/v1alpha1\nkind: ComponentRegistry\nmetadata: {name: r}\ncomponents: []\n"
DRIVER = "components.a.values.driver.enabled"
SNAPSHOT = """
apiVersion: clusterbook.dev/v1alpha1
kind: Snapshot
metadata: {}
measurements:
- type: K8s
  subtypes:
  - {subtype: server, data: {version: v1.%s.0}}
"""


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("choices") / "index"
    write_folder(folder, list(indexing.index_parts(trees.build(FILES))), marker="index.json")
    return folder


@pytest.fixture(params=["index", "sources"])
def ask(
    request: pytest.FixtureRequest,
    index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    """Ask the index, or resolve its sources with a private tree over them that says nothing."""
    monkeypatch.chdir(tmp_path)
    Path("tree").mkdir()
    Path("tree/registry.yaml").write_text(PRIVATE)
    more = ("--data", "tree") if request.param == "sources" else ()

    def call(*words: str, environment: dict[str, str] | None = None) -> Said:
        status = main.run([*words, "--source", str(index), *more], environment or {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def test_a_choice_is_made_by_flag_by_name_by_file_and_by_environment(ask: Ask) -> None:
    Path("c.yaml").write_text(
        "kind: AICRConfig\napiVersion: aicr.run/v1beta1\n"
        "spec: {recipe: {criteria: {service: eks}, profile: gpuStack=operator}}\n"
    )
    query = ("query", "--selector", DRIVER)
    assert ask(*query, "--service", "eks").out == "false\n"
    for words, environment in (
        (("--service", "eks", "--profile", "gpuStack=operator"), {}),
        (("eks", "--profile=gpuStack=OPERATOR"), {}),
        (("eks--operator",), {}),
        (("--config", "c.yaml"), {}),
        (("eks",), {"CLUSTERBOOK_PROFILE": "gpuStack=operator"}),
    ):
        said = ask(*query, *words, environment=environment)
        assert (said.status, said.out) == (0, "true\n"), words
    over = ask(*query, "--config", "c.yaml", "--profile", "gpuStack=ami")
    assert over.out == "false\n"
    assert "c.yaml" in over.err


@pytest.mark.parametrize(
    "words",
    [
        ("eks", "--profile", "gpuStack=nobody"),
        ("eks", "--profile", "driver=ami"),
        ("gke", "--profile", "gpuStack=ami"),
        ("eks", "--slurm-accounting-mode", "disabled"),
        ("eks", "--profile", "gpuStack"),
        ("eks", "--profile", "gpuStack=ami", "--profile", "gpuStack=operator"),
        ("eks--operator", "--profile", "gpuStack=ami"),
        ("eks--nobody",),
        ("gke--operator",),
    ],
)
def test_what_is_not_offered_or_contradicts_itself_is_refused(ask: Ask, words: tuple[str, ...]) -> None:
    said = ask("recipe", *words)
    assert said.status == 2
    assert "hint:" in said.err


def test_every_answer_is_listed_under_a_name_of_its_own(ask: Ask) -> None:
    names = [line.split()[0] for line in ask("list").out.splitlines()[1:]]
    assert names == ["base", "eks", "eks--operator", "gke"]


def test_where_a_value_comes_from_names_the_answer(ask: Ask) -> None:
    assert "eks gpuStack=operator" in ask("explain", "eks--operator", DRIVER).out


@pytest.mark.parametrize(
    ("minor", "chosen", "status"), [("34", "operator", 0), ("28", "operator", 2), ("28", "ami", 0)]
)
def test_a_snapshot_that_an_answer_is_not_for_ends_the_look_up(ask: Ask, minor: str, chosen: str, status: int) -> None:
    Path("s.yaml").write_text(SNAPSHOT % minor)
    said = ask("recipe", "-s", "s.yaml", "--service", "eks", "--profile", f"gpuStack={chosen}")
    assert said.status == status, said.err
    assert ("upgrade it" in said.err) == (status != 0)


def test_a_recipe_that_is_handed_in_keeps_what_was_chosen(ask: Ask) -> None:
    Path("r.yaml").write_text(ask("recipe", "eks--operator").out)
    assert ask("query", "-r", "r.yaml", "--selector", DRIVER).out == "true\n"
    assert ask("query", "-r", "r.yaml", "--selector", DRIVER, "--profile", "gpuStack=operator").status == 0
    assert ask("query", "-r", "r.yaml", "--selector", DRIVER, "--profile", "gpuStack=ami").status == 2
