"""`clusterbook bundle`: where a bundle goes, what would change, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.cli.bundle import EVERY
from tests.support.bundles import files, here, keep, options
from tests.support.whole_recipes import small

Run = Callable[..., tuple[int, str, str]]
ALL_OFF = [word for name in ("crds", "operator", "metrics", "settings") for word in ("--set", f"{name}:enabled=false")]
NAMED = "h100-eks-ubuntu-training-kubeflow"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return `clusterbook` in a folder that holds a small recipe, recipe.json, and nothing else."""
    monkeypatch.chdir(tmp_path)
    keep(small())

    def call(*words: str, environment: dict[str, str] | None = None) -> tuple[int, str, str]:
        status = main.run(words, environment or {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def bundle(run: Run) -> Run:
    """Return `clusterbook bundle` of the small recipe."""
    return lambda *words, **more: run("bundle", "-r", "recipe.json", *words, **more)


# --- where a bundle goes ----------------------------------------------------------------------------------------------


def test_a_bundle_goes_into_a_folder_and_says_what_to_type_next(bundle: Run) -> None:
    status, out, err = bundle("-o", "deep/my bundle")
    assert (status, err) == (0, "")
    assert out.splitlines()[1:] == [
        "deploy: 'deep/my bundle'/deploy.sh",
        "verify: clusterbook verify 'deep/my bundle' --min-trust-level unverified",
    ]
    assert out.startswith("deep/my bundle: 4 components as 6 releases in 35 files, ")
    assert os.access("deep/my bundle/deploy.sh", os.X_OK)


def test_a_bundle_without_a_place_goes_into_the_folder_bundle(bundle: Run) -> None:
    assert bundle()[0] == 0
    assert Path("bundle/deploy.sh").exists()


@pytest.mark.parametrize("deployer", ["helm", "helmfile", "argocd", "argocd-helm", "flux"])
def test_every_deployer_has_something_to_type_next(bundle: Run, deployer: str) -> None:
    status, out, _ = bundle("-d", deployer, "-t", "json")
    assert status == 0
    said = json.loads(out)
    assert (said["components"], said["releases"], said["deployer"]) == (4, 6, deployer)
    assert said["files"] == len(files("bundle"))
    assert "bundle" in said["next"]
    assert said["verify"] == "clusterbook verify bundle --min-trust-level unverified"


def test_an_archive_has_the_same_bytes_whoever_packs_it_and_unpacks_as_the_folder(bundle: Run) -> None:
    assert bundle("-o", "folder")[0] == 0
    assert bundle("-o", "new/one.tar.gz")[0] == 0
    assert bundle("-o", "two.tgz")[0] == 0
    assert Path("new/one.tar.gz").read_bytes() == Path("two.tgz").read_bytes()
    with tarfile.open("two.tgz") as archive:
        archive.extractall("out", filter="data")
    assert files("out/h100-eks-helm") == files("folder")
    assert os.access("out/h100-eks-helm/deploy.sh", os.X_OK)


def test_what_is_said_about_an_archive_can_be_typed(bundle: Run) -> None:
    status, out, _ = bundle("-o", "my bundle.tar.gz")
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    assert status == 0
    assert lines["unpack"] == "tar -xzf 'my bundle.tar.gz'"
    assert lines["verify"] == "clusterbook verify 'my bundle.tar.gz' --min-trust-level unverified"
    subprocess.run(["/bin/bash", "-c", lines["unpack"]], check=True)
    assert Path(lines["deploy"]).read_text().startswith("#!/usr/bin/env bash\n")


@pytest.mark.parametrize("deployer", ["argocd", "flux"])
def test_an_archive_is_spoken_of_by_the_folder_that_it_unpacks_as(bundle: Run, deployer: str) -> None:
    out = bundle("-d", deployer, "-o", "b.tar.gz")[1]
    assert f"deploy: {'push' if deployer == 'flux' else 'commit'} h100-eks-{deployer} to the re" in out


def test_a_recipe_of_other_programs_names_its_archive_after_its_criteria(bundle: Run) -> None:
    recipe = small()
    del recipe["metadata"]["slug"]
    keep(recipe)
    bundle("-o", "b.tar.gz")
    with tarfile.open("b.tar.gz") as archive:
        assert {name.partition("/")[0] for name in archive.getnames()} == {"h100-eks-helm"}


def test_an_archive_is_proved_as_a_folder_is(bundle: Run, run: Run) -> None:
    bundle("-o", "b.tar.gz")
    status, out, err = run("verify", "b.tar.gz", "--min-trust-level", "unverified")
    assert (status, err) == (0, "")
    assert out.splitlines()[2] == "derives from recipe h100-eks and its options (helm, 4 components)"
    data = Path("b.tar.gz").read_bytes()
    Path("cut.tar.gz").write_bytes(data[: len(data) // 2])
    assert run("verify", "cut.tar.gz")[0] == 4
    assert run("verify", "none.tar.gz")[0] == 3


def test_a_stale_folder_of_an_older_bundle_goes(bundle: Run) -> None:
    bundle()
    assert Path("bundle/005-metrics").is_dir()
    assert bundle("--set", "metrics:enabled=false")[0] == 0
    assert sorted(path.name for path in Path("bundle").glob("00*"))[-1] == "005-settings"


def test_other_peoples_files_are_refused_and_stay_with_force(bundle: Run) -> None:
    Path("bundle").mkdir()
    Path("bundle/notes.txt").write_text("mine")
    status, out, err = bundle()
    assert (status, out) == (2, "")
    assert "CB111 bundle holds notes.txt" in err
    assert "--force" in err
    assert files("bundle") == {"notes.txt": b"mine"}
    assert bundle("--force")[0] == 0
    assert files("bundle")["notes.txt"] == b"mine"


def test_an_edited_file_is_refused_and_replaced_with_force(bundle: Run) -> None:
    bundle()
    Path("bundle/deploy.sh").write_text("mine")
    status, _, err = bundle()
    assert (status, "CB111 bundle holds deploy.sh" in err) == (2, True)
    assert Path("bundle/deploy.sh").read_text() == "mine"
    assert bundle("--force")[0] == 0
    assert Path("bundle/deploy.sh").read_text() != "mine"


# --- what would change ------------------------------------------------------------------------------------------------


def test_a_bundle_that_stays_as_it_is_has_no_difference(bundle: Run) -> None:
    bundle()
    before = files("bundle")
    assert bundle("--diff", "bundle") == (0, "no change\n", "")
    assert files("bundle") == before


def test_a_difference_is_shown_line_by_line_and_nothing_is_written(bundle: Run) -> None:
    bundle("-o", "old")
    before = files("old")
    changes = ["--set", "operator:driver.version=590.2", "--set", "metrics:enabled=false"]
    status, out, err = bundle(*changes, "--diff", "old")
    assert status == 10
    assert {"~ 003-operator/values.yaml", "- 005-metrics/values.yaml", "+ 005-settings/values.yaml"} <= set(
        out.splitlines()
    )
    assert '-  version: "580.1"\n+  version: "590.2"\n' in out
    assert "files are not as in old" in err
    assert files("old") == before
    assert not Path("bundle").exists()


def test_a_difference_can_be_read_by_programs_and_against_an_archive(bundle: Run) -> None:
    bundle("-o", "old.tar.gz")
    status, out, _ = bundle("--set", "operator:driver.version=590.2", "--diff", "old.tar.gz", "-t", "json")
    assert status == 10
    assert [(each["kind"], each["path"]) for each in json.loads(out)] == [
        ("changed", "003-operator/values.yaml"),
        ("changed", "labels.env"),
        ("changed", "options.yaml"),
    ]


def test_what_is_no_bundle_is_not_compared(bundle: Run) -> None:
    Path("old").mkdir()
    Path("old/notes.txt").write_text("mine")
    assert bundle("--diff", "old")[0] == 2
    assert bundle("--diff", "none")[0] == 3


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "what", "accepted"),
    [
        (["--nope"], "--nope is not a flag of clusterbook bundle", "--nodes"),
        (["--deployer", "helmm"], "'helmm' is not one of", "--help"),
        (["--set"], "option '--set' requires an argument", "--help"),
        (["a", "b"], "unexpected extra argument (b)", "--help"),
        (["-d", "helm", "-d", "flux"], "--deployer is given twice", "a single value"),
        (["--force=yes"], "'--force' does not take a value", "--help"),
        (["-o", ""], "--output is empty", "give it a value"),
        (["--storage-class", ""], "--storage-class is empty", "give it a value"),
        (["-o", "--force"], "--output --force looks like a flag", "./--force"),
        (["-o", "b.zip"], "b.zip: this kind of archive is not supported", ".tar.gz"),
        (["-o", "https://x/y"], "https://x/y: a bundle is written to a folder, an archive or a registry", ".tar.gz"),
        (["--set", "operater:a=1"], "--set operater:a names a component that the recipe does not have", "'operator'"),
        (["--set", "operator"], "--set operator is not component:path=value", "gpu-operator:driver.version="),
        (["--set", "operator:a="], "--set operator:a=… has no value", "--set-json"),
        (["--set", "operator:a/b=1"], "'a/b' cannot be part of a path", "letters, digits"),
        (["--set", "operator:../../x=1"], "cannot be part of a path", "letters, digits"),
        (["--set", "operator:driver.version.x=1"], "driver.version is not a map", "--set-json operator:driver.version"),
        (["--set", "operator:driver=1"], "driver is a map", "--set-json operator:driver"),
        (["--set", "operator:tolerations=1"], "tolerations is a list", "--set-json operator:tolerations"),
        (["--set", "operator:a=1", "--set", "operator:a=2"], "--set operator:a is given twice", "keep one"),
        (["--set", "operator:enabled=no"], "operator:enabled=… does not enable or disable", "true or false"),
        (["--set-json", "operator:enabled=1"], "operator:enabled=… does not enable or disable", "true or false"),
        (["--set-json", "operator:a={"], "--set-json operator:a is not JSON", "--set-json"),
        (["--set-json", 'operator:a={"b":1,"b":2}'], "the key 'b' is given twice", "--set-json"),
        (["--set-file", "operator:a"], "--set-file operator:a is not component:path=FILE", "--set-file"),
        (["--dynamic", "operator:a=1"], "--dynamic operator:a=… is not component:path", "leave out the value"),
        (["--dynamic", "nobody:a"], "--dynamic nobody:a names a component", "known:"),
        (["--dynamic", "operator:a", "--dynamic", "operator:a.b"], "operator:a and a.b overlap", "keep one"),
        (["--dynamic", "settings:a"], "the component has no chart", "--set"),
        (["-d", "argocd", "--dynamic", "operator:a"], "--dynamic does not apply to the deployer argocd", "helmfile"),
        (["-d", "flux", "--app-name", "x"], "--app-name does not apply to the deployer flux", "argocd-helm"),
        (["--repo", "https://git.example.org/x"], "--repo does not apply to the deployer helm", "argocd"),
        (["-d", "argocd", "--repo", "here"], "--repo 'here' cannot be used", "https://"),
        (["-d", "argocd", "--app-name", "My App"], "--app-name 'My App' cannot be used", "small letters"),
        (["-d", "argocd", "--set", "deployer:projekt=x"], "deployer:projekt is unknown", "'project'"),
        (["--set", "deployer:project=x"], "deployer:project is unknown to the deployer helm", "argocd"),
        (["--nodes", "many"], "--nodes many is not a number of nodes", "--nodes 16"),
        (["--storage-class", "A b"], "--storage-class 'A b' cannot be used", "StorageClass"),
        (["--system-node-selector", "a"], "--system-node-selector a is not key=value", "node-group=gpu"),
        (["--system-node-selector", "a=b", "--system-node-selector", "a=c"], "a is given twice", "keep one"),
        (["--accelerated-node-selector", "a b=c"], "'a b' is not a label key", "63 letters"),
        (["--accelerated-node-toleration", "a:Never"], "the effect 'Never' is unknown", "NoSchedule"),
        (["--system-node-toleration", "=x"], "--system-node-toleration =x has no key", "NoSchedule"),
        (["--workload-gate", "a=b"], "--workload-gate a=b: the effect is missing", "NoExecute"),
        (["--workload-selector", "a"], "--workload-selector a is not key=value", "node-group=gpu"),
        (["--set", "crds:enabled=false", "--dynamic", "crds:a"], "crds, which is disabled", "leave it out"),
        (ALL_OFF, "all components are disabled, so there is nothing to deploy", "remove one"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_named_with_what_is_accepted_and_nothing_is_written(
    bundle: Run, words: list[str], what: str, accepted: str
) -> None:
    status, out, err = bundle(*words)
    assert (status, out) == (2, ""), err
    first, _, hint = err.partition("\n  hint: ")
    assert what in first
    assert accepted in hint
    assert here() == ["recipe.json"]


def test_a_recipe_whose_components_are_no_list_is_not_taken_for_criteria(bundle: Run) -> None:
    recipe = json.loads(Path("recipe.json").read_text(encoding="utf-8"))
    Path("recipe.json").write_text(json.dumps({**recipe, "componentRefs": "operator"}))
    status, _, err = bundle()
    assert (status, "componentRefs of the recipe is text 'operator', not a list" in err) == (2, True), err
    assert here() == ["recipe.json"]


def test_the_quick_way_and_click_say_the_same(bundle: Run) -> None:
    lines: list[list[str]] = [
        ["-o", "b"],
        ["-o", "c", "--set", "operator:driver.version=1", "--force"],
        ["--diff", "b"],
        ["--set", "nobody:a=1"],
        ["--nope"],
        ["--set"],
        ["-d", "nope"],
        ["a", "b"],
        ["-o", ""],
        ["-o", "b", "-t", "json"],
    ]
    for line in lines:
        bundle(*line)  # both ways find the same bundle in the folder then, and say the same of its options
        assert bundle(*line) == bundle(*line, environment={"CLUSTERBOOK_KEY_PASSWORD": "1"}), line


def test_a_flag_can_be_set_in_the_environment(bundle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTERBOOK_DEPLOYER", "flux")
    assert bundle(environment=dict(os.environ))[0] == 0
    assert options()["deployer"] == "flux"


def test_every_flag_has_help() -> None:
    assert all(flag.help.endswith(".") for flag in EVERY)
    assert len({flag.key for flag in EVERY}) == len(EVERY)


def test_a_file_that_cannot_be_read_is_named(bundle: Run) -> None:
    status, _, err = bundle("--set-file", "operator:a=none.yaml")
    assert (status, "CB102 none.yaml" in err) == (3, True)
    Path("broken.json").write_text('{"a": ')
    status, _, err = bundle("--set-file", "operator:a=broken.json")
    assert (status, "broken.json:" in err) == (2, True)
    Path("binary.txt").write_bytes(b"\xff")
    assert bundle("--set-file", "operator:a=binary.txt")[0] == 2
    status, _, err = bundle("--set-file", "operator:a=/dev/zero")
    assert (status, "/dev/zero is larger than" in err) == (2, True)
    assert not Path("bundle").exists()


def test_a_files_content_is_recorded_not_its_name(bundle: Run, run: Run) -> None:
    Path("alerts.yaml").write_text("route: {receiver: ops}\n")
    Path("note.txt").write_text("two\nlines\n")
    assert bundle("--set-file", "operator:alerts=alerts.yaml", "--set-file", "operator:note=note.txt")[0] == 0
    assert options()["setFile"] == ['operator:alerts={"route":{"receiver":"ops"}}', 'operator:note="two\\nlines\\n"']
    Path("alerts.yaml").unlink()
    assert run("verify", "bundle", "--min-trust-level", "unverified")[0] == 0


def test_a_place_that_cannot_be_written_is_said(bundle: Run) -> None:
    Path("file").write_text("mine")
    assert bundle("-o", "file")[0] == 2
    assert bundle("-o", "file/below")[0] == 8
    assert bundle("-o", "file/below.tar.gz")[0] == 8
    assert Path("file").read_text() == "mine"


def test_a_recipe_that_is_not_there_has_neighbours(run: Run) -> None:
    status, _, err = run("bundle", "h100-eks-ubuntu-training-kubeflw")
    assert (status, NAMED in err) == (3, True)
    assert run("bundle")[0] == 2
    assert run("bundle", NAMED, "--service", "eks")[0] == 2
