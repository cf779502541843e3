"""Completion scripts for four shells.

Knows how each shell asks for completions. Source: reference row G14.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_CLUSTERBOOK_COMPLETE"
_PWSH = """\
Register-ArgumentCompleter -Native -CommandName clusterbook -ScriptBlock {
    param($word, $line, $cursor)
    $env:COMP_WORDS = $line.ToString()
    $env:COMP_CWORD = $line.CommandElements.Count - [int]($word -ne '')
    $env:_CLUSTERBOOK_COMPLETE = 'bash_complete'
    try {
        clusterbook | ForEach-Object {
            $value = ($_ -split ',', 2)[1]
            if ($value) {
                [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $value)
            }
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:_CLUSTERBOOK_COMPLETE -ErrorAction SilentlyContinue
    }
}
"""


def script(shell: str, program: click.Command) -> str:
    """Return the script that makes `shell` (bash, zsh, fish or pwsh) complete commands, flags and values."""
    if shell == "pwsh":
        return _PWSH
    made = get_completion_class(shell)
    return made(program, {}, "clusterbook", _VARIABLE).source() if made else ""
