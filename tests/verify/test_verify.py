"""Verifying: what is whole, who signed it, and that less is never taken for more. Source: reference rows T1-T9, L31."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts.attachment import sbom_attachment, signature_attachment
from clusterbook.artifacts.freshness import Expired, Rollback
from clusterbook.artifacts.sbom import MEDIA_TYPE as SBOM
from clusterbook.bundle.checksums import FILES, checksums, files_digest
from clusterbook.bundle.disk import read_bundle
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diagnostics.transport import NoArtifact, UnsafeArchive, WrongContent
from clusterbook.files import archive
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import Manifest, artifact
from clusterbook.oci.open import Base
from clusterbook.oci.registry import Registry
from clusterbook.publish.send import Sender
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import SubjectMismatch, Tampered, WrongSigner
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.statement import PROVENANCE, Subject, statement
from clusterbook.trust.verify import bundles_of
from clusterbook.verify.bundle import NotAsRecorded
from clusterbook.verify.level import LEVELS, NotEnough, Requirement, Trust, require
from tests.contract.store_contract import put
from tests.support import indexes, publications
from tests.support.fetchers import Client
from tests.support.publications import JULY, MARCH, START, Publisher
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, running

FLAG = ["--min-trust-level", "unverified"]


@pytest.fixture
def bundle(client: Client, july: Path, tmp_path: Path) -> Path:
    """Give a bundle that was fetched."""
    client("bundle", "eks", from_=july, output=tmp_path / "b")
    return tmp_path / "b"


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_a_fetched_bundle_is_as_it_was_signed(client: Client, july: Path, tmp_path: Path, deployer: str) -> None:
    client("bundle", "eks", from_=july, output=tmp_path / "b", deployer=deployer)
    verdict = client.verify(tmp_path / "b")
    assert verdict.error is None
    assert verdict.trust.level == ("attested" if deployer == "argocd-helm" else "verified")
    assert verdict.trust.creator == str(client.publisher.key)
    assert verdict.document["bundleAttested"]
    assert verdict.document["builder"] == "https://clusterbook.dev/clusterbook-build"


def edit(bundle: Path) -> None:
    with (bundle / "deploy.sh").open("a") as file:
        file.write("rm -rf /\n")


def add(bundle: Path) -> None:
    (bundle / "018-evil").mkdir()
    (bundle / "018-evil" / "install.sh").write_text("#!/bin/sh\n")


def remove(bundle: Path) -> None:
    (bundle / "README.md").unlink()


@pytest.mark.parametrize("change", [edit, add, remove])
def test_a_file_that_is_not_as_recorded_is_named(client: Client, bundle: Path, change: Callable[[Path], None]) -> None:
    change(bundle)
    verdict = client.verify(bundle)
    assert isinstance(verdict.error, NotAsRecorded)
    assert (verdict.error.exit_status, verdict.trust.level) == (4, "unknown")
    assert len(verdict.document["differences"]) == 1
    assert not verdict.document["checksumsPassed"]


def rerecord(bundle: Path) -> None:
    """Write a checksums.txt that fits the files, as whoever changes them would."""
    (bundle / "checksums.txt").write_bytes(checksums(read_bundle(bundle)))


@pytest.mark.parametrize("change", [edit, add, remove])
def test_changed_files_with_checksums_that_fit_are_not_what_was_signed(
    client: Client, bundle: Path, change: Callable[[Path], None]
) -> None:
    change(bundle)
    rerecord(bundle)
    verdict = client.verify(bundle)
    assert isinstance(verdict.error, Tampered)
    assert (verdict.error.exit_status, verdict.trust.level) == (4, "unknown")
    shutil.rmtree(bundle / "attestation")
    stripped = client.verify(bundle)
    assert isinstance(stripped.error, NotAsRecorded)  # it is not what its recipe makes


def test_a_signature_that_was_removed_makes_less_of_it(client: Client, bundle: Path) -> None:
    shutil.rmtree(bundle / "attestation")
    verdict = client.verify(bundle)
    assert (verdict.error, verdict.trust.level) == (None, "unverified")
    with pytest.raises(NotEnough, match="unverified, attested is required") as caught:
        require(verdict.trust, Requirement(), "b")
    assert caught.value.exit_status == 2
    require(verdict.trust, Requirement("unverified"), "b")


@pytest.mark.parametrize("name", ["manifest.json", "statement.sigstore.json"])
@pytest.mark.parametrize("text", [None, "", "{}", "[]"])
def test_a_signature_of_which_a_part_is_missing_or_damaged_is_wrong(
    client: Client, bundle: Path, name: str, text: str | None
) -> None:
    file = bundle / "attestation" / name
    file.unlink() if text is None else file.write_text(text)
    verdict = client.verify(bundle)
    assert isinstance(verdict.error, Tampered)
    assert verdict.trust.level == "unknown"


def test_the_signature_of_another_bundle_does_not_count(
    client: Client, july: Path, bundle: Path, tmp_path: Path
) -> None:
    client("bundle", "gke", from_=july, output=tmp_path / "other")
    shutil.rmtree(bundle / "attestation")
    shutil.copytree(tmp_path / "other" / "attestation", bundle / "attestation")
    verdict = client.verify(bundle)
    assert isinstance(verdict.error, Tampered)
    assert "differ from those that were signed" in verdict.error.what


def test_another_signer_is_another_word(client: Client, bundle: Path, tmp_path: Path) -> None:
    verdict = client.verify(bundle, key=None, policy=None)
    assert isinstance(verdict.error, WrongSigner)
    assert verdict.trust.level == "unknown"
    with pytest.raises(NotFound):
        client.verify(bundle, key=tmp_path / "absent.pub")


def test_a_bundle_that_this_version_would_not_make_is_signed_all_the_same(
    client: Client, publisher: Publisher, bundle: Path
) -> None:
    edit(bundle)
    rerecord(bundle)
    made = artifact("a/bundle", [], annotations={FILES: files_digest(read_bundle(bundle))})
    signed = publisher.signer.sign(statement([Subject("helm/eks", made.digest)], PROVENANCE, {}))
    (bundle / "attestation" / "manifest.json").write_bytes(made.raw)
    (bundle / "attestation" / "statement.sigstore.json").write_bytes(signed)
    verdict = client.verify(bundle)
    assert (verdict.error, verdict.trust.level) == (None, "attested")
    assert "renders its recipe differently" in verdict.trust.reason
    assert [each["path"] for each in verdict.document["differences"]] == ["deploy.sh"]


def test_no_bundle_is_told_apart_from_a_damaged_one(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        client.verify(tmp_path / "absent")
    assert caught.value.exit_status == 3
    verdict = client.verify(tmp_path)
    assert isinstance(verdict.error, NotAsRecorded)
    assert "has no checksums.txt" in verdict.error.what


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_the_archive_of_a_bundle_keeps_its_signature(client: Client, july: Path, tmp_path: Path, deployer: str) -> None:
    client("bundle", "eks", from_=july, output=tmp_path / "b.tgz", deployer=deployer)
    client("bundle", "eks", from_=july, output=tmp_path / "b", deployer=deployer)
    verdict = client.verify(tmp_path / "b.tgz")
    assert {**verdict.document, "bundle": ""} == {**client.verify(tmp_path / "b").document, "bundle": ""}
    assert (verdict.error, verdict.document["bundleAttested"]) == (None, True)


@pytest.mark.parametrize(
    "words",
    [
        ["-C", "{parent}", "-czf", "{to}", "b"],
        ["-C", "{parent}", "-czf", "{to}", "./b"],
        ["-C", "{parent}/b", "-czf", "{to}", "."],
        ["-C", "{parent}/b", "--format=posix", "-czf", "{to}", "."],
        ["-C", "{parent}", "--format=ustar", "--sort=name", "-czf", "{to}", "b"],
    ],
)
def test_a_signed_folder_that_tar_packs_verifies(
    client: Client, bundle: Path, tmp_path: Path, words: list[str]
) -> None:
    said = {"parent": str(bundle.parent), "to": str(tmp_path / "x.tar.gz")}
    subprocess.run(["tar", *(word.format(**said) for word in words)], check=True)
    verdict = client.verify(tmp_path / "x.tar.gz")
    assert (verdict.error, verdict.trust.level) == (None, "verified")


def changed_file(files: dict[str, bytes]) -> None:
    files["b/deploy.sh"] += b"id\n"


def rerecorded_file(files: dict[str, bytes]) -> None:
    files["b/deploy.sh"] += b"id\n"
    own = {path[2:]: data for path, data in files.items() if not path.startswith("b/attestation/")}
    files["b/checksums.txt"] = checksums(own)


def another_top(files: dict[str, bytes]) -> None:
    files["c/evil.sh"] = b"id\n"


def signature_outside(files: dict[str, bytes]) -> None:
    for name in ("manifest.json", "statement.sigstore.json"):
        files[f"attestation/{name}"] = files.pop(f"b/attestation/{name}")


def half_a_signature(files: dict[str, bytes]) -> None:
    del files["b/attestation/manifest.json"]


def hidden_twin(files: dict[str, bytes]) -> None:
    files["b/.deploy.sh"] = b"id\n"


@pytest.mark.parametrize(
    "change", [changed_file, rerecorded_file, another_top, signature_outside, half_a_signature, hidden_twin]
)
def test_an_archive_that_was_changed_is_refused(
    client: Client, bundle: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    found = {f"b/{path.relative_to(bundle)}": path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    change(found)
    (tmp_path / "x.tgz").write_bytes(archive.pack_bytes(found))
    verdict = client.verify(tmp_path / "x.tgz")
    assert verdict.error is not None
    assert (verdict.error.exit_status, verdict.trust.level) == (4, "unknown")


def test_links_in_an_archive_that_tar_packed_stay_refused(client: Client, bundle: Path, tmp_path: Path) -> None:
    (bundle / "link").symlink_to("deploy.sh")
    subprocess.run(["tar", "-C", str(tmp_path), "-czf", str(tmp_path / "x.tgz"), "b"], check=True)
    with pytest.raises(UnsafeArchive, match="not a regular file"):
        client.verify(tmp_path / "x.tgz")


@pytest.fixture
def customised(client: Client, july: Path, tmp_path: Path) -> Path:
    """Give a bundle that somebody made from a published recipe, with options of their own."""
    client("recipe", "eks", from_=july, output=tmp_path / "r.yaml")
    words = ["-r", str(tmp_path / "r.yaml"), "--set", "a:size=3", "-d", "flux", "--repo", "https://x.test/r"]
    assert indexes.run("bundle", *words, "-o", str(tmp_path / "b")).status == 0
    return tmp_path / "b"


def test_a_bundle_made_from_a_published_recipe_is_derived_from_it(client: Client, july: Path, customised: Path) -> None:
    assert client.verify(customised).trust.level == "unverified"
    verdict = client.verify(customised, published_in=july)
    assert (verdict.error, verdict.trust.level) == (None, "derived")
    assert (verdict.document["bundleAttested"], verdict.document["recipeAttested"]) == (False, True)
    assert "its recipe is signed by" in verdict.lines[2]
    assert client.seen(july) == 2
    (customised / "README.md").write_text("x")
    rerecord(customised)
    assert isinstance(client.verify(customised, published_in=july).error, NotAsRecorded)


def test_a_bundle_made_from_another_recipe_is_not(client: Client, july: Path, customised: Path, tmp_path: Path) -> None:
    recipe = (tmp_path / "r.yaml").read_text()
    (tmp_path / "r.yaml").write_text(recipe.replace("ns-a", "ns-evil"))
    made = indexes.run("bundle", "-r", str(tmp_path / "r.yaml"), "-o", str(tmp_path / "evil"))
    assert made.status == 0, made.err
    verdict = client.verify(tmp_path / "evil", published_in=july)
    assert isinstance(verdict.error, SubjectMismatch)
    assert verdict.trust.level == "unknown"
    with pytest.raises(NotFound):
        client.verify(customised, published_in=tmp_path / "absent")


# --- what is required ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_less_than_what_is_asked_for_is_refused(level: str) -> None:
    found = Trust(level, "because", "ann", "1.2.0")
    for asked in (*LEVELS, "max"):
        enough = LEVELS.index(level) >= LEVELS.index("verified" if asked == "max" else asked)
        if enough:
            require(found, Requirement(asked), "b")
        else:
            with pytest.raises(NotEnough, match=f"b is {level}.*because"):
                require(found, Requirement(asked), "b")


def test_the_signer_and_the_version_of_the_program_can_be_asked_for() -> None:
    trust = Trust("verified", "", "ann", "1.2.0")
    require(trust, Requirement(creator="ann"), "b")
    for tool in ("1.2.0", "1.1", "< 2.0"):
        require(trust, Requirement(tool=tool), "b")
    for requirement in (Requirement(creator="an"), Requirement(tool="1.3.0"), Requirement(tool=">= 2.0")):
        with pytest.raises(NotEnough):
            require(trust, requirement, "b")
    with pytest.raises(NotEnough, match="unknown version"):
        require(trust._replace(tool=""), Requirement(tool="1.0"), "b")
    with pytest.raises(InvalidRequest):
        require(trust, Requirement(tool=">= ="), "b")


def test_the_command_says_it_as_text_as_json_and_as_its_status(
    bundle: Path, publisher: Publisher, tmp_path: Path
) -> None:
    key, home = ["--key", str(publisher.key)], {"HOME": str(tmp_path / "home")}
    said = indexes.run("verify", str(bundle), *key, **home)
    assert (said.status, said.out.splitlines()[0]) == (0, f"{bundle}: verified")
    document = json.loads(indexes.run("verify", str(bundle), *key, "--format", "json", **home).out)
    assert (document["trustLevel"], document["minTrustLevel"], document["bundleCreator"]) == (
        "verified", "attested", str(publisher.key),
    )  # fmt: skip
    assert indexes.run("verify", str(bundle), *key, "--require-creator", "eve", **home).status == 2
    shutil.rmtree(bundle / "attestation")
    for words, status in (([], 2), (FLAG, 0), (["--min-trust-level", "max"], 2), (["--min-trust-level", "x"], 2)):
        assert indexes.run("verify", str(bundle), *key, *words, **home).status == status
    edit(bundle)
    broken = indexes.run("verify", str(bundle), *key, "--format", "json", **home)
    assert (broken.status, json.loads(broken.out)["trustLevel"]) == (4, "unknown")
    assert indexes.run("verify", str(tmp_path / "absent"), **home).status == 3


# --- artifacts and sources --------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["referrers", "fallback"])
def registry(request: pytest.FixtureRequest, publisher: Publisher) -> Iterator[FakeRegistry]:
    with running(FakeRegistry(referrers=request.param)) as server:
        publisher.publish(Base(Registry(server.host), "acme"))
        yield server


def test_an_artifact_of_a_registry_is_verified_with_its_bytes(client: Client, registry: FakeRegistry) -> None:
    base = f"oci://{registry.host}/acme"
    for name in ("recipes/eks:1.1.0", "helm/eks:1.1.0", "index:latest"):
        verdict = client.verify(f"{base}/{name}")
        assert (verdict.error, verdict.trust.level) == (None, "verified"), name
    assert client.verify(f"{base}/argocd-helm/eks:1.1.0").trust.level == "attested"
    digest = verdict.document["artifactDigest"]
    assert client.verify(f"{base}/index@{digest}").trust.level == "verified"
    with pytest.raises(NoArtifact):
        client.verify(f"{base}/recipes/eks:9.0.0")
    blob = next(key for key, data in registry.blobs.items() if key[0] == "acme/recipes/eks" and b"RecipeResult" in data)
    registry.blobs[blob] = registry.blobs[blob].replace(b"RecipeResult", b"recipeResult")
    with pytest.raises(WrongContent):
        client.verify(f"{base}/recipes/eks:1.1.0")


def test_what_somebody_else_signed_is_neither_fetched_nor_unpacked(
    client: Client, registry: FakeRegistry, tmp_path: Path
) -> None:
    (tmp_path / "other.pub").write_text(
        private_key(private_pem(ed25519.Ed25519PrivateKey.generate()), "k").public().pem()
    )
    layers = [key for key in registry.blobs if key[0] == "acme/helm/eks"]
    before = {digest: registry.count("GET", f"/helm/eks/blobs/{digest}") for _, digest in layers}
    verdict = client.verify(f"oci://{registry.host}/acme/helm/eks:1.1.0", key=tmp_path / "other.pub")
    assert isinstance(verdict.error, WrongSigner)
    asked = [digest for digest in before if registry.count("GET", f"/helm/eks/blobs/{digest}") > before[digest]]
    assert all(b"payloadType" in registry.blobs["acme/helm/eks", digest] for digest in asked)  # signatures alone


def test_an_artifact_whose_signature_was_removed_is_unverified(client: Client, publisher: Publisher) -> None:
    with running(FakeRegistry()) as server:
        publisher.publish(Base(Registry(server.host), "acme"), unsigned=True)
        assert client.verify(f"oci://{server.host}/acme/recipes/eks:1.1.0").trust.level == "unverified"
        assert client.verify(f"oci://{server.host}/acme/helm/eks:1.1.0").trust.level == "unverified"


def test_a_source_is_verified_with_all_that_it_holds(
    client: Client, july: Path, registry: FakeRegistry, tmp_path: Path
) -> None:
    archive.pack_file(archive.entries_below(july, skip=Layout.is_partial), tmp_path / "x.tar", compress=False)
    for where, count in ((july, 30), (tmp_path / "x.tar", 30), (f"oci://{registry.host}/acme", 24)):
        verdict = client.verify(where)
        assert (verdict.error, verdict.trust.level) == (None, "verified")
        facts = verdict.document
        assert (facts["artifacts"], facts["missing"], facts["release"]) == (count, 0, JULY)


def test_a_source_that_was_verified_is_remembered(client: Client, july: Path) -> None:
    client.verify(july)
    assert client.seen(july) == 2


def test_a_source_that_nobody_signed_is_not_remembered(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(publications.layout(tmp_path / "layout"), unsigned=True)
    assert client.verify(tmp_path / "layout").trust.level == "unverified"
    assert client.seen(tmp_path / "layout") is None


def test_a_source_whose_index_is_good_is_remembered_whatever_else_is_damaged(
    client: Client, july: Path, tmp_path: Path
) -> None:
    shutil.copytree(july, tmp_path / "layout")
    damaged = Layout(tmp_path / "layout").manifest("recipes/eks", "1.1.0").layers[0].digest
    (tmp_path / "layout/blobs/sha256" / damaged[7:]).write_bytes(b"x")
    assert client.verify(tmp_path / "layout").error
    assert client.seen(tmp_path / "layout") == 2


def test_what_cannot_be_remembered_of_a_verified_source_is_a_note(client: Client, july: Path) -> None:
    state = client.home / ".local/state/clusterbook"
    state.mkdir(parents=True)
    (state / "seen").write_text("in the way")
    (note,) = client.verify(july).notes
    assert "cannot be written" in note


def test_what_is_damaged_in_a_source_is_named(client: Client, july: Path, tmp_path: Path) -> None:
    shutil.copytree(july, tmp_path / "layout")
    layout = Layout(tmp_path / "layout")
    broken = layout.manifest("recipes/eks", "1.1.0").layers[0].digest
    (tmp_path / "layout/blobs/sha256" / broken[7:]).write_bytes(b"x")
    gone = layout.manifest("helm/gke", "1.0.0").digest
    (tmp_path / "layout/blobs/sha256" / gone[7:]).unlink()
    verdict = client.verify(tmp_path / "layout")
    assert isinstance(verdict.error, WrongContent)
    assert broken in verdict.error.what
    assert (verdict.trust.level, verdict.document["missing"]) == ("unknown", 1)


def test_a_source_is_held_against_what_was_seen_of_it(
    client: Client, july: Path, publisher: Publisher, tmp_path: Path
) -> None:
    shutil.copytree(july, tmp_path / "layout")
    client("index", from_=tmp_path / "layout")
    shutil.rmtree(tmp_path / "layout")
    publisher.publish(publications.layout(tmp_path / "layout"), MARCH)
    with pytest.raises(Rollback):
        client.verify(tmp_path / "layout")
    publisher.publish(publications.layout(tmp_path / "short"), lifetime=timedelta(days=10))
    with pytest.raises(Expired):
        client.verify(tmp_path / "short", now=START + timedelta(days=11))


def forged(layout: Layout, recipe: Manifest, _: Manifest) -> None:
    """Attach another SBOM, as anybody can who may write there."""
    Sender(Base(layout, ""), 1).attach("recipes/eks", recipe.descriptor, sbom_attachment(b"{}", created="2020"))


def signed_by_another(layout: Layout, recipe: Manifest, _: Manifest) -> None:
    sender = Sender(Base(layout, ""), 1)
    made = sender.attach("recipes/eks", recipe.descriptor, sbom_attachment(b"{}", created="2020"))
    key = KeySigner(private_key(private_pem(ed25519.Ed25519PrivateKey.generate()), "k"))
    said = key.sign(statement([Subject("recipes/eks", made.digest)], PROVENANCE, {}))
    sender.attach("recipes/eks", made.descriptor, signature_attachment(said, PROVENANCE))


def with_the_signature_of_the_recipe(layout: Layout, recipe: Manifest, _: Manifest) -> None:
    sender = Sender(Base(layout, ""), 1)
    made = sender.attach("recipes/eks", recipe.descriptor, sbom_attachment(b"{}", created="2020"))
    raw = next(bundles_of(layout, "recipes/eks", recipe.digest))
    said = signature_attachment(raw, PROVENANCE, created="2020")
    sender.attach("recipes/eks", made.descriptor, said)


def damaged(layout: Layout, _: Manifest, bill: Manifest) -> None:
    (layout.path / "blobs/sha256" / bill.layers[0].digest[7:]).write_bytes(b"{}")


def cut(layout: Layout, _: Manifest, bill: Manifest) -> None:
    file = layout.path / "blobs/sha256" / bill.layers[0].digest[7:]
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("change", [forged, signed_by_another, with_the_signature_of_the_recipe, damaged, cut])
def test_an_sbom_that_the_publisher_did_not_sign_is_found(
    client: Client, july: Path, tmp_path: Path, change: Callable[[Layout, Manifest, Manifest], None]
) -> None:
    shutil.copytree(july, tmp_path / "layout")
    layout = Layout(tmp_path / "layout")
    assert client.verify(tmp_path / "layout").document["sboms"] == 5
    recipe = layout.manifest("recipes/eks", "1.1.0")
    (bill,) = layout.referrers("recipes/eks", recipe.digest, SBOM)
    change(layout, recipe, bill)
    verdict = client.verify(tmp_path / "layout")
    assert verdict.error is not None
    assert (verdict.error.exit_status, verdict.trust.level) == (4, "unknown")
    assert "sha256:" in verdict.error.what


def test_other_artifacts_of_a_mirror_are_counted_and_read(client: Client, july: Path, tmp_path: Path) -> None:
    shutil.copytree(july, tmp_path / "layout")
    layout = Layout(tmp_path / "layout")
    kept = put(layout, "images/x", b"an image", tag="1")
    verdict = client.verify(tmp_path / "layout")
    assert (verdict.document["others"], verdict.document["besides"]) == (1, {"images": 1})
    assert verdict.lines[-1].endswith("matching their digests: 1 images")
    (tmp_path / "layout/blobs/sha256" / kept.layers[0].digest[7:]).write_bytes(b"another!")
    assert isinstance(client.verify(tmp_path / "layout").error, WrongContent)
