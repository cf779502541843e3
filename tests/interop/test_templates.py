"""Helm itself renders the table of templates and every manifest as we do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clusterbook.gotemplate import render
from tests.interop.toolchain import program
from tests.support import template_cases
from tests.support.trees import shared_folder

RECIPES = Path(__file__).resolve().parent.parent.parent / "recipes"
TABLE = template_cases.table()
READS = 'says: {{ tpl (.Files.Get (printf "cases/%s" .Values.case)) . | toJson }}\n'
ALL = """\
says:
{{- range $path, $_ := .Files.Glob "cases/*" }}
  {{ base $path }}: {{ tpl ($.Files.Get $path) $ | toJson }}
{{- end }}
"""


def write_chart(folder: Path, values: dict[str, Any], texts: list[str], template: str, name: str = "c") -> Path:
    """Write a chart whose files are the `texts` under test, numbered, and whose one template renders them."""
    (folder / "templates").mkdir(parents=True)
    (folder / "cases").mkdir()
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n", "utf-8")
    (folder / "values.yaml").write_text(json.dumps(values, ensure_ascii=False), "utf-8")
    (folder / "templates" / "out.yaml").write_text(template, "utf-8")
    for number, text in enumerate(texts):
        (folder / "cases" / str(number)).write_text(text, "utf-8", newline="")
    return folder


def helm(chart: Path, *flags: str, name: str = "r", namespace: str = "ns") -> subprocess.CompletedProcess[str]:
    """Return what `helm template` does with a chart."""
    words = [program("helm"), "template", name, str(chart), "-n", namespace, *flags]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_helm_gives_what_the_table_says(tmp_path: Path) -> None:
    cases = [case for case in TABLE["renders"] if not case.get("floats")]
    done = helm(write_chart(tmp_path / "c", TABLE["values"], [case["says"] for case in cases], ALL))
    assert done.returncode == 0, done.stderr
    found = YAML(typ="safe").load(done.stdout)["says"]
    assert [found[number] for number in range(len(cases))] == [case["gives"] for case in cases]


def test_helm_refuses_what_the_table_says(tmp_path: Path) -> None:
    cases = [case for case in TABLE["fails"] if not case.get("floats")]
    chart = write_chart(tmp_path / "c", TABLE["values"], [case["says"] for case in cases], READS)
    accepted = [
        case["says"]
        for number, case in enumerate(cases)
        if helm(chart, "--set-string", f"case={number}").returncode == 0
    ]
    assert accepted == []


def compare(root: Path, tmp_path: Path) -> int:
    """Render every manifest of a tree with Helm and with us, and return how many there were."""
    found = list(template_cases.manifests(root))
    for number, each in enumerate(found):
        release, (component,) = each.data["Release"], each.data["Values"]
        chart = write_chart(tmp_path / str(number), each.data["Values"], [], each.text, component)
        done = helm(chart, "--no-hooks=false", "--include-crds", name=release["Name"], namespace=release["Namespace"])
        assert done.returncode == 0, f"{each.path} in {each.slug}: {done.stderr}"
        theirs, ours = (
            template_cases.documents(done.stdout),
            template_cases.documents(render(each.text, each.data, file=each.path)),
        )
        assert sorted(map(identity, theirs)) == sorted(map(identity, ours)), f"{each.path} in {each.slug}"
    return len(found)


def identity(document: Any) -> str:
    """Return a document as text that sorts; Helm puts documents into the order of installation."""
    return json.dumps(document, sort_keys=True)


def test_helm_renders_our_manifests_as_we_do(tmp_path: Path) -> None:
    assert compare(RECIPES, tmp_path) >= 25


def test_helm_renders_the_references_manifests_as_we_do(tmp_path: Path) -> None:
    assert compare(shared_folder("reference/2026.03"), tmp_path) >= 11
