"""What rollback.sh does: which release goes back to what, what it says beforehand, and that it can be run again."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import standins
from tests.support.standins import Standins
from tests.support.whole_recipes import RELEASES, bundle_name, small, with_facts, written

PLACES = {"crds": "system", "metrics": "monitoring"}


@pytest.fixture
def rollback(tmp_path: Path) -> Path:
    """Give the rollback.sh of a bundle with six releases in three levels."""
    return written(tmp_path / "a bundle") / "rollback.sh"


def revisions(programs: Standins, script: Path, release: str, *rows: str) -> None:
    """Have a release with these revisions, each `VERSION STATUS BUNDLE`; `ours` is the bundle of the script."""
    namespace = PLACES.get(release, "gpu")
    text = "\n".join(rows).replace("ours", bundle_name(script.parent))
    programs.set(f"objects/{namespace}.{release}.revisions", text)
    programs.set(f"releases/{namespace}.{release}", "deployed")
    programs.set(f"versions/{release}", "1.0.0")


@pytest.fixture
def programs(tmp_path: Path, rollback: Path) -> Iterator[Standins]:
    """Give stand-ins on which the bundle was deployed over an older one, which had no metrics."""
    found = standins.make(tmp_path / "standins")
    for name in RELEASES:
        revisions(found, rollback, name, "1 superseded older", "2 deployed ours")
    revisions(found, rollback, "metrics", "1 deployed ours")
    yield found
    found.end()


def taken_back(programs: Standins) -> list[tuple[str, str]]:
    """Return release and revision of what was taken back, in order."""
    return [(line.split()[2], line.split()[3]) for line in programs.words("helm rollback")]


def test_every_release_goes_back_in_the_reverse_order_and_what_came_goes(programs: Standins, rollback: Path) -> None:
    done = programs.run(rollback, "--yes")
    assert done.returncode == 0, done.stderr
    order = [name for name, _ in taken_back(programs)]
    assert (order[0], order[-1]) == ("settings", "crds")
    assert [each for each in order if each.startswith("operator")] == ["operator-post", "operator", "operator-pre"]
    assert {revision for _, revision in taken_back(programs)} == {"1"}
    assert "monitoring.metrics" not in programs.releases()
    waits = {line.split()[2]: "--wait" in line for line in programs.words("helm rollback")}
    assert waits["operator"]


@pytest.mark.parametrize(
    ("rows", "revision"),
    [
        (["1 superseded older", "2 superseded ours", "3 deployed ours"], "1"),
        (["1 superseded older", "2 failed older", "3 deployed ours"], "1"),
        (["1 superseded -", "2 failed ours"], "1"),
        (["2 superseded older", "9 superseded ours", "10 superseded other", "11 deployed ours"], "10"),
        (["1 superseded older", "2 deployed ours", "3 pending-rollback older"], "1"),
    ],
)
def test_a_release_goes_back_to_the_last_that_worked_of_another_bundle(
    programs: Standins, rollback: Path, rows: list[str], revision: str
) -> None:
    revisions(programs, rollback, "operator", *rows)
    assert programs.run(rollback, "--yes").returncode == 0
    assert ("operator", revision) in taken_back(programs)


def test_what_another_bundle_deployed_last_is_left_alone(programs: Standins, rollback: Path) -> None:
    revisions(programs, rollback, "crds", "1 superseded ours", "2 deployed other")
    done = programs.run(rollback, "--yes")
    assert "crds stays: this bundle is not what was deployed last" in done.stdout
    assert "crds" not in dict(taken_back(programs))


def test_what_helm_no_longer_knows_is_said_beforehand_and_not_removed(programs: Standins, rollback: Path) -> None:
    revisions(programs, rollback, "crds", "4 superseded ours", "5 deployed ours")
    done = programs.run(rollback, "--yes")
    assert "crds cannot be taken back: Helm no longer keeps a revision of before" in done.stdout
    assert "system.crds" in programs.releases()


def test_a_release_that_took_over_another_is_said_beforehand_and_not_removed(tmp_path: Path) -> None:
    script = with_facts(tmp_path / "renamed", renamedFrom=["gpu-operator"]).parent / "rollback.sh"
    programs = standins.make(tmp_path / "others")
    revisions(programs, script, "operator", "1 deployed ours")
    done = programs.run(script, "--dry-run")
    assert "operator cannot be taken back: it owns what gpu-operator owned before" in done.stdout
    assert "helm uninstall operator --namespace gpu, then its deploy.sh" in done.stderr
    assert programs.run(script, "--yes").returncode == 0
    assert programs.releases() == {"gpu.operator": "deployed"}


def test_groups_of_kinds_that_stay_are_named(tmp_path: Path) -> None:
    script = with_facts(tmp_path / "kinds", crdGroups=["b.example", "a.example"]).parent / "rollback.sh"
    done = standins.make(tmp_path / "others").run(script, "--dry-run")
    assert "kinds (CRDs) stay as this bundle has them: a.example b.example\n" in done.stdout


def test_kinds_of_a_release_that_goes_stay(programs: Standins, rollback: Path) -> None:
    programs.set("manifests/metrics", "kind: CustomResourceDefinition\nmetadata:\n  name: things.example.com\n")
    crd = "customresourcedefinition.apiextensions.k8s.io/things.example.com"
    programs.set("objects/monitoring.manifest", crd)
    done = programs.run(rollback, "--yes")
    assert f"kept: {crd} of metrics" in done.stdout
    assert not [line for line in programs.words("kubectl delete") if "customresourcedefinition" in line]
    assert programs.words("helm uninstall") == []


def test_a_secret_that_helm_empties_on_the_way_back_is_filled_again(tmp_path: Path) -> None:
    script = with_facts(tmp_path / "owner", ownedSecrets=["cert"]).parent / "rollback.sh"
    programs = standins.make(tmp_path / "others")
    revisions(programs, script, "operator", "1 superseded older", "2 deployed ours")
    programs.set("objects/gpu.secret", '{"key":"c2VjcmV0"}')
    emptied = 'echo \'{"key":""}\' >objects/gpu.secret; call rollback'
    helm = programs.home / "bin" / "helm"
    helm.write_text(helm.read_text().replace("call rollback", emptied))
    assert programs.run(script, "--yes").returncode == 0
    assert (programs.home / "patched").read_text().startswith('{"data":{"key":"c2VjcmV0"}}')
    assert not [line for line in programs.words("kubectl patch") if "c2VjcmV0" in line]


def test_a_dry_run_changes_nothing_and_says_what_stays_as_it_is(programs: Standins, rollback: Path) -> None:
    before = programs.releases()
    done = programs.run(rollback, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert (programs.releases(), programs.order("rollback")) == (before, [])
    assert "operator goes back from 1.0.0 to 1.0.0 (revision 1)" in done.stdout
    assert "metrics came with this bundle, and goes" in done.stdout
    assert "what newer versions wrote to volumes stays" in done.stdout
    assert done.stdout.endswith("rollback.sh: nothing was changed\n")


def test_nobody_to_ask_means_no(programs: Standins, rollback: Path) -> None:
    done = programs.run(rollback)
    assert done.returncode == 2
    assert done.stderr.endswith("there is no terminal to confirm on\n  hint: add --yes, or --dry-run to look first\n")
    assert programs.order("rollback") == []


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("y", 1)])
def test_it_asks_in_a_terminal(programs: Standins, rollback: Path, answer: str, status: int) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", rollback], env={**os.environ, **programs.env}, stdin=theirs, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, start_new_session=True,
    ) as running:  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        running.communicate(timeout=60)
    os.close(ours)
    assert running.returncode == status
    assert bool(programs.order("rollback")) == (status == 0)


def test_with_nothing_to_take_back_nobody_is_asked(tmp_path: Path, rollback: Path) -> None:
    programs = standins.make(tmp_path / "none")
    done = programs.run(rollback)
    assert done.returncode == 0
    assert done.stdout.endswith("there is nothing to take back\n")


def test_one_that_fails_stops_all_and_the_next_run_goes_on(programs: Standins, rollback: Path) -> None:
    programs.set("fail/operator", 1)
    done = programs.run(rollback, "--yes")
    assert done.returncode == 1
    assert "not taken back: operator" in done.stderr
    assert "crds" not in dict(taken_back(programs))
    revisions(programs, rollback, "settings", "1 superseded older", "2 superseded ours", "3 deployed older")
    programs.forget()
    assert programs.run(rollback, "--yes").returncode == 0
    assert "settings" not in dict(taken_back(programs))
    assert {"operator", "crds"} <= dict(taken_back(programs)).keys()


def test_revisions_that_cannot_be_read_stop_all(programs: Standins, rollback: Path) -> None:
    programs.set("objects/gpu.operator.revisions.forbidden")
    done = programs.run(rollback, "--yes")
    assert (done.returncode, programs.order("rollback")) == (1, [])
    assert "cannot read which revisions operator has" in done.stderr


def test_bundles_that_install_the_same_have_the_same_name_and_no_others(tmp_path: Path) -> None:
    same = [bundle_name(written(tmp_path / name)) for name in ("one", "two")]
    other = bundle_name(written(tmp_path / "three", small(metrics={"version": "2.0.1"})))
    assert same[0] == same[1] != other
