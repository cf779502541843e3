"""The command `check` of the client: a document, a tree, a private tree over the catalog; and asking a tree alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from tests.support import indexes, trees
from tests.support.indexes import Said

Ask = Callable[..., Said]
GOOD = (
    "apiVersion: clusterbook.dev/v1alpha1\nkind: RecipeMetadata\nmetadata: {name: x}\n"
    "spec: {criteria: {service: eks}}\n"
)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)
    for path, text in trees.texts(indexes.FILES).items():
        (Path("tree") / path).parent.mkdir(parents=True, exist_ok=True)
        (Path("tree") / path).write_text(text)

    def call(*words: str) -> Said:
        status = main.run(list(words), {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


@pytest.mark.parametrize(
    ("text", "status", "place"),
    [
        (GOOD, 0, ""),
        (GOOD.replace("service", "servise"), 10, "x.yaml:4:19: CB012"),
        (GOOD.replace("v1alpha1", "v9"), 2, ""),
        (GOOD.replace("spec: {", "spec: {profile: {name: p, default: z, values: {a: {}}}, "), 10, "x.yaml:4:8: CB016"),
        (GOOD.replace("clusterbook.dev/v1alpha1", "aicr.run/v1beta2"), 10, "x.yaml:1:13: CB015"),
    ],
)
def test_a_document_is_checked_by_its_kind(ask: Ask, text: str, status: int, place: str) -> None:
    Path("x.yaml").write_text(text)
    said = ask("check", "x.yaml")
    assert said.status == status, said
    assert place in said.out


def test_what_is_no_document_of_a_catalog_is_refused(ask: Ask) -> None:
    Path("x.yaml").write_text("kind: Deployment\nmetadata: {name: x}\n")
    assert ask("check", "x.yaml").status == 2
    assert ask("check").status == 1
    assert ask("check", "x.yaml", "--data", "tree").status == 1


def test_a_tree_is_checked_alone_or_over_the_catalog(ask: Ask) -> None:
    wrong = "kind: RecipeMetadata\nmetadata: {name: eks}\nspec: {criteria: {servise: eks}}\n"
    Path("tree/overlays/eks.yaml").write_text(wrong)
    for words in (("tree",), ("--data", "tree", "--external-only"), ("--data", "tree")):
        said = ask("check", *words)
        assert said.status == 10
        assert "tree/overlays/eks.yaml:3:19: CB012" in said.out
        assert "recipes/" not in said.out


def test_a_tree_is_asked_alone(ask: Ask) -> None:
    for where in (("--data", "tree", "--external-only"), ("--source", "tree")):
        names = [line.split()[0] for line in ask("list", *where).out.splitlines()[1:]]
        assert names == ["base", "eks", "eks-training", "gke-cos", "h100", "h100-eks-training"]
        assert ask("query", "eks", "--selector", "components.a.values.driver.version", *where).out == "2.0\n"
    assert ask("list", "--external-only").status == 2
    assert ask("list", "--external-only", "--data", "tree", "--source", "tree").status == 2


CONFIG = """\
apiVersion: clusterbook.dev/v1alpha1
kind: ClusterbookConfig
spec:
  recipe: {{criteria: {{service: {service}}}}}
  bundle: {bundle}
  validate: {validate}
"""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, []),
        ({"service": "ekss"}, ["service 'ekss' is not known"]),
        ({"bundle": "{deployment: {sett: []}}"}, ["config.yaml:5:25: CB012 unknown key 'sett'"]),
        ({"bundle": "{deployment: {set: [nope]}}"}, ["--set nope is not component:path=value"]),
        ({"bundle": "{deployment: {deployer: nope}}"}, ["nope"]),
        ({"bundle": "{attestation: {certificateIdentityRegexp: x}}"}, ["certificateIdentityRegexp is not supported"]),
        ({"bundle": "{registry: {insecureTLS: true}}"}, ["certificates are always verified"]),
        ({"validate": "{agent: {os: ubuntu}}"}, ["agent.os is not supported"]),
        ({"service": "ekss", "bundle": "{deployment: {set: [nope]}}"}, ["'ekss' is not known", "--set nope is not"]),
    ],
)
def test_a_configuration_is_checked_as_the_commands_would(changed: dict[str, str], says: list[str], ask: Ask) -> None:
    words = {"service": "eks", "bundle": "{}", "validate": "{}", **changed}
    Path("config.yaml").write_text(CONFIG.format(**words), encoding="utf-8")
    said = ask("check", "config.yaml")
    assert said.status == (10 if says else 0)
    assert all(each in said.out for each in says or ["no findings"])
    assert len(re.findall(r"^config\.yaml.*: CB", said.out, re.MULTILINE)) == len(says)
