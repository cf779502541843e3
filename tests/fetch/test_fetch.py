"""Fetching: what was published comes here whole, verified and remembered, or not at all and with its reason."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clusterbook.artifacts.freshness import Expired, Rollback
from clusterbook.artifacts.memory import memory
from clusterbook.artifacts.open import WithdrawnVersion
from clusterbook.bundle.checksums import CHECKSUMS, digests, read_checksums
from clusterbook.bundle.disk import ForeignFiles
from clusterbook.cli.reply import MissingFlag
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, NotHonoured, Unwritable
from clusterbook.diagnostics.transport import BadReference, NoArtifact
from clusterbook.documents.digest import digest
from clusterbook.files import archive
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.open import Base, absolute
from clusterbook.oci.registry import Registry
from clusterbook.resolve.content import content
from clusterbook.trust.policy import Unsigned, WrongSigner
from tests.support import indexes, publications
from tests.support.fetchers import Client
from tests.support.publications import JULY, MARCH, START, Publisher
from tests.support.servers.registry import FakeRegistry, running
from tests.support.servers.site import Site, serving


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=["folder", "archive", "site", "referrers", "fallback"])
def source(request: pytest.FixtureRequest, july: Path, publisher: Publisher, tmp_path: Path) -> Iterator[str]:
    """Give the name of each kind of source, with the same in it."""
    if request.param == "folder":
        yield str(july)
    elif request.param == "archive":
        archive.pack_file(archive.entries_below(july, skip=Layout.is_partial), tmp_path / "x.tar", compress=False)
        yield str(tmp_path / "x.tar")
    elif request.param == "site":
        with serving(Site(july)) as site:
            yield site.address
    else:
        with running(FakeRegistry(referrers=request.param == "referrers")) as server:
            for release in (MARCH, JULY):
                publisher.publish(Base(Registry(server.host), "acme/catalog"), release)
            yield f"oci://{server.host}/acme/catalog"


def test_the_same_comes_from_every_source(client: Client, source: str, tmp_path: Path) -> None:
    got = client("recipe", "eks", from_=source)
    assert "\nmetadata:\n" in got.text
    assert f"eks@1.1.0 of release {JULY}, signed by {client.publisher.key}" in got.notes[-1]
    as_published = json.loads(client("recipe", "eks", from_=source, format="json").text)
    assert digest(content(as_published)) == as_published["metadata"]["digest"]
    for deployer in ("helm", "argocd-helm", "flux"):
        target = tmp_path / deployer
        assert (
            "verify: clusterbook verify" in client("bundle", "eks", from_=source, deployer=deployer, output=target).text
        )
        found = files(target)
        assert {"attestation/manifest.json", "attestation/statement.sigstore.json"} <= found.keys()
        if deployer != "argocd-helm":
            own = {path: data for path, data in found.items() if not path.startswith("attestation/")}
            assert read_checksums(found[CHECKSUMS].decode()) == digests(own)
    assert "eks     1.0.0" in client("index", from_=source).text.replace("  ", "     ", 1)
    assert client.seen(source) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_version_is_named_by_number_by_digest_or_by_none(client: Client, july: Path) -> None:
    index = json.loads(client("index", from_=july, format="json").text)
    versions = index["recipes"]["eks"]["versions"]
    for which, version in (
        ("eks", "1.1.0"),
        ("eks@1.0.0", "1.0.0"),
        (f"eks@{MARCH}", "1.0.0"),
        (f"eks@{JULY}", "1.1.0"),
        (f"eks@{versions['1.0.0']['digest']}", "1.0.0"),
        (f"eks@{versions['1.1.0']['artifacts']['recipe']}", "1.1.0"),
    ):
        got = client("recipe", which, from_=july, format="json")
        assert json.loads(got.text)["metadata"]["version"] == version
        assert any("is not what release" in note for note in got.notes) == (version == "1.0.0")


def test_criteria_say_which_recipe(client: Client, july: Path) -> None:
    assert json.loads(client("recipe", service="eks", from_=july, format="json").text)["metadata"]["slug"] == "eks"
    with pytest.raises(NotHonoured):
        client("recipe", service="eks", intent="training", from_=july)
    got = client("recipe", service="eks", intent="training", from_=july, allow_inherited=True)
    assert "intent training" in got.notes[0]
    with pytest.raises(InvalidRequest, match="both the recipe eks and criteria"):
        client("recipe", "eks", service="eks", from_=july)
    with pytest.raises(InvalidRequest, match="no criteria"):
        client("recipe", from_=july)


@pytest.mark.parametrize(
    ("kind", "which", "words", "error", "what", "hint"),
    [
        ("recipe", "ekss", {}, NotFound, "no recipe ekss", "'eks'"),
        ("recipe", "eks@9.0.0", {}, NotFound, "no eks@9.0.0", "versions: 1.0.0, 1.1.0; releases: 2026.3.0, 2026.7.0"),
        ("recipe", f"gke@{MARCH}", {}, NotFound, "2026.3.0 does not serve gke", "versions: 1.0.0"),
        ("recipe", f"eks@sha256:{'0' * 64}", {}, NotFound, "eks has no version", "versions: 1.0.0, 1.1.0"),
        ("bundle", "eks", {"deployer": "helmfil"}, NotFound, "not published as helmfil", "'helmfile'"),
        ("recipe", "eks", {"from_": None}, MissingFlag, "--from is missing", "oci://"),
        ("recipe", "eks", {"from_": "absent"}, NotFound, "absent", "archive"),
        ("recipe", "eks", {"from_": "s3://x"}, BadReference, "s3:// is not a supported scheme", "https://"),
        ("recipe", "eks", {"policy": "absent.yaml"}, NotFound, "absent.yaml", "trust.yaml"),
        ("recipe", "eks", {"key": "awskms://x"}, InvalidRequest, "awskms is not supported", "cosign public-key"),
        ("recipe", "eks", {"key": "k", "policy": "p"}, InvalidRequest, "--policy and --key", "one of them"),
        ("recipe", "eks", {"certificate_identity": "a", "policy": None}, InvalidRequest, "the OIDC issuer", "issuer"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_has_its_own_message(
    client: Client,
    july: Path,
    kind: str,
    which: str,
    words: dict[str, Any],
    error: type[Exception],
    what: str,
    hint: str,
) -> None:
    with pytest.raises(error, match=what) as caught:
        client(kind, which, **{"from_": july, **words})
    assert hint in caught.value.hint  # type: ignore[attr-defined]


def test_nothing_is_published_there(client: Client, tmp_path: Path) -> None:
    Layout(tmp_path / "empty", create=True)
    with pytest.raises(NoArtifact, match="index:latest"):
        client("recipe", "eks", from_=tmp_path / "empty")
    with pytest.raises(NoArtifact, match="not an OCI layout"):
        client("recipe", "eks", from_=tmp_path)


def test_what_nobody_signed_needs_to_be_asked_for(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(publications.layout(tmp_path / "layout"), unsigned=True)
    with pytest.raises(Unsigned) as caught:
        client("recipe", "eks", from_=tmp_path / "layout")
    assert (caught.value.exit_status, "--allow-unsigned" in caught.value.hint) == (4, True)
    assert client.seen(tmp_path / "layout") is None
    got = client("bundle", "eks", from_=tmp_path / "layout", allow_unsigned=True, output=tmp_path / "b")
    assert "not signed" in got.notes[-1]
    assert not (tmp_path / "b" / "attestation").exists()


def test_the_default_policy_believes_our_releases_alone(client: Client, july: Path, publisher: Publisher) -> None:
    with pytest.raises(WrongSigner, match="a key that the policy does not name"):
        client("recipe", "eks", from_=july, key=None, policy=None)
    own = client.home / ".config/clusterbook/trust.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(
        "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: ours}\n"
        f"spec: {{signers: [{{key: {publisher.key}}}]}}\n"
    )
    assert client("recipe", "eks", from_=july, key=None, policy=None).text


def test_a_configuration_says_from_where_and_whom_to_believe(client: Client, july: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "apiVersion: clusterbook.dev/v1alpha1\nkind: ClusterbookConfig\nspec:\n"
        f"  recipe: {{criteria: {{service: eks}}}}\n  bundle: {{deployment: {{deployer: flux}}}}\n"
        f"  fetch: {{from: {july}, key: [{client.publisher.key}]}}\n"
    )
    got = client("bundle", config=config, output=tmp_path / "b", format="json")
    said = json.loads(got.text)
    assert (said["slug"], said["deployer"], said["signer"]) == ("eks", "flux", str(client.publisher.key))
    assert json.loads(client("recipe", "gke", config=config, format="json").text)["metadata"]["slug"] == "gke"


def test_a_withdrawn_version_is_refused_with_what_to_use_instead(client: Client, tmp_path: Path) -> None:
    own = publications.publisher(tmp_path)
    base = publications.layout(tmp_path / "layout")
    for release in (MARCH, JULY):
        own.publish(base, release)
    own.withdraw("eks", "1.0.0", "1.1.0")
    own.publish(base)
    words = {"from_": tmp_path / "layout", "key": own.key}
    with pytest.raises(WithdrawnVersion, match="it burns") as caught:
        client("recipe", "eks@1.0.0", **words)
    assert "1.1.0" in caught.value.hint
    assert "withdrawn: it burns" in client("index", **words).text
    assert "it burns" in client("recipe", "eks@1.0.0", allow_withdrawn=True, **words).notes[0]


# --- memory -----------------------------------------------------------------------------------------------------------


def test_what_was_seen_is_remembered_by_source_and_not_by_how_it_is_written(
    client: Client, publisher: Publisher, july: Path, tmp_path: Path
) -> None:
    shutil.copytree(july, tmp_path / "layout")
    client("index", from_=tmp_path / "layout")
    assert client.seen(tmp_path / "layout") == 2
    publisher.publish(publications.layout(tmp_path / "old"), MARCH)
    shutil.rmtree(tmp_path / "layout")
    (tmp_path / "old").rename(tmp_path / "layout")
    with pytest.raises(Rollback, match=r"\b1\b.*\b2\b") as caught:
        client("index", from_=f"oci-layout:{tmp_path}/./layout")
    assert client.seen(tmp_path / "layout") == 2
    assert "trust forget" in caught.value.hint


def test_an_index_that_has_run_out_is_refused(client: Client, publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(publications.layout(tmp_path / "layout"), lifetime=timedelta(days=10))
    assert client("index", from_=tmp_path / "layout").text
    with pytest.raises(Expired) as caught:
        client("index", from_=tmp_path / "layout", now=START + timedelta(days=11))
    assert caught.value.exit_status == 4


def test_what_cannot_be_remembered_is_said(client: Client, july: Path) -> None:
    state = client.home / ".local/state/clusterbook"
    state.mkdir(parents=True)
    (state / "seen").write_text("in the way")
    got = client("recipe", "eks", from_=july)
    assert got.text
    assert "an older index would not be noticed" in got.notes[-1]


def test_a_damaged_memory_is_none(client: Client, july: Path) -> None:
    client("index", from_=july)
    kept = sorted((client.home / ".local/state/clusterbook/seen").glob("*.json"))
    assert len(kept) == 2  # of the source, and of its publisher
    for text in ("", "[]", '{"sequence": -1}', "[" * 100_000, '{"sequence": 2'):
        for file in kept:
            file.write_text(text)
        assert client.seen(july) is None
        assert any("is damaged" in note for note in client("index", from_=july).notes)
        assert client.seen(july) == 2
        assert not any("is damaged" in note for note in client("index", from_=july).notes)


def test_memory_keeps_the_newest_of_two_visits(client: Client, july: Path) -> None:
    client("index", from_=july)
    kept = memory({}, client.home)
    seen = kept.record(absolute(str(july)))
    assert seen is not None
    assert kept.remember(absolute(str(july)), seen._replace(state=seen.state._replace(sequence=1))) == ""
    assert client.seen(july) == 2


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_newer_bundle_takes_the_place_of_an_older_one(client: Client, july: Path, tmp_path: Path) -> None:
    target = tmp_path / "b"
    for deployer in ("helm", "argocd-helm"):
        client("bundle", "eks@1.0.0", from_=july, output=target, deployer=deployer)
        old = files(target)
        client("bundle", "eks", from_=july, output=target, deployer=deployer)
        new = files(target)
        assert old != new
        client("bundle", "eks", from_=july, output=tmp_path / "fresh", deployer=deployer)
        assert files(tmp_path / "fresh") == new
        shutil.rmtree(target)
        shutil.rmtree(tmp_path / "fresh")


def test_what_somebody_edited_or_put_there_is_not_lost(client: Client, july: Path, tmp_path: Path) -> None:
    target = tmp_path / "b"
    client("bundle", "eks@1.0.0", from_=july, output=target)
    (target / "notes.txt").write_text("mine")
    before = files(target)
    with pytest.raises(ForeignFiles, match=r"notes\.txt"):
        client("bundle", "eks", from_=july, output=target)
    assert files(target) == before
    client("bundle", "eks", from_=july, output=target, force=True)
    assert (target / "notes.txt").read_text() == "mine"
    (target / "notes.txt").unlink()
    (target / "deploy.sh").write_text("mine")
    with pytest.raises(ForeignFiles, match=r"deploy\.sh"):
        client("bundle", "eks", from_=july, output=target)


def test_a_bundle_can_stay_an_archive(client: Client, july: Path, tmp_path: Path) -> None:
    client("bundle", "eks", from_=july, output=tmp_path / "b.tgz")
    client("bundle", "eks", from_=july, output=tmp_path / "b")
    archive.unpack_file(tmp_path / "b.tgz", tmp_path / "unpacked", limits=archive.Limits())
    assert files(tmp_path / "unpacked") == files(tmp_path / "b")


def test_an_archive_that_nobody_signed_stays_as_it_was_published(
    client: Client, publisher: Publisher, tmp_path: Path
) -> None:
    base = publications.layout(tmp_path / "layout")
    publisher.publish(base, unsigned=True)
    client("bundle", "eks", from_=tmp_path / "layout", output=tmp_path / "b.tgz", allow_unsigned=True)
    manifest = base.store.manifest("helm/eks", "1.1.0")
    assert (tmp_path / "b.tgz").read_bytes() == base.store.read("helm/eks", manifest.layers[0], limit_bytes=1 << 20)


def test_what_cannot_be_written_says_so(client: Client, july: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for kind, output in (("recipe", "file/x.yaml"), ("bundle", "file/x"), ("bundle", "file/x.tgz"), ("recipe", ".")):
        with pytest.raises(Unwritable):
            client(kind, "eks", from_=july, output=tmp_path / output)


def test_scripts_of_a_bundle_can_be_run(client: Client, july: Path, tmp_path: Path) -> None:
    client("bundle", "eks", from_=july, output=tmp_path / "b")
    assert (tmp_path / "b" / "deploy.sh").stat().st_mode & 0o111


# --- the command line -------------------------------------------------------------------------------------------------


def untimed(text: str) -> list[str]:
    """Return the lines of `--debug` without when each was said."""
    return [re.sub(r"^\d\d:\d\d:\d\d\.\d{3} ", "TIME ", line) for line in text.splitlines()]


def test_the_quick_way_and_click_say_the_same(july: Path, publisher: Publisher, tmp_path: Path) -> None:
    words = ["fetch", "recipe", "eks", "--from", str(july), "--key", str(publisher.key)]
    quick = indexes.run(*words, HOME=str(tmp_path))
    assert (quick.status, quick.out[:10]) == (0, "apiVersion")
    clicked = {"HOME": str(tmp_path), "CLUSTERBOOK_KEY_PASSWORD": "1"}  # which the quick way does not read
    assert indexes.run(*words, **clicked) == quick
    steps = untimed(indexes.run("--debug", *words, HOME=str(tmp_path)).err)
    assert re.fullmatch(r"TIME debug: clusterbook \S+: fetch recipe eks", steps[0])
    assert steps[1:] == [f"TIME {quick.err.strip()}", "TIME debug: exit status 0"]
    for line in ((*words, "--debug"), (*words[:1], "--debug", *words[1:]), (*words[:3], "--debug", *words[3:])):
        for environment in ({"HOME": str(tmp_path)}, clicked):
            assert untimed(indexes.run(*line, **environment).err) == steps, line
    in_environment = indexes.run(*words[:3], *words[5:], HOME=str(tmp_path), CLUSTERBOOK_FROM=str(july))
    assert in_environment == quick
    for wrong, status in ((["--from"], 1), (["--form", "x"], 1), (["--format", "xml"], 2), (["--key"], 1)):
        assert indexes.run(*words, *wrong, HOME=str(tmp_path)).status == status
    assert indexes.run("fetch", "recipes", HOME=str(tmp_path)).status == 3


def test_a_source_that_was_forgotten_is_believed_anew(july: Path, publisher: Publisher, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert indexes.run("fetch", "index", "--from", str(july), "--key", str(publisher.key), **home).status == 0
    assert indexes.run("trust", "forget", f"oci-layout:{july}", **home).status == 0
    said = indexes.run("trust", "forget", str(july), **home)
    assert (said.status, "there is no state" in said.err) == (3, True)
