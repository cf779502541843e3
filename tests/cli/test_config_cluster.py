"""`snapshot --config` and `validate --config`: what a file says about agents, runs and evidence is done, or said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.documents.yaml_writer import dump
from tests.support import indexes
from tests.support.clusters import SNAPSHOTS

H100 = str(SNAPSHOTS / "h100-eks.yaml")
AGENT = {
    "namespace": "gpu",
    "image": "example.com/agent:v1",
    "imagePullSecrets": ["one", "two"],
    "jobName": "look",
    "serviceAccountName": "looker",
    "nodeSelector": {"pool": "gpu", "zone": "a"},
    "tolerations": ["nvidia.com/gpu=present:NoSchedule"],
    "requireGpu": True,
}
MORE = {"runtimeClassName": "nvidia", "requests": "cpu=1", "limits": "memory=2Gi"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(indexes.write_index(tmp_path_factory.mktemp("configured")))


def config(folder: Path, **sections: Any) -> str:
    path = folder / "config.yaml"
    path.write_text(dump({"kind": "AICRConfig", "apiVersion": "aicr.run/v1alpha2", "spec": sections}), encoding="utf-8")
    return str(path)


def manifests(*words: str) -> dict[str, Any]:
    """Return the objects that a command would put into a cluster, by kind."""
    said = indexes.run(*words, "--print-manifests", "-t", "json")
    assert said.status == 0, said.err
    return {each["kind"]: each for each in json.loads(said.out)["items"]}


def test_the_agent_of_a_file_is_the_agent_of_the_flags(tmp_path: Path) -> None:
    execution = {"timeout": "7m", "noCleanup": True, "privileged": True, "maxNodesPerEntry": 3}
    where = config(tmp_path, snapshot={"agent": {**AGENT, **MORE}, "execution": execution})
    flags = (
        "--agent -n gpu --image example.com/agent:v1 --image-pull-secret one --image-pull-secret two --job-name look"
        " --service-account-name looker --node-selector pool=gpu --node-selector zone=a"
        " --toleration nvidia.com/gpu=present:NoSchedule --require-gpu --runtime-class nvidia --requests cpu=1"
        " --limits memory=2Gi --privileged --timeout 7m"
    )
    found = manifests("snapshot", "--config", where)
    assert found == manifests("snapshot", *flags.split())
    pod = found["Job"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "gpu", "zone": "a"}
    assert found["Job"]["spec"]["activeDeadlineSeconds"] == 420


def test_flags_count_more_and_that_is_said(tmp_path: Path) -> None:
    where = config(tmp_path, snapshot={"agent": AGENT, "execution": {"timeout": "7m"}, "output": {"format": "yaml"}})
    words = ("snapshot", "--config", where, "--node-selector", "pool=other", "-n", "gpu", "--timeout", "1m")
    found = manifests(*words)
    assert found["Job"]["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "other"}
    assert found["Job"]["spec"]["activeDeadlineSeconds"] == 60
    notes = indexes.run(*words, "--print-manifests", "-t", "json").err.splitlines()
    assert notes == [
        f"note: {flag} on the command line overrides that of {where}"
        for flag in ("--format", "--node-selector", "--timeout")
    ]


def test_an_agent_of_a_file_is_asked_for(tmp_path: Path) -> None:
    where = config(tmp_path, snapshot={"agent": {}})
    broken = tmp_path / "kubeconfig"
    broken.write_text("nothing: here\n")
    said = indexes.run("snapshot", "--config", where, "-k", str(broken))
    assert (said.status, str(broken) in said.err) == (2, True)


def test_a_snapshot_of_this_machine_leaves_the_agent_out(tmp_path: Path) -> None:
    where = config(tmp_path, snapshot={"agent": {"namespace": "x"}, "output": {"format": "table"}})
    (tmp_path / "machine").mkdir()
    said = indexes.run("snapshot", "--config", where, "--root", str(tmp_path / "machine"))
    assert said.status == 0
    assert said.out.startswith("READING")
    notes = said.err.splitlines()
    assert notes[0] == f"note: {where}: spec.snapshot.agent is ignored: this machine is captured"


def test_a_file_says_all_that_validate_takes(index: str, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    said = indexes.run(
        "validate",
        "--config",
        config(
            tmp_path,
            recipe={"source": index},
            validate={
                "input": {"recipe": "h100-eks-training", "snapshot": H100},
                "execution": {"noCluster": True, "phases": ["readiness"]},
                "evidence": {"attestation": {"out": str(proof)}},
            },
        ),
    )
    assert said.status == 0, said.err
    assert "\nconformance\n" not in said.out
    assert {each.name for each in proof.iterdir()} >= {"recipe.json", "snapshot.json", "statement.intoto.json"}


def test_the_agent_of_validate_is_that_of_the_file(index: str, tmp_path: Path) -> None:
    where = config(tmp_path, recipe={"source": index}, validate={"agent": AGENT, "execution": {"timeout": "9m"}})
    said = indexes.run("validate", "--config", where, "--print-manifests", "-n", "else")
    assert said.status == 0, said.err
    assert "namespace: else" in said.out
    assert "activeDeadlineSeconds: 540" in said.out
    assert "name: looker" in said.out


@pytest.mark.parametrize(
    ("evidence", "at"),
    [
        ({"cncf": {"dir": "here", "features": ["gang-scheduling"]}}, "cncf"),
        ({"attestation": {"out": "p", "bom": "bom.json"}}, "attestation.bom"),
        ({"attestation": {"out": "p", "push": "oci://x"}}, "attestation.push"),
        ({"attestation": {"out": "p", "plainHTTP": True}}, "attestation.plainHTTP"),
        ({"attestation": {"out": "p", "insecureTLS": True}}, "attestation.insecureTLS"),
    ],
)
def test_what_validate_does_not_do_is_refused(index: str, tmp_path: Path, evidence: dict[str, Any], at: str) -> None:
    sections = {"input": {"recipe": "eks", "snapshot": H100}, "execution": {"noCluster": True}, "evidence": evidence}
    where = config(tmp_path, recipe={"source": index}, validate=sections)
    said = indexes.run("validate", "--config", where)
    assert (said.status, said.out) == (2, "")
    assert f"{where}: CB101 spec.validate.evidence.{at} is not supported\n  hint: remove it: " in said.err


def test_what_of_a_file_does_not_count_is_said(index: str, tmp_path: Path) -> None:
    sections = {
        "input": {"recipe": "eks", "snapshot": H100},
        "agent": {"namespace": "x"},
        "execution": {"noCluster": True},
        "evidence": {"attestation": {"insecureTLS": False}},
    }
    where = config(tmp_path, recipe={"source": index}, validate=sections)
    said = indexes.run("validate", "h100-eks-training", "--config", where)
    assert said.status == 0, said.err
    assert f"note: {where}: spec.validate.agent is ignored: no cluster is contacted\n" in said.err
    assert f"note: h100-eks-training on the command line overrides eks of {where}\n" in said.err


@pytest.mark.parametrize(
    ("command", "section", "what"),
    [
        ("snapshot", {"agent": {"nodeSelektor": {}}}, "unknown key 'nodeSelektor'"),
        ("snapshot", {"agent": {"nodeSelector": ["a=b"]}}, "spec.snapshot.agent.nodeSelector: this must be a map"),
        ("snapshot", {"execution": {"maxNodesPerEntry": -1}}, "spec.snapshot.execution.maxNodesPerEntry"),
        ("snapshot", {"agent": {"limits": "memory=-1"}}, "'memory=-1' is not a resource quantity"),
        ("snapshot", {"agent": {"tolerations": ["x:Never"]}}, "the unknown effect 'Never'"),
        ("validate", {"evidence": {"atestation": {}}}, "unknown key 'atestation'"),
        ("validate", {"agent": {"privileged": True}}, "unknown key 'privileged'"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(command: str, section: dict[str, Any], what: str, tmp_path: Path) -> None:
    said = indexes.run(command, "--config", config(tmp_path, **{command: section}), "--print-manifests")
    assert (said.status, said.out) == (2, "")
    assert what in said.err
