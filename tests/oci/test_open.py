"""Stores are opened by name, and what speaks to registries only when one is named."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.transport import BadReference, NoArtifact
from clusterbook.oci.open import Access, open_base
from tests.contract.store_contract import put
from tests.support.servers.registry import PASSWORD, USER, FakeRegistry, running


def test_a_layout_is_opened_by_its_folder(tmp_path: Path) -> None:
    with pytest.raises(NoArtifact):
        open_base(f"oci-layout:{tmp_path / 'x'}", Access())
    base = open_base(f"oci-layout:{tmp_path / 'x'}", Access(), create=True)
    assert (base.store.where, base.repository("recipes/eks")) == (str(tmp_path / "x"), "recipes/eks")


def test_a_registry_is_opened_with_the_credentials_of_docker(tmp_path: Path) -> None:
    with running(FakeRegistry(auth="basic")) as server:
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {server.host: {"auth": auth}}}))
        base = open_base(f"oci://{server.host}/acme", Access(home=tmp_path))
        put(base.store, base.repository("recipes/eks"), b"recipe", tag="1.0.0")
        assert ("acme/recipes/eks", "1.0.0") in server.tags


@pytest.mark.parametrize("where", ["", "folder", "https://x/y", "oci://host/base:1.0.0"])
def test_what_is_no_store_is_refused(where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_base(where, Access())
    assert caught.value.hint


def test_a_host_alone_is_no_base() -> None:
    with pytest.raises(BadReference):
        open_base("oci://host", Access())


def test_a_layout_is_opened_without_what_speaks_to_registries(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from clusterbook.oci.open import Access, open_base\n"
        "from clusterbook.oci import transfer\n"
        f"open_base('oci-layout:{tmp_path}', Access(), create=True)\n"
        "heavy = {'requests', 'urllib3', 'oras', 'sigstore', 'cryptography', 'pydantic', 'ruamel', 'click'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
