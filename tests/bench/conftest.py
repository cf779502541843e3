"""What several benches start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.bench import run
from tests.support import checkouts
from tests.support.servers.certificates import private_pem


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout whose ledger knows a release of our own catalog, and a key."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(run.ROOT / "recipes", folder / "recipes")
    (folder / "k.pem").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        checkouts.run_git("init", "-q", "-b", "main")
        checkouts.commit_all("sources", checkouts.JULY_DATE)
    words = ["release", "2026.7.0", "--recipes", str(folder / "recipes"), "--registry", str(folder / "registry")]
    run.Clock().run([*run.builder(), *words])
    return folder
