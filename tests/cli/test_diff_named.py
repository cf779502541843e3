"""One pair, one answer: a recipe is the same side of `clusterbook diff` whatever it is called by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clusterbook
from clusterbook.bundle.disk import read_bundle
from clusterbook.bundle.options import OPTIONS
from clusterbook.cli import main

A, B = "h100-eks-ubuntu-training-kubeflow", "gb200-eks-ubuntu-training-kubeflow"
VOLUME = "/prometheus/prometheusSpec/storageSpec/volumeClaimTemplate"
Changes = list[dict[str, Any]]
Run = Callable[..., tuple[int, Changes]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds both recipes: as printed, bundled, archived, and bundled with options."""
    place = tmp_path_factory.mktemp("named")
    made = {f"{slug}{end}": ["bundle", slug] for slug in (A, B) for end in ("-helm", ".tar.gz")}
    made |= {
        "argo": ["bundle", A, "-d", "argocd", "--repo", "https://git.example.org/x", "--set", "deployer:project=gpu"],
        "evil": ["bundle", A, "--set", "gpu-operator:driver.repository=evil.example.com/nvidia"],
        "less": ["bundle", A, "--set", "nvsentinel:enabled=false"],
        "gp3": ["bundle", A, "--storage-class", "gp3"],
        "pool": ["bundle", A, "--accelerated-node-selector", "pool=gpu"],
        "json": ["bundle", A, "--set-json", 'gpu-operator:driver={"version": "1.2.3"}'],
        "open": ["bundle", A, "--dynamic", "gpu-operator:driver.version"],
        "taken": ["bundle", A, "--set-secret", "gpu-operator:driver.licence=gpu/licence"],
        "taken2": ["bundle", A, "--set-secret", "gpu-operator:driver.licence=other/licence"],
        "taken3": ["bundle", A, "--set-secret", "gpu-operator:driver.licence=/run/licence"],
    }  # fmt: skip
    made |= {f"{slug}.yaml": ["recipe", slug] for slug in (A, B)}
    for name, words in made.items():
        assert main.run([*words, "-o", str(place / name)], {}) == 0
    return place


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return `clusterbook diff` in that folder: its status, and its changes without who said what."""
    monkeypatch.chdir(folder)

    def call(old: str, new: str) -> tuple[int, Changes]:
        capsys.readouterr()
        status = main.run(["diff", old, new, "--exit-code", "-t", "json"], {})
        said = capsys.readouterr()
        assert said.err == ""
        changes = json.loads(said.out)["changes"]
        return status, [{key: each[key] for key in each if not key.endswith("Origin")} for each in changes]

    return call


def values_of_the_operator(place: Path) -> Path:
    return next(place.glob("*-gpu-operator/values.yaml"))


def names(slug: str) -> list[str]:
    return [slug, f"{slug}.yaml", f"{slug}-helm", f"{slug}-helm/recipe.yaml", f"{slug}.tar.gz"]


def test_a_pair_has_the_same_differences_however_it_is_named(run: Run) -> None:
    status, expected = run(A, B)
    assert status == 10
    assert {each["section"] for each in expected} > {"value", "constraint"}
    for old, new in [*zip(names(A), names(B), strict=True), *zip(names(A), reversed(names(B)), strict=True)]:
        assert run(old, new) == (10, expected), (old, new)


@pytest.mark.parametrize(("old", "new"), [*zip(names(A), [*names(A)[1:], A], strict=True)])
def test_nothing_differs_from_itself_under_another_name(run: Run, old: str, new: str) -> None:
    assert run(old, new) == (0, [])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("evil", {("value", "gpu-operator", "/driver/repository")}),
        ("less", {("component", "nvsentinel", "")}),
        ("gp3", {("value", "kube-prometheus-stack", f"{VOLUME}/spec/storageClassName")}),
        ("json", {("value", "gpu-operator", "/driver/version")}),
        ("open", {("dynamic", "gpu-operator", "/driver/version")}),
        ("taken", {("dynamic", "gpu-operator", "/driver/licence")}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("old", [f"{A}-helm", f"{A}.yaml"])
def test_what_options_deploy_is_told(run: Run, old: str, made: str, expected: set[tuple[str, ...]]) -> None:
    status, changes = run(old, made)
    assert status == 10
    assert {(each["section"], each.get("component", ""), each.get("key", "")) for each in changes} == expected


def test_two_bundles_are_told_apart_by_what_their_options_do(run: Run) -> None:
    told = [(each["section"], each.get("component"), each["key"]) for each in run("pool", "evil")[1]]
    assert ("value", "gpu-operator", "/driver/repository") in told
    assert ("value", "gpu-operator", "/daemonsets/nodeSelector/pool") in told
    assert run("evil", "evil") == (0, [])


@pytest.mark.parametrize(("old", "new"), [("taken", "taken2"), ("taken2", "taken3"), ("taken3", "taken")])
def test_where_a_value_is_taken_from_is_told(run: Run, old: str, new: str) -> None:
    (change,) = run(old, new)[1]
    assert (change["section"], change["component"], change["key"]) == ("dynamic", "gpu-operator", "/driver/licence")
    assert run(old, old) == (0, [])


def test_two_bundles_are_told_apart_by_how_they_are_delivered(run: Run) -> None:
    assert [(each["key"], each.get("old"), each.get("new")) for each in run(f"{A}-helm", "argo")[1]] == [
        ("deployer", "helm", "argocd"),
        ("project", None, "gpu"),
        ("repo", None, "https://git.example.org/x"),
    ]
    assert run(A, "argo") == (0, [])  # a recipe does not say how it is delivered


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        (lambda place: values_of_the_operator(place).write_text("driver: {image: rootkit}\n"), "changed"),
        (lambda place: values_of_the_operator(place).unlink(), "missing"),
        (lambda place: (place / "020-more").mkdir() or (place / "020-more/x.yaml").write_text("a: 1\n"), "extra"),
        (lambda place: (place / "deploy.sh").write_text("true\n"), "changed"),
        (lambda place: (place / "cluster-values.yaml").write_text("gpu-operator: {a: 1}\n"), "extra"),
    ],
)  # fmt: skip
def test_files_that_were_edited_since_are_told(
    run: Run, tmp_path: Path, edit: Callable[[Path], object], kind: str
) -> None:
    place = tmp_path / "edited"
    assert main.run(["bundle", A, "-o", str(place)], {}) == 0
    assert run(A, str(place)) == (0, [])
    (place / ".git").mkdir()
    (place / ".git" / "HEAD").write_text("ref: main\n")
    edit(place)
    status, changes = run(f"{A}-helm", str(place))
    change, *places = [each for each in changes if each["section"] != "value"]
    assert (status, change["section"], change["new"].partition(",")[0]) == (10, "edit", kind)
    assert all(each["section"] == "edit" and each["key"].startswith(f"{change['key']}:") for each in places)
    assert bool(places) == (change["key"] == "deploy.sh")
    assert len(changes) == 1 + len(places) or (kind == "changed" and change["key"].endswith("values.yaml"))


Edit = tuple[str, str, str]
EVIL = "repository: evil.example.com/nvidia"
EDITS: dict[str, tuple[str, list[Edit]]] = {
    "evil": ("helm", [("*-gpu-operator/cluster-values.yaml", "{}", f"driver: {{{EVIL}}}")]),
    "json": ("helm", [("*-gpu-operator/cluster-values.yaml", "{}", 'driver:\n  version: "1.2.3" # ours\n')]),
    "evil ": ("helmfile", [("*-gpu-operator/cluster-values.yaml", "{}", f"driver: {{{EVIL}}}")]),
    "evil  ": ("argocd", [("*-gpu-operator/values.yaml", "\ndriver:", f"\ndriver:\n  {EVIL}")]),
    "evil   ": ("flux", [("gpu-operator/helmrelease.yaml", "\n    driver:", f"\n    driver:\n      {EVIL}")]),
    "json ": ("argocd-helm", [("static/gpu-operator.yaml", "580.173.02", "1.2.3")]),
}
"""A bundle with options, and how one without any is edited by hand to install the same."""


def edited(place: Path, deployer: str, edits: list[Edit]) -> str:
    """Return a bundle of A without options, once words were replaced in its files."""
    assert main.run(["bundle", A, "-d", deployer, "-o", str(place)], {}) == 0
    for pattern, old, new in edits:
        (file,) = place.glob(pattern)
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
    return str(place)


def values(changes: Changes) -> Changes:
    return [each for each in changes if each["section"] not in ("edit", "option")]


@pytest.mark.parametrize("made", list(EDITS))
def test_what_was_edited_by_hand_is_what_options_would_have_said(run: Run, tmp_path: Path, made: str) -> None:
    place = edited(tmp_path / "edited", *EDITS[made])
    by_hand, by_options = run(A, place), run(A, made.strip())
    assert values(by_hand[1]) == values(by_options[1]) != []
    assert by_hand[0] == by_options[0] == 10
    assert values(run(made.strip(), place)[1]) == values(run(place, place)[1]) == []
    assert values(run(f"{B}-helm", place)[1]) == values(run(B, made.strip())[1])


@pytest.mark.parametrize(
    ("deployer", "edit"),
    [
        ("helm", ("*-gpu-operator/upstream.env", "v26.7.1", "v26.7.2")),
        ("helmfile", ("level-*.yaml", "v26.7.1", "v26.7.2")),
        ("argocd", ("*-gpu-operator/application.yaml", "26.7.1", "26.7.2")),
        ("argocd-helm", ("templates/gpu-operator.yaml", "26.7.1", "26.7.2")),
        ("argocd-helm", ("templates/gpu-operator.yaml", "targetRevision:", "targetRevision: 26.7.2 #")),
        ("flux", ("gpu-operator/helmrelease.yaml", "v26.7.1", "v26.7.2")),
    ],
)
def test_another_version_of_a_release_is_told_as_that_of_a_recipe_is(
    run: Run, tmp_path: Path, folder: Path, deployer: str, edit: Edit
) -> None:
    (folder / "newer.yaml").write_text(
        (folder / f"{A}.yaml").read_text().replace("version: v26.7.1", "version: v26.7.2")
    )
    place = tmp_path / "edited"
    assert main.run(["bundle", A, "-d", deployer, "-o", str(place)], {}) == 0
    for file in place.glob(edit[0]):
        file.write_text(file.read_text().replace(edit[1], edit[2]))
    (change,) = values(run(A, str(place))[1])
    assert (change["component"], change["key"], change["old"], change["new"]) == (
        "gpu-operator", "version", "v26.7.1", "v26.7.2",
    )  # fmt: skip
    assert change in run(A, "newer.yaml")[1]
    assert change not in run("newer.yaml", str(place))[1]


FLAG = ("*-gpu-operator/install.sh", " $apply", " --force $apply")


@pytest.mark.parametrize(
    ("deployer", "edits", "component", "ending", "what"),
    [
        ("helm", [FLAG], "gpu-operator", "install.sh:", "--force added"),
        ("helm", [("*-nodewright-customizations/templates/tuning.yaml", "name: tuning", "name: evil")],
         "nodewright-customizations", "tuning.yaml: ", '"tuning" -> "evil"'),
        ("helmfile", [("helmfile.yaml", "level-0.yaml", "level-1.yaml")], "", "helmfile.yaml: ", "level-1.yaml"),
        ("argocd-helm", [("templates/gpu-operator.yaml", "namespace: gpu-operator", "namespace: kube-system")],
         "gpu-operator", "gpu-operator.yaml:", "kube-system"),
        ("flux", [("gpu-operator/helmrelease.yaml", "\n  interval:", "\n  suspend: true\n  interval:")],
         "gpu-operator", "spec.suspend", "true added"),
    ],
)  # fmt: skip
def test_what_no_recipe_says_is_told_by_its_place_and_its_deployer(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    deployer: str,
    edits: list[Edit],
    component: str,
    ending: str,
    what: str,
) -> None:
    place = edited(tmp_path / "edited", deployer, edits)
    capsys.readouterr()
    assert main.run(["diff", A, place, "-t", "json"], {}) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    found = [each for each in changes if each["section"] == "edit" and "newOrigin" in each]
    assert [each for each in found if ending in each["key"] and what in each["new"]] != []
    assert {(each.get("component", ""), each["newOrigin"].partition("; ")[2]) for each in found} == {
        (component, f"the deployer {deployer} reads it")
    }
    assert main.run(["diff", place, place, "--exit-code"], {}) == 0
    assert main.run(["verify", place, "--min-trust-level", "unverified", "-t", "json"], {}) == 4
    told = json.loads(capsys.readouterr().out.partition("do not differ\n")[2])["edits"]
    assert [each["component"] for each in told] == [each.get("component", "") for each in found]
    assert what in " ".join(each["what"] for each in told)


def test_a_recipe_that_was_edited_inside_its_bundle_deploys_nothing_else(run: Run, tmp_path: Path) -> None:
    place = edited(tmp_path / "edited", "helm", [("recipe.yaml", 'version: "580.173.02"', 'version: "1.2.3"')])
    told = run(A, place)[1]
    assert ("value", "/driver/version") not in [(each["section"], each["key"]) for each in told]
    assert any(each["section"] == "edit" for each in told)


def test_who_edited_a_value_is_told_by_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = edited(tmp_path / "edited", *EDITS["evil"])
    assert main.run(["diff", A, place], {}) == 0
    assert "-gpu-operator/cluster-values.yaml, edited" in capsys.readouterr().out


def test_values_that_cannot_be_read_are_no_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = edited(tmp_path / "edited", "helm", [("*-gpu-operator/cluster-values.yaml", "{}", "a: [1\nb: 2\n")])
    capsys.readouterr()
    assert main.run(["diff", A, place], {}) == 2
    said = capsys.readouterr()
    assert (said.out, "-gpu-operator/cluster-values.yaml:" in said.err) == ("", True)


def test_the_pods_that_options_admit_are_told(run: Run, tmp_path: Path) -> None:
    slug = "h100-gke-cos-training"
    places = {nodes: str(tmp_path / str(nodes)) for nodes in (1, 8)}
    for nodes, place in places.items():
        assert main.run(["bundle", slug, "--nodes", str(nodes), "-o", place], {}) == 0

    def pods(old: str, new: str) -> Changes:
        return [each for each in run(old, new)[1] if each["key"] == "criticalPods"]

    assert pods(slug, places[1]) == []
    assert pods(slug, places[8]) == pods(places[1], places[8])
    assert ("gpu-operator", 32, 256) in [
        (each["component"], each["old"], each["new"]) for each in pods(slug, places[8])
    ]


@pytest.mark.parametrize("made", ["evil", "gp3", "pool", "json", "open"])
def test_verify_and_diff_tell_the_same_values(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str], made: str
) -> None:
    assert main.run(["verify", str(folder / made), "--min-trust-level", "unverified", "-t", "json"], {}) == 0
    found = json.loads(capsys.readouterr().out)["values"]
    paths = [(each["release"].removesuffix(" (set at install time)"), each["path"]) for each in found]
    dotted = {pair for pair in paths if not pair[1].startswith("templates/")}  # which follow from values
    told = [each for each in run(f"{A}-helm", made)[1] if each["section"] in ("value", "dynamic")]
    assert {(each["component"], spelled(each["key"])) for each in told} == dotted


def spelled(pointer: str) -> str:
    """Return a JSON Pointer as `verify` spells paths."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return ".".join(json.dumps(step) if "." in step else step for step in steps)


def test_edits_of_a_bundle_of_another_version_are_told_by_its_checksums(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "older"
    assert main.run(["bundle", A, "-o", str(place)], {}) == 0
    text = (place / "options.yaml").read_text()
    (place / "options.yaml").write_text(text.replace(clusterbook.__version__, "0.0.9"))
    assert [each["key"] for each in run(A, str(place))[1]] == ["options.yaml"]


def test_an_edited_recipe_is_compared_as_it_is(run: Run, folder: Path) -> None:
    text = (folder / f"{A}.yaml").read_text()
    (folder / "edited.yaml").write_text(text.replace("version: v26.7.1", "version: v26.7.2"))
    status, changes = run(A, "edited.yaml")
    assert status == 10
    assert ("gpu-operator", "version", "v26.7.1", "v26.7.2") in [
        (change["component"], change["key"], change.get("old"), change.get("new")) for change in changes
    ]


def test_what_cannot_be_compared_is_said_and_is_not_equal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (folder / f"{A}.yaml").read_text()
    foreign = text.replace("components/nodewright-customizations/manifests/", "components/elsewhere/manifests/")
    (folder / "foreign.yaml").write_text(foreign)
    assert foreign != text
    place = str(folder / "foreign.yaml")
    assert main.run(["diff", place, place, "--exit-code", "-t", "json"], {}) == 10
    assert json.loads(capsys.readouterr().out) == {"old": place, "new": place, "changes": [], "notCompared": [place]}
    assert main.run(["diff", place, place], {}) == 0
    assert "do not differ" not in capsys.readouterr().out


OPTION_WORDS: dict[str, tuple[str, ...]] = {
    "deployer": ("-d", "helmfile"),
    "repo": ("-d", "argocd", "--repo", "https://git.example.org/x"),
    "targetRevision": ("-d", "argocd", "--repo", "https://git.example.org/x", "--target-revision", "v2"),
    "appName": ("-d", "argocd", "--app-name", "mine"),
    "fluxNamespace": ("-d", "flux", "--flux-namespace", "mine"),
    "fluxOciSourceName": ("-d", "flux", "--flux-oci-source-name", "mine"),
    "readinessHooks": ("--readiness-hooks",),
    "nodes": ("--nodes", "64"),
    "storageClass": ("--storage-class", "gp3"),
    "sharedStorageClass": ("--shared-storage-class", "fsx"),
    "set": ("--set", "gpu-operator:driver.version=1"),
    "setJson": ("--set-json", "gpu-operator:driver.version=1"),
    "setFile": ("--set-file", "gpu-operator:driver.note=note.txt"),
    "setSecret": ("--set-secret", "gpu-operator:driver.note=secret/key"),
    "dynamic": ("--dynamic", "gpu-operator:driver.note"),
    "workloadGate": ("--workload-gate", "tuned=no:NoSchedule"),
    "workloadSelector": ("--workload-selector", "job=mine"),
    "systemNodeSelector": ("--system-node-selector", "pool=system"),
    "systemNodeToleration": ("--system-node-toleration", "pool=system:NoSchedule"),
    "acceleratedNodeSelector": ("--accelerated-node-selector", "pool=gpu"),
    "acceleratedNodeToleration": ("--accelerated-node-toleration", "pool=gpu:NoSchedule"),
}
"""Each option of a bundle, as words that change a bundle of A, but for --vendor-charts, which wants a network."""
FOLLOWS = ("options.yaml", "checksums.txt", "README.md")


def test_every_option_is_among_those_that_are_tried() -> None:
    assert {*OPTIONS} == {*OPTION_WORDS, "vendorCharts"}


@pytest.mark.parametrize("option", OPTION_WORDS)
def test_bundles_of_which_any_file_differs_are_told_apart(run: Run, folder: Path, tmp_path: Path, option: str) -> None:
    (folder / "note.txt").write_text("x")
    words = OPTION_WORDS[option]
    place = tmp_path / "made"
    assert main.run(["bundle", A, *words, "-o", str(place)], {}) == 0
    before, after = read_bundle(folder / f"{A}-helm"), read_bundle(place)
    moved = [path for path in {*before, *after} - {*FOLLOWS} if before.get(path) != after.get(path)]
    assert bool(run(f"{A}-helm", str(place))[1]) == bool(moved)
