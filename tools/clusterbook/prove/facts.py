"""Facts: what a render says besides the effects of values, such as its images, kinds, webhooks and rights.

Each kind of fact is a list of small documents; bundles, checks and pages read them, so their fields are part of the
format of proofs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from clusterbook.catalog.chart import ChartKeys
from clusterbook.catalog.images import images_in
from clusterbook.catalog.proofs import Fact
from clusterbook.prove import pod_security
from clusterbook.prove.images import setting
from clusterbook.prove.objects import Object, ObjectChange
from clusterbook.prove.rights import grants
from clusterbook.prove.values import merge_values

MOST = 4
"""Most places that one fact names."""
_HOOK = "helm.sh/hook"
_AGGREGATED = "rbac.authorization.k8s.io/aggregate-to-"
_CREDENTIAL = re.compile(r"crt|cert|key|pem|ca\b|bundle|token|password", re.IGNORECASE)
"""Keys of a Secret that somebody fills; an empty file of configuration is meant to be empty."""


def gather(
    chart: ChartKeys,
    values: Mapping[str, Any],
    objects: Sequence[Object],
    *,
    unstable: Iterable[ObjectChange],
    refusals: Mapping[str, str],
) -> dict[str, list[Fact]]:
    """Return the facts of one render by kind; kinds without a fact are left out.

    Args:
        chart: what the chart has by itself.
        values: what it is given.
        objects: everything it renders to, the kinds beside its templates included.
        unstable: what differs between two renders that are given the same.
        refusals: what helm said by version of Kubernetes, for those that the chart refuses.
    """
    found = {
        "kubernetes": _kubernetes(chart, refusals),
        "images": _images(objects, merge_values(chart.values, values)),
        "unstable": _unstable_fields(unstable),
        **{kind: [fact for each in objects for fact in read(each)] for kind, read in _OF_OBJECTS.items()},
        "bindings": _foreign_roles(objects),
        "podSecurity": _pod_security(objects),
    }
    return {kind: facts for kind, facts in found.items() if facts}


def _kubernetes(chart: ChartKeys, refusals: Mapping[str, str]) -> list[Fact]:
    asked: list[Fact] = [{"range": chart.kube_version}] if chart.kube_version else []
    return [*asked, *({"refused": version, "why": why} for version, why in refusals.items())]


def _images(objects: Iterable[Object], values: Mapping[str, Any]) -> list[Fact]:
    """Return each image with the first objects that name it and the value that sets its repository."""
    where: dict[str, list[str]] = {}
    for each in objects:
        for image in () if _hooks(each) in _TESTS else images_in(each.data):
            names = where.setdefault(image, [])
            if each.name not in names:
                names.append(each.name)
    found: list[Fact] = []
    for image in sorted(where):
        value = setting(image, values)
        found.append({"image": image, "objects": where[image][:MOST], **({"value": value} if value else {})})
    return found


def _unstable_fields(changes: Iterable[ObjectChange]) -> list[Fact]:
    pointers: dict[str, list[str]] = {}
    for each in changes:
        pointers.setdefault(each.object, []).append(each.pointer)
    return [{"object": name, "pointers": found} for name, found in sorted(pointers.items())]


def _kinds(item: Object) -> Iterator[Fact]:
    """Yield a kind that the chart brings, with where it lies: helm upgrades those of templates alone."""
    if item.data.get("kind") != "CustomResourceDefinition":
        return
    spec = _map(item.data.get("spec"))
    versions = [str(_map(version).get("name")) for version in spec.get("versions") or () if _map(version).get("served")]
    where = "crds" if "crds/" in item.file and "templates/" not in item.file else "templates"
    yield {
        "name": item.name.partition("/")[2],
        "kind": _map(spec.get("names")).get("kind", ""),
        "versions": versions,
        "where": "hook" if _hooks(item) else where,
    }


_TESTS = (["test"], ["test-success"])
"""Hooks that only `helm test` starts."""


def _hooks(item: Object) -> list[str]:
    annotation = str(_map(_map(item.data.get("metadata")).get("annotations")).get(_HOOK) or "")
    return sorted({word.strip() for word in annotation.split(",") if word.strip()})


def _hook(item: Object) -> Iterator[Fact]:
    when = _hooks(item)
    if when and when not in _TESTS:
        yield {"object": item.name, "when": when}


def _webhooks(item: Object) -> Iterator[Fact]:
    if item.data.get("kind") not in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        return
    hooks = [_map(hook) for hook in item.data.get("webhooks") or ()]
    yield {
        "object": item.name,
        "webhooks": [str(hook.get("name")) for hook in hooks],
        "failurePolicy": sorted({str(hook.get("failurePolicy") or "Fail") for hook in hooks}),
    }


def _cluster_roles(item: Object) -> Iterator[Fact]:
    """Yield a role for the whole cluster, with what it allows and the roles of the cluster that it adds that to."""
    if item.data.get("kind") == "ClusterRole":
        added = [name for name, value in _map(_map(item.data.get("metadata")).get("labels")).items() if value == "true"]
        to = sorted(name.removeprefix(_AGGREGATED) for name in added if name.startswith(_AGGREGATED))
        yield {**_role(item), **({"addedTo": to} if to else {})}


def _roles(item: Object) -> Iterator[Fact]:
    """Yield a role of one namespace, with what it allows."""
    if item.data.get("kind") == "Role":
        yield {**_role(item), **_namespace(item.data)}


def _role(item: Object) -> Fact:
    rules = [_map(rule) for rule in item.data.get("rules") or ()]
    broad = any("*" in (rule.get("verbs") or ()) and "*" in (rule.get("resources") or ()) for rule in rules)
    allowed = grants(rules)
    return {"object": item.name, "rules": len(rules), "grants": allowed, **({"everything": True} if broad else {})}


def _foreign_roles(objects: Iterable[Object]) -> list[Fact]:
    """Return the roles of others that the chart gives to somebody in the whole cluster, such as cluster-admin."""
    own = {each.name for each in objects if each.data.get("kind") == "ClusterRole"}
    found: list[Fact] = []
    for each in objects:
        role = _map(each.data.get("roleRef"))
        name = f"{role.get('kind', '')}/{role.get('name', '')}"
        if each.data.get("kind") == "ClusterRoleBinding" and name not in own:
            subjects = [_map(subject) for subject in each.data.get("subjects") or ()]
            found.append({"object": each.name, "role": name, "subjects": [_subject(subject) for subject in subjects]})
    return found


def _subject(subject: Mapping[str, Any]) -> str:
    return "/".join(str(subject[key]) for key in ("kind", "namespace", "name") if subject.get(key))


def _empty_fields(item: Object) -> Iterator[Fact]:
    """Yield the fields that the chart writes without content and somebody else fills: emptied again by a second run."""
    pointers = sorted(_empty_secrets(item.data) if item.data.get("kind") == "Secret" else _empty_bundles(item.data))
    if pointers:
        yield {
            "object": item.name,
            "apiVersion": str(item.data.get("apiVersion", "")),
            **_namespace(item.data),
            "pointers": pointers,
        }


def _namespace(data: Mapping[str, Any]) -> dict[str, str]:
    namespace = _map(data.get("metadata")).get("namespace")
    return {"namespace": str(namespace)} if namespace else {}


def _empty_secrets(data: Mapping[str, Any]) -> Iterator[str]:
    for field in ("data", "stringData"):
        for key, value in _map(data.get(field)).items():
            if not str(value or "").strip() and _CREDENTIAL.search(key):
                yield f"/{field}/{key.replace('~', '~0').replace('/', '~1')}"


def _empty_bundles(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the certificates of webhooks and conversions that are there and empty; IA== is a blank, Cg== a line end."""
    for index, hook in enumerate(data.get("webhooks") or ()):
        if _map(_map(hook).get("clientConfig")).get("caBundle", "full") in _EMPTY:
            yield f"/webhooks/{index}/clientConfig/caBundle"
    webhook = _map(_map(_map(data.get("spec")).get("conversion")).get("webhook"))
    if _map(webhook.get("clientConfig")).get("caBundle", "full") in _EMPTY:
        yield "/spec/conversion/webhook/clientConfig/caBundle"


_EMPTY = ("", None, "Cg==", "IA==")


def _immutable_objects(item: Object) -> Iterator[Fact]:
    if item.data.get("kind") in ("Secret", "ConfigMap") and item.data.get("immutable") is True:
        yield {"object": item.name}


def _pod_security(objects: Iterable[Object]) -> list[Fact]:
    """Return the level that the chart's pods need, and what needs it."""
    levels = [(each, *pod_security.needs(each.data)) for each in objects]
    level = pod_security.widest(found for _, found, _ in levels)
    why = [f"{each.name}#{pointer}" for each, found, pointers in levels if found == level for pointer in pointers]
    has_pods = any(pointers for _, _, pointers in levels)
    return [{"level": level, "why": why[:MOST]}] if has_pods else []


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


_OF_OBJECTS: Mapping[str, Callable[[Object], Iterator[Fact]]] = {
    "kinds": _kinds,
    "hooks": _hook,
    "webhooks": _webhooks,
    "clusterRoles": _cluster_roles,
    "roles": _roles,
    "owned": _empty_fields,
    "immutable": _immutable_objects,
}
