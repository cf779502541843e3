"""A release that is installed again and upgraded, by Helm 3 and by Helm 4: what others own stays, kinds move on.

The charts are made for the test; the scripts are those of a bundle, the cluster is a real control plane.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from clusterbook.documents.yaml_writer import dump
from tests.interop.cluster import Cluster
from tests.interop.deployment import environment
from tests.interop.processes import run
from tests.support.helm import pack
from tests.support.whole_recipes import small, written

EMPTY = """\
apiVersion: v1
kind: Secret
metadata: {name: cert}
data: {tls.crt: "", tls.key: ""}
"""
KIND = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: NAMEs.test.clusterbook.dev}
spec:
  group: test.clusterbook.dev
  names: {kind: KIND, plural: NAMEs, singular: NAME}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: PROPERTIES}}}}
"""
FILLED = {"tls.crt": "Q0VSVA==", "tls.key": "S0VZ"}


@pytest.fixture(params=["helm", "helm4"])
def env(request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster) -> Mapping[str, str]:
    """Give an environment in which `helm` is Helm 3, then Helm 4."""
    found = environment(tmp_path / "tools", request.param, "kubectl", "helmfile")
    link = tmp_path / "tools" / "bin" / "helm"
    if not link.exists():
        link.symlink_to(link.with_name(request.param))
    return {**found, **cluster.env}


class Operator:
    """The release of an operator whose chart brings a kind and a Secret that somebody else fills."""

    def __init__(self, tmp_path: Path, namespace: str, env: Mapping[str, str], deployer: str) -> None:
        self.namespace, self.env, self.charts = namespace, env, tmp_path
        self.kind = re.sub("[^a-z]", "", namespace)
        facts = {"ownedSecrets": ["cert"], "podSecurity": "privileged"}
        recipe = small(operator={"namespace": namespace, "registry": facts})
        self.bundle = written(tmp_path / "bundle", recipe, deployer=deployer)
        self.helmfile = deployer == "helmfile"

    def install(self, version: str, properties: str) -> None:
        """Run install.sh with a version of the chart whose kind has these properties."""
        kind = KIND.replace("KIND", self.kind.title()).replace("NAME", self.kind).replace("PROPERTIES", properties)
        chart = pack(self.charts, "gpu", version, {"crds/k.yaml": kind, "templates/secret.yaml": EMPTY})
        if self.helmfile:
            run("helmfile", "--file", self.state(chart), "sync", env=self.env)
            return
        (script,) = self.bundle.glob("*-operator/install.sh")
        (script.parent / "upstream.env").write_text(f"CHART='{chart}'\nREPO=''\nVERSION=''\n")
        run("bash", script, env=self.env)

    def state(self, chart: Path) -> Path:
        """Return a state file of the operator alone, whose chart is this archive."""
        for path in sorted(self.bundle.glob("level-*.yaml")):
            level = YAML(typ="safe").load(path.read_text())
            (release,) = [each for each in level["releases"] if each["name"] == "operator"] or [None]
            if release is not None:
                kept = {key: value for key, value in release.items() if key not in ("needs", "version")}
                state = self.bundle / "operator.yaml"
                level = {"helmDefaults": level["helmDefaults"], "releases": [{**kept, "chart": str(chart)}]}
                state.write_text(dump(level))
                return state
        raise AssertionError("no level has the operator")

    def kubectl(self, *words: str, feed: str | None = None) -> str:
        return run("kubectl", "-n", self.namespace, *words, env=self.env, stdin=feed)

    def secret(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.kubectl("get", "secret", "cert", "-o", "json"))["data"]
        return found

    def fill(self) -> None:
        """Write certificates into the Secret, as an operator does: under a name of its own."""
        secret = json.loads(self.kubectl("get", "secret", "cert", "-o", "json"))
        self.kubectl("replace", "--field-manager=operator", "-f", "-", feed=json.dumps({**secret, "data": FILLED}))

    def properties(self) -> set[str]:
        """Return the properties of the kind as the cluster knows it."""
        found = json.loads(self.kubectl("get", "crd", f"{self.kind}s.test.clusterbook.dev", "-o", "json"))
        return set(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])


@pytest.fixture(params=["helm", "helmfile"])
def operator(request: pytest.FixtureRequest, tmp_path: Path, namespace: str, env: Mapping[str, str]) -> Operator:
    return Operator(tmp_path, namespace, env, request.param)


def test_what_an_operator_wrote_into_a_secret_of_its_chart_stays(operator: Operator) -> None:
    operator.install("1.0.0", "{a: {type: string}}")
    assert operator.secret() == {"tls.crt": "", "tls.key": ""}
    operator.fill()
    operator.install("1.0.0", "{a: {type: string}}")
    assert operator.secret() == FILLED
    operator.install("2.0.0", "{a: {type: string}}")
    assert operator.secret() == FILLED


def test_kinds_beside_the_templates_move_on_with_their_chart(operator: Operator) -> None:
    operator.install("1.0.0", "{a: {type: string}}")
    assert operator.properties() == {"a"}
    operator.install("2.0.0", "{a: {type: string}, b: {type: string}}")
    assert operator.properties() == {"a", "b"}


def test_the_namespace_admits_privileged_pods(operator: Operator) -> None:
    operator.install("1.0.0", "{a: {type: string}}")
    labels = json.loads(operator.kubectl("get", "namespace", operator.namespace, "-o", "json"))["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
