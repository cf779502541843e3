"""What the site knows: recipes, versions, components, layers and values of a small tree and its ledger."""

from __future__ import annotations

import json

import pytest

from clusterbook.site.components import is_switched_off
from clusterbook.site.model import ComponentView, LayerView, RecipeSummary, ValueView
from tests.support import ledgers, sites, trees
from tests.transition.test_record import RECORD

DATA = sites.small()


def recipe(slug: str) -> RecipeSummary:
    return next(each for each in DATA.recipes if each.slug == slug)


def component(name: str) -> ComponentView:
    return next(each for each in DATA.components if each.name == name)


def layer(name: str) -> LayerView:
    return next(each for each in DATA.layers if each.name == name)


def value(name: str, path: str) -> ValueView:
    return next(each for each in DATA.values if (each.component, each.path) == (name, path))


def test_every_recipe_that_is_served_is_there() -> None:
    assert [each.slug for each in DATA.recipes] == ["aks", "base", "eks", "gke"]
    assert recipe("eks").components == (("b", "1.0.0"), ("a", "1.0.0"), ("c", "1.0.0"))
    assert recipe("eks").layers == ("base", "eks")


def test_a_recipe_knows_its_versions_the_oldest_first() -> None:
    first, second = recipe("eks").versions
    assert (first.number, first.release, first.before) == ("1.0.0", "2026.3.0", "")
    assert (second.number, second.release, second.before, second.level) == ("1.1.0", "2026.7.0", "1.0.0", "minor")
    assert recipe("eks").newest == second


def test_what_moved_since_the_last_release_is_not_released_like_this() -> None:
    assert all(each.unreleased for each in DATA.recipes)
    same = sites.data(ledgers.JULY, ledgers.two())
    assert not any(each.unreleased for each in same.recipes)
    assert same.released
    assert (same.release, same.date) == ("2026.7.0", "2026-07-01T00:00:00Z")


def test_a_file_that_changes_no_recipe_leaves_them_released() -> None:
    moved = {**ledgers.JULY, "components/a/values.yaml": "# again\nx: 1\n"}
    found = sites.data(moved, ledgers.two())
    assert not found.released
    assert not any(each.unreleased for each in found.recipes)


def test_a_withdrawn_version_is_not_the_newest() -> None:
    withdrawn = (
        "apiVersion: clusterbook.dev/v1alpha1\nkind: Withdrawals\nwithdrawn:\n"
        '- {slug: eks, version: "1.1.0", reason: it loses data, replacement: "1.0.0",'
        ' date: "2026-08-01T00:00:00Z", commit: "' + "1" * 40 + '"}\n'
    )
    found = sites.data(ledgers.JULY, {**ledgers.two(), "withdrawn.yaml": withdrawn})
    eks = next(each for each in found.recipes if each.slug == "eks")
    assert eks.newest is not None
    assert eks.newest.number == "1.0.0"
    assert eks.versions[1].withdrawn == "it loses data"
    assert eks.versions[1].replacement == "1.0.0"


def test_a_version_looks_as_it_was_published() -> None:
    old = DATA.version("eks", "1.0.0")
    assert [part.name for part in old.parts] == ["a", "b"]
    assert [(row.path, row.text, row.by) for row in old.parts[1].rows] == [("size", "1", "eks")]
    assert [(row.path, row.text, row.by) for row in DATA.recipe("eks").parts[0].rows] == [("size", "2", "eks")]


def test_the_difference_of_two_versions_is_that_of_the_client() -> None:
    found = DATA.diff("eks", "1.0.0", "1.1.0")
    assert [(each.section, each.component) for each in found.changes] == [("component", "c"), ("value", "b")]


def test_releases_are_the_newest_first_and_say_what_moved() -> None:
    july, march = DATA.releases
    assert (july.name, july.previous, march.name, march.previous) == ("2026.7.0", "2026.3.0", "2026.3.0", "")
    assert {move[0]: move[2:] for move in july.moves} == {
        "eks": ("changed", "1.0.0", "1.1.0"),
        "gke": ("new", "", "1.0.0"),
    }
    assert july.unchanged == 2
    assert {move[2] for move in march.moves} == {"new"}


def test_a_component_knows_who_uses_it_and_what_it_needs() -> None:
    assert dict(component("c").used) == {"1.0.0": ("eks",)}
    assert component("a").needs == ("b",)
    assert component("b").needed_by == ("a",)
    assert not component("d").used
    assert component("a").files == ("components/a/values.yaml",)


def test_a_layer_says_what_it_says_itself_and_who_builds_on_it() -> None:
    assert layer("base").children == ("aks", "eks", "gke")
    assert layer("eks").parent == "base"
    assert layer("eks").recipes == ("eks",)
    said = dict(layer("eks").components)
    assert [(what, text) for what, text, _ in said["b"]] == [("size", "2")]


def test_a_value_knows_what_it_is_in_which_recipe_and_who_said_so() -> None:
    assert value("a", "x").variants == (
        ("1", ("aks", "base", "gke"), ("components/a/values.yaml",)),
        ("2", ("eks",), ("eks",)),
    )
    assert value("a", "x").varies
    assert not value("a", "list").varies


def test_neighbours_differ_in_one_criterion_and_say_how_much() -> None:
    found = {slug: (what, components, values) for what, slug, components, values in DATA.neighbours("eks")}
    assert found["base"] == ("without Amazon EKS", 1, 2)
    assert found["aks"][0] == "with Azure AKS"
    assert "eks" not in found


def test_only_recipes_that_deploy_a_component_count() -> None:
    data = sites.our_data()
    recipes = {each.slug: data.recipe(each.slug) for each in data.recipes}
    deploying = {slug for slug, view in recipes.items() if "gpu-operator" in {part.name for part in view.parts}}
    found = next(each for each in data.components if each.name == "gpu-operator")
    assert {slug for slugs in found.used.values() for slug in slugs} == deploying
    assert sum(map(len, found.parts_in.values())) == len(deploying) < len(recipes)
    for each in data.values:
        if each.component == "gpu-operator":
            for text, slugs, _ in each.variants:
                assert {*slugs, *each.off.get(text, ())} <= deploying


def test_a_driver_counts_where_it_is_installed() -> None:
    data = sites.our_data()
    found = next(each for each in data.values if (each.component, each.path) == ("gpu-operator", "driver.version"))
    installed, off = set(), set()
    for summary in data.recipes:
        view = data.recipe(summary.slug)
        for part in view.parts:
            driver = part.document.get("values", {}).get("driver", {}) if part.name == "gpu-operator" else {}
            if driver.get("version") == "580.173.02":
                (installed if driver.get("enabled", True) else off).add(summary.slug)
    slugs = {text: {*slugs} for text, slugs, _ in found.variants}
    assert {*slugs} == {"580.173.02", '"595"'}  # SLES names a branch, and what reads as a number is quoted
    assert (slugs["580.173.02"], {*found.off["580.173.02"]}) == (installed, off)
    assert len(off) > 80 < len(installed)


@pytest.mark.parametrize(
    ("path", "off"),
    [
        ("driver.version", True), ("driver.rdma.useHostMofed", True), ("driver.enabled", False),
        ("driver.rdma.enabled", True), ("toolkit.env", False), ("cdi.enabled", False), ("cdi.default", True),
        ("toolkit.version", False), ('dotted."a.b".c', True), ("elsewhere.x", False), ("list", False),
    ],
)  # fmt: skip
def test_what_stands_below_a_switch_that_is_off_is_switched_off(path: str, off: bool) -> None:
    values = {
        "driver": {"enabled": False, "version": "1", "rdma": {"enabled": True, "useHostMofed": True}},
        "toolkit": {"enabled": True, "version": "1", "env": []},
        "cdi": {"enabled": False, "default": True},
        "dotted": {"a.b": {"enabled": False, "c": 1}},
        "list": [{"enabled": False}],
    }
    assert is_switched_off(values, path) is off


IMAGES = """
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentImages
metadata: {{name: {name}}}
spec:
  chart: "{chart}"
  images: [{{registry: ghcr.io, repository: x/{name}, tag: "1", source: chart}}]
{more}"""
LACKING = "  incomplete: [{missing: the agent, reason: nobody could see it}]\n"


def lists(**more: str) -> dict[str, str]:
    """Return a tree in which a has a whole list, b one that says what it lacks, c none; `more` changes lists."""
    found = {
        "a": IMAGES.format(name="a", chart="1.0.0", more=""),
        "b": IMAGES.format(name="b", chart="1.0.0", more=LACKING),
    }
    return {**sites.SMALL, **{f"components/{name}/images.yaml": text for name, text in {**found, **more}.items()}}


def test_what_a_list_of_images_lacks_is_on_the_pages_of_its_component_and_recipes() -> None:
    data = sites.data(lists())
    gaps = {each.name: each.image_gaps for each in data.components}
    assert gaps["a"] == ()
    assert gaps["b"] == ("the agent: nobody could see it",)
    assert gaps["c"] == ("its images are not listed for chart c",)
    files = {path: text.decode() for path, text in sites.files(data).items() if path.endswith(".html")}
    for page in ("components/b.html", "recipes/eks.html"):
        assert "This list is not complete" in files[page]
        assert "the agent: nobody could see it" in files[page]
    assert "This list is not complete" not in files["components/a.html"]


def test_a_list_that_was_written_for_another_chart_says_so() -> None:
    data = sites.data(lists(a=IMAGES.format(name="a", chart="0.9.0", more="")))
    (gap,) = next(each.image_gaps for each in data.components if each.name == "a")
    assert gap == "images of its chart 1.0.0: the list was written for 0.9.0"


def test_what_is_recorded_of_upgrades_is_on_the_page_of_its_component() -> None:
    registry = trees.REGISTRY.replace(
        "- name: b\n", "- name: b\n  class: ops\n  upgrades: {file: components/b/upgrades.yaml}\n"
    )
    record = RECORD.replace("component: grove", "component: b").replace(
        "A field comes.", sites.HOSTILE.replace('"', "'")
    )
    files = sites.files(sites.data({**sites.SMALL, "registry.yaml": registry, "components/b/upgrades.yaml": record}))
    page = files["components/b.html"].decode()
    for words in ("&lt;0.1.0-alpha.12", "manual", "none of the old kind is left", "kubectl delete crd x", "ops"):
        assert words in page
    assert "<script>alert" not in page
    assert "Upgrades that are recorded" not in files["components/a.html"].decode()
    upgrades = json.loads(files["api/v1/components/b.json"])["upgrades"]
    assert [each["verdict"] for each in upgrades] == ["manual", "safe"]
    assert upgrades[0]["stepsByDeployer"][0]["deployers"] == ["helm", "helmfile"]
