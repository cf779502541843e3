"""What we publish, in the hands of those who know nothing of us: cosign, crane, regctl, Helm, kustomize and Argo CD.

A part of our own catalog goes to a registry with the referrers API and to one without, each over TLS and with a
password, signed with a key and by somebody who logged in.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import clusterbook
from clusterbook.artifacts import index
from clusterbook.artifacts.attachment import signature_attachment
from clusterbook.artifacts.layout import add_version
from clusterbook.artifacts.open import open_index
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import Bundle, render
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.oci.open import Access, Base, open_base
from clusterbook.publish.publish import PublishResult
from clusterbook.publish.release import PublishRequest, prepare
from clusterbook.publish.send import Sender
from clusterbook.resolve import matrix
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import TrustOptions
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.statement import MOST_SUBJECTS, PROVENANCE, Subject, statement
from clusterbook.trust.verify import bundles_of, key_policy, verify_any
from tests.contract.store_contract import put
from tests.interop import registries
from tests.interop.argo import NAMESPACE, ArgoCD
from tests.interop.certs import Certificates
from tests.interop.charts import ChartServers
from tests.interop.processes import run
from tests.interop.registries import Registry
from tests.interop.test_argocd import judge, tell_about_health
from tests.interop.toolchain import program
from tests.support import checkouts, trees
from tests.support.servers.certificates import private_pem
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore, running

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
FULL = "h100-eks-ubuntu-training-kubeflow"
RELEASE = "2026.7.0"
BASE = "acme/catalog"
KINDS = ("recipe", *DEPLOYERS)


@pytest.fixture(scope="module")
def checkout(standin_servers: ChartServers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout with a release of one full recipe and those it is made from, charts on loopback."""
    folder = tmp_path_factory.mktemp("checkout")
    recipes = standin_servers.redirect(RECIPES, folder / "recipes")
    needed = matrix.build(load_catalog(read_tree(recipes))).recipes[FULL].applied
    for path in (recipes / "overlays").glob("*.yaml"):
        if path.stem not in needed:
            path.unlink()
    return released(folder)


@pytest.fixture
def small_checkout(standin_servers: ChartServers, tmp_path: Path) -> Path:
    """Give a checkout with a release of one recipe of two components, of which one needs the other."""
    recipes = standin_servers.redirect(RECIPES, tmp_path / "checkout/recipes")
    for path in (recipes / "overlays").glob("*.yaml"):
        path.unlink()
    more = "criteria: {service: eks}\ncomponentRefs: [{name: nvsentinel, dependencyRefs: [gpu-operator]}]"
    for name, spec in {"base": "componentRefs: [{name: gpu-operator}]", "eks": more}.items():
        path, text = trees.document(name, spec)
        (recipes / path).write_text(text)
    return released(tmp_path / "checkout")


def released(folder: Path) -> Path:
    """Return `folder`, made a checkout whose ledger knows a release of its recipes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        checkouts.run_git("init", "-q", "-b", "main")
        checkouts.commit_all("sources", checkouts.JULY_DATE)
    clusterbook_build(folder, {}, "release", RELEASE)
    return folder


@dataclass(frozen=True, slots=True)
class Signing:
    """Files of whoever signs: a key, a Sigstore instance on loopback, and a policy that believes both."""

    folder: Path

    def policy(self) -> Path:
        return self.folder / "trust.yaml"


POLICY = f"""\
apiVersion: clusterbook.dev/v1alpha1
kind: TrustPolicy
metadata: {{name: test}}
spec:
  signers:
    - key: our.pub
    - keyless: {{identity: "{IDENTITY}", issuer: "{ISSUER}", root: root.json}}
"""


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    """Give the files of whoever signs."""
    folder = tmp_path_factory.mktemp("signing")
    for name in ("our", "other"):
        pem = private_pem(ec.generate_private_key(ec.SECP256R1()))
        (folder / f"{name}.key").write_bytes(pem)
        (folder / f"{name}.pub").write_text(private_key(pem, name).public().pem())
    (folder / "trust.yaml").write_text(POLICY)
    with running(FakeSigstore()) as instance:
        (folder / "config.json").write_text(json.dumps(instance.trust_config()))
        (folder / "root.json").write_text(json.dumps(instance.trusted_root()))
        (folder / "token").write_text(instance.token())
        yield Signing(folder)


@dataclass(frozen=True, slots=True)
class Published:
    """A registry to which the release was published twice: with a key, then by somebody who logged in."""

    registry: Registry
    signing: Signing
    done: tuple[PublishResult, PublishResult]

    @property
    def env(self) -> dict[str, str]:
        """Environment with which other programs are let in, away from anybody's home."""
        return {**self.registry.env, "HOME": str(self.signing.folder)}

    def reference(self, kind: str, slug: str = FULL, version: str = "1.0.0") -> str:
        """Return what other programs call an artifact."""
        return f"{self.registry.host}/{BASE}/{'recipes' if kind == 'recipe' else kind}/{slug}:{version}"

    def every(self) -> list[str]:
        """Return the index, and one recipe as every kind of artifact."""
        return [self.reference(kind) for kind in KINDS] + [f"{self.registry.host}/{BASE}/index:latest"]


def clusterbook_build(folder: Path, env: Mapping[str, str], *words: str) -> str:
    kept = {"PYTHONDONTWRITEBYTECODE": ""}  # compiling sigstore each time takes longer than publishing
    return run(sys.executable, "-m", "clusterbook.cli.build_main", *words, cwd=folder, env={**env, **kept})


def access(registry: Registry) -> Access:
    return Access(ca_file=str(registry.certificates.authority), environment=registry.env)


def publish(registry: Registry, signing: Signing, checkout: Path, *words: str, env: Mapping[str, str]) -> PublishResult:
    """Return what publishing did."""
    said = clusterbook_build(
        checkout, {**registry.env, **env},
        "publish", "--to", f"oci://{registry.host}/{BASE}", "--ca-file", str(registry.certificates.authority),
        "--policy", str(signing.policy()), "--format", "json", *words,
    )  # fmt: skip
    return PublishResult(**json.loads(said))


@pytest.fixture(scope="module", params=["with the referrers API", "without it"])
def there(
    request: pytest.FixtureRequest,
    checkout: Path,
    signing: Signing,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Published]:
    """Give a registry to which the release was published; nobody changes it."""
    folder = tmp_path_factory.mktemp("registry")
    start = registries.with_referrers if request.param == "with the referrers API" else registries.distribution
    with start(folder, certificates, login=True) as registry:
        key = publish(registry, signing, checkout, "--key", str(signing.folder / "our.key"), env={})
        token = {"SIGSTORE_ID_TOKEN": (signing.folder / "token").read_text()}
        config = ("--keyless", "--trust-config", str(signing.folder / "config.json"))
        yield Published(registry, signing, (key, publish(registry, signing, checkout, *config, env=token)))


def cosign(there: Published, *words: str) -> str:
    return run(program("cosign"), *words, env=there.env)


def blob(there: Published, reference: str, digest: str) -> bytes:
    """Return a blob as crane gets it."""
    words = [program("crane"), "blob", f"{reference.rpartition(':')[0]}@{digest}"]
    return subprocess.run(words, env={**os.environ, **there.env}, check=True, capture_output=True).stdout


def manifest(there: Published, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(program("crane"), "manifest", reference, env=there.env))
    return found


def made(checkout: Path, deployer: str, slug: str = FULL) -> Bundle:
    """Return the bundle that was published."""
    release = prepare(PublishRequest(RELEASE, checkout / "recipes", checkout / "registry"))
    version = next(each for each in release.versions if each.slug == slug)
    return render(add_version(release.wholes[slug], version), {"deployer": deployer}, clusterbook.__version__)


# --- signatures -------------------------------------------------------------------------------------------------------


def test_a_second_signer_sends_signatures_and_nothing_else(there: Published) -> None:
    first, second = there.done
    assert first.sent_blobs > first.artifacts
    assert (second.index, second.artifacts) == (first.index, first.artifacts)
    assert second.sent_blobs == 2
    assert second.sent_manifests == first.artifacts


def test_cosign_verifies_everything_by_the_key(there: Published) -> None:
    for reference in there.every():
        for words in (["verify"], ["verify-attestation", "--type", "slsaprovenance1"]):
            cosign(there, *words, "--key", f"{there.signing.folder}/our.pub", "--insecure-ignore-tlog", reference)


def test_cosign_verifies_everything_by_who_logged_in(there: Published) -> None:
    who = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)
    for reference in there.every():
        for words in (["verify"], ["verify-attestation", "--type", "slsaprovenance1"]):
            cosign(there, *words, "--trusted-root", f"{there.signing.folder}/root.json", *who, reference)


@pytest.mark.parametrize(
    "words",
    [
        ["--key", "other.pub", "--insecure-ignore-tlog"],
        ["--trusted-root", "root.json", "--certificate-identity", "x", "--certificate-oidc-issuer", ISSUER],
        ["--trusted-root", "root.json", "--certificate-identity", IDENTITY, "--certificate-oidc-issuer", "https://x"],
    ],
)
def test_cosign_refuses_whoever_did_not_sign(there: Published, words: list[str]) -> None:
    words = [f"{there.signing.folder}/{word}" if word.endswith((".pub", ".json")) else word for word in words]
    with pytest.raises(subprocess.CalledProcessError):
        cosign(there, "verify", *words, there.reference("recipe"))


def test_what_cosign_reads_in_the_statement_is_every_artifact_and_the_commit(there: Published) -> None:
    words = ("--type", "slsaprovenance1", "--key", f"{there.signing.folder}/our.pub", "--insecure-ignore-tlog")
    said = json.loads(cosign(there, "verify-attestation", *words, there.reference("flux")).splitlines()[0])
    statement = json.loads(base64.b64decode(said["payload"]))
    assert len(statement["subject"]) == there.done[0].artifacts - 1
    commit, sources = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert set(commit["digest"]) == {"gitCommit"}
    assert sources["uri"] == "recipes/"


def test_tokens_that_last_for_seconds_are_asked_for_again(
    checkout: Path, signing: Signing, certificates: Certificates, tmp_path: Path
) -> None:
    key = ("--key", str(signing.folder / "our.key"))
    with registries.with_tokens(tmp_path, certificates, lifetime_s=1) as (registry, tokens):
        first = publish(registry, signing, checkout, *key, env={})
        assert tokens.given > first.artifacts
        again = publish(registry, signing, checkout, *key, env={})
        assert (again.index, again.sent_blobs, again.sent_manifests) == (first.index, 0, 0)
        (registry.logins / "config.json").write_text("{}")
        with pytest.raises(subprocess.CalledProcessError) as caught:
            publish(registry, signing, checkout, *key, env={})
        assert caught.value.returncode == 4
        assert f"docker login {registry.host}" in caught.value.stderr


def test_a_statement_is_about_as_many_artifacts_as_cosign_reads(
    registry: Registry, signing: Signing, tmp_path: Path
) -> None:
    base, signer = (
        open_base(f"oci://{registry.host}/parts", access(registry)),
        KeySigner.from_file(signing.folder / "our.key", {}),
    )
    env = {**registry.env, "HOME": str(tmp_path)}
    for name, count in (("most", MOST_SUBJECTS), ("more", MOST_SUBJECTS + 1)):
        kept = put(base.store, f"parts/{name}", name.encode(), tag="1")
        others = [Subject(f"x{number}", f"sha256:{number:064x}") for number in range(count - 1)]
        bundle = signer.sign(statement([Subject(name, kept.digest), *others], PROVENANCE, {}))
        Sender(base, 1).attach(name, kept.descriptor, signature_attachment(bundle, PROVENANCE, created=""))
    words = (program("cosign"), "verify", "--key", f"{signing.folder}/our.pub", "--insecure-ignore-tlog")
    run(*words, f"{registry.host}/parts/most:1", env=env)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(*words, f"{registry.host}/parts/more:1", env=env)
    assert "too many subjects" in caught.value.stderr


# --- other programs, and other registries -----------------------------------------------------------------------------


def test_crane_and_regctl_see_versions_and_what_is_attached(there: Published) -> None:
    for kind in KINDS:
        reference = there.reference(kind)
        tags = run(program("crane"), "ls", reference.rpartition(":")[0], env=there.env).split()
        assert [tag for tag in tags if not tag.startswith("sha256-")] == ["1.0.0"]
        found = json.loads(
            run(program("regctl"), "artifact", "list", "--format", "{{ json . }}", reference, env=there.env)
        )
        repository, bundle = reference.rpartition(":")[0], "vnd.dev.sigstore.bundle.v0.3+json"
        attached = [manifest(there, f"{repository}@{each['digest']}") for each in found["descriptors"]]
        types = sorted(each["artifactType"].rpartition("/")[2] for each in attached)
        assert types == [*(["vnd.cyclonedx+json"] if kind == "recipe" else []), bundle, bundle]
        assert {each["subject"]["digest"] for each in attached} == {_digest(there, reference)}


def _digest(there: Published, reference: str) -> str:
    return run(program("crane"), "digest", reference, env=there.env).strip()


@pytest.mark.parametrize("target", ["registry", "plain_registry"])
def test_signatures_survive_a_copy_by_others(
    there: Published, target: str, request: pytest.FixtureRequest, signing: Signing
) -> None:
    to: Registry = request.getfixturevalue(target)
    logins = {**json.loads((there.registry.logins / "config.json").read_text())["auths"]}
    logins |= json.loads((to.logins / "config.json").read_text())["auths"]
    (to.logins / "config.json").write_text(json.dumps({"auths": logins}))
    env = {**to.env, "HOME": there.env["HOME"]}
    for kind in ("recipe", "argocd-helm"):
        source = there.reference(kind)
        copied = source.replace(there.registry.host, to.host).replace(BASE, "mirror")
        run(program("regctl"), "image", "copy", "--referrers", "--digest-tags", source, copied, env=env)
        run(
            program("cosign"), "verify", "--key", f"{signing.folder}/our.pub", "--insecure-ignore-tlog", copied, env=env
        )
        base = open_base(f"oci://{to.host}/mirror", Access(ca_file=str(to.certificates.authority), environment=env))
        home = base.repository(f"{'recipes' if kind == 'recipe' else kind}/{FULL}")
        digest = base.store.manifest(home, "1.0.0").digest
        assert len(list(bundles_of(base.store, home, digest))) == 2
        verify_any(bundles_of(base.store, home, digest), digest, key_policy([signing.folder / "our.pub"]))


def test_a_client_opens_the_index_with_the_key_alone(there: Published) -> None:
    base: Base = open_base(f"oci://{there.registry.host}/{BASE}", access(there.registry))
    trusting = TrustOptions(key_policy([there.signing.folder / "our.pub"]))
    found = open_index(base, trusting, now=None, previous=None)
    version, entry = index.choose(FULL, found.recipe(FULL), "")
    assert (version, set(entry.artifacts)) == ("1.0.0", set(KINDS))


# --- those for whom bundles are made ----------------------------------------------------------------------------------


def test_helm_pulls_the_chart_for_argo_cd(
    there: Published, checkout: Path, tools_env: dict[str, str], tmp_path: Path
) -> None:
    env = {**tools_env, **there.registry.env}
    chart = f"oci://{there.reference('argocd-helm').rpartition(':')[0]}"
    run("helm", "pull", chart, "--version", "1.0.0", "--untar", "--untardir", tmp_path, env=env)
    files = {
        path: data for path, data in made(checkout, "argocd-helm").files.items() if (tmp_path / FULL / path).exists()
    }
    assert {"Chart.yaml", "values.yaml"} <= set(files)
    assert all((tmp_path / FULL / path).read_bytes() == data for path, data in files.items())
    assert "version: 1.0.0" in run("helm", "show", "chart", chart, "--version", "1.0.0", env=env)
    assert "kind: Application" in run("helm", "template", "stack", chart, "--set", f"repoURL={chart}", env=env)


@pytest.mark.parametrize("deployer", ["flux", "helm", "helmfile", "argocd"])
def test_an_archive_holds_the_bundle_file_by_file(there: Published, checkout: Path, deployer: str) -> None:
    (layer,) = manifest(there, there.reference(deployer))["layers"]
    with tarfile.open(fileobj=io.BytesIO(blob(there, there.reference(deployer), layer["digest"]))) as archive:
        found = {each.name: archive.extractfile(each).read() for each in archive.getmembers()}  # type: ignore[union-attr]
        executable = {each.name for each in archive.getmembers() if each.mode & 0o111}
    assert found == dict(made(checkout, deployer).files)
    assert executable == {path for path in found if path.endswith(".sh")}


def test_flux_content_is_of_the_types_that_flux_pulls_and_kustomize_builds(
    there: Published, tools_env: dict[str, str], tmp_path: Path
) -> None:
    reference = there.reference("flux")
    document = manifest(there, reference)
    assert document["config"]["mediaType"] == "application/vnd.cncf.flux.config.v1+json"
    (layer,) = document["layers"]
    assert layer["mediaType"] == "application/vnd.cncf.flux.content.v1.tar+gzip"
    with tarfile.open(fileobj=io.BytesIO(blob(there, reference, layer["digest"]))) as archive:
        archive.extractall(tmp_path / "flux", filter="data")
    assert "kind: HelmRelease" in run("kustomize", "build", tmp_path / "flux", env=tools_env)


def test_argo_cd_deploys_the_chart_from_the_registry(
    argo_cd: ArgoCD,
    small_checkout: Path,
    signing: Signing,
    certificates: Certificates,
    tools_env: dict[str, str],
    tmp_path: Path,
) -> None:
    with registries.with_referrers(tmp_path / "registry", certificates) as registry:
        publish(registry, signing, small_checkout, "--key", str(signing.folder / "our.key"), env={})
        home = f"oci://{registry.host}/{BASE}/argocd-helm"
        bundle = made(small_checkout, "argocd-helm", "eks")
        (tmp_path / "argocd-cm-patch.yaml").write_bytes(bundle.files["argocd-cm-patch.yaml"])
        tell_about_health(argo_cd, tmp_path)
        env = {**tools_env, **registry.env, **argo_cd.cluster.env}
        words = ("--version", "1.0.0", "--namespace", NAMESPACE, "--set", f"repoURL={home}")
        run("helm", "install", "stack", f"{home}/eks", *words, env=env)
        judge(argo_cd, bundle)
