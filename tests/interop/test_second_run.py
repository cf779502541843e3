"""A release that is installed again and upgraded, by Helm 3 and by Helm 4: what others own stays, kinds move on.

The charts are made for the test; the scripts are those of a bundle, the cluster is a real control plane.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.interop.cluster import Cluster
from tests.interop.one_release import DEPLOYERS, HELMS, OneRelease, helm_environment
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
LETTERS = str.maketrans("0123456789", "ghijklmnop")
FILLED = {"tls.crt": "Q0VSVA==", "tls.key": "S0VZ"}


@pytest.fixture(params=HELMS)
def env(request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster) -> Mapping[str, str]:
    """Give an environment in which `helm` is Helm 3, then Helm 4."""
    return {**helm_environment(tmp_path / "tools", request.param, "helmfile"), **cluster.env}


class Operator(OneRelease):
    """The release of an operator whose chart brings a kind and a Secret that somebody else fills."""

    def __init__(self, tmp_path: Path, namespace: str, env: Mapping[str, str], deployer: str) -> None:
        facts = {"ownedSecrets": ["cert"], "podSecurity": "privileged"}
        recipe = small(operator={"namespace": namespace, "registry": facts})
        super().__init__(written(tmp_path / "bundle", recipe, deployer=deployer), "operator", namespace, env, deployer)
        # letters alone, and no two namespaces the same: a kind is there for the whole cluster
        self.charts, self.kind = tmp_path, namespace.translate(LETTERS).replace("-", "")

    def install_version(self, version: str, properties: str) -> None:
        """Install a version of the chart whose kind has these properties."""
        kind = KIND.replace("KIND", self.kind.title()).replace("NAME", self.kind).replace("PROPERTIES", properties)
        self.install(pack(self.charts, "gpu", version, {"crds/k.yaml": kind, "templates/secret.yaml": EMPTY}))

    def secret(self) -> dict[str, str]:
        found: dict[str, str] = self.object("secret", "cert")["data"]
        return found

    def fill(self) -> None:
        """Write certificates into the Secret, as an operator does: under a name of its own."""
        secret = self.object("secret", "cert")
        self.kubectl("replace", "--field-manager=operator", "-f", "-", feed=json.dumps({**secret, "data": FILLED}))

    def properties(self) -> set[str]:
        """Return the properties of the kind as the cluster knows it."""
        found = self.object("crd", f"{self.kind}s.test.clusterbook.dev")
        return set(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])


@pytest.fixture(params=DEPLOYERS)
def operator(request: pytest.FixtureRequest, tmp_path: Path, namespace: str, env: Mapping[str, str]) -> Operator:
    return Operator(tmp_path, namespace, env, request.param)


def test_what_an_operator_wrote_into_a_secret_of_its_chart_stays(operator: Operator) -> None:
    operator.install_version("1.0.0", "{a: {type: string}}")
    assert operator.secret() == {"tls.crt": "", "tls.key": ""}
    operator.fill()
    operator.install_version("1.0.0", "{a: {type: string}}")
    assert operator.secret() == FILLED
    operator.install_version("2.0.0", "{a: {type: string}}")
    assert operator.secret() == FILLED


def test_kinds_beside_the_templates_move_on_with_their_chart(operator: Operator) -> None:
    operator.install_version("1.0.0", "{a: {type: string}}")
    assert operator.properties() == {"a"}
    operator.install_version("2.0.0", "{a: {type: string}, b: {type: string}}")
    assert operator.properties() == {"a", "b"}


def test_the_namespace_admits_privileged_pods(operator: Operator) -> None:
    operator.install_version("1.0.0", "{a: {type: string}}")
    labels = operator.object("namespace", operator.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
