"""oras as a second reader of what we write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.diagnostics.transport import Malformed
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.layout.reader import INDEX_FILE
from clusterbook.oci.oras import check_layout
from tests.contract.store_contract import put


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, create=True)
    put(layout, "a/b", b"recipe", tag="1.0.0")
    return layout


def test_oras_takes_a_layout_of_ours_for_one(layout: Layout) -> None:
    check_layout(layout.path)


@pytest.mark.parametrize("index", ["{", '{"schemaVersion": 1, "manifests": []}'])
def test_what_oras_does_not_take_for_a_layout_is_said(layout: Layout, index: str) -> None:
    (layout.path / INDEX_FILE).write_text(index)
    with pytest.raises(Malformed, match="is not an OCI layout"):
        check_layout(layout.path)


def test_whoever_speaks_to_a_registry_does_not_load_the_client_of_oras() -> None:
    program = (
        "import sys, clusterbook.oci.registry, clusterbook.oci.layout.web\n"
        "print(sorted({'oras.provider', 'oras.layout', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
