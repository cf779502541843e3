"""The wheel that users install carries the index of the catalog, as large as the one in a checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "recipes", "schemas", "tools")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of what a wheel is made of, without an index."""
    folder = tmp_path_factory.mktemp("sources")
    ignored = shutil.ignore_patterns("__pycache__", "index")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def wheel(sources: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Return what pip says of making a wheel."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        target,
        ".",
    ]
    return subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)


def test_a_wheel_carries_the_index(sources: Path, tmp_path: Path) -> None:
    made = wheel(sources, tmp_path)
    assert made.returncode == 0, made.stderr[-800:]
    [path] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(path).namelist()
    index = [name for name in names if name.startswith("clusterbook/lookup/index/")]
    assert "clusterbook/lookup/index/index.json" in index
    assert len(index) > 100
    assert "clusterbook/cli/completion/words.json" in names
    [data] = {name.partition("/")[0] for name in names if name.partition("/")[0].endswith(".data")}
    pages = {name.removeprefix(f"{data}/data/share/man/man1/") for name in names if name.startswith(data)}
    assert pages > {"clusterbook.1", "clusterbook-recipe.1", "clusterbook-build-check.1"}


def test_sources_that_do_not_resolve_make_no_wheel(sources: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(sources, tmp_path / "sources")
    base = broken / "recipes" / "overlays" / "base.yaml"
    base.write_text(base.read_text().replace("kind: RecipeMetadata", "kind: Nothing"))
    made = wheel(broken, tmp_path)
    assert made.returncode != 0
    assert "there is no wheel" in made.stdout + made.stderr
    assert not [*tmp_path.glob("*.whl")]
