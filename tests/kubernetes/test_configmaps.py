"""A document in a ConfigMap comes back as it was, or is refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.inputs.read import read_document
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import Api
from clusterbook.kubernetes.configmaps import ConfigMapName, parse_where, read, write
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.login import ClusterLogin
from tests.support.servers.kube import FakeApi, running

HERE = ConfigMapName("gpu", "taken")
TAKEN = "2026-07-01T10:00:00Z"


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with running(FakeApi()) as listening:
        yield listening


@pytest.fixture
def api(server: FakeApi) -> Api:
    return Api(Connection(ClusterLogin(server.url, "default", lambda: "")))


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_document_comes_back_as_it_was(form: str, api: Api, server: FakeApi) -> None:
    write(api, HERE, "kind: Snapshot\nname: ü\n", form=form, timestamp=TAKEN)
    assert read(api, HERE) == ("kind: Snapshot\nname: ü\n", form)
    kept = server.objects["/api/v1/namespaces/gpu/configmaps/taken"]
    assert kept["data"] == {f"snapshot.{form}": "kind: Snapshot\nname: ü\n", "format": form, "timestamp": TAKEN}
    assert kept["metadata"]["labels"]["app.kubernetes.io/name"] == "clusterbook"


def test_a_large_document_is_packed(api: Api, server: FakeApi) -> None:
    text = "".join(f"node-{number}: Ready\n" for number in range(200_000))
    write(api, HERE, text, form="yaml", timestamp=TAKEN)
    assert read(api, HERE) == (text, "yaml")
    kept = server.objects["/api/v1/namespaces/gpu/configmaps/taken"]
    assert len(str(kept)) < 1 << 20 < len(text)


def test_what_is_too_large_even_packed_is_refused_before_it_is_sent(api: Api, server: FakeApi) -> None:
    text = "".join(sha256(str(number).encode()).hexdigest() for number in range(1 << 15))
    with pytest.raises(InvalidRequest, match="too large for a ConfigMap") as caught:
        write(api, HERE, text, form="yaml", timestamp=TAKEN)
    assert "-o FILE" in caught.value.hint
    assert server.requests == []


def test_what_the_reference_wrote_is_read(api: Api, server: FakeApi) -> None:
    data = {"snapshot.yaml": "kind: Snapshot\n", "format": "yaml", "timestamp": TAKEN}
    server.put(HERE.path, {"kind": "ConfigMap", "metadata": {"name": "taken"}, "data": data})
    assert read(api, HERE) == ("kind: Snapshot\n", "yaml")
    del data["format"]
    assert read(api, HERE) == ("kind: Snapshot\n", "yaml")


def test_a_configmap_that_is_not_there_or_keeps_something_else_is_named(api: Api, server: FakeApi) -> None:
    with pytest.raises(NotFound):
        read(api, HERE)
    server.put(HERE.path, {"kind": "ConfigMap", "metadata": {"name": "taken"}, "data": {"recipe.yaml": "x"}})
    with pytest.raises(NotFound, match=r"has no snapshot; its keys are: recipe\.yaml"):
        read(api, HERE)
    assert read(api, HERE, kinds=("snapshot", "recipe")) == ("x", "yaml")


@pytest.mark.parametrize("packed", ["!", "eA==", "H4sIAAAAAAAA"])
def test_packed_text_that_is_damaged_is_refused(packed: str, api: Api, server: FakeApi) -> None:
    server.put(HERE.path, {"kind": "ConfigMap", "metadata": {}, "binaryData": {"snapshot.yaml.gz": packed}})
    with pytest.raises(InvalidRequest, match=r"damaged|cut off"):
        read(api, HERE)


def test_packed_text_never_grows_beyond_what_a_document_may_have(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    write(api, HERE, "x" * 2_000_000, form="yaml", timestamp=TAKEN)
    monkeypatch.setattr(configmaps, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(InvalidRequest, match="larger than"):
        read(api, HERE)


@pytest.mark.parametrize(
    "text",
    ["cm://", "cm://gpu", "cm://gpu/", "cm:///taken", "cm://GPU/taken", "cm://gpu/a/b", "cm://g.p/x", "gpu/taken"],
)
def test_what_names_no_configmap_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a ConfigMap reference"):
        parse_where(text)


def test_a_configmap_is_named_by_namespace_and_name() -> None:
    assert parse_where("cm://gpu/taken") == HERE
    assert str(HERE) == "cm://gpu/taken"


def test_a_command_reads_a_document_out_of_a_configmap(
    api: Api, server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(api, HERE, "kind: RecipeCriteria\nspec: {service: eks}\n", form="yaml", timestamp=TAKEN, kind="recipe")
    config = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "contexts": [{"name": "here", "context": {"cluster": "c"}}],
        "users": [],
    }
    (tmp_path / "config").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert read_document("cm://gpu/taken") == {"kind": "RecipeCriteria", "spec": {"service": "eks"}}
    with pytest.raises(InvalidRequest, match="is not a ConfigMap reference"):
        read_document("cm://gpu")


def test_a_document_goes_with_the_job_that_wrote_it(api: Api, server: FakeApi) -> None:
    where = configmaps.parse_where("cm://gpu/nightly")
    configmaps.write(api, where, "a: 1\n", form="yaml", timestamp="", owner="nightly-1/0f-1")
    (kept,) = [each for path, each in server.objects.items() if path.endswith("/nightly")]
    assert kept["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly-1", "uid": "0f-1"}
    ]
    for owner in ("nightly-1", "/x", "x/"):
        with pytest.raises(InvalidRequest):
            configmaps.write(api, where, "a: 1\n", form="yaml", timestamp="", owner=owner)
