"""The environment: every flag can be set there, and a variable that sets none is an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.core import ParameterSource

from clusterbook.cli import main
from clusterbook.cli.build_main import all_options
from clusterbook.cli.command import Caller, Command, Request
from clusterbook.cli.commands import COMMANDS, VARIABLES, click_command
from clusterbook.cli.environment import OTHERS, refuse_unknown
from clusterbook.cli.flags import Flag, read_list
from clusterbook.cli.program import Program
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support import indexes
from tests.support.indexes import Said

TOOLS = Path(__file__).resolve().parents[2] / "tools"
FLAGS = [flag for command in COMMANDS for flag in command.flags]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(indexes.write_index(tmp_path_factory.mktemp("shelf")))


@pytest.fixture
def ask(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)

    def call(*words: str, **environment: str) -> Said:
        said = []
        for more in ({}, {"CLUSTERBOOK_KEY_PASSWORD": "-"}):  # the second goes to click
            with pytest.MonkeyPatch.context() as patch:
                for name, value in {**environment, **more}.items():
                    patch.setenv(name, value)
                status = main.run([*words, "--source", index], {**environment, **more})
            said.append(Said(status, *capsys.readouterr()))
        assert said[0] == said[1]
        return said[0]

    return call


def word(flag: Flag) -> str:
    """Return a value that the variable of a flag may have."""
    if flag.switch:
        return "1"
    one = flag.values[0] if flag.values else "7" if flag.number else f"a {flag.key}, and"
    return f"{one}\n another one\n\n" if flag.repeated else one


def heard(command: Command, words: list[str], environment: dict[str, str]) -> Request:
    """Return what a command hears when it is run in an environment."""
    asked: list[Request] = []

    def keep(request: Request, _caller: Caller) -> Reply:
        asked.append(request)
        return Reply("")

    program = Program("clusterbook", params=[click.Option(["--log-json"], is_flag=True)])
    program.add_command(click_command(command._replace(run=keep)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert program.run([command.name.rpartition(" ")[2], *words], "clusterbook") == 0
    return asked[0]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_flag_of_a_command_is_heard_from_its_variable(command: Command) -> None:
    needed = [argument.name for argument in command.arguments if argument.required]
    request = heard(command, needed, {flag.variable: word(flag) for flag in command.flags})
    for flag in command.flags:
        assert flag.variable == "CLUSTERBOOK_" + flag.names[0].removeprefix("--").replace("-", "_").upper()
        if flag.switch:
            assert flag.key in request.switches
        elif flag.repeated:
            first = word(flag).splitlines()[0]
            assert request.lists[flag.key] == (first, "another one")
        else:
            assert request.values[flag.key] == word(flag)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a:x=1", ("a:x=1",)),
        ("a:x=two words\nb:y=2\n", ("a:x=two words", "b:y=2")),
        ('["a:x=1", "a:y=[1,2]\\nthree"]', ("a:x=1", "a:y=[1,2]\nthree")),
        ("  a:x=1  \n\n", ("a:x=1",)),
        ("a:x=1,b:y=2", ("a:x=1,b:y=2",)),
        ("[]", ()),
    ],
)
def test_a_list_stands_by_line_or_as_json(text: str, words: tuple[str, ...]) -> None:
    assert read_list(text, "V") == words


@pytest.mark.parametrize("text", ["[", '["a"', "[1]", "[a:x=1]", '["a", null]'])
def test_a_broken_json_list_names_its_variable(text: str, ask: Callable[..., Said]) -> None:
    said = ask("bundle", "eks", CLUSTERBOOK_SET=text)
    assert (said.status, said.out) == (2, "")
    assert "CLUSTERBOOK_SET: CB101 this is not a JSON list of strings" in said.err


def test_settings_of_the_environment_reach_the_bundle(ask: Callable[..., Said]) -> None:
    given = {
        "CLUSTERBOOK_SET": "a:driver.note=two words\nb:replicas=3",
        "CLUSTERBOOK_DYNAMIC": "a:size",
        "CLUSTERBOOK_SYSTEM_NODE_SELECTOR": '["role=system", "zone=a"]',
        "CLUSTERBOOK_STORAGE_CLASS": "gp3",
        "CLUSTERBOOK_OUTPUT": "made",
        "CLUSTERBOOK_FORCE": "1",
    }
    assert ask("bundle", "eks", **given).status == 0
    options = Path("made/options.yaml").read_text()
    for line in ("- a:driver.note=two words", "- b:replicas=3", "- a:size", "- role=system", "- zone=a", "gp3"):
        assert line in options


def test_the_command_line_takes_the_place_of_a_list(ask: Callable[..., Said]) -> None:
    assert ask("bundle", "eks", "--set", "a:x=1", "-o", "m", "--force", CLUSTERBOOK_SET="b:y=2").status == 0
    options = Path("m/options.yaml").read_text()
    assert ("a:x=1" in options, "b:y=2" in options) == (True, False)


def test_a_wrong_value_names_its_variable(ask: Callable[..., Said]) -> None:
    for name, value in (("FORMAT", "xml"), ("FORCE", "perhaps"), ("DEPLOYER", "ansible")):
        said = ask("bundle", "eks", **{f"CLUSTERBOOK_{name}": value})
        assert (said.status, f"CLUSTERBOOK_{name}: " in said.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("SETT", "SET"),
        ("ACCELERATR", "ACCELERATOR"),
        ("STORAGECLASS", "STORAGE_CLASS"),
        ("ALLOW_INHERITTED", "ALLOW_INHERITED"),
        ("SYSTEM_NODE_SELECTORS", "SYSTEM_NODE_SELECTOR"),
    ],
)
@pytest.mark.parametrize("words", [("recipe", "eks"), ("bundle", "eks"), ("list",)])
def test_a_variable_that_sets_nothing_is_refused(
    ask: Callable[..., Said], words: tuple[str, ...], name: str, near: str
) -> None:
    said = ask(*words, **{f"CLUSTERBOOK_{name}": "x"})
    assert (said.status, said.out) == (2, "")
    assert f"CB101 the variable CLUSTERBOOK_{name} sets no flag\n  hint: did you mean CLUSTERBOOK_{near}?" in said.err
    assert not Path("bundle").exists()


def test_the_variables_of_other_commands_are_no_mistake(ask: Callable[..., Said]) -> None:
    assert ask("list", CLUSTERBOOK_STORAGE_CLASS="gp3", CLUSTERBOOK_PHASE="deployment", OTHER_CLUSTERBOOK_X="1").out


def test_what_kubernetes_tells_its_pods_is_no_mistake() -> None:
    told = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"]
    environment = {f"CLUSTERBOOK_{name}": "10.0.0.1" for name in told} | {"KUBERNETES_SERVICE_HOST": "10.0.0.2"}
    variables = {flag.variable for flag in FLAGS}
    refuse_unknown(environment, variables)
    with pytest.raises(InvalidRequest, match="CLUSTERBOOK_PORT "):
        refuse_unknown({"CLUSTERBOOK_PORT": "80"}, variables)


def test_every_variable_that_the_sources_name_is_known() -> None:
    texts = [path.read_text() for path in TOOLS.rglob("*.py")]
    named = {name for text in texts for name in re.findall(r"(?<![A-Z_])CLUSTERBOOK_[A-Z_]*[A-Z]", text)}
    assert named - {*OTHERS, *(flag.variable for flag in FLAGS), "CLUSTERBOOK_SOME_FLAG"} == set()


def test_a_variable_means_one_thing() -> None:
    """Of the flags that one variable sets, all or none are lists or switches; where they differ, both mean a place."""
    meanings: dict[str, set[tuple[bool, bool, str]]] = {}
    for flag in FLAGS:
        meanings.setdefault(flag.variable, set()).add((flag.repeated, flag.switch, flag.metavar))
    twofold = {name for name, found in meanings.items() if len(found) > 1}
    assert twofold == {f"CLUSTERBOOK_{name}" for name in ("RECIPE", "OUTPUT", "DEPLOYER", "SIGN_KEY")}


BUILD_OPTIONS = [pytest.param(command, param, id=f"{command.name} {param.opts[0]}") for command, param in all_options()]


def build_word(param: click.Option) -> str:
    """Return a word that a flag takes."""
    if isinstance(param.type, click.Choice):
        return str(param.type.choices[0])
    return "1" if param.is_flag or isinstance(param.type, click.types.IntParamType) else "a word"


@pytest.mark.parametrize(("command", "param"), BUILD_OPTIONS)
def test_every_flag_of_the_build_is_heard_from_its_variable(command: click.Command, param: click.Option) -> None:
    variable, value = str(param.envvar), build_word(param)
    assert variable == "CLUSTERBOOK_BUILD_" + max(param.opts, key=len).removeprefix("--").replace("-", "_").upper()
    needed = ["x"] * sum(isinstance(each, click.Argument) and each.required for each in command.params)
    for each in command.params:
        if isinstance(each, click.Option) and each.required and each is not param:
            needed += [each.opts[0], build_word(each)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable, f"{value}\n{value}" if param.multiple else value)
        context = command.make_context(str(command.name), needed)
    assert context.get_parameter_source(str(param.name)) is ParameterSource.ENVIRONMENT
    heard_as = context.params[str(param.name)]
    assert (len(heard_as) == 2) if param.multiple else (heard_as is True or str(heard_as) == value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("BUILD_RECIPE", "BUILD_RECIPES"),
        ("BUILD_OUTPT", "BUILD_OUTPUT"),
        ("BUILD_CHRTS", "BUILD_CHARTS"),
        ("ACCELERATR", "ACCELERATOR"),
        ("SYSTEM_NODE_SELECTORS", "SYSTEM_NODE_SELECTOR"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_by_the_build_as_well(name: str, near: str) -> None:
    said = indexes.run("check", module="clusterbook.cli.build_main", **{f"CLUSTERBOOK_{name}": "x"})
    assert (said.status, said.out) == (2, "")
    assert f"CB101 the variable CLUSTERBOOK_{name} sets no flag\n  hint: did you mean CLUSTERBOOK_{near}?" in said.err


def test_the_programs_leave_the_variables_of_each_other_alone() -> None:
    refuse_unknown({"CLUSTERBOOK_BUILD_RECIPES": "x"}, VARIABLES)
    refuse_unknown({"CLUSTERBOOK_STORAGE_CLASS": "x"}, {*VARIABLES, *(str(param.envvar) for _, param in all_options())})


def test_help_is_there_whatever_the_environment_says() -> None:
    assert "Every flag can be set in the environment" in indexes.run("--help", CLUSTERBOOK_SETT="1").out
