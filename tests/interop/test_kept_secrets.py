"""What operators have filled in is there after the next run, with the charts that our recipes pin and their successors.

Upstream's charts where they lie beside the checkout, each on a control plane of its own; the operators' part, whose
pods are only played, is done by the test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.render import render
from tests.interop.charts import REAL
from tests.interop.cluster import Cluster
from tests.interop.deployment import write
from tests.interop.one_release import DEPLOYERS, HELMS, OneRelease, helm_environment
from tests.support.whole_recipes import wholes

FILLED = {"tls.crt": "Q0VSVA==", "tls.key": "S0VZ"}
BUNDLE = "Q0E="
HOOKS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")
GROVE = "gb200-eks-ubuntu-inference-dynamo"
TRAINER = "h100-eks-ubuntu-training-kubeflow"


def archive(name: str) -> Path:
    path = REAL / name
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return path


@pytest.fixture(params=HELMS)
def env(request: pytest.FixtureRequest, tmp_path: Path, fresh_cluster: Cluster) -> Mapping[str, str]:
    found = helm_environment(tmp_path / "tools", request.param, "helmfile")
    return {**found, **fresh_cluster.env, "COMPONENT_WAIT_ARGS": ""}


def release(
    slug: str, component: str, deployer: str, folder: Path, env: Mapping[str, str], *settings: str
) -> OneRelease:
    """Return the release of a component in the bundle of a recipe of ours, with these settings."""
    made = render(wholes()[slug], {"deployer": deployer, "set": list(settings)}, "1.0")
    (found,) = (each for each in made.plan.folders if each.name == component)
    return OneRelease(write(made.files, folder), component, found.namespace, env, deployer)


def certificates(release: OneRelease) -> dict[str, dict[str, str]]:
    """Return what is in each Secret for TLS in the namespace of a release."""
    found = json.loads(release.kubectl("get", "secrets", "-o", "json"))["items"]
    return {each["metadata"]["name"]: each.get("data", {}) for each in found if "helm" not in each["type"]}


def hooks(release: OneRelease) -> Iterator[dict[str, Any]]:
    for kind in HOOKS:
        yield from json.loads(release.kubectl("get", kind, "-o", "json"))["items"]


def trust(release: OneRelease) -> None:
    """Write a certificate into every webhook, as operators do, under a name of their own."""
    for each in hooks(release):
        for hook in each["webhooks"]:
            hook["clientConfig"]["caBundle"] = BUNDLE
        release.kubectl("replace", "--field-manager=operator", "-f", "-", feed=json.dumps(each))


def trusted(release: OneRelease) -> set[str]:
    return {str(hook["clientConfig"].get("caBundle")) for each in hooks(release) for hook in each["webhooks"]}


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_the_certificate_of_grove_is_kept(deployer: str, env: Mapping[str, str], tmp_path: Path) -> None:
    pinned = archive("grove-v0.1.0-alpha.8.tgz")
    grove = release(GROVE, "grove", deployer, tmp_path / "bundle", env)
    grove.install(pinned)
    assert certificates(grove) == {}
    grove.kubectl("create", "secret", "generic", "grove-webhook-server-cert")
    grove.kubectl("patch", "secret", "grove-webhook-server-cert", "--type=merge", "-p", json.dumps({"data": FILLED}))
    trust(grove)
    grove.install(pinned)
    assert certificates(grove) == {"grove-webhook-server-cert": FILLED}
    assert trusted(grove) == {BUNDLE}
    grove.install(archive("2026.11/grove-v0.1.0-alpha.12-rc1.tgz"))
    assert certificates(grove) == {"grove-webhook-server-cert": FILLED}
    assert BUNDLE in trusted(grove)
    assert grove.revision() == 3


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_a_certificate_stays_when_its_secret_is_no_longer_part_of_the_release(
    deployer: str, env: Mapping[str, str], tmp_path: Path
) -> None:
    """Grove's chart has the Secret by itself, our values have not: who comes from there keeps what is in it."""
    pinned, secret = archive("grove-v0.1.0-alpha.8.tgz"), "grove-webhook-server-cert"
    default = release(GROVE, "grove", deployer, tmp_path / "before", env, "grove:webhookServerSecret.enabled=true")
    default.install(pinned)
    assert certificates(default)[secret] == dict.fromkeys(FILLED, "")
    default.kubectl("patch", "secret", secret, "--type=merge", "-p", json.dumps({"data": FILLED}))
    ours = release(GROVE, "grove", deployer, tmp_path / "after", env)
    for revision in (2, 3):
        ours.install(pinned)
        assert certificates(ours)[secret] == FILLED
        assert ours.revision() == revision


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_the_certificates_of_kubeflow_trainer_are_kept(deployer: str, env: Mapping[str, str], tmp_path: Path) -> None:
    pinned = archive("kubeflow-trainer-2.2.0.tgz")
    trainer = release(TRAINER, "kubeflow-trainer", deployer, tmp_path / "bundle", env)
    trainer.install(archive("2026.03/kubeflow-trainer-2.1.0.tgz"))
    for _ in range(2):
        trainer.install(pinned)
        names = certificates(trainer).keys()
        assert {"kubeflow-trainer-webhook-cert", "jobset-webhook-server-cert"} <= names
        for name in names:
            full = {**certificates(trainer)[name], **FILLED, "ca.crt": "Q0E=", "ca.key": "S0VZ"}
            trainer.kubectl("patch", "secret", name, "--type=merge", "-p", json.dumps({"data": full}))
        trust(trainer)
    before = certificates(trainer)
    trainer.install(pinned)
    assert certificates(trainer) == before
    assert trusted(trainer) == {BUNDLE}
