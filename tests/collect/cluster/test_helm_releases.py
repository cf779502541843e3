"""What Helm wrote down, read as it wrote it."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from clusterbook.collect.cluster import helm_releases
from clusterbook.collect.cluster.helm_releases import ReleaseRecord, records, release
from clusterbook.diagnostics.errors import InvalidRequest

HERE = ReleaseRecord("gpu-operator", "gpu-operator", 3, "sh.helm.release.v1.gpu-operator.v3")
STORED = {
    "name": "gpu-operator",
    "info": {"status": "deployed"},
    "chart": {"metadata": {"name": "gpu-operator", "version": "v26.3.2", "appVersion": "v26.3.2"}},
    "config": {"driver": {"enabled": False}},
    "version": 3,
}


def payload(document: Any) -> bytes:
    return base64.b64encode(gzip.compress(json.dumps(document).encode(), mtime=0))


def metadata(name: str, revision: object, *, namespace: str = "n", owner: str = "helm") -> dict[str, Any]:
    labels = {"owner": owner, "name": name, "version": str(revision)}
    return {"name": f"sh.helm.release.v1.{name}.v{revision}", "namespace": namespace, "labels": labels}


def test_the_last_revision_of_each_release_counts() -> None:
    listed = [
        metadata("a", 9),
        metadata("a", 10),
        metadata("a", 2),
        metadata("a", 1, namespace="m"),
        metadata("b", 1, owner="somebody"),
        metadata("c", "x"),
        {"name": "d"},
    ]
    assert [(each.namespace, each.release, each.revision) for each in records(listed)] == [
        ("m", "a", 1),
        ("n", "a", 10),
    ]


def test_a_release_says_chart_version_and_status_and_its_values_only_when_asked() -> None:
    shown = {
        "name": "gpu-operator",
        "namespace": "gpu-operator",
        "chart": "gpu-operator",
        "version": "v26.3.2",
        "appVersion": "v26.3.2",
        "status": "deployed",
        "revision": 3,
    }
    assert release(HERE, payload(STORED), values=False) == shown
    assert release(HERE, payload(STORED), values=True) == {**shown, "values": {"driver": {"enabled": False}}}
    assert release(HERE, payload({**STORED, "config": None}), values=True)["values"] == {}


def test_a_release_that_was_not_packed_is_read() -> None:
    assert release(HERE, base64.b64encode(json.dumps(STORED).encode()), values=False)["chart"] == "gpu-operator"


@pytest.mark.parametrize(
    "stored",
    [b"", b"!", base64.b64encode(b"\x1f\x8bx"), payload([]), payload({"chart": {"metadata": 1}}), payload({"info": 1})],
)
def test_what_helm_did_not_write_is_refused(stored: bytes) -> None:
    with pytest.raises(InvalidRequest, match="gpu-operator/gpu-operator"):
        release(HERE, stored, values=False)


def test_a_release_never_unpacks_to_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm_releases, "MAX_BYTES", 1000)
    with pytest.raises(InvalidRequest, match="unpacks to more"):
        release(HERE, payload({"x": "y" * 5000}), values=False)
