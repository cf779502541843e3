"""The guide's page about configuration files: its example holds, and it names every key there is."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from ruamel.yaml import YAML

from clusterbook.cli.main import run
from clusterbook.inputs.config_schema import ConfigShape
from tests.support import frozen

OURS = Path(__file__).resolve().parents[2]
PAGE = (OURS / "site/docs/guide/configure.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"```yaml[^\n]*\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^clusterbook ([^#\n]*)", PAGE, re.MULTILINE)
SCHEMA = json.loads((OURS / "schemas/v1/config.schema.json").read_text(encoding="utf-8"))


def keys(shape: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in shape.model_fields.items():
        at = f"{path}.{field.alias or name}".lstrip(".")
        inner = [each for each in (field.annotation, *get_args(field.annotation)) if isinstance(each, type)]
        parts = [each for each in inner if issubclass(each, BaseModel)]
        if parts:
            yield from keys(parts[0], at)
        else:
            yield at


def test_every_key_has_its_line() -> None:
    shown = {
        f"spec.{section}.{key}"
        for section, table in re.findall(r"^## spec\.(\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
        for key in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    }
    assert shown == {key for key in keys(ConfigShape) if key.startswith("spec.")}


def test_the_commands_of_the_page_take_its_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    index = str(frozen.write_index(tmp_path / "index", frozen.texts()))
    shutil.copy(frozen.SNAPSHOT, "cluster.yaml")
    assert {line.split()[0] for line in COMMANDS} >= {
        "recipe",
        "bundle",
        "validate",
        "verify",
        "list",
        "diff",
        "config",
    }
    for line in COMMANDS:
        own = ["--source", index] if line.split()[0] in ("list", "recipe", "bundle") else []
        status = run([*line.split(), *own], {})
        assert status == (10 if line.startswith("diff") else 0), (line, capsys.readouterr().err)
    assert Path("cluster.config.yaml").read_text(encoding="utf-8") == EXAMPLE
    said = capsys.readouterr().out
    assert "no findings" in said
    assert "releases.kubeflow/kubeflow-trainer" in said
    options = Path("bundle/options.yaml").read_text(encoding="utf-8")
    assert "storageClass: gp3" in options
    assert Path("recipe.yaml").is_file()


def test_only_a_configuration_is_checked_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.yaml").write_text(EXAMPLE.replace("deployer: helm", "deployr: helm"), encoding="utf-8")
    Path("other.yaml").write_text("kind: RecipeMetadata\n", encoding="utf-8")
    assert run(["config", "check", "wrong.yaml"], {}) == 10
    assert "wrong.yaml:10:7: CB012 unknown key 'deployr'" in capsys.readouterr().out
    assert run(["config", "check", "other.yaml"], {}) == 2
    assert "CB101 other.yaml has the kind 'RecipeMetadata'" in capsys.readouterr().err


def test_an_editor_is_told_of_wrong_keys() -> None:
    validator = Draft202012Validator(SCHEMA)
    document = YAML(typ="safe").load(EXAMPLE)
    assert list(validator.iter_errors(document)) == []
    document["spec"]["bundle"]["deployment"]["sett"] = []
    assert len(list(validator.iter_errors(document))) == 1
