"""Words that are text to us and booleans to Helm, among the values that users hand in: refused with their place."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from tests.support import indexes
from tests.support.indexes import Said

Ask = Callable[..., Said]
RECIPE = """\
apiVersion: clusterbook.dev/v1alpha1
kind: RecipeResult
metadata: {{slug: mine}}
criteria: {{service: eks}}
deploymentOrder: [a]
componentRefs:
- name: a
  type: Helm
  source: https://charts.example/x
  chart: a
  version: "1.0"
  namespace: a
  registry: {{}}
  {key}:
    deep: [{{x: {word}}}]
    switch:
      enabled: {word}
"""


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(indexes.write_index(tmp_path_factory.mktemp("shelf")))


@pytest.fixture
def ask(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)
    return lambda *words: Said(main.run([*words, "--source", index], {}), *capsys.readouterr())


@pytest.mark.parametrize("word", ["off", "No", "YES", "on", "y"])
@pytest.mark.parametrize(
    "words",
    [
        ("query", "-r", "r.yaml", "--selector", "metadata.slug"),
        ("recipe", "-r", "r.yaml"),
        ("bundle", "-r", "r.yaml", "-o", "b"),
        ("mirror", "list", "-r", "r.yaml"),
        ("diff", "r.yaml", "./r.yaml"),
    ],
    ids=lambda words: words[0],
)
def test_a_recipe_with_such_a_word_is_refused(ask: Ask, words: tuple[str, ...], word: str) -> None:
    Path("r.yaml").write_text(RECIPE.format(word=word, key="values"))
    said = ask(*words)
    assert (said.status, said.out, Path("b").exists()) == (2, "", False)
    assert f"r.yaml:15:16: CB101 the value {word} is text here" in said.err


@pytest.mark.parametrize("key", ["values", "overrides"])
def test_it_is_refused_wherever_values_stand_and_from_standard_input(
    ask: Ask, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RECIPE.format(word="off", key=key)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    said = ask("query", "-r", "-", "--selector", "metadata.slug")
    assert (said.status, "-:15:16: CB101 the value off" in said.err) == (2, True)


@pytest.mark.parametrize("word", ['"off"', "'no'", "false", "offf", "null", "'yes'"])
def test_what_means_the_same_to_helm_is_taken_as_it_is(ask: Ask, word: str) -> None:
    Path("r.yaml").write_text(RECIPE.format(word=word, key="values"))
    said = ask("query", "-r", "r.yaml", "--selector", "components.a.values.switch.enabled")
    assert (said.status, said.out) == (0, f"{word.strip(chr(34) + chr(39))}\n")


def test_json_has_such_words_in_quotes_and_words_beside_values_are_text(ask: Ask) -> None:
    text = RECIPE.format(word='"off"', key="values").replace("slug: mine", "slug: on")
    Path("r.yaml").write_text(text)
    assert ask("query", "-r", "r.yaml", "--selector", "metadata.slug").out == "on\n"
    Path("r.json").write_text(ask("recipe", "-r", "r.yaml", "-t", "json").out)
    assert ask("query", "-r", "r.json", "--selector", "components.a.values.deep").status == 0


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("f.yaml", "enabled: no\n", "f.yaml:1:10"),
        ("f.yml", "a:\n- b\n- Off\n", "f.yml:3:3"),
        ("f.yaml", "on\n", "f.yaml:1:1"),
        ("f.yaml", "{a: {b: [x, y]}}\n", "f.yaml:1:13"),
        ("f.json", '{"a": "no"}', ""),
        ("f.txt", "no\n", ""),
        ("f.yaml", 'enabled: "no"\n', ""),
    ],
)
def test_a_file_of_values_is_read_as_helm_reads_it_or_refused(ask: Ask, name: str, text: str, place: str) -> None:
    Path(name).write_text(text)
    said = ask("bundle", "eks", "--set-file", f"a:deep={name}", "-o", "b")
    assert (said.status, f"{place}: CB101" in said.err) == ((2, True) if place else (0, False)), said.err


@pytest.mark.parametrize("kind", ["RecipeResult", "RecipeMetadata", "RecipeMixin"])
def test_check_finds_each_of_them_in_one_document(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if kind == "RecipeResult":
        text = RECIPE.format(word="off", key="values")
    else:
        head = f"apiVersion: clusterbook.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: m}}\nspec:\n  componentRefs:\n"
        text = f"{head}  - name: a\n    overrides: {{x: off, y: [No, 'no']}}\n"
    Path("d.yaml").write_text(text)
    status = main.run(["check", "d.yaml", "-t", "json"], {})
    found = json.loads(capsys.readouterr().out)
    found = found["findings"] if isinstance(found, dict) else found
    assert (status, [each["code"] for each in found]) == (10, ["CB057", "CB057"])
