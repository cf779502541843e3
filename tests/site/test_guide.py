"""The manual of commands: every command and every option stands in it, and what a help text says is text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from clusterbook.diagnostics.console import SWITCHES
from clusterbook.site import guide
from tests.support import sites

ROOT = Path(__file__).resolve().parents[2]


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below one, by how it is called."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            subcommand = command.get_command(context, word)
            if subcommand is not None and not subcommand.hidden:
                yield f"{name} {word}", subcommand
                yield from commands(f"{name} {word}", subcommand)


def test_every_command_and_option_stands_in_it() -> None:
    text = guide.commands(sites.PROGRAMS)
    by_path = dict(pair for name, program in sites.PROGRAMS.items() for pair in commands(name, program))
    assert {"clusterbook fetch bundle", "clusterbook recipe", "clusterbook-build site"} <= by_path.keys()
    for path, command in by_path.items():
        part = text.partition(f"### {path}\n")[2].partition("\n### ")[0]
        assert f"\n{path} " in part or f"\n{path}\n" in part, path
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in part, f"{path} {option.opts[-1]}"


def test_a_help_text_is_text_and_an_example_a_command() -> None:
    @click.group()
    def program() -> None:
        """Nothing."""

    @program.command(epilog="\b\nExample:\n  program run <1>")
    @click.option("--to", type=click.Choice(["a", "b"]), help="One of <b>two</b>, as `a|b`.")
    def run(to: str) -> None:
        """Do a thing.

        Twice, when *asked*.
        """

    program.add_command(click.Command("secret", hidden=True))
    text = guide.commands({"program": program})
    assert "```sh\nprogram run [OPTIONS]\n```" in text
    assert "<p>Do a thing.</p>" in text
    assert "<p>Twice, when *asked*.</p>" in text
    assert "<code>--to [a|b]</code></th><td>One of &lt;b&gt;two&lt;/b&gt;, as <code>a|b</code>.</td>" in text
    assert "<p>Example:</p>\n\n```sh\nprogram run <1>\n```" in text
    assert "secret" not in text
    assert "--help" not in text


def test_every_exit_status_is_explained() -> None:
    text = (ROOT / "site/docs/guide/exit-status.md").read_text(encoding="utf-8")
    explained = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert explained == {error.exit_status for error in guide.errors()} | {0, 8, 130}


def test_what_troubleshooting_names_exists() -> None:
    text = (ROOT / "site/docs/guide/troubleshoot.md").read_text(encoding="utf-8")
    codes = re.findall(r"\[(CB\d{3})\]\(errors\.md#(\w+)\)", text)
    assert len(codes) >= 20
    assert {code for code, _ in codes} <= {error.code for error in guide.errors()}
    assert all(code.lower() == anchor for code, anchor in codes)
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tools/clusterbook").rglob("*.py"))
    said = re.findall(r"\[CB\d{3}\][^|]*?\*([^*|]+)\*", text)
    assert len(said) >= 18
    assert [phrase for phrase in said if phrase not in sources] == [], "no message says this"
    told = dict(pair for name, program in sites.PROGRAMS.items() for pair in commands(name, program))
    typed = {match[0] for match in re.finditer(r"clusterbook [a-z]+( forget)?", text)}
    assert typed <= told.keys()
    known = {opt for command in told.values() for param in command.params for opt in param.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= {*known, *SWITCHES}


def test_every_test_that_the_page_on_trust_names_is_there() -> None:
    """Each row of what was tried names one at least."""
    text = (ROOT / "site/docs/guide/trust.md").read_text(encoding="utf-8")
    table = text.partition("|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) > 20
    for row in table:
        named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, name in named:
            held = (ROOT / file).read_text(encoding="utf-8")
            assert name == "" or f"\ndef {name}(" in held, f"{file}::{name}"
