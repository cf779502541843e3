"""Templates: marks are filled in once, sections come when chosen, and the files are found wherever the package lies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from clusterbook.bundle.template import fill

TOOLS = Path(__file__).resolve().parents[2] / "tools"
INSTALL = {
    "MADE": "made",
    "NAME": "n",
    "NAMESPACE": "s",
    "ORDER": "003",
    "CHART": ".",
    "HOME": "h",
    "WAIT": "--timeout 1s",
    "INTEGERS": "",
    "TAKEN": "",
}
WAVES = {"HOME": "argocd", "PARENT": "p", "LABELS": "a=b", "WAVES": "", "UPGRADE": "## Upgrade"}


def test_what_is_filled_in_is_never_read_again() -> None:
    text = fill("helm/install.sh", {**INSTALL, "NAME": "@NAMESPACE@"})
    assert "helm upgrade --install @NAMESPACE@ ." in text
    assert "--namespace s " in text


def test_a_section_is_left_out_unless_it_is_chosen() -> None:
    without, chosen = (fill("helm/install.sh", INSTALL, sections=names) for names in ((), ("job", "kubectl")))
    assert "kube delete job" not in without
    assert "kube delete job n --namespace s" in chosen
    assert "@" not in without.replace('"$@"', "")


def test_a_mark_alone_on_its_line_stands_for_any_number_of_lines() -> None:
    head = "|---|---|\n"
    for rows in ("", "| 0 | a |\n", "| 0 | a |\n| 1 | b |\n"):
        assert f"{head}{rows}\n## Upgrade\n\n## When" in fill("argocd/operate.md", {**WAVES, "WAVES": rows})


def test_a_mark_that_nothing_is_given_for_is_an_error() -> None:
    with pytest.raises(KeyError, match="WAVES"):
        fill("argocd/operate.md", {name: word for name, word in WAVES.items() if name != "WAVES"})


def test_a_script_holds_what_it_sources_without_its_head() -> None:
    tables = dict.fromkeys(
        ("MADE", "RELEASES", "KINDS", "NEEDED_KINDS", "TAINTS", "FORMER_RELEASES", "FORMER_KINDS"), ""
    )
    text = fill("helm/deploy.sh", tables)
    assert text.count("\nside_by_side() {") == text.count("\npreflight() {") == 1
    assert "shellcheck shell=bash" not in text
    assert set(re.findall("shellcheck source=(.*)", text)) == {"/dev/null"}  # files of the bundle


def test_templates_are_found_in_a_zip(tmp_path: Path) -> None:
    archive = tmp_path / "clusterbook.zip"
    with ZipFile(archive, "w") as file:
        for path in sorted((TOOLS / "clusterbook").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and "index" not in path.parts:
                file.write(path, path.relative_to(TOOLS))
    words = {"HOME": "argocd", "HEALTH_FILE": "f.yaml"}
    program = (
        "from clusterbook.bundle import template\n"
        "assert '.zip' in template.__file__\n"
        f"print(template.fill('argocd/health.md', {words}))"
    )
    env = {**os.environ, "PYTHONPATH": str(archive)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "$ kubectl -n argocd patch configmap argocd-cm --patch-file f.yaml" in done.stdout
