"""Workflows: pinned, with no more rights than each job needs, and publishing under the names that the program has.

Whether GitHub would take them is asked of actionlint in the interop tier.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.publisher import names
from package.__main__ import read_words
from package.image import ARCHITECTURES, PYTHON
from tests.support import checkouts

WORKFLOWS = sorted((Path(__file__).resolve().parent.parent / ".github" / "workflows").glob("*.yml"))
RELEASE = next(path for path in WORKFLOWS if path.name == "release-program.yml").read_text(encoding="utf-8")
by_name = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)


def unpinned(text: str) -> list[str]:
    """Return the actions that are not named by a commit, with their version behind it."""
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", text, re.M)
    return [each for each in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+){2}", each)]


def parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


@by_name
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    assert unpinned(workflow.read_text(encoding="utf-8")) == []


def test_a_tag_is_no_pin() -> None:
    assert unpinned("  - uses: actions/checkout@v5\n  - uses: a/b@" + "0" * 40 + "\n") == [
        "actions/checkout@v5",
        "a/b@" + "0" * 40,
    ]


def test_one_action_has_one_pin() -> None:
    used = {pin for path in WORKFLOWS for pin in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))}
    assert len({pin.partition("@")[0] for pin in used}) == len(used)


@by_name
def test_a_job_has_the_rights_that_it_names_and_no_others(workflow: Path) -> None:
    document = parsed(workflow.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    assert all(job["permissions"] for job in document["jobs"].values())
    writing = {name for name, job in document["jobs"].items() if "write" in job["permissions"].values()}
    assert "pull_request" not in document.get("on", document.get(True)) or not writing


@by_name
def test_nothing_of_an_event_is_pasted_into_a_script(workflow: Path) -> None:
    steps = [step for job in parsed(workflow.read_text(encoding="utf-8"))["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def scripts() -> str:
    steps = [step for job in parsed(RELEASE)["jobs"].values() for step in job["steps"]]
    return "\n".join(step["run"] for step in steps if "run" in step)


def test_images_are_published_under_the_names_that_the_program_has() -> None:
    image = f"ghcr.io/{names.REPOSITORY}".lower()  # the workflow's IMAGE, once its name fits REPOSITORY
    pushed = set(re.findall(r'"docker://(\$IMAGE[^:"]*):\$GITHUB_REF_NAME"', scripts()))
    assert {each.replace("$IMAGE", image) for each in pushed} == {names.CLIENT_IMAGE, names.AGENT_IMAGE}
    assert parsed(RELEASE)["jobs"]["publish"]["env"]["IMAGE"] == "ghcr.io/${{ github.repository }}"


def test_every_image_and_file_is_signed_with_provenance_and_sbom() -> None:
    steps = parsed(RELEASE)["jobs"]["publish"]["steps"]
    for action in ("attest-build-provenance", "attest-sbom"):
        subjects = [step["with"] for step in steps if action in step.get("uses", "")]
        assert [each.get("subject-name") for each in subjects] == ["${{ env.IMAGE }}/agent", "${{ env.IMAGE }}", None]
    digests = [step["with"]["subject-digest"] for step in steps if "subject-digest" in step.get("with", {})]
    assert set(digests) == {f"${{{{ steps.{name}.outputs.digest }}}}" for name in ("agent", "client")}


def test_the_agent_is_pushed_before_what_names_it_is_built() -> None:
    words = [
        shlex.split(line)[3:] for line in scripts().splitlines() if line.startswith("python3 tools/dev.py package")
    ]
    digests = [read_words(each).agent_digest for each in words]
    assert digests == [None, "$DIGEST"]
    at = [RELEASE.index(text) for text in ("image/agent\n", '--agent-digest "$DIGEST"', "image/client\n")]
    assert at == sorted(at)


def test_images_are_built_on_the_python_and_for_the_machines_that_their_files_are_for() -> None:
    assert f"docker.io/library/python:{PYTHON}-slim" in RELEASE
    platforms = set(re.findall(r"--platform (\S+)", RELEASE))
    assert platforms == {",".join(f"linux/{name}" for name in ARCHITECTURES)}


def run_of(workflow: str, name: str) -> str:
    """Return the script of one step."""
    path = next(path for path in WORKFLOWS if path.name == workflow)
    steps = [step for job in parsed(path.read_text(encoding="utf-8"))["jobs"].values() for step in job["steps"]]
    (script,) = [step["run"] for step in steps if step.get("name") == name]
    assert isinstance(script, str)
    return script


@pytest.mark.parametrize(("edited", "refused"), [("registry/releases/2026.7.0.yaml", True), ("recipes/x.yaml", False)])
def test_a_contributor_does_not_write_the_ledger(
    edited: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkouts.make()
    base = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    Path(edited).parent.mkdir(parents=True, exist_ok=True)
    Path(edited).write_text("a: 1\n", encoding="utf-8")
    checkouts.commit_all("mine", checkouts.JULY_DATE)
    script = run_of("recipes.yml", "the ledger is written by releases alone")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], env={**os.environ, "BASE": base}, capture_output=True, text=True
    )
    assert (done.returncode != 0) == refused
    assert (f"git checkout {base} -- registry" in done.stdout) == refused


def test_what_is_not_run_for_recipes_alone_is_run_by_the_workflow_for_them() -> None:
    paths = {path.name: parsed(path.read_text(encoding="utf-8")) for path in WORKFLOWS}
    left_out = paths["ci.yml"]["on"]["pull_request"]["paths-ignore"]
    assert set(left_out) <= set(paths["recipes.yml"]["on"]["pull_request"]["paths"])
    words = shlex.split(run_of("recipes.yml", "the catalog's tests"))
    folders = [word for word in words if word.startswith("tests/")]
    assert len(folders) > 3
    assert [word for word in folders if not (WORKFLOWS[0].parents[2] / word).exists()] == []


def test_the_workflow_that_may_write_runs_nothing_of_a_pull_request() -> None:
    (path,) = [path for path in WORKFLOWS if "workflow_run" in path.read_text(encoding="utf-8")]
    text = path.read_text(encoding="utf-8")
    assert "uses:" not in text
    assert not re.search(r"checkout|\.venv|python|bash consequences", text.partition("jobs:")[2])
