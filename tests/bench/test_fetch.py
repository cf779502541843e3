"""The budget of a verified fetch from a layout of the whole catalog, as a process: 60 ms with a key, 300 ms keyless.

Held against bare Python by processor time, as in test_validate: what the machine does besides would count otherwise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterbook.trust.keys import private_key
from tests.bench import run
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore, running

RECIPE = "h100-eks-ubuntu-training-kubeflow"
KEY_TO_BARE = 60 / 9.3
"""The budget over the 9.3 ms of bare Python. What Python and cryptography import takes 30 ms of it."""
KEYLESS_TO_BARE = 300 / 9.3 * 1.15
"""The same, and an eighth: importing sigstore takes most of it, and on a busy machine more than bare Python does."""


def publish(checkout: Path, target: Path, *words: str, **environment: str) -> None:
    """Publish our own catalog to a layout."""
    clock = run.Clock()
    clock.env = {**clock.env, **environment}
    folders = ["--recipes", str(checkout / "recipes"), "--registry", str(checkout / "registry")]
    clock.run([*run.builder(), "publish", "--to", f"oci-layout:{target}", *words, *folders])


@pytest.fixture(scope="module")
def believing(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Give the flags by which a fetch finds and believes our own catalog, signed with a key and by a login."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "k.pub").write_text(private_key((checkout / "k.pem").read_bytes(), "k").public().pem())
    publish(checkout, folder / "key", "--key", str(checkout / "k.pem"))
    with running(FakeSigstore()) as instance:
        (folder / "root.json").write_text(json.dumps(instance.trusted_root()))
        (folder / "config.json").write_text(json.dumps(instance.trust_config(rekor=2)))
        (folder / "trust.yaml").write_text(
            "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata:\n  name: ours\nspec:\n  signers:\n"
            f"    - keyless:\n        identity: {IDENTITY}\n        issuer: {ISSUER}\n        root: root.json\n"
        )
        signing = ["--keyless", "--trust-config", str(folder / "config.json"), "--policy", str(folder / "trust.yaml")]
        publish(checkout, folder / "login", *signing, SIGSTORE_ID_TOKEN=instance.token())
    return {
        "key": ["--from", str(folder / "key"), "--key", str(folder / "k.pub")],
        "login": ["--from", str(folder / "login"), "--policy", str(folder / "trust.yaml")],
    }


@pytest.mark.parametrize(
    ("by", "form", "budget"),
    [("key", "yaml", KEY_TO_BARE), ("key", "json", KEY_TO_BARE), ("login", "yaml", KEYLESS_TO_BARE)],
)
def test_a_verified_fetch_is_within_its_budget(
    believing: Mapping[str, list[str]],
    by: str,
    form: str,
    budget: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in filter(lambda name: name.startswith("CLUSTERBOOK_"), list(os.environ)):
        monkeypatch.delenv(name)
    command = [*run.client(), "fetch", "recipe", RECIPE, *believing[by], "--format", form]
    taken, bare = run.quietest(lambda: run.least_cpu_s(command, run.BARE), budget, times=5)
    print(f"\nfetch recipe, {by}, {form}: {taken * 1000:.1f} ms, bare Python {bare * 1000:.1f} ms")
    assert taken < budget * bare
