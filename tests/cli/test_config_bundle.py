"""`clusterbook bundle --config`: one file that says what flags say, and how both go together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from tests.support.bundles import files, here, keep, options
from tests.support.whole_recipes import small

Run = Callable[..., tuple[int, str, str]]
NAMED = "h100-eks-ubuntu-training-kubeflow"
CRITERIA = "--service eks --accelerator h100 --intent training --os ubuntu --platform kubeflow".split()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in a folder that holds a small recipe, recipe.json, and nothing else."""
    monkeypatch.chdir(tmp_path)
    keep(small())

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(words, {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


CONFIG = """\
kind: {kind}
apiVersion: {version}
spec:
  recipe:
    criteria: {{service: eks, accelerator: h100, intent: training, os: ubuntu, platform: kubeflow}}
  bundle:
    output: {{target: from-config}}
    deployment:
      deployer: argocd-helm
      repo: https://git.example.org/clusters.git
      set: ["gpuoperator:driver.version=590.2", "deployer:project=gpu"]
      dynamic: ["gpu-operator:driver.enabled"]
      appName: stack
    scheduling:
      systemNodeSelector: {{group: system}}
      systemNodeTolerations: ["dedicated=system:NoSchedule"]
      acceleratedNodeSelector: {{group: gpu}}
      acceleratedNodeTolerations: ["nvidia.com/gpu:NoSchedule"]
      workloadGate: example.com/tuned=no:NoSchedule
      workloadSelector: {{team: research}}
      nodes: 8
      storageClass: fast
"""
OURS = CONFIG.format(kind="ClusterbookConfig", version="clusterbook.dev/v1alpha1")
SAME_AS_CONFIG = [
    *CRITERIA,
    *("-d", "argocd-helm", "-o", "from-flags", "--repo", "https://git.example.org/clusters.git"),
    *("--set", "gpuoperator:driver.version=590.2", "--set", "deployer:project=gpu", "--app-name", "stack"),
    *("--dynamic", "gpu-operator:driver.enabled", "--storage-class", "fast", "--nodes", "8"),
    *("--system-node-selector", "group=system", "--system-node-toleration", "dedicated=system:NoSchedule"),
    *("--accelerated-node-selector", "group=gpu", "--accelerated-node-toleration", "nvidia.com/gpu:NoSchedule"),
    *("--workload-gate", "example.com/tuned=no:NoSchedule", "--workload-selector", "team=research"),
]


def configure(text: str = OURS) -> None:
    """Write config.yaml."""
    Path("config.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "version"), [("ClusterbookConfig", "clusterbook.dev/v1alpha1"), ("AICRConfig", "aicr.run/v1alpha2")]
)
def test_one_file_says_what_flags_say(run: Run, kind: str, version: str) -> None:
    configure(CONFIG.format(kind=kind, version=version))
    assert run("bundle", "--config", "config.yaml")[0] == 0
    assert run("bundle", *SAME_AS_CONFIG)[0] == 0
    assert options("from-config") == {**options("from-flags"), "nodes": 8}
    said, typed = files("from-config"), files("from-flags")
    differing = {path for path in said.keys() | typed.keys() if said.get(path) != typed.get(path)}
    assert differing == {"options.yaml", "checksums.txt"}  # nodes: a number there, a word here
    assert run("verify", "from-config", "--min-trust-level", "unverified")[0] == 0


def test_flags_count_more_than_the_file_and_say_so(run: Run) -> None:
    configure()
    status, _, err = run(
        *("bundle", "--config", "config.yaml", "--nodes", "16", "-o", "mine", "--intent", "inference", "--platform"),
        *("dynamo", "--set", "gpu-operator:driver.version=1"),
    )
    assert status == 0, err
    assert (options("mine")["nodes"], options("mine")["set"]) == ("16", ["gpu-operator:driver.version=1"])
    for word in (
        "--nodes 16 overrides 8 of config.yaml",
        "--intent inference overrides training of config.yaml",
        "--platform dynamo overrides kubeflow of config.yaml",
        "--output mine overrides from-config of config.yaml",
        "--set on the command line overrides that of config.yaml",
    ):
        assert f"note: {word}\n" in err
    assert not Path("from-config").exists()


def test_another_deployer_leaves_out_what_was_meant_for_that_of_the_file(run: Run) -> None:
    configure()
    status, _, err = run("bundle", "--config", "config.yaml", "-d", "helm")
    assert status == 0, err
    assert options("from-config").keys().isdisjoint({"repo", "appName"})
    assert options("from-config")["set"] == ["gpuoperator:driver.version=590.2"]
    assert "note: config.yaml: repo does not apply to the deployer helm and is ignored\n" in err
    assert "note: config.yaml: deployer settings do not apply to helm and are ignored\n" in err


def test_a_name_or_a_recipe_counts_more_than_the_criteria_of_the_file(run: Run) -> None:
    configure(
        OURS.replace("gpuoperator:driver.version=590.2", "operator:driver.version=1").replace(
            "gpu-operator", "operator"
        )
    )
    assert run("bundle", "--config", "config.yaml", "-r", "recipe.json")[0] == 0
    assert b"h100-eks" in files("from-config")["README.md"]
    configure()
    assert run("bundle", "--config", "config.yaml", "ocp-training", "-o", "named")[0] == 2  # it has no gpu-operator
    assert run("bundle", "--config", "config.yaml", NAMED, "-o", "named")[0] == 0


def test_the_recipe_of_the_file_is_bundled(run: Run) -> None:
    configure("kind: ClusterbookConfig\nspec: {bundle: {input: {recipe: recipe.json}, output: {target: out}}}\n")
    assert run("bundle", "--config", "config.yaml")[0] == 0
    assert Path("out/deploy.sh").exists()


def test_what_a_bundle_does_not_do_is_said(run: Run) -> None:
    configure(
        "kind: ClusterbookConfig\nspec: {bundle: {input: {recipe: recipe.json}, "
        "output: {target: out, imageRefs: refs.txt}, attestation: {certificateIdentityRegexp: x}}}\n"
    )
    status, out, err = run("bundle", "--config", "config.yaml")
    assert (status, out) == (2, "")
    assert "config.yaml: CB101 spec.bundle.attestation.certificateIdentityRegexp is not supported\n" in err
    assert not Path("out").exists()
    text = Path("config.yaml").read_text()
    Path("config.yaml").write_text(text.replace("certificateIdentityRegexp: x", "enabled: false"))
    status, _, err = run("bundle", "--config", "config.yaml")
    assert (status, Path("out").exists()) == (2, False)
    assert "config.yaml: CB101 spec.bundle.output.imageRefs has no effect for a bundle that is not pushed\n" in err


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("deployer: argocd-helm", "deployr: argocd", "config.yaml:9:7: CB101 unknown key 'deployr'"),
        ("deployer: argocd-helm", "deployer: argo", "--deployer argo is unknown"),
        ("deployer: argocd-helm", "deployer: helm", "does not apply to the deployer helm"),
        ("deployer: argocd-helm", "vendorCharts: maybe", "config.yaml:9:21: CB101 spec.bundle.deployment.vendorCharts"),
        ("kind: ClusterbookConfig", "kind: Config", "config.yaml:1:7: CB101 kind 'Config' is not supported here"),
        ("v1alpha1", "v9", "apiVersion 'clusterbook.dev/v9', which is not supported"),
        ("nodes: 8", "nodes: -8", "spec.bundle.scheduling.nodes: input should be greater than or equal to 0"),
        ("nodes: 8", "nodes: many", "spec.bundle.scheduling.nodes"),
        ("{group: gpu}", "[group=gpu]", "spec.bundle.scheduling.acceleratedNodeSelector: this must be a map"),
        ("{group: gpu}", "{group: b c}", "'b c' is not a label value"),
        ("nvidia.com/gpu:NoSchedule", "nvidia.com/gpu:Never", "the effect 'Never' is unknown"),
        ("storageClass: fast", "storageClass: F!", "--storage-class 'F!' cannot be used"),
        ("target: from-config", "target: oci://x/y", "oci://x/y names no tag"),
        ("    deployment:", "    attestation: {enable: true}\n    deployment:", "unknown key 'enable'"),
        ("    deployment:", "    input: {recipe: a.yaml}\n    deployment:", "a.yaml does not exist"),
        ("service: eks", "service: ekss", "service"),
        ("spec:", "spec: [", "config.yaml:"),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_word(run: Run, old: str, new: str, what: str) -> None:
    assert old in OURS
    configure(OURS.replace(old, new, 1))
    status, out, err = run("bundle", "--config", "config.yaml")
    assert (status, out) == (3 if "does not exist" in what else 2, "")
    assert what in err
    assert here() == ["config.yaml", "recipe.json"]


def test_a_configuration_that_bundles_another_recipe_than_it_makes_is_refused(run: Run) -> None:
    configure("kind: AICRConfig\nspec: {recipe: {output: {path: a.yaml}}, bundle: {input: {recipe: b.yaml}}}\n")
    status, _, err = run("bundle", "--config", "config.yaml")
    assert status == 2
    assert "spec.bundle.input.recipe is b.yaml, but spec.recipe.output.path is a.yaml" in err


@pytest.mark.parametrize(
    "said", ["output: {imageRefs: r}", "registry: {plainHTTP: true}", "registry: {caFile: ca.pem}"]
)
def test_what_is_said_of_a_registry_is_refused_where_the_file_names_none(run: Run, said: str) -> None:
    configure(f"kind: ClusterbookConfig\nspec: {{bundle: {{input: {{recipe: recipe.json}}, {said}}}}}\n")
    status, _, err = run("bundle", "--config", "config.yaml", "-o", "out")
    assert (status, Path("out").exists()) == (2, False)
    assert "has no effect for a bundle that is not pushed" in err


def test_it_is_a_note_where_the_command_line_names_another_place(run: Run) -> None:
    configure(
        "kind: ClusterbookConfig\nspec: {bundle: {input: {recipe: recipe.json}, "
        "output: {target: 'oci://registry.corp/x:1.0.0', imageRefs: refs.txt}}}\n"
    )
    status, _, err = run("bundle", "--config", "config.yaml", "-o", "out")
    assert (status, Path("out").exists()) == (0, True)
    assert "note: --output out overrides oci://registry.corp/x:1.0.0 of config.yaml\n" in err
    assert "note: config.yaml: spec.bundle.output.imageRefs has no effect" in err


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("{bundle: {input: {recipe: nonesuch.json}}}", "overrides nonesuch.json of config.yaml"),
        ("{recipe: {criteria: {service: gke}}}", "overrides service gke of config.yaml"),
    ],
)
@pytest.mark.parametrize("words", [("eks",), ("-r", "recipe.json")])
def test_a_recipe_of_the_command_line_counts_and_that_is_said(
    run: Run, spec: str, what: str, words: tuple[str, ...]
) -> None:
    configure(f"kind: ClusterbookConfig\nspec: {spec}\n")
    status, _, err = run("bundle", *words, "--config", "config.yaml", "-o", "out")
    assert status == 0, err
    assert what in err
