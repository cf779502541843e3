"""The deployer argocd-helm: a chart of Applications, and what may still be chosen when it is installed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from clusterbook.bundle.argocd.helm_chart import package
from clusterbook.bundle.folders import VendoredChart
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.argo import bundle, load, texts

A = {"name": "a", "chart": "chart-a", "values": {"x": 1, "driver": {"version": "580", "rdma": True}}}
MANIFESTS = ["components/a/manifests/task.yaml"]
KEYS = {"registry": {"valueOverrideKeys": ["akey", "other"]}}


def files(*references: dict[str, Any], **request: Any) -> dict[str, str]:
    return texts(bundle(*references, **{"deployer": "argocd-helm", **request}))


def refused(schema: str, values: Any) -> list[str]:
    """Return what a schema has against values, by the paths at which it has."""
    errors = Draft7Validator(json.loads(schema)).iter_errors(values)
    return [error.json_path for error in errors]


def test_the_chart_has_a_template_for_each_release_and_one_for_their_parent() -> None:
    assert sorted(files({**A, "manifestFiles": MANIFESTS}, {"name": "b"})) == [
        ".helmignore",
        "002-a-post/Chart.yaml",
        "002-a-post/templates/task.yaml",
        "002-a-post/values.yaml",
        "Chart.yaml",
        "README.md",
        "argocd-cm-patch.yaml",
        "checksums.txt",
        "options.yaml",
        "recipe.yaml",
        "static/a.yaml",
        "templates/_helpers.tpl",
        "templates/a-post.yaml",
        "templates/a.yaml",
        "templates/b.yaml",
        "templates/clusterbook-stack.yaml",
        "templates/stack.parts.yaml",
        "values.schema.json",
        "values.yaml",
    ]


def test_values_that_are_settled_lie_beside_the_templates() -> None:
    found = files(A)
    assert load(found["static/a.yaml"]) == A["values"]
    assert '.Files.Get "static/a.yaml"' in found["templates/a.yaml"]
    assert "valuesObject" not in files({"name": "a"})["templates/a.yaml"]


def test_the_chart_is_called_and_versioned_like_its_recipe() -> None:
    assert load(files(A)["Chart.yaml"])["name"] == "h100-any"
    assert load(files(A)["Chart.yaml"])["version"] == "0.1.0"
    made = bundle(A, metadata={"version": "v2.1.0", "slug": "My.Own_recipe"}, deployer="argocd-helm")
    chart = load(made.files["Chart.yaml"])
    assert (chart["name"], chart["version"]) == ("my-own-recipe", "2.1.0")


def test_options_are_what_an_installation_starts_from() -> None:
    found = files(
        A,
        repo="oci://ghcr.io/x/charts",
        targetRevision="1.2.0",
        appName="mine",
        set=["deployer:namePrefix=eu-", "deployer:project=gpu", "deployer:destinationServer=https://10.0.0.1:6443"],
    )
    assert load(found["values.yaml"]) == {
        "repoURL": "oci://ghcr.io/x/charts",
        "targetRevision": "1.2.0",
        "appName": "mine",
        "deployer": {"destinationServer": "https://10.0.0.1:6443", "namePrefix": "eu-", "project": "gpu"},
        "part": "",
    }


def test_values_of_the_chart_fit_its_own_schema_and_unknown_ones_do_not() -> None:
    found = files({**A, **KEYS, "manifestFiles": MANIFESTS}, dynamic=["a:driver.version"])
    values, schema = load(found["values.yaml"]), found["values.schema.json"]
    assert refused(schema, values) == []
    assert refused(schema, {**values, "part": "002-a-post", "global": {}}) == []
    for wrong, place in (
        ({"bogus": 1}, "$"),
        ({"deployer": {**values["deployer"], "cascadeDelete": True}}, "$.deployer"),
        ({"deployer": {"namePrefix": "Eu"}}, "$.deployer.namePrefix"),
        ({"repoURL": "somewhere"}, "$.repoURL"),
        ({"part": "001-a"}, "$.part"),
        ({"akey": {"driver": {"rdma": False}}}, "$.akey.driver"),
        ({"akey": {"x": 2}}, "$.akey"),
        ({"akey": None}, "$.akey"),
    ):
        assert refused(schema, {**values, **wrong}) == [place]


def test_what_is_left_open_is_a_value_of_the_chart_and_no_longer_settled() -> None:
    found = files({**A, **KEYS}, dynamic=["other:driver.version", "a:toolkit"])
    assert load(found["values.yaml"])["akey"] == {"driver": {"version": "580"}, "toolkit": ""}
    assert load(found["static/a.yaml"]) == {"x": 1, "driver": {"rdma": True}}
    assert '(index .Values "akey")' in found["templates/a.yaml"]
    schema = found["values.schema.json"]
    values = load(found["values.yaml"])
    assert refused(schema, {**values, "akey": {"driver": {"version": 580}, "toolkit": {"any": ["thing"]}}}) == []


def test_a_component_whose_key_is_taken_goes_by_its_name() -> None:
    reserved = {**A, "registry": {"valueOverrideKeys": ["part"]}}
    assert load(files(reserved, dynamic=["a:x"])["values.yaml"])["a"] == {"x": 1}
    twice = {"registry": {"valueOverrideKeys": ["same"]}}
    found = load(files({**A, **twice}, {**A, "name": "b", **twice}, dynamic=["a:x", "b:x"])["values.yaml"])
    assert (found["same"], found["b"]) == ({"x": 1}, {"x": 1})


def test_a_component_that_no_value_can_speak_of_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="an install-time value cannot be named part"):
        files({**A, "name": "part"}, dynamic=["part:x"])


def test_text_of_a_recipe_is_never_a_template() -> None:
    evil = '{{ fail "ran" }}'
    found = files({**A, "values": {evil: f"{evil}\n{evil}"}})
    assert "fail" not in found["templates/a.yaml"]
    with pytest.raises(InvalidRequest, match="not a chart repository"):
        files({**A, "source": "https://x/{{fail}}"})
    assert load(found["static/a.yaml"]) == {evil: f"{evil}\n{evil}"}  # read as a file, so it stays as it is


def test_only_when_asked_for_what_was_installed_goes_with_its_application() -> None:
    for asked in (True, False):
        found = files(A, set=["deployer:cascadeDelete=true"] if asked else [])
        for path in ("templates/a.yaml", "templates/clusterbook-stack.yaml"):
            assert ("resources-finalizer" in found[path]) == asked


def test_a_chart_that_travels_along_needs_a_directory() -> None:
    charts = {"a": VendoredChart("chart-a-v1.2.3.tgz", b"chart", "helm v3")}
    request: dict[str, Any] = {"deployer": "argocd-helm", "vendorCharts": True, "dynamic": ["a:x"]}
    made = bundle(A, charts=charts, **request)
    found = texts(made)
    assert load(found["001-a/values.yaml"]) == {"chart-a": {"driver": {"version": "580", "rdma": True}}}
    assert load(found["001-a/Chart.yaml"])["dependencies"][0]["name"] == "chart-a"
    assert "static/a.yaml" not in found
    with pytest.raises(InvalidRequest, match="charts that travel inside another"):
        bundle(A, charts=charts, repo="oci://ghcr.io/x", **request)


def test_a_release_called_like_the_parent_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="both called clusterbook-stack"):
        files({"name": "clusterbook-stack"})


def test_a_chart_that_does_not_know_where_it_lies_says_so() -> None:
    assert any("repoURL" in note for note in bundle(A, deployer="argocd-helm").notes)
    assert not bundle(A, deployer="argocd-helm", repo="oci://ghcr.io/x").notes


def test_what_is_published_is_the_chart_without_its_papers() -> None:
    made = bundle({**A, "manifestFiles": MANIFESTS}, deployer="argocd-helm")
    packed = package({**made.files, "attestation/bundle.json": b"{}"})
    assert [path for path, _ in packed] == [
        "h100-any/Chart.yaml",
        "h100-any/values.yaml",
        "h100-any/values.schema.json",
        "h100-any/templates/_helpers.tpl",
        "h100-any/templates/a-post.yaml",
        "h100-any/templates/a.yaml",
        "h100-any/templates/clusterbook-stack.yaml",
        "h100-any/templates/stack.parts.yaml",
        "h100-any/.helmignore",
        "h100-any/002-a-post/templates/task.yaml",
        "h100-any/README.md",
        "h100-any/argocd-cm-patch.yaml",
        "h100-any/static/a.yaml",
    ]
    assert dict(packed)["h100-any/Chart.yaml"] == made.files["Chart.yaml"]


def test_the_readme_says_how_a_chart_is_installed_and_what_is_left_open() -> None:
    said = files({**A, **KEYS}, dynamic=["a:x"], repo="oci://ghcr.io/x/charts")["README.md"]
    assert "helm install clusterbook-stack" in said
    assert "`akey` (a)" in said
    block = load(said.partition("```yaml\n")[2].partition("```")[0])
    assert block["spec"]["source"]["repoURL"] == "ghcr.io/x/charts"
    assert block["spec"]["source"]["helm"]["valuesObject"]["part"] == "applications"
