"""A stand-in for Helm's plugin diff, which `helmfile apply` asks whether a release has to be installed or changed.

The real one (github.com/databus23/helm-diff) is not to be had from the module proxy. This one knows `helm diff upgrade`
as Helmfile calls it: it renders the chart as the real one does, with `helm template`, against the cluster unless
validation is switched off; compares that with what is installed; and exits 2 when they differ. What it was asked goes
into a file beside it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

_PLUGIN = """\
name: diff
version: 3.15.3
usage: stands in for helm-diff
description: stands in for helm-diff
command: "{python} {script}"
"""
CHANGED = 2
_HANDED_ON = ("--values", "--version", "--kube-version", "--set", "--set-file")
ASKED = "asked.jsonl"


def install(home: Path) -> Path:
    """Make the plugin known to the Helm whose data lie in `home`; return the file that records what it is asked."""
    folder = home / "plugins" / "diff"
    folder.mkdir(parents=True)
    (folder / "plugin.yaml").write_text(_PLUGIN.format(python=sys.executable, script=Path(__file__)), encoding="utf-8")
    return folder / ASKED


def main(words: list[str]) -> int:
    """Answer one call; the exit status is the answer."""
    with Path(os.environ["HELM_PLUGIN_DIR"], ASKED).open("a", encoding="utf-8") as asked:
        asked.write(json.dumps(words) + "\n")
    if words[:1] == ["version"]:
        sys.stdout.write("3.15.3\n")
        return 0
    names, handed = _sorted_out(words[1:])
    release, chart = names
    installed = _helm("get", "manifest", release)  # in HELM_NAMESPACE: Helm takes --namespace off a plugin's words
    check = () if "--disable-validation" in words else ("--validate",)
    upgrade = () if installed is None else ("--is-upgrade",)
    wanted = _helm("template", release, chart, "--no-hooks", "--skip-tests", *check, *upgrade, *handed)
    if wanted is None:
        return 1
    return 0 if installed is not None and _objects(wanted) == _objects(installed) else CHANGED


def _sorted_out(words: list[str]) -> tuple[list[str], list[str]]:
    """Return release and chart, and the options that `helm template` understands."""
    names: list[str] = []
    handed: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in _HANDED_ON:
            handed += [word, next(rest)]
        elif not word.startswith("-"):
            names.append(word)
    return names, handed


def _objects(manifest: str) -> list[str]:
    """Return the documents of a manifest in one order, without what is only a comment."""
    said = "\n".join(line for line in manifest.splitlines() if not line.startswith("#"))
    return sorted(each.strip() for each in re.split("^---$", said, flags=re.MULTILINE) if each.strip())


def _helm(*words: str) -> str | None:
    """Return what Helm prints, None when it fails."""
    done = subprocess.run([os.environ["HELM_BIN"], *words], capture_output=True, text=True, check=False)
    if done.returncode and "release: not found" not in done.stderr:
        sys.stderr.write(done.stderr)
    return None if done.returncode else done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
