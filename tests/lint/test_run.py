"""Check: one run says everything, and no file on the disk stops it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from shutil import copytree

import pytest

from clusterbook.diagnostics.errors import NotFound
from clusterbook.documents.yaml_reader import MAX_BYTES
from clusterbook.lint.run import check_tree
from tests.support.trees import shared_folder

MINIMAL = Path(__file__).resolve().parents[1] / "good" / "minimal"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the small good tree."""
    return Path(copytree(MINIMAL, tmp_path / "recipes"))


def found(root: Path, *, strict: bool = True) -> list[str]:
    """Return findings as `path:line:column code`."""
    findings = check_tree(root, strict=strict)
    return [
        f"{each.place.file.removeprefix(f'{root}/')}:{each.place.line}:{each.place.column} {each.code}"
        for each in findings
    ]


def test_a_good_tree_has_no_findings(tree: Path) -> None:
    assert found(tree) == []


def test_places_name_the_tree_as_it_was_given(tree: Path) -> None:
    (tree / "overlays" / "kind.yaml").write_text("", "utf-8")
    assert {finding.place.file for finding in check_tree(tree, strict=True)} == {f"{tree}/overlays/kind.yaml"}
    labelled = check_tree(tree, strict=True, label="recipes")
    assert {finding.place.file for finding in labelled} == {"recipes/overlays/kind.yaml"}


def test_bytes_that_are_not_text_are_found_beside_everything_else(tree: Path) -> None:
    (tree / "overlays" / "kind.yaml").write_bytes(b"name: \xff\xfe")
    (tree / "overlays" / "eks.yaml").write_text("critera: {}\n", "utf-8")
    assert found(tree) == [
        "overlays/eks.yaml:1:1 CB011",
        "overlays/eks.yaml:1:1 CB011",
        "overlays/eks.yaml:1:1 CB011",
        "overlays/eks.yaml:1:1 CB012",
        "overlays/eks.yaml:1:1 CB050",
        "overlays/kind.yaml:0:0 CB007",
    ]


def test_a_link_is_found(tree: Path) -> None:
    (tree / "overlays" / "gke.yaml").symlink_to(tree / "overlays" / "kind.yaml")
    (tree / "components" / "linked").symlink_to(tree / "components" / "operator")
    assert found(tree) == ["components/linked:0:0 CB007", "overlays/gke.yaml:0:0 CB007"]


def test_a_file_name_that_is_not_text_is_found(tree: Path) -> None:
    (tree / "overlays" / "b\udcff.yaml").write_text("{}", "utf-8")
    (finding,) = check_tree(tree, strict=True)
    assert finding.code == "CB007"
    assert str(finding).encode("utf-8")


def test_a_huge_file_is_found_before_it_is_read(tree: Path) -> None:
    with (tree / "components" / "operator" / "values-kind.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert found(tree) == ["components/operator/values-kind.yaml:0:0 CB007"]


def test_a_byte_order_mark_is_no_finding(tree: Path) -> None:
    path = tree / "overlays" / "eks.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert found(tree) == []


def test_windows_line_ends_are_no_finding(tree: Path) -> None:
    path = tree / "overlays" / "eks.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert found(tree) == []


def test_a_nul_byte_is_found(tree: Path) -> None:
    path = tree / "overlays" / "eks.yaml"
    path.write_bytes(path.read_bytes() + b"\0")
    assert found(tree) == ["overlays/eks.yaml:0:0 CB002"]


def test_an_alias_bomb_in_a_tree_of_others_is_found_in_time(tree: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (tree / "components" / "operator" / "values.yaml").write_text("\n".join(lines), "utf-8")
    begin = time.process_time()  # what else the machine does must not count
    codes = [each.split()[-1] for each in found(tree, strict=False)]
    assert codes == ["CB004"]
    assert time.process_time() - begin < 20


def test_an_empty_folder_misses_both_files(tmp_path: Path) -> None:
    assert found(tmp_path) == ["overlays/base.yaml:0:0 CB014", "registry.yaml:0:0 CB014"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        check_tree(tmp_path / "nowhere", strict=True)


def test_a_private_tree_is_checked_with_what_it_lies_on(tree: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "overlays").mkdir(parents=True)
    (data / "registry.yaml").write_text(
        "kind: ComponentRegistry\ncomponents:\n- name: extra\n  helm: {defaultVersion: 1.10}\n", "utf-8"
    )
    (data / "overlays" / "mine.yaml").write_text(
        "kind: RecipeMetadata\nmetadata: {name: mine}\nspec:\n  base: nowhere\n  criteria: {service: mine}\n", "utf-8"
    )
    findings = check_tree(tree, data, strict=True)
    assert [(Path(each.place.file).name, each.code) for each in findings] == [
        ("mine.yaml", "CB020"),
        ("registry.yaml", "CB048"),
        ("registry.yaml", "CB046"),
    ]


def test_the_reference_has_these_findings() -> None:
    findings = check_tree(shared_folder("reference/2026.03"), strict=False)
    assert Counter(finding.code for finding in findings) == {
        "CB040": 4,
        "CB043": 103,
        "CB044": 10,
        "CB045": 1,
        "CB048": 3,
        "CB049": 1,
        "CB052": 1,
        "CB058": 1,  # gke-nccl-tcpxo has no namespace
    }
    (secret,) = (finding for finding in findings if finding.code == "CB049")
    assert secret.place.file.endswith("components/kube-prometheus-stack/values.yaml")
    assert "adminPassword" in secret.what
    assert "admin'" not in secret.what


def test_values_are_checked_against_upstream_charts() -> None:
    findings = check_tree(shared_folder("reference/2026.03"), None, shared_folder("charts"), strict=False)
    strangers = {finding.what.rpartition(" ")[2] for finding in findings if finding.code == "CB047"}
    assert "'driver.useOpenKernelModules'" in strangers
    assert "'driver.maxParallelUpgrades'" in strangers
    assert "'driver.version'" not in strangers


def test_our_own_recipes_are_clean() -> None:
    assert [str(finding) for finding in check_tree(MINIMAL.parents[2] / "recipes", strict=True, label="recipes")] == []
