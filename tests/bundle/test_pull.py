"""What a bundle carries along: charts that helm pulls, and what kustomize builds, each by a program that stands in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.cli import main
from tests.support.bundles import files, here, keep
from tests.support.whole_recipes import small

Run = Callable[..., tuple[int, str, str]]
HELM = r"""#!/usr/bin/env bash
set -eu
cd "$STANDIN"
printf '%s\n' "$*" >>calls
case "$1 ${2-}" in
    'version '*) echo v3.22.0+g0 ;;
    'repo add') printf 'password %s\n' "$(cat)" >>calls ;;
    'pull '*)
        for last; do :; done
        name="${2##*/}"
        if [ -e "fail-$name" ]; then
            printf 'first line\nError: no chart %s\n' "$name" >&2
            exit 1
        fi
        [ -e "lose-$name" ] || printf 'chart %s' "$name" >"$last/$name-1.tgz" ;;
esac
"""
KUSTOMIZE = r"""#!/usr/bin/env bash
set -eu
cd "$STANDIN"
printf 'kustomize %s\n' "$*" >>calls
printf 'kind: ConfigMap\nmetadata: {name: built}\n'
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in a folder with recipe.json, where helm and kustomize stand in."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    for name, text in (("helm", HELM), ("kustomize", KUSTOMIZE)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STANDIN", str(tmp_path))
    monkeypatch.chdir(tmp_path / "work")
    keep(small())

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(words, {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def bundle(run: Run, *words: str) -> tuple[int, str, str]:
    return run("bundle", "-r", "recipe.json", "--vendor-charts", "-o", "b", *words)


def calls(start: str) -> list[str]:
    """Return how the programs were called, with the folders that archives go to cut off."""
    lines = Path(os.environ["STANDIN"], "calls").read_text().splitlines()
    return sorted(line.partition(" --destination")[0] for line in lines if line.startswith(start))


def provenance() -> Mapping[str, Any]:
    found: Mapping[str, Any] = YAML(typ="safe").load(Path("b/provenance.yaml").read_text())
    return found


@pytest.mark.parametrize("deployer", ["helm", "helmfile", "argocd", "argocd-helm", "flux"])
def test_charts_travel_in_the_bundle_and_are_part_of_its_proof(run: Run, deployer: str) -> None:
    status, _, err = bundle(run, "-d", deployer)
    assert status == 0, err
    assert calls("pull") == [
        "pull crds --repo https://charts.example/stable --version 1.10",
        "pull metrics --repo https://charts.example/stable --version 2.0.0",
        "pull oci://registry.example/charts/gpu --version v26.3.2",
    ]
    charts = provenance()["vendoredCharts"]
    assert [each["tarballName"] for each in charts] == ["crds-1.tgz", "gpu-1.tgz", "metrics-1.tgz"]
    assert {each["pullerVersion"] for each in charts} == {"v3.22.0+g0"}
    for each in charts:
        assert Path("b", each["path"]).read_text() == f"chart {each['chart']}"
    assert run("verify", "b", "--min-trust-level", "unverified")[0] == 0
    Path("b", charts[0]["path"]).write_text("another")
    assert run("verify", "b", "--min-trust-level", "unverified")[0] == 4


def test_a_component_that_is_left_out_is_not_pulled(run: Run) -> None:
    assert bundle(run, "--set", "metrics:enabled=false")[0] == 0
    assert len(calls("pull")) == 2


def test_a_password_is_never_on_a_command_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_REPOSITORY_USERNAME", "me")
    monkeypatch.setenv("HELM_REPOSITORY_PASSWORD", "opensesame")
    monkeypatch.setenv("HELM_REPOSITORY_HOST", "charts.example")
    assert bundle(run)[0] == 0
    assert calls("password") == ["password opensesame"] * 2
    assert all("opensesame" not in call for call in calls("repo") + calls("pull"))
    assert [call.split(" --repository-config")[0] for call in calls("repo")] == [
        "repo add own https://charts.example/stable --username me --password-stdin"
    ] * 2
    assert [call.split()[1] for call in calls("pull")] == [
        "oci://registry.example/charts/gpu",
        "own/crds",
        "own/metrics",
    ]
    assert not any(b"opensesame" in data for data in files("b").values())


@pytest.mark.parametrize("host", ["other.example", "charts.example:8443", "example", "charts.example.evil.example"])
def test_a_password_goes_to_no_other_host_than_its_own(run: Run, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HELM_REPOSITORY_USERNAME", "me")
    monkeypatch.setenv("HELM_REPOSITORY_PASSWORD", "opensesame")
    monkeypatch.setenv("HELM_REPOSITORY_HOST", host)
    assert bundle(run)[0] == 0
    assert calls("password") == calls("repo") == []


def test_a_password_without_a_host_is_refused_before_anything_is_pulled(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_REPOSITORY_USERNAME", "me")
    monkeypatch.setenv("HELM_REPOSITORY_PASSWORD", "hunter2")
    status, _, err = bundle(run)
    assert status == 2
    assert "HELM_REPOSITORY_HOST" in err
    assert "hunter2" not in err
    assert calls("password") == []


@pytest.mark.parametrize("source", ["http://charts.example/stable", "HTTP://charts.example", "ftp://charts.example"])
def test_a_password_never_goes_without_tls(run: Run, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    recipe = small()
    for component in recipe["componentRefs"]:
        if str(component.get("source", "")).startswith("https://charts.example"):
            component["source"] = source
    keep(recipe)
    monkeypatch.setenv("HELM_REPOSITORY_USERNAME", "me")
    monkeypatch.setenv("HELM_REPOSITORY_PASSWORD", "hunter2")
    monkeypatch.setenv("HELM_REPOSITORY_HOST", "charts.example")
    status, _, err = bundle(run)
    assert status == 2
    assert "hunter2" not in err
    called = Path(os.environ["STANDIN"], "calls")
    assert not called.exists() or calls("password") == []


def test_a_chart_that_cannot_be_pulled_is_named_and_nothing_is_written(run: Run) -> None:
    Path("../fail-gpu").touch()
    status, out, err = bundle(run)
    assert (status, out) == (6, "")
    assert "CB112 helm pull oci://registry.example/charts/gpu failed: Error: no chart gpu" in err
    Path("../fail-gpu").rename("../lose-gpu")
    assert "CB112 helm pull gpu left 0 archives" in bundle(run)[2]
    assert here() == ["recipe.json"]


def test_without_helm_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    status, _, err = bundle(run)
    assert (status, "CB112 helm is not on PATH" in err) == (6, True)


@pytest.mark.parametrize(
    "change", [{"chart": "--post"}, {"source": "--repo"}, {"version": "--debug"}, {"chart": "../../etc/passwd"}]
)
def test_no_word_of_a_recipe_becomes_a_flag_of_helm(run: Run, change: dict[str, str]) -> None:
    keep(small(crds=change))
    assert bundle(run)[0] == 2
    assert not Path("../calls").exists()


def kustomized(**more: str) -> dict[str, Any]:
    """Return the small recipe with a component of another type."""
    recipe = small(crds={"type": "Kustomize", "path": "base", **more})
    del next(each for each in recipe["componentRefs"] if each["name"] == "crds")["chart"]
    return recipe


def test_a_kustomization_is_built_into_the_bundle_and_carried_by_its_recipe(run: Run) -> None:
    keep(kustomized(source="https://git.example/x.git", tag="v1"))
    status, _, err = run("bundle", "-r", "recipe.json", "-o", "b")
    assert status == 0, err
    assert calls("kustomize") == ["kustomize build https://git.example/x.git//base?ref=v1"]
    assert b"name: built" in files("b")["001-crds/templates/manifest.yaml"]
    assert run("verify", "b", "--min-trust-level", "unverified")[0] == 0
    assert run("bundle", "-r", "b/recipe.yaml", "-o", "again")[0] == 0  # built once: the recipe carries it
    assert len(calls("kustomize")) == 1
    assert files("again") == files("b")


@pytest.mark.parametrize(
    ("recipe", "words", "what", "status"),
    [
        (kustomized(path=""), [], "is Kustomize without a path", 2),
        (kustomized(source="", path="--enable-exec"), [], "is a flag of kustomize", 2),
        (kustomized(), ["-d", "flux"], "--deployer flux installs charts only", 2),
    ],
)
def test_a_kustomization_that_cannot_be_built_is_refused(
    run: Run, recipe: dict[str, Any], words: list[str], what: str, status: int
) -> None:
    keep(recipe)
    found, _, err = run("bundle", "-r", "recipe.json", "-o", "b", *words)
    assert (found, what in err) == (status, True), err
    assert here() == ["recipe.json"]


def test_without_kustomize_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(kustomized())
    monkeypatch.setenv("PATH", "")
    status, _, err = run("bundle", "-r", "recipe.json", "-o", "b")
    assert (status, "CB112 kustomize is not on PATH" in err) == (6, True)
