"""Fits my cluster: the page's judgement is the client's, on clusters that nobody thought of one by one."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.lookup.build import index_listing, served_recipes
from clusterbook.resolve.choices import split_slug
from clusterbook.resolve.document import recipe_document
from clusterbook.resolve.matching import UNSUPPORTED
from clusterbook.site.api import listing
from clusterbook.snapshot import recognition
from clusterbook.snapshot.model import read_measured_snapshot
from clusterbook.snapshot.recognition import tables
from clusterbook.validate.fit import fit_recipes
from tests.support import sites
from tests.support.generated import cluster, labelled, measured

SCRIPT = sites.SOURCES / "assets" / "fits.js"
NODE = """
const fs = require("fs");
global.window = { clusterbook: {} };
require(process.argv[2]);
const { data, tables, snapshots } = JSON.parse(fs.readFileSync(0, "utf8"));
const part = { replaceChildren() {} };
window.clusterbook.fits(part, data, tables, { make: () => ({}), script: async () => {} });
(async () => {
  const all = [];
  for (const text of snapshots) {
    try {
      const { found } = await window.clusterbook.judge(data, text);
      all.push(Object.fromEntries(found.map((each) => [each.recipe.slug, [each.fit, each.why]])));
    } catch (error) { all.push({ error: error.message }); }
  }
  fs.writeSync(1, JSON.stringify(all));
})();
"""
MANY = 400
TURNS = 4
"""A recipe is held against every fourth cluster, so that each recipe has its turns."""


def test_the_page_has_no_tables_of_its_own() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    words = [word for table in tables().values() for word in words_of(table) if re.search(r"[./+]|-\w{3}|linux", word)]
    assert len(words) > 60
    assert [word for word in words if f'"{word}' in script or f"/{re.escape(word)}" in script] == []


def words_of(table: Any) -> list[str]:
    """Return every text in a table."""
    if isinstance(table, str):
        return [table]
    parts = [*table, *table.values()] if isinstance(table, dict) else table if isinstance(table, tuple) else ()
    return [word for part in parts for word in words_of(part)]


def test_tables_are_read_alike_by_the_page() -> None:
    assert json.loads(json.dumps(tables())) == {
        name: json.loads(json.dumps(table)) for name, table in vars(recognition).items() if name.isupper()
    }


def test_the_page_judges_the_recipes_that_the_client_judges() -> None:
    matrix = sites.ours()
    judged = sorted(each["slug"] for each in listing(sites.our_data())["recipes"])
    assert judged == sorted(line["slug"] for line in index_listing(matrix))
    assert any(split_slug(slug)[1] for slug in judged), "answers to a profile are recipes of their own"
    refused = {slug for slug, each in matrix.recipes.items() if matrix.answer(each.criteria).state == UNSUPPORTED}
    assert refused
    assert refused.isdisjoint(judged)


@pytest.mark.skipif(shutil.which("node") is None, reason="fits.js is run by node")
def test_the_page_judges_generated_clusters_as_the_client_does(tmp_path: Path) -> None:
    dice = random.Random(15)  # noqa: S311 (the same clusters each time)
    snapshots = [dice.choice((measured, cluster, labelled))(dice) for _ in range(MANY)]
    recipes = {slug: recipe_document(recipe, state="") for slug, recipe in served_recipes(sites.ours())}
    data = listing(sites.our_data())
    script = tmp_path / "judge.js"
    script.write_text(NODE, encoding="utf-8")
    asked = json.dumps({"data": data, "tables": tables(), "snapshots": [json.dumps(each) for each in snapshots]})
    done = subprocess.run(["node", script, SCRIPT], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    apart, judged = [], 0
    for number, (taken, shown) in enumerate(zip(snapshots, json.loads(done.stdout), strict=True)):
        try:
            seen = read_measured_snapshot(taken)
        except InvalidRequest:
            assert shown.keys() == {"error"}
            continue
        assert shown.keys() == recipes.keys(), shown.get("error")
        for each in fit_recipes(islice(recipes.items(), number % TURNS, None, TURNS), seen):
            mine, judged = shown[each.recipe], judged + 1
            same = mine[0] == each.fit and (each.fit != "misses" or mine[1] == each.why)
            if not same:
                apart.append((each.recipe, (each.fit, each.why), mine, json.dumps(taken)[:1500]))
    assert apart[:3] == [], f"{len(apart)} of {judged} judgements differ"
