"""What a README says of an upgrade: in the words of its deployer, and of what this bundle calls otherwise."""

from __future__ import annotations

import pytest

from clusterbook.bundle.handover import how_to_remove, how_to_rename, how_to_take_over
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import render
from tests.support.whole_recipes import Recipe, small

OTHERS = [deployer for deployer in DEPLOYERS if deployer != "helm"]


def moved() -> Recipe:
    """Return a recipe whose operator had another name, and whose metrics bring kinds that the operator brought."""
    return small(
        operator={"registry": {"renamedFrom": ["gpu-operator"], "crdGroups": ["example.com"]}},
        metrics={"registry": {"takesOver": ["operator"]}},
    )


def upgrade_of(recipe: Recipe, deployer: str) -> str:
    """Return the section of a bundle's README that is about upgrades."""
    text = render(recipe, {"deployer": deployer}, "0").files["README.md"].decode()
    return text.partition("\n## Upgrade\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("deployer", OTHERS)
def test_a_readme_says_what_becomes_of_a_release_that_is_gone(deployer: str) -> None:
    said = upgrade_of(small(), deployer)
    assert "clusterbook upgrade plan OLD NEW" in said
    assert {"helmfile": "helm uninstall", "flux": "is uninstalled"}.get(deployer, "resources-finalizer") in said
    assert "gpu-operator" not in said


@pytest.mark.parametrize("deployer", OTHERS)
def test_a_readme_says_what_to_type_where_a_release_had_another_name(deployer: str) -> None:
    said = upgrade_of(moved(), deployer)
    for former in ("gpu-operator", "gpu-operator-pre", "gpu-operator-post"):
        assert f"`{former}` is `{former.removeprefix('gpu-')}` now" in said
    for step in how_to_rename("gpu-operator", "operator", "gpu", deployer):
        assert step in said


@pytest.mark.parametrize("deployer", OTHERS)
def test_a_readme_says_which_kinds_came_with_another_release(deployer: str) -> None:
    said = upgrade_of(moved(), deployer)
    assert "Kinds of `example.com` came with `operator`, and come with `metrics` now" in said
    assert how_to_take_over("metrics", "monitoring", deployer) in said


def test_deploy_sh_needs_nobody_for_it() -> None:
    assert how_to_rename("a", "b", "c", "helm") == ()
    assert how_to_take_over("a", "b", "helm") == ""
    assert "--namespace b" in how_to_remove("a", "b", "helm")


def test_what_is_gone_goes_last_with_argo_cd() -> None:
    text = render(small(), {"deployer": "argocd"}, "0").files["app-of-apps.yaml"].decode()
    assert "PruneLast=true" in text
