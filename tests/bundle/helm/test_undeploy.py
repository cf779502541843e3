"""What undeploy.sh does: the reverse order, what it keeps, what it refuses to delete, and that it can be run again."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import standins
from tests.support.standins import Standins
from tests.support.whole_recipes import RELEASES, small, with_facts, written


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Standins]:
    """Give stand-ins on which every release is installed, in namespaces that are there."""
    found = standins.make(tmp_path / "standins")
    installed(found)
    found.set("objects/namespaces", "default\ngpu\nkube-system\nmonitoring\nsystem")
    yield found
    found.end()


def installed(programs: Standins) -> None:
    """Have every release installed."""
    for name in RELEASES:
        namespace = {"crds": "system", "metrics": "monitoring"}.get(name, "gpu")
        programs.set(f"releases/{namespace}.{name}", "deployed")


@pytest.fixture
def undeploy(tmp_path: Path) -> Path:
    """Give the undeploy.sh of a bundle with six releases in three levels."""
    return written(tmp_path / "a bundle") / "undeploy.sh"


def deletions(programs: Standins) -> list[str]:
    """Return what kubectl was asked to delete."""
    return [" ".join(call.partition(" --")[0].split()[2:]) for call in programs.words("kubectl delete")]


def test_every_release_is_removed_before_those_it_needs(programs: Standins, undeploy: Path) -> None:
    done = programs.run(undeploy, "--yes")
    assert done.returncode == 0, done.stderr
    order = programs.order("end")
    assert sorted(order) == sorted(RELEASES)
    assert (order[0], order[-1]) == ("settings", "crds")
    assert [each for each in order if each.startswith("operator")] == ["operator-post", "operator", "operator-pre"]
    assert programs.releases() == {}
    assert all("--wait --timeout 10m" in call for call in programs.words("helm uninstall"))


def test_components_of_one_level_go_side_by_side_and_with_serial_one_by_one(programs: Standins, undeploy: Path) -> None:
    programs.set("sleep/metrics", 0.3)
    programs.set("sleep/operator-post", 0.3)

    def overlap() -> bool:
        calls = programs.calls()
        begun = {call.release: call.at_s for call in calls if call.what == "start"}
        ended = {call.release: call.at_s for call in calls if call.what == "end"}
        return begun["metrics"] < ended["operator-post"] and begun["operator-post"] < ended["metrics"]

    programs.run(undeploy, "--yes")
    assert overlap()
    programs.forget()
    installed(programs)
    programs.run(undeploy, "--yes", "--serial")
    assert not overlap()


def test_nothing_but_releases_is_deleted_unless_asked_for(programs: Standins, undeploy: Path) -> None:
    programs.set("objects/gpu.persistentvolumeclaims", "data-0\ndata-1")
    done = programs.run(undeploy, "--yes")
    assert deletions(programs) == []
    assert "undeploy.sh: kept in gpu: volume claims data-0 data-1" in done.stdout
    for name in ("gpu", "monitoring", "system"):
        assert f"undeploy.sh: kept: namespace {name}\n" in done.stdout


def test_volume_claims_go_when_asked_for(programs: Standins, undeploy: Path) -> None:
    programs.set("objects/gpu.persistentvolumeclaims", "data-0\ndata-1")
    assert programs.run(undeploy, "--yes", "--delete-pvcs").returncode == 0
    (call,) = programs.words("kubectl delete")
    assert call.startswith("kubectl delete persistentvolumeclaims data-0 data-1 --namespace gpu ")


def test_namespaces_go_when_asked_for_but_not_with_volumes_in_them(programs: Standins, undeploy: Path) -> None:
    programs.set("objects/gpu.persistentvolumeclaims", "data-0")
    done = programs.run(undeploy, "--yes", "--delete-namespaces")
    assert deletions(programs) == ["namespace monitoring system"]
    assert "kept: namespace gpu (it holds volume claims; --delete-pvcs deletes them)" in done.stdout
    programs.forget()
    programs.run(undeploy, "--yes", "--delete-namespaces", "--delete-pvcs")
    assert deletions(programs) == ["persistentvolumeclaims data-0", "namespace gpu monitoring system"]


def test_a_namespace_that_others_use_stays_with_its_volumes(programs: Standins, undeploy: Path) -> None:
    programs.set("objects/gpu.things", "Deployment/theirs\nrelease theirs")
    programs.set("objects/gpu.persistentvolumeclaims", "data-0")
    done = programs.run(undeploy, "--yes", "--delete-namespaces", "--delete-pvcs")
    assert done.returncode == 0
    assert deletions(programs) == ["namespace monitoring system"]
    assert "kept: namespace gpu (others use it: Deployment/theirs release theirs)" in done.stdout
    assert "kept in gpu: volume claims data-0 (others use it" in done.stdout


def test_a_namespace_of_which_not_all_can_be_read_stays(programs: Standins, undeploy: Path) -> None:
    programs.set("objects/gpu.things.forbidden")
    done = programs.run(undeploy, "--yes", "--delete-namespaces")
    assert "namespace gpu" not in deletions(programs)
    assert "kept: namespace gpu (not all that is in it can be read)" in done.stdout


@pytest.mark.parametrize("namespace", ["default", "kube-system", "kube-public", "kube-node-lease", "openshift-nfd"])
def test_namespaces_of_the_cluster_itself_are_never_deleted(programs: Standins, tmp_path: Path, namespace: str) -> None:
    folder = written(tmp_path / "b", small(crds={"namespace": namespace}))
    programs.set("objects/namespaces", f"gpu\nmonitoring\n{namespace}")
    programs.set(f"objects/{namespace}.persistentvolumeclaims", "data-0")
    done = programs.run(folder / "undeploy.sh", "--yes", "--delete-namespaces", "--delete-pvcs")
    assert deletions(programs) == ["namespace gpu monitoring"]
    assert f"kept: namespace {namespace} (it belongs to the cluster)" in done.stdout


def test_kinds_go_when_asked_for_and_nothing_of_them_is_left(programs: Standins, tmp_path: Path) -> None:
    folder = with_facts(tmp_path / "b", crdGroups=["nvidia.com"]).parent
    rows = "policies.nvidia.com nvidia.com\nclaims.nvidia.com nvidia.com\nothers.sub.nvidia.com sub.nvidia.com"
    programs.set("objects/customresourcedefinitions", rows)
    programs.set("objects/claims.nvidia.com", "claim/x")
    assert "kept: kind policies.nvidia.com of operator\n" in programs.run(folder / "undeploy.sh", "--yes").stdout
    assert deletions(programs) == []
    done = programs.run(folder / "undeploy.sh", "--yes", "--delete-crds")
    assert deletions(programs) == ["customresourcedefinition policies.nvidia.com"]
    assert "kept: kind claims.nvidia.com of operator (there are objects of it: claim/x)" in done.stdout
    assert "others.sub" not in done.stdout


def test_webhooks_that_lost_their_service_go_when_it_was_ours(programs: Standins, undeploy: Path) -> None:
    programs.set(
        "objects/validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration ours Fail gpu/gone\nMutatingWebhookConfiguration theirs Fail other/gone\n"
        "ValidatingWebhookConfiguration alive Fail gpu/there",
    )
    programs.set("objects/services", "gpu/there")
    assert programs.run(undeploy, "--yes").returncode == 0
    assert set(deletions(programs)) == {"ValidatingWebhookConfiguration ours"}


def test_a_dry_run_changes_nothing_and_says_what_would_go(programs: Standins, undeploy: Path) -> None:
    (programs.home / "releases" / "gpu.settings").unlink()
    before = programs.releases()
    done = programs.run(undeploy, "--dry-run", "--delete-namespaces", "--delete-pvcs", "--delete-crds")
    assert done.returncode == 0
    assert programs.releases() == before
    assert deletions(programs) == []
    assert programs.words("helm uninstall") == []
    assert "[operator] would remove operator-post from gpu" in done.stdout
    assert "[settings] settings is not installed" in done.stdout
    assert done.stdout.endswith("undeploy.sh: nothing was removed\n")


def test_nobody_to_ask_means_no(programs: Standins, undeploy: Path) -> None:
    done = programs.run(undeploy)
    assert done.returncode == 2
    assert (
        done.stderr
        == "undeploy.sh: there is no terminal to confirm on\n  hint: add --yes, or --dry-run to look first\n"
    )
    assert programs.order() == []


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("y", 1), ("no", 1)])
def test_it_asks_in_a_terminal(programs: Standins, undeploy: Path, answer: str, status: int) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", undeploy], env={**os.environ, **programs.env}, stdin=theirs, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, start_new_session=True,
    ) as running:  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said, _ = running.communicate(timeout=30)
    os.close(ours)
    assert "will be removed from the cluster https://standin.invalid: Helm releases only" in said
    assert running.returncode == status
    assert bool(programs.order()) == (status == 0)


def test_what_is_gone_already_is_left_out(programs: Standins, undeploy: Path) -> None:
    programs.run(undeploy, "--yes")
    done = programs.run(undeploy, "--yes")
    assert done.returncode == 0
    assert done.stdout.count("is not installed") == len(RELEASES)


def test_one_that_stays_stops_all_and_the_next_run_goes_on(programs: Standins, undeploy: Path) -> None:
    programs.set("fail/operator", 99)
    done = programs.run(undeploy, "--yes", "--delete-namespaces")
    assert done.returncode == 1
    assert programs.order().count("operator") == 2  # tried twice
    assert done.stderr.splitlines()[:2] == [
        "undeploy.sh: not removed: operator",
        "undeploy.sh: not tried: crds, operator-pre",
    ]
    assert deletions(programs) == []
    programs.set("fail/operator", 0)
    assert programs.run(undeploy, "--yes").returncode == 0
    assert programs.releases() == {}


def test_best_effort_goes_on_but_clears_nothing_up(programs: Standins, undeploy: Path) -> None:
    programs.set("fail/operator", 99)
    done = programs.run(undeploy, "--yes", "--best-effort", "--delete-namespaces")
    assert done.returncode == 1
    assert set(programs.releases()) == {"gpu.operator", "gpu.operator-pre"}
    assert deletions(programs) == []


def test_an_interruption_leaves_no_process_and_the_next_run_finishes(programs: Standins, undeploy: Path) -> None:
    programs.set("sleep/operator", 30)
    running = programs.start(undeploy, "--yes")
    programs.wait_for("start", "operator")
    time.sleep(0.2)
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 143
    assert "hint: run ./undeploy.sh again, with the same flags" in said
    assert programs.left() == []
    programs.set("sleep/operator", 0)
    assert programs.run(undeploy, "--yes").returncode == 0
    assert programs.releases() == {}


@pytest.mark.parametrize("flags", [["--delete-everything"], ["--timeout", "soon"], ["--timeout"], ["--yes", "x"]])
def test_wrong_flags_are_refused_before_anything_happens(programs: Standins, undeploy: Path, flags: list[str]) -> None:
    done = programs.run(undeploy, *flags)
    assert done.returncode == 2
    assert re.fullmatch(r"undeploy\.sh: .+\n  hint: .+\n", done.stderr)
    assert programs.words() == []


def test_help_lists_every_flag(programs: Standins, undeploy: Path) -> None:
    done = programs.run(undeploy, "--help")
    flags = set(re.findall(r"^        (--[a-z-]+)(?: \| -\w)?\)", undeploy.read_text(), re.M))
    assert flags >= {
        "--delete-pvcs",
        "--delete-namespaces",
        "--delete-crds",
        "--dry-run",
        "--yes",
        "--serial",
        "--timeout",
    }
    assert all(flag in done.stdout for flag in flags)
