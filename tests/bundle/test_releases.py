"""Releases read back: an edited bundle installs what its files say, one as it was made what was planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.releases import EditedRelease, edited_releases
from clusterbook.bundle.render import Bundle, render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.whole_recipes import small

VALUES = {
    "driver": {"version": "1.10", "enabled": True, "none": None, "no": "no"},
    "ids": [{"uid": 1000650000}],
    "aws": {"accountId": 123456789012},
}
EVIL = "oci://evil.example/x"
CHART = VendoredChart("operator-2.0.0.tgz", b"\x1f\x8b", "helm 3")


def made(deployer: str, **request: Any) -> Bundle:
    """Return a bundle whose operator has large integers and a null among its values."""
    charts = {name: CHART._replace(tarball=f"{name}.tgz") for name in ("crds", "operator", "metrics")}
    request = {"dynamic": ["operator:driver.license"], **request} if deployer != "argocd" else request
    return render(small(operator={"values": VALUES}), {"deployer": deployer, **request}, "1.0", charts)


def edited(
    bundle: Bundle, deployer: str, ending: str, *changes: tuple[str, str], more: str = ""
) -> Mapping[str, EditedRelease]:
    """Return what is edited once words were replaced in the file of the operator that ends so."""
    path = next(path for path in bundle.files if path.endswith(ending))
    text = bundle.files[path].decode()
    for old, new in changes:
        assert old in text, (path, old)
        text = text.replace(old, new)
    files = {**bundle.files, path: f"{text}{more}".encode()}
    return edited_releases(files, bundle.files, bundle.plan, deployer)


@pytest.mark.parametrize("vendored", [False, True])
@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_a_bundle_as_it_was_made_is_read_as_it_was_planned(deployer: str, vendored: bool) -> None:
    bundle = made(deployer, vendorCharts=vendored)
    files = {
        path: data + b"\n" if path.endswith((".yaml", ".sh", ".env")) else data for path, data in bundle.files.items()
    }
    assert edited_releases(bundle.files, bundle.files, bundle.plan, deployer) == {}
    assert edited_releases(files, bundle.files, bundle.plan, deployer) == {}


@pytest.mark.parametrize("vendored", [False, True])
@pytest.mark.parametrize(
    ("deployer", "ending"),
    [
        ("helm", "-operator/values.yaml"),
        ("helmfile", "-operator/values.yaml"),
        ("argocd", "-operator/values.yaml"),
        ("argocd-helm", "static/operator.yaml"),
        ("flux", "operator/helmrelease.yaml"),
    ],
)
def test_a_value_that_was_edited_is_read_and_no_other_changes(deployer: str, ending: str, vendored: bool) -> None:
    if deployer == "argocd-helm" and vendored:
        ending = "-operator/values.yaml"
    bundle = made(deployer, vendorCharts=vendored)
    found = edited(bundle, deployer, ending, ('version: "1.10"', 'version: "1.11"'))
    wanted = {**VALUES, "driver": {**VALUES["driver"], "version": "1.11"}}  # type: ignore[dict-item]
    if deployer != "argocd":
        wanted["driver"]["license"] = ""  # type: ignore[index,call-overload]
    assert {name: (each.fields, each.values) for name, each in found.items()} == {"operator": ({}, wanted)}


@pytest.mark.parametrize(
    ("deployer", "ending", "change", "field"),
    [
        ("helm", "-operator/upstream.env", ("VERSION=v26.3.2", "VERSION='v26.3.3' # ours"), ("version", "v26.3.3")),
        ("helm", "-operator/upstream.env", ("registry.example/charts", "evil.example/x"), ("source", EVIL)),
        ("helm", "-operator/install.sh", ("--namespace gpu", "--namespace other"), ("namespace", "other")),
        ("helmfile", "level-1.yaml", ("version: v26.3.2", "version: v26.3.3"), ("version", "v26.3.3")),
        ("helmfile", "level-1.yaml", ("oci://registry.example/charts/gpu", f"{EVIL}/gpu"), ("source", EVIL)),
        ("helmfile", "level-1.yaml", ("/charts/gpu{{ end", "/charts/cpu{{ end"), ("chart", "cpu")),
        ("argocd", "-operator/application.yaml", (": v26.3.2", ": v26.3.3"), ("version", "v26.3.3")),
        ("argocd", "-operator/application.yaml", ("registry.example/charts", "evil.example/x"), ("source", EVIL)),
        ("argocd", "-operator/application.yaml", ("namespace: gpu", "namespace: other"), ("namespace", "other")),
        ("flux", "operator/helmrelease.yaml", ("version: v26.3.2", "version: v26.3.3"), ("version", "v26.3.3")),
        ("flux", "operator/helmrelease.yaml", ("Namespace: gpu", "Namespace: other"), ("namespace", "other")),
        ("flux", "-charts.yaml", ("oci://registry.example/charts", EVIL), ("source", EVIL)),
    ],
)  # fmt: skip
def test_where_a_release_comes_from_and_goes_to_is_read(
    deployer: str, ending: str, change: tuple[str, str], field: tuple[str, str]
) -> None:
    found = edited(made(deployer), deployer, ending, change)
    assert found["operator"].fields == dict([field])


@pytest.mark.parametrize(
    ("deployer", "ending", "old"),
    [
        ("helm", "-operator/install.sh", "aws.accountId=123456789012"),
        ("helmfile", "level-1.yaml", "value: '123456789012'"),
        ("argocd", "-operator/application.yaml", "value: '123456789012'"),
        ("flux", "operator/integers.yaml", "'123456789012'"),
    ],
)
def test_a_large_integer_is_what_is_given_one_by_one(deployer: str, ending: str, old: str) -> None:
    bundle = made(deployer)
    text = next(data for path, data in bundle.files.items() if path.endswith(ending)).decode()
    old = old if old in text else old.replace("'", '"')
    found = edited(bundle, deployer, ending, (old, old.replace("123456789012", "999999999999")))
    assert found["operator"].values["aws"] == {"accountId": 999999999999}
    assert found["operator"].values["ids"] == [{"uid": 1000650000}]
    if deployer in ("helm", "helmfile"):  # a file says less than what is given one by one
        assert edited(bundle, deployer, "-operator/values.yaml", ("123456789012", "5")) == {}


@pytest.mark.parametrize(
    ("more", "path", "value"),
    [
        ("driver: {version: '3'}\n", ("driver", "version"), "3"),
        ("driver: {enabled: no}\n", ("driver", "enabled"), False),  # as Helm reads it
        ("driver: {enabled: null}\n", ("driver", "enabled"), None),
        ("driver: {license: abc}\n", ("driver", "license"), "abc"),
        ("more: {a: [1]}\n", ("more", "a"), [1]),
    ],
)
@pytest.mark.parametrize("deployer", ["helm", "helmfile"])
def test_values_of_one_cluster_count_more_than_those_of_the_bundle(
    deployer: str, more: str, path: tuple[str, str], value: Any
) -> None:
    bundle = made(deployer)
    place = next(path for path in bundle.files if path.endswith("-operator/cluster-values.yaml"))
    files = {**bundle.files, place: more.encode()}
    found = edited_releases(files, bundle.files, bundle.plan, deployer)
    assert found["operator"].values[path[0]][path[1]] == value
    assert (found["operator"].place, list(found)) == (place, ["operator"])


@pytest.mark.parametrize(
    ("deployer", "ending"),
    [
        ("helm", "-operator/values.yaml"),
        ("helmfile", "level-1.yaml"),
        ("argocd", "-operator/application.yaml"),
        ("argocd-helm", "static/operator.yaml"),
        ("flux", "operator/helmrelease.yaml"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(deployer: str, ending: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        edited(made(deployer), deployer, ending, more="a: [\n")
    assert ending in str(caught.value.place)


def test_comments_and_order_are_no_edit() -> None:
    bundle = made("helm")
    place = next(path for path in bundle.files if path.endswith("-operator/values.yaml"))
    lines = bundle.files[place].decode().replace("aws:\n  accountId: 123456789012\n", "")
    files = {**bundle.files, place: f"# ours\n{lines}aws: {{accountId: 123456789012}}\n".encode()}
    assert edited_releases(files, bundle.files, bundle.plan, "helm") == {}


def test_what_is_missing_is_left_to_whoever_lists_files() -> None:
    bundle = made("helm")
    files = {path: data for path, data in bundle.files.items() if not path.endswith("-operator/values.yaml")}
    assert edited_releases(files, bundle.files, bundle.plan, "helm") == {}
