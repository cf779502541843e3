"""In which form registries keep bundles: a table, and what of each bundle goes into its archive."""

from __future__ import annotations

import json

import pytest

from clusterbook.bundle.media_types import BUNDLE, EMPTY, MEDIA, archive_files, config
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import render
from tests.support.whole_recipes import small


def files(deployer: str) -> dict[str, bytes]:
    return dict(render(small(), {"deployer": deployer}, "1").files)


def test_every_deployer_has_its_types() -> None:
    assert set(MEDIA) == set(DEPLOYERS)
    assert {name for name, media in MEDIA.items() if media.artifact == BUNDLE} == {"helm", "helmfile", "argocd"}


@pytest.mark.parametrize("deployer", [each for each in DEPLOYERS if each != "argocd-helm"])
def test_an_archive_is_the_whole_bundle(deployer: str) -> None:
    assert archive_files(deployer, files(deployer)) == files(deployer)
    assert config(deployer, files(deployer)) == b"{}"
    assert MEDIA[deployer].config == (EMPTY if deployer != "flux" else "application/vnd.cncf.flux.config.v1+json")


def test_an_archive_for_helm_is_a_chart_and_its_config_what_the_chart_is() -> None:
    made = files("argocd-helm")
    chart = json.loads(config("argocd-helm", made))
    assert (chart["apiVersion"], chart["type"]) == ("v2", "application")
    assert f"{chart['name']}/Chart.yaml" in archive_files("argocd-helm", made)
