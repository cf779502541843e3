"""The static API: described, of the shape that it is described with, and every file accounted for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from functools import partial
from hashlib import sha256
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from clusterbook.diff.export import export
from clusterbook.documents.yaml_reader import parse
from clusterbook.files.write import write_folder
from clusterbook.site import build
from tests.support import sites

JSON = {path: content for path, content in sites.whole().items() if path.startswith("api/") and path.endswith(".json")}
DESCRIBED: dict[str, Any] = json.loads(JSON["api/openapi.json"])


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing about it."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing about requests."""


def described(path: str) -> dict[str, Any] | None:
    """Return the schema of the answer at `path`, None when nothing describes it."""
    for template, item in DESCRIBED["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+?", re.escape(f"api{template}"))
        if re.fullmatch(pattern, path) and (".." in path) == (".." in template):
            answer = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            return {**answer, "components": DESCRIBED["components"]}
    return None


def test_the_description_is_openapi() -> None:
    OpenAPIV31SpecValidator(DESCRIBED).validate()


@pytest.mark.parametrize("path", sorted(set(JSON) - {"api/openapi.json"}))
def test_a_document_is_what_the_description_says(path: str) -> None:
    schema = described(path)
    assert schema is not None, "nothing describes it"
    jsonschema.Draft202012Validator(schema).validate(json.loads(JSON[path]))


def test_the_description_refuses_what_is_no_recipe() -> None:
    schema = described("api/v1/recipes/eks.json")
    assert schema is not None
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({"slug": "eks"})


def test_every_path_that_is_described_exists() -> None:
    for template in DESCRIBED["paths"]:
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+?", re.escape(f"api{template}"))
        assert any(re.fullmatch(pattern, path) for path in JSON), template


def test_the_inventory_has_the_digest_of_every_file() -> None:
    listed = json.loads(JSON["api/v1/catalog.json"])["files"]
    files = {path.removeprefix("api/"): content for path, content in sites.whole().items() if path.startswith("api/")}
    others = {path for path in files if path.endswith(".html") or path == "v1/catalog.json"}
    assert listed.keys() == files.keys() - others
    assert all(listed[path] == f"sha256:{sha256(files[path]).hexdigest()}" for path in listed)


def test_a_recipe_says_where_each_value_comes_from() -> None:
    found = json.loads(JSON["api/v1/recipes/eks.json"])
    assert [each.partition(" ")[0] for each in found["origins"]["a"]["x"]] == ["components/a/values.yaml", "eks"]
    assert found["published"] is None  # it moved since


def test_a_version_has_the_digest_under_which_it_was_published() -> None:
    found = json.loads(JSON["api/v1/recipes/eks/1.1.0.json"])
    assert found["published"]["release"] == "2026.7.0"
    assert re.fullmatch("sha256:[0-9a-f]{64}", found["published"]["digest"])


def test_the_yaml_of_a_recipe_is_the_recipe() -> None:
    node = parse(sites.whole()["api/v1/recipes/eks.yaml"].decode(), "eks.yaml", plain=True)
    assert node is not None
    assert node.data() == json.loads(JSON["api/v1/recipes/eks.json"])["recipe"]


def test_a_page_names_the_json_beside_it() -> None:
    for path, content in sites.whole().items():
        for named in re.findall(
            r'type="application/json" href="(?:\.\./)*([^"]+)"', content.decode("utf-8", "replace")
        ):
            assert named in JSON, path


def test_a_script_is_its_document_handed_over() -> None:
    text = sites.whole()["api/v1/index.js"].decode()
    said = re.fullmatch(r'clusterbook\.take\("index",(.*)\)\n', text, re.DOTALL)
    assert said is not None
    assert json.loads(said[1]) == json.loads(JSON["api/v1/index.json"])


def printed(page: bytes) -> list[list[str]]:
    """Return the lines of every block of commands on a page."""
    blocks = re.findall(r'cb-shell"><pre><code>(.*?)</code>', page.decode(), re.DOTALL)
    return [unescape(re.sub("<[^>]+>", "", block)).splitlines() for block in blocks]


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "jq"))), reason="no curl or jq: apt-get install curl jq")
def test_the_api_is_asked_as_printed(tmp_path: Path) -> None:
    write_folder(tmp_path / "site", sites.whole().items(), marker=build.MARKER)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"SITE=http://127.0.0.1:{server.server_address[1]}"
        answers = []
        (place, *first), *others = printed(sites.whole()["api/index.html"])
        assert place == "SITE=https://catalog.example.com"
        for lines in (first, *others):
            script = "\n".join(["set -e", here, *lines])
            done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
            answers.append(done.stdout.splitlines())
        server.shutdown()
    listed, origins, digests = answers
    data = sites.small()
    assert listed == [f"{each.slug}\t{each.newest.number if each.newest else ''}" for each in data.recipes]
    found = data.recipe(data.recipes[0].slug)
    rows = {(part.name, row.path): row.origins[-1] for part in (*found.parts, *found.switched_off) for row in part.rows}
    assert {tuple(line.split("\t")) for line in origins} == {
        (*key, f"{said.layer} {said.file}:{said.line}") for key, said in rows.items()
    }
    assert len(rows) > 2
    assert len(digests) == 2
    assert digests[0] == digests[1]


def test_a_site_that_knows_where_it_stands_prints_its_address() -> None:
    files = sites.files(sites.small(), url="https://example.com/catalog/")
    assert printed(files["api/index.html"])[0][0] == "SITE=https://example.com/catalog"


def test_versions_that_differ_are_told_apart_by_compare() -> None:
    data = sites.our_data()
    pairs = [(each.slug, version.before, version.number) for each in data.recipes for version in each.versions]
    for slug, before, version in pairs:
        if before:
            old, new = (export(data.side(slug, name)) for name in (before, version))
            assert old != new, (slug, before, version)
    assert len([before for _, before, _ in pairs if before]) > 200
