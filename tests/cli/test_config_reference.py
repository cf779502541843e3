"""A configuration of the reference: each of its keys acts, or is refused with its place and what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.cli.config import bundle_target, read_config, recipe_request, verify_request
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.indexes import Said

Ask = Callable[..., Said]
RECIPE = "recipe: {criteria: {service: eks}}"
EVERYTHING = """\
apiVersion: aicr.run/v1beta1
kind: AICRConfig
metadata: {name: all}
spec:
  snapshot:
    output: {path: s.yaml, format: yaml}
    agent: {namespace: n, image: i, imagePullSecrets: [p], jobName: j, serviceAccountName: a, nodeSelector: {x: y},
      tolerations: ["a=b:NoSchedule"], requireGpu: true, runtimeClassName: nvidia, requests: cpu=1, limits: cpu=2}
    execution: {timeout: 5m, noCleanup: false, privileged: true, maxNodesPerEntry: 3}
  recipe:
    criteria: {service: eks, accelerator: h100, intent: training, os: ubuntu, platform: slurm, nodes: 0}
    configuration: {slurm: {accounting: {mode: disabled}}}
    output: {path: r.yaml, format: yaml}
    data: tree
    profile: gpuStack=operator-managed
    criteriaStrict: true
  bundle:
    input: {recipe: r.yaml}
    output: {target: b}
    deployment: {deployer: argocd, repo: "https://git.example.org/r.git", set: ["gpu-operator:x=1"], dynamic: [],
      vendorCharts: false, appName: stack}
    scheduling: {systemNodeSelector: {a: b}, systemNodeTolerations: ["a=b:NoSchedule"],
      acceleratedNodeSelector: {c: d}, acceleratedNodeTolerations: ["c=d:NoSchedule"], workloadGate: g=h:NoSchedule,
      workloadSelector: {e: f}, nodes: 4, storageClass: fast, sharedStorageClass: shared}
    attestation: {enabled: true, signingKey: "awskms:///alias/release"}
    registry: {insecureTLS: false, plainHTTP: false}
  validate:
    input: {recipe: r.yaml, snapshot: s.yaml}
    agent: {namespace: n, image: i, imagePullSecrets: [p], jobName: j, serviceAccountName: a, nodeSelector: {x: y},
      tolerations: ["a=b:NoSchedule"], requireGpu: true}
    execution: {phases: [deployment], failOnError: true, failFast: true, noCluster: true, noCleanup: true, timeout: 5m}
    evidence: {attestation: {out: e}}
  verify:
    policy: {minTrustLevel: attested, requireCreator: me, cliVersionConstraint: ">= 1.0.0"}
    trust: {key: k.pub, trustRoot: root.json}
"""
REFUSED = {
    "bundle: {attestation: {enabled: true, certificateIdentityRegexp: x}}": "certificateIdentityRegexp",
    "bundle: {attestation: {enabled: true, fulcioURL: 'https://fulcio.example.org'}}": "fulcioURL",
    "bundle: {attestation: {enabled: true, rekorURL: 'https://rekor.example.org'}}": "rekorURL",
    "bundle: {attestation: {signingKey: k.pem}}": "not that one is",
    "bundle: {attestation: {enabled: true, signingKey: k.pem, key: other.pem}}": "two keys",
    "bundle: {registry: {insecureTLS: true}}": "insecureTLS",
    "bundle: {scheduling: {draEvictionNodeLabel: x}}": "draEvictionNodeLabel",
    "validate: {evidence: {cncf: {dir: x}}}": "evidence.cncf",
    "validate: {evidence: {attestation: {out: e, bom: b}}}": "evidence.attestation.bom",
    "validate: {evidence: {attestation: {out: e, push: 'oci://r/x'}}}": "evidence.attestation.push",
    "validate: {execution: {timeout: 5 parsecs}}": "5 parsecs",
    "validate: {execution: {phases: [launch]}}": "launch",
    "snapshot: {agent: {os: ubuntu}}": "agent.os",
    "snapshot: {agent: {tolerations: []}}": "agent.tolerations",
    "snapshot: {agent: {requests: cpu}}": "cpu",
    "verify: {trust: {certificateIdentityRegexp: x}}": "certificateIdentityRegexp",
    "verify: {minTrustLevel: attested, policy: {minTrustLevel: verified}}": "min-trust-level",
    "verify: {policy: {minTrust: verified}}": "minTrust",
}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)

    def call(text: str, *words: str) -> Said:
        Path("config.yaml").write_text(text, encoding="utf-8", newline="")
        status = main.run([*words, "config.yaml"], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def written(*sections: str) -> str:
    """Return a configuration of the reference that has some sections."""
    return "apiVersion: aicr.run/v1beta1\nkind: AICRConfig\nspec:\n" + "".join(f"  {each}\n" for each in sections)


def test_every_key_that_the_reference_reads_is_taken(ask: Ask) -> None:
    said = ask(EVERYTHING, "config", "check")
    assert (said.status, said.err) == (0, ""), said.out
    config = read_config("config.yaml")
    assert verify_request(config).values == {
        "min_trust_level": "attested",
        "require_creator": "me",
        "cli_version_constraint": ">= 1.0.0",
    }
    assert verify_request(config).lists == {"key": ("k.pub",), "trust_root": ("root.json",)}
    assert bundle_target(config).values["sign_key"] == "awskms:///alias/release"
    assert recipe_request(config).values["slurm_accounting_mode"] == "disabled"


@pytest.mark.parametrize(("section", "what"), REFUSED.items())
def test_a_key_of_which_nothing_comes_is_refused_by_its_name(ask: Ask, section: str, what: str) -> None:
    said = ask(written(section), "config", "check")
    assert said.status == 10, said
    assert what in said.out
    assert "config.yaml" in said.out


def test_trust_that_contradicts_itself_is_refused_where_it_is_used(ask: Ask) -> None:
    ask(written("fetch: {key: [a.pub]}", "verify: {trust: {key: b.pub}}"), "config", "check")
    with pytest.raises(InvalidRequest, match="key"):
        verify_request(read_config("config.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("kind: AICRConfig\n", "kind: AICRConfig\nkind: AICRConfig\n", "config.yaml:3:1"),
        ("apiVersion: aicr.run/v1beta1", "apiVersion: [aicr.run/v1beta1]", "config.yaml:1:13"),
        ("spec:\n", "spec:\n  recipee: {}\n", "config.yaml:4:3"),
        ("spec:\n", "metadata: {name: x, labels: {a: b}}\nspec:\n", "config.yaml:3:21"),
        ("service: eks", "service: [eks]", "config.yaml:4:32"),
        ("service: eks", "nodes: 1.5", "config.yaml:4:30"),
        ("  recipe: {criteria: {service: eks}}\n", "  {}\n", "config.yaml:4:3"),
        ("  recipe: {criteria: {service: eks}}\n", "", "config.yaml:3:6"),
    ],
)
def test_what_is_no_configuration_is_refused_at_its_place(ask: Ask, old: str, new: str, place: str) -> None:
    text = written(RECIPE)
    assert old in text
    said = ask(text.replace(old, new, 1), "recipe", "--config")
    assert said.status == 2
    assert f"error: {place}: " in said.err


@pytest.mark.parametrize("version", ["aicr.run/v1", "aicr.run/v1beta2", "aicr.run/v9", "1"])
def test_an_api_version_of_other_documents_is_refused(ask: Ask, version: str) -> None:
    said = ask(written(RECIPE).replace("aicr.run/v1beta1", version), "recipe", "--config")
    assert said.status == 2
    assert f"'{version}'" in said.err


@pytest.mark.parametrize(
    "text",
    [
        written(RECIPE).replace("\n", "\r\n"),
        "\ufeff" + written(RECIPE),
        "# ours\n---\n" + written(RECIPE) + "...\n",
        written(RECIPE).replace("{service: eks}", "&c {service: eks}"),
        '{"apiVersion": "aicr.run/v1beta1", "kind": "AICRConfig",'
        ' "spec": {"recipe": {"criteria": {"service": "eks"}}}}',
    ],
)
def test_however_it_is_written_it_says_the_same(ask: Ask, text: str) -> None:
    said = ask(text, "query", "--selector", "metadata.slug", "--config")
    assert (said.status, said.out) == (0, "eks\n"), said.err


def test_a_number_where_a_word_is_meant_is_the_word(ask: Ask) -> None:
    said = ask(written("recipe: {criteria: {service: eks, os: 24.04}}"), "recipe", "--config")
    assert said.status == 2
    assert "os '24.04' is not known" in said.err
