"""Digests on pages: computed again from the static API with tools that are not ours, as the guide prints it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clusterbook.diff.export import Exporter
from clusterbook.site import api
from clusterbook.site.recipe_yaml import RecipeWriter
from tests.support import sites

GUIDE = (sites.SOURCES / "docs" / "guide" / "verify.md").read_text(encoding="utf-8")
(LINE,) = (line for line in GUIDE.splitlines() if line.startswith("jq "))
SLUG, VERSION = re.findall(r"recipes/(\S+)/(\S+)\.json", LINE)[0]


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq is installed: apt-get install jq")
@pytest.mark.parametrize("slug", [SLUG, "gb200-eks-ubuntu-training", "base"])
def test_a_digest_is_computed_again_as_printed(slug: str, tmp_path: Path) -> None:
    data = sites.our_data()
    summary = next(each for each in data.recipes if each.slug == slug)
    makers = dict(api.recipe_files(data, summary, RecipeWriter(), Exporter()))
    assert summary.versions
    for version in summary.versions:
        path = f"api/v1/recipes/{slug}/{version.number}.json"
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(makers[path]())
        line = LINE.replace(f"{SLUG}/{VERSION}", f"{slug}/{version.number}")
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert f"sha256:{done.stdout.split()[0]}" == version.digest


def test_the_guide_names_a_version_that_was_released() -> None:
    assert (sites.OURS / "registry" / SLUG / f"{VERSION}.yaml").is_file()
