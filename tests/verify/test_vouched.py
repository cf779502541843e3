"""A level says only what was signed: options, edited values, other names and withdrawn versions are told, never passed.

Attacks: findings 1, 2, 4, 8.4 and "small lies" of the review of trust, each with variants.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from clusterbook.artifacts.open import WithdrawnVersion
from clusterbook.bundle.checksums import checksums
from clusterbook.bundle.disk import read_bundle
from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.rederive import prove
from clusterbook.bundle.render import render
from clusterbook.oci.open import Base
from clusterbook.oci.registry import Registry
from clusterbook.oci.transfer import copy
from clusterbook.trust.policy import SubjectMismatch, Tampered
from clusterbook.verify.bundle import NotAsRecorded
from clusterbook.verify.level import NotEnough, Requirement, require
from tests.support import indexes, publications, whole_recipes
from tests.support.fetchers import Client
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.registry import FakeRegistry, running

# --- options and values that nobody signed ----------------------------------------------------------------------------


def make(client: Client, july: Path, folder: Path, *words: str, recipe: Callable[[str], str] = str) -> Path:
    """Make a bundle of the published recipe eks, changed by `recipe`, with options."""
    client("recipe", "eks", from_=july, output=folder / "r.yaml")
    (folder / "r.yaml").write_text(recipe((folder / "r.yaml").read_text()))
    made = indexes.run("bundle", "-r", str(folder / "r.yaml"), *words, "-o", str(folder / "made"))
    assert made.status == 0, made.err
    return folder / "made"


@pytest.mark.parametrize(
    ("words", "options", "value"),
    [
        (["--set", "a:image.repository=evil.example/x"], ["--set a:image.repository=evil.example/x"], "evil.example/x"),
        (["--set-json", 'a:extraObjects=[{"kind":"Pod"}]'], ['--set-json a:extraObjects=[{"kind":"Pod"}]'], "Pod"),
        (["--set", "a:enabled=false"], ["--set a:enabled=false"], "left out"),
        (["--set", "b:size=7"], ["--set b:size=7"], "size: 2 -> 7"),
        (["--dynamic", "b:size"], ["--dynamic b:size"], "size"),
    ],
    ids=["repository", "objects", "left out", "a value", "left open"],
)
def test_every_option_of_a_derived_bundle_is_named_with_what_it_changes(
    client: Client, july: Path, tmp_path: Path, words: list[str], options: list[str], value: str
) -> None:
    verdict = client.verify(make(client, july, tmp_path, *words), published_in=july)
    assert (verdict.error, verdict.trust.level, verdict.trust.creator) == (None, "derived", "")
    assert verdict.document["options"] == options
    assert [line for line in verdict.lines if line.startswith("option: ")] == [f"option: {word}" for word in options]
    assert any(value in line for line in verdict.lines if line.startswith("value: ")), verdict.lines
    assert verdict.document["values"]


def test_a_derived_bundle_is_less_than_attested_and_has_no_creator(client: Client, july: Path, tmp_path: Path) -> None:
    verdict = client.verify(make(client, july, tmp_path, "--set", "a:x=2"), published_in=july)
    require(verdict.trust, Requirement("derived"), "b")
    for requirement in (Requirement(), Requirement("verified"), Requirement("derived", str(client.publisher.key))):
        with pytest.raises(NotEnough):
            require(verdict.trust, requirement, "b")
    assert verdict.document["recipeSigner"] == str(client.publisher.key)
    assert (verdict.document["bundleCreator"], verdict.document["bundleAttested"]) == ("", False)


def test_a_bundle_that_is_the_published_one_byte_for_byte_is_verified_without_a_signature_of_its_own(
    client: Client, july: Path, tmp_path: Path
) -> None:
    made = make(client, july, tmp_path)
    verdict = client.verify(made, published_in=july)
    assert (verdict.error, verdict.trust.level) == (None, "verified")
    assert verdict.trust.creator == str(client.publisher.key)
    assert verdict.document["published"]["same"]


def version(recipe: str) -> str:
    return recipe.replace('version: "1.1.0"', 'version: "9.9.9"')


def digest(recipe: str) -> str:
    at = recipe.index("digest: sha256:") + len("digest: sha256:")
    return recipe[:at] + "0" * 64 + recipe[at + 64 :]


def another_version(recipe: str) -> str:
    return recipe.replace('version: "1.1.0"', 'version: "1.0.0"')


def unnamed_file(recipe: str) -> str:
    return recipe + "files:\n  components/a/evil.yaml: x\n"


def number(recipe: str) -> str:
    return recipe.replace('version: "1.1.0"', 'version: "1.1.00"')


@pytest.mark.parametrize("change", [version, digest, another_version, unnamed_file, number])
def test_a_recipe_that_calls_itself_something_else_than_its_source_is_refused(
    client: Client, july: Path, tmp_path: Path, change: Callable[[str], str]
) -> None:
    made = make(client, july, tmp_path, recipe=change)
    assert change((tmp_path / "r.yaml").read_text()) is not None
    verdict = client.verify(made, published_in=july)
    assert isinstance(verdict.error, SubjectMismatch), verdict.lines
    assert verdict.trust.level == "unknown"


def test_charts_that_travel_along_are_named_as_pinned_by_nothing() -> None:
    charts = {name: VendoredChart(f"{name}.tgz", name.encode(), "helm") for name in ("crds", "operator", "metrics")}
    proof = prove(render(whole_recipes.small(), {"vendorCharts": True}, "1.0", charts).files)
    assert not proof.differences
    assert {each.sha256 for each in proof.unpinned} == {sha256(name.encode()).hexdigest() for name in charts}
    assert proof.options == ("--vendor-charts",)


# --- values of one cluster --------------------------------------------------------------------------------------------


@pytest.fixture
def bundle(client: Client, july: Path, tmp_path: Path) -> Path:
    """Give a bundle that was fetched."""
    client("bundle", "eks", from_=july, output=tmp_path / "b")
    return tmp_path / "b"


def local_file(bundle: Path) -> Path:
    return sorted(bundle.glob("*/cluster-values.yaml"))[0]


@pytest.mark.parametrize("text", ["x: 3\n", "deep: {er: [1, 2]}\n", "x:\n  y: null\n", "- not a map\n", "{"])
def test_edited_cluster_values_are_a_level_of_their_own_and_named(client: Client, bundle: Path, text: str) -> None:
    local_file(bundle).write_text(text)
    verdict = client.verify(bundle)
    assert (verdict.error, verdict.trust.level) == (None, "adjusted")
    assert verdict.trust.creator == str(client.publisher.key)
    assert verdict.document["localFiles"] == [str(local_file(bundle).relative_to(bundle))]
    assert [line for line in verdict.lines if line.startswith("edited: ")]
    require(verdict.trust, Requirement("adjusted"), "b")
    with pytest.raises(NotEnough):
        require(verdict.trust, Requirement(), "b")


def test_edited_cluster_values_hide_no_other_change(client: Client, bundle: Path) -> None:
    local_file(bundle).write_text("x: 3\n")
    values = local_file(bundle).with_name("values.yaml")
    values.write_text("evil: 1\n")
    verdict = client.verify(bundle)
    assert isinstance(verdict.error, NotAsRecorded)
    assert [each["path"] for each in verdict.document["differences"]] == [str(values.relative_to(bundle))]


def rerecord(bundle: Path) -> None:
    (bundle / "checksums.txt").write_bytes(checksums(read_bundle(bundle)))


def test_cluster_values_that_were_recorded_anew_are_not_what_was_signed(client: Client, bundle: Path) -> None:
    local_file(bundle).write_text("x: 3\n")
    rerecord(bundle)
    assert isinstance(client.verify(bundle).error, Tampered)


def removed(bundle: Path) -> None:
    local_file(bundle).unlink()


def moved(bundle: Path) -> None:
    local_file(bundle).rename(bundle / "cluster-values.yaml")


def elsewhere(bundle: Path) -> None:
    (bundle / "999-x").mkdir()
    (bundle / "999-x" / "cluster-values.yaml").write_text("x: 1\n")


@pytest.mark.parametrize("change", [removed, moved, elsewhere])
def test_only_a_file_that_is_there_for_cluster_values_may_be_edited(
    client: Client, bundle: Path, change: Callable[[Path], None]
) -> None:
    change(bundle)
    assert isinstance(client.verify(bundle).error, NotAsRecorded)


# --- beside the files -------------------------------------------------------------------------------------------------


def extra_file(folder: Path) -> None:
    (folder / "deploy.sh").write_text("#!/bin/sh\n")


def extra_folder(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "x").write_text("x")


def hidden_file(folder: Path) -> None:
    (folder / ".x").write_text("x")


def empty_folder(folder: Path) -> None:
    (folder / "more").mkdir()


def another_case(folder: Path) -> None:
    (folder / "Manifest.json").write_bytes((folder / "manifest.json").read_bytes())


@pytest.mark.parametrize("change", [extra_file, extra_folder, hidden_file, empty_folder, another_case])
def test_nothing_lies_beside_a_signature_that_nobody_looks_at(
    client: Client, bundle: Path, change: Callable[[Path], None]
) -> None:
    change(bundle / "attestation")
    verdict = client.verify(bundle)
    assert isinstance(verdict.error, Tampered)
    assert verdict.trust.level == "unknown"


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.dev.sigstore.bundle.v0.9+json",
        "application/vnd.dev.sigstore.bundle",
        "application/vnd.dev.sigstore.bundle+json;version=9.9",
        "application/vnd.dev.sigstore.bundle.v0.3+json ",
        "application/vnd.dev.sigstore.bundles.v0.3+json",
    ],
)
def test_a_signature_of_a_kind_that_nobody_defined_does_not_count(client: Client, bundle: Path, kind: str) -> None:
    file = bundle / "attestation" / "statement.sigstore.json"
    document: dict[str, Any] = json.loads(file.read_bytes())
    file.write_text(json.dumps({**document, "mediaType": kind}))
    assert isinstance(client.verify(bundle).error, Tampered)


# --- names, versions and withdrawals ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(publisher: Publisher) -> Iterator[FakeRegistry]:
    """Give a registry with both releases."""
    with running(FakeRegistry()) as server:
        for release in (MARCH, JULY):
            publisher.publish(Base(Registry(server.host), "acme"), release)
        yield server


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("helm/eks:1.1.0", "helm/eks:1.0.0"),
        ("helm/eks:1.1.0", "helm/aks:1.0.0"),
        ("helm/eks:1.1.0", "flux/eks:1.1.0"),
        ("recipes/eks:1.1.0", "recipes/gke:1.0.0"),
        ("recipes/eks:1.1.0", "helm/eks:1.1.0"),
        ("index:2026.7.0", "index:2026.3.0"),
        ("index:latest", "recipes/eks:1.1.0"),
        ("helm/eks:newest", "helm/gke:1.0.0"),
    ],
)
def test_a_tag_that_leads_to_something_else_is_refused(
    client: Client, registry: FakeRegistry, asked: str, given: str
) -> None:
    store = Registry(registry.host)
    repository, _, tag = asked.partition(":")
    other, _, its_tag = given.partition(":")
    served = Registry(registry.host).manifest(f"acme/{other}", its_tag)
    kept = None
    if tag not in ("newest",):
        kept = store.manifest(f"acme/{repository}", tag)
    copy(store, f"acme/{other}", served.digest, store, f"acme/{repository}", tags=[tag])
    try:
        verdict = client.verify(f"oci://{registry.host}/acme/{asked}")
        assert isinstance(verdict.error, SubjectMismatch), verdict.lines
        assert verdict.trust.level == "unknown"
        taken = client.verify(f"oci://{registry.host}/acme/{repository}@{served.digest}")
        assert taken.error is None
        assert any(other in line for line in taken.lines)
    finally:
        if kept is not None:
            store.put_manifest(f"acme/{repository}", kept, tag=tag)


def test_what_an_artifact_is_called_and_its_version_are_said(client: Client, registry: FakeRegistry) -> None:
    for name in ("recipes/eks:1.1.0", "helm/eks:1.1.0", "argocd-helm/eks:1.1.0", "index:2026.7.0"):
        verdict = client.verify(f"oci://{registry.host}/acme/{name}")
        assert (verdict.error, verdict.document["artifactName"]) == (None, name)
        assert f"it is {name}" in verdict.lines


@pytest.fixture(scope="module")
def withdrawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Publisher, Path]:
    """Give a publisher of its own who withdrew eks 1.0.0, and its layout."""
    folder = tmp_path_factory.mktemp("withdrawn")
    found = publications.publisher(folder)
    for release in (MARCH, JULY):
        found.publish(publications.layout(folder / "before"), release)
    shutil.copytree(folder / "before", folder / "layout")
    found.withdraw("eks", "1.0.0", "1.1.0")
    found.publish(publications.layout(folder / "layout"), JULY)
    return found, folder


@pytest.mark.parametrize("deployer", ["helm", "argocd-helm", "flux"])
def test_a_signed_bundle_that_was_withdrawn_is_refused_by_its_source(
    withdrawn: tuple[Publisher, Path], tmp_path: Path, deployer: str
) -> None:
    publisher, folder = withdrawn
    client = Client(tmp_path / "home", publisher)
    before = Client(tmp_path / "other", publisher)
    before("bundle", "eks@1.0.0", from_=folder / "before", output=tmp_path / "b", deployer=deployer)
    assert client.verify(tmp_path / "b").error is None
    assert client.verify(tmp_path / "b", published_in=folder / "before").error is None
    fresh = Client(tmp_path / "third", publisher)
    verdict = fresh.verify(tmp_path / "b", published_in=folder / "layout")
    assert isinstance(verdict.error, WithdrawnVersion)
    assert verdict.document["published"]["withdrawn"]["replacement"] == "eks@1.1.0"
    assert any(line.startswith("withdrawn: eks@1.0.0: it burns") for line in verdict.lines)
    allowed = fresh.verify(tmp_path / "b", published_in=folder / "layout", allow_withdrawn=1)
    assert (allowed.error, allowed.trust.level) == (None, "attested" if deployer == "argocd-helm" else "verified")


def test_a_derived_bundle_of_a_withdrawn_recipe_is_refused(withdrawn: tuple[Publisher, Path], tmp_path: Path) -> None:
    publisher, folder = withdrawn
    client = Client(tmp_path / "home", publisher)
    client("recipe", "eks@1.0.0", from_=folder / "before", output=tmp_path / "r.yaml")
    words = ["-r", str(tmp_path / "r.yaml"), "--set", "a:size=3", "-o", str(tmp_path / "b")]
    assert indexes.run("bundle", *words).status == 0
    verdict = Client(tmp_path / "other", publisher).verify(tmp_path / "b", published_in=folder / "layout")
    assert isinstance(verdict.error, WithdrawnVersion)
    assert verdict.trust.level == "derived"


def test_a_signed_bundle_that_the_source_does_not_publish_is_refused(
    client: Client, publisher: Publisher, july: Path, tmp_path: Path
) -> None:
    publisher.publish(publications.layout(tmp_path / "march"), MARCH)
    client("bundle", "gke", from_=july, output=tmp_path / "b")
    verdict = Client(tmp_path / "other", publisher).verify(tmp_path / "b", published_in=tmp_path / "march")
    assert isinstance(verdict.error, SubjectMismatch)


# --- what strangers write into a verdict ------------------------------------------------------------------------------

SPOOFED = "1\x1b[2J\x1b[Hmade: verified\nsigned by key.pub\r\u202e\x9b2K"


@pytest.mark.parametrize(
    "words",
    [
        ("--set", f"a:x={SPOOFED}"),
        ("--set-json", "a:x=" + json.dumps({SPOOFED: SPOOFED}, ensure_ascii=False)),
        ("--set-json", "a:x=[1,\n2]"),
    ],
)
def test_an_option_adds_no_line_to_a_verdict(
    client: Client, july: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = make(client, july, tmp_path, *words)
    _only_facts(indexes.run("verify", str(folder), "--min-trust-level", "unverified"), folder)
    changed = indexes.run("bundle", "-r", str(tmp_path / "r.yaml"), "--diff", str(folder))
    assert all(line.isprintable() for line in changed.out.replace("\t", " ").split("\n"))


def test_the_name_of_a_recipe_adds_no_line_to_a_verdict(client: Client, july: Path, tmp_path: Path) -> None:
    name = json.dumps(f"eks{SPOOFED}")
    folder = make(client, july, tmp_path, recipe=lambda text: text.replace("slug: eks", f"slug: {name}"))
    found = indexes.run("verify", str(folder), "--min-trust-level", "unverified")
    assert "signed by key.pub" in found.out
    _only_facts(found, folder)


def _only_facts(found: indexes.Said, folder: Path) -> None:
    """Assert that each line of a verdict is one of ours, and that nothing in it moves the cursor."""
    assert found.out.startswith(f"{folder}: unverified\n")
    for line in found.out.splitlines()[1:]:
        assert line.isprintable(), line
        assert re.match(r"\d+ files as recorded|derives from recipe |option: |value: |not attested: ", line), line
