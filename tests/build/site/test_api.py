"""The static API: described, of the shape that it is described with, and every file accounted for."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from clusterbook.core.yamlin import parse
from tests import sites

JSON = {path: content for path, content in sites.whole().items() if path.startswith("api/") and path.endswith(".json")}
DESCRIBED: dict[str, Any] = json.loads(JSON["api/openapi.json"])


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
