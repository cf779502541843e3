"""Hooks of Helm, taken out of manifests that Argo CD is to keep an eye on."""

from __future__ import annotations

import pytest

from clusterbook.bundle.hooks import without_hooks
from tests.support.argo import load

OBJECT = """\
# what it is
apiVersion: v1
kind: Thing
metadata:
  name: a  # its name
  annotations:
    # why: it has to wait
    "helm.sh/hook": post-install,post-upgrade
    helm.sh/hook-weight: "10"
    helm.sh/hook-delete-policy: >-
      before-hook-creation,

      hook-failed
    note: |
      helm.sh/hook: text
  labels: {}
data:
  inner: |
    metadata:
      annotations:
        helm.sh/hook: kept
"""
ONLY = """\
metadata:
  annotations:
    # why: it has to wait
    helm.sh/hook: post-install
  name: b
kind: Thing
"""


def test_hooks_go_weights_and_everything_else_stay() -> None:
    gone = ('    "helm.sh/hook"', "    helm.sh/hook-delete-policy", "      before-hook", "      hook-failed")
    lines = [line for line in OBJECT.splitlines(keepends=True) if not line.startswith(gone)]
    lines.remove("\n")  # inside the folded value
    assert without_hooks(OBJECT) == "".join(lines)


def test_annotations_that_were_hooks_only_go_whole() -> None:
    assert load(without_hooks(ONLY)) == {"kind": "Thing", "metadata": {"name": "b"}}


@pytest.mark.parametrize("kind", ["Job", '"Pod"'])
def test_what_runs_once_stays_a_hook(kind: str) -> None:
    task = f"kind: {kind}\nmetadata: {{}}\n" + ONLY.replace("kind: Thing\n", "")
    assert without_hooks(f"{ONLY}---\n{task}---\n{OBJECT}") == f"{without_hooks(ONLY)}---\n{task}---\n" + without_hooks(
        OBJECT
    )


@pytest.mark.parametrize(
    "text",
    [
        "kind: A\nmetadata:\n  name: a\n",
        "kind: A\nspec:\n  metadata:\n    annotations:\n      helm.sh/hook: of a pod template\n",
        "kind: A\nmetadata:\n  annotations:\n    helm.sh/hook-weight: '1'\n",
        "kind: A\nmetadata: {annotations: {helm.sh/hook: in one line}}\n",
        "# helm.sh/hook: nothing\n",
    ],
)
def test_text_that_has_no_hooks_stays_as_it_is(text: str) -> None:
    assert without_hooks(text) == text
