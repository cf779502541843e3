"""One place has the names under which all of this is published, and a fork's name there is enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import clusterbook
from clusterbook.publisher import names
from clusterbook.publisher.agent import BrokenInstallation, agent_image

ROOT = Path(__file__).resolve().parents[2]
SHOWN = [ROOT / "README.md", *sorted((ROOT / "site/docs").rglob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
DIGEST = f"sha256:{'ab' * 32}"


def strange_names(text: str) -> list[str]:
    """Return the names of repositories and images of this project that are not where it is published."""
    hosts = re.findall(r"\b(?:github\.com|ghcr\.io)/[\w./-]*\w", text)
    ours = [each for each in hosts if "clusterbook" in each and "acme" not in each]
    known = (f"github.com/{names.REPOSITORY}", names.BASE)
    return [each for each in ours if not each.startswith(known)]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_where_this_is_published(page: Path) -> None:
    assert strange_names(page.read_text(encoding="utf-8")) == []


def test_an_old_name_is_found() -> None:
    assert strange_names("image: ghcr.io/clusterbook/agent:v1") == ["ghcr.io/clusterbook/agent"]
    assert strange_names("see https://github.com/someone/clusterbook.") == ["github.com/someone/clusterbook"]


@pytest.mark.parametrize("page", ["README.md", "site/docs/guide/index.md", "site/docs/guide/install.md"])
def test_a_page_shows_every_way_to_install(page: str) -> None:
    assert "\n".join(["```sh", *names.INSTALL, "```"]) in (ROOT / page).read_text(encoding="utf-8")


def test_what_is_installed_is_called_like_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == names.DISTRIBUTION
    assert names.INSTALL[0].split()[:3] == ["pipx", "install", names.DISTRIBUTION]


def test_pages_name_the_agent_of_this_version() -> None:
    shown = [
        text for page in SHOWN for text in re.findall(r"ghcr\.io/(?!acme)[\w/]+/agent\S*", page.read_text("utf-8"))
    ]
    assert shown
    assert {each for each in shown if each != names.AGENT_IMAGE} == {f"{names.AGENT_IMAGE}:v{clusterbook.__version__}"}


def test_a_released_program_has_its_own_image(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert agent_image("2026.7.0", absent) == f"{names.AGENT_IMAGE}:v2026.7.0"
    assert agent_image("2026.8.0.dev1", absent) == f"{names.AGENT_IMAGE}:latest"


def test_a_release_pins_the_agent_by_digest(tmp_path: Path) -> None:
    (tmp_path / "agent.digest").write_text(f"{DIGEST}\n")
    assert agent_image("1.2.3", tmp_path / "agent.digest") == f"{names.AGENT_IMAGE}:v1.2.3@{DIGEST}"


@pytest.mark.parametrize("text", ["", "latest", "sha256:12", f"{DIGEST}0", "sha256:" + "é" * 64])
def test_a_damaged_pin_is_no_reason_to_run_another_image(text: str, tmp_path: Path) -> None:
    (tmp_path / "agent.digest").write_text(text, encoding="utf-8")
    with pytest.raises(BrokenInstallation):
        agent_image("1.2.3", tmp_path / "agent.digest")


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout that its owner has renamed."""
    folder = tmp_path_factory.mktemp("fork")
    for name in ("tools", "site/docs", ".github"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "man1"))
    shutil.copyfile(ROOT / "README.md", folder / "README.md")
    for words in (["init", "-q"], ["add", "-A", "-f"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    done = dev(folder, "rename", "Acme/GPU.Clusters")
    assert done.returncode == 0, done.stderr
    return folder


def dev(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/dev.py", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def says(fork: Path, program: str, *words: str) -> str:
    """Return what a fork's own program prints."""
    module = {"clusterbook": "main", "clusterbook-build": "build_main"}[program]
    code = f"import sys; sys.path.insert(0, 'tools'); from clusterbook.cli.{module} import main; main()"
    env = {"PATH": os.environ["PATH"], "HOME": str(fork / "home"), "COLUMNS": "200"}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=fork, env=env, capture_output=True, text=True, check=True).stdout


def test_a_fork_runs_its_own_agent(fork: Path) -> None:
    assert f"image: ghcr.io/acme/gpu.clusters/agent:v{clusterbook.__version__}" in says(
        fork, "clusterbook", "snapshot", "--print-manifests"
    )


def test_a_fork_trusts_its_own_release_workflow_and_no_other(fork: Path) -> None:
    said = says(fork, "clusterbook", "trust", "show")
    assert r"github\.com/Acme/GPU\.Clusters/\.github/workflows/release\.yml" in said
    assert "clusterbook/clusterbook" not in said


def test_a_fork_shows_its_own_names(fork: Path) -> None:
    assert "oci://ghcr.io/acme/gpu.clusters" in says(fork, "clusterbook-build", "site", "--help")
    assert "--from oci://ghcr.io/acme/gpu.clusters" in says(fork, "clusterbook", "fetch", "recipe", "--help")
    shown = [path for path in fork.rglob("*.md") if "clusterbook/clusterbook" in path.read_text(encoding="utf-8")]
    assert shown == []
    code = "import sys; sys.path.insert(0, 'tools'); from clusterbook.publisher import names"
    code += "; print(*names.INSTALL, sep='\\n')"
    lines = subprocess.run([sys.executable, "-c", code], cwd=fork, capture_output=True, text=True, check=True).stdout
    assert "python3 GPU.Clusters/tools/dev.py build" in lines
    assert lines in (fork / "README.md").read_text(encoding="utf-8")


def test_what_is_no_repository_is_refused(fork: Path) -> None:
    for wrong in ([], ["acme"], ["acme/a/b"], ["https://github.com/acme/a"]):
        done = dev(fork, "rename", *wrong)
        assert done.returncode == 1
        assert "OWNER/REPOSITORY" in done.stderr
