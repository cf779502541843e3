"""Evidence: a judgement that anybody can repeat from the files it comes with.

The report must follow from recipe and snapshot. Who says that the snapshot is true is for others to verify.
Source: reference rows V47-V49, V54; recomputing is ours.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from clusterbook.artifacts.sbom import sbom
from clusterbook.catalog.images import image_of
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.digest import digest as digest_of
from clusterbook.evidence.redact import is_redacted, public_names, redact
from clusterbook.resolve.content import content
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.snapshot import criteria
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.trust.statement import Subject, statement
from clusterbook.validate import ctrf
from clusterbook.validate.checks import Checks, check_words
from clusterbook.validate.judge import chosen_phases, judge
from clusterbook.validate.result import PHASES, Report, Result

RECIPE, SNAPSHOT, REPORT, SBOM = "recipe.json", "snapshot.json", "report.json", "bom.cdx.json"
MANIFEST, STATEMENT, SIGNED = "manifest.json", "statement.intoto.json", "statement.sigstore.json"
FORMAT = "clusterbook-evidence/1"
PREDICATE = "https://clusterbook.dev/evidence/v1"
"""What the statement says of a recipe: that this cluster was validated against it at that time, with this verdict."""
MOST_BYTES = 256 * 1024 * 1024
"""A snapshot of 5,000 nodes takes 30 MB, the rest less than one."""
_UNNUMBERED = "unpublished"
Document = Mapping[str, Any]

_WHOLE = "ask whoever published it for the folder as it was"


class BrokenEvidence(InvalidRequest):
    """The files of an evidence bundle do not match its manifest: one is missing, extra or modified.

    Nothing in it can be relied on. Ask whoever published it for the bundle as it was.
    """

    code = "CB132"


class Refuted(BrokenEvidence):
    """The report does not follow from its recipe and snapshot.

    The message names the first result that differs. Either the report was edited, or it was written by a version of the
    tool that evaluates differently: validate again with `clusterbook validate --no-cluster` and compare.
    """

    code = "CB133"


class EvidenceProof(NamedTuple):
    """What an evidence bundle proves: how the recipe with `digest` was judged on a cluster that was seen at `taken_at`.

    `results` is everything that was asked, `statement` what its signature has to cover, `says` the results in numbers,
    with the phases that were not asked.
    """

    recipe: str
    digest: str
    verdict: str
    counts: Mapping[str, int]
    taken_at: str
    fingerprint: Mapping[str, str]
    results: tuple[Result, ...]
    statement: bytes
    says: str

    @property
    def outcome(self) -> str:
        """Return what it proves in words: `3 passed, 1 skipped, deployment not asked of eks`."""
        return f"{self.says or 'nothing'} of {self.recipe}"

    @property
    def cluster(self) -> str:
        """Return what the cluster is, `eks, h100, ubuntu, 6 nodes`, "" where nothing says."""
        return ", ".join(
            f"{value} node{'' if value == '1' else 's'}" if dimension == "nodes" else value
            for dimension, value in self.fingerprint.items()
        )


def gather(
    recipe: Document,
    snapshot_document: Document,
    *,
    checks: Checks,
    groups: Collection[str],
    version: str,
    phases: Collection[str] = PHASES,
    fail_fast: bool = False,
) -> dict[str, bytes]:
    """Return the files of an evidence bundle by name, but for its signature; same documents, same bytes.

    The snapshot is redacted first, and the report is about what is left: it claims no more than anybody can check.

    Args:
        recipe: a whole recipe (`bundle_inputs.complete`) with the text of its health checks in place.
        snapshot_document: the snapshot, as its file says it.
        checks: those of the catalog.
        groups: API groups that may stay, see `redact`.
        version: that of the tool that judges.
        phases: which to judge, besides readiness.
        fail_fast: stop behind the first phase in which something failed.

    Raises:
        InvalidRequest: one of the documents is not what it must be.
    """
    words, namespaces = public_names(recipe)
    words |= check_words(checks.values())
    shown = redact(snapshot_document, words=words, namespaces=namespaces, groups=groups)
    report = judge(recipe, read_snapshot(shown), checks=checks, phases=phases, fail_fast=fail_fast)
    digest = recipe_digest(recipe)
    files = {
        RECIPE: encode(recipe),
        SNAPSHOT: encode(shown),
        REPORT: ctrf.as_json(report, version).encode(),
        SBOM: encode(_sbom(recipe, digest)),
    }
    manifest = {
        "format": FORMAT,
        "recipe": report.recipe,
        "recipeDigest": digest,
        "verdict": report.verdict,
        "phases": chosen_phases(phases),
        "failFast": fail_fast,
        "files": {name: {"sha256": sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()},
    }
    files[MANIFEST] = encode(manifest)
    return {**files, STATEMENT: _statement(report, digest, files[MANIFEST], read_snapshot(shown))}


def recipe_digest(recipe: Document) -> str:
    """Return the digest of a whole recipe, which is that of the published one if it is one.

    Raises:
        InvalidRequest: it lacks what bundles need, so that its content is not known.
    """
    try:
        if RecipeResult(recipe).is_whole and recipe["metadata"]["slug"]:
            return digest_of(content(recipe))
    except (KeyError, TypeError, AttributeError):
        pass  # it is said below
    raise InvalidRequest("the recipe lacks what bundles need, so it has no digest",
                         hint="name a recipe of the catalog, or the recipe.yaml of a bundle")  # fmt: skip


def _sbom(recipe: Document, digest: str) -> Document:
    """Return the SBOM of a whole recipe."""
    components = RecipeResult(recipe).components
    images = {component.name: tuple(map(image_of, component.images)) for component in components}
    return sbom(recipe, images, version=str(recipe["metadata"].get("version") or _UNNUMBERED), digest=digest)


def _statement(report: Report, digest: str, manifest: bytes, judged: Snapshot) -> bytes:
    """Return the in-toto statement that evidence makes; its subjects are the recipe, and the manifest of the files."""
    files = sha256(manifest).hexdigest()
    predicate = {
        "recipe": report.recipe,
        "verdict": report.verdict,
        "counts": report.counts(),
        "taken": report.taken,
        "fingerprint": criteria.fingerprint(judged),
        "manifest": {"name": MANIFEST, "sha256": files},
    }
    subjects = [Subject(f"recipes/{report.recipe}", digest), Subject(MANIFEST, f"sha256:{files}")]
    return statement(subjects, PREDICATE, predicate)


def encode(document: Document) -> bytes:
    """Return a document as JSON, keys sorted, so that same content is same bytes."""
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def recompute(files: Mapping[str, bytes], *, checks: Checks, version: str = "") -> EvidenceProof:
    """Return what an evidence bundle proves, having judged it again. Who vouches for it is not asked.

    Args:
        files: the bundle's files by name.
        checks: those of the catalog.
        version: that of the tool that judges again; "" where nobody knows.

    Raises:
        BrokenEvidence: files are missing, too many, or changed, or the snapshot names its cluster.
        Refuted: the report does not follow from recipe and snapshot.
    """
    manifest = _manifest(files)
    recipe, snapshot_document, claimed = (_document(files, name) for name in (RECIPE, SNAPSHOT, REPORT))
    if not is_redacted(snapshot_document):
        raise BrokenEvidence(f"{SNAPSHOT} is not marked as redacted", hint="do not publish it")
    phases = manifest.get("phases")
    if not isinstance(phases, list) or not all(isinstance(each, str) for each in phases):
        raise BrokenEvidence(f"{MANIFEST} lists no phases", hint=_WHOLE)
    snapshot_view = read_snapshot(snapshot_document)
    report = judge(recipe, snapshot_view, checks=checks, phases=phases, fail_fast=manifest.get("failFast") is True)
    tool = _map_at(_map_at(claimed, "results"), "tool")
    again = json.loads(ctrf.as_json(report, str(tool.get("version") or "")))
    if again != claimed:
        then = str(tool.get("version") or "")
        hint = f"clusterbook {then} validated it, and this is {version}: check with that version first"
        raise Refuted(
            _difference(claimed, again), hint=hint if version and then != version else "do not rely on this report"
        )
    digest = recipe_digest(recipe)
    for name, value in (("recipe", report.recipe), ("recipeDigest", digest), ("verdict", report.verdict)):
        if manifest.get(name) != value:
            raise Refuted(f"{MANIFEST} says the {name} is '{manifest.get(name)}', and it is '{value}'")
    if _document(files, SBOM) != _sbom(recipe, digest):
        raise Refuted(f"{SBOM} is not the SBOM of this recipe")
    computed = _statement(report, digest, files[MANIFEST], snapshot_view)
    if files[STATEMENT] != computed:
        raise Refuted(f"{STATEMENT} does not match recipe, snapshot and report")
    return EvidenceProof(
        recipe=report.recipe,
        digest=digest,
        verdict=report.verdict,
        counts=report.counts(),
        taken_at=report.taken,
        fingerprint=criteria.fingerprint(snapshot_view),
        results=report.results,
        statement=computed,
        says=report.says,
    )


def _manifest(files: Mapping[str, bytes]) -> Document:
    """Return the manifest, having held every file against it."""
    manifest = _document(files, MANIFEST)
    if manifest.get("format") != FORMAT:
        raise BrokenEvidence(f"{MANIFEST} has the format '{manifest.get('format')}', not {FORMAT}", hint=_WHOLE)
    names = _map_at(manifest, "files")
    for name in sorted({*names, RECIPE, SNAPSHOT, REPORT, SBOM, STATEMENT} - files.keys()):
        raise BrokenEvidence(f"{name} is missing", hint=_WHOLE)
    for name in sorted(files.keys() - names.keys() - {MANIFEST, STATEMENT, SIGNED}):
        raise BrokenEvidence(f"{name} is not in the manifest", hint=_WHOLE)
    for name in sorted(names):
        if _map_at(names, name).get("sha256") != sha256(files[name]).hexdigest():
            raise BrokenEvidence(f"{name} was modified: its SHA-256 differs from the manifest", hint=_WHOLE)
    return manifest


def _document(files: Mapping[str, bytes], name: str) -> Document:
    """Return the map in a JSON file."""
    if name not in files:
        raise BrokenEvidence(f"{name} is missing", hint=_WHOLE)
    try:
        document = json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise BrokenEvidence(f"{name} is not JSON: {error}", hint=_WHOLE) from error
    if not isinstance(document, dict):
        raise BrokenEvidence(f"{name} is empty", hint=_WHOLE)
    return document


def _map_at(document: Document, key: str) -> Document:
    """Return a map inside a document, {} where there is none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _difference(claimed: Document, again: Document) -> str:
    """Return the first thing in which a report differs from the one that was made again."""
    claimed_tests, computed_tests = (
        {(_suite(each), str(each.get("name"))): each for each in _tests(side)} for side in (claimed, again)
    )
    for key in [*computed_tests, *(key for key in claimed_tests if key not in computed_tests)]:
        if claimed_tests.get(key) != computed_tests.get(key):
            claimed_state, computed_state = (_state(side.get(key)) for side in (claimed_tests, computed_tests))
            return (
                f"the report says of {' '.join(key).strip()}: {claimed_state}; validating again gives: {computed_state}"
            )
    was, now = (
        _map_at(_map_at(_map_at(side, "results"), "environment"), "extra").get("verdict") for side in (claimed, again)
    )
    if was != now:
        return f"the report's verdict is {was}; validating again gives {now}"
    return "the report's summary does not match its results"


def _tests(document: Document) -> Sequence[Document]:
    tests = _map_at(document, "results").get("tests")
    return [each for each in tests if isinstance(each, Mapping)] if isinstance(tests, list) else []


def _suite(test: Document) -> str:
    suite = test.get("suite")
    return str(suite[0]) if isinstance(suite, list) and suite else ""


def _state(test: Document | None) -> str:
    return "nothing" if test is None else f"{test.get('rawStatus')}, {test.get('message')}"
