"""Completion in the shells themselves: a line is typed on a terminal, TAB is pressed, and what stands there is read.

PowerShell comes from no package of Debian's: its script is parsed, and not run.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from clusterbook.cli.completion.scripts import SCRIPTS

BIN = Path(sys.executable).parent
SHELLS: dict[str, tuple[str, ...]] = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
BEFORE = {
    "bash": "PS1='READY> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'",
    "zsh": "PS1='READY> '; unsetopt beep list_beep prompt_sp prompt_cr; unset zle_bracketed_paste;"
    " autoload -Uz compinit && compinit -u -D",
    "fish": "function fish_prompt; echo -n 'READY> '; end; set -g fish_greeting; set -g fish_autosuggestion_enabled 0",
}
LINES = {
    "clusterbook que\t": "clusterbook query ",
    "clusterbook recipe rtx-pro-6000-eks-ubuntu-inf\t": "clusterbook recipe rtx-pro-6000-eks-ubuntu-inference",
    "clusterbook list --service eks --accelerator h2\t": "clusterbook list --service eks --accelerator h200 ",
    "clusterbook list --service=ek\t": "clusterbook list --service=eks ",
    "clusterbook bundle h100-eks-training --set gpu-op\t": "clusterbook bundle h100-eks-training --set gpu-operator:",
    "clusterbook bundle h100-eks-training --set gpu-operator:driver.vers\t": "gpu-operator:driver.version=",
    "clusterbook query h100-eks-training components.gpu-operator.vers\t": "components.gpu-operator.version ",
    "clusterbook validate --pha\t": "clusterbook validate --phase ",
    "clusterbook validate --phase conf\t": "clusterbook validate --phase conformance ",
    "clusterbook fetch bundle -d argocd-h\t": "clusterbook fetch bundle -d argocd-helm ",
    "clusterbook-build aud\t": "clusterbook-build audit ",
    "clusterbook-build prove --aga\t": "clusterbook-build prove --against ",
    "clusterbook-build resolve --service ek\t": "clusterbook-build resolve --service eks ",
    "clusterbook-build count h100-eks-t\t": "clusterbook-build count h100-eks-training ",
    "clusterbook-build publish --deployer argocd-h\t": "clusterbook-build publish --deployer argocd-helm ",
    "clusterbook snapshot --cluster -o some-f\t": "clusterbook snapshot --cluster -o some-file ",
}
_CONTROL = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78])|[\x00-\x09\x0b-\x1f]")


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, reader: int) -> None:
        self._terminal = reader

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, wanted: str, *, limit_s: float = 60) -> str:
        """Return what came, without control sequences, once `wanted` stands in it."""
        seen, end = "", time.monotonic() + limit_s
        while wanted not in _CONTROL.sub("", seen):
            assert time.monotonic() < end, f"{wanted!r} is not in {_CONTROL.sub('', seen)!r}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                seen += os.read(self._terminal, 65536).decode(errors="replace")
        return _CONTROL.sub("", seen)


@contextmanager
def shell(words: Sequence[str], home: Path) -> Iterator[Terminal]:
    ours, its = pty.openpty()
    environment = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "dumb" if words[0] != "fish" else "xterm",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "400",
    }
    with subprocess.Popen(
        ("setsid", "--ctty", *words), stdin=its, stdout=its, stderr=its, env=environment, cwd=home
    ) as process:
        os.close(its)
        try:
            yield Terminal(ours)
        finally:
            process.kill()
            os.close(ours)


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_what_is_hard_to_type(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here")
    (tmp_path / "some-file").touch()
    (tmp_path / "completion").write_text(SCRIPTS[name], encoding="utf-8")
    with shell(SHELLS[name], tmp_path) as terminal:
        terminal.type(f"{BEFORE[name]}\n. ./completion\necho loa''ded\n")
        terminal.until("loaded")
        for typed, wanted in LINES.items():
            terminal.type(typed)
            terminal.until(wanted)
            terminal.type("\x15\n")  # the line is thrown away


def powershell_mistakes(script: str) -> list[str]:
    """Return what a parser of PowerShell cannot read in a script, or misses."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    nodes, found = [parser.parse(script.encode()).root_node], []
    while nodes:
        node = nodes.pop()
        nodes += node.children
        if node.type == "ERROR" or node.is_missing:
            found.append(node.text.decode())
    return found


def test_the_script_for_powershell_is_written_right() -> None:
    script = SCRIPTS["pwsh"]
    assert powershell_mistakes(script) == []
    for right, wrong in (("}\n}", "}\n"), ('"`t", 2', '"`t, 2'), ("if ($text)", "if $text"), ("param(", "param")):
        assert right in script
        assert powershell_mistakes(script.replace(right, wrong, 1)), wrong
    for name in ("'clusterbook', 'clusterbook-build'", "-replace '-build(\\.exe)?$', ''", "__complete pwsh $line"):
        assert name in script
