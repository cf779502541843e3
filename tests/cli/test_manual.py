"""Manual pages say what help says; whether `man` and mandoc read them as they stand is tried in the interop tier."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clusterbook.cli.build_main import COMMANDS as BUILDER
from clusterbook.cli.build_main import all_options
from clusterbook.cli.commands import COMMANDS, GROUPS
from clusterbook.cli.manual import pages, roff

DAY = "2026-07-01"
EXIT_STATUSES = Path(__file__).resolve().parents[2] / "site/docs/guide/exit-status.md"


@pytest.fixture(scope="module")
def manual() -> dict[str, str]:
    return pages.manual(DAY)


def plain(text: str) -> str:
    for escaped, character in {r"\-": "-", r"\fB": "", r"\fR": "", r"\(aq": "'", r"\(ti": "~"}.items():
        text = text.replace(escaped, character)
    return text


def test_every_command_of_both_programs_has_a_page(manual: dict[str, str]) -> None:
    own = {"version", "help", "completion", *GROUPS, *(command.name for command in COMMANDS)}
    ours = {f"clusterbook-{name.replace(' ', '-')}.1" for name in own}
    builders = {f"clusterbook-build-{name}.1" for name in BUILDER}
    assert manual.keys() > {"clusterbook.1", "clusterbook-build.1", *ours, *builders}


def test_a_page_has_every_flag_of_its_command_and_what_it_does(manual: dict[str, str]) -> None:
    for command in COMMANDS:
        text = " ".join(plain(manual[f"clusterbook-{command.name.replace(' ', '-')}.1"]).split())
        assert [name for flag in command.flags for name in flag.names if name not in text] == []
        assert [flag.help for flag in command.flags if " ".join(flag.help.replace("`", "").split()) not in text] == []
    everything = plain("".join(manual.values()))
    assert [option.opts for _, option in all_options() if max(option.opts, key=len) not in everything] == []


def test_a_page_shows_the_examples_of_help(manual: dict[str, str]) -> None:
    for command in COMMANDS:
        text = plain(manual[f"clusterbook-{command.name.replace(' ', '-')}.1"])
        for line in command.example.splitlines():
            assert plain(roff.escape(line.strip())) in text, command.name


def test_pages_and_the_guide_have_the_same_exit_statuses(manual: dict[str, str]) -> None:
    in_guide = re.findall(r"^\| (\d+) \|", EXIT_STATUSES.read_text(encoding="utf-8"), re.M)
    part = manual["clusterbook-list.1"].partition('.SH "EXIT STATUS"')[2].partition(".SH")[0]
    assert re.findall(r"^\\fB(\d+)\\fR$", part, re.M) == in_guide


def test_a_page_refers_to_pages_that_there_are(manual: dict[str, str]) -> None:
    for name, text in manual.items():
        referred = re.findall(r"^\\fB(\S+)\\fR\(1\),?$", text.partition('.SH "SEE ALSO"')[2], re.M)
        assert referred, name
        assert {f"{plain(each)}.1" for each in referred} <= manual.keys() - {name}


def test_what_is_written_is_all_that_lies_there(tmp_path: Path) -> None:
    (tmp_path / "clusterbook-gone.1").write_text("an older version's")
    written = pages.write_manual(DAY, tmp_path)
    assert sorted(tmp_path.iterdir()) == written
    assert f'.TH "CLUSTERBOOK" 1 {DAY} ' in (tmp_path / "clusterbook.1").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (".TH is a word", r"\&.TH is a word"),
        ("'quoted'", r"\(aqquoted\(aq"),
        (r"a\nb", r"a\enb"),
        ("--flag", r"\-\-flag"),
        ("~/.config", r"\(ti/.config"),
    ],
)
def test_text_reads_as_it_stands(text: str, escaped: str) -> None:
    assert roff.escape(text) == escaped


def test_no_line_of_prose_becomes_a_request() -> None:
    lines = roff.prose("Files such as " + "word " * 12 + ".gitignore " * 12).splitlines()
    assert len(lines) > 2
    assert [line for line in lines if line.startswith((".", "'"))] == []
