"""Pins: what a catalog names, what there is above it, how old it is, and how one is changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.transport import Malformed, NoArtifact
from clusterbook.freshness.age import BEHIND, CURRENT, UNKNOWN, compare
from clusterbook.freshness.offer import ChartOffer, in_index, in_tags, newer
from clusterbook.freshness.pins import ChartPin, pins
from clusterbook.freshness.report import bumped
from tests.support import sites, trees

NOW = datetime(2026, 12, 1, tzinfo=UTC)
REGISTRY = """
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentRegistry
components:
  - name: a
    helm:
      defaultRepository: https://charts.test/x
      defaultChart: x/alpha
      defaultVersion: "1.2.0"
      defaultNamespace: a
  - name: b
    helm: {defaultRepository: "oci://charts.test/y", defaultChart: beta, defaultVersion: v0.1.0-alpha.8}
  - name: c
    helm: {defaultRepository: "", defaultNamespace: c}
"""
TREE = {
    "registry.yaml": REGISTRY,
    "base": "componentRefs: [{name: a}, {name: b}, {name: c}]",
    "eks": 'criteria: {service: eks}\ncomponentRefs: [{name: a, version: "1.1.0"}]',
}
INDEX = """
apiVersion: v1
entries:
  other:
  - version: 9.9.9
  alpha:
  - apiVersion: v2
    created: "2026-11-21T10:00:00.123456789Z"
    version: 1.3.0
    keywords:
    - other:
  - created: "2026-11-11T00:00:00Z"
    version: 1.2.1
  - created: "2026-09-01T00:00:00Z"
    version: 1.2.0
  - version: 1.4.0-rc.1
  zeta:
  - version: 8.0.0
generated: "2026-12-01T00:00:00Z"
"""


def pin(version: str = "1.2.0") -> ChartPin:
    found = pins(trees.load(TREE))
    return found[0]._replace(version=version)


def test_the_registry_pins_and_so_do_layers() -> None:
    found = [(each.component, each.version, each.layer, each.name, each.is_oci) for each in pins(trees.load(TREE))]
    assert found == [
        ("a", "1.2.0", "", "alpha", False),
        ("a", "1.1.0", "eks", "alpha", False),
        ("b", "v0.1.0-alpha.8", "", "beta", True),
    ]


def test_our_own_pins_are_all_found_where_they_stand() -> None:
    catalog = sites.ours().catalog
    found = pins(catalog)
    assert {each.component for each in found} == {
        name for name, entry in catalog.components.items() if "version" in entry.defaults
    }
    for each in found:
        text = catalog.tree.files[each.place.file.partition("/")[2]].text
        assert bumped(text, each, "99.0.0").count("99.0.0") == 1


@pytest.mark.parametrize("json", [False, True])
def test_an_index_is_asked_for_one_chart(json: bool) -> None:
    text = '{"entries": {"alpha": [{"version": "1.3.0"}, {"version": 2}, 7]}}' if json else INDEX
    found = [each.version for each in in_index(text, "alpha", where="here")]
    assert found == (["1.3.0"] if json else ["1.3.0", "1.2.1", "1.2.0", "1.4.0-rc.1"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (INDEX.replace("  alpha:", "  beta:"), NoArtifact),
        ("entries: {}\n", Malformed),
        ("<html>", Malformed),
        ("{", Malformed),
        ('{"entries": []}', Malformed),
        ("entries:\n", NoArtifact),
    ],
)
def test_what_is_no_index_or_lacks_the_chart_is_said(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        in_index(text, "alpha", where="here")


def test_pre_releases_count_where_one_is_pinned() -> None:
    offers = in_tags(["1.0.0", "1.1.0-rc.1", "1.1.0", "latest", "v1.1.0", "1.2.0_build", "sha256-abc.sig"])
    assert [each.version for each in newer(offers, "1.0.0")] == ["v1.1.0", "1.2.0+build"]
    assert [each.version for each in newer(offers, "1.1.0-alpha.1")] == ["1.1.0-rc.1", "v1.1.0", "1.2.0+build"]
    assert newer(offers, "main") == []


def test_a_candidate_for_a_pre_release_that_is_there_is_nothing_newer() -> None:
    offers = in_tags([f"v0.1.0-alpha.{each}" for each in ("12-rc1", "12", "13-rc1", "13", "14-rc1")])
    assert [each.version for each in newer(offers, "v0.1.0-alpha.12")] == ["v0.1.0-alpha.13", "v0.1.0-alpha.14-rc1"]


def test_tags_that_are_no_whole_versions_are_no_offers() -> None:
    tags = ["1.0.0", "2", "2.1", "v3", "9.9.9.9", "sha256-ab.att", "main", f"sha256:{'0' * 64}"]
    assert newer(in_tags(tags), "1.0.0") == []


@pytest.mark.parametrize("version", [f"sha256:{'0' * 64}", f"1.2.0@sha256:{'0' * 64}"])
def test_a_pin_by_digest_is_unknown_with_its_reason(version: str) -> None:
    seen = compare(pin(version), in_index(INDEX, "alpha", where="here"), NOW)
    assert (seen.state, seen.why) == (UNKNOWN, f"{version} cannot be put in an order")


@pytest.mark.parametrize("before", ["apiVersion: v1\n", "\ufeff"])
def test_an_index_without_a_version_offers_none(before: str) -> None:
    text = f"{before}entries: # all of them\n  alpha:\n  - created: yesterday\n  - null\n"
    seen = compare(pin(), in_index(text, "alpha", where="here"), NOW)
    assert (seen.state, seen.why) == (UNKNOWN, "the repository does not offer 1.2.0")


def test_a_pin_is_current_behind_or_unknown() -> None:
    offers = in_index(INDEX, "alpha", where="here")
    seen = compare(pin(), offers, NOW)
    assert (seen.state, seen.newest, seen.following, seen.behind) == (BEHIND, "1.3.0", "1.2.1", 2)
    assert (seen.age_days, seen.waiting_days) == (91, 20)
    assert (compare(pin("1.3.0"), offers, NOW).state, compare(pin("1.3.0"), offers, NOW).age_days) == (CURRENT, 9)
    gone = compare(pin("1.0.0"), offers, NOW)
    assert (gone.state, gone.why) == (UNKNOWN, "the repository does not offer 1.0.0")
    assert compare(pin("main"), offers, NOW).state == UNKNOWN
    assert compare(pin(), [ChartOffer("1.2.0", "yesterday")], NOW).age_days is None


def test_a_pin_that_does_not_stand_where_it_should_is_not_changed() -> None:
    with pytest.raises(InvalidRequest):
        bumped(REGISTRY.replace("1.2.0", "1.2.5"), pin(), "1.3.0")
