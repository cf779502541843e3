"""What deploy.sh finds before it installs anything: leftovers, which of them stop it, and what it does about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.standins import Standins
from tests.support.whole_recipes import with_facts


def test_a_namespace_that_does_not_end_stops_all(programs: Standins, deploy: Path) -> None:
    programs.set("objects/namespaces", "gpu\nsomebody-elses")
    done = programs.run(deploy)
    assert done.returncode == 1
    assert done.stderr.count("is being deleted") == 1
    assert "the namespace gpu is being deleted" in done.stderr
    assert programs.order() == []
    assert programs.run(deploy, "--skip-preflight").returncode == 0


def test_a_webhook_without_its_service_stops_all(programs: Standins, deploy: Path) -> None:
    programs.set(
        "objects/validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration good Fail gpu/there\nMutatingWebhookConfiguration bad Fail gpu/gone\n"
        "ValidatingWebhookConfiguration lax Ignore gpu/gone",
    )
    programs.set("objects/services", "default/kubernetes\ngpu/there")
    done = programs.run(deploy)
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        "deploy.sh: MutatingWebhookConfiguration bad calls the service gpu/gone, which does not exist, "
        "so requests that it covers are refused",
        "  hint: kubectl delete mutatingwebhookconfiguration bad",
    ]
    assert "note: ValidatingWebhookConfiguration lax calls" in done.stdout
    assert "good" not in done.stdout + done.stderr
    assert programs.order() == []


def test_an_api_service_that_does_not_answer_is_reported_only(programs: Standins, deploy: Path) -> None:
    programs.set("objects/apiservices", "v1beta1.metrics.k8s.io")
    done = programs.run(deploy)
    assert done.returncode == 0
    assert "note: the APIService v1beta1.metrics.k8s.io is unavailable" in done.stdout


def test_kinds_that_somebody_left_are_reported_unless_they_are_ours(programs: Standins, tmp_path: Path) -> None:
    deploy = with_facts(tmp_path / "b", crdGroups=["nvidia.com"])
    programs.set(
        "objects/customresourcedefinitions",
        "policies.nvidia.com nvidia.com\nothers.sub.nvidia.com sub.nvidia.com\nmine.nvidia.com nvidia.com crds",
    )
    note = "note: operator is not installed, but CRDs of it exist: policies.nvidia.com\n"
    assert note in programs.run(deploy).stdout
    assert "CRDs of it" not in programs.run(deploy).stdout  # now it is installed


def test_leftover_taints_are_removed_while_their_component_is_absent(programs: Standins, tmp_path: Path) -> None:
    deploy = with_facts(
        tmp_path / "b",
        nodeTaints=["skyhook.nvidia.com"],
        nodeScheduling={"accelerated": {"taintStrPaths": ["gate"]}},
        values={"gate": "example.com/tuned=no:NoExecute"},
    )
    programs.set(
        "objects/nodes",
        "n1 skyhook.nvidia.com runtime-required NoSchedule\nn2 example.com/tuned no NoExecute\n"
        "n3 example.com/tuned yes NoExecute\nn3 nvidia.com/gpu - NoSchedule",
    )
    done = programs.run(deploy)
    assert done.returncode == 0
    assert programs.words("kubectl taint") == [
        "kubectl taint nodes n1 skyhook.nvidia.com:NoSchedule-",
        "kubectl taint nodes n2 example.com/tuned:NoExecute-",
    ]
    assert "note: removed the taint skyhook.nvidia.com:NoSchedule from node n1" in done.stdout
    programs.forget()
    programs.run(deploy)  # the operator is there now, so the taint is its own business
    assert programs.words("kubectl taint") == []


@pytest.mark.parametrize("reason", ["unreadable", "dry run"])
def test_taints_stay_where_nobody_can_tell_or_nothing_may_change(
    programs: Standins, tmp_path: Path, reason: str
) -> None:
    deploy = with_facts(tmp_path / "b", nodeTaints=["skyhook.nvidia.com"])
    programs.set("objects/nodes", "n1 skyhook.nvidia.com runtime-required NoSchedule")
    if reason == "unreadable":
        programs.set("unreadable")
    programs.run(deploy, DRY_RUN_FLAG="--dry-run" if reason == "dry run" else "")
    assert programs.words("kubectl taint") == []


def test_what_cannot_be_read_is_said_and_does_not_stop_anything(programs: Standins, tmp_path: Path) -> None:
    deploy = with_facts(tmp_path / "b", nodeTaints=["skyhook.nvidia.com"], crdGroups=["nvidia.com"])
    kinds = ("namespaces", "validatingwebhookconfigurations", "apiservices", "customresourcedefinitions", "nodes")
    for kind in kinds:
        programs.set(f"objects/{kind}.forbidden")
    done = programs.run(deploy)
    assert done.returncode == 0
    assert done.stdout.count("note: cannot read ") == len(kinds)


NEEDS = [
    {"kinds": ["gateways.g.example", "routes.g.example"], "how": "kubectl apply -f 'https://g.example/$(x)?a=1&b=*'"},
    {"kinds": ["pools.i.example"], "how": "END"},
]


def test_a_kind_that_nothing_brings_stops_all_and_the_hint_is_what_to_type(programs: Standins, tmp_path: Path) -> None:
    deploy = with_facts(tmp_path / "b", needsKinds=NEEDS)
    found = "customresourcedefinition.apiextensions.k8s.io/"
    programs.set("objects/customresourcedefinitions", f"{found}gateways.g.example\n{found}pools.i.example")
    done = programs.run(deploy)
    assert done.returncode == 1
    assert done.stderr.splitlines()[:3] == [
        "deploy.sh: the cluster does not know routes.g.example (needed by operator), and nothing here brings it",
        "  hint: kubectl apply -f 'https://g.example/$(x)?a=1&b=*'",
        "deploy.sh: nothing was installed",
    ]
    assert programs.order() == []
    asked = [words for words in programs.words("kubectl get customresourcedefinitions") if "routes" in words]
    assert asked == [
        "kubectl get customresourcedefinitions --ignore-not-found --output name "
        "gateways.g.example routes.g.example pools.i.example"
    ]
    everything = "gateways.g.example", "routes.g.example", "pools.i.example"
    programs.set("objects/customresourcedefinitions", "\n".join(found + kind for kind in everything))
    assert programs.run(deploy).returncode == 0


def test_kinds_that_cannot_be_read_stop_nothing(programs: Standins, tmp_path: Path) -> None:
    deploy = with_facts(tmp_path / "b", needsKinds=NEEDS)
    programs.set("objects/customresourcedefinitions.forbidden")
    done = programs.run(deploy)
    assert done.returncode == 0
    assert "cannot read customresourcedefinitions, so it is not known whether all required" in done.stdout


def test_who_reads_the_bundle_learns_which_kinds_come_first(tmp_path: Path) -> None:
    readme = with_facts(tmp_path / "b", needsKinds=NEEDS).with_name("README.md").read_text(encoding="utf-8")
    assert "`gateways.g.example`, `routes.g.example`, for operator:\n\n    kubectl apply -f" in readme
    assert "Prerequisites in the cluster" not in with_facts(tmp_path / "c").with_name("README.md").read_text(
        encoding="utf-8"
    )
