"""`clusterbook mirror list`: what it prints, and how it ends when it does not know everything."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterbook.cli import main

HELM = """#!/bin/sh
case "$*" in
    *nodewright*) echo 'Error: not found' >&2; exit 1 ;;
    template*) printf -- '---\\nkind: Pod\\nspec: {containers: [{image: "a.io/new:1"}]}\\n---\\nkind: CustomResourceDefinition\\nimage: x.io/y:1\\n' ;;
esac
"""  # noqa: E501


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a helm first on PATH that renders every chart to one pod, and cannot find one of them."""
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.write_text(HELM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main.run(["mirror", "list", *words], {})
    said = capsys.readouterr()
    return status, said.out, said.err


def test_images_of_several_recipes_are_one_sorted_list(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = call(capsys, "h100-eks-training", "h100-eks-inference", "--format", "images")
    assert status == 10
    assert text.splitlines() == sorted(set(text.splitlines()))
    assert any(image.startswith("nvcr.io/nvidia/gpu-operator:") for image in text.splitlines())


def test_criteria_say_which_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = call(capsys, "--service", "eks", "--accelerator", "h100", "--intent", "training", "-t", "json")
    assert (status, json.loads(text)["metadata"]) == (10, {"name": "h100-eks-training"})


WITHOUT_GAPS = ("h100-eks-ubuntu-training", "--set", "nodewright-operator:enabled=false")


def test_a_complete_list_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, said = call(capsys, *WITHOUT_GAPS, "-t", "json")
    assert (status, said, json.loads(text)["spec"]["complete"]) == (0, "", True)


def test_the_driver_is_listed_under_the_tag_that_nodes_pull(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = call(capsys, *WITHOUT_GAPS, "-t", "images")
    assert [line for line in text.splitlines() if "/driver:" in line] == [
        "nvcr.io/nvidia/driver:580.173.02-ubuntu24.04"
    ]


@pytest.mark.parametrize(
    ("slug", "missing"),
    [
        ("h100-eks-training", "nvcr.io/nvidia/driver:580.173.02"),
        ("h100-aks-ubuntu-training", "nvcr.io/nvidia/mellanox/doca-driver:doca3.2.0-25.10-1.2.8.0-2"),
        ("h100-aks-ubuntu-training", "images of its chart 83.7.0"),
        ("h100-eks-ubuntu-training", "the agent that runs packages on nodes, and the pause image beside it"),
    ],
)
def test_what_a_list_cannot_name_is_said_and_not_listed(
    capsys: pytest.CaptureFixture[str], slug: str, missing: str
) -> None:
    status, text, _ = call(capsys, slug, "-t", "json")
    spec = json.loads(text)["spec"]
    assert (status, spec["complete"]) == (10, False)
    assert missing in [gap["missing"] for gap in spec["gaps"]]
    assert missing not in [image["name"] for image in spec["images"]]


@pytest.mark.parametrize("slug", ["h100-gke-cos-training", "h100-kind-training"])
def test_a_driver_that_is_switched_off_is_neither_listed_nor_missed(
    capsys: pytest.CaptureFixture[str], slug: str
) -> None:
    _, text, said = call(capsys, slug, "-t", "images")
    assert "/driver:" not in text + said
    assert "/doca-driver:" not in text + said


def test_a_driver_that_a_setting_switches_on_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, said = call(capsys, "h100-gke-cos-training", "--set", "gpu-operator:driver.enabled=true")
    assert (status, "nvcr.io/nvidia/driver:580.173.02" in said) == (10, True)


def test_what_the_scheduler_starts_by_its_operator_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = call(capsys, "h100-eks-ubuntu-training-kubeflow", "-t", "images")
    names = {line.rpartition("/")[2].partition(":")[0] for line in text.splitlines() if "/kai-scheduler/" in line}
    wanted = "admission binder nodescaleadjuster podgroupcontroller podgrouper queuecontroller resourcereservation"
    assert names >= {*wanted.split(), "scheduler", "scalingpod", "operator", "crd-upgrader"}


def test_a_list_that_is_not_complete_ends_with_ten_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, said = call(capsys, "h100-eks-training", "--set", "gpu-operator:driver.version=1", "-t", "json")
    assert (status, json.loads(text)["spec"]["complete"]) == (10, False)
    assert "CB200 the list is not complete: gpu-operator: --set gpu-operator:driver.version may change" in said
    assert "--check" in said


@pytest.mark.usefixtures("helm")
def test_helm_is_asked_on_request_and_what_it_adds_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    words = *WITHOUT_GAPS, "--check", "-t", "images"
    status, text, said = call(capsys, *words)
    assert status == 0, said
    assert "a.io/new:1\n" in text
    assert "x.io/y" not in text
    assert "note: the catalog's list of gpu-operator lacks a.io/new:1; it was added" in said


@pytest.mark.usefixtures("helm")
def test_a_chart_that_helm_cannot_render_is_an_error_not_a_shorter_list(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, said = call(capsys, "h100-eks-training", "--check")
    assert (status, text) == (6, "")
    assert "CB112" in said


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["no-such-recipe"], 3, "no-such-recipe"),
        (["h100-eks-training", "--format", "tar"], 2, "tar"),
        (["h100-eks-training", "--set", "gpu-operatr:x=1"], 2, "gpu-operator"),
        (["h100-eks-training", "--deployer", "flux"], 1, "--deployer"),
    ],
)
def test_what_is_asked_wrongly_is_named(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    found, text, error = call(capsys, *words)
    assert (found, text) == (status, "")
    assert said in error
