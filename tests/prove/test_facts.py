"""Facts of a render: its images, kinds, webhooks and rights, what others own and what is new each time."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from clusterbook.catalog.chart import ChartKeys
from clusterbook.catalog.images import images_in
from clusterbook.prove.facts import gather
from clusterbook.prove.images import setting
from clusterbook.prove.objects import Object, ObjectChange, Reader, split

CHART = ChartKeys("a", "1.0.0", {"image": {"repository": "quay.io/x/manager", "tag": "v1"}}, kube_version=">=1.30.0-0")


def facts(text: str, **more: Any) -> dict[str, Any]:
    objects = Reader().whole(split(dedent(text)))
    return gather(
        CHART, more.get("values", {}), objects, unstable=more.get("unstable", ()), refusals=more.get("refusals", {})
    )


def test_the_range_of_kubernetes_and_what_it_refuses_are_told() -> None:
    assert facts("", refusals={"1.28.0": "too old"})["kubernetes"] == [
        {"range": ">=1.30.0-0"},
        {"refused": "1.28.0", "why": "too old"},
    ]


def test_an_image_is_told_with_the_value_that_sets_it() -> None:
    text = """
        kind: Deployment
        metadata: {name: m}
        spec: {template: {spec: {containers: [{name: m, image: "quay.io/x/manager:v1"}]}}}
        """
    assert facts(text)["images"] == [
        {"image": "quay.io/x/manager:v1", "objects": ["Deployment/m"], "value": "/image/repository"}
    ]


@pytest.mark.parametrize(
    ("data", "images"),
    [
        ({"spec": {"image": "busybox:1"}}, {"docker.io/library/busybox:1"}),
        (
            {"spec": {"binder": {"image": {"name": "binder", "repository": "ghcr.io/kai", "tag": "v1"}}}},
            {"ghcr.io/kai/binder:v1"},
        ),
        ({"spec": {"x": {"repository": "nvcr.io/n", "image": "driver", "version": "580"}}}, {"nvcr.io/n/driver:580"}),
        ({"spec": {"containers": [{"args": ["--reloader=quay.io/p/r:v0.9", "--x"]}]}}, {"quay.io/p/r:v0.9"}),
        ({"spec": {"containers": [{"env": [{"name": "I", "value": "ghcr.io/a/b:1"}]}]}}, {"ghcr.io/a/b:1"}),
        ({"spec": {"containers": [{"args": ["--url=https://example.org:443", "--addr=a.b.svc:80"]}]}}, set()),
        ({"kind": "ConfigMap", "data": {"c.yaml": "daemon:\n  image: ghcr.io/a/b:1\n"}}, {"ghcr.io/a/b:1"}),
        ({"kind": "CustomResourceDefinition", "spec": {"image": "busybox:1"}}, set()),
    ],
)  # fmt: skip
def test_images_are_found_wherever_an_object_names_them(data: dict[str, Any], images: set[str]) -> None:
    assert set(images_in(data)) == images


def test_the_longest_value_that_an_image_ends_in_sets_it() -> None:
    values = {"registry": "quay.io", "image": {"name": "x/manager", "tag": "v1"}, "other": "manager"}
    assert setting("quay.io/x/manager:v1", values) == "/image/name"
    assert setting("quay.io/y/z:v1", values) == ""


@pytest.mark.parametrize(
    ("file", "annotations", "where"),
    [
        ("a/crds/k.yaml", "", "crds"),
        ("a/charts/b/crds/k.yaml", "", "crds"),
        ("a/charts/crds/templates/k.yaml", "", "templates"),
        ("a/templates/k.yaml", "helm.sh/hook: pre-install", "hook"),
    ],
)
def test_a_kind_is_told_with_its_served_versions_and_where_it_lies(file: str, annotations: str, where: str) -> None:
    text = f"""
        # Source: {file}
        kind: CustomResourceDefinition
        metadata: {{name: ks.x.io, annotations: {{{annotations}}}}}
        spec: {{names: {{kind: K}}, versions: [{{name: v1, served: true}}, {{name: v1alpha1, served: false}}]}}
        """
    assert facts(text)["kinds"] == [{"name": "ks.x.io", "kind": "K", "versions": ["v1"], "where": where}]


def test_webhooks_rights_and_hooks_are_told() -> None:
    found = facts("""
        kind: ValidatingWebhookConfiguration
        metadata: {name: w}
        webhooks: [{name: a.x.io, failurePolicy: Ignore}, {name: b.x.io}]
        ---
        kind: ClusterRole
        metadata: {name: r}
        rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
        ---
        kind: Job
        metadata: {name: j, annotations: {helm.sh/hook: "post-upgrade,post-install"}}
        ---
        kind: Pod
        metadata: {name: t, annotations: {helm.sh/hook: test}}
        spec: {containers: [{image: "bats:1"}]}
        """)
    assert found["webhooks"] == [
        {
            "object": "ValidatingWebhookConfiguration/w",
            "webhooks": ["a.x.io", "b.x.io"],
            "failurePolicy": ["Fail", "Ignore"],
        }
    ]
    (role,) = found["clusterRoles"]
    assert role == {"object": "ClusterRole/r", "rules": 1, "grants": ["*.*: *"], "everything": True}
    assert found["hooks"] == [{"object": "Job/j", "when": ["post-install", "post-upgrade"]}]
    assert "images" not in found


def test_rights_are_told_by_role_and_those_of_others_by_whom_they_are_given_to() -> None:
    found = facts("""
        kind: ClusterRole
        metadata: {name: own, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true", app: x}}
        rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
        ---
        kind: Role
        metadata: {name: own, namespace: kube-system}
        rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]
        ---
        kind: ClusterRoleBinding
        metadata: {name: own}
        roleRef: {kind: ClusterRole, name: own}
        subjects: [{kind: ServiceAccount, name: s, namespace: n}]
        ---
        kind: ClusterRoleBinding
        metadata: {name: foreign}
        roleRef: {kind: ClusterRole, name: cluster-admin}
        subjects: [{kind: ServiceAccount, name: s, namespace: n}, {kind: Group, name: "system:authenticated"}]
        """)
    assert found["clusterRoles"] == [
        {"object": "ClusterRole/own", "rules": 1, "grants": ["pods: list"], "addedTo": ["view"]}
    ]
    assert found["roles"] == [
        {"object": "Role/own", "rules": 1, "grants": ["secrets: get"], "namespace": "kube-system"}
    ]
    assert found["bindings"] == [
        {
            "object": "ClusterRoleBinding/foreign",
            "role": "ClusterRole/cluster-admin",
            "subjects": ["ServiceAccount/n/s", "Group/system:authenticated"],
        }
    ]


def test_what_a_chart_writes_empty_and_a_controller_fills_is_told() -> None:
    found = facts("""
        apiVersion: v1
        kind: Secret
        metadata: {name: cert, namespace: n}
        data: {tls.crt: "", "ca/x": null, full: YQ==, ldap-toml: ""}
        ---
        apiVersion: admissionregistration.k8s.io/v1
        kind: MutatingWebhookConfiguration
        metadata: {name: w}
        webhooks:
        - {name: a, clientConfig: {caBundle: Cg==}}
        - {name: b, clientConfig: {caBundle: TUlJ}}
        - {name: c, clientConfig: {service: {name: s}}}
        """)
    assert found["owned"] == [
        {"object": "Secret/cert", "apiVersion": "v1", "namespace": "n", "pointers": ["/data/ca~1x", "/data/tls.crt"]},
        {
            "object": "MutatingWebhookConfiguration/w",
            "apiVersion": "admissionregistration.k8s.io/v1",
            "pointers": ["/webhooks/0/clientConfig/caBundle"],
        },
    ]


def test_what_is_new_at_each_render_and_what_never_changes_are_told() -> None:
    found = facts(
        "kind: Secret\nmetadata: {name: s}\nimmutable: true\n",
        unstable=[ObjectChange("Secret/s", "/data/a"), ObjectChange("Secret/s", "/data/b")],
    )
    assert found["unstable"] == [{"object": "Secret/s", "pointers": ["/data/a", "/data/b"]}]
    assert found["immutable"] == [{"object": "Secret/s"}]


SAFE = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}


@pytest.mark.parametrize(
    ("pod", "level"),
    [
        ({"containers": [{"securityContext": SAFE}]}, None),
        ({"containers": [{}]}, "baseline"),
        ({"containers": [{"securityContext": {**SAFE, "runAsUser": 0}}]}, "baseline"),
        ({"containers": [{"securityContext": SAFE}], "volumes": [{"name": "h", "nfs": {}}]}, "baseline"),
        ({"containers": [{"securityContext": {**SAFE, "privileged": True}}]}, "privileged"),
        ({"containers": [{"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}, "privileged"),
        ({"containers": [{"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}}]}, "baseline"),
        ({"containers": [{"ports": [{"hostPort": 9100}]}]}, "privileged"),
        ({"containers": [], "hostPID": True}, "privileged"),
        ({"initContainers": [{"securityContext": {"privileged": True}}], "containers": []}, "privileged"),
        ({"containers": [], "volumes": [{"name": "h", "hostPath": {"path": "/"}}]}, "privileged"),
    ],
)
@pytest.mark.parametrize("kind", ["Pod", "DaemonSet", "CronJob"])
def test_the_level_of_pod_security_is_what_the_pods_need(kind: str, pod: dict[str, Any], level: str | None) -> None:
    spec = {"Pod": pod, "DaemonSet": {"template": {"spec": pod}}}.get(
        kind, {"jobTemplate": {"spec": {"template": {"spec": pod}}}}
    )
    found = gather(CHART, {}, [Object("x/x", {"kind": kind, "spec": spec}, "")], unstable=(), refusals={})
    assert [each["level"] for each in found.get("podSecurity", [])] == ([level] if level else [])


def test_the_level_of_a_chart_is_that_of_its_neediest_pod() -> None:
    found = facts("""
        kind: Pod
        metadata: {name: a}
        spec: {containers: [{name: a}]}
        ---
        kind: Pod
        metadata: {name: b}
        spec: {hostNetwork: true, containers: []}
        """)
    assert found["podSecurity"] == [{"level": "privileged", "why": ["Pod/b#/spec/hostNetwork"]}]
