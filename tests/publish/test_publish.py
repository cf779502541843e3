"""Publishing: what is there afterwards, that nothing is sent twice, and that what cannot be true is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from clusterbook.artifacts import index as release_index
from clusterbook.artifacts.layout import NotOfTheLedger
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.cli import build_main
from clusterbook.cli.builder.publish import notes
from clusterbook.diagnostics.errors import NotFound
from clusterbook.diagnostics.transport import NoArtifact, Patience, Unreachable
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import Manifest, digest_of, index
from clusterbook.oci.open import Base
from clusterbook.oci.reference import referrers_tag
from clusterbook.oci.registry import Registry
from clusterbook.publish.publish import Destination, NotThere, PublishResult, publish
from clusterbook.publish.release import PublishRequest, prepare
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import Policy, TrustOptions, Unsigned, WrongSigner
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.verify import bundles_of, key_policy, verify_any
from tests.support import checkouts
from tests.support.checkouts import JULY, MARCH
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, Fault, running

SBOM = "application/vnd.cyclonedx+json"
SLUGS = ("aks", "eks", "gke")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout whose ledger knows the releases of March and July; nobody changes it."""
    return checkouts.released(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with two private keys and their public ones: ours, and somebody else's."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("our", "other"):
        pem = private_pem(ed25519.Ed25519PrivateKey.generate())
        (folder / f"{name}.key").write_bytes(pem)
        (folder / f"{name}.pub").write_text(private_key(pem, name).public().pem())
    return folder


@pytest.fixture(params=["layout", "referrers", "fallback"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Base]:
    """Give an empty place to publish to: a layout, and registries with and without the referrers API."""
    if request.param == "layout":
        yield Base(Layout(tmp_path / "layout", create=True), "")
    else:
        with running(FakeRegistry(referrers=request.param == "referrers")) as server:
            yield Base(Registry(server.host), "acme/catalog")


@pytest.fixture
def layout(tmp_path: Path) -> Base:
    """Give an empty layout to publish to."""
    return Base(Layout(tmp_path / "layout", create=True), "")


def request_of(checkout: Path, name: str = JULY, **more: Any) -> PublishRequest:
    return PublishRequest(name, checkout / "recipes", checkout / "registry", **more)


def policy(keys: Path, name: str = "our") -> Policy:
    return key_policy([keys / f"{name}.pub"])


def where(base: Base, keys: Path, name: str = "our", **more: Any) -> Destination:
    signer = KeySigner.from_file(keys / f"{name}.key", {})
    return Destination(base, signer, TrustOptions(policy(keys, name)), **more)


def opened(base: Base, keys: Path, tag: str = "") -> OpenIndex:
    return open_index(base, TrustOptions(policy(keys)), now=None, previous=None, tag=tag)


def artifact(found: OpenIndex, slug: str, kind: str, version: str = "") -> Manifest:
    """Return an artifact in the way a client goes: index, shard, pin."""
    chosen, entry = release_index.choose(slug, found.recipe(slug), version)
    repository = f"{'recipes' if kind == 'recipe' else kind}/{slug}"
    by_digest = found.artifact(repository, release_index.pin_of(slug, chosen, entry, kind))
    assert found.base.store.manifest(found.base.repository(repository), chosen).raw == by_digest.raw
    return by_digest


def test_a_client_finds_every_artifact_signed_and_every_recipe_with_its_sbom(
    base: Base, checkout: Path, keys: Path
) -> None:
    done = publish(prepare(request_of(checkout)), where(base, keys))
    found = opened(base, keys)
    assert (done.release, done.artifacts, done.index) == (JULY, 1 + 4 * 7, found.manifest.digest)
    assert (found.envelope.release, found.envelope.sequence, done.sequence) == (JULY, 2, 2)
    assert found.envelope.issued == datetime(2026, 7, 1, tzinfo=UTC)
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for slug in SLUGS:
        for kind in ("recipe", *DEPLOYERS):
            manifest = artifact(found, slug, kind)
            home = base.repository(f"{'recipes' if kind == 'recipe' else kind}/{slug}")
            for layer in manifest.blobs:
                assert digest_of(base.store.read(home, layer, limit_bytes=1 << 20)) == layer.digest
            statement = verify_any(bundles_of(base.store, home, manifest.digest), manifest.digest, policy(keys))
            assert len(statement.statement.subjects) == 28
            boms = base.store.referrers(home, manifest.digest, SBOM)
            assert len(boms) == (kind == "recipe")
            for bom in boms:
                verify_any(bundles_of(base.store, home, bom.digest), bom.digest, policy(keys))
                text = base.store.read(home, bom.layers[0], limit_bytes=1 << 20)
                assert validator.validate_str(text.decode()) is None


def test_the_recipe_in_the_registry_is_that_of_the_ledger(base: Base, checkout: Path, keys: Path) -> None:
    release = prepare(request_of(checkout))
    publish(release, where(base, keys))
    manifest = artifact(opened(base, keys), "eks", "recipe")
    recipe, origins = (
        json.loads(base.store.read(base.repository("recipes/eks"), layer, limit_bytes=1 << 20))
        for layer in manifest.layers
    )
    version = next(each for each in release.versions if each.slug == "eks")
    assert (recipe["metadata"]["version"], recipe["metadata"]["digest"]) == ("1.1.0", version.digest)
    assert "recipes/overlays/eks.yaml" in str(origins["/components/b/values/size"])
    assert manifest.annotations["org.opencontainers.image.created"] == "2026-07-01T00:00:00Z"


def test_publishing_again_sends_nothing(base: Base, checkout: Path, keys: Path) -> None:
    release = prepare(request_of(checkout))
    first = publish(release, where(base, keys))
    again = publish(release, where(base, keys))
    assert (again.sent_blobs, again.sent_bytes, again.sent_manifests) == (0, 0, 0)
    assert first.sent_blobs > 18
    assert (again.index, again.sequence) == (first.index, first.sequence)


def test_two_places_get_the_same_bytes(checkout: Path, keys: Path, tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        publish(
            prepare(request_of(checkout)),
            where(Base(Layout(tmp_path / name, create=True), ""), keys, jobs=1 if name == "a" else 8),
        )
        found.append(sorted(path.name for path in (tmp_path / name / "blobs/sha256").iterdir()))
    assert found[0] == found[1]


def test_a_release_keeps_what_those_before_it_published(layout: Base, checkout: Path, keys: Path) -> None:
    publish(prepare(request_of(checkout, MARCH)), where(layout, keys))
    march = {kind: artifact(opened(layout, keys), "eks", kind).digest for kind in ("recipe", *DEPLOYERS)}
    aks = artifact(opened(layout, keys), "aks", "recipe").digest
    done = publish(prepare(request_of(checkout)), where(layout, keys))
    found = opened(layout, keys)
    assert (done.sequence, found.envelope.release) == (2, JULY)
    assert {kind: artifact(found, "eks", kind, "1.0.0").digest for kind in march} == march
    assert artifact(found, "aks", "recipe").digest == aks
    assert release_index.choose("eks", found.recipe("eks"), "")[0] == "1.1.0"
    assert opened(layout, keys, MARCH).envelope.sequence == 1
    assert release_index.releases_in(found.shard(release_index.RELEASES))[MARCH]["eks"][0] == "1.0.0"


def test_an_older_release_that_is_published_later_is_not_the_latest(layout: Base, checkout: Path, keys: Path) -> None:
    publish(prepare(request_of(checkout)), where(layout, keys))
    publish(prepare(request_of(checkout, MARCH)), where(layout, keys))
    assert opened(layout, keys).envelope.release == JULY
    assert opened(layout, keys, MARCH).envelope.release == MARCH


def test_an_index_that_says_something_new_has_the_next_number(layout: Base, checkout: Path, keys: Path) -> None:
    first = publish(prepare(request_of(checkout)), where(layout, keys))
    again = publish(prepare(request_of(checkout)), where(layout, keys, lifetime=timedelta(days=500)))
    assert (first.sequence, again.sequence) == (2, 3)
    assert again.expires > first.expires
    assert again.sent_blobs < 5  # an index and a signature; the rest is there


def test_a_withdrawal_is_in_the_next_index(
    layout: Base, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    own = checkouts.released(tmp_path / "own")
    publish(prepare(request_of(own)), where(layout, keys))
    monkeypatch.chdir(own)
    assert build_main.run(["withdraw", "eks", "1.0.0", "--reason", "it burns", "--replacement", "eks@1.1.0"]) == 0
    done = publish(prepare(request_of(own)), where(layout, keys))
    (found,) = opened(layout, keys).envelope.withdrawn
    assert (found.name, found.reason, found.replacement) == ("eks@1.0.0", "it burns", "eks@1.1.0")
    assert done.sequence == 3


def test_a_new_key_signs_everything_anew_before_the_old_one_is_given_up(
    layout: Base, checkout: Path, keys: Path
) -> None:
    release = prepare(request_of(checkout))
    publish(release, where(layout, keys))
    both = key_policy([keys / "our.pub", keys / "other.pub"])
    done = publish(release, Destination(layout, KeySigner.from_file(keys / "other.key", {}), TrustOptions(both)))
    assert (done.sent_blobs, done.sent_manifests) == (2, 29)
    for name in ("our", "other"):
        found = open_index(layout, TrustOptions(policy(keys, name)), now=None, previous=None)
        digest = artifact(found, "eks", "flux").digest
        verify_any(bundles_of(layout.store, "flux/eks", digest), digest, policy(keys, name))


# --- what is refused


def test_what_somebody_else_published_there_is_not_gone_on_with(layout: Base, checkout: Path, keys: Path) -> None:
    publish(prepare(request_of(checkout, MARCH)), where(layout, keys, "other"))
    with pytest.raises(WrongSigner):
        publish(prepare(request_of(checkout)), where(layout, keys))
    unsigned = Destination(layout, None, TrustOptions(None, unsigned=True))
    publish(prepare(request_of(checkout)), unsigned)
    with pytest.raises((Unsigned, WrongSigner)):
        publish(prepare(request_of(checkout)), where(layout, keys))


def test_nothing_is_published_that_the_policy_does_not_believe(layout: Base, checkout: Path, keys: Path) -> None:
    stranger = Destination(layout, KeySigner.from_file(keys / "other.key", {}), TrustOptions(policy(keys)))
    with pytest.raises(WrongSigner, match="clients would not trust") as caught:
        publish(prepare(request_of(checkout)), stranger)
    assert "--policy" in caught.value.hint
    with pytest.raises(NoArtifact):
        opened(layout, keys)


def test_another_catalog_at_the_same_base_is_refused(
    layout: Base, checkout: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(prepare(request_of(checkout)), where(layout, keys))
    monkeypatch.chdir(tmp_path)
    checkouts.run_git("init", "-q", "-b", "main")
    checkouts.write({"eks": "criteria: {service: eks}\ncomponentRefs: [{name: a}]"})
    checkouts.commit_all("other", checkouts.JULY_DATE)
    assert build_main.run(["release", "2026.8.0"]) == 0
    with pytest.raises(NotOfTheLedger, match="the ledger records") as caught:
        publish(prepare(request_of(tmp_path, "2026.8.0")), where(layout, keys))
    assert "the right catalog" in caught.value.hint


def test_a_ledger_that_records_other_sources_is_refused(checkout: Path, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    for path in (checkout / "registry").rglob("*.yaml"):
        target = registry / path.relative_to(checkout / "registry")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    release = registry / f"releases/{JULY}.yaml"
    lines = release.read_text().splitlines(keepends=True)
    other = "".join(f'catalog: "sha256:{"0" * 64}"\n' if line.startswith("catalog:") else line for line in lines)
    release.write_text(other)
    with pytest.raises(NotOfTheLedger, match="are not those that release"):
        prepare(PublishRequest(JULY, checkout / "recipes", registry))
    with pytest.raises(NotFound, match="has no release"):
        prepare(PublishRequest("", checkout / "recipes", tmp_path / "empty"))
    with pytest.raises(NotFound, match=r"2026\.9\.0"):
        prepare(request_of(checkout, "2026.9.0"))


# --- what goes wrong on the way


def test_what_was_broken_off_is_finished_by_the_next_run(checkout: Path, keys: Path) -> None:
    release = prepare(request_of(checkout))
    with running(FakeRegistry()) as whole:
        publish(release, where(Base(Registry(whole.host), "acme"), keys))
    with running(FakeRegistry()) as server:
        base = Base(Registry(server.host), "acme")
        for path in (
            "flux/eks/blobs",
            "eks/manifests/sha256:",
            "index/manifests/sha256",
            "manifests/1.1.0",
            "/2026",
            "latest",
        ):
            server.faults = [Fault("PUT", path, times=99, status=507)]
            with pytest.raises(Exception, match="507"):
                publish(release, where(base, keys))
            server.faults = []
            assert ("acme/index", "latest") not in server.tags
        publish(release, where(base, keys))
        assert server.manifests == whole.manifests
        assert server.tags == whole.tags


def test_a_registry_that_loses_what_it_took_is_found_out(checkout: Path, keys: Path) -> None:
    release = prepare(request_of(checkout))
    with running(FakeRegistry()) as server:
        base = Base(Registry(server.host), "acme")
        server.faults = [Fault("GET", "/acme/helm/eks/manifests/sha256:", times=99, status=404)]
        with pytest.raises(NotThere):
            publish(release, where(base, keys))
        server.faults = []
        publish(release, where(base, keys))


def test_a_signature_that_another_publisher_wrote_over_is_listed_again(checkout: Path, keys: Path) -> None:
    release = prepare(request_of(checkout))
    with running(FakeRegistry(referrers=False)) as server:
        base = Base(Registry(server.host), "acme")
        publish(release, where(base, keys))
        digest = artifact(opened(base, keys), "eks", "flux").digest
        base.store.put_manifest("acme/flux/eks", index([]), tag=referrers_tag(digest))
        assert list(bundles_of(base.store, "acme/flux/eks", digest)) == []
        publish(release, where(base, keys))
        assert len(list(bundles_of(base.store, "acme/flux/eks", digest))) == 1


def test_a_registry_that_cannot_be_reached_is_named(checkout: Path, keys: Path) -> None:
    with running(FakeRegistry()) as server:
        host = server.host
    store = Registry(host, patience=Patience(tries=2, first_wait_s=0.01))
    with pytest.raises(Unreachable, match=host):
        publish(prepare(request_of(checkout)), where(Base(store, "acme"), keys))


@pytest.mark.parametrize("referrers", [True, False])
def test_two_who_publish_the_same_at_once_leave_it_whole(referrers: bool, checkout: Path, keys: Path) -> None:
    release = prepare(request_of(checkout))
    with running(FakeRegistry(referrers=referrers)) as server, ThreadPoolExecutor() as pool:
        bases = [Base(Registry(server.host), "acme") for _ in range(2)]
        list(pool.map(lambda base: publish(release, where(base, keys)), bases))
        found = opened(bases[0], keys)
        for slug in SLUGS:
            for kind in ("recipe", *DEPLOYERS):
                digest = artifact(found, slug, kind).digest
                home = f"acme/{'recipes' if kind == 'recipe' else kind}/{slug}"
                verify_any(bundles_of(bases[0].store, home, digest), digest, policy(keys))


# --- the command


def test_the_command_says_what_it_did_and_needs_to_know_who_signs(
    checkout: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    words = ["publish", "--to", f"oci-layout:{tmp_path / 'layout'}"]
    for more in ([], ["--key", str(keys / "our.key"), "--unsigned"]):
        assert build_main.run([*words, *more]) == 2
        assert "name one signer" in capsys.readouterr().err
    assert build_main.run([*words, "--key", str(keys / "our.key")]) == 0
    out = capsys.readouterr().out
    assert f"release {JULY}: 29 artifacts" in out
    assert build_main.run([*words, "--key", str(keys / "our.key"), "-t", "json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["sent_blobs"], again["sent_manifests"], again["sequence"]) == (0, 0, 2)
    assert build_main.run([*words, MARCH, "--key", str(keys / "other.key")]) == 4
    assert build_main.run(["publish", "--to", "ftp://x", "--unsigned"]) == 2


def test_an_index_that_nobody_takes_any_more_is_pointed_out() -> None:
    done = PublishResult(JULY, 1, 0, 0, 0, "sha256:", 1, "2027-08-05")
    assert notes(done, datetime(2027, 8, 4, tzinfo=UTC)) == []
    assert "--as-of HEAD" in notes(done, datetime(2027, 8, 5, tzinfo=UTC))[0]


def test_a_later_commit_gives_the_index_a_later_date_and_nothing_else(
    layout: Base, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    own = checkouts.released(tmp_path / "own")
    first = publish(prepare(request_of(own)), where(layout, keys))
    monkeypatch.chdir(own)
    checkouts.commit_all("the ledger", "2026-12-01T00:00:00+00:00")
    done = publish(prepare(request_of(own, as_of="HEAD")), where(layout, keys))
    assert (first.expires, done.expires) == ("2027-08-05", "2028-01-05")
    assert (first.sequence, done.sequence) == (2, 3)
    assert done.sent_blobs == 2  # an index and its signature
    assert opened(layout, keys).recipe("eks").current == "1.1.0"


def test_bundles_of_some_deployers_alone_may_be_published(checkout: Path, keys: Path, layout: Base) -> None:
    publish(prepare(request_of(checkout, deployers=("flux",))), where(layout, keys))
    entry = release_index.choose("eks", opened(layout, keys).recipe("eks"), "")[1]
    assert set(entry.artifacts) == {"recipe", "flux"}
    with pytest.raises(NotFound, match=r"\bhelm\b"):
        release_index.pin_of("eks", "1.1.0", entry, "helm")
    publish(prepare(request_of(checkout)), where(layout, keys))
    assert set(release_index.choose("eks", opened(layout, keys).recipe("eks"), "")[1].artifacts) == {
        "recipe",
        *DEPLOYERS,
    }


def test_sources_too_old_to_make_bundles_of_are_published_as_recipes_alone(
    keys: Path, layout: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    checkouts.run_git("init", "-q", "-b", "main")
    registry = (
        "kind: ComponentRegistry\ncomponents:\n"
        "- {name: a, helm: {defaultRepository: https://x.test, defaultChart: a, defaultVersion: '1.0.0'}}"
    )
    checkouts.write({"registry.yaml": registry, "eks": "criteria: {service: eks}\ncomponentRefs: [{name: a}]"})
    checkouts.commit_all("old", checkouts.MARCH_DATE)
    assert build_main.run(["release", MARCH]) == 0
    words = ["publish", "--to", f"oci-layout:{layout.store.where}", "--key", str(keys / "our.key")]
    assert build_main.run(words) == 2
    said = capsys.readouterr().err
    assert "makes no bundle for helm" in said
    assert "--no-bundles" in said
    assert build_main.run([*words, "--no-bundles"]) == 0
    assert set(release_index.choose("eks", opened(layout, keys).recipe("eks"), "")[1].artifacts) == {"recipe"}


def test_bundles_of_an_older_release_that_cannot_be_made_are_named_and_the_rest_is_published(
    keys: Path, layout: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    checkouts.run_git("init", "-q", "-b", "main")
    entry = "{name: NAME, helm: {defaultRepository: https://x.test, defaultChart: c, defaultVersion: '1.0.0'MORE}}"
    good = entry.replace("NAME", "good").replace("MORE", ", defaultNamespace: good")
    head = "kind: ComponentRegistry\ncomponents:\n- "
    files = {
        "registry.yaml": head + good + "\n- " + entry.replace("NAME", "bare").replace("MORE", ""),
        "base": "componentRefs: [{name: good}]",
        "eks": "criteria: {service: eks}\ncomponentRefs: [{name: good}]",
        "aks": "criteria: {service: aks}\ncomponentRefs: [{name: bare}]",
    }
    checkouts.write(files)
    checkouts.commit_all("old", checkouts.MARCH_DATE)
    assert build_main.run(["release", MARCH]) == 0
    files["registry.yaml"] = (
        head + good + "\n- " + entry.replace("NAME", "bare").replace("MORE", ", defaultNamespace: b")
    )
    checkouts.write(files)
    checkouts.commit_all("mended", checkouts.JULY_DATE)
    assert build_main.run(["release", JULY]) == 0
    capsys.readouterr()
    words = ["publish", "--all", "--to", f"oci-layout:{layout.store.where}", "--key", str(keys / "our.key")]
    assert build_main.run([*words, "-t", "json"]) == 0
    march, july = json.loads(capsys.readouterr().out)
    assert {(each["slug"], each["version"]) for each in march["unmade"]} == {("aks", "1.0.0")}
    assert {each["deployer"] for each in march["unmade"]} == set(DEPLOYERS)
    assert all("namespace" in each["reason"] for each in march["unmade"])
    assert july["unmade"] == []
    found = opened(layout, keys)
    assert set(release_index.choose("eks", found.recipe("eks"), "1.0.0")[1].artifacts) == {"recipe", *DEPLOYERS}
    _, old = release_index.choose("aks", found.recipe("aks"), "1.0.0")
    _, new = release_index.choose("aks", found.recipe("aks"), "")
    assert (set(old.artifacts), set(new.artifacts)) == ({"recipe"}, {"recipe", *DEPLOYERS})
    assert build_main.run(words) == 0
    assert "bundles left out, component bare: '' is not a namespace:\n  aks@1.0.0: " in capsys.readouterr().out
