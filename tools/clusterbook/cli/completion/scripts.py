"""The scripts with which shells complete our two programs: each asks `clusterbook __complete` and shows what it says.

Source: reference row G14; the words that are hard to type are ours.
"""

from __future__ import annotations

_BASH = r"""
_clusterbook() {
    local IFS=$'\n' program=${1%-build}
    COMPREPLY=($("$program" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[.:=@] ]] && compopt -o nospace
    return 0
}
complete -o bashdefault -o default -F _clusterbook clusterbook clusterbook-build
"""
_ZSH = r"""
#compdef clusterbook clusterbook-build
_clusterbook() {
    local -a whole whole_shown open open_shown
    local value text program=${words[1]%-build}
    while IFS=$'\t' read -r value text; do
        [[ -n $text ]] && text=" -- $text"
        if [[ $value == *[.:=@] ]]; then
            open+=("$value") open_shown+=("$value$text")
        else
            whole+=("$value") whole_shown+=("$value$text")
        fi
    done < <($program __complete zsh "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)
    compadd -Q -d whole_shown -a whole
    compadd -Q -S '' -d open_shown -a open
    (( $#whole + $#open )) || _files
}
if [[ ${funcstack[1]} == _clusterbook ]]; then _clusterbook; else compdef _clusterbook clusterbook clusterbook-build; fi
"""
_FISH = r"""
function __clusterbook_complete
    set -l typed (commandline -opc)
    set -l program (string replace -r -- '-build$' '' $typed[1])
    set -l found ($program __complete fish (commandline -cp) 2>/dev/null)
    if test (count $found) -gt 0
        string join -- \n $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c clusterbook -f -a '(__clusterbook_complete)'
complete -c clusterbook-build -f -a '(__clusterbook_complete)'
"""
_PWSH = r"""
Register-ArgumentCompleter -Native -CommandName 'clusterbook', 'clusterbook-build' -ScriptBlock {
    param($word, $typed, $cursor)
    $length = $cursor - $typed.Extent.StartOffset
    $line = $typed.ToString().PadRight($length).Substring(0, $length)
    $program = $typed.CommandElements[0].ToString() -replace '-build(\.exe)?$', ''
    & $program __complete pwsh $line | ForEach-Object {
        $value, $text = $_ -split "`t", 2
        $shown = if ($text) { $text } else { $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $shown)
    }
}
"""
SCRIPTS = {"bash": _BASH.lstrip(), "zsh": _ZSH.lstrip(), "fish": _FISH.lstrip(), "pwsh": _PWSH.lstrip()}
"""Script by shell."""
INSTALL = (
    "clusterbook completion bash | tee ~/.local/share/bash-completion/completions/clusterbook{,-build} > /dev/null",
    "clusterbook completion zsh > ~/.zfunc/_clusterbook    # where fpath has ~/.zfunc before compinit",
    "clusterbook completion fish | tee ~/.config/fish/completions/clusterbook{,-build}.fish > /dev/null",
    "clusterbook completion pwsh >> $PROFILE",
)
"""How each is installed."""
