"""A built index for tests of the client: a small catalog with every state in it.

Overlays: eks, eks-training (on eks), h100-eks-training (on eks-training), h100 (any service), gke-cos (so gke needs an
OS).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from clusterbook.files.write import write_bytes, write_folder
from clusterbook.lookup.build import index_parts
from clusterbook.lookup.write import zip_bytes
from tests.support import trees

SPELLINGS = """\
apiVersion: clusterbook.dev/v1alpha1
kind: CriteriaCatalog
metadata: {name: criteria}
spec:
  dimensions:
    service: {values: [eks, gke, kind], aliases: {amazon: eks}, any: [vanilla]}
    accelerator: {values: [h100, gb200]}
    intent: {values: [training, inference]}
    os: {values: [ubuntu, cos]}
    platform: {values: [kubeflow]}
"""
FILES = {
    "criteria.yaml": SPELLINGS,
    "base": """
        constraints: [{name: K8s.server.version, value: ">= 1.25"}]
        componentRefs:
          - {name: a, valuesFile: components/a/values.yaml}
          - {name: b, dependencyRefs: [a], overrides: {nvidia.com/gpu: 1, tolerations: [{key: x}, {key: y}]}}
        validation: {conformance: {checks: [alive]}}
    """,
    "eks": """
        criteria: {service: eks}
        componentRefs: [{name: a, overrides: {driver: {version: "2.0"}}}]
    """,
    "eks-training": "{base: eks, criteria: {service: eks, intent: training}}",
    "h100-eks-training": """
        base: eks-training
        criteria: {service: eks, intent: training, accelerator: h100}
        constraints: [{name: K8s.server.version, value: ">= 1.30"}]
    """,
    "h100": "{criteria: {accelerator: h100}, componentRefs: [{name: c}]}",
    "gke-cos": "{criteria: {service: gke, os: cos}}",
    "components/a/values.yaml": 'driver:\n  version: "1.0"\n  enabled: true\n',
    "checks/a/health-check.yaml": "kind: Test\n",
    "validators/catalog.yaml": "kind: ValidatorCatalog\nvalidators: [{name: alive, phase: conformance}]\n",
}


def write_index(folder: Path) -> Path:
    """Write the index of the catalog below `folder`; return the folder of the index."""
    parts = list(index_parts(trees.build(FILES)))
    write_folder(folder / "index", parts, marker="index.json")
    write_bytes(folder / "index.zip", zip_bytes(parts))
    return folder / "index"


class Said(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def run(*words: str, stdin: str = "", module: str = "clusterbook.cli.main", **environment: str) -> Said:
    """Run the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), **environment},
    )
    return Said(done.returncode, done.stdout, done.stderr)
