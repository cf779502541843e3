"""Checks of bundles that the reference gained after August: each refuses what it is about, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.advice import CHECKS
from clusterbook.bundle.components import BundleComponent, ComponentSelection
from clusterbook.bundle.later_checks import CHECKS as LATER
from clusterbook.bundle.later_checks import MESSAGES
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.trees import shared_folder
from tests.support.whole_recipes import small

ADDRESS = "nvidia-dcgm.gpu-operator.svc:5555"


def component(name: str, dynamic: Mapping[str, Any] | None = None, **values: Any) -> BundleComponent:
    reference = {"name": name, "namespace": "gpu-operator" if name.startswith("gpu-operator") else name}
    return BundleComponent(reference, {}, values, dict(dynamic or {}))


def applies(check: str, part: BundleComponent, *others: BundleComponent, **criteria: str) -> bool:
    return LATER[check](part, ComponentSelection((part, *others), ()), criteria)


@pytest.mark.parametrize(
    ("criteria", "unsafe"),
    [
        ({"service": "eks"}, False),
        ({"service": "kind", "os": "ubuntu"}, False),
        ({"service": "rke2"}, False),
        ({"service": "eks", "os": "talos"}, True),
        ({"service": "gke"}, True),
        ({"service": "oke"}, True),
        ({}, True),
    ],
)
def test_a_second_detector_of_problems(criteria: dict[str, str], unsafe: bool) -> None:
    part = component("node-problem-detector")
    assert applies("CheckNPDNotDuplicatingProviderNPD", part, **criteria) == unsafe


@pytest.mark.parametrize(
    ("tracing", "dynamic", "lost"),
    [
        ({}, {}, False),
        ({"enabled": False}, {}, False),
        ({"enabled": True, "endpoint": "otel:4317"}, {}, False),
        ({"enabled": True}, {}, True),
        ({"enabled": 1, "endpoint": "  "}, {}, True),
        ({"endpoint": ""}, {"enabled": ""}, True),
        ({"endpoint": "otel:4317"}, {"enabled": ""}, False),
        ({"enabled": True}, {"endpoint": ""}, True),
    ],
)
def test_traces_that_go_nowhere(tracing: dict[str, Any], dynamic: dict[str, Any], lost: bool) -> None:
    left = {"global": {"tracing": dynamic}} if dynamic else {}
    part = component("nvsentinel", left, **{"global": {"tracing": tracing}})
    assert applies("CheckNVSentinelTracingEndpointRequired", part) == lost


KAI = {"group": "scheduling.run.ai", "version": "v2alpha2", "resource": "podgroups"}


def preflight(dynamic: Mapping[str, Any] | None = None, *, enabled: object = True, **values: Any) -> BundleComponent:
    return component("nvsentinel", dynamic, **{"global": {"preflight": {"enabled": enabled}}, "preflight": values})


@pytest.mark.parametrize(
    ("part", "with_kai", "without"),
    [
        (component("nvsentinel"), False, False),
        (preflight(), False, False),
        (preflight(enabled=False, gangDiscovery={"podGroupGVR": KAI}), False, False),
        (preflight(gangDiscovery={"podGroupGVR": KAI}), False, True),
        (preflight(gangCoordination={"enabled": False}, gangDiscovery={"podGroupGVR": KAI}), False, False),
        (preflight(gangDiscovery={"podGroupGVR": KAI | {"group": "scheduling.x-k8s.io"}}), False, False),
        (preflight(gangDiscovery={"podGroupGVR": KAI | {"version": "v1"}}), True, True),
        (preflight(gangDiscovery={"podGroupGVR": KAI | {"resource": "workloads"}}), True, True),
        (preflight({"preflight": {"gangDiscovery": {"podGroupGVR": ""}}}), True, True),
        (preflight({"global": {"preflight": {"enabled": ""}}}, enabled=None, gangDiscovery={"podGroupGVR": KAI}),
         False, True),
        (preflight({"global": {"tracing": {"endpoint": ""}}}, gangDiscovery={"podGroupGVR": KAI}), False, True),
    ],
)  # fmt: skip
def test_groups_that_no_scheduler_makes(part: BundleComponent, with_kai: bool, without: bool) -> None:
    check = "CheckNVSentinelPreflightGangSchedulerRequired"
    assert applies(check, part, component("kai-scheduler")) == with_kai
    assert applies(check, part) == without


def dcgm(address: str | None) -> list[dict[str, Any]]:
    env = [] if address is None else [{"name": "DCGM_HOSTENGINE_ADDR", "value": address}]
    return [{"name": "other"}, {"name": "preflight-dcgm-diag", "env": env}]


RUNNING = component("gpu-operator", dcgm={"enabled": True})


@pytest.mark.parametrize(
    ("part", "others", "unreachable"),
    [
        (component("nvsentinel"), (), False),
        (preflight(), (RUNNING,), False),
        (preflight(), (), True),
        (preflight(initContainers=[{"name": "other"}]), (), False),
        (preflight(initContainers=dcgm(ADDRESS)), (RUNNING,), False),
        (preflight(initContainers=dcgm(ADDRESS)), (component("gpu-operator-ocp", dcgm={"enabled": True}),), False),
        (preflight(initContainers=dcgm("nvidia-dcgm.elsewhere.svc:5555")), (RUNNING,), True),
        (preflight(initContainers=dcgm(None)), (RUNNING,), True),
        (preflight(initContainers=dcgm(ADDRESS)), (component("gpu-operator"),), True),
        (preflight(initContainers=dcgm(ADDRESS)), (component("gpu-operator", dcgm={"enabled": "yes"}),), True),
        (preflight(initContainers=dcgm(ADDRESS)), (component("gpu-operator", dcgm={}),), True),
        (preflight(enabled=False, initContainers=dcgm("x")), (), False),
    ],
)
def test_a_dcgm_that_is_not_where_it_is_asked(
    part: BundleComponent, others: tuple[BundleComponent, ...], unreachable: bool
) -> None:
    assert applies("CheckNVSentinelPreflightDCGMReachable", part, *others) == unreachable


@pytest.mark.parametrize(
    ("values", "dynamic", "unlisted"),
    [
        ({"global": {"nicHealthMonitor": {"enabled": True}}}, {}, False),
        ({"global": {"nicHealthMonitor": {"enabled": True}, "metadataCollector": {"enabled": False}}}, {}, True),
        ({"global": {"nicHealthMonitor": {"enabled": True}, "metadataCollector": {"enabled": False}},
          "nic-health-monitor": {"nicInclusionRegexOverride": "mlx5"}}, {}, False),
        ({"global": {"metadataCollector": {"enabled": False}}}, {}, False),
        ({"global": {"nicHealthMonitor": {"enabled": True}}}, {"global": {"metadataCollector": {"enabled": ""}}}, True),
    ],
)  # fmt: skip
def test_nics_that_nothing_names(values: dict[str, Any], dynamic: dict[str, Any], unlisted: bool) -> None:
    check = "CheckNVSentinelNicHealthMonitorRequiresMetadataCollector"
    assert applies(check, component("nvsentinel", dynamic, **values)) == unlisted


def test_networks_and_pages() -> None:
    part = component("kubeflow-trainer")
    assert not applies("CheckGKETCPXOInterfacesCoherence", part)
    runtime = "components/kubeflow-trainer/manifests/torch-distributed-tcpxo-cluster-training-runtime.yaml"
    reference = {**part.reference, "manifestFiles": [runtime]}
    pairs = [{"interfaceName": f"eth{number}", "network": f"gpu-nic-{number}"} for number in range(1, 9)]
    for values, dynamic, unnamed in (
        ({}, {}, True),
        ({"tcpxoInterfaces": pairs}, {}, False),
        ({"tcpxoInterfaces": pairs[1:]}, {}, True),
        ({"tcpxoInterfaces": pairs}, {"tcpxoInterfaces": ""}, True),
    ):
        ships = component("kubeflow-trainer", dynamic, **values)._replace(reference=reference)
        assert applies("CheckGKETCPXOInterfacesCoherence", ships) == unnamed
    assert applies("CheckGB300HostKernelGranule", component("x"))
    assert not applies("CheckGB300HostKernelGranule", component("x", tuningEnabled=False))
    assert not applies("CheckGB300HostKernelGranule", component("x", tuningEnabled="false"))


def test_every_check_of_the_newest_registry_is_known_and_has_words() -> None:
    registry = YAML(typ="safe").load(shared_folder("reference/2026.11") / "registry.yaml")
    named = {each["function"] for entry in registry["components"] for each in entry.get("validations") or ()}
    assert len(named) > 12
    assert named <= CHECKS.keys() | LATER.keys()
    assert LATER.keys() == MESSAGES.keys()
    assert not CHECKS.keys() & LATER.keys()


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"registry": {"validations": [{"function": name, **more}]}}


def test_a_bundle_is_refused_or_advised_as_the_registry_says() -> None:
    name = "CheckGB300HostKernelGranule"
    assert any(MESSAGES[name] in note for note in render(small(operator=entry(name)), {}, "0").notes)
    with pytest.raises(InvalidRequest, match="64 KiB"):
        render(small(operator=entry(name, severity="error")), {}, "0")
    elsewhere = entry(name, severity="error", conditions={"service": ["gke"]})
    assert not any("64 KiB" in note for note in render(small(operator=elsewhere), {}, "0").notes)
    with pytest.raises(InvalidRequest, match="unknown check CheckGB300") as caught:
        render(small(operator=entry("CheckGB300HostKernelGranul")), {}, "0")
    assert name in caught.value.hint
