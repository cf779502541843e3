"""Bundles of one's own, signed and pushed, in the hands of cosign and Helm; and keys that cosign made, in ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from clusterbook.bundle.options import DEPLOYERS
from tests.interop import registries
from tests.interop.certs import Certificates
from tests.interop.processes import run
from tests.interop.registries import Registry
from tests.interop.toolchain import program
from tests.support import indexes, trees
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore, running
from tests.support.whole_recipes import small

NAME = "h100-eks"
WHO = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)


class Pushed(NamedTuple):
    """A registry, and the folder with keys, recipe and Sigstore's files."""

    registry: Registry
    folder: Path
    env: dict[str, str]

    def reference(self, deployer: str, *, by: str) -> str:
        return f"{self.registry.host}/{by}/{deployer}/{NAME}:1.0.0"

    def clusterbook(self, *words: str) -> str:
        authority = ("--ca-file", str(self.registry.certificates.authority))
        return run(sys.executable, "-m", "clusterbook.cli.main", *words, *authority, cwd=self.folder, env=self.env)


@pytest.fixture(scope="module", params=["with the referrers API", "without it"])
def pushed(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushed]:
    """Give a registry with bundles for every deployer: signed with a key that cosign made, and by who logged in."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "recipe.json").write_text(json.dumps(small()))
    run(program("cosign"), "generate-key-pair", cwd=folder, env={"COSIGN_PASSWORD": "pw", "HOME": str(folder)})
    start = registries.with_referrers if request.param == "with the referrers API" else registries.distribution
    with start(folder / "registry", certificates, login=True) as registry, running(FakeSigstore()) as instance:
        (folder / "config.json").write_text(json.dumps(instance.trust_config()))
        (folder / "root.json").write_text(json.dumps(instance.trusted_root()))
        more = {"COSIGN_PASSWORD": "pw", "COSIGN_IDENTITY_TOKEN": instance.token(), "HOME": str(folder)}
        found = Pushed(registry, folder, {**registry.env, **more, "PYTHONDONTWRITEBYTECODE": ""})
        for by, words in {
            "key": ("--sign-key", "cosign.key", "--tlog-upload=false"),
            "login": ("--keyless", "--trust-config", "config.json"),
        }.items():
            for deployer in DEPLOYERS:
                where = f"oci://{found.reference(deployer, by=by)}"
                found.clusterbook(
                    "bundle", "-r", "recipe.json", "-d", deployer, "--set", "crds:port=1", "-o", where, *words
                )
        yield found


@pytest.mark.parametrize("words", [("verify",), ("verify-attestation", "--type", "slsaprovenance1")])
def test_cosign_verifies_what_was_pushed(pushed: Pushed, words: tuple[str, ...]) -> None:
    for deployer in DEPLOYERS:
        key = ("--key", f"{pushed.folder}/cosign.pub", "--insecure-ignore-tlog")
        run(program("cosign"), *words, *key, pushed.reference(deployer, by="key"), env=pushed.env)
        root = ("--trusted-root", f"{pushed.folder}/root.json", *WHO)
        run(program("cosign"), *words, *root, pushed.reference(deployer, by="login"), env=pushed.env)
        with pytest.raises(subprocess.CalledProcessError):
            run(program("cosign"), *words, *key, pushed.reference(deployer, by="login"), env=pushed.env)


def test_we_verify_and_fetch_it_with_the_key_that_cosign_made(pushed: Pushed, tmp_path: Path) -> None:
    for deployer in DEPLOYERS:
        where = f"oci://{pushed.reference(deployer, by='key')}"
        assert "signed by cosign.pub" in pushed.clusterbook("verify", where, "--key", "cosign.pub")
        target = str(tmp_path / f"{deployer}.tgz")
        pushed.clusterbook("fetch", "bundle", where, "--key", "cosign.pub", "-o", target)
        pushed.clusterbook("verify", target, "--key", "cosign.pub")


def test_a_tree_that_crane_pushed_and_cosign_attested_is_a_source(pushed: Pushed, tmp_path: Path) -> None:
    for path, text in trees.texts(indexes.FILES).items():
        (tmp_path / "recipes" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "recipes" / path).write_text(text)
    with tarfile.open(tmp_path / "tree.tgz", "w:gz") as tar:
        tar.add(tmp_path / "recipes", arcname="recipes")
    where = f"{pushed.registry.host}/trees/ours:1.0.0"
    run(program("crane"), "append", "-f", str(tmp_path / "tree.tgz"), "-t", where, env=pushed.env)
    builder = {"id": "https://acme.example"}
    predicate = {
        "buildDefinition": {"buildType": "https://acme.example/v1", "externalParameters": {}},
        "runDetails": {"builder": builder},
    }
    (tmp_path / "predicate.json").write_text(json.dumps(predicate))
    look_up = ("query", "eks", "components.a.version", "--source", f"oci://{where}")
    with pytest.raises(subprocess.CalledProcessError):
        pushed.clusterbook(*look_up, "--key", "cosign.pub")
    run(
        program("cosign"), "attest", "--key", f"{pushed.folder}/cosign.key", "--type", "slsaprovenance1",
        "--predicate", str(tmp_path / "predicate.json"), "--use-signing-config=false", "--tlog-upload=false", "--yes",
        where, env=pushed.env,
    )  # fmt: skip
    assert pushed.clusterbook(*look_up, "--key", "cosign.pub").endswith("1.0.0\n")


def test_helm_pulls_and_renders_the_chart(pushed: Pushed, tools_env: dict[str, str]) -> None:
    env = {**tools_env, **pushed.registry.env}
    chart = f"oci://{pushed.reference('argocd-helm', by='key').rpartition(':')[0]}"
    made = run("helm", "template", "stack", chart, "--version", "1.0.0", env=env)
    assert "kind: Application" in made
    assert f"repoURL: {pushed.registry.host}/key/argocd-helm" in made.replace('"', "")
