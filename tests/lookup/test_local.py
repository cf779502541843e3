"""What a snapshot says of a question: honoured or refused as flags are, and the recipe judged as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import main
from clusterbook.documents.yaml_writer import dump
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from tests.support import indexes, trees
from tests.support.indexes import Said

Ask = Callable[..., Said]
FLOORS = {
    **indexes.FILES,
    "base": indexes.FILES["base"].replace('{name: K8s.server.version, value: ">= 1.25"}',
                                          '{name: OS.release.ID, value: ubuntu}'),
    "eks": "criteria: {service: eks}\nconstraints: [{name: K8s.server.version, value: '>= 1.27'}]\n"
    "componentRefs: [{name: a, overrides: {driver: {version: '2.0'}}}]",
    "h100-eks-training": "base: eks-training\ncriteria: {service: eks, intent: training, accelerator: h100}",
    "kubeflow": "criteria: {service: eks, platform: kubeflow}\nbase: eks\nmixins: [kernel]",
    "slurm": "criteria: {service: eks, platform: slurm}\nbase: eks\n"
    "validation: {readiness: {constraints: [{name: K8s.server.version, value: '>= 1.31'}]}}",
    "mixins/kernel": 'constraints: [{name: OS.sysctl.osrelease, value: ">= 6.8"}]',
}  # fmt: skip
"""The floors stand above the leaves: base wants Ubuntu, eks a Kubernetes, a mixin a kernel."""


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf") / "index"
    write_folder(folder, list(index_parts(trees.build(FLOORS))), marker="index.json")
    return folder


@pytest.fixture
def ask(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        status = main.run([*words, "--source", str(index)], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def snapshot(
    *, version: str = "v1.33.5", release: str = "ubuntu", kernel: str = "", gpus: tuple[str, ...] = (), **stated: Any
) -> str:
    """Write the snapshot of a cluster; return where it lies."""
    measured = {
        "K8s": {"server": {"version": version}},
        "OS": {"release": {"ID": release}, **({"sysctl": {"osrelease": kernel}} if kernel else {})},
    }
    types = [
        {"type": kind, "subtypes": [{"subtype": name, "data": data} for name, data in groups.items()]}
        for kind, groups in measured.items()
    ]
    if gpus:
        items = [{"data": {"name": name}} for name in gpus]
        types.append({"type": "GPU", "subtypes": [{"subtype": "smi", "data": {}, "items": items}]})
    stated = {"service": {"value": "eks"}, "accelerator": {"value": "h100"}, "os": {"value": "any"}, **stated}
    stated = {name: entry for name, entry in stated.items() if entry is not None}
    Path("s.yaml").write_text(dump({"kind": "Snapshot", "fingerprint": stated, "measurements": types}))
    return "s.yaml"


SLUG = ("--selector", "metadata.slug")
COMMANDS = [("recipe",), ("query", *SLUG), ("bundle", "-o", "b"), ("mirror", "list"), ("explain", "components.a")]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_floor_above_the_leaf_is_judged(ask: Ask, words: tuple[str, ...]) -> None:
    said = ask(*words, "-s", snapshot(version="v1.20.3-eks-1"), "--intent", "training", "--os", "any")
    assert (said.status, said.out) == (2, "")
    assert "CB103 h100-eks-training is not for this cluster (K8s.server.version: " in said.err
    assert "'v1.20.3-eks-1', not >= 1.27" in said.err
    assert "accept h100 with --allow-inherited" in said.err
    assert not Path("b").exists()


def test_a_floor_of_base_leaves_no_recipe(ask: Ask) -> None:
    line = ("query", "-s", snapshot(release="talos"), "--os", "any", "--allow-inherited", *SLUG)
    said = ask(*line)
    assert (said.status, said.out) == (2, "")
    assert "CB104 no recipe fits this cluster: OS.release.ID is 'talos', not ubuntu (" in said.err
    assert "overlays/base.yaml:" in said.err
    assert "clusterbook fit s.yaml" in said.err


@pytest.mark.parametrize(("kernel", "status"), [("6.8.0-1031-aws", 0), ("6.5.0", 2), ("", 0)])
def test_a_mixin_of_the_recipe_is_judged(ask: Ask, kernel: str, status: int) -> None:
    words = ("--accelerator", "any", "--os", "any", "--platform", "kubeflow", *SLUG)
    said = ask("query", "-s", snapshot(kernel=kernel), *words)
    assert said.status == status
    assert ("it is not known whether OS.sysctl.osrelease is >= 6.8: " in said.err) == (not kernel)
    assert said.out == ("" if status else "eks-kubeflow\n")


@pytest.mark.parametrize(("version", "status"), [("v1.33.5", 0), ("v1.31.0", 0), ("v1.30.9", 2), ("v1.20.0", 2)])
def test_what_readiness_asks_is_judged_as_fit_judges_it(ask: Ask, version: str, status: int) -> None:
    where = snapshot(version=version)
    said = ask("query", "-s", where, "--accelerator", "any", "--os", "any", "--platform", "slurm", *SLUG)
    assert (said.status, said.out) == (status, "" if status else "eks-slurm\n")
    judged = {each["recipe"]: each["fit"] for each in json.loads(ask("fit", where, "--all", "-t", "json").out)}
    assert (judged["slurm"] == "misses") == bool(status)


def test_what_is_left_says_what_was_left_out(ask: Ask) -> None:
    line = ("-s", snapshot(version="v1.20.0"), "--intent", "training", "--os", "any", "--allow-inherited")
    said = ask("query", *line, "--selector", "metadata", "-t", "json")
    metadata = json.loads(said.out)
    assert (metadata["slug"], metadata["state"], metadata["appliedOverlays"]) == ("h100", "inherited", ["base", "h100"])
    assert metadata["excludedOverlays"] == [{"name": "h100-eks-training", "reason": "constraint-failed"}]
    assert "note: h100-eks-training is left out: K8s.server.version" in said.err
    assert "driver.version" not in ask("recipe", *line).out


@pytest.mark.parametrize(
    "words",
    [
        ("--os", "ubuntu"),
        ("--os", "any", "--platform", "kubeflow"),
        ("--os", "any", "--intent", "inference"),
        ("--os", "any", "--accelerator", "gb200"),
        ("--os", "any", "--service", "kind"),
    ],
)
def test_what_flags_cannot_have_a_snapshot_cannot_have(ask: Ask, words: tuple[str, ...]) -> None:
    where = snapshot()
    shown = {"--service": "eks", "--accelerator": "h100", **dict(zip(words[::2], words[1::2], strict=True))}
    flags = [word for pair in shown.items() for word in pair]
    same, said = ask("query", *flags, *SLUG), ask("query", "-s", where, *words, *SLUG)
    assert (said.status, said.out) == (same.status, same.out)
    if same.status:
        assert "CB103" in same.err
        assert same.err.splitlines()[0] in said.err
    assert ask("query", "-s", where, *words, "--allow-inherited", *SLUG).status == 0


@pytest.mark.parametrize(
    ("shown", "flag", "what"),
    [
        ({"os": {"value": "plan9"}}, "os", "the snapshot's os plan9 is not in this catalog"),
        ({"os": None, "release": "rocky"}, "os", "the snapshot's os rocky (OS.release.ID) is not in this catalog"),
        ({"service": {"value": "openstack"}}, "service", "the snapshot's service openstack is not in this catalog"),
        ({"accelerator": {"value": "v100"}}, "accelerator", "the snapshot's accelerator v100 is not in this catalog"),
        (
            {"accelerator": None, "gpus": ("Tesla-V100",)},
            "accelerator",
            "the snapshot's accelerator Tesla-V100 (GPU.smi.name) is not in this catalog",
        ),
        (
            {"accelerator": None, "gpus": ("NVIDIA H100", "NVIDIA L40S")},
            "accelerator",
            "the nodes of the snapshot differ in their accelerator: h100, l40s",
        ),
    ],
)
def test_what_no_recipe_is_for_is_named_and_refused(ask: Ask, shown: dict[str, Any], flag: str, what: str) -> None:
    where = snapshot(**shown)
    words = () if flag == "os" else ("--os", "any")
    said = ask("query", "-s", where, *words, *SLUG)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"error: s.yaml: CB101 {what}\n")
    assert f"say --{flag} any to leave it open, or one of " in said.err
    assert "CB101" not in ask("query", "-s", where, *words, f"--{flag}", "any", *SLUG).err


@pytest.mark.parametrize("dimension", ["service", "accelerator"])
def test_what_a_snapshot_does_not_show_is_named(ask: Ask, dimension: str) -> None:
    where = snapshot(**{dimension: ""})
    note = f"note: the snapshot shows no {dimension}, so any is used; set it with --{dimension} NAME"
    assert note in ask("query", "-s", where, "--os", "any", "--allow-inherited", *SLUG).err
    value = {"service": "eks", "accelerator": "h100"}[dimension]
    assert note not in ask("query", "-s", where, "--os", "any", f"--{dimension}", value, *SLUG).err


NODE = {
    "metadata": {"name": "gpu-1", "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
    "spec": {"providerID": "aws:///z/i-1"},
    "status": {"capacity": {"nvidia.com/gpu": "8"}, "nodeInfo": {"osImage": "Ubuntu 24.04.3 LTS"}},
}


def cluster(*nodes: dict[str, Any], version: str = "v1.33.5-eks-1", **gap: str) -> str:
    """Write the snapshot of a cluster of EKS with some nodes; return where it lies."""
    document = {
        "kind": "Snapshot",
        "measurements": [{"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": version}}]}],
        "objects": [{"apiVersion": "v1", "kind": "Node", "items": list(nodes)}],
        "coverage": [gap] if gap else [],
    }
    Path("c.json").write_text(json.dumps(document), encoding="utf-8")
    return "c.json"


@pytest.mark.parametrize("part", ["objects/v1/Node", "nodes", "measurements/NodeTopology"])
@pytest.mark.parametrize("state", ["partial", "denied", "failed"])
@pytest.mark.parametrize("command", ["query", "recipe"])
def test_nodes_that_were_not_all_seen_make_no_recipe_for_any(ask: Ask, part: str, state: str, command: str) -> None:
    where = cluster(NODE, part=part, state=state, reason="etcdserver: leader changed")
    slug = SLUG if command == "query" else ()
    said = ask(command, "-s", where, "--intent", "training", *slug)
    assert (said.status, said.out) == (2, "")
    assert "CB101 the snapshot does not show its accelerator: only 1 node was captured: etcdserver" in said.err
    typed = ask("query", "-s", where, "--intent", "training", "--accelerator", "h100", "--os", "any", *SLUG)
    assert (typed.status, typed.out) == (0, "h100-eks-training\n")
    assert "note: --accelerator h100 is used, although the snapshot does not show its accelerator" in typed.err
    assert "it is not known whether OS.release.ID is ubuntu: OS.release.ID is 'ubuntu' as far as captured" in typed.err


@pytest.mark.parametrize(
    ("seen", "flags", "note"),
    [
        (
            {"version": "v1.33.5+rke2r1"},
            {"service": "eks"},
            "the snapshot's service rke2 (K8s.server.version) is not in this catalog",
        ),
        ({"gpu": "NVIDIA-GH200-480GB"}, {"accelerator": "h100"}, "the snapshot's accelerator NVIDIA-GH200-480GB"),
        (
            {"version": "v1.33.5+k3s1"},
            {"service": "any"},
            "the snapshot's service k3s (K8s.server.version) is not in this catalog",
        ),
        ({"gpu": "Tesla-T4"}, {"accelerator": "any"}, "the snapshot's accelerator Tesla-T4"),
        (
            {"gpu": "NVIDIA-L40S", "more": True},
            {"accelerator": "h100"},
            "the nodes of the snapshot differ in their acc",
        ),
    ],
)
def test_what_is_typed_against_the_snapshot_counts_and_is_said(
    ask: Ask, seen: dict[str, Any], flags: dict[str, str], note: str
) -> None:
    other = json.loads(json.dumps(NODE).replace("NVIDIA-H100-80GB-HBM3", seen.get("gpu", "NVIDIA-H100-80GB-HBM3")))
    other["metadata"]["name"] = "gpu-2"
    where = cluster(*([NODE] if "more" in seen else []), other, version=seen.get("version", "v1.33.5-eks-1"))
    words = [word for name, value in ({"os": "any"} | flags).items() for word in (f"--{name}", value)]
    said = ask("query", "-s", where, "--intent", "training", "--allow-inherited", *words, *SLUG)
    ((name, value),) = flags.items()
    assert f"note: --{name} {value} is used, although {note}" in said.err


def test_what_a_document_asks_for_counts_before_the_snapshot_and_is_said(ask: Ask) -> None:
    Path("criteria.yaml").write_text("kind: RecipeCriteria\nspec: {accelerator: gb200, service: eks}\n")
    said = ask("query", "-s", snapshot(), "-r", "criteria.yaml", "--os", "any", "--allow-inherited", *SLUG)
    assert "note: accelerator gb200 of the document is used, not h100 from the snapshot\n" in said.err


@pytest.mark.parametrize(
    ("product", "labels", "what"),
    [
        ("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", {}, "MIG slices on gpu-1"),
        ("GRID-H100-40C", {}, "virtual GPUs on gpu-1"),
        ("NVIDIA-H100-80GB-HBM3-SHARED", {}, "shared GPUs on gpu-1"),
        ("NVIDIA-H100-80GB-HBM3", {"cloud.google.com/gke-gpu-partition-size": "1g.10gb"}, "MIG slices on gpu-1"),
        ("NVIDIA-H100-80GB-HBM3", {"nvidia.com/gpu.sharing-strategy": "mps", "nvidia.com/gpu.replicas": "4"},
         "shared GPUs on gpu-1"),
    ],
)  # fmt: skip
def test_parts_of_gpus_are_named_before_a_recipe_for_whole_ones(
    ask: Ask, product: str, labels: dict[str, str], what: str
) -> None:
    node = json.loads(json.dumps(NODE).replace("NVIDIA-H100-80GB-HBM3", product))
    node["metadata"]["labels"] |= labels
    said = ask("query", "-s", cluster(node), "--intent", "training", "--os", "any", *SLUG)
    assert f"note: not all GPUs are whole: {what}; partitioned GPUs suit inference only" in said.err
    assert "not all GPUs" not in ask("query", "-s", cluster(NODE), "--intent", "training", "--os", "any", *SLUG).err
