"""`cm://NAMESPACE/NAME`: what a command keeps in a cluster another one finds there, in the cluster that -k names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.documents.yaml_writer import dump
from tests.support import clusters, indexes
from tests.support.indexes import Said
from tests.support.servers.kube import FakeApi, running

Client = Callable[..., Said]
KEPT = "/api/v1/namespaces/gpu/configmaps/kept"


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with running(FakeApi()) as listening:
        yield listening


@pytest.fixture
def client(
    server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Client:
    """Give somebody whose own kubeconfig names no cluster that is there; `here` names the one of the test."""
    for name, url in (("here", server.url), ("other", "https://127.0.0.1:1")):
        config = {
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "users": [],
        }
        (tmp_path / name).write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "cluster.yaml").write_text(dump(clusters.FILES["h100-eks"]), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "other"))
    monkeypatch.setenv("CLUSTERBOOK_SOURCE", str(indexes.write_index(tmp_path)))
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        capsys.readouterr()
        status = main.run([*words], dict(os.environ))
        return Said(status, *capsys.readouterr())

    return call


def data(server: FakeApi) -> dict[str, str]:
    kept = server.objects[KEPT]["data"]
    assert isinstance(kept, dict)
    return kept


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_recipe_is_kept_and_found_again(client: Client, server: FakeApi, form: str) -> None:
    printed = client("recipe", "h100-eks-training", "-t", form)
    said = client("recipe", "h100-eks-training", "-t", form, "-o", "cm://gpu/kept", "-k", "here")
    assert (said.status, said.out) == (0, "")
    assert "note: written: cm://gpu/kept at" in said.err
    assert data(server)[f"recipe.{form}"] == printed.out
    assert data(server)["format"] == form
    again = client("recipe", "-r", "cm://gpu/kept", "--kubeconfig", "here", "-t", form)
    assert json.loads(client("recipe", "h100-eks-training", "-t", "json").out) == json.loads(
        client("recipe", "-r", "cm://gpu/kept", "-k", "here", "-t", "json").out
    )
    assert again.status == 0
    assert client("bundle", "-r", "cm://gpu/kept", "-k", "here", "-o", "out").status == 0
    assert client("check", "cm://gpu/kept", "-k", "here").status == 0


def test_criteria_and_values_are_kept_too(client: Client, server: FakeApi) -> None:
    where = ("-o", "cm://gpu/kept", "-k", "here")
    assert client("recipe", "eks", "--kind", "criteria", "--api-version", "aicr.run/v1", *where).status == 0
    assert "RecipeCriteria" in data(server)["recipe.yaml"]
    assert client("query", "-r", "cm://gpu/kept", "components.a.version", "-k", "here").out == "1.0.0\n"
    assert client("query", "eks", "components.a.version", *where).status == 0
    assert data(server)["query.yaml"] == "1.0.0\n"


def test_a_snapshot_in_the_cluster_that_is_named_is_judged(client: Client, server: FakeApi) -> None:
    text = Path("cluster.yaml").read_text(encoding="utf-8")
    server.put(KEPT, {"kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"snapshot.yaml": text}})
    here = ("-k", "here")
    for there, words in (
        ("cm://gpu/kept", ("recipe", "--intent", "training", "--allow-inherited", "-t", "json", "-s")),
        ("cm://gpu/kept", ("query", "--selector", "metadata", "--intent", "training", "--allow-inherited", "-s")),
        ("cm://gpu/kept", ("fit",)),
        ("cm://gpu/kept", ("validate", "eks", "--no-cluster", "-s")),
        ("cm://gpu/kept", ("diff", "cluster.yaml")),
    ):
        file, found = client(*words, "cluster.yaml"), client(*words, there, *here)
        assert (found.status, found.out.replace("cm://gpu/kept", "cluster.yaml")) == (file.status, file.out), found.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("recipe", "eks", "-o", "cm://gpu"), "is not a ConfigMap reference"),
        (("recipe", "eks", "-o", "cm://gpu/kept", "-t", "table"), "cannot hold table"),
        (("explain", "eks", "components.a", "-o", "cm://gpu/kept"), "cannot be written by this command"),
        (("list", "-o", "cm://gpu/kept"), "cannot be written by this command"),
    ],
)
def test_what_a_config_map_cannot_keep_is_refused_and_nothing_is_sent(
    client: Client, server: FakeApi, words: tuple[str, ...], what: str
) -> None:
    said = client(*words)
    assert (said.status, said.out) == (2, "")
    assert what in said.err
    assert server.requests == []


@pytest.mark.parametrize(
    "words",
    [("recipe", "eks"), ("recipe", "eks", "-o", "file"), ("bundle", "eks"), ("fit", "cluster.yaml"),
     ("diff", "eks", "h100"), ("check", "cluster.yaml"), ("explain", "eks", "components"), ("mirror", "list", "eks")],
)  # fmt: skip
def test_a_kubeconfig_says_nothing_where_no_cluster_is_asked(client: Client, words: tuple[str, ...]) -> None:
    said = client(*words, "-k", "here")
    assert (said.status, said.out) == (2, "")
    assert "--kubeconfig has no effect without" in said.err
    assert "cm://" in said.err


def test_the_cluster_of_kubectl_is_asked_where_none_is_named(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert client("recipe", "eks", "-o", "cm://gpu/kept").status != 0
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "here"))
    assert client("recipe", "eks", "-o", "cm://gpu/kept").status == 0
