# ruff: noqa: E501 (a case a line)
from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from clusterbook.core import evidence
from clusterbook.core.evidence import BrokenEvidence, Refuted, gather, recompute
from tests.clusters import FILES

RECIPE = {
    "kind": "RecipeResult",
    "metadata": {"slug": "mine"},
    "constraints": [{"name": "OS.release.ID", "value": "ubuntu"}],
    "componentRefs": [{"name": "gpu-operator", "namespace": "gpu-operator"}],
    "validation": {"deployment": {"checks": ["operator-health"]}, "conformance": {"checks": ["gpu-operator-health"]}},
}
Files = dict[str, bytes]


def bundle(**options: Any) -> Files:
    return gather(RECIPE, FILES["h100-eks"], version="1.2.3", **options)


def changed(name: str, change: Callable[[Any], Any], *, honest: bool = False) -> Files:
    """Return a bundle in which one document is changed; an honest manifest knows about it, as a forger's would."""
    files = bundle()
    document = json.loads(files[name])
    change(document)
    files[name] = evidence.encode(document)
    if honest:
        manifest = json.loads(files[evidence.MANIFEST])
        manifest["files"][name] = {"sha256": sha256(files[name]).hexdigest(), "size": len(files[name])}
        files[evidence.MANIFEST] = evidence.encode(manifest)
    return files


def test_evidence_says_what_judging_it_again_says() -> None:
    assert recompute(bundle()) == "passed"
    assert bundle() == bundle()


def test_a_report_of_failure_is_evidence_as_well() -> None:
    wanting = {**RECIPE, "constraints": [{"name": "OS.release.ID", "value": "rhel"}]}
    assert recompute(gather(wanting, FILES["h100-eks"], version="1")) == "failed"


def test_another_version_of_the_tool_may_judge_again() -> None:
    assert json.loads(bundle()[evidence.REPORT])["results"]["tool"]["version"] == "1.2.3"
    assert recompute(bundle()) == recompute(gather(RECIPE, FILES["h100-eks"], version="9"))


def test_the_phases_that_were_judged_are_judged_again() -> None:
    files = bundle(phases=["conformance"])
    assert b"operator-health" not in files[evidence.REPORT].replace(b"gpu-operator-health", b"")
    assert recompute(files) == "passed"


def test_other_files_are_listed_and_held() -> None:
    files = bundle(more={"bom.cdx.json": b"{}"})
    assert recompute(files) == "passed"
    with pytest.raises(BrokenEvidence, match=r"bom.cdx.json was changed"):
        recompute({**files, "bom.cdx.json": b"[]"})


def test_nothing_in_it_names_the_cluster() -> None:
    text = b"".join(bundle().values())
    assert [word for word in (b"ip-10-0", b"i-0a1b2c3d", b"blue-whale", b"compute.internal") if word in text] == []


def results_of(report: Any) -> Any:
    return report["results"]["tests"]


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        (evidence.REPORT, lambda d: results_of(d)[0].update(status="passed", rawStatus="failed"), "the report says of readiness constraint OS.release.ID: failed, it is ubuntu; judged again it is: passed"),
        (evidence.REPORT, lambda d: results_of(d).pop(), "the report says of conformance check gpu-operator-health: nothing"),
        (evidence.REPORT, lambda d: results_of(d).append({"name": "check x", "suite": ["conformance"], "rawStatus": "passed"}), "says of conformance check x: passed, None; judged again it is: nothing"),
        (evidence.REPORT, lambda d: d["results"]["summary"].update(passed=99), "the report's figures do not follow from its results"),
        (evidence.REPORT, lambda d: d.update(results=[]), "the report says of readiness constraint OS.release.ID: nothing"),
        (evidence.SNAPSHOT, lambda d: d.update(measurements=[]), "judged again it is: error"),
        (evidence.RECIPE, lambda d: d["constraints"][0].update(value="rhel"), "judged again it is: failed, it is ubuntu, not rhel"),
        (evidence.RECIPE, lambda d: d["validation"].pop("conformance"), "judged again it is: nothing"),
    ],
)  # fmt: skip
def test_a_report_that_does_not_follow_is_refused_however_well_it_is_packed(
    name: str, change: Callable[[Any], Any], what: str
) -> None:
    with pytest.raises(Refuted) as error:
        recompute(changed(name, change, honest=True))
    assert what in error.value.what
    with pytest.raises(BrokenEvidence, match=f"{name} was changed"):
        recompute(changed(name, change))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda f: f.pop(evidence.MANIFEST), "manifest.json is missing"),
        (lambda f: f.pop(evidence.REPORT), "report.json is missing"),
        (lambda f: f.update({"run.sh": b"x"}), "run.sh is not in the manifest"),
        (lambda f: f.update({evidence.MANIFEST: b"["}), "manifest.json is no JSON"),
        (lambda f: f.update({evidence.MANIFEST: b"[]"}), "manifest.json holds no document"),
        (lambda f: f.update({evidence.MANIFEST: b"{}"}), "manifest.json is of the format 'None'"),
    ],
)  # fmt: skip
def test_files_that_do_not_belong_together_are_refused(change: Callable[[Files], Any], what: str) -> None:
    files = bundle()
    change(files)
    with pytest.raises(BrokenEvidence, match=what):
        recompute(files)


def test_a_manifest_that_claims_something_else_is_refused() -> None:
    with pytest.raises(Refuted, match=r"manifest.json says the verdict is 'failed', and it is 'passed'"):
        recompute(changed(evidence.MANIFEST, lambda document: document.update(verdict="failed")))
    with pytest.raises(BrokenEvidence, match=r"manifest.json names no phases"):
        recompute(changed(evidence.MANIFEST, lambda document: document.pop("phases")))


def test_a_snapshot_that_names_its_cluster_is_refused() -> None:
    with pytest.raises(BrokenEvidence, match="does not say that it was redacted"):
        recompute(changed(evidence.SNAPSHOT, lambda document: document["metadata"].pop("redacted"), honest=True))
