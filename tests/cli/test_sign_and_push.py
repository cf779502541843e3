"""`clusterbook bundle` that signs and pushes, and those who verify and fetch what was signed and pushed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.bundle.media_types import MEDIA
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.cli import main
from clusterbook.oci.manifest import parse_manifest
from clusterbook.trust.keys import private_key
from clusterbook.trust.statement import parse_bundle, parse_statement
from tests.support.bundles import files, here, keep, options
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, Fault
from tests.support.servers.registry import running as registry_running
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore, running
from tests.support.whole_recipes import small

Run = Callable[..., tuple[int, str, str]]
OPTIONS = ("--set", "crds:port=9090")
LOGIN = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER, "--trust-root", "root.json")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in a folder that holds a small recipe and a key of ours."""
    monkeypatch.chdir(tmp_path)
    keep(small())
    pem = private_pem(ed25519.Ed25519PrivateKey.generate())
    Path("our.key").write_bytes(pem)
    Path("our.pub").write_text(private_key(pem, "k").public().pem())
    Path("other.pub").write_text(private_key(private_pem(ed25519.Ed25519PrivateKey.generate()), "k").public().pem())

    def call(*words: str, environment: dict[str, str] | None = None) -> tuple[int, str, str]:
        status = main.run(words, {"HOME": str(tmp_path), **(environment or {})})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def bundle(run: Run) -> Run:
    """Return `clusterbook bundle` of the small recipe, with options."""
    return lambda *words, **more: run("bundle", "-r", "recipe.json", *OPTIONS, *words, **more)


@pytest.fixture(params=["with the referrers API", "without it"])
def registry(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """Give a registry on loopback."""
    with registry_running(FakeRegistry(referrers=request.param == "with the referrers API")) as server:
        yield server


@pytest.fixture
def plain_registry() -> Iterator[FakeRegistry]:
    """Give a registry on loopback."""
    with registry_running(FakeRegistry()) as server:
        yield server


@pytest.fixture
def sigstore(run: Run) -> Iterator[FakeSigstore]:
    """Give a Sigstore instance on loopback; config.json names it, root.json is believed."""
    del run  # whose folder it is
    with running(FakeSigstore()) as instance:
        Path("config.json").write_text(json.dumps(instance.trust_config()))
        Path("root.json").write_text(json.dumps(instance.trusted_root()))
        yield instance


def home_of(registry: FakeRegistry, deployer: str) -> str:
    return f"oci://{registry.host}/team/{deployer}/h100-eks"


# --- signed, and kept on this disk ------------------------------------------------------------------------------------


@pytest.mark.parametrize("deployer", DEPLOYERS)
@pytest.mark.parametrize("target", ["b", "b.tar.gz"])
def test_a_bundle_that_was_signed_verifies_as_a_folder_and_as_an_archive(
    run: Run, bundle: Run, deployer: str, target: str
) -> None:
    status, out, err = bundle("-d", deployer, "-o", target, "--sign-key", "our.key", "-t", "json")
    assert status == 0, err
    assert json.loads(out)["verify"] == f"clusterbook verify {target} --key PUBLIC_KEY"
    status, out, err = run("verify", target, "--key", "our.pub", "-t", "json")
    assert (status, err) == (0, "")
    said = json.loads(out)
    assert (said["trustLevel"], said["bundleCreator"], said["bundleAttested"]) == ("verified", "our.pub", True)


def test_the_statement_says_recipe_and_options(bundle: Run) -> None:
    assert bundle("-o", "b", "--sign-key", "our.key")[0] == 0
    said = parse_statement(parse_bundle(Path("b/attestation/statement.sigstore.json").read_bytes()).payload)
    manifest = parse_manifest(Path("b/attestation/manifest.json").read_bytes())
    assert [each.digest for each in said.subjects] == [manifest.digest]
    parameters = said.predicate["buildDefinition"]["externalParameters"]
    assert parameters["recipe"] == "h100-eks"
    assert parameters["options"] == options("b") == {"deployer": "helm", "set": ["crds:port=9090"]}


def test_the_same_recipe_options_and_key_give_the_same_bytes(bundle: Run) -> None:
    for name in ("a", "b"):
        assert bundle("-o", name, "--sign-key", "our.key")[0] == 0
        assert bundle("-o", f"{name}.tgz", "--sign-key", "our.key")[0] == 0
    assert files("a") == files("b")
    assert Path("a.tgz").read_bytes() == Path("b.tgz").read_bytes()


def edited(folder: Path) -> None:
    with (folder / "deploy.sh").open("a") as file:
        file.write("id\n")


def other_options(folder: Path) -> None:
    text = (folder / "options.yaml").read_text()
    (folder / "options.yaml").write_text(text.replace("9090", "9091"))


def stripped(folder: Path) -> None:
    for path in (folder / "attestation").iterdir():
        path.unlink()


def of_another(folder: Path) -> None:
    assert main.run(["bundle", "-r", "recipe.json", "-o", "c", "--sign-key", "our.key"], {}) == 0
    for name in ("manifest.json", "statement.sigstore.json"):
        (folder / "attestation" / name).write_bytes(Path("c/attestation", name).read_bytes())


def half(folder: Path) -> None:
    (folder / "attestation/manifest.json").unlink()


@pytest.mark.parametrize("change", [edited, other_options, of_another, half])
def test_a_signed_bundle_that_was_changed_is_refused(run: Run, bundle: Run, change: Callable[[Path], None]) -> None:
    assert bundle("-o", "b", "--sign-key", "our.key")[0] == 0
    change(Path("b"))
    assert run("verify", "b", "--key", "our.pub")[0] == 4


def test_a_signature_that_was_removed_or_is_not_believed_is_no_signature(run: Run, bundle: Run) -> None:
    assert bundle("-o", "b", "--sign-key", "our.key")[0] == 0
    assert run("verify", "b", "--key", "other.pub")[0] == 4
    stripped(Path("b"))
    assert run("verify", "b", "--key", "our.pub")[0] == 2


def test_signing_again_with_another_key_takes_the_place_of_the_first(run: Run, bundle: Run) -> None:
    assert bundle("-o", "b", "--sign-key", "our.key")[0] == 0
    Path("other.key").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    Path("other.pub").write_text(private_key(Path("other.key").read_bytes(), "k").public().pem())
    assert bundle("-o", "b", "--sign-key", "other.key")[0] == 0
    assert run("verify", "b", "--key", "our.pub")[0] == 4
    assert run("verify", "b", "--key", "other.pub")[0] == 0
    assert run("bundle", "-r", "recipe.json", "-o", "b")[0] == 0  # other files: the signature goes
    assert not Path("b/attestation").exists()


# --- by somebody who logs in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["flag", "file", "COSIGN_IDENTITY_TOKEN", "SIGSTORE_ID_TOKEN"])
def test_who_signs_is_said_by_a_token(run: Run, bundle: Run, sigstore: FakeSigstore, way: str) -> None:
    token, words, environment = sigstore.token(), [], {}
    if way == "flag":
        words = ["--identity-token", token]
    elif way == "file":
        Path("token").write_text(f"{token}\n")
        words = ["--identity-token", "token"]
    else:
        environment = {way: token}
    status, out, err = bundle("-o", "b", "--keyless", "--trust-config", "config.json", *words, environment=environment)
    assert status == 0, err
    assert token not in out + err
    assert run("verify", "b", *LOGIN)[0] == 0
    assert run("verify", "b", *LOGIN[:2], "--certificate-oidc-issuer", "https://x", "--trust-root", "root.json")[0] == 4


def test_a_token_that_is_given_counts_before_those_of_the_environment(
    run: Run, bundle: Run, sigstore: FakeSigstore
) -> None:
    words = ("-o", "b", "--keyless", "--trust-config", "config.json", "--identity-token", sigstore.token())
    others = {name: sigstore.token("https://ci.test/other") for name in ("COSIGN_IDENTITY_TOKEN", "SIGSTORE_ID_TOKEN")}
    assert bundle(*words, environment=others)[0] == 0
    assert run("verify", "b", *LOGIN)[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sign-key", "our.key", "--keyless"], "exclude each other"),
        (["--identity-token", "x"], "--identity-token has no effect without --keyless"),
        (["--sign-key", "our.key", "--browser"], "--browser has no effect without --keyless"),
        (["--trust-config", "config.json"], "--trust-config has no effect without --keyless"),
        (["--tlog-upload=false"], "has no effect without a signature"),
        (["--keyless", "--tlog-upload=false"], "is valid only with its entry in the log"),
        (["--sign-key", "our.key", "--tlog-upload=true"], "a signature with a key is not logged"),
        (["--keyless", "--identity-token", "nothing-here"], "neither a token nor a file"),
        (["--sign-key", "our.pub"], "is not a private key"),
        (["--image-refs", "refs.txt"], "--image-refs lists pushed references"),
        (["--plain-http"], "--plain-http has no effect without"),
        (["--sign-key", ""], "--sign-key is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(bundle: Run, words: list[str], says: str) -> None:
    before = here()
    status, out, err = bundle("-o", "b", *words)
    assert (status, out) == (2, ""), err
    assert says in err
    assert here() == before


def test_a_key_signs_in_a_private_network(run: Run, bundle: Run) -> None:
    assert bundle("-o", "b", "--sign-key", "our.key", "--tlog-upload=false")[0] == 0
    assert run("verify", "b", "--key", "our.pub")[0] == 0


# --- pushed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_what_is_pushed_has_the_types_that_its_deployer_pulls_and_verifies(
    run: Run, bundle: Run, registry: FakeRegistry, deployer: str
) -> None:
    where = f"{home_of(registry, deployer)}:1.0.0"
    words = ("-d", deployer, "-o", where, "--sign-key", "our.key", "--image-refs", "refs.txt", "-t", "json")
    status, out, err = bundle(*words)
    assert status == 0, err
    said = json.loads(out)
    digest = registry.tags[f"team/{deployer}/h100-eks", "1.0.0"]
    assert said["digest"] == digest
    assert Path("refs.txt").read_text() == f"{home_of(registry, deployer).removeprefix('oci://')}@{digest}\n"
    manifest = parse_manifest(registry.manifests[f"team/{deployer}/h100-eks", digest][1])
    assert manifest.config is not None
    types = (manifest.artifact_type, manifest.config.media_type, manifest.layers[0].media_type)
    assert types == MEDIA[deployer]
    for name in (where, said["reference"]):
        status, out, err = run("verify", name, "--key", "our.pub", "-t", "json")
        assert status == 0, err
        level = "attested" if deployer == "argocd-helm" else "verified"
        assert (json.loads(out)["trustLevel"], json.loads(out)["bundleCreator"]) == (level, "our.pub")
    assert run("verify", where, "--key", "other.pub")[0] == 4


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_what_is_pushed_can_be_fetched_and_verified_without_a_network(
    run: Run, bundle: Run, plain_registry: FakeRegistry, deployer: str
) -> None:
    where = f"{home_of(plain_registry, deployer)}:1.0.0"
    assert bundle("-d", deployer, "-o", where, "--sign-key", "our.key")[0] == 0
    for target in ("f", "f.tgz"):
        status, _, err = run("fetch", "bundle", where, "--key", "our.pub", "-o", target)
        assert status == 0, err
        assert "signed by our.pub" in err
        asked = len(plain_registry.requests)
        assert run("verify", target, "--key", "our.pub")[0] == 0
        assert len(plain_registry.requests) == asked
    assert run("fetch", "bundle", where, "--key", "other.pub", "-o", "g")[0] == 4
    assert not Path("g").exists()


def test_a_bundle_knows_where_it_lies(bundle: Run, run: Run, plain_registry: FakeRegistry) -> None:
    for deployer in ("argocd", "argocd-helm", "flux"):
        home = home_of(plain_registry, deployer)
        assert bundle("-d", deployer, "-o", f"{home}:1.0.0")[0] == 0
        assert run("fetch", "bundle", f"{home}:1.0.0", "--allow-unsigned", "-o", deployer)[0] == 0
    assert (options("argocd")["repo"], options("argocd")["targetRevision"]) == (
        home_of(plain_registry, "argocd"),
        "1.0.0",
    )
    assert options("flux")["repo"] == home_of(plain_registry, "flux")
    assert f"repoURL: {home_of(plain_registry, 'argocd')}" in Path("argocd/app-of-apps.yaml").read_text()
    assert f"oci://{plain_registry.host}/team/argocd-helm" in Path("argocd-helm/values.yaml").read_text()


def test_a_repository_that_is_named_stays(bundle: Run, run: Run, plain_registry: FakeRegistry) -> None:
    where = f"{home_of(plain_registry, 'flux')}:1.0.0"
    assert bundle("-d", "flux", "-o", where, "--repo", "oci://ghcr.io/acme/stack")[0] == 0
    assert run("fetch", "bundle", where, "--allow-unsigned", "-o", "f")[0] == 0
    assert options("f")["repo"] == "oci://ghcr.io/acme/stack"
    assert "targetRevision" not in options("f")


def test_a_layout_takes_it_without_a_registry(run: Run, bundle: Run) -> None:
    assert bundle("-o", "oci-layout:here:1.0.0", "--sign-key", "our.key", "--image-refs", "refs.txt")[0] == 0
    exact = Path("refs.txt").read_text().strip()
    assert exact.startswith("oci-layout:here@sha256:")
    for name in ("oci-layout:here:1.0.0", exact):
        assert run("verify", name, "--key", "our.pub")[0] == 0
        assert run("fetch", "bundle", name, "--key", "our.pub", "-o", "f")[0] == 0
    assert run("verify", "oci-layout:here:1.0.0", "--key", "other.pub")[0] == 4
    assert run("verify", "f", "--key", "our.pub")[0] == 0


def test_pushing_again_sends_nothing_and_a_tag_that_moves_is_said(bundle: Run, plain_registry: FakeRegistry) -> None:
    where = f"{home_of(plain_registry, 'helm')}:1.0.0"
    words = ("-o", where, "--sign-key", "our.key")
    assert bundle(*words)[0] == 0
    kept = dict(plain_registry.tags)
    uploads = plain_registry.count("POST", "/blobs/uploads/")
    status, _, err = bundle(*words)
    assert (status, plain_registry.tags) == (0, kept)
    assert plain_registry.count("POST", "/blobs/uploads/") == uploads
    assert "before" not in err
    status, _, err = bundle(*words, "--storage-class", "fast")
    assert status == 0
    assert f"note: {where} was sha256:" in err


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_push_that_breaks_off_moves_no_tag_before_its_signature_is_there_and_goes_on(
    run: Run, bundle: Run, method: str
) -> None:
    for broken in range(20):  # one request after the other is refused
        with registry_running(FakeRegistry()) as server:
            where = f"{home_of(server, 'helm')}:1.0.0"
            server.faults = [Fault(method, "/v2/team/helm/", status=403, after=broken)]
            status, _, err = bundle("-o", where, "--sign-key", "our.key")
            if status == 0:
                assert broken >= 3  # uploads begin with POST; each PUT ends one, or keeps a manifest
                return
            assert status == 4, err
            assert ("team/helm/h100-eks", "1.0.0") not in server.tags
            assert bundle("-o", where, "--sign-key", "our.key")[0] == 0
            assert run("verify", where, "--key", "our.pub")[0] == 0
    raise AssertionError("it never ends well")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-o", "oci://HOST/team/x"], "names no tag"),
        (["-o", "oci://HOST"], "no repository"),
        (["-o", f"oci://HOST/team/x@sha256:{'0' * 64}"], "names a digest"),
        (["-o", "oci://HOST/Team/x:1"], "is not a repository name"),
        (["-o", "oci://HOST/team/x:a b"], "is not a tag"),
        (["-o", "oci://HOST/team/x:1", "--force"], "--force applies to a folder only"),
        (["-o", "oci-layout:here"], "names no tag"),
        (["-d", "argocd-helm", "-o", "oci://HOST/team/x:1.0.0"], "does not end with the chart's name, h100-eks"),
        (["-d", "argocd-helm", "-o", "oci://HOST/team/h100-eks:latest"], "is not a version"),
        (["-o", "https://HOST/team/x:1"], "is written to a folder, an archive or a registry"),
    ],
)
def test_a_target_that_is_none_is_refused_before_anybody_is_asked(
    bundle: Run, plain_registry: FakeRegistry, words: list[str], says: str
) -> None:
    before = here()
    status, out, err = bundle(*(word.replace("HOST", plain_registry.host) for word in words))
    assert (status, out) == (2, ""), err
    assert says in err
    assert (here(), plain_registry.requests) == (before, [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["recipe", "REF"], "names a single bundle"),
        (["bundle", "REF", "--from", "x"], "names a single bundle"),
        (["bundle", "REF", "--service", "eks"], "names a single bundle"),
        (["bundle", "REF", "-d", "flux"], "names the bundle of one deployer"),
        (["bundle", "oci://HOST/team/x"], "without a tag or digest"),
    ],
)
def test_a_fetch_by_reference_takes_nothing_that_it_would_not_heed(
    run: Run, bundle: Run, plain_registry: FakeRegistry, words: list[str], says: str
) -> None:
    where = f"{home_of(plain_registry, 'helm')}:1.0.0"
    assert bundle("-o", where, "--sign-key", "our.key")[0] == 0
    words = [word.replace("REF", where).replace("HOST", plain_registry.host) for word in words]
    status, out, err = run("fetch", *words, "--key", "our.pub")
    assert (status, out) == (2, ""), err
    assert says in err


def test_a_moved_tag_is_refused_by_who_fetches(run: Run, bundle: Run, plain_registry: FakeRegistry) -> None:
    home = home_of(plain_registry, "helm")
    for version, port in (("1.0.0", "1"), ("2.0.0", "2")):
        assert bundle("-o", f"{home}:{version}", "--set", f"metrics:port={port}", "--sign-key", "our.key")[0] == 0
    plain_registry.tags["team/helm/h100-eks", "2.0.0"] = plain_registry.tags["team/helm/h100-eks", "1.0.0"]
    for words in (("verify", f"{home}:2.0.0"), ("fetch", "bundle", f"{home}:2.0.0", "-o", "f")):
        status, _, err = run(*words, "--key", "our.pub")
        assert status == 4
        assert "not 2.0.0" in err


# --- by configuration -------------------------------------------------------------------------------------------------


def test_a_configuration_signs_and_pushes(run: Run, plain_registry: FakeRegistry) -> None:
    where = f"{home_of(plain_registry, 'helm')}:1.0.0"
    Path("c.yaml").write_text(
        "kind: ClusterbookConfig\nspec:\n  bundle:\n    input: {recipe: recipe.json}\n"
        f"    output: {{target: '{where}', imageRefs: refs.txt}}\n"
        "    attestation: {enabled: true, key: our.key}\n    registry: {plainHTTP: true}\n"
    )
    status, _, err = run("bundle", "--config", "c.yaml")
    assert (status, err) == (0, "")
    assert plain_registry.tags["team/helm/h100-eks", "1.0.0"] in Path("refs.txt").read_text()
    assert run("verify", where, "--key", "our.pub")[0] == 0
    assert run("bundle", "--config", "c.yaml", "-o", "b")[0] == 0  # signed, and what is about registries is left out
    assert run("verify", "b", "--key", "our.pub")[0] == 0


def test_a_configuration_signs_as_whoever_logs_in(run: Run, sigstore: FakeSigstore) -> None:
    Path("c.yaml").write_text(
        "kind: AICRConfig\nspec:\n  bundle:\n    input: {recipe: recipe.json}\n    output: {target: b}\n"
        "    attestation: {enabled: true, trustConfig: config.json}\n"
    )
    assert run("bundle", "--config", "c.yaml", environment={"COSIGN_IDENTITY_TOKEN": sigstore.token()})[0] == 0
    assert run("verify", "b", *LOGIN)[0] == 0
    assert run("bundle", "--config", "c.yaml", "--sign-key", "our.key", "-o", "c")[0] == 0  # flags count more
    assert run("verify", "c", "--key", "our.pub")[0] == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("attestation: {enabled: true, fulcioURL: 'https://f.example'}", "trustConfig"),
        ("attestation: {enabled: true, rekorURL: 'https://r.example'}", "trustConfig"),
        ("registry: {insecureTLS: true}", "certificates are always verified"),
    ],
)
def test_what_a_configuration_asks_for_and_is_not_done_is_refused(run: Run, text: str, says: str) -> None:
    Path("c.yaml").write_text(f"kind: AICRConfig\nspec: {{bundle: {{input: {{recipe: recipe.json}}, {text}}}}}\n")
    status, _, err = run("bundle", "--config", "c.yaml", "-o", "b")
    assert status == 2
    assert says in err
    assert not Path("b").exists()
