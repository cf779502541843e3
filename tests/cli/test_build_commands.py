"""The build tool's commands: what they write, and with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import jsonschema
import pytest

from clusterbook.cli import build_main
from clusterbook.lookup.write import build_index
from clusterbook.site import json_schemas
from tests.support import indexes, trees
from tests.support.hints import nearest

OURS = Path(__file__).resolve().parents[2]


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """Return a source tree on disk."""
    for path, text in trees.texts(indexes.FILES).items():
        target = tmp_path / "recipes" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path / "recipes"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_build_is_the_same_bytes_twice_in_a_row(recipes: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for output in (first, second):
        build_index(recipes, output=output)
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert {"clusterbook-index.zip", "index/index.json"} <= {name.as_posix() for name in names}
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_an_index_in_the_package_is_the_one_in_the_output(recipes: Path, tmp_path: Path) -> None:
    output, package = tmp_path / "out", tmp_path / "package" / "index"
    embedded = build_index(recipes, output=output, package=package).embedded
    assert embedded == tuple(sorted(path for path in package.rglob("*") if path.is_file()))
    assert all(path.read_bytes() == (output / "index" / path.relative_to(package)).read_bytes() for path in embedded)
    assert build_index(recipes, output=output).embedded == ()


def test_a_build_says_what_to_do_next(recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["build", "--recipes", str(recipes), "-o", str(tmp_path / "dist")]) == 0
    said = capsys.readouterr().out
    assert "8 recipes answer 216 combinations" in said
    assert "Next:" in said
    assert (tmp_path / "dist" / "index" / "recipes" / "gke-cos.json").exists()


def test_a_build_that_fails_leaves_nothing(recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipes / "overlays" / "eks.yaml").write_text("kind: RecipeMetadata\nmetadata: {nam: eks}\nspec: {}\n")
    assert build_main.run(["build", "--recipes", str(recipes), "-o", str(tmp_path / "dist")]) == 2
    assert "overlays/eks.yaml:2:12: CB012 unknown key 'nam'" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_the_matrix_has_a_line_for_every_tuple_and_every_recipe(recipes: Path, tmp_path: Path) -> None:
    target = tmp_path / "matrix.jsonl"
    assert build_main.run(["matrix", "--recipes", str(recipes), "--hydrate", "-o", str(target)]) == 0
    found = lines(target)
    tuples = {str(line["tuple"]): line for line in found if "tuple" in line}
    results = {str(line["slug"]): line["result"] for line in found if "result" in line}
    assert len(tuples) == 4 * 3 * 3 * 3 * 2
    assert tuples["eks/h100/training/any/any"]["state"] == "curated"
    assert tuples["eks/h100/any/any/any"]["state"] == "composed"
    assert tuples["eks/gb200/any/any/any"] == {
        "tuple": "eks/gb200/any/any/any",
        "state": "inherited",
        "slug": "eks",
        "reason": "accelerator gb200 has no effect; the answer is eks",
        "lost": ["accelerator"],
        "nearest": ["eks", "eks-training", "h100-eks-training"],
    }
    assert tuples["gke/any/any/any/any"]["state"] == "unsupported"
    assert set(results) == {line["slug"] for line in tuples.values()}
    assert set(results["eks"]) == {
        "apiVersion",
        "kind",
        "metadata",
        "criteria",
        "constraints",
        "deploymentOrder",
        "components",
    }


def test_the_matrix_answers_the_tuples_in_a_file(recipes: Path, tmp_path: Path) -> None:
    asked, target = tmp_path / "tuples", tmp_path / "matrix.jsonl"
    asked.write_text("eks/any/any/any/any\n\nkind/any/any/any/any\n")
    assert build_main.run(["matrix", "--recipes", str(recipes), "--tuples", str(asked), "-o", str(target)]) == 0
    assert [line.get("tuple") for line in lines(target)] == ["eks/any/any/any/any", "kind/any/any/any/any", None, None]


def test_each_line_of_tuples_is_answered_once_under_its_own_words(recipes: Path, tmp_path: Path) -> None:
    asked, target = tmp_path / "tuples", tmp_path / "matrix.jsonl"
    said = ["eks/any/any/any/any", "EKS/any/any/any/any", "amazon/any/any/any/any", "eks/any/any/any/any?", "kind////"]
    text = "\r\n".join(["\ufeffeks/any/any/any/any", "", *said, "  eks/any/any/any/any  ", said[1], "\t"])
    asked.write_bytes(text.encode())
    assert build_main.run(["matrix", "--recipes", str(recipes), "--tuples", str(asked), "-o", str(target)]) == 0
    found = lines(target)
    assert [line["tuple"] for line in found if "tuple" in line] == said
    assert [line["slug"] for line in found if "tuple" in line] == ["eks", "eks", "eks", "eks", "base"]
    assert [line["slug"] for line in found if "result" in line] == ["base", "eks"]


@pytest.mark.parametrize(
    "line",
    ["# a comment", "eks/any/any/any/any # why", "eks/any/any/any/any?=x", "eks/any/any/any/any?gpuStack=",
     "eks/any/any/any/any?gpuStack", "eks/any/any/any/any?a=1&", "eks/any/any/any/any?a=1&a=2", "eks/any",
     "nowhere////"],
)  # fmt: skip
def test_a_line_that_is_no_tuple_is_refused_with_its_place(
    line: str, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, target = tmp_path / "tuples", tmp_path / "matrix.jsonl"
    asked.write_text(f"eks/any/any/any/any\n\n{line}\n")
    assert build_main.run(["matrix", "--recipes", str(recipes), "--tuples", str(asked), "-o", str(target)]) == 2
    assert f"{asked}:3:1: CB101" in capsys.readouterr().err
    assert not target.exists()


def test_a_bad_line_among_the_tuples_is_named_and_nothing_written(
    recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, target = tmp_path / "tuples", tmp_path / "matrix.jsonl"
    asked.write_text("eks/any/any/any/any\neks/any\n")
    assert build_main.run(["matrix", "--recipes", str(recipes), "--tuples", str(asked), "-o", str(target)]) == 2
    assert f"{asked}:2:1" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize(
    "query", ["h100-eks-training", "eks/h100/training/any/any", "service=eks,accelerator=h100,intent=training"]
)
def test_a_recipe_is_resolved_by_name_tuple_or_criteria(
    recipes: Path, query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_main.run(["resolve", "--recipes", str(recipes), query, "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["slug"] == "h100-eks-training"


@pytest.mark.parametrize(("query", "status"), [("nope", 3), ("gke/any/any/any/any", 2), ("eks/x", 2), ("service=x", 2)])
def test_what_cannot_be_resolved_has_a_status(recipes: Path, query: str, status: int) -> None:
    assert build_main.run(["resolve", "--recipes", str(recipes), query]) == status


def test_the_schemas_in_the_tree_are_those_of_the_shapes() -> None:
    assert json_schemas.outdated_files(OURS / "schemas" / "v1") == []


def test_a_stale_schema_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["schemas", "-o", str(tmp_path)]) == 0
    (tmp_path / "criteria.schema.json").write_text("{}")
    (tmp_path / "left-over.schema.json").write_text("{}")
    assert build_main.run(["schemas", "-o", str(tmp_path), "--verify"]) == 10
    assert "left-over" in capsys.readouterr().out


def test_every_schema_is_valid_and_accepts_our_own_sources() -> None:
    from ruamel.yaml import YAML

    for text in json_schemas.schemas().values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    checked = 0
    for path in sorted((OURS / "recipes").rglob("*.yaml")):
        first = path.read_text().partition("\n")[0]
        if "$schema=" not in first:
            continue
        schema = json.loads((path.parent / first.partition("$schema=")[2]).read_text())
        jsonschema.Draft202012Validator(schema).validate(YAML(typ="safe").load(path))
        checked += 1
    assert checked > 10


def test_an_unreadable_tree_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["build", "--recipes", str(tmp_path / "none"), "-o", str(tmp_path / "dist")]) == 3
    assert "does not exist" in capsys.readouterr().err


def test_words_that_are_no_command_are_refused() -> None:
    assert build_main.run(["nope"]) == 3
    assert build_main.run(["matrix"]) == 1
    assert build_main.run(["check", "--format", "xml"]) == 2
    assert build_main.run([]) == 0


def test_counts_are_those_of_the_announcement(capsys: pytest.CaptureFixture[str]) -> None:
    """The figures were published for the release whose tree this is: 13 components and 239 values, 11 and 213."""
    tree = str(trees.shared_folder("reference/2026.03"))
    kubeflow, dynamo = "gb200-eks-ubuntu-training-kubeflow", "gb200-eks-ubuntu-inference-dynamo"
    assert build_main.run(["count", "--recipes", tree, "eks", kubeflow, dynamo]) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["eks", "11", "213"] in said
    assert [kubeflow, "13", "239"] in said
    assert said[-1][:5] == [kubeflow, "→", f"{dynamo}:", "5", "components"]


def test_counting_tells_what_changes(recipes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["count", "--recipes", str(recipes), "base", "h100-eks"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "RECIPE    COMPONENTS  VALUES",
        "base      2           5",
        "h100-eks  3           5",
        "base → h100-eks: 1 components swapped (out: none; in: c), 1 values of the others differ",
    ]
    assert build_main.run(["count", "--recipes", str(recipes), "nope"]) == 3


def test_a_recipe_is_resolved_by_flags_too(recipes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["resolve", "--recipes", str(recipes), "--service", "eks", "--intent", "training"]
    assert build_main.run([*line, "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["slug"] == "eks-training"
    assert build_main.run([*line, "eks"]) == 2
    assert build_main.run([*line, "--service", "gke"]) == 2
    assert "--service is given twice" in capsys.readouterr().err


def test_a_build_refuses_a_tree_in_which_a_recipe_does_not_resolve(
    recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = recipes / "overlays" / "h100-eks-training.yaml"
    overlay.write_text(overlay.read_text().replace("base: eks-training", "base: eks-trainin"))
    assert build_main.run(["build", "--recipes", str(recipes), "-o", str(tmp_path / "dist")]) == 2
    assert "h100-eks-training.yaml:5:9: CB030 base 'eks-trainin' does not exist" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_an_unknown_criterion_is_refused(recipes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["resolve", "--recipes", str(recipes), "accelrator=h100,service=eks"]) == 2
    assert nearest(capsys.readouterr().err) == "accelerator"


def test_the_matrix_goes_to_standard_output(recipes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["matrix", "--recipes", str(recipes), "-o", "-"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["state"] == "curated"


MODULES = {"check": 140, "resolve eks": 80, "schemas --verify": 55, "audit": 140, "--version": 20}
"""How many of our modules a command may enter. All of them together enter 226."""


@pytest.mark.parametrize("line", MODULES)
def test_a_command_loads_what_it_needs(line: str) -> None:
    script = (
        "import sys\nfrom clusterbook.cli.build_main import run\n"
        f"status = run({line.split()!r})\n"
        "print(status, sum(name.split('.')[0] == 'clusterbook' for name in sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=OURS, capture_output=True, text=True, check=True)
    status, entered = map(int, done.stderr.splitlines()[-1].split())
    assert status == 0
    assert entered <= MODULES[line]


def test_every_command_stands_where_the_table_says() -> None:
    context = click.Context(build_main.program)
    commands = [build_main.program.get_command(context, name) for name in build_main.COMMANDS]
    assert [command and command.name for command in commands] == list(build_main.COMMANDS)
    assert build_main.program.get_command(context, "biuld") is None
