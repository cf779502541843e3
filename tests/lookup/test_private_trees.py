"""Private trees: in our format as strict as our catalog, in the reference's with warnings; in every command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from tests.support import indexes
from tests.support.indexes import Said

Ask = Callable[..., Said]
OURS, REFERENCE, FIRST = "clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1"
SNAPSHOT = Path(__file__).resolve().parents[1] / "snapshots" / "h100-eks.yaml"
COMMANDS = [
    ("recipe", "mine"),
    ("query", "mine", "--selector", "metadata.slug"),
    ("bundle", "mine", "-o", "b", "--force"),
    ("list",),
    ("explain", "mine", "components.a"),
    ("mirror", "list", "mine"),
    ("validate", "-r", "mine", "-s", str(SNAPSHOT), "--no-cluster"),
    ("fit", str(SNAPSHOT)),
]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(indexes.write_index(tmp_path_factory.mktemp("shelf")))


@pytest.fixture
def ask(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        status = main.run([*words, "--source", index, "--data", "tree"], {})
        return Said(status, *capsys.readouterr())

    return call


def tree(api_version: str, *, overlay: str = "", registry: str = "components: []") -> None:
    """Write a private tree with the overlay `mine`, and lines that somebody wrote wrongly."""
    head = f"apiVersion: {api_version}\n"
    lines = f"spec:\n  criteria: {{service: eks, platform: kubeflow}}\n  componentRefs:\n    - name: a\n{overlay}"
    texts = {
        "registry.yaml": f"{head}kind: ComponentRegistry\n{registry}\n",
        "overlays/mine.yaml": f"{head}kind: RecipeMetadata\nmetadata: {{name: mine}}\n{lines}",
    }
    for path, text in texts.items():
        file = Path("tree", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_misspelt_key_in_our_format_is_an_error(ask: Ask, words: tuple[str, ...]) -> None:
    tree(OURS, overlay="      versionn: '2'\n")
    said = ask(*words)
    assert (said.status, said.out) == (2, "")
    assert "tree/overlays/mine.yaml:8:7: CB012 unknown key 'versionn'" in said.err
    assert "did you mean 'version'?" in said.err
    assert not Path("b").exists()


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("version", [REFERENCE, FIRST])
def test_one_in_the_reference_s_format_is_a_warning(ask: Ask, words: tuple[str, ...], version: str) -> None:
    tree(version, overlay="      versionn: '2'\n")
    said = ask(*words)
    assert said.status in (0, 10)
    assert "note: tree/overlays/mine.yaml:8:7: CB012 unknown key 'versionn'" in said.err


@pytest.mark.parametrize(
    ("more", "at", "key"),
    [
        ({"overlay": "      overides: {x: 1}\n"}, "overlays/mine.yaml:8:7", "overides"),
        ({"overlay": "  validatoin: {}\n"}, "overlays/mine.yaml:8:3", "validatoin"),
        ({"overlay": "  constraints: [{name: a.b.c, valeu: x, value: x}]\n"}, "overlays/mine.yaml:8:31", "valeu"),
        ({"registry": "components: []\nkomponents: []"}, "registry.yaml:4:1", "komponents"),
        (
            {"registry": "components: [{name: z, helm: {defaultChrt: x, defaultChart: x}}]"},
            "registry.yaml:3:31",
            "defaultChrt",
        ),
    ],
)
def test_every_document_of_a_private_tree_is_read_so(ask: Ask, more: dict[str, str], at: str, key: str) -> None:
    tree(OURS, **more)
    said = ask("recipe", "mine")
    assert (said.status, f"tree/{at}: CB012 unknown key '{key}'" in said.err) == (2, True)
    tree(REFERENCE, **more)
    said = ask("recipe", "mine")
    assert (said.status, f"note: tree/{at}: CB012 unknown key '{key}'" in said.err) == (0, True)


def test_a_right_tree_says_nothing(ask: Ask) -> None:
    for version in (OURS, REFERENCE):
        tree(version, overlay="      version: '2'\n")
        assert ask("query", "mine", "--selector", "components.a.version").out == "2\n"
        assert "CB012" not in ask("recipe", "mine").err


MISREAD = [
    ("      overrides: {enabled: off}\n", "8:28: CB057 the value off is text here and false to Helm"),
    ("      overrides: {deep: [{x: yes}]}\n", "8:30: CB057 the value yes is text here and true to Helm"),
    ("      overrides: {on: 1}\n", "8:19: CB057 the key on is text here and true to Helm"),
    ("      overrides: {log: 'ref+file:///etc/shadow'}\n", "8:24: CB058 --deployer helmfile: component a: Helmfile"),
    ("      overrides: {see: ['secretref+vault://x']}\n", "8:24: CB058 --deployer helmfile: component a: Helmfile"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("version", [OURS, REFERENCE])
@pytest.mark.parametrize(("line", "what"), MISREAD)
def test_what_helm_or_a_deployer_reads_otherwise_is_told_by_every_command(
    ask: Ask, words: tuple[str, ...], version: str, line: str, what: str
) -> None:
    tree(version, overlay=line)
    said = ask(*words)
    assert said.status in (0, 10)
    assert f"note: tree/overlays/mine.yaml:{what}" in said.err


@pytest.mark.parametrize(
    "line", ['version: ""', "dependencyRefs: []", "valuesFile: null", "manifestFiles: []", "overrides: {}"]
)
def test_what_takes_nothing_away_is_told(ask: Ask, line: str) -> None:
    tree(OURS, overlay=f"      {line}\n")
    assert f"note: tree/overlays/mine.yaml:8:7: CB069 {line} has no effect" in ask("recipe", "mine").err


@pytest.mark.parametrize("word", ['"off"', "'no'", "false", "none", "offf"])
def test_what_means_the_same_to_helm_is_not_told(ask: Ask, word: str) -> None:
    tree(OURS, overlay=f"      overrides: {{enabled: {word}}}\n")
    assert "CB057" not in ask("recipe", "mine").err


@pytest.mark.parametrize("registry", ["", REFERENCE])
def test_a_file_in_our_format_is_read_strictly_whatever_its_registry_says(ask: Ask, registry: str) -> None:
    tree(OURS, overlay="      versionn: '2'\n")
    head = f"apiVersion: {registry}\n" if registry else ""
    Path("tree/registry.yaml").write_text(f"{head}kind: ComponentRegistry\ncomponents: []\n")
    said = ask("recipe", "mine")
    assert (said.status, "error: tree/overlays/mine.yaml:8:7: CB012" in said.err) == (2, True)


def test_a_tree_that_does_not_say_its_format_is_read_with_warnings(ask: Ask) -> None:
    tree(OURS, overlay="      versionn: '2'\n")
    for path in ("tree/registry.yaml", "tree/overlays/mine.yaml"):
        Path(path).write_text(Path(path).read_text().partition("\n")[2])
    said = ask("recipe", "mine")
    assert (said.status, "note: tree/overlays/mine.yaml:7:7: CB012" in said.err) == (0, True)
