"""What tests of the interop tier share: a cluster, chart servers, registries, and the way to real programs.

A machine without Go skips the tier, saying so; anything else that is missing is a failure. Each worker of
pytest-xdist has its own cluster; two of them fit in a gigabyte and a half.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix
from clusterbook.resolve.matrix import Matrix
from tests.interop import argo, certs, charts, gitserver, nodes, registries, toolchain
from tests.interop import cluster as control_plane
from tests.interop.argo import ArgoCD
from tests.interop.certs import Certificates
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deployment import environment
from tests.interop.gitserver import GitServer
from tests.interop.registries import Registry

RECIPES = Path(__file__).resolve().parent.parent.parent / "recipes"


def _skip_without_go() -> Iterator[None]:
    try:
        return (yield)
    except toolchain.GoMissingError as error:
        pytest.skip(str(error))
    except toolchain.GoTooOldError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests of deploy.sh be run with upstream's charts; they take three times as long."""
    parser.addoption("--real-charts", action="store_true", help="deploy upstream's charts where they lie beside us")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Skip a test whose fixtures need a tool that cannot be built here."""
    return (yield from _skip_without_go())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Skip a test that needs such a tool itself."""
    return (yield from _skip_without_go())


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Give one authority and one server certificate for all servers of this run."""
    return certs.issue(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster that tests share: two system, two H100, two GB200 nodes. Stay in your own namespace on it."""
    with control_plane.start(tmp_path_factory.mktemp("cluster"), nodes=nodes.FLEET) as running:
        yield running


@pytest.fixture
def fresh_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Give a cluster of one's own with the same nodes, for tests that deploy whole recipes; costs four seconds."""
    with control_plane.start(tmp_path / "cluster", nodes=nodes.FLEET) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Give a namespace of one's own on the shared cluster."""
    with cluster.namespace() as name:
        yield name


@pytest.fixture(scope="session")
def recipes() -> Matrix:
    """Give our catalog, every recipe resolved."""
    return matrix.build(load_catalog(read_tree(RECIPES)))


@pytest.fixture(scope="session")
def chart_servers(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, recipes: Matrix
) -> Iterator[ChartServers]:
    """Give servers of every chart that our recipes pin; upstream's own where they lie beside the checkout."""
    made = charts.charts(charts.pins(recipes.recipes.values()), RECIPES)
    with charts.serve(tmp_path_factory.mktemp("charts"), certificates, made) as running:
        yield running


@pytest.fixture(scope="session")
def standin_servers(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, recipes: Matrix
) -> Iterator[ChartServers]:
    """Give the same servers with stand-ins only, on any machine: they record the values that they were given."""
    made = charts.charts(charts.pins(recipes.recipes.values()), RECIPES, real=Path("none"))
    with charts.serve(tmp_path_factory.mktemp("standins"), certificates, made) as running:
        yield running


@pytest.fixture
def registry(tmp_path: Path, certificates: Certificates) -> Iterator[Registry]:
    """Give an empty OCI registry with the referrers API, over TLS, that asks for a password."""
    with registries.with_referrers(tmp_path / "registry", certificates, login=True) as running:
        yield running


@pytest.fixture
def plain_registry(tmp_path: Path, certificates: Certificates) -> Iterator[Registry]:
    """Give an empty OCI registry without the referrers API (distribution), over TLS, that asks for a password."""
    with registries.distribution(tmp_path / "distribution", certificates) as running:
        yield running


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """Give a Git server without repositories; `publish` adds folders."""
    with gitserver.start(tmp_path / "git") as running:
        yield running


@pytest.fixture
def argo_cd(tmp_path: Path, fresh_cluster: Cluster, standin_servers: ChartServers) -> Iterator[ArgoCD]:
    """Give an Argo CD that runs for `fresh_cluster` and trusts the stand-in servers' OCI registry."""
    with argo.start(tmp_path / "argo", fresh_cluster, env=standin_servers.env) as running:
        yield running


@pytest.fixture
def tools_env(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose PATH begins with helm, kubectl, helmfile and kustomize, with a home of their own."""
    return environment(tmp_path / "tools", "helm", "kubectl", "helmfile", "kustomize")
