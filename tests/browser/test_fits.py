"""Fits my cluster: what the page says of a snapshot is what `clusterbook fit` says of it, and nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from clusterbook.cli.command import Caller, Request
from clusterbook.cli.fit import fit
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from tests.support import sites
from tests.support.clusters import FILES

SNAPSHOTS = sites.OURS / "tests" / "snapshots"
HEAD = "apiVersion: clusterbook.dev/v1alpha1\nkind: Snapshot\n"


def measured(*groups: str, head: str = HEAD) -> str:
    """Return a snapshot with measurements, each written `Type.subtype: {key: value}`."""
    found: dict[str, list[str]] = {}
    for group in groups:
        name, _, data = group.partition(": ")
        kind, _, subtype = name.partition(".")
        found.setdefault(kind, []).append(f"{{subtype: {subtype}, data: {data}}}")
    types = (f"- type: {kind}\n  subtypes: [{', '.join(each)}]\n" for kind, each in found.items())
    return f"{head}measurements:\n{''.join(types)}"


EKS = "K8s.node: {provider: aws}"
H100 = "GPU.hardware: {model: NVIDIA H100 80GB HBM3, count: 8}"
UBUNTU = 'OS.release: {ID: ubuntu, VERSION_ID: "24.04"}'
NEW = "K8s.server: {version: v1.34.2-eks-1}"
KERNEL = "OS.sysctl: {/proc/sys/kernel/osrelease: 6.8.0-1028-aws}"
WHOLE = json.dumps({**FILES["h100-eks"], "fingerprint": {}})
CASES = {
    "all that is asked": measured(EKS, H100, UBUNTU, NEW, KERNEL),
    "an old server": measured(EKS, H100, UBUNTU, "K8s.server: {version: v1.29.1}", KERNEL),
    "exactly the floor": measured(EKS, H100, UBUNTU, 'K8s.server: {version: "1.32.4"}', KERNEL),
    "a version that is a number": measured(EKS, H100, UBUNTU, "K8s.server: {version: 1.30}", KERNEL),
    "a version that is none": measured(EKS, H100, UBUNTU, "K8s.server: {version: newest}", KERNEL),
    "system version as a number": measured(EKS, H100, NEW, "OS.release: {ID: ubuntu, VERSION_ID: 24.04}", KERNEL),
    "another system": measured(EKS, H100, NEW, 'OS.release: {ID: rhel, VERSION_ID: "9.4"}', KERNEL),
    "an old kernel": measured(EKS, H100, UBUNTU, NEW, "OS.sysctl: {/proc/sys/kernel/osrelease: 5.4.0-1}"),
    "no GPU": measured(EKS, UBUNTU, NEW, KERNEL),
    "a GPU nobody knows": measured(EKS, "GPU.hardware: {model: NVIDIA GH200 96GB}", UBUNTU, NEW, KERNEL),
    "L40S is no L40": measured("K8s.node: {provider: azure}", "GPU.hardware: {model: NVIDIA L40S}", UBUNTU, NEW),
    "labels before the node's own": measured(
        EKS, H100, "NodeTopology.label: {nvidia.com/gpu.product: 'NVIDIA-GB200|a,b'}", UBUNTU, NEW
    ),
    "two kinds of GPU": measured(
        EKS,
        "NodeTopology.label: {nvidia.com/gpu.product.NVIDIA-H100-80GB-HBM3: a, nvidia.com/gpu.product.NVIDIA-A100: b,"
        " nvidia.com/gpu.product: 'NVIDIA-H100|a'}",
        UBUNTU,
        NEW,
    ),
    "Oracle by its provider's identifier": measured("K8s.node: {provider: ocid1.instance.x}", H100, NEW, UBUNTU),
    "a provider nobody knows": measured("K8s.node: {provider: somebodys}", H100, NEW, UBUNTU),
    "nothing measured, and why": f"{HEAD}measurements: []\ncoverage: [{{part: measurements/K8s, state: denied}}]\n",
    "a machine": measured(H100, UBUNTU, KERNEL),
    "the fingerprint counts first": measured(
        EKS, H100, UBUNTU, NEW, head=f"{HEAD}fingerprint: {{service: {{value: gke}}, os: cos, accelerator: ~}}\n"
    ),
    "a fingerprint that says nothing is known": measured(
        EKS, H100, UBUNTU, NEW, head=f'{HEAD}fingerprint: {{accelerator: {{value: ""}}, service: {{note: x}}}}\n'
    ),
    "a fingerprint that did not know the GPU": measured(
        EKS, H100, UBUNTU, NEW, head=f"{HEAD}fingerprint: {{accelerator: {{note: unknown-sku}}}}\n"
    ),
    "the first of two types counts": measured(NEW)
    + "- type: K8s\n  subtypes: [{subtype: node, data: {provider: aws}}]\n",
    "the first of two counts": measured(NEW, "K8s.server: {version: v1.20.0}", EKS, H100, UBUNTU, KERNEL),
    "of the reference": measured(EKS, H100, UBUNTU, NEW, head="apiVersion: aicr.nvidia.com/v1alpha1\nkind: Snapshot\n"),
    "as JSON": json.dumps({"kind": "Snapshot", "measurements": [
        {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.33.0"}}]}]}),
    **{path.name: path.read_text(encoding="utf-8") for path in sorted(SNAPSHOTS.glob("*.yaml"))},
    "another model": WHOLE.replace("NVIDIA-H100-80GB-HBM3", "NVIDIA-GH200-480GB"),
    "slices": WHOLE.replace("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"),
    "RKE2 on machines of a cloud": WHOLE.replace("v1.33.5-eks-3025e55", "v1.33.5+rke2r1"),
    "EKS Anywhere on machines of others": WHOLE.replace("aws:///us-west-2b/", "vsphere://").replace(
        '"provider": "eks"', '"provider": "vsphere"'
    ),
    "GPUs of AMD": WHOLE.replace("nvidia.com/gpu.present", "x").replace("nvidia.com/gpu.product", "y").replace(
        '"nvidia.com/gpu": "8"', '"amd.com/gpu": "8"'
    ),
    "kubeadm on machines of a cloud": WHOLE.replace("v1.33.5-eks-3025e55", "v1.33.5"),
    "measurements without a kind": measured(EKS, H100, UBUNTU, NEW, KERNEL, head=""),
    "a release candidate": WHOLE.replace("v1.33.5-eks-3025e55", "v1.33.0-rc.1"),
    "OpenShift": WHOLE.replace("containerd://2.1.4", "cri-o://1.31.12-3.rhaos4.18"),
    "one node has another system": WHOLE.replace("Ubuntu 24.04.3 LTS", "Ubuntu 20.04.6 LTS", 1),
    "every node has another system": WHOLE.replace("Ubuntu 24.04.3 LTS", "Rocky Linux 9.4 (Blue Onyx)"),
    "nodes that were not all seen": WHOLE.replace('"coverage": []', '"coverage": [{"part": "objects/v1/Node", "state":'
                                                  ' "partial", "reason": "etcdserver: leader changed"}]'),
}  # fmt: skip
READ = """
async (text) => {
  const data = await window.clusterbook.index();
  const {shown, found} = await window.clusterbook.judge(data, text);
  return found.map((each) => ({recipe: each.recipe.slug, fit: each.fit, ...(each.why ? {why: each.why} : {})}));
}
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the index of our own catalog."""
    folder = tmp_path_factory.mktemp("fits") / "index"
    write_folder(folder, index_parts(sites.ours()), marker="index.json")
    return str(folder)


def said(text: str, index: str, folder: Path) -> list[dict[str, Any]]:
    """Return what `clusterbook fit --all` says of a snapshot."""
    path = folder / "snapshot.yaml"
    path.write_text(text, encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(
        fit(Request.of({"source": index, "format": "json", "all": True, "snapshots": (str(path),)}), Caller({})).text
    )
    return found


@pytest.mark.parametrize("name", list(CASES))
def test_the_page_judges_as_the_client_does(page: Page, http: str, index: str, tmp_path: Path, name: str) -> None:
    page.goto(f"{http}fits.html")
    page.wait_for_selector(".cb-drop")
    shown = page.evaluate(READ, CASES[name])
    wanted = said(CASES[name], index, tmp_path)
    short = [{key: each[key] for key in ("recipe", "fit")} for each in wanted]
    assert [{key: each[key] for key in ("recipe", "fit")} for each in shown] == short
    for mine, theirs in zip(shown, wanted, strict=True):
        if theirs["fit"] == "misses":
            assert mine["why"] == theirs["why"]
        else:
            assert bool(mine.get("why")) == bool(theirs.get("why"))


def test_the_table_has_all_three_outcomes(index: str, tmp_path: Path) -> None:
    found = {each["fit"] for text in CASES.values() for each in said(text, index, tmp_path)}
    assert found == {"fits", "misses", "unknown"}


def test_a_dropped_snapshot_is_judged_here_and_sent_nowhere(page: Page, address: str) -> None:
    asked: list[str] = []
    page.goto(f"{address}fits.html")
    page.wait_for_selector(".cb-drop")
    page.on("request", lambda sent: asked.append(f"{sent.method} {sent.url}"))
    page.set_input_files("input[type=file]", SNAPSHOTS / "h100-eks.yaml")
    expect(page.locator('#content, [role="status"]').first).to_contain_text("The cluster shows: service eks")
    expect(page.get_by_role("link", name="H100 · Amazon EKS · Ubuntu · training", exact=True)).to_be_visible()
    assert all(each.startswith("GET ") and each.endswith("js-yaml.min.js") for each in asked)


def test_a_recipe_that_does_not_fit_names_the_constraint(page: Page, http: str) -> None:
    page.goto(f"{http}fits.html")
    page.wait_for_selector(".cb-drop")
    text = CASES["an old server"].encode()
    page.set_input_files("input[type=file]", {"name": "s.yaml", "mimeType": "text/yaml", "buffer": text})
    expect(page.locator('[role="status"]')).to_contain_text("K8s.server.version: it is v1.29.1, not >= ")


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("\u202ewobniar\u202c", r"\u202ewobniar\u202c"),
        ("a\x1b[8mb", r"a\x1b[8mb"),
        ("a\u200b\ufeffb", r"a\u200b\ufeffb"),
        ("one\u2028two\nthree", r"one\u2028two\nthree"),
        ("\U000e0041 <b>é</b>", r"\U000e0041 <b>é</b>"),
    ],
)
def test_what_strangers_wrote_is_shown_as_it_is(page: Page, http: str, word: str, shown: str) -> None:
    page.goto(f"{http}fits.html")
    page.wait_for_selector(".cb-drop")
    text = json.dumps({"kind": "Snapshot", "fingerprint": {"service": word}, "measurements": [
        {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1"}}]}]}).encode()  # fmt: skip
    page.set_input_files("input[type=file]", {"name": f"{word[0]}.json", "mimeType": "text/json", "buffer": text})
    expect(page.locator('[role="status"]')).to_contain_text(f"The cluster shows: service {shown}.")
    assert page.locator('[role="status"] b').count() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Recipe\n", "this is not a snapshot: its kind is 'Recipe'"),
        ("", "this is not a snapshot"),
        ("{", "s.yaml: "),
        ("a: [\n", "s.yaml: "),
        ("kind: Snapshot\nmeasurements: 5\n", "measurements"),
        (f"{HEAD}measurements: []\n", "this snapshot is empty"),
        (HEAD, "this snapshot is empty"),
        ("kind: Snapshot\napiVersion: aicr.run/v9\n", "apiVersion 'aicr.run/v9' of the snapshot is not supported"),
    ],
)
def test_what_is_no_snapshot_is_said(page: Page, http: str, text: str, message: str) -> None:
    page.goto(f"{http}fits.html")
    page.wait_for_selector(".cb-drop")
    page.set_input_files("input[type=file]", {"name": "s.yaml", "mimeType": "text/yaml", "buffer": text.encode()})
    expect(page.get_by_role("alert")).to_contain_text(message)
