"""Verifying a source: nothing that it holds may be damaged unnoticed, whatever it is and wherever it hangs.

Attack: finding 9 of the review of trust.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.artifacts.freshness import MixAndMatch
from clusterbook.artifacts.sbom import MEDIA_TYPE as SBOM
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import artifact
from clusterbook.oci.open import Base
from clusterbook.oci.registry import Registry
from clusterbook.trust.statement import BUNDLE
from tests.support.fetchers import Client
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.registry import FakeRegistry, running


@pytest.fixture
def source(july: Path, tmp_path: Path) -> Path:
    """Give a copy of a layout with both releases."""
    shutil.copytree(july, tmp_path / "layout")
    return tmp_path / "layout"


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs/sha256" / digest.removeprefix("sha256:")


def every_file(layout: Path) -> list[Path]:
    """Return every file of a layout that a descriptor leads to."""
    return sorted(path for path in (layout / "blobs/sha256").iterdir())


def test_no_file_of_a_source_can_be_damaged_unnoticed(client: Client, july: Path, tmp_path: Path) -> None:
    shutil.copytree(july, tmp_path / "layout")
    passed = []
    files = every_file(tmp_path / "layout")
    assert len(files) > 60
    for number, path in enumerate(files[::4]):
        whole = path.read_bytes()
        at = (number * 7919) % max(len(whole), 1)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            if client.verify(tmp_path / "layout").error is None:
                passed.append(path.name)
        except ClusterbookError:
            pass
        finally:
            path.write_bytes(whole)
    assert passed == []


def referrer(source: Path, kind: str) -> str:
    """Return the digest of something of a kind that refers to a recipe."""
    layout = Layout(source)
    return layout.referrers("recipes/eks", layout.manifest("recipes/eks", "1.1.0").digest, kind)[0].digest


@pytest.mark.parametrize("kind", [SBOM, BUNDLE], ids=["sbom", "signature"])
@pytest.mark.parametrize("how", ["cut", "gone", "other"])
@pytest.mark.parametrize("part", ["manifest", "layer"])
def test_what_refers_to_an_artifact_is_read_like_the_artifact(
    client: Client, source: Path, kind: str, how: str, part: str
) -> None:
    digest = referrer(source, kind)
    path = blob(source, digest if part == "manifest" else Layout(source).manifest("", digest).layers[0].digest)
    match how:
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "gone":
            path.unlink()
        case "other":
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    verdict = client.verify(source)
    assert verdict.error is not None
    assert verdict.trust.level == "unknown"


def relabelled(entry: dict[str, Any]) -> None:
    entry["mediaType"] = "application/vnd.oci.image.index.v1+json"


def resized(entry: dict[str, Any]) -> None:
    entry["size"] += 1


def retyped(entry: dict[str, Any]) -> None:
    entry["artifactType"] = "application/vnd.evil"


def docker(entry: dict[str, Any]) -> None:
    entry["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"


def swapped(entry: dict[str, Any]) -> None:
    entry["digest"] = "sha256:" + "0" * 64


@pytest.mark.parametrize("change", [relabelled, resized, retyped, docker, swapped])
@pytest.mark.parametrize("name", ["recipes/eks:1.1.0", "helm/gke:1.0.0", "index:2026.3.0"])
def test_an_entry_of_index_json_says_what_it_stands_for(
    client: Client, source: Path, change: Callable[[dict[str, Any]], None], name: str
) -> None:
    document = json.loads((source / "index.json").read_bytes())
    named = "org.opencontainers.image.ref.name"
    change(next(each for each in document["manifests"] if each.get("annotations", {}).get(named) == name))
    (source / "index.json").write_text(json.dumps(document))
    verdict = client.verify(source)
    assert verdict.error is not None
    assert verdict.trust.level == "unknown"


def strip(registry: FakeRegistry, kind: str) -> None:
    """Take everything of a kind out of the repositories of recipes and bundles."""
    for (repository, digest), (_, data) in list(registry.manifests.items()):
        if repository.startswith(("acme/recipes", "acme/helm")) and json.loads(data).get("artifactType") == kind:
            del registry.manifests[repository, digest]


@pytest.mark.parametrize("referrers", [True, False], ids=["referrers", "fallback"])
def test_artifacts_whose_signatures_are_gone_are_not_verified_with_the_index(
    client: Client, publisher: Publisher, referrers: bool
) -> None:
    with running(FakeRegistry(referrers=referrers)) as server:
        publisher.publish(Base(Registry(server.host), "acme"))
        assert client.verify(f"oci://{server.host}/acme").error is None
        strip(server, BUNDLE)
        verdict = client.verify(f"oci://{server.host}/acme")
        assert verdict.error is not None
        assert verdict.trust.level == "unknown"


def test_a_signature_that_was_exchanged_for_another_artifacts_does_not_count(
    client: Client, publisher: Publisher
) -> None:
    with running(FakeRegistry()) as server:
        publisher.publish(Base(Registry(server.host), "acme"))
        store = Registry(server.host)
        strip(server, BUNDLE)
        of_index = store.referrers("acme/index", store.manifest("acme/index", "latest").digest, BUNDLE)[0]
        subject = store.manifest("acme/recipes/eks", "1.1.0").descriptor
        data = store.read("acme/index", of_index.layers[0], limit_bytes=1 << 20)
        fake = artifact(BUNDLE, of_index.layers, subject=subject)
        store.put_blob("acme/recipes/eks", of_index.layers[0], lambda start: iter([data[start:]]))
        store.put_manifest("acme/recipes/eks", fake)
        assert client.verify(f"oci://{server.host}/acme").trust.level == "unknown"


@pytest.mark.parametrize("damaged", ["of March alone", "of both", "of July alone"])
def test_earlier_indexes_of_a_registry_are_read_too(client: Client, publisher: Publisher, damaged: str) -> None:
    """Parts that say the same are one blob, so whoever damages one of both damages that of the index of today."""
    with running(FakeRegistry()) as server:
        for release in (MARCH, JULY):
            publisher.publish(Base(Registry(server.host), "acme"), release)
        store, where = Registry(server.host), f"oci://{server.host}/acme"
        march, july = (
            {each.digest for each in store.manifest("acme/index", release).layers[1:]} for release in (MARCH, JULY)
        )
        parts = {"of March alone": march - july, "of both": march & july, "of July alone": july - march}[damaged]
        assert parts
        for digest in parts:
            server.blobs["acme/index", digest] = server.blobs["acme/index", digest][:-1] + b"?"
        if damaged == "of March alone":
            assert client.verify(where).trust.level == "unknown"
        else:
            with pytest.raises(MixAndMatch):
                client.verify(where)


def test_what_hangs_on_artifacts_is_counted(client: Client, source: Path) -> None:
    assert client.verify(source).document["attached"] > 30
