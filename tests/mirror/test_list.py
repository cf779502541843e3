"""Mirror lists: what bundles pull, what nobody knows about it, and how other tools read the list."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.bundle.options import read_options
from clusterbook.bundle.render import render
from clusterbook.documents.yaml_reader import parse
from clusterbook.mirror.formats import FORMATS
from clusterbook.mirror.list import ExtraImage, ImageGap, MirrorList, check_against_charts, join_lists, mirror_list
from tests.support.whole_recipes import small

LISTS: dict[str, dict[str, Any]] = {
    "crds": {"images": []},
    "operator": {"images": ["nvcr.io/nvidia/operator:v26", "busybox:1"]},
    "metrics": {"images": ["quay.io/m:2", "busybox:1"]},
}
OLM = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription"}


def listed(*settings: str, objects: dict[str, list[Any]] | None = None, **lists: dict[str, Any]) -> MirrorList:
    recipe = small(**(lists or LISTS))
    request = {"set": list(settings)}
    return mirror_list(recipe, render(recipe, request, "0").plan, read_options(request), objects or {})


def test_a_list_names_charts_and_full_images_with_who_starts_them() -> None:
    found = listed()
    assert [(need.component, need.chart.name, need.chart.version) for need in found.charts] == [
        ("crds", "crds", "1.10"),
        ("metrics", "metrics", "2.0.0"),
        ("operator", "gpu", "v26.3.2"),
    ]
    assert found.images == {
        "docker.io/library/busybox:1": ("metrics", "operator"),
        "nvcr.io/nvidia/operator:v26": ("operator",),
        "quay.io/m:2": ("metrics",),
    }
    assert found.gaps == ()


def test_images_of_our_own_manifests_are_listed() -> None:
    found = listed(objects={"settings": [{"spec": {"image": "a.io/b:1"}}]})
    assert found.images["a.io/b:1"] == ("settings",)


def test_a_component_that_is_left_out_pulls_nothing() -> None:
    found = listed("metrics:enabled=false")
    assert "quay.io/m:2" not in found.images
    assert [need.component for need in found.charts] == ["crds", "operator"]


def test_a_chart_whose_images_nobody_listed_is_a_gap() -> None:
    assert listed(crds={}).gaps[0] == ImageGap("crds", "its images are not listed for chart crds")


@pytest.mark.parametrize("path", ["driver.version", "image.tag", "image"])
def test_a_setting_that_may_change_an_image_is_a_gap(path: str) -> None:
    assert listed(f"operator:{path}=1").gaps == (ImageGap("operator", f"--set operator:{path} may change its images"),)
    assert listed("operator:driver.enabled=true").gaps == ()


def test_helm_closes_gaps_and_adds_what_the_lists_lack() -> None:
    found = listed("operator:image.tag=2")
    whole, lacking = check_against_charts(found, {"operator": ["nvcr.io/nvidia/operator:v26", "a.io/new:1"]})
    assert whole.gaps == ()
    assert lacking == (ExtraImage("operator", "a.io/new:1"),)
    assert whole.images["a.io/new:1"] == ("operator",)


def test_what_comes_from_a_marketplace_stays_a_gap() -> None:
    found = listed(objects={"settings": [OLM]})
    assert [gap.component for gap in check_against_charts(found, {"settings": []})[0].gaps] == ["settings"]


VARIANT = {"image": "nvcr.io/n/driver:580", "suffix": ["os"], "source": "operator", "switch": "driver.enabled"}


def varied(*settings: str, constraints: dict[str, str], **variant: Any) -> MirrorList:
    """Return the list of a recipe whose operator adds something to the tag of a driver."""
    lists = {**LISTS, "operator": {"images": [], "imageVariants": [{**VARIANT, **variant}]}}
    recipe = {**small(**lists), "constraints": [{"name": name, "value": value} for name, value in constraints.items()]}
    request = {"set": list(settings)}
    return mirror_list(recipe, render(recipe, request, "0").plan, read_options(request), {})


UBUNTU = {"OS.release.ID": "ubuntu", "OS.release.VERSION_ID": "24.04"}


@pytest.mark.parametrize(
    ("constraints", "tags"),
    [
        (UBUNTU, ["580-ubuntu24.04"]),
        ({**UBUNTU, "OS.release.ID": "== rhel", "OS.release.VERSION_ID": "9.4"}, ["580-rhel9.4"]),
        ({**UBUNTU, "OS.release.VERSION_ID": "in (22.04, 24.04)"}, ["580-ubuntu22.04", "580-ubuntu24.04"]),
        ({**UBUNTU, "OS.release.VERSION_ID": "22.04 || 24.04"}, ["580-ubuntu22.04", "580-ubuntu24.04"]),
        ({**UBUNTU, "OS.release.VERSION_ID": ">= 24.04"}, []),
        ({**UBUNTU, "OS.release.VERSION_ID": "!= 22.04"}, []),
        ({"OS.release.ID": "ubuntu"}, []),
        ({}, []),
    ],
)
def test_a_tag_that_depends_on_the_system_is_each_that_the_recipe_allows(
    constraints: dict[str, str], tags: list[str]
) -> None:
    found = varied(constraints=constraints)
    assert [image.rpartition(":")[2] for image in found.images if "driver" in image] == tags
    assert [gap.missing for gap in found.gaps] == ([] if tags else ["nvcr.io/n/driver:580"])


def test_a_tag_that_depends_on_more_than_a_recipe_says_is_a_gap() -> None:
    found = varied(constraints=UBUNTU, suffix=["os", "architecture"])
    assert [gap.missing for gap in found.gaps] == ["nvcr.io/n/driver:580"]


def test_an_image_that_is_switched_off_is_neither_listed_nor_missed() -> None:
    assert varied("operator:driver.enabled=false", constraints={}).gaps == ()
    assert varied("operator:driver.enabled=true", constraints={}).gaps != ()


def test_an_image_of_a_manifest_that_is_not_deployed_is_not_missed() -> None:
    assert varied(constraints={}, source="manifest").gaps == ()


def test_helm_does_not_add_a_tag_under_which_there_is_no_image() -> None:
    found, lacking = check_against_charts(varied(constraints={}), {"operator": ["nvcr.io/n/driver:580"]})
    assert (lacking, [gap.missing for gap in found.gaps]) == ((), ["nvcr.io/n/driver:580"])


def test_helm_does_not_add_an_image_that_is_switched_off_though_its_chart_names_it() -> None:
    found = varied("operator:driver.enabled=false", constraints={})
    assert check_against_charts(found, {"operator": ["nvcr.io/n/driver:580"]})[1] == ()


def test_what_a_list_says_it_lacks_is_a_gap_that_helm_does_not_close() -> None:
    lists = {**LISTS, "operator": {"images": [], "imageGaps": [{"missing": "the agent", "reason": "nobody knows it"}]}}
    whole, _ = check_against_charts(listed(**lists), {"operator": []})
    assert whole.gaps == (ImageGap("operator", "nobody knows it", helm_knows=False, missing="the agent"),)


def test_lists_of_several_recipes_are_one() -> None:
    other = listed("metrics:enabled=false")
    assert join_lists([listed(), other])._replace(name="") == listed()._replace(name="")
    assert join_lists([listed(crds={}), other]).gaps == listed(crds={}).gaps


@pytest.mark.parametrize("word", FORMATS)
def test_every_format_names_every_image(word: str) -> None:
    text = FORMATS[word](listed())
    assert all(image in text for image in listed().images)
    assert text.endswith("\n")


def test_zarf_has_a_component_each_with_its_chart_and_images() -> None:
    node = parse(FORMATS["zarf"](listed()), "zarf.yaml")
    assert node is not None
    assert node.data()["components"][2] == {
        "name": "operator",
        "required": True,
        "charts": [
            {"name": "gpu", "namespace": "gpu", "version": "v26.3.2", "url": "oci://registry.example/charts/gpu"}
        ],
        "images": ["docker.io/library/busybox:1", "nvcr.io/nvidia/operator:v26"],
    }


def test_hauler_has_images_and_charts() -> None:
    images, charts = FORMATS["hauler"](listed()).split("---\n")
    assert "apiVersion: content.hauler.cattle.io/v1\nkind: Images\n" in images
    assert 'name: crds\n      repoURL: https://charts.example/stable\n      version: "1.10"\n' in charts


def test_a_list_with_gaps_says_so_itself() -> None:
    node = parse(FORMATS["json"](listed(crds={})), "list.json")
    assert node is not None
    spec = node.data()["spec"]
    assert spec["complete"] is False
    assert spec["gaps"][0]["component"] == "crds"


@pytest.mark.parametrize(
    "option",
    [
        {"setJson": ['operator:driver={"version": "1"}']},
        {"setJson": ['operator:more=[{"image": "a"}]']},
        {"setJson": ['operator:more={"deep": {"initImage": "a"}}']},
        {"dynamic": ["operator:driver"]},
        {"set": ["operator:webhook.removalImage=x"]},
    ],
    ids=str,
)
def test_an_option_that_holds_an_image_further_down_is_a_gap(option: dict[str, list[str]]) -> None:
    recipe = small()
    request = {"deployer": "helm", **option}
    made = render(recipe, request, "1").plan
    gaps = [gap.why for gap in mirror_list(recipe, made, read_options(request), {}).gaps]
    assert [why for why in gaps if why.endswith("may change its images")] != []


def test_an_option_that_holds_none_is_no_gap() -> None:
    recipe = small()
    request = {"deployer": "helm", "setJson": ['operator:driver={"enabled": false, "kind": "open"}']}
    made = render(recipe, request, "1").plan
    assert not any("may change" in gap.why for gap in mirror_list(recipe, made, read_options(request), {}).gaps)
