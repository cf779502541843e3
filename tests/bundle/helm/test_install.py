"""install.sh when its release is there already: kinds are brought up to date, and what others own stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.standins import Standins
from tests.support.whole_recipes import small, with_facts, written

RENDERED = """\
---
# Source: gpu/crds/one.yaml
---
kind: CustomResourceDefinition
metadata: {name: ones.x.io}
---
# Source: gpu/charts/sub/crds/two.yaml
kind: CustomResourceDefinition
metadata: {name: twos.x.io}
---
# Source: gpu/charts/crds/templates/three.yaml
kind: CustomResourceDefinition
metadata: {name: threes.x.io}
---
# Source: gpu/templates/deployment.yaml
kind: Deployment
"""
FULL = '{"tls.crt":"YQ==","tls.key":"Yg=="}'


def install_sh(deploy: Path) -> Path:
    return next(deploy.parent.glob("*-operator/install.sh"))


@pytest.fixture
def operator(tmp_path: Path) -> Path:
    """Give the install.sh of the operator."""
    return install_sh(written(tmp_path / "bundle") / "deploy.sh")


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    """Give the install.sh of an operator that fills a Secret of its chart."""
    return install_sh(with_facts(tmp_path / "bundle", ownedSecrets=["cert"]))


def test_a_first_installation_leaves_kinds_to_helm(programs: Standins, operator: Path) -> None:
    programs.set("templates/operator", RENDERED)
    assert programs.run(operator).returncode == 0
    assert not programs.words("helm template")
    assert not programs.words("kubectl apply")


def test_kinds_beside_the_templates_are_applied_before_an_upgrade(programs: Standins, operator: Path) -> None:
    programs.run(operator)
    programs.set("templates/operator", RENDERED)
    programs.forget()
    assert programs.run(operator).returncode == 0
    (apply,) = programs.words("kubectl apply")
    assert {"--server-side", "--force-conflicts"} <= set(apply.split())
    applied = (programs.home / "applied").read_text()
    assert ("ones.x.io" in applied, "twos.x.io" in applied) == (True, True)
    assert "threes.x.io" not in applied
    assert "Deployment" not in applied
    (template,) = programs.words("helm template")
    assert "--include-crds" in template
    words = [line.split()[1] for line in programs.words() if line.startswith(("kubectl apply", "helm upgrade"))]
    assert words == ["apply", "upgrade"]


def test_a_chart_without_kinds_of_its_own_applies_nothing(programs: Standins, operator: Path) -> None:
    programs.run(operator)
    assert programs.run(operator).returncode == 0
    assert not programs.words("kubectl apply")


def test_a_dry_run_changes_no_kinds(programs: Standins, operator: Path) -> None:
    programs.run(operator)
    programs.set("templates/operator", RENDERED)
    programs.forget()
    programs.run(operator, DRY_RUN_FLAG="--dry-run=server")
    assert not programs.words("kubectl")


def test_a_secret_that_helm_emptied_is_given_back(programs: Standins, owner: Path) -> None:
    programs.run(owner)
    programs.set("objects/gpu.secret", FULL)
    programs.set("sleep/operator", 2)
    programs.forget()
    running = programs.start(owner)
    programs.wait_for("start", "operator")
    programs.set("objects/gpu.secret", '{"tls.crt":"","tls.key":""}')
    running.communicate(timeout=30)
    assert running.returncode == 0
    assert (programs.home / "patched").read_text().startswith(f'{{"data":{FULL}}}')


def test_a_secret_that_its_owner_made_anew_meanwhile_stays(programs: Standins, owner: Path) -> None:
    programs.run(owner)
    programs.set("objects/gpu.secret", FULL)
    programs.set("sleep/operator", 2)
    programs.forget()
    running = programs.start(owner)
    programs.wait_for("start", "operator")
    programs.set("objects/gpu.secret", '{"tls.crt":"bmV3","tls.key":"bmV3"}')
    running.communicate(timeout=30)
    assert not (programs.home / "patched").exists()


@pytest.mark.parametrize("content", ["", '{"tls.crt":"","tls.key":""}'])
def test_a_secret_that_nobody_has_filled_is_left_to_helm(programs: Standins, owner: Path, content: str) -> None:
    programs.set("objects/gpu.secret", content)
    assert programs.run(owner).returncode == 0
    assert not (programs.home / "patched").exists()


def test_the_status_of_helm_is_that_of_the_script_when_a_secret_is_kept(programs: Standins, owner: Path) -> None:
    programs.set("objects/gpu.secret", FULL)
    programs.set("fail/operator", 1)
    assert programs.run(owner).returncode == 1
    assert programs.run(owner).returncode == 0


def test_a_key_does_not_pass_through_a_command_line(programs: Standins, owner: Path) -> None:
    programs.run(owner)
    programs.set("objects/gpu.secret", FULL)
    programs.run(owner)
    assert not [line for line in programs.words() if "Yg==" in line]


def test_the_namespace_of_privileged_pods_is_labelled_so(programs: Standins, tmp_path: Path) -> None:
    deploy = with_facts(tmp_path / "bundle", podSecurity="privileged")
    assert programs.run(install_sh(deploy)).returncode == 0
    assert programs.words("kubectl label") == [
        "kubectl label namespace gpu pod-security.kubernetes.io/enforce=privileged"
    ]
    (first, *_) = [line.split()[0:2] for line in programs.words() if "label" in line or "upgrade" in line]
    assert first == ["kubectl", "label"]


def test_a_namespace_of_kubernetes_itself_gets_no_label(programs: Standins, tmp_path: Path) -> None:
    change = {"namespace": "kube-system", "registry": {"podSecurity": "privileged"}}
    deploy = written(tmp_path / "bundle", small(operator=change)) / "deploy.sh"
    programs.run(install_sh(deploy))
    assert not programs.words("kubectl label")
