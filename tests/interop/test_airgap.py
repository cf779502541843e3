"""Across an air gap: what `mirror save` carries is verified by others, and deployed where no publisher answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.bundle.render import render
from clusterbook.documents.yaml_reader import parse
from clusterbook.resolve.matrix import Matrix
from clusterbook.trust.keys import private_key
from tests.interop import charts
from tests.interop.certs import Certificates
from tests.interop.cluster import Cluster
from tests.interop.deployment import Deployment, played, write
from tests.interop.processes import run
from tests.interop.registries import Registry
from tests.interop.test_publish import FULL, RECIPES, clusterbook_build, released
from tests.interop.toolchain import program
from tests.support.servers.certificates import private_pem

BASE = "mirror"


@pytest.mark.parametrize("target", ["registry", "plain_registry"])
def test_a_release_crosses_and_is_deployed_from_the_mirror_alone(
    target: str,
    request: pytest.FixtureRequest,
    certificates: Certificates,
    recipes: Matrix,
    fresh_cluster: Cluster,
    tools_env: dict[str, str],
    tmp_path: Path,
) -> None:
    def clusterbook(*words: str, env: dict[str, str]) -> str:
        key = ("--key", f"{tmp_path}/our.pub", "--ca-file", str(certificates.authority))
        return run(sys.executable, "-m", "clusterbook.cli.main", *words, *key, cwd=tmp_path, env=env)

    pem = private_pem(ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "our.key").write_bytes(pem)
    (tmp_path / "our.pub").write_text(private_key(pem, "our").public().pem())
    served = charts.charts(charts.pins([recipes.recipes[FULL]]), RECIPES, real=Path("none"))
    with charts.serve(tmp_path / "charts", certificates, served) as publishers:
        checkout = tmp_path / "checkout"
        tree = publishers.redirect(RECIPES, checkout / "recipes")
        for path in (tree / "overlays").glob("*.yaml"):
            if path.stem not in recipes.recipes[FULL].applied:
                path.unlink()
        key = f"{tmp_path}/our.key"
        clusterbook_build(released(checkout), {}, "publish", "--to", f"oci-layout:{tmp_path}/near", "--key", key)
        env = {**tools_env, **publishers.env}
        clusterbook("mirror", "save", FULL, "--from", "near", "--no-images", "-o", "mirror.tar", env=env)

    far: Registry = request.getfixturevalue(target)
    base = f"oci://{far.host}/{BASE}"
    env = {**tools_env, **far.env}
    clusterbook("mirror", "load", "mirror.tar", "--to", base, env=env)
    words = ("verify", "--key", f"{tmp_path}/our.pub", "--insecure-ignore-tlog")
    run(program("cosign"), *words, f"{far.host}/{BASE}/helm/{FULL}:1.0.0", env={**far.env, "HOME": tools_env["HOME"]})
    clusterbook("fetch", "bundle", FULL, "--from", base, "-o", "bundle", env=env)
    assert "bundle: verified" in run(
        sys.executable, "-m", "clusterbook.cli.main", "verify", "bundle", "--key", f"{tmp_path}/our.pub",
        cwd=tmp_path, env=env,
    )  # fmt: skip
    if target == "registry":
        env |= {"CHART_MIRROR": base, "RETRY_S": "1"}
        _rendered_by_helmfile(tmp_path, env)
        _deployed(tmp_path / "bundle", fresh_cluster, env)


def _rendered_by_helmfile(folder: Path, env: dict[str, str]) -> None:
    """Let Helmfile pull and render every chart of the recipe that was fetched."""
    node = parse((folder / "bundle" / "recipe.yaml").read_text(), "recipe.yaml")
    assert node is not None
    made = render(node.data(), {"deployer": "helmfile"}, "0")
    where = write(made.files, folder / "helmfile")
    text = run("helmfile", "--file", where / "helmfile.yaml", "template", "--skip-deps", env=env)
    assert all(f"# Source: {each.chart.name if each.chart else each.name}/" in text for each in made.plan.folders)


def _deployed(folder: Path, cluster: Cluster, env: dict[str, str]) -> None:
    """Deploy a bundle that was fetched, and hold it against what its recipe promises."""
    node = parse((folder / "recipe.yaml").read_text(), "recipe.yaml")
    assert node is not None
    deployment = Deployment(render(node.data(), {}, "0"), folder, cluster, {**env, **cluster.env})
    with played(cluster):
        deployment.deploy()
        assert deployment.faults() == []
