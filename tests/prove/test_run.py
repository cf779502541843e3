"""Proving as a whole: real helm, small charts, and a source tree whose proofs lie beside its components."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from clusterbook.catalog.proofs import path_of
from clusterbook.cli.build_main import run
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, UnreadableSource
from clusterbook.prove.archives import Charts, WrongChart
from clusterbook.prove.helm import Helm, HelmFailed, NoHelm
from tests.support.helm import helm_program, pack
from tests.support.trees import shared_folder, texts
from tests.support.whole_recipes import ROOT

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  size: {{ .Values.size | quote }}
  {{- if .Values.part.enabled }}
  part: {{ .Values.part.word | quote }}
  {{- end }}
  random: {{ randAlphaNum 8 | quote }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: m}
spec: {template: {spec: {hostNetwork: true, containers: [{name: m, image: "{{ .Values.image }}:v1"}]}}}
"""
VALUES = "size: 1\npart: {enabled: false, word: x}\nimage: quay.io/x/m\nextra: {}\n"
CHART = {"values.yaml": VALUES, "templates/all.yaml": TEMPLATE}
RECIPES = {
    "base": """
        constraints: [{name: K8s.server.version, value: '>= 1.30'}]
        componentRefs:
        - {name: a, overrides: {size: 2, sizee: 3, image: quay.io/x/m, part: {word: y}}}
        """,
    "eks": """
        criteria: {service: eks}
        constraints: [{name: K8s.server.version, value: '>= 1.32.4'}]
        componentRefs: [{name: b, overrides: {size: 1}}]
        """,
}


@pytest.fixture
def helm() -> str:
    return helm_program()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a source tree with two components, `a` and `b`."""
    root = tmp_path / "recipes"
    for path, text in texts(RECIPES).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    """Return a folder with the charts of both."""
    folder = tmp_path / "charts"
    folder.mkdir()
    pack(folder, "a", "1.0.0", CHART)
    pack(folder, "b", "1.0.0", CHART)
    return folder


def prove(tree: Path, *words: str) -> int:
    return run(["prove", "--recipes", str(tree), *words])


def spec(tree: Path, component: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tree / path_of(component)).read_text())["spec"]
    return found


@pytest.fixture
def proven(tree: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """Return the tree once it is proven."""
    assert prove(tree, "--charts", str(charts), "--helm", helm) == 10
    capsys.readouterr()
    return tree


def test_each_value_of_each_recipe_is_judged_and_the_proof_lies_beside_its_component(proven: Path) -> None:
    values = {each["path"]: each for each in spec(proven, "a")["values"]}
    assert {path: each["effect"] for path, each in values.items()} == {
        "/image": "default",
        "/part/word": "dead",
        "/size": "live",
        "/sizee": "dead",
    }
    assert values["/size"] == {"path": "/size", "effect": "live", "default": 1, "changes": ["ConfigMap/a#/data/size"]}
    assert values["/part/word"]["switch"] == "/part/enabled"
    assert values["/sizee"]["near"] == "/size"


def test_facts_come_from_the_same_renders(proven: Path) -> None:
    facts = spec(proven, "a")["facts"]
    assert facts["images"] == [{"image": "quay.io/x/m:v1", "objects": ["Deployment/m"], "value": "/image"}]
    assert facts["unstable"] == [{"object": "ConfigMap/a", "pointers": ["/data/random"]}]
    assert facts["podSecurity"][0]["level"] == "privileged"


def test_a_render_is_for_every_kubernetes_that_its_recipes_start_at(proven: Path) -> None:
    assert [each["kubernetes"] for each in spec(proven, "a")["renders"]] == [["1.30.0", "1.32.4"]]
    assert [each["kubernetes"] for each in spec(proven, "b")["renders"]] == [["1.32.4"]]


def test_the_report_counts_each_value_in_each_recipe(
    proven: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prove(proven, "--charts", str(charts), "--helm", helm, "-t", "json") == 10
    report = json.loads(capsys.readouterr().out)
    assert report["total"] == {"live": 2, "default": 3, "dead": 4}
    assert [(each["component"], each["path"], each["recipes"]) for each in report["idle"]] == [
        ("a", "/part/word", 2),
        ("a", "/sizee", 2),
    ]


def test_proving_twice_gives_the_same_bytes(proven: Path, charts: Path, helm: str) -> None:
    before = (proven / path_of("a")).read_bytes()
    (proven / path_of("a")).unlink()
    prove(proven, "--charts", str(charts), "--helm", helm)
    assert (proven / path_of("a")).read_bytes() == before


def test_nothing_is_rendered_again_as_long_as_nothing_changes(
    proven: Path, charts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = tmp_path / "helm"
    stub.write_text('#!/bin/sh\n[ "$1" = version ] && echo v3.22.0 || exit 1\n')
    stub.chmod(0o755)
    assert prove(proven, "--charts", str(charts), "--helm", str(stub), "-t", "json") == 10
    assert json.loads(capsys.readouterr().out)["total"]["live"] == 2


def test_only_what_is_stale_is_rendered_again(proven: Path, charts: Path, helm: str) -> None:
    before = (proven / path_of("b")).stat().st_mtime_ns
    base = proven / "overlays/base.yaml"
    base.write_text(base.read_text().replace("sizee: 3, ", ""))
    assert prove(proven, "--charts", str(charts), "--helm", helm) == 10
    assert "/sizee" not in {each["path"] for each in spec(proven, "a")["values"]}
    assert len(spec(proven, "a")["renders"]) == 1
    assert (proven / path_of("b")).stat().st_mtime_ns == before


def test_another_archive_of_the_same_version_makes_a_proof_stale(proven: Path, charts: Path, helm: str) -> None:
    old = spec(proven, "a")["renders"][0]["digest"]
    pack(charts, "a", "1.0.0", {**CHART, "templates/more.yaml": ""})
    prove(proven, "--charts", str(charts), "--helm", helm)
    assert spec(proven, "a")["renders"][0]["digest"] != old


def test_what_is_proven_is_used_without_helm_and_charts(proven: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove(proven, "--helm", "no-such-helm", "-t", "json") == 10
    assert json.loads(capsys.readouterr().out)["total"] == {"live": 2, "default": 3, "dead": 4}
    assert prove(proven, "--verify") == 0


def test_a_chart_that_is_not_at_hand_leaves_its_values_unproven(
    tree: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (charts / "b-1.0.0.tgz").unlink()
    prove(tree, "--charts", str(charts), "--helm", helm, "-t", "json")
    out, err = capsys.readouterr()
    rows = {each["component"]: each["counts"] for each in json.loads(out)["components"]}
    assert rows["b"] == {"unproven": 1}
    assert "b 1.0.0" in err
    assert not (tree / path_of("b")).exists()
    assert prove(tree, "--verify") == 10


def test_one_recipe_is_proven_alone(tree: Path, charts: Path, helm: str) -> None:
    prove(tree, "base", "--charts", str(charts), "--helm", helm)
    assert (tree / path_of("a")).exists()
    assert not (tree / path_of("b")).exists()


def test_a_stopped_run_leaves_what_it_proved_and_goes_on_from_there(tree: Path, charts: Path, helm: str) -> None:
    pack(charts, "b", "1.0.0", {**CHART, "Chart.yaml": "name: b\nversion: 2.0.0\n"})
    assert prove(tree, "--charts", str(charts), "--helm", helm) == WrongChart.exit_status
    pack(charts, "b", "1.0.0", CHART)
    prove(tree, "base", "--charts", str(charts), "--helm", helm)
    done = (tree / path_of("a")).stat().st_mtime_ns
    prove(tree, "--charts", str(charts), "--helm", helm)
    assert (tree / path_of("a")).stat().st_mtime_ns == done
    assert (tree / path_of("b")).exists()


def test_a_run_that_is_killed_leaves_whole_proofs_and_no_half_ones(
    tree: Path, charts: Path, helm: str, tmp_path: Path
) -> None:
    slow, hold = tmp_path / "slow-helm", tmp_path / "hold"
    hold.touch()
    wait = f"while [ -e {hold} ]; do sleep 0.1; done"
    slow.write_text(f'#!/bin/sh\ncase "$*" in *b-1.0.0.tgz*) {wait} ;; esac\nexec {helm} "$@"\n')
    slow.chmod(0o755)
    words = [
        sys.executable,
        "-m",
        "clusterbook.cli.build_main",
        "prove",
        "--recipes",
        str(tree),
        "--charts",
        str(charts),
    ]
    command = [*words, "--helm", str(slow)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while not (tree / path_of("a")).exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
    hold.unlink()
    killed = (tree / path_of("a")).read_bytes()
    assert not (tree / path_of("b")).exists()
    prove(tree, "--charts", str(charts), "--helm", helm)
    assert (tree / path_of("a")).read_bytes() == killed
    assert spec(tree, "b")["values"] == [{"path": "/size", "effect": "default"}]


def test_a_chart_that_does_not_render_proves_nothing_and_says_why(
    tree: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(charts, "b", "1.0.0", {**CHART, "templates/all.yaml": '{{ fail "never" }}'})
    prove(tree, "--charts", str(charts), "--helm", helm, "-t", "json")
    rows = {each["component"]: each["counts"] for each in json.loads(capsys.readouterr().out)["components"]}
    assert rows["b"] == {"unproven": 1}
    assert "never" in spec(tree, "b")["renders"][0]["refusal"]


def test_a_kubernetes_that_the_chart_refuses_is_a_fact(tree: Path, charts: Path, helm: str) -> None:
    head = 'apiVersion: v2\nname: a\nversion: "1.0.0"\nkubeVersion: ">=1.31.0-0"\n'
    pack(charts, "a", "1.0.0", {**CHART, "Chart.yaml": head})
    prove(tree, "--charts", str(charts), "--helm", helm)
    (asked, refused) = spec(tree, "a")["facts"]["kubernetes"]
    assert asked["range"] == ">=1.31.0-0"
    assert refused["refused"] == "1.30.0"
    assert "1.31" in refused["why"]


def test_kinds_beside_the_templates_count_for_the_value_that_switches_a_subchart(
    tree: Path, charts: Path, helm: str
) -> None:
    base = tree / "overlays/base.yaml"
    base.write_text(base.read_text().replace("sizee: 3, ", "kinds: {enabled: false}, "))
    head = (
        'apiVersion: v2\nname: a\nversion: "1.0.0"\n'
        'dependencies: [{name: kinds, version: "1.0.0", condition: kinds.enabled}]\n'
    )
    kind = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ks.x.io}\n"
    files = {
        **CHART,
        "Chart.yaml": head,
        "values.yaml": f"{VALUES}kinds: {{enabled: true}}\n",
        "charts/kinds/Chart.yaml": 'apiVersion: v2\nname: kinds\nversion: "1.0.0"\n',
        "charts/kinds/crds/k.yaml": kind,
    }
    pack(charts, "a", "1.0.0", files)
    prove(tree, "--charts", str(charts), "--helm", helm)
    effects = {each["path"]: each for each in spec(tree, "a")["values"]}
    assert effects["/kinds/enabled"]["effect"] == "live"
    assert effects["/kinds/enabled"]["changes"] == ["-CustomResourceDefinition/ks.x.io"]


# --- other versions of a chart


def test_a_preview_tells_what_another_version_brings(
    proven: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {
        "values.yaml": VALUES.replace("size:", "scale:"),
        "templates/all.yaml": TEMPLATE.replace(".Values.size", ".Values.scale").replace(":v1", ":v2"),
    }
    pack(charts, "a", "2.0.0", other)
    words = ["--charts", str(charts), "--helm", helm, "--against", "a@2.0.0"]
    before = (proven / path_of("a")).read_bytes()
    assert prove(proven, *words, "-t", "json") == 0
    (preview,) = json.loads(capsys.readouterr().out)
    assert preview["recipes"] == ["base", "eks"]
    assert preview["after"] == {"chart": "a", "version": "2.0.0"}
    (size, *_) = [each for each in preview["values"] if each["path"] == "/size"]
    assert (size["before"]["effect"], size["after"]["effect"]) == ("live", "dead")
    images = [(each["name"], bool(each["before"])) for each in preview["facts"] if each["kind"] == "images"]
    assert images == [("quay.io/x/m:v1", True), ("quay.io/x/m:v2", False)]
    assert (proven / path_of("a")).read_bytes() == before
    assert prove(proven, *words) == 0
    assert re.search(r"value /size: live .* → dead", capsys.readouterr().out)


def test_a_preview_of_an_archive_that_holds_another_version_is_refused(
    proven: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(charts, "a", "3.0.0", CHART, file="a-2.0.0.tgz")
    assert prove(proven, "--charts", str(charts), "--helm", helm, "--against", "a@2.0.0") == WrongChart.exit_status
    assert "holds a 3.0.0, but its file name says 2.0.0" in capsys.readouterr().err


@pytest.mark.parametrize(("against", "error"), [("a", InvalidRequest), ("c@1.0.0", NotFound), ("a@9.9.9", NotFound)])
def test_a_preview_of_what_is_not_there_is_refused(
    tree: Path, charts: Path, helm: str, against: str, error: type[InvalidRequest]
) -> None:
    assert prove(tree, "--charts", str(charts), "--helm", helm, "--against", against) == error.exit_status


# --- bad input


def test_a_missing_helm_has_a_message_of_its_own(tree: Path, charts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove(tree, "--charts", str(charts), "--helm", "no-such-helm") == NoHelm.exit_status
    assert NoHelm.code in capsys.readouterr().err


@pytest.mark.parametrize("says", ["echo v2.17.0", "echo hello", "exit 3"])
def test_a_program_that_is_no_helm_is_refused(tmp_path: Path, says: str) -> None:
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    with pytest.raises(NoHelm):
        Helm(str(program))


def test_a_helm_that_is_killed_is_no_refusal_of_the_chart(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    program.write_text('#!/bin/sh\n[ "$1" = version ] && echo v3.22.0 || kill -9 $$\n')
    program.chmod(0o755)
    with pytest.raises(HelmFailed, match="signal 9"):
        Helm(str(program)).render(tmp_path / "a-1.0.0.tgz", "a", "ns", {}, kubernetes="1.30.0")


@pytest.mark.parametrize("status", [2, 126, 127, 137])
def test_a_helm_that_breaks_down_is_no_refusal_of_the_chart(tmp_path: Path, status: int) -> None:
    program = tmp_path / "helm"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = version ] && echo v3.22.0 && exit\necho "fatal error: out of memory" >&2\nexit {status}\n'
    )
    program.chmod(0o755)
    with pytest.raises(HelmFailed, match=f"status {status}, .*: fatal error: out of memory"):
        Helm(str(program)).render(tmp_path / "a-1.0.0.tgz", "a", "ns", {}, kubernetes="1.30.0")


def test_a_run_in_which_helm_breaks_down_records_nothing_of_that_chart(tree: Path, charts: Path, helm: str) -> None:
    program = tree.parent / "helm"
    program.write_text(f'#!/bin/sh\ncase "$*" in *size*|*/b-1.0.0.tgz*) exit 2 ;; esac\nexec {helm} "$@"\n')
    program.chmod(0o755)
    assert prove(tree, "--charts", str(charts), "--helm", str(program)) == HelmFailed.exit_status
    assert not (tree / path_of("b")).exists()
    assert prove(tree, "--charts", str(charts), "--helm", helm) == 10
    assert spec(tree, "b")["renders"]


@pytest.mark.parametrize(
    ("said", "is_trouble"),
    [
        ("open a-1.0.0.tgz: too many open files", True),
        ("write /tmp/x: no space left on device", True),
        ("fork/exec /bin/sh: resource temporarily unavailable", True),
        ("open a-1.0.0.tgz: permission denied", True),
        ("execution error at (a/templates/x.yaml:1:3): permission denied", False),
        ("template: a/x.yaml:1: function says no space left on device", False),
        ("values don't meet the specifications of the schema: permission denied", False),
    ],
)
def test_trouble_of_the_machine_is_no_refusal_of_the_chart(tmp_path: Path, said: str, *, is_trouble: bool) -> None:
    program = tmp_path / "helm"
    program.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo v3.22.0 && exit\necho "Error: {said}" >&2\nexit 1\n')
    program.chmod(0o755)

    def render() -> str:
        return Helm(str(program)).render(tmp_path / "a-1.0.0.tgz", "a", "ns", {}, kubernetes="1.30.0").refusal

    if is_trouble:
        with pytest.raises(HelmFailed, match="not about the chart"):
            render()
    else:
        assert render() == said


@pytest.mark.parametrize(
    "change",
    ["rm -f {b}", "head -c 100 {b} > {b}.part && mv {b}.part {b}", ": > {b}", "cp {a} {b}", "rm -f {b} && mkdir {b}"],
    ids=["gone", "cut", "empty", "another", "folder"],
)
def test_a_chart_that_changes_while_it_is_rendered_proves_nothing(
    tree: Path, charts: Path, helm: str, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Helm opens the archive for each render, and calls what it does not find there a mistake of whoever asked."""
    archives = {"a": charts / "a-1.0.0.tgz", "b": charts / "b-1.0.0.tgz"}
    program = tree.parent / "helm"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *b-1.0.0.tgz*) {change.format(**archives)} ;; esac\nexec {helm} "$@"\n'
    )
    program.chmod(0o755)
    assert prove(tree, "--charts", str(charts), "--helm", str(program)) == WrongChart.exit_status
    assert "changed while it was being rendered" in capsys.readouterr().err
    assert not (tree / path_of("b")).exists()


@pytest.mark.parametrize("driver", ["sql", "nonsense"])
def test_the_store_of_a_users_helm_changes_no_proof(
    proven: Path, charts: Path, helm: str, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: (proven / path_of(name)).read_bytes() for name in "ab"}
    for name in before:
        (proven / path_of(name)).unlink()
    monkeypatch.setenv("HELM_DRIVER", driver)
    prove(proven, "--charts", str(charts), "--helm", helm)
    assert {name: (proven / path_of(name)).read_bytes() for name in "ab"} == before


def test_an_archive_that_holds_another_chart_is_refused(
    tree: Path, charts: Path, helm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(charts, "other", "1.0.0", CHART, file="a-1.0.0.tgz")
    assert prove(tree, "--charts", str(charts), "--helm", helm) == WrongChart.exit_status
    assert "other 1.0.0" in capsys.readouterr().err


def test_an_archive_with_a_hostile_path_is_refused(tree: Path, charts: Path, helm: str) -> None:
    pack(charts, "a", "1.0.0", {**CHART, "../../evil": "x"})
    assert prove(tree, "--charts", str(charts), "--helm", helm) == UnreadableSource.exit_status


def test_a_recipe_that_is_not_there_is_refused(tree: Path) -> None:
    assert prove(tree, "nowhere") == NotFound.exit_status


def test_a_chart_that_stands_in_for_another_version_is_marked(tree: Path, charts: Path, helm: str) -> None:
    (charts / "b-1.0.0.tgz").unlink()
    pack(charts, "b", "0.9.0", CHART)
    entry = {"component": "b", "file": "b-0.9.0.tgz", "wanted": "1.0.0", "found": "0.9.0", "exact": False}
    (charts / "index.json").write_text(json.dumps([entry]))
    prove(tree, "--charts", str(charts), "--helm", helm)
    (render,) = spec(tree, "b")["renders"]
    assert (render["version"], render["exact"]) == ("0.9.0", False)


@pytest.mark.parametrize(
    "wrong", [{"chart": "other"}, {"found": "0.8.0"}, {"sha256": "0" * 64}], ids=["name", "version", "digest"]
)
def test_a_chart_that_is_not_what_its_index_says_stands_in_for_nothing(
    tree: Path, charts: Path, helm: str, wrong: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (charts / "b-1.0.0.tgz").unlink()
    digest = sha256(pack(charts, "b", "0.9.0", CHART).read_bytes()).hexdigest()
    entry = {"component": "b", "file": "b-0.9.0.tgz", "wanted": "1.0.0", "exact": False}
    said = {"chart": "b", "found": "v0.9.0", "sha256": digest}
    (charts / "index.json").write_text(json.dumps([{**entry, **said}]))
    assert prove(tree, "--charts", str(charts), "--helm", helm) == 10
    (tree / path_of("b")).unlink()
    (charts / "index.json").write_text(json.dumps([{**entry, **said, **wrong}]))
    capsys.readouterr()
    assert prove(tree, "--charts", str(charts), "--helm", helm) == WrongChart.exit_status
    assert f"its index says {next(iter(wrong.values()))}" in capsys.readouterr().err
    assert not (tree / path_of("b")).exists()


@pytest.mark.parametrize("text", ["{", "nothing", "{}", "[1]", '"x"', "[" * 100_000])
def test_an_index_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(InvalidRequest):
        Charts([tmp_path])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Charts([tmp_path / "nowhere"])


def test_a_preview_of_a_real_pair_names_what_the_release_changes(
    helm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    july, november = shared_folder("charts"), shared_folder("charts/2026.11")
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    registry = tmp_path / "recipes/registry.yaml"
    text = registry.read_text(encoding="utf-8")
    assert text.count('defaultVersion: "0.19.0"') == 1
    registry.write_text(text.replace('defaultVersion: "0.19.0"', 'defaultVersion: "0.18.3"'), encoding="utf-8")
    words = ["--charts", str(july), "--charts", str(november), "--helm", helm, "--against", "nfd@0.19.0"]
    assert run(["prove", "base", "--recipes", str(tmp_path / "recipes"), *words, "-t", "json"]) == 0
    (preview,) = json.loads(capsys.readouterr().out)
    assert (preview["before"]["version"], preview["after"]["version"]) == ("0.18.3", "0.19.0")
    images = {
        each["name"]: "comes" if each["before"] is None else "goes"
        for each in preview["facts"]
        if each["kind"] == "images"
    }
    assert images["registry.k8s.io/nfd/node-feature-discovery:v0.18.3"] == "goes"
    assert images["registry.k8s.io/nfd/node-feature-discovery:v0.19.0"] == "comes"
    effects = {each["path"]: each["after"]["effect"] for each in preview["values"] if each["after"]}
    assert "dead" not in effects.values()
