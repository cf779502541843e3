"""`clusterbook-build new`: files that check has next to nothing to say of, and what they make."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from clusterbook.cli import build_main
from clusterbook.lookup.build import served_recipes
from clusterbook.scaffold.words import quoted
from tests.support import sites

ROOT = Path(__file__).resolve().parents[2]
LWS = (
    "component", "lws", "--repository", "oci://registry.k8s.io/lws/charts", "--version", "0.8.0",
    "--namespace", "lws-system", "--workload", "Deployment/lws-controller-manager",
)  # fmt: skip


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a copy of our own sources."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = build_main.run(["new", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_an_overlay_says_what_it_makes(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ask(capsys, "overlay", "service=k0s,accelerator=b200,intent=training,platform=kubeflow")
    assert (status, out.splitlines()[0]) == (0, "wrote recipes/overlays/b200-k0s-training-kubeflow.yaml")
    assert "  + b200-k0s-training-kubeflow\n" in out


def test_an_overlay_that_others_together_made_already_is_named_alone(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ask(capsys, "overlay", "service=eks,accelerator=b200,intent=training,os=ubuntu")
    assert (status, out.splitlines()[1]) == (
        0,
        f"before → now: 1 changed, {len(dict(served_recipes(sites.ours()))) - 1} unchanged",
    )
    assert "note: taken from " in err


def test_a_component_with_its_check_and_list_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("recipes/registry.yaml").read_text(encoding="utf-8")
    status, out, _ = ask(capsys, *LWS)
    assert [line.partition(" CB")[2][:3] for line in out.splitlines() if " CB" in line] == []
    assert status == 0, out
    after = Path("recipes/registry.yaml").read_text(encoding="utf-8")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert "  - name: lws" in added
    assert (
        len(added) == len(after.splitlines()) - len(before.splitlines()) - 3
    )  # a blank line, and two that others have
    entries = [each["name"] for each in YAML(typ="safe").load(after)["components"]]
    assert entries == [*(each["name"] for each in YAML(typ="safe").load(before)["components"]), "lws"]
    assert YAML(typ="safe").load(Path("recipes/checks/lws/health-check.yaml"))["kind"] == "Test"


def test_a_mixin_brings_it_and_a_check_can_be_written_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, *LWS)[0] == 0
    status, out, _ = ask(capsys, "mixin", "groups", "--component", "lws", "--component", "kueue")
    assert "wrote recipes/mixins/groups.yaml" in out
    document = YAML(typ="safe").load(Path("recipes/mixins/groups.yaml"))
    assert document["spec"]["componentRefs"] == [{"name": "lws"}, {"name": "kueue"}]
    shutil.rmtree("recipes/checks/lws")
    status, out, _ = ask(capsys, "check", "lws", "--workload", "DaemonSet/lws")
    assert "wrote recipes/checks/lws/health-check.yaml" in out
    assert status in (0, 10)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("overlay", "service=eks"), "eks is for exactly these criteria"),
        (("component", "kueue", *LWS[2:]), "there is a component kueue"),
        (("component", "Not A Name", *LWS[2:]), "a component cannot be 'Not A Name'"),
        (("component", "x", "--repository", "ftp://x", *LWS[4:]), "'ftp://x' is not a chart repository"),
        (("component", "x", *LWS[2:4], "--version", "newest", *LWS[6:]), "'newest' is not the version of a chart"),
        ((*LWS[:8], "--workload", "Pod/x"), "'Pod/x' is not a workload"),
        ((*LWS[:8], "--workload", "Deployment/"), "'Deployment/' is not a workload"),
        (LWS[:8], "a component needs a health check"),
        (("mixin", "os-ubuntu", "--component", "kueue"), "there is a mixin os-ubuntu"),
        (("mixin", "../x", "--component", "kueue"), "a mixin cannot be '../x'"),
        (("mixin", "x"), "a mixin brings at least one component"),
        (("mixin", "x", "--component", "nothing"), "there is no component nothing"),
        (("check", "nothing", "--workload", "Deployment/x"), "there is no component nothing"),
        (("check", "kueue", "--workload", "Deployment/x"), "recipes/checks/kueue/health-check.yaml exists"),
        (("check", "kueue"), "no workload is named"),
    ],
)
def test_what_cannot_be_begun_is_refused_and_nothing_is_written(
    words: tuple[str, ...], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in Path("recipes").rglob("*") if path.is_file()}
    status, out, err = ask(capsys, *words)
    assert (status, out) == (2, "")
    assert what in err
    assert "hint: " in err
    assert {path: path.read_bytes() for path in Path("recipes").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "text",
    [">= 1.32", "256", "true", "No", "a: b", "x", "a/b.c-d", "", " x", "#", "é", '"', "null", "1e3", "0x1", "~", "="],
)
def test_text_is_read_as_it_was_meant(text: str) -> None:
    assert YAML(typ="safe").load(f"x: {quoted(text)}") == {"x": text}
