"""Source trees on disk: what is read, what is refused, and how a private tree lies over the public one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import Catalog, load_catalog, survey_catalog
from clusterbook.catalog.read import overlay_tree, read_tree, tree_from_texts
from clusterbook.diagnostics.errors import NotFound, UnreadableSource
from clusterbook.documents.api_version import API_VERSION
from clusterbook.documents.yaml_reader import MAX_BYTES
from clusterbook.resolve.resolver import Recipe, Resolver
from tests.support.trees import component, constraints, texts, values

REGISTRY = "kind: ComponentRegistry\ncomponents: []\n"
VALIDATORS = "kind: ValidatorCatalog\nvalidators:\n"


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Return `root` with these files in it."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def public(root: Path, files: Mapping[str, str]) -> Path:
    """Return a public tree below `root`."""
    return write(root / "public", texts(files))


def private(root: Path, files: Mapping[str, str]) -> Path:
    """Return a private tree below `root`: only the files that are named."""
    whole = texts(files)
    shown = {path for path in whole if path in files or path.removesuffix(".yaml").removeprefix("overlays/") in files}
    return write(root / "private", {path: whole[path] for path in shown})


def layered(root: Path, below: Mapping[str, str], above: Mapping[str, str]) -> Catalog:
    """Return the catalog of a private tree over a public one."""
    tree = read_tree(public(root, below))
    return load_catalog(overlay_tree(tree, private(root, {"registry.yaml": REGISTRY, **above})))


def resolve(root: Path, below: Mapping[str, str], above: Mapping[str, str], query: Criteria) -> Recipe:
    """Return a recipe of a private tree over a public one."""
    return Resolver(layered(root, below, above)).resolve(query)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_every_file_is_read_under_its_path_below_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"registry.yaml": REGISTRY, "components/a/manifests/m.yaml": "x", "a/b/c.txt": "y"})
    tree = read_tree(tmp_path, label="recipes")
    assert {path: source.file for path, source in tree.files.items()} == {
        "a/b/c.txt": "recipes/a/b/c.txt",
        "components/a/manifests/m.yaml": "recipes/components/a/manifests/m.yaml",
        "registry.yaml": "recipes/registry.yaml",
    }


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"registry.yaml": REGISTRY, ".git/config.yaml": "x", "overlays/.x.yaml": "x"})
    assert list(read_tree(tmp_path).files) == ["registry.yaml"]


def test_what_is_not_text_is_left_out_unless_it_is_yaml(tmp_path: Path) -> None:
    (write(tmp_path, {"registry.yaml": REGISTRY}) / "logo.png").write_bytes(b"\x89PNG\xff")
    assert list(read_tree(tmp_path).files) == ["registry.yaml"]
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(UnreadableSource, match="not UTF-8"):
        read_tree(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "registry.yaml").write_bytes(b"\xef\xbb\xbf" + REGISTRY.encode())
    assert read_tree(tmp_path).files["registry.yaml"].text == REGISTRY


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="none"):
        read_tree(tmp_path / "none")


# --- row F19: what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["registry.yaml", "overlays", "/etc/hostname", "nowhere"])
def test_a_link_is_refused_wherever_it_leads(tmp_path: Path, target: str) -> None:
    write(tmp_path, {"registry.yaml": REGISTRY, "overlays/a.yaml": "x: 1\n"})
    (tmp_path / "link.yaml").symlink_to(target)
    with pytest.raises(UnreadableSource, match="link") as caught:
        read_tree(tmp_path)
    assert caught.value.exit_status == 8
    assert "link.yaml" in str(caught.value)


def test_a_link_to_a_folder_is_refused_and_not_entered(tmp_path: Path) -> None:
    write(tmp_path, {"registry.yaml": REGISTRY})
    (tmp_path / "overlays").symlink_to(tmp_path)
    with pytest.raises(UnreadableSource, match="link"):
        read_tree(tmp_path)


def test_a_file_over_ten_megabytes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"registry.yaml": REGISTRY, "big.yaml": ""})
    os.truncate(tmp_path / "big.yaml", MAX_BYTES + 1)
    with pytest.raises(UnreadableSource, match="larger than 10 MB"):
        read_tree(tmp_path)
    os.truncate(tmp_path / "big.yaml", 0)
    assert "big.yaml" in read_tree(tmp_path).files


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, {"registry.yaml": REGISTRY})
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UnreadableSource, match="not a plain file"):
        read_tree(tmp_path)


def test_a_private_tree_without_a_registry_is_refused(tmp_path: Path) -> None:
    tree = read_tree(public(tmp_path, {}))
    with pytest.raises(UnreadableSource, match=r"has no registry\.yaml") as caught:
        overlay_tree(tree, write(tmp_path / "private", {"overlays/x.yaml": "kind: RecipeMetadata\n"}))
    assert caught.value.exit_status == 8


def test_a_values_file_outside_the_tree_is_not_reached(tmp_path: Path) -> None:
    write(tmp_path, {"outside.yaml": "secret: 1\n"})
    part = "componentRefs: [{name: a, valuesFile: ../outside.yaml}]"
    with pytest.raises(Exception, match="does not exist"):
        resolve(tmp_path, {}, {"eks": f"criteria: {{service: eks}}\n{part}"}, Criteria("eks"))


# --- row F20: how the trees lie on each other -------------------------------------------------------------------------


def test_registry_entries_are_replaced_whole_and_added_by_name(tmp_path: Path) -> None:
    entries = "kind: ComponentRegistry\ncomponents:\n- {name: z, displayName: new}\n- {name: b, displayName: mine}\n"
    found = layered(tmp_path, {}, {"registry.yaml": entries})
    assert list(found.components) == ["a", "b", "c", "d", "e", "z"]
    assert "source" not in found.components["b"].defaults
    assert "source" in found.components["a"].defaults
    assert [name for name, each in found.components.items() if each.external] == ["b", "z"]
    assert found.components["b"].file.endswith("private/registry.yaml")


def test_validators_are_replaced_and_added_by_name_too(tmp_path: Path) -> None:
    below = VALIDATORS + "- {name: one, phase: deployment}\n- {name: two, phase: deployment}\n"
    above = VALIDATORS + "- {name: three, phase: readiness}\n- {name: two, phase: readiness}\n"
    path = "validators/catalog.yaml"
    found = layered(tmp_path, {path: below}, {path: above}).validators
    assert {name: entry.value["phase"].string() for name, entry in found.items()} == {
        "one": "deployment", "two": "readiness", "three": "readiness",
    }  # fmt: skip
    assert list(found) == ["one", "two", "three"]


def test_validators_stay_when_the_private_tree_has_none(tmp_path: Path) -> None:
    below = {"validators/catalog.yaml": VALIDATORS + "- {name: one, phase: deployment}\n"}
    assert list(layered(tmp_path, below, {}).validators) == ["one"]


def test_public_groups_of_both_trees_count(tmp_path: Path) -> None:
    below, above = ({"registry.yaml": f"{REGISTRY}publicGroups: [{group}]\n"} for group in ("a.io", "'*.b.io'"))
    assert layered(tmp_path, below, above).public_groups == ("a.io", "*.b.io")


def test_every_other_file_is_replaced_by_its_path(tmp_path: Path) -> None:
    below = {"eks": "criteria: {service: eks}\ncomponentRefs: [{name: a, valuesFile: components/a/values.yaml}]\n"
                    "constraints: [{name: K, value: public}]",
             "components/a/values.yaml": "x: public\ny: public\n"}  # fmt: skip
    above = {"components/a/values.yaml": "x: private\n"}
    recipe = resolve(tmp_path, below, above, Criteria("eks"))
    assert values(recipe, "a") == {"x": "private"}
    assert constraints(recipe) == {"K": "public"}
    above |= {"eks": "criteria: {service: eks}\ncomponentRefs: [{name: a, valuesFile: components/a/values.yaml}]"}
    assert constraints(resolve(tmp_path, below, above, Criteria("eks"))) == {}


def test_base_may_be_replaced_too(tmp_path: Path) -> None:
    recipe = resolve(tmp_path, {"base": "constraints: [{name: K, value: public}]"},
                     {"base": "constraints: [{name: K, value: private}]"}, Criteria())  # fmt: skip
    assert constraints(recipe) == {"K": "private"}
    assert recipe.constraints[0][1][-1].place.file.endswith("private/overlays/base.yaml")


def test_a_private_overlay_builds_on_a_public_one_and_may_name_its_mixins(tmp_path: Path) -> None:
    below = {"eks": "criteria: {service: eks}", "mixins/os": "constraints: [{name: OS, value: ubuntu}]"}
    above = {"zz9-eks": "base: eks\ncriteria: {service: eks, accelerator: zz9}\nmixins: [os]"}
    recipe = resolve(tmp_path, below, above, Criteria("eks", "zz9"))
    assert recipe.applied == ("base", "eks", "zz9-eks")
    assert constraints(recipe) == {"OS": "ubuntu"}


def test_a_new_accelerator_is_known_as_soon_as_a_private_overlay_claims_it(tmp_path: Path) -> None:
    found = layered(tmp_path, {"eks": "criteria: {service: eks}"}, {"new": "criteria: {accelerator: zz9}"})
    assert found.vocabulary.read("accelerator", "ZZ9") == "zz9"
    assert found.vocabulary.values("accelerator", strict=True) == ()


def test_layers_and_components_say_which_tree_they_come_from(tmp_path: Path) -> None:
    found = layered(tmp_path, {"eks": "criteria: {service: eks}"}, {"gke": "criteria: {service: gke}"})
    assert {name: layer.external for name, layer in found.overlays.items()} == {"eks": False, "gke": True}


@pytest.mark.parametrize(
    ("version", "severity"), [(API_VERSION, "error"), ("aicr.run/v1alpha2", "warning"), (None, "warning")]
)
def test_unknown_keys_in_a_private_tree_only_warn_where_it_is_not_in_our_format(
    tmp_path: Path, version: str | None, severity: str
) -> None:
    tree = read_tree(public(tmp_path, {}), strict=True)
    above = private(tmp_path, {"registry.yaml": REGISTRY, "gke": "criteria: {service: gke}\nsurprise: 1"})
    file = above / "overlays" / "gke.yaml"
    says = f"apiVersion: {version}" if version else ""
    file.write_text(file.read_text().replace(f"apiVersion: {API_VERSION}", says))
    found = survey_catalog(overlay_tree(tree, above))
    assert [(finding.code, finding.severity) for finding in found.findings] == [("CB012", severity)]


def test_the_public_tree_is_not_changed_by_a_private_one(tmp_path: Path) -> None:
    tree = read_tree(public(tmp_path, {}))
    before = dict(tree.files)
    overlay_tree(tree, private(tmp_path, {"registry.yaml": REGISTRY}))
    assert dict(tree.files) == before


# --- texts from an index ----------------------------------------------------------------------------------------------


def test_a_tree_from_texts_is_the_tree_from_files(tmp_path: Path) -> None:
    files = texts({"eks": "criteria: {service: eks}\ncomponentRefs: [{name: a}]"}, api_version=API_VERSION)
    tree = read_tree(write(tmp_path, files), label="recipes", strict=True)
    assert tree_from_texts(files, label="recipes") == tree
    recipe = Resolver(load_catalog(tree)).resolve(Criteria("eks"))
    assert component(recipe, "a").word("chart") == "a"
