# ruff: noqa: E501 (a case a line)
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.evidence import model
from clusterbook.evidence.model import BrokenEvidence, Refuted, recipe_digest
from clusterbook.trust.statement import parse_statement
from tests.support.checks import CHECKS, GROUPS
from tests.support.clusters import FILES

RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "metadata": {"slug": "mine"},
    "constraints": [{"name": "OS.release.ID", "value": "ubuntu"}],
    "criteria": {"intent": "training"},
    "componentRefs": [
        {"name": "gpu-operator", "namespace": "gpu-operator", "registry": {}, "images": ["nvcr.io/nvidia/x:1.0"]}
    ],
    "deploymentOrder": ["gpu-operator"],
    "validation": {"deployment": {"checks": ["operator-health"]}, "conformance": {"checks": ["gpu-operator-health"]}},
}
Files = dict[str, bytes]

gather = partial(model.gather, checks=CHECKS, groups=GROUPS)
recompute = partial(model.recompute, checks=CHECKS)


def bundle(**options: Any) -> Files:
    return gather(RECIPE, FILES["h100-eks"], version="1.2.3", **options)


def changed(name: str, change: Callable[[Any], Any], *, honest: bool = False) -> Files:
    """Return a bundle in which one document is changed; an honest manifest knows about it, as a forger's would."""
    files = bundle()
    document = json.loads(files[name])
    change(document)
    files[name] = model.encode(document)
    if honest:
        manifest = json.loads(files[model.MANIFEST])
        manifest["files"][name] = {"sha256": sha256(files[name]).hexdigest(), "size": len(files[name])}
        files[model.MANIFEST] = model.encode(manifest)
    return files


def test_evidence_says_what_judging_it_again_says() -> None:
    proof = recompute(bundle())
    assert (proof.recipe, proof.verdict, proof.taken_at) == ("mine", "passed", "2026-07-14T08:30:00Z")
    assert proof.fingerprint["accelerator"] == "h100"
    assert bundle() == bundle()


def test_a_report_of_failure_is_evidence_as_well() -> None:
    wanting = {**RECIPE, "constraints": [{"name": "OS.release.ID", "value": "rhel"}]}
    assert recompute(gather(wanting, FILES["h100-eks"], version="1")).verdict == "failed"


def test_another_version_of_the_tool_may_judge_again() -> None:
    assert json.loads(bundle()[model.REPORT])["results"]["tool"]["version"] == "1.2.3"
    assert recompute(bundle()).verdict == recompute(gather(RECIPE, FILES["h100-eks"], version="9")).verdict


def test_the_phases_that_were_judged_are_judged_again() -> None:
    files = bundle(phases=["conformance"])
    assert b"operator-health" not in files[model.REPORT].replace(b"gpu-operator-health", b"")
    assert recompute(files).verdict == "partial"
    assert "deployment not requested" in recompute(files).says


def test_stopping_early_is_repeated() -> None:
    wanting = {**RECIPE, "validation": {"deployment": {"checks": ["expected-resources"]}, **RECIPE["validation"]}}
    wanting["componentRefs"] = [{**RECIPE["componentRefs"][0], "namespace": "nowhere"}]
    reports = [gather(wanting, FILES["h100-eks"], version="1", fail_fast=each) for each in (False, True)]
    assert b"deployment failed" in reports[1][model.REPORT]
    assert [recompute(files).verdict for files in reports] == ["failed", "failed"]


def test_it_is_bound_to_the_digest_of_the_recipe_and_to_every_file() -> None:
    files = bundle()
    said = parse_statement(files[model.STATEMENT])
    assert said.predicate_type == model.PREDICATE
    assert {each.name: each.digest for each in said.subjects} == {
        "recipes/mine": recipe_digest(RECIPE),
        "manifest.json": f"sha256:{sha256(files[model.MANIFEST]).hexdigest()}",
    }
    assert recipe_digest(RECIPE) == recipe_digest({**RECIPE, "metadata": {"slug": "mine", "version": "1.2.0"}})
    assert recipe_digest(RECIPE) != recipe_digest({**RECIPE, "deploymentOrder": []})


@pytest.mark.parametrize("change", [{"metadata": {}}, {"metadata": 7}, {"componentRefs": [{"name": "x"}]}])
def test_a_recipe_that_is_not_whole_has_no_digest(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="lacks what bundles need"):
        recipe_digest({**RECIPE, **change})


def test_it_says_which_software_the_recipe_brings() -> None:
    bill = json.loads(bundle()[model.SBOM])
    assert [each["name"] for each in bill["components"]] == ["gpu-operator", "nvcr.io/nvidia/x"]


def test_nothing_in_it_names_the_cluster() -> None:
    text = b"".join(bundle().values())
    assert [word for word in (b"ip-10-0", b"i-0a1b2c3d", b"blue-whale", b"compute.internal") if word in text] == []


def results_of(report: Any) -> Any:
    return report["results"]["tests"]


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        (model.REPORT, lambda d: results_of(d)[0].update(status="passed", rawStatus="failed"), "the report says of readiness constraint OS.release.ID: failed, it is ubuntu; validating again gives: passed"),
        (model.REPORT, lambda d: results_of(d).pop(), "the report says of conformance check gpu-operator-health: nothing"),
        (model.REPORT, lambda d: results_of(d).append({"name": "check x", "suite": ["conformance"], "rawStatus": "passed"}), "says of conformance check x: passed, None; validating again gives: nothing"),
        (model.REPORT, lambda d: d["results"]["summary"].update(passed=99), "the report's summary does not match its results"),
        (model.REPORT, lambda d: d.update(results=[]), "the report says of readiness constraint OS.release.ID: nothing"),
        (model.SNAPSHOT, lambda d: d.update(measurements=[], objects=[]), "validating again gives: error"),
        (model.RECIPE, lambda d: d["constraints"][0].update(value="rhel"), "validating again gives: failed, it is ubuntu, not rhel"),
        (model.RECIPE, lambda d: d["validation"].pop("conformance"), "validating again gives: nothing"),
        (model.RECIPE, lambda d: d["criteria"].update(intent="inference"), "manifest.json says the recipeDigest is"),
        (model.SBOM, lambda d: d["components"].pop(), "bom.cdx.json is not the SBOM of this recipe"),
    ],
)  # fmt: skip
def test_a_report_that_does_not_follow_is_refused_however_well_it_is_packed(
    name: str, change: Callable[[Any], Any], what: str
) -> None:
    with pytest.raises(Refuted) as error:
        recompute(changed(name, change, honest=True))
    assert what in error.value.what
    with pytest.raises(BrokenEvidence, match=f"{name} was modified"):
        recompute(changed(name, change))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda f: f.pop(model.MANIFEST), "manifest.json is missing"),
        (lambda f: f.pop(model.REPORT), "report.json is missing"),
        (lambda f: f.pop(model.SBOM), "bom.cdx.json is missing"),
        (lambda f: f.pop(model.STATEMENT), "statement.intoto.json is missing"),
        (lambda f: f.update({model.STATEMENT: b"{}"}), "does not match recipe, snapshot and report"),
        (lambda f: f.update({"run.sh": b"x"}), "run.sh is not in the manifest"),
        (lambda f: f.update({model.MANIFEST: b"["}), "manifest.json is not JSON"),
        (lambda f: f.update({model.MANIFEST: b"[]"}), "manifest.json is empty"),
        (lambda f: f.update({model.MANIFEST: b"{}"}), "manifest.json has the format 'None'"),
    ],
)  # fmt: skip
def test_files_that_do_not_belong_together_are_refused(change: Callable[[Files], Any], what: str) -> None:
    files = bundle()
    change(files)
    with pytest.raises(BrokenEvidence, match=what):
        recompute(files)


def test_a_manifest_that_claims_something_else_is_refused() -> None:
    with pytest.raises(Refuted, match=r"manifest.json says the verdict is 'failed', and it is 'passed'"):
        recompute(changed(model.MANIFEST, lambda document: document.update(verdict="failed")))
    with pytest.raises(BrokenEvidence, match=r"manifest.json lists no phases"):
        recompute(changed(model.MANIFEST, lambda document: document.pop("phases")))


def test_a_report_of_another_version_is_refused_with_a_hint_to_ask_that() -> None:
    files = changed(model.REPORT, lambda document: results_of(document).pop(), honest=True)
    for version, hint in (("", "do not rely on this report"), ("1.2.3", "do not rely on this report"),
                          ("2.0.0", "clusterbook 1.2.3 validated it, and this is 2.0.0")):  # fmt: skip
        with pytest.raises(Refuted) as error:
            recompute(files, version=version)
        assert error.value.hint.startswith(hint)


WHOLE = {name: json.loads(data) for name, data in bundle().items() if name.endswith(".json")}


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value, of lists those of the first two elements."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*place, key))


PLACES = [
    (name, place)
    for name in (model.MANIFEST, model.REPORT, model.RECIPE, model.SNAPSHOT, model.SBOM)
    for place in places(WHOLE[name])
    if place
]


@given(st.sampled_from(PLACES), st.sampled_from([None, 7, "x", [], {}, [7], {"a": 7}, True, 1.5]))
@settings(max_examples=300)
def test_whatever_stands_in_a_file_it_holds_or_is_refused(where: tuple[str, tuple[Any, ...]], value: Any) -> None:
    name, place = where

    def change(document: Any) -> None:
        for key in place[:-1]:
            document = document[key]
        document[place[-1]] = value

    try:
        recompute(changed(name, change, honest=name != model.MANIFEST))
    except ClusterbookError:
        return


def test_a_snapshot_that_names_its_cluster_is_refused() -> None:
    with pytest.raises(BrokenEvidence, match="is not marked as redacted"):
        recompute(changed(model.SNAPSHOT, lambda document: document["metadata"].pop("redacted"), honest=True))
