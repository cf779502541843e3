"""A recipe that is handed in is the recipe: of our program, of another version of it, of the reference, or edited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import main
from clusterbook.documents.yaml_reader import parse
from clusterbook.documents.yaml_writer import dump
from clusterbook.ledger.folder import open_ledger
from clusterbook.resolve.recipe_schema import unknown_keys
from tests.support import indexes, trees
from tests.support.indexes import Said

Ask = Callable[..., Said]
OURS, REFERENCE = "clusterbook.dev/v1alpha1", "aicr.run/v1alpha2"
DEPLOYED = {"type": "Helm", "source": "https://charts.test", "version": "v9.9.9", "namespace": "a", "chart": "a"}
FROM_A_FILE = {"valuesFile": "components/a/values.yaml"}
VALUES = {"values": {"driver": {"version": "573"}}}


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return indexes.write_index(tmp_path_factory.mktemp("shelf"))


@pytest.fixture
def ask(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        status = main.run([*words, "--source", str(index)], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def recipe(api_version: str = OURS, *, name: str = "r.yaml", metadata: Any = None, **component: Any) -> str:
    """Write a recipe for eks, which the catalog answers otherwise; return where it lies."""
    document = {
        "apiVersion": api_version,
        "kind": "RecipeResult",
        "metadata": {"version": "v1.0.0"} if metadata is None else metadata,
        "criteria": {"service": "eks"},
        "componentRefs": [{"name": "a", **DEPLOYED, **component}],
        "deploymentOrder": ["a"],
    }
    Path(name).write_text(json.dumps(document) if name.endswith(".json") else dump(document))
    return name


def private_tree(version: str = REFERENCE, driver: str = "580") -> str:
    """Write a private tree with the values of a; return where it lies."""
    texts = {
        "registry.yaml": f"apiVersion: {version}\nkind: ComponentRegistry\ncomponents: []\n",
        "components/a/values.yaml": f"driver: {{version: '{driver}', enabled: true}}\n",
    }
    for path, text in texts.items():
        (Path("tree") / path).parent.mkdir(parents=True, exist_ok=True)
        (Path("tree") / path).write_text(text)
    return "tree"


def yaml_text(text: str) -> dict[str, Any]:
    node = parse(text, "r.yaml")
    assert node is not None
    found: dict[str, Any] = node.data()
    return found


VERSION = "components.a.version"
DRIVER = "components.a.values.driver.version"


@pytest.mark.parametrize("api_version", [OURS, REFERENCE, "aicr.nvidia.com/v1alpha1"])
@pytest.mark.parametrize("name", ["r.yaml", "r.json"])
def test_a_recipe_of_any_program_answers_for_itself(ask: Ask, api_version: str, name: str) -> None:
    where = recipe(api_version, name=name, **VALUES)
    said = ask("query", "-r", where, "--selector", VERSION)
    assert (said.status, said.out, len(said.err.splitlines())) == (0, "v9.9.9\n", 1)
    assert ask("query", "-r", where, "--selector", DRIVER).out == "573\n"
    assert "v9.9.9" in ask("recipe", "-r", where, "-t", "table").out


def test_a_bundle_installs_what_the_recipe_says(ask: Ask) -> None:
    assert ask("bundle", "-r", recipe(REFERENCE, **VALUES), "-o", "b").status == 0
    assert any("v9.9.9" in file.read_text() for file in Path("b").rglob("upstream.env"))
    assert "573" in next(Path("b").rglob("values.yaml")).read_text()


def test_a_mirror_list_names_the_charts_of_the_recipe(ask: Ask) -> None:
    said = ask("mirror", "list", "-r", recipe(REFERENCE, **VALUES))
    assert "v9.9.9" in said.out
    assert said.status == 10, "of another program's recipe nobody knows which images it starts"


@pytest.mark.parametrize("api_version", [REFERENCE, "aicr.nvidia.com/v1alpha1"])
@pytest.mark.parametrize("more", [{}, {"overrides": {"size": 3}}, {"values": None}], ids=["file", "and more", "null"])
@pytest.mark.parametrize(
    "words", [("query", "--selector", VERSION), ("recipe",), ("bundle", "-o", "b"), ("mirror", "list")]
)
def test_values_in_a_file_of_another_tree_are_not_taken_from_ours(
    ask: Ask, api_version: str, more: dict[str, Any], words: tuple[str, ...]
) -> None:
    said = ask(*words, "-r", recipe(api_version, **FROM_A_FILE, **more))
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("error: r.yaml: CB101 component a has no values: they are in components/a/values.yaml")
    assert "--data" in said.err
    assert not Path("b").exists()


def test_values_are_completed_from_the_tree_that_was_named(ask: Ask) -> None:
    where = recipe(REFERENCE, **FROM_A_FILE, overrides={"driver": {"enabled": False}})
    said = ask("query", "-r", where, "--data", private_tree(), "--selector", "components.a.values", "-t", "json")
    assert json.loads(said.out) == {"driver": {"version": "580", "enabled": False}}
    assert "note: the values of a are those of components/a/values.yaml in tree" in said.err
    assert ask("bundle", "-r", where, "--data", "tree", "-o", "b").status == 0
    assert "580" in next(Path("b").rglob("values.yaml")).read_text()


def test_overrides_alone_are_the_values(ask: Ask) -> None:
    where = recipe(REFERENCE, overrides={"size": 3, "word": "no"})
    said = ask("query", "-r", where, "--selector", "components.a.values", "-t", "json")
    assert json.loads(said.out) == {"size": 3, "word": "no"}


def test_a_recipe_of_ours_is_completed_from_the_catalog_that_it_names(ask: Ask) -> None:
    said = ask("query", "-r", recipe(OURS, **FROM_A_FILE), "--selector", DRIVER)
    assert (said.status, said.out) == (0, "1.0\n")
    assert "note: the values of a are those of components/a/values.yaml in " in said.err
    other = recipe(OURS, valuesFile="components/a/values-large.yaml")
    assert "values-large.yaml, which is not available" in ask("recipe", "-r", other).err


@pytest.mark.parametrize("path", ["components/a/manifests/x.yaml", "components/b/manifests/y.yaml"])
def test_a_manifest_that_nobody_has_is_named(ask: Ask, path: str) -> None:
    said = ask("bundle", "-r", recipe(REFERENCE, manifestFiles=[path], **VALUES), "-o", "b")
    assert (said.status, path in said.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--service", "gke"), "which --service cannot change"),
        (("--os", "ubuntu"), "which --os cannot change"),
        (("--nodes", "4"), "which --nodes cannot change"),
        (("-s", "cluster.yaml"), "which --snapshot cannot change"),
    ],
)
def test_what_a_recipe_cannot_honour_is_refused(ask: Ask, words: tuple[str, ...], what: str) -> None:
    said = ask("recipe", "-r", recipe(**VALUES), *words)
    assert (said.status, what in said.err) == (2, True)
    assert ask("recipe", "-r", "r.yaml", "--service", "eks").status == 0


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"criteria": {"service": "eks"}, "metadata": {}}, "criteria but no"),
        ({"criteria": {"service": "eks"}, "metadata": {}, "componentRefs": None}, "criteria but no"),
        ({"componentRefs": [], "metadata": {}}, "no criteria"),
        ({"componentRefs": [], "criteria": {}}, "no metadata"),
        ({"componentRefs": {}, "criteria": {}, "metadata": {}}, "not a list"),
        ({"componentRefs": [{"version": "1"}], "criteria": {}, "metadata": {}}, "no componentRefs with names"),
    ],
)
def test_what_is_no_whole_recipe_is_not_looked_up_instead(ask: Ask, document: dict[str, Any], what: str) -> None:
    Path("r.yaml").write_text(dump({"kind": "RecipeResult", **document}))
    for words in (("query", "--selector", VERSION), ("recipe",), ("bundle", "-o", "b"), ("mirror", "list")):
        said = ask(*words, "-r", "r.yaml")
        assert (said.status, said.out) == (2, "")
        assert said.err.startswith("error: r.yaml: CB101 ")
        assert what in said.err


def test_a_recipe_of_its_own_has_no_layers_to_explain(ask: Ask) -> None:
    said = ask("explain", "-r", recipe(**VALUES), VERSION)
    assert (said.status, "a recipe file" in said.err) == (2, True)


# --- overlays ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    ["base: eks", "mixins: [x]", "componentRefs: [{name: a, version: '2'}]", "constraints: [{name: a.b.c, value: x}]"],
)
def test_an_overlay_whose_lines_would_be_ignored_is_refused(ask: Ask, line: str) -> None:
    spec = f"{{criteria: {{service: eks}}, {line}}}"
    Path("o.yaml").write_text(f"kind: RecipeMetadata\nmetadata: {{name: eks}}\nspec: {spec}\n")
    said = ask("recipe", "-r", "o.yaml")
    assert (said.status, said.out) == (2, "")
    assert f"its {line.partition(':')[0]} would have no effect" in said.err
    assert "--data" in said.err


def test_an_overlay_of_the_catalog_stands_for_its_criteria(ask: Ask) -> None:
    tree = trees.tree(indexes.FILES)
    Path("o.yaml").write_text(tree.files["overlays/eks.yaml"].text)
    assert ask("query", "-r", "o.yaml", "--selector", "metadata.slug") == Said(0, "eks\n", "")


@pytest.mark.parametrize(
    "words", [("query", "--selector", VERSION), ("query", VERSION), ("recipe",), ("bundle", "-o", "b")], ids=str
)
def test_a_place_to_look_in_that_is_of_no_use_is_told(ask: Ask, index: Path, words: tuple[str, ...]) -> None:
    whole = recipe(**VALUES, registry={}) if words[0] == "bundle" else recipe(**VALUES)
    said = ask(*words, "-r", whole, "--data", "nowhere")
    assert said.status == 0
    for flag in (f"--source {index}", "--data nowhere"):
        assert f"note: {flag} is not used: r.yaml is a complete recipe" in said.err


def test_a_place_that_completes_a_recipe_is_of_use(ask: Ask) -> None:
    assert "is not used" not in ask("bundle", "-r", recipe(**VALUES), "-o", "b").err
    assert "is not used" not in ask("query", "-r", recipe(**FROM_A_FILE), "--selector", DRIVER).err
    where = recipe(REFERENCE, **FROM_A_FILE)
    assert "is not used" not in ask("query", "-r", where, "--data", private_tree(), "--selector", DRIVER).err


UNKNOWN = {
    "componentRef: []": ("componentRef", "componentRefs"),
    "componentRefs: [{name: a, version: v1, verison: v1}]": ("componentRefs[0].verison", "version"),
    "componentRefs: [{name: a, version: v1, value: {}}]": ("componentRefs[0].value", "values"),
    "constraints: [{name: K8s.server.version, value: v1, remedation: x}]": ("constraints[0].remedation", "remediation"),
    "validation: {deploymnt: {checks: [x]}}": ("validation.deploymnt", "deployment"),
    "validation: {deployment: {check: [x]}}": ("validation.deployment.check", "checks"),
    "deploymentOrders: [a]": ("deploymentOrders", "deploymentOrder"),
}


@pytest.mark.parametrize("line", UNKNOWN)
@pytest.mark.parametrize(
    "words", [("query", "--selector", VERSION), ("bundle", "-o", "b"), ("mirror", "list")], ids=str
)
def test_a_key_of_which_nothing_comes_is_refused(ask: Ask, line: str, words: tuple[str, ...]) -> None:
    key, near = UNKNOWN[line]
    text = Path(recipe(**VALUES)).read_text()
    Path("r.yaml").write_text(dump({**yaml_text(text), **yaml_text(line)}))
    said = ask(*words, "-r", "r.yaml")
    assert (said.status, said.out) == (2, "")
    assert f"r.yaml: CB101 {key} is not a key of a recipe" in said.err
    assert f"did you mean '{near}'?" in said.err
    Path("r.yaml").write_text(Path("r.yaml").read_text().replace(OURS, REFERENCE))
    said = ask("recipe", "-r", "r.yaml")
    assert f"note: r.yaml: {key} is not read; did you mean '{near}'?" in said.err


def test_published_recipes_have_no_key_of_which_nothing_comes() -> None:
    published = open_ledger(Path(__file__).parents[2] / "registry")
    for release in published.releases():
        for slug, entry in list(published.entries(release).items())[::9]:
            assert not list(unknown_keys(published.side(slug, entry.version).content)), slug


# --- overrides beside values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", ["enabled", "install"])
@pytest.mark.parametrize(
    "words", [("bundle", "-o", "b"), ("query", "--selector", "metadata"), ("recipe",), ("mirror", "list")]
)
def test_a_component_that_is_switched_off_and_deployed_is_refused(
    ask: Ask, words: tuple[str, ...], switch: str
) -> None:
    where = recipe(overrides={switch: False}, values={})
    said = ask(*words, "-r", where)
    assert (said.status, said.out, Path("b").exists()) == (2, "", False)
    assert f"a is disabled by its overrides ({switch}: false), but deploymentOrder deploys it" in said.err


@pytest.mark.parametrize(
    ("overrides", "values", "told"),
    [
        ({"x": 1}, {"x": 2}, ["x is 2 there, and 1"]),
        ({"x": {"y": "1.10"}}, {"x": {"y": "1.1"}}, ['x.y is "1.1" there, and "1.10"']),
        ({"x": [1]}, {}, ["x is null there, and [1]"]),
        ({"x": {"y": 1}}, {"x": 3}, ["x.y is null there, and 1"]),
        ({"x": 1, "z": False}, {"z": True}, ["x is null", "z is true"]),
        ({"x": {"y": 1}}, {"x": {"y": 1, "more": 2}}, []),
        ({"x": None, "y": {}}, {"y": {"z": 1}}, []),
    ],
)
def test_overrides_that_values_say_otherwise_are_told_and_values_count(
    ask: Ask, overrides: dict[str, Any], values: dict[str, Any], told: list[str]
) -> None:
    said = ask("query", "-r", recipe(overrides=overrides, values=values), "--selector", "components.a.values")
    assert said.status == 0
    assert said.err.count("its values win") == len(told)
    assert all(each in said.err for each in told)
