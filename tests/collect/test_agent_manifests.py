"""What is put into a cluster: no more rights than one object, no more privilege than was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.collect.agent_manifests import Agent, check, manifests
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.kubernetes.placement import Placement

AGENT = Agent(namespace="gpu", image="registry.example.org/agent:v1")


def found(agent: Agent, kind: str) -> dict[str, Any]:
    return next(each for each in manifests(agent) if each["kind"] == kind)


def pod(agent: Agent) -> dict[str, Any]:
    spec: dict[str, Any] = found(agent, "Job")["spec"]["template"]["spec"]
    return spec


def test_an_agent_may_write_one_configmap_and_nothing_else() -> None:
    assert [each["kind"] for each in manifests(AGENT)] == ["ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Job"]
    assert found(AGENT, "Role")["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [found(AGENT, "ConfigMap")["metadata"]["name"]],
            "verbs": ["get", "patch"],
        }
    ]


def test_an_agent_is_as_restricted_as_kubernetes_knows_to_be() -> None:
    spec = pod(AGENT)
    container = spec["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    text = json.dumps(spec)
    for word in ("hostPID", "hostNetwork", "hostIPC", "hostPath", '"privileged": true'):
        assert word not in text
    assert "--root" not in container["args"]
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}


def test_a_privileged_agent_reads_the_machine_and_cannot_write_it() -> None:
    spec = pod(AGENT._replace(privileged=True))
    container = spec["containers"][0]
    assert container["securityContext"]["privileged"] is True
    assert container["args"][container["args"].index("--root") + 1] == "/host"
    mount = next(each for each in container["volumeMounts"] if each["name"] == "host")
    assert mount["readOnly"] is True
    assert "hostNetwork" not in spec


def test_an_agent_runs_where_it_is_told_to() -> None:
    placement = Placement(
        {"zone": "a"}, ({"key": "gpu", "operator": "Exists"},), "nvidia", {"cpu": "2"}, {"cpu": "3"}, True
    )
    spec = pod(AGENT._replace(placement=placement, pull_secrets=("one", "two"), account="mine"))
    assert spec["nodeSelector"] == {"zone": "a"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert spec["serviceAccountName"] == "mine"
    resources = spec["containers"][0]["resources"]
    assert resources["requests"]["cpu"] == "2"
    assert resources["limits"] == {"cpu": "3", "memory": "512Mi", "nvidia.com/gpu": "1"}
    assert pod(AGENT)["tolerations"] == [{"operator": "Exists"}]


def test_an_agent_ends_by_itself() -> None:
    spec = found(AGENT._replace(timeout_s=90), "Job")["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (90, 0, 3600)


@pytest.mark.parametrize(
    "agent", [AGENT._replace(name="Big"), AGENT._replace(namespace="a/b"), AGENT._replace(timeout_s=20_000)]
)
def test_what_can_be_no_agent_is_refused(agent: Agent) -> None:
    with pytest.raises(InvalidRequest):
        check(agent)
