"""Large integers: given to each deployer the way it gives Helm `--set`, so that charts print them as integers."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.integers import spell_path, walk_integers, without
from clusterbook.bundle.render import render
from tests.support.whole_recipes import small

VALUES = {"aws": {"accountId": 123456789012}, "qps": 1500000, "small": 999999, "list": [{"uid": 1000650000}]}
SET = {"aws.accountId": "123456789012", "qps": "1500000", "list[0].uid": "1000650000"}


def files(deployer: str, charts: dict[str, VendoredChart] | None = None, **request: Any) -> dict[str, str]:
    """Return the files of a bundle whose operator has large integers among its values."""
    recipe = small(operator={"values": VALUES})
    found = render(recipe, {"deployer": deployer, **request}, "1.0", charts).files
    return {path: data.decode(errors="replace") for path, data in found.items()}


def documents(found: dict[str, str]) -> dict[str, Any]:
    """Return the YAML documents among files."""
    reader = YAML(typ="safe")
    return {path: reader.load(text) for path, text in found.items() if path.endswith(".yaml")}


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"a": {"b": 1000000}}, "a.b"),
        ({"a.b": {"c,d": -2000000}}, "a\\.b.c\\,d"),
        ({"a=b": [[0, 1 << 40]]}, "a\\=b[0][1]"),
        ({"x[0]": 10**15}, "x\\[0\\]"),
        ({"back\\slash": 10**6}, "back\\\\slash"),
    ],
)
def test_a_path_is_spelled_as_helm_reads_it(values: dict[str, Any], path: str) -> None:
    assert [spell_path(found) for found, _ in walk_integers(values)] == [path]


@pytest.mark.parametrize("value", [999999, -999999, True, 1e6, "1000000", None, {"": 1000000}])
def test_what_helm_prints_as_it_stands_is_left_alone(value: Any) -> None:
    assert list(walk_integers({"a": value})) == []


def test_helm_is_given_them_by_set() -> None:
    script = next(text for path, text in files("helm").items() if path.endswith("-operator/install.sh"))
    for path, digits in SET.items():
        assert f"--set {path}={digits}" in script or f"--set '{path}={digits}'" in script
    assert "small" not in script


def test_helmfile_is_given_them_by_set() -> None:
    releases = (each for found in documents(files("helmfile")).values() for each in found.get("releases", ()))
    (release,) = (each for each in releases if each["name"] == "operator")
    assert {each["name"]: each["value"] for each in release["set"]} == SET


def test_argo_cd_is_given_them_as_parameters() -> None:
    found = next(
        data for path, data in documents(files("argocd")).items() if path.endswith("-operator/application.yaml")
    )
    (source,) = (each for each in found["spec"]["sources"] if "chart" in each)
    assert {each["name"]: each["value"] for each in source["helm"]["parameters"]} == SET


def test_a_chart_of_applications_gives_them_as_parameters() -> None:
    text = next(
        text for path, text in files("argocd-helm").items() if path.endswith("/operator.yaml") and "spec:" in text
    )
    for path, digits in SET.items():
        assert f'name: {path}\n          value: "{digits}"' in text.replace('"' + path + '"', path)


def test_in_a_chart_around_the_chart_they_stand_below_its_name() -> None:
    charts = {name: VendoredChart("gpu-1.tgz", b"", "helm") for name in ("crds", "operator", "metrics")}
    found = documents(files("argocd", charts, vendorCharts=True))
    application = next(data for path, data in found.items() if path.endswith("-operator/application.yaml"))
    assert "gpu.aws.accountId" in [each["name"] for each in application["spec"]["source"]["helm"]["parameters"]]


def test_flux_is_given_them_one_by_one_and_not_beside_that() -> None:
    found = documents(files("flux"))
    spec = found["operator/helmrelease.yaml"]["spec"]
    digits = found["operator/integers.yaml"]["data"]
    whole, *single = spec["valuesFrom"]
    assert {each["targetPath"]: digits[each["valuesKey"]] for each in single} == SET
    assert spec["values"]["aws"] == {}
    assert "operator/integers.yaml" in found["kustomization.yaml"]["resources"]
    assert whole == {"kind": "ConfigMap", "name": "operator-integers"}
    assert YAML(typ="safe").load(digits["values.yaml"]) == {"list": VALUES["list"]}
    assert "list" not in spec["values"]


@pytest.mark.parametrize(
    ("values", "moved", "paths"),
    [
        ({"a": {"b": [[{"c": 10**6}], 1]}}, {"a": {"b": [[{"c": 10**6}], 1]}}, ["a.b[0][0].c"]),
        ({"a": [10**6, 10**7, 5]}, {"a": [10**6, 10**7, 5]}, ["a[0]", "a[1]"]),
        ({"a": [1], "b": 10**6}, None, ["b"]),
        ({"a": [{"x y": 10**6}, {"z": 10**6}]}, None, []),
        ({"a": [{"x y": 10**6}], "b": [{"z": 10**6}]}, {"b": [{"z": 10**6}]}, ["b[0].z"]),
        ({"k" * 260: 10**6}, None, []),
    ],
)
def test_lists_with_large_integers_come_to_flux_as_a_whole(values: Any, moved: Any, paths: list[str]) -> None:
    made = render(small(operator={"values": values}), {"deployer": "flux"}, "1.0").files
    found = documents({path: data.decode() for path, data in made.items()})
    spec = found["operator/helmrelease.yaml"]["spec"]
    sources = spec.get("valuesFrom", [])
    assert [each["targetPath"] for each in sources if "targetPath" in each] == paths
    data = found.get("operator/integers.yaml", {}).get("data", {})
    assert YAML(typ="safe").load(data.get("values.yaml", "null")) == moved
    for key in moved or {}:
        assert list(walk_integers(spec.get("values", {}).get(key))) == []


def test_values_can_be_had_without_some() -> None:
    assert without({"a": {"b": 1, "c": 2}, "d": [1]}, {("a", "b")}) == {"a": {"c": 2}, "d": [1]}


@pytest.mark.parametrize("deployer", ["helm", "helmfile"])
def test_scripts_refuse_a_file_that_says_them_again_and_only_where_there_are_any(deployer: str) -> None:
    found = files(deployer)
    scripts = [path for path, text in found.items() if path.endswith(".sh") and "refuse_twice" in text]
    assert scripts == ["003-operator/install.sh" if deployer == "helm" else "release.sh"]
    plain = render(small(), {"deployer": deployer}, "1.0").files
    assert not any(b"refuse_twice" in data for data in plain.values())


def test_flux_says_what_becomes_of_a_large_integer_that_is_left_open() -> None:
    files = render(small(), {"deployer": "flux", "dynamic": ["operator:aws.id"]}, "1.0").files
    text = YAML(typ="safe").load(files["operator/configmap-values.yaml"].decode())["data"]["values.yaml"]
    assert text.startswith("# Helm reads numbers from 1000000 on as floats here")
    assert YAML(typ="safe").load(text) == {"aws": {"id": ""}}
