"""Evidence on pages: which version it is about, on what, how it ended, how old it is, and who vouches for it."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from clusterbook.cli import build_main, main
from clusterbook.evidence import ledger
from clusterbook.files.write import write_folder
from clusterbook.ledger import plan
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.plan import Commit
from clusterbook.lookup.build import index_parts
from clusterbook.site import commands, evidence
from clusterbook.validate.result import Result
from tests.support import frozen, ledgers, proofs, sites

DATA = sites.small()
MARCH, JULY = "2026-07-14-acme", "2026-07-15-acme"


def text(path: str) -> str:
    """Return the words of a page, without tags."""
    page = sites.whole()[path].decode().partition("<!-- catalog:begin -->")[2] or sites.whole()[path].decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_recipe_knows_its_evidence_the_newest_version_first() -> None:
    eks, aks = (next(each for each in DATA.recipes if each.slug == slug) for slug in ("eks", "aks"))
    assert [(each.version, each.stale, each.signer) for each in eks.evidence] == [
        ("1.1.0", False, "acme"),
        ("1.0.0", True, ""),
    ]
    assert aks.evidence == ()


def test_each_phase_has_an_outcome_also_the_one_that_nobody_asked_for() -> None:
    found = DATA.evidence[0]
    assert [(phase.name, phase.verdict) for phase in found.phases] == [
        ("readiness", "passed"),
        ("deployment", "skipped"),
        ("conformance", ""),
        ("performance", ""),
    ]
    assert sum(found.phases[0].counts.values()) == len(found.phases[0].results) > 0


def test_a_version_says_what_is_known_of_it_and_no_other() -> None:
    assert "Validated on hardware passed on 1 cluster" in text("recipes/eks/1.1.0.html")
    july, march = text("recipes/eks/1.1.0.html"), text("recipes/eks/1.0.0.html")
    assert JULY in july
    assert MARCH not in july
    assert "1.0.0 stale passed passed not validated not requested not requested service eks" in march
    assert "2026-07-14 , 13 days after the newest release not signed" in march
    assert "1.1.0 fresh passed" in july
    assert "key acme" in july


def test_what_was_not_released_was_not_tested_and_says_what_was() -> None:
    page = text("recipes/eks.html")
    assert "Validated on hardware not tested in this version; 1.1.0 passed on 1 cluster" in page
    assert page.count(MARCH) == page.count(JULY) == 1


def test_where_there_is_no_evidence_nothing_is_left_blank() -> None:
    assert "Validated on hardware not tested" in text("recipes/aks.html")
    assert "this catalog has no evidence for it yet" in text("recipes/aks.html")
    without = sites.files(sites.data(sites.SMALL, ledgers.two()))
    assert "every recipe says <em>not tested</em>" in without["index.html"].decode()
    assert "Not tested: this catalog has no evidence" in without["coverage.html"].decode()


def test_lists_say_it_too() -> None:
    assert "eks composed" not in text("recipes/all.html")
    assert re.search(r"eks curated 1\.1\.0 3 0 passed on 1 cluster", text("recipes/all.html"))
    assert re.search(r"aks curated 1\.0\.0 2 0 not tested", text("recipes/all.html"))
    assert "1 recipe of 4 has evidence; for 1 it covers the newest version" in text("coverage.html")
    assert "there is evidence about 1 of them" in text("index.html")


def test_evidence_has_a_page_with_every_result() -> None:
    page = text(f"evidence/eks/{JULY}.html")
    assert "Outcome passed Version 1.1.0 fresh: no newer one is released Cluster service eks" in page
    assert "Seen 2026-07-14 13 days after the newest release" in page
    assert "constraint K8s.server.version passed" in page
    stale = text(f"evidence/eks/{MARCH}.html")
    assert "It covers version 1.0.0, which is not the newest: see the recipe" in stale
    assert "Signed by not signed" in stale


def test_the_api_says_it_and_holds_the_files() -> None:
    files = sites.whole()
    listed = json.loads(files["api/v1/evidence.json"])
    assert [each["name"] for each in listed] == [JULY, MARCH]
    assert listed[0] == json.loads(files[f"api/v1/evidence/eks/{JULY}.json"])
    assert listed[0]["phases"]["readiness"]["verdict"] == "passed"
    assert (listed[0]["stale"], listed[1]["stale"]) == (False, True)
    kept = proofs.kept()
    for each in kept:
        for name, content in each.files.items():
            assert files[f"api/v1/evidence/eks/{each.name}/{name}"] == content
    rows = {row["slug"]: row["tested"] for row in json.loads(files["api/v1/index.json"])["recipes"]}
    assert rows["eks"] == {"version": "1.1.0", "stale": False, "verdict": "passed", "says": "passed on 1 cluster"}
    assert rows["aks"] is None
    assert [each["name"] for each in json.loads(files["api/v1/recipes/eks/1.0.0.json"])["evidence"]] == [MARCH]


def test_evidence_of_a_withdrawn_version_is_stale() -> None:
    withdrawn = (
        "apiVersion: clusterbook.dev/v1alpha1\nkind: Withdrawals\nwithdrawn:\n"
        '- {slug: eks, version: "1.1.0", reason: it loses data, replacement: "1.0.0",'
        ' date: "2026-08-01T00:00:00Z", commit: "' + "1" * 40 + '"}\n'
    )
    found = sites.data(ledgers.JULY, {**ledgers.two(), "withdrawn.yaml": withdrawn}, proofs.kept())
    assert [(each.version, each.stale) for each in found.evidence] == [("1.1.0", True), ("1.0.0", False)]


def test_evidence_of_a_recipe_that_is_gone_is_still_there() -> None:
    without = {key: value for key, value in ledgers.JULY.items() if key != "eks"}
    files = sites.files(sites.data(without, ledgers.two(), proofs.kept()))
    page = files["recipes/eks.html"].decode()
    assert "is no longer served" in page
    assert '<a href="base.html">' in page
    assert "clusterbook recipe eks@1.1.0" in page
    assert "is not the newest" in files[f"evidence/eks/{MARCH}.html"].decode()


def test_strings_from_evidence_are_text() -> None:
    hostile = sites.HOSTILE
    result = Result("readiness", "check", hostile, "failed", hostile)
    kept = proofs.kept()[0]
    proof = kept.proof._replace(taken_at=hostile, fingerprint={"os": hostile}, results=(result,), verdict="failed")
    spoiled = dataclasses.replace(kept, proof=proof, signer=hostile, issuer=hostile)
    files = sites.files(sites.data(ledgers.JULY, ledgers.two(), [spoiled]))
    shown = 0
    for path, content in files.items():
        if path.endswith(".html"):
            assert b"<script>alert" not in content, path
            assert b'" onload="x' not in content, path
            shown += b"&lt;script&gt;alert" in content
    assert shown >= 3  # the recipe, coverage and its own page
    assert b"at an unknown time" in files[f"evidence/eks/{MARCH}.html"]


@pytest.mark.parametrize(
    ("taken", "says"),
    [
        ("2026-06-30T23:59:59Z", "1 day before the newest release"),
        ("2026-07-01T12:00:00Z", "on the day of the newest release"),
        ("2026-07-02T00:00:00Z", "1 day after the newest release"),
        ("2025-07-01T00:00:00Z", "365 days before the newest release"),
        ("", "at an unknown time"),
    ],
)
def test_age_is_told_by_the_newest_release(taken: str, says: str) -> None:
    assert evidence.age(taken, "2026-07-01T00:00:00Z") == says


@pytest.mark.parametrize(
    ("verdicts", "version", "says", "worst"),
    [
        ([("1.1.0", "passed")], "1.1.0", "passed on 1 cluster", "passed"),
        ([("1.1.0", "passed"), ("1.1.0", "passed"), ("1.1.0", "failed")], "1.1.0",
         "passed on 2 clusters, failed on 1 cluster", "failed"),
        ([("1.1.0", "error"), ("1.1.0", "skipped")], "1.1.0",
         "undecided on 1 cluster, not validated on 1 cluster", "error"),
        ([("1.1.0", "partial"), ("1.1.0", "skipped")], "1.1.0",
         "passed in part on 1 cluster (3 passed), not validated on 1 cluster", "partial"),
        ([("1.9.0", "passed"), ("1.10.0", "failed")], "2.0.0", "failed on 1 cluster", "failed"),
    ],
)  # fmt: skip
def test_what_is_known_of_a_version_is_counted(
    verdicts: list[tuple[str, str]], version: str, says: str, worst: str
) -> None:
    one = DATA.evidence[0]
    found = [dataclasses.replace(one, version=which, verdict=verdict, says="3 passed") for which, verdict in verdicts]
    status = evidence.status(found, version)
    assert status is not None
    assert (str(status), status.verdict) == (says, worst)
    assert evidence.status([], version) is None


def test_what_passed_in_part_has_no_tick_and_is_no_measure_of_passing() -> None:
    kept = proofs.kept()
    says = "3 passed, 1 skipped, conformance not requested"
    part = [dataclasses.replace(each, proof=each.proof._replace(verdict="partial", says=says)) for each in kept]
    data = sites.data(ledgers.JULY, ledgers.two(), part)
    files = sites.files(data)
    page = files["recipes/eks/1.1.0.html"].decode()
    (known,) = re.findall(r"Validated on hardware</dt><dd>(.*?)</dd>", page)
    assert f"passed in part on 1 cluster ({says})" in known
    assert "cb-was-partial" in known
    passed = re.findall(r"Validated on hardware</dt><dd>(.*?)</dd>", sites.whole()["recipes/eks/1.1.0.html"].decode())
    icons = [re.findall(r"<svg.*?</svg>", each, re.DOTALL) for each in (known, *passed)]
    assert icons[0] != icons[1]
    assert (evidence.passed_count(DATA.recipes), evidence.passed_count(data.recipes)) == (1, 0)
    assert "and 0 of these passed" in files["coverage.html"].decode()
    (row,) = [each for each in json.loads(files["api/v1/index.json"])["recipes"] if each["slug"] == "eks"]
    assert row["tested"]["verdict"] == "partial"
    assert json.loads(files[f"api/v1/evidence/eks/{JULY}.json"])["says"] == says


def test_a_phase_that_was_not_judged_says_nothing_about_it() -> None:
    assert str(evidence.status(DATA.evidence, "1.1.0", "readiness")) == "passed on 1 cluster"
    assert evidence.status(DATA.evidence, "1.1.0", "deployment") is None
    assert "Was it installed on a cluster? not tested" in text("recipes/eks/1.1.0.html")


@pytest.mark.parametrize("name", [MARCH, JULY])
def test_evidence_is_judged_again_as_its_page_prints(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = sites.whole()[f"evidence/eks/{name}.html"].decode()
    (line,) = [html.unescape(each) for each in re.findall(r'<span class="cb-line">(.*?)</span>', page)]
    assert line == commands.verify_evidence("eks", name, signed=name == JULY)
    proofs.believed(tmp_path)
    for each in proofs.kept():
        write_folder(tmp_path / "registry" / "evidence" / "eks" / each.name, each.files.items(), marker="index.json")
    monkeypatch.chdir(tmp_path)
    assert main.run(shlex.split(line)[1:], {}) == 0
    assert " eks passed " in capsys.readouterr().out


GUIDE = (sites.SOURCES / "docs" / "guide" / "evidence.md").read_text(encoding="utf-8")


def test_the_guide_leads_from_a_snapshot_to_a_page_that_says_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run every line of the guide as printed, but for those that ask a cluster, whose file is there, or a registry."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
    assert lines.pop(0) == "clusterbook snapshot --cluster -o cluster.yaml"
    lines.remove(
        next(line for line in lines if "--from oci://HOST/BASE" in line)
    )  # tests/evidence/test_folder.py asks one
    monkeypatch.chdir(tmp_path)
    shutil.copy(frozen.SNAPSHOT, "cluster.yaml")
    frozen.write_sources(Path("recipes"), frozen.few())
    commit = Commit("1" * 40, "2026-07-01T00:00:00Z")
    released = plan.plan(frozen.build(frozen.few()), Ledger({}), name="2026.7.0", commit=commit)
    files = {path: text.encode() for path, text in released.files.items()}
    write_folder(tmp_path / "registry", files.items(), marker="releases/2026.7.0.yaml")
    sites.sources(tmp_path)
    proofs.believed(tmp_path)
    policy = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "site" / "trust.yaml").write_text(policy[0])
    frozen.write_index(tmp_path / "index", frozen.few())
    for line in lines:
        program, *words = shlex.split(line)
        if program == "clusterbook-build":
            assert build_main.run(words) == 0, capsys.readouterr()
            continue
        assert program == "clusterbook"
        assert main.run([*words, *(["--source", "index"] if words[0] == "validate" else [])], {}) == 0
    page = Path("dist/site/recipes/h100-eks-ubuntu-training.html").read_text()
    assert "passed in part on 1 cluster (27 passed, 8 skipped" in page
    assert "passed on 1 cluster" not in page
    assert "2026-07-14-acme" in page


def test_a_site_is_not_made_of_evidence_that_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    proofs.registry(tmp_path)
    folder = proofs.prove(tmp_path, proofs.JULY, "acme")
    (folder / "report.json").write_text("{}")
    (tmp_path / "recipes").symlink_to(sites.OURS / "recipes")
    assert build_main.run(["site", "--site", str(sites.SOURCES)]) == 2
    err = capsys.readouterr().err
    assert "registry/evidence/eks/acme: CB064 report.json" in err
    assert not Path("dist").exists()


def test_a_recipe_yaml_of_a_bundle_is_judged_as_the_version_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = proofs.registry(tmp_path)
    write_folder(tmp_path / "index", index_parts(proofs.build(proofs.JULY)), marker="index.json")
    assert main.run(["bundle", "eks", "--source", "index", "-o", "bundle"], {}) == 0
    where = "registry/evidence/eks/acme"
    Path(where).parent.mkdir(parents=True)
    assert (
        main.run(
            ["validate", "--recipe", "bundle/recipe.yaml", "--no-cluster", "-s", proofs.SEEN, "--evidence", where], {}
        )
        == 0
    )
    (found,) = ledger.read_evidence(registry, open_ledger(registry), Path("site/trust.yaml"))
    assert str(found.version) == "1.1.0"
