"""`clusterbook verify` of a bundle that nobody signed: what was changed in it, and whether its recipe makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.bundle.checksums import CHECKSUMS, checksums
from clusterbook.cli import main
from tests.support.bundles import files
from tests.support.whole_recipes import written

Verify = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Return `clusterbook verify` in a folder that holds a bundle, b; what is not signed is accepted."""
    monkeypatch.chdir(tmp_path)
    written(Path("b"))

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(["verify", "--min-trust-level", "unverified", *words], {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def record() -> None:
    """Write checksums.txt anew, as somebody would who has changed something."""
    Path("b", CHECKSUMS).write_bytes(checksums(files("b")))


def test_a_bundle_is_as_it_was_made(verify: Verify) -> None:
    assert verify("b") == (
        0,
        "b: unverified\n34 files as recorded\nderives from recipe h100-eks and its options (helm, 4 components)\n"
        "not attested: it has no signature\n",
        "",
    )


@pytest.mark.parametrize("path", ["deploy.sh", "recipe.yaml", "options.yaml", "003-operator/values.yaml"])
def test_a_changed_file_is_named(verify: Verify, path: str) -> None:
    with Path("b", path).open("a") as file:
        file.write("# more\n")
    status, out, err = verify("b")
    first, second, *edits = out.splitlines()
    assert (status, first, second) == (4, "b: unknown", f"changed: {path}")
    again = path not in ("recipe.yaml", "options.yaml")  # of which the bundle is made again
    assert [(path in line, line.endswith(": # more added")) for line in edits] == [(True, True)] * again
    assert "CB114 b: 1 of its files is not as checksums.txt records" in err


def test_missing_and_extra_files_are_named(verify: Verify) -> None:
    Path("b/deploy.sh").unlink()
    Path("b/007-evil").mkdir()
    Path("b/007-evil/install.sh").write_text("id\n")
    status, out, err = verify("b")
    assert (status, out) == (4, "b: unknown\nextra: 007-evil/install.sh\nmissing: deploy.sh\n")
    assert "b: 2 of its files are not as checksums.txt records" in err


def test_values_of_a_cluster_are_named_and_are_no_damage(verify: Verify) -> None:
    Path("b/003-operator/cluster-values.yaml").write_text("a: 1\n")
    status, out, _ = verify("b")
    assert status == 0
    assert "003-operator/cluster-values.yaml" in out


def test_a_change_that_was_recorded_does_not_derive_from_the_recipe(verify: Verify) -> None:
    Path("b/deploy.sh").write_text("id\n")
    Path("b/extra.sh").write_text("id\n")
    record()
    status, out, err = verify("b")
    assert status == 4
    assert out.startswith("b: unknown\nchanged: deploy.sh\nextra: extra.sh\nedit: deploy.sh:1: ")
    assert "b differs from what its recipe and options render to (rendered by clusterbook 1.0)" in err
    assert "--diff" in err


def test_options_that_were_changed_show_in_what_they_make(verify: Verify) -> None:
    path = Path("b/options.yaml")
    path.write_text(path.read_text() + "  set:\n    - operator:driver.version=1\n")
    record()
    place = "003-operator/values.yaml"
    assert verify("b")[1] == (
        f"b: unknown\nchanged: {place}\nchanged: labels.env\n"
        f'edit: operator: {place}:3: driver.version: "1" -> "580.1"\n'
        "edit: labels.env:3: BUNDLE=df71a21f9952516d -> BUNDLE=232267bb3e8a12bc\n"
    )


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("recipe.yaml", "a: [", "recipe.yaml:"),
        ("recipe.yaml", "kind: RecipeResult\n", "the recipe has no metadata"),
        ("recipe.yaml", "[]\n", "recipe.yaml is empty"),
        ("options.yaml", "kind: BundleOptions\nspec: {deployr: helm}\n", "'deployr' is unknown"),
        ("options.yaml", "kind: BundleOptions\nspec: {set: [nobody:a=1]}\n", "--set nobody:a names a component"),
        ("provenance.yaml", "vendoredCharts: [x]\n", "provenance.yaml lists no charts"),
        ("provenance.yaml", "vendoredCharts: [{path: deploy.sh}]\n", "deploy.sh is not the chart"),
    ],
)
def test_a_damaged_record_is_named(verify: Verify, path: str, text: str, what: str) -> None:
    Path("b", path).write_text(text)
    record()
    status, out, err = verify("b")
    assert (status, out) == (2, "")
    assert what in err


def test_a_list_of_checksums_that_leads_elsewhere_is_refused(verify: Verify) -> None:
    line = f"{'0' * 64}  ../outside\n"
    Path("b", CHECKSUMS).write_text(line)
    assert "the path ../outside is given twice or leaves the bundle" in verify("b")[2]
    Path("b", CHECKSUMS).write_text("nonsense\n")
    status, _, err = verify("b")
    assert (status, "checksums.txt:1: expected '<sha256>  <path>'" in err) == (2, True)


def test_what_is_no_bundle_is_said(verify: Verify) -> None:
    Path("empty").mkdir()
    assert verify("empty")[0] == 4
    assert verify("none")[0] == 3
    assert verify()[0] == 2
    assert verify("b", "b")[0] == 2
    assert verify("b", "--nope")[0] == 2
    Path("b/link").symlink_to("deploy.sh")
    assert verify("b")[0] == 2


def test_the_result_can_be_read_by_programs(verify: Verify) -> None:
    status, out, _ = verify("b", "-t", "json")
    found = json.loads(out)
    assert status == 0
    assert (found["checksumsPassed"], found["derives"], found["recipe"]) == (True, True, "h100-eks")
    Path("b/deploy.sh").write_text("id\n")
    status, out, _ = verify("b", "-t", "json")
    found = json.loads(out)
    assert status == 4
    assert (found["checksumsPassed"], found["derives"]) == (False, False)
    assert found["differences"] == [{"kind": "changed", "path": "deploy.sh"}]
