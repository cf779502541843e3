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
    Path("cluster.config.yaml").write_text(EXAMPLE, encoding="utf-8")
    shutil.copy(OURS / "tests/snapshots/h100-eks.yaml", "cluster.yaml")
    assert len(COMMANDS) == 4
    for line in COMMANDS:
        status = run(line.split(), {})
        assert status in (0, 10 if line.startswith("validate") else 0), (line, capsys.readouterr().err)
    assert "no findings" in capsys.readouterr().out
    options = Path("bundle/options.yaml").read_text(encoding="utf-8")
    assert "storageClass: gp3" in options
    assert Path("recipe.yaml").is_file()


def test_an_editor_is_told_of_wrong_keys() -> None:
    validator = Draft202012Validator(SCHEMA)
    document = YAML(typ="safe").load(EXAMPLE)
    assert list(validator.iter_errors(document)) == []
    document["spec"]["bundle"]["deployment"]["sett"] = []
    assert len(list(validator.iter_errors(document))) == 1
