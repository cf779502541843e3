"""Recipes that have a profile, all the way: released, published, fetched, compared and shown like every other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from ruamel.yaml import YAML

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.cli import build_main, main
from clusterbook.documents.yaml_writer import dump
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from clusterbook.resolve.matrix import whole
from clusterbook.trust.sign import KeySigner
from tests.support import checkouts, clusters, ledgers, publications, sites
from tests.support.indexes import Said
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.certificates import private_pem

Client = Callable[..., Said]
BEFORE = {
    "base": "componentRefs: [{name: a, overrides: {driver: {enabled: true, version: '1'}}}, {name: b}]",
    "eks": "criteria: {service: eks}",
    "gke": "criteria: {service: gke}",
    "gke-training": "{base: gke, criteria: {service: gke, intent: training}}",
    "eks-training": "{base: eks, criteria: {service: eks, intent: training}}",
}
AFTER = {
    **BEFORE,
    "eks": """
        criteria: {service: eks}
        profile:
          name: gpuStack
          default: ami
          values:
            ami: {componentRefs: [{name: a, overrides: {driver: {enabled: false}}}]}
            Operator:
              componentRefs: [{name: a, overrides: {driver: {enabled: true}}}]
              constraints: [{name: K8s.server.version, value: ">= 1.33"}]
    """,
}
SLUGS = ["base", "eks", "eks--operator", "eks-training", "eks-training--operator", "gke", "gke-training"]


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Give whoever released a catalog without a profile in March, and with one in July, and published both."""
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "checkout").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "checkout")
        checkouts.run_git("init", "-q", "-b", "main")
        for files, date, release in (
            (BEFORE, checkouts.MARCH_DATE, MARCH),
            (AFTER, checkouts.JULY_DATE, JULY),
        ):
            checkouts.write(files)
            checkouts.commit_all(release, date)
            assert build_main.run(["release", release]) == 0
    (folder / "our.key").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    found = Publisher(folder / "checkout", KeySigner.from_file(folder / "our.key", {}))
    found.key.write_text(found.signer.public_pem())
    found.publish(publications.layout(folder / "layout"))
    return found


@pytest.fixture
def client(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Client:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layout").symlink_to(publisher.checkout.parent / "layout")

    def call(*words: str) -> Said:
        capsys.readouterr()
        status = main.run([*words], dict(os.environ))
        return Said(status, *capsys.readouterr())

    return call


def source(publisher: Publisher) -> tuple[str, ...]:
    return ("--key", str(publisher.key), "--from", "layout")


def test_each_answer_is_published_under_its_own_name(client: Client, publisher: Publisher) -> None:
    said = client("fetch", "index", *source(publisher), "-t", "json")
    assert sorted(json.loads(said.out)["recipes"]) == SLUGS
    said = client("fetch", "recipe", "eks-training--operator", *source(publisher), "-o", "recipe.yaml")
    assert said.status == 0, said.err
    recipe = YAML(typ="safe").load(Path("recipe.yaml"))
    assert recipe["metadata"]["slug"] == "eks-training--operator"
    assert recipe["metadata"]["selectedProfile"]["value"] == "Operator"
    for flag, words in (("--set", "a:driver.enabled=false"), ("--dynamic", "a:driver")):
        refused = client("bundle", "-r", "recipe.yaml", flag, words, "-o", "out")
        assert refused.status == 2
        assert "gpuStack=Operator" in refused.err
    assert client("bundle", "-r", "recipe.yaml", "--set", "a:driver.version=2", "-o", "out").status == 0


def test_a_published_bundle_of_it_is_verified(client: Client, publisher: Publisher) -> None:
    said = client("fetch", "bundle", "eks--operator", *source(publisher), "-o", "bundle")
    assert said.status == 0, said.err
    assert client("verify", "bundle", "--key", str(publisher.key)).status == 0


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("eks-training",), "eks-training"),
        (("eks-training--operator",), "eks-training--operator"),
        (("--service", "eks", "--intent", "training", "--profile", "gpuStack=operator"), "eks-training--operator"),
        (("--service", "eks", "--profile", "gpuStack=ami"), "eks"),
    ],
)
def test_a_published_catalog_is_asked_for_a_profile(
    client: Client, publisher: Publisher, words: tuple[str, ...], slug: str
) -> None:
    where = ("--source", "oci-layout:layout", "--key", str(publisher.key))
    said = client("recipe", *words, *where, "-t", "json")
    assert said.status == 0, said.err
    assert json.loads(said.out)["metadata"]["slug"] == slug


@pytest.mark.parametrize("choice", ["gpuStack=nothing", "other=operator"])
def test_what_it_does_not_offer_is_refused(client: Client, publisher: Publisher, choice: str) -> None:
    where = ("--source", "oci-layout:layout", "--key", str(publisher.key))
    said = client("recipe", "eks", "--profile", choice, *where)
    assert said.status == 2
    assert "ami" in said.err
    assert client("recipe", "gke", "--profile", "gpuStack=ami", *where).status == 2


def test_answers_are_compared_with_each_other_and_with_what_was_before(client: Client, publisher: Publisher) -> None:
    ledger = ("--registry", str(publisher.checkout / "registry"))
    between = client("diff", "eks@1.0.1", "eks--operator@1.0.0", *ledger)
    assert between.status == 0, between.err
    assert "driver.enabled" in between.out
    assert "1.33" in between.out
    since = client("diff", MARCH, JULY, *ledger)
    assert since.status == 0, since.err
    assert "eks--operator" in since.out
    assert "driver.enabled" in client("diff", "eks@1.0.0", "eks@1.0.1", *ledger).out


@pytest.fixture(params=["index", "tree"])
def where(request: pytest.FixtureRequest, publisher: Publisher, tmp_path: Path) -> tuple[str, str]:
    """Give the flag that names the same catalog, as an index and as its sources."""
    recipes = publisher.checkout / "recipes"
    if request.param == "tree":
        return "--source", str(recipes)
    write_folder(tmp_path / "index", list(index_parts(whole(load_catalog(read_tree(recipes))))), marker="index.json")
    return "--source", str(tmp_path / "index")


@pytest.mark.parametrize(
    ("words", "status", "shown"),
    [
        (("recipe", "eks--operator"), 0, "slug: eks--operator"),
        (("query", "eks--operator", "components.a.values.driver.enabled"), 0, "true"),
        (("explain", "eks--operator", "components.a.values.driver.enabled"), 0, "eks gpuStack=Operator"),
        (("list",), 0, "eks-training--operator"),
        (("bundle", "eks--operator", "-o", "out"), 0, "out"),
        (("mirror", "list", "eks--operator"), 10, "eks--operator"),
        (("evidence", "digest", "eks--operator"), 0, "sha256:"),
        (("diff", "eks", "eks--operator"), 0, "driver/enabled: false → true"),
        (("diff", "eks--operator", "eks-training--Operator"), 0, "intent"),
        (("validate", "eks--operator", "--no-cluster", "-s", "cluster.yaml"), 0, "eks--operator passed"),
        (("fit", "cluster.yaml"), 0, "eks--operator"),
    ],
)
def test_every_command_knows_an_answer_by_its_name(
    client: Client, where: tuple[str, str], words: tuple[str, ...], status: int, shown: str
) -> None:
    Path("cluster.yaml").write_text(dump(clusters.FILES["h100-eks"]), encoding="utf-8")
    said = client(*words, *where)
    assert said.status == status, said.err
    assert shown in said.out
    for wrong in ("eks--nobody", "gke--operator"):
        if "eks--operator" in words:
            said = client(*(wrong if word == "eks--operator" else word for word in words), *where)
            assert said.status == 2
            assert "offers no" in said.err


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    """Give the site of what was released."""
    ledger = dict(ledgers.plan(BEFORE, MARCH).files)
    ledger |= ledgers.plan(AFTER, JULY, ledger).files
    return sites.files(sites.data(AFTER, ledger))


def test_the_site_shows_each_answer_and_tells_them_apart(site: dict[str, bytes]) -> None:
    rows = {row["slug"]: row for row in json.loads(site["api/v1/index.json"])["recipes"]}
    assert sorted(rows) == SLUGS
    titles = [row["title"] for row in rows.values()]
    assert len(set(titles)) == len(titles)
    assert rows["eks--operator"]["title"] == "Amazon EKS · operator"
    assert rows["eks--operator"]["constraints"] == [["K8s.server.version", ">= 1.33"]]
    for slug in SLUGS:
        assert f"recipes/{slug}.html" in site
        assert f"recipes/{slug}/1.0.0.html" in site
        chosen = ("Operator" if "--" in slug else "ami") if slug.startswith("eks") else ""
        page = site[f"recipes/{slug}.html"].decode()
        assert ("Choice of gpuStack" in page) == bool(chosen)
        assert f"<dd>{chosen}</dd>" in page or not chosen
    shown = json.loads(site["api/v1/recipes/eks-training--operator/1.0.0.json"])
    assert shown["recipe"]["metadata"]["selectedProfile"]["name"] == "gpuStack"
    assert shown["origins"]["a"]["driver.enabled"][-1].startswith("eks gpuStack=Operator overlays/eks.yaml:")


def neighbours(site: dict[str, bytes], slug: str) -> list[tuple[str, str]]:
    """Return where the neighbours of a recipe lead, and what they are called."""
    part = site[f"recipes/{slug}.html"].decode().partition('id="neighbours"')[2].partition("<h2")[0]
    rows = [row.partition("</a>")[0].rpartition('href="')[2] for row in part.split("<li>")[1:]]
    return [(row.partition(".html")[0], row.partition('">')[2]) for row in rows]


def test_neighbours_of_a_recipe_are_those_of_the_same_choice_and_its_other_answers(site: dict[str, bytes]) -> None:
    assert sorted(neighbours(site, "eks-training")) == [
        ("eks", "without training"),
        ("eks-training--operator", "with operator"),
        ("gke-training", "with Google GKE"),
    ]
    assert sorted(neighbours(site, "eks-training--operator")) == [
        ("eks--operator", "without training"),
        ("eks-training", "without operator"),
        ("gke-training", "with Google GKE"),
    ]
    assert ("eks-training", "with Amazon EKS") in neighbours(site, "gke-training")
    assert not any("--" in slug for slug, _ in neighbours(site, "gke-training"))
