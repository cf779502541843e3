"""What the options of a bundle mean, and which go together."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusterbook.bundle import options
from clusterbook.bundle.rederive import prove
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.whole_recipes import small


def test_nothing_asked_is_helm_with_every_default() -> None:
    found = options.read_options({})
    assert found == options.Options("helm")


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"deployer": "helmm"}, "--deployer helmm is unknown"),
        ({"deployer": "argocd", "dynamic": ["a:b"]}, "--dynamic does not apply to the deployer argocd"),
        ({"appName": "x"}, "--app-name does not apply to the deployer helm"),
        ({"repo": "https://a/b"}, "--repo does not apply to the deployer helm"),
        ({"fluxNamespace": "x"}, "--flux-namespace does not apply to the deployer helm"),
        ({"set": ["a:b=1", "a:b=2"]}, "--set a:b is given twice"),
        ({"setJson": ["a:b=1", "a:b=2"]}, "--set-json a:b is given twice"),
        ({"setFile": ['a:b="x"', 'a:b="y"']}, "--set-file a:b is given twice"),
        *(
            ({"setJson": [f"a:x={head * n}1{tail * n}"]}, "--set-json a:x is not JSON: ")
            for head, tail in (("[", "]"), ('{"a":', "}"))
            for n in (64, 900, 100_000)
        ),
        *(
            ({option: [f"a:{'x.' * 5000}x{tail}"]}, "a path of more than 64 steps")
            for option, tail in (("set", "=1"), ("setJson", "=1"), ("setFile", "=1"), ("dynamic", ""))
        ),
        ({"setSecret": [f"a:{'x.' * 64}x=a/b"]}, "a path of more than 64 steps"),
        ({"setFile": [f"a:x={'[' * 900}1{']' * 900}"]}, "--set-file a:x is not JSON: it nests deeper than 64 levels"),
        ({"setJson": ["deployer:project=1"]}, "--set-json does not address the deployer"),
        ({"nodes": "-3"}, "--nodes -3 is not a number of nodes"),
        ({"nodes": "many"}, "--nodes many is not a number of nodes"),
        ({"nodes": "1.5"}, "--nodes 1.5 is not a number of nodes"),
        ({"nodes": "²"}, "--nodes ² is not a number of nodes"),
        ({"nodes": "1" * 5000}, "is not a number of nodes"),
        ({"nodes": "1000001"}, "--nodes 1000001 is not a number of nodes"),
        ({"nodes": True}, "--nodes True is not a number of nodes"),
        ({"storageClass": "No Such"}, "--storage-class 'No Such' cannot be used"),
        ({"deployer": "argocd", "appName": "Stack"}, "--app-name 'Stack' cannot be used"),
        ({"deployer": "argocd", "repo": "somewhere"}, "--repo 'somewhere' cannot be used"),
        ({"deployer": "argocd", "repo": "https://me:secret@h/x"}, "--repo holds a password"),
        ({"deployer": "argocd", "targetRevision": "a b"}, "--target-revision 'a b' cannot be used"),
        ({"deployer": "flux", "fluxNamespace": "../x"}, "--flux-namespace '../x' cannot be used"),
        ({"workloadGate": "a=b"}, "--workload-gate a=b: the effect is missing"),
        ({"systemNodeToleration": ["a", "a"]}, "--system-node-toleration a is given twice"),
        ({"set": ["deployer:project=x"]}, "--set deployer:project is unknown to the deployer helm"),
        ({"deployer": "argocd", "set": ["deployer:projekt=x"]}, "--set deployer:projekt is unknown"),
        ({"deployer": "argocd", "set": ["deployer:cascadeDelete=yes"]}, "must be true or false"),
        ({"deployer": "argocd", "set": ["deployer:destinationServer=here"]}, "is not the URL of an API server"),
        ({"deployer": "argocd", "set": ["deployer:namePrefix=-x"]}, "is not a valid name prefix"),
        ({"deployer": "argocd", "set": ["deployer:project=A b"]}, "is not the name of a project"),
    ],
)
def test_bad_options_are_refused_by_their_word(request_: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(what)) as caught:
        options.read_options(request_)
    assert caught.value.exit_status == 2
    assert caught.value.hint


def test_the_secret_of_a_repository_is_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as caught:
        options.read_options({"deployer": "argocd", "repo": "https://me:secret@h/x"})
    assert "secret" not in str(caught.value)


def test_settings_of_the_deployer_are_not_settings_of_a_component() -> None:
    words = [
        "deployer:namePrefix=eu-",
        "deployer:cascadeDelete=true",
        "deployer:destinationServer=https://10.0.0.1:6443",
    ]
    found = options.read_options({"deployer": "argocd", "set": [*words, "a:b=1"]})
    assert (found.name_prefix, found.cascade_delete, found.destination_server) == ("eu-", True, "https://10.0.0.1:6443")
    assert [each.target for each in found.settings] == ["a"]


def test_the_record_of_a_request_reads_back_as_the_request() -> None:
    request = {
        "deployer": "flux",
        "set": ["a:b=1.10"],
        "setJson": ['a:c={"d":[1]}'],
        "dynamic": ["a:e"],
        "nodes": "8",
        "vendorCharts": True,
        "workloadGate": "x=y:NoSchedule",
    }
    found, version = options.read_options_document(options.options_document(request, "1.2.3"))
    assert (found, version) == (request, "1.2.3")
    assert options.read_options(found) == options.read_options(request)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"kind": "Recipe", "spec": {}},
        {"kind": "BundleOptions", "spec": {"deployerr": "helm"}},
        {"kind": "BundleOptions", "spec": {"set": "a:b=1"}},
        {"kind": "BundleOptions", "spec": {"set": [1]}},
        {"kind": "BundleOptions", "spec": {"vendorCharts": "yes"}},
        {"kind": "BundleOptions", "spec": {"repo": ["x"]}},
    ],
)
def test_a_record_that_somebody_tampered_with_is_refused(document: Any) -> None:
    with pytest.raises(InvalidRequest, match=re.escape("options.yaml")):
        options.read_options_document(document)


def test_the_content_of_a_file_is_recorded_as_a_word() -> None:
    word = options.json_word("a", ["b", "c"], {"z": "é", "a": [1.5, None]})
    assert word == 'a:b.c={"a":[1.5,null],"z":"é"}'


def test_a_value_may_nest_as_deep_as_in_a_file() -> None:
    word = f"operator:x={'[' * 63}1{']' * 63}"
    made = render(small(), {"setJson": [word]}, "1")
    assert not prove(made.files).differences
