"""`--inherit-from` and `--gke-tcpxo-interfaces`: a recipe for one cluster, whoever is asked for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from clusterbook.cli import main
from tests.resolve.test_interfaces import TEXT
from tests.support import trees
from tests.support.indexes import Said

Ask = Callable[..., Said]
OLD = {
    "registry.yaml": """\
        apiVersion: clusterbook.dev/v1alpha1
        kind: ComponentRegistry
        components:
        - {name: operator, helm: {defaultRepository: https://old.test/charts, defaultChart: old/operator,
           defaultVersion: 1.0.0, defaultNamespace: skyhook}}
        - {name: monitor, helm: {defaultRepository: https://m.test/charts, defaultChart: m, defaultVersion: 1.0.0,
           defaultNamespace: monitoring}}
    """,
    "eks": """
        criteria: {service: eks}
        componentRefs: [{name: operator, manifestFiles: [components/operator/manifests/old.yaml]}]
    """,
    "components/operator/manifests/old.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: old}\n",
}
NEW = {
    "registry.yaml": OLD["registry.yaml"].replace("skyhook", "nodewright").replace("1.0.0", "2.0.0")
    .replace("https://old.test", "https://new.test"),
    "eks": "{criteria: {service: eks}, componentRefs: [{name: operator, overrides: {x: 1}}, {name: monitor}]}",
    "gke": "{criteria: {service: gke}, componentRefs: [{name: operator}]}",
}  # fmt: skip


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)
    for name, files in (("old", OLD), ("new", NEW)):
        for path, text in trees.texts(files).items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text, encoding="utf-8")

    def call(*words: str) -> Said:
        capsys.readouterr()
        status = main.run([*words], {})
        return Said(status, *capsys.readouterr())

    assert call("recipe", "eks", "--source", "old", "-o", "old.yaml").status == 0
    settings = ("--set", "operator:fullnameOverride=skyhook-operator")
    assert call("bundle", "eks", "--source", "old", *settings, "-o", "deployed").status == 0
    return call


def test_a_recipe_keeps_what_an_older_one_deployed(ask: Ask) -> None:
    said = ask("recipe", "eks", "--source", "new", "--inherit-from", "old.yaml", "-t", "json")
    assert said.status == 0, said.err
    operator, monitor = sorted(json.loads(said.out)["componentRefs"], key=lambda each: str(each["name"]), reverse=True)
    assert (operator["namespace"], operator["source"]) == ("skyhook", "https://old.test/charts")
    assert (operator["version"], operator["values"]) == ("2.0.0", {"x": 1})
    assert operator["manifestFiles"] == ["components/operator/manifests/old.yaml"]
    assert (monitor["namespace"], monitor["version"]) == ("monitoring", "2.0.0")
    assert "note: operator keeps namespace skyhook, source https://old.test/charts" in said.err
    words = ("components.operator.namespace", "--source", "new", "--inherit-from", "old.yaml")
    assert ask("query", "eks", *words).out == "skyhook\n"


def test_a_bundle_says_what_its_objects_are_called_and_brings_its_manifests(ask: Ask) -> None:
    said = ask("bundle", "eks", "--source", "new", "--inherit-from", "deployed", "-o", "next")
    assert said.status == 0, said.err
    (values,) = Path("next").glob("*-operator/values.yaml")
    assert YAML(typ="safe").load(values) == {"fullnameOverride": "skyhook-operator", "x": 1}
    assert "old.yaml" in (Path("next") / "recipe.yaml").read_text(encoding="utf-8")
    assert list(Path("next").glob("*-operator-post/templates/old.yaml"))
    again = ask("bundle", "eks", "--source", "new", "--inherit-from", "next", "-o", "again")
    assert again.status == 0, again.err
    assert ask("diff", "next", "again", "--exit-code").status == 0
    verified = ask("verify", "next", "--min-trust-level", "unverified")
    assert verified.status == 0, verified.err


def test_a_recipe_that_was_handed_in_keeps_it_too(ask: Ask) -> None:
    assert ask("recipe", "eks", "--source", "new", "-o", "new.yaml").status == 0
    said = ask("bundle", "-r", "new.yaml", "--source", "new", "--inherit-from", "deployed", "-o", "next")
    assert said.status == 0, said.err
    assert "namespace: skyhook" in (Path("next") / "recipe.yaml").read_text(encoding="utf-8")
    assert ask("mirror", "list", "-r", "new.yaml", "--source", "new", "--inherit-from", "deployed").status in (0, 10)


def test_a_bundle_of_the_reference_says_it_in_its_values(ask: Ask, tmp_path: Path) -> None:
    recipe = tmp_path / "theirs" / "recipe.yaml"
    for path, text in (
        ("recipe.yaml", Path("old.yaml").read_text(encoding="utf-8")),
        ("001-operator/values.yaml", "fullnameOverride: a\nsub: {nameOverride: b}\n"),
        ("001-operator/cluster-values.yaml", "fullnameOverride: c\n"),
    ):
        (recipe.parent / path).parent.mkdir(parents=True, exist_ok=True)
        (recipe.parent / path).write_text(text, encoding="utf-8")
    said = ask(
        "query", "eks", "components.operator.values", "--source", "new", "--inherit-from", "theirs", "-t", "json"
    )
    assert json.loads(said.out) == {"x": 1, "fullnameOverride": "c", "sub": {"nameOverride": "b"}}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--inherit-from", "nowhere"), 3),
        (("--inherit-from", "new"), 2),
        (("--inherit-from", "new/registry.yaml"), 2),
        (("--inherit-from", "old.yaml", "--service", "gke"), 2),
        (("--inherit-from", ""), 2),
    ],
)
def test_what_is_no_older_recipe_of_this_cluster_is_refused(ask: Ask, words: tuple[str, ...], status: int) -> None:
    slug = () if "--service" in words else ("eks",)
    said = ask("recipe", *slug, "--source", "new", *words)
    assert (said.status, said.out) == (status, ""), said.err


@pytest.mark.parametrize(
    "text",
    [
        "criteria: []",
        "componentRefs: [1]",
        "componentRefs: [{name: operator, namespace: [x]}]",
        "componentRefs: [{name: operator, manifestFiles: x}]",
        "componentRefs: {operator: {}}",
        "componentRefs: [{}]",
    ],
)
def test_a_damaged_older_recipe_is_refused_with_its_place(ask: Ask, text: str) -> None:
    rest = "" if text.startswith("criteria") else "criteria: {service: eks}\n"
    Path("damaged").mkdir()
    for name in ("damaged.yaml", "damaged/recipe.yaml"):
        Path(name).write_text(f"kind: RecipeResult\nmetadata: {{}}\n{rest}{text}\n", encoding="utf-8")
    for where in ("damaged.yaml", "damaged"):
        said = ask("recipe", "eks", "--source", "new", "--inherit-from", where)
        assert (said.status, said.out) == (2, ""), said.err
        assert "damaged" in said.err


GKE = {
    "registry.yaml": """\
        apiVersion: clusterbook.dev/v1alpha1
        kind: ComponentRegistry
        components:
        - name: kubeflow-trainer
          helm: {defaultRepository: oci://k.test/charts, defaultChart: t, defaultVersion: 1.0.0, defaultNamespace: k}
          validations: [{function: CheckGKETCPXOInterfacesCoherence, severity: error}]
        - {name: gke-nccl-tcpxo, helm: {defaultNamespace: kube-system}}
    """,
    "h100-gke-training-kubeflow": """
        criteria: {service: gke, accelerator: h100, intent: training, platform: kubeflow}
        componentRefs:
          - name: gke-nccl-tcpxo
            manifestFiles: [components/gke-nccl-tcpxo/manifests/x.yaml]
          - name: kubeflow-trainer
            manifestFiles: [components/kubeflow-trainer/manifests/torch-distributed-tcpxo-cluster-training-runtime.yaml]
    """,
    "components/gke-nccl-tcpxo/manifests/x.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n",
    "components/kubeflow-trainer/manifests/torch-distributed-tcpxo-cluster-training-runtime.yaml": """\
kind: ConfigMap
apiVersion: v1
metadata:
  name: runtime
data:
{{- $values := index .Values "kubeflow-trainer" }}
{{- range $values.tcpxoInterfaces }}
  {{ .interfaceName }}: {{ .network }}
{{- end }}
""",
}


def test_a_runtime_is_told_the_networks_of_its_interfaces(ask: Ask, tmp_path: Path) -> None:
    for path, text in trees.texts(GKE).items():
        (tmp_path / "gke" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "gke" / path).write_text(text, encoding="utf-8")
    slug, where = "h100-gke-training-kubeflow", ("--source", "gke")
    refused = ask("bundle", slug, *where, "-o", "none")
    assert refused.status == 2
    assert "--gke-tcpxo-interfaces" in refused.err
    told = ("--gke-tcpxo-interfaces", TEXT)
    assert ask("bundle", slug, *where, *told, "-o", "b").status == 0
    (runtime,) = Path("b").glob("*-kubeflow-trainer-post/templates/*.yaml")
    assert "eth8: demo-gpu-nic-7" in runtime.read_text(encoding="utf-8")
    assert ask("recipe", slug, *where, *told, "--api-version", "aicr.run/v1", "-o", "r.yaml").status == 0
    written = YAML(typ="safe").load(Path("r.yaml"))
    assert written["apiVersion"] == "aicr.run/v1beta2"
    assert written["configuration"]["gke"]["tcpxoInterfaces"][7]["network"] == "demo-gpu-nic-7"
    assert ask("bundle", "-r", "r.yaml", "--data", "gke", "-o", "c").status == 0
    assert ask("recipe", slug, *where, *told, "--kind", "config", "-o", "c.yaml").status == 0
    assert (
        ask("recipe", "--config", "c.yaml", *where, "-t", "json").out
        == ask("recipe", slug, *where, *told, "-t", "json").out
    )
    assert ask("recipe", "base", *where, *told).status == 2
    assert ask("query", slug, "metadata", *where, "--gke-tcpxo-interfaces", "eth1=gpu-nic-0").status == 2
