"""What deploy.sh does: order, levels side by side, retries, failure, interruption and resume."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.standins import Standins
from tests.support.whole_recipes import RELEASES, bundle_name


def test_every_release_is_installed_after_those_it_needs(programs: Standins, deploy: Path) -> None:
    done = programs.run(deploy)
    assert done.returncode == 0, done.stderr
    order = programs.order()
    assert sorted(order) == sorted(RELEASES)
    assert order[0] == "crds"
    assert order[-1] == "settings"
    assert [each for each in order if each.startswith("operator")] == ["operator-pre", "operator", "operator-post"]
    assert set(programs.releases().values()) == {"deployed"}
    assert done.stdout.splitlines()[-1].startswith("deploy.sh: all releases are installed, in ")


def test_a_second_run_does_the_same_again(programs: Standins, deploy: Path) -> None:
    programs.run(deploy)
    before = programs.releases()
    assert programs.run(deploy).returncode == 0
    assert programs.releases() == before


def spans(programs: Standins) -> dict[str, tuple[float, float]]:
    """Return when the installation of each release began and ended."""
    calls = programs.calls()
    begun = {call.release: call.at_s for call in calls if call.what == "start"}
    return {call.release: (begun[call.release], call.at_s) for call in calls if call.what == "end"}


def test_components_of_one_level_are_installed_side_by_side(programs: Standins, deploy: Path) -> None:
    for release in ("operator-pre", "operator", "metrics"):
        programs.set(f"sleep/{release}", 0.3)
    assert programs.run(deploy).returncode == 0
    found = spans(programs)
    assert found["metrics"][0] < found["operator-pre"][1]
    assert found["operator-pre"][0] < found["metrics"][1]
    assert found["operator-pre"][1] <= found["operator"][0]
    assert found["settings"][0] >= max(found["metrics"][1], found["operator-post"][1])
    assert found["crds"][1] <= min(found["metrics"][0], found["operator-pre"][0])


def test_serial_installs_one_after_another(programs: Standins, deploy: Path) -> None:
    programs.set("sleep/operator", 0.3)
    assert programs.run(deploy, "--serial").returncode == 0
    assert programs.order() == RELEASES
    moments = [moment for span in sorted(spans(programs).values()) for moment in span]
    assert moments == sorted(moments)


def test_lines_say_which_component_they_are_about(programs: Standins, deploy: Path) -> None:
    lines = programs.run(deploy).stdout.splitlines()
    assert '[operator] Release "operator-post" is there' in lines
    assert "deploy.sh: level 2 of 3: operator metrics" in lines
    assert all(line.startswith(("deploy.sh: ", "[")) for line in lines)


def test_a_release_that_fails_is_tried_again(programs: Standins, deploy: Path) -> None:
    programs.set("fail/operator", 2)
    done = programs.run(deploy)
    assert done.returncode == 0
    assert programs.order().count("operator") == 3
    assert "[operator] attempt 2 of 6 failed; retrying in 0 s" in done.stdout.splitlines()
    assert programs.release("gpu", "operator-post") == "deployed"


def test_pauses_grow_with_the_square_of_the_attempts_up_to_two_minutes(programs: Standins, deploy: Path) -> None:
    programs.set("fail/crds", 9)
    programs.set(
        "bin/sleep", "#!/bin/sh\ncase $1 in 0.* | 1) exec /bin/sleep 0.05 ;; *) echo $1 >>$STANDIN/slept ;; esac"
    )
    (programs.home / "bin" / "sleep").chmod(0o755)
    done = programs.run(deploy, "--retries=6", RETRY_S="5")
    assert done.returncode == 1
    slept = (programs.home / "slept").read_text().split()
    assert slept == ["5", "20", "45", "80", "120", "120"]


@pytest.mark.parametrize(
    ("release", "flags", "attempts"),
    [
        ("crds", [], 6),
        ("metrics", [], 2),
        ("crds", ["--retries", "2"], 3),
        ("metrics", ["--retries=3"], 4),
        ("crds", ["--retries", "0"], 1),
    ],
)
def test_how_often_a_release_is_tried(
    programs: Standins, deploy: Path, release: str, flags: list[str], attempts: int
) -> None:
    programs.set(f"fail/{release}", 99)
    assert programs.run(deploy, *flags).returncode == 1
    assert programs.order().count(release) == attempts


def test_jobs_that_were_hooks_are_cleared_away_before_the_next_attempt(programs: Standins, deploy: Path) -> None:
    programs.set("fail/operator", 1)
    hooks = (
        "---\n# Source: gpu/templates/hook.yaml\napiVersion: batch/v1\nkind: Job\nmetadata:\n  labels:\n    name: no\n"
        '  name: "crd-upgrade"\nspec:\n  template:\n    metadata:\n      name: pod\n---\nkind: ServiceAccount\n'
        "metadata:\n  name: account\n---\nmetadata:\n  name: second\nkind: Job\n"
    )
    programs.set("hooks/operator", hooks)
    assert programs.run(deploy).returncode == 0
    (line,) = programs.words("kubectl delete job")
    assert line.startswith("kubectl delete job crd-upgrade second --namespace gpu ")


def test_one_failure_stops_after_its_level_and_says_what_is_left(programs: Standins, deploy: Path) -> None:
    programs.set("fail/operator", 99)
    programs.set("sleep/metrics", 0.3)
    done = programs.run(deploy, "--retries", "0")
    assert done.returncode == 1
    assert programs.release("monitoring", "metrics") == "deployed"  # the others of its level finish
    assert "settings" not in programs.order()
    assert "operator-post" not in programs.order()
    assert done.stderr.splitlines() == [
        "deploy.sh: failed: operator",
        "deploy.sh: not installed: operator-post, settings",
        "  hint: fix what is named above, then run ./deploy.sh again: what is installed stays, the rest follows",
    ]
    programs.set("fail/operator", 0)
    assert programs.run(deploy).returncode == 0
    assert set(programs.releases().values()) == {"deployed"}


def test_best_effort_goes_on_and_still_says_so(programs: Standins, deploy: Path) -> None:
    programs.set("fail/crds", 99)
    done = programs.run(deploy, "--retries", "0", "--best-effort")
    assert done.returncode == 1
    assert set(programs.order()) == set(RELEASES)
    assert "deploy.sh: failed: crds" in done.stderr


def test_serial_stops_at_the_first_failure(programs: Standins, deploy: Path) -> None:
    programs.set("fail/operator-pre", 99)
    assert programs.run(deploy, "--retries", "0", "--serial").returncode == 1
    assert programs.order() == ["crds", "operator-pre"]


@pytest.mark.parametrize(
    ("number", "status", "flags"),
    [
        (signal.SIGINT, 130, []),
        (signal.SIGTERM, 143, []),
        (signal.SIGHUP, 129, []),
        (signal.SIGTERM, 143, ["--serial"]),
    ],
)
def test_an_interruption_leaves_no_process_and_the_next_run_finishes(
    programs: Standins, deploy: Path, number: signal.Signals, status: int, flags: list[str]
) -> None:
    programs.set("hang/operator")  # a helm that does not end when it is asked to
    running = programs.start(deploy, *flags)
    programs.wait_for("hang", "operator")
    running.send_signal(number)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == status
    assert f"deploy.sh: interrupted by {number.name}: ending what runs" in said
    assert "hint: run ./deploy.sh again" in said
    assert programs.left() == []
    assert list((programs.home / "tmp").iterdir()) == []
    assert programs.release("gpu", "operator") == "pending-install"
    assert "settings" not in programs.order()
    again = programs.run(deploy)
    assert again.returncode == 0, again.stdout
    assert "the last installation of operator was interrupted" in again.stdout
    assert set(programs.releases().values()) == {"deployed"}


def test_what_runs_may_end_in_order_when_it_is_interrupted(programs: Standins, deploy: Path) -> None:
    programs.set("hang/operator", 0.3)
    running = programs.start(deploy, STOP_S="20")
    programs.wait_for("hang", "operator")
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 143
    assert (
        "[operator] operator has been cancelled\n" in said
    )  # it may still speak: real helm would die of a closed pipe
    assert programs.left() == []
    assert programs.release("gpu", "operator") == "failed"  # it wrote that down itself: nothing is locked
    again = programs.run(deploy)
    assert again.returncode == 0
    assert "did not end" not in again.stdout


def test_nothing_goes_on_when_the_script_itself_is_killed(programs: Standins, deploy: Path) -> None:
    programs.set("hang/operator")
    running = programs.start(deploy)
    programs.wait_for("hang", "operator")
    running.kill()
    running.wait()
    end = time.monotonic() + 20
    while programs.left() and time.monotonic() < end:
        time.sleep(0.1)
    assert programs.left() == []
    running.communicate()
    assert programs.run(deploy).returncode == 0


def test_an_upgrade_that_did_not_end_is_rolled_back_first(programs: Standins, deploy: Path) -> None:
    programs.set("releases/gpu.operator", "pending-upgrade")
    done = programs.run(deploy)
    assert done.returncode == 0
    assert programs.order("rollback") == ["operator"]
    assert "the last upgrade of operator was interrupted" in done.stdout


def test_a_removal_that_did_not_end_is_ended_first(programs: Standins, deploy: Path) -> None:
    programs.set("releases/gpu.operator", "uninstalling")
    assert programs.run(deploy).returncode == 0
    assert programs.release("gpu", "operator") == "deployed"


def test_signs_of_life_say_what_runs_and_for_how_long(programs: Standins, deploy: Path) -> None:
    programs.set("hang/operator")
    running = programs.start(deploy, HEARTBEAT_S="1")
    assert running.stdout is not None
    lines = iter(running.stdout.readline, "")
    assert any(re.fullmatch(r"deploy\.sh: still working on operator \(\d+ s\)\n", line) for line in lines)
    running.terminate()
    running.communicate(timeout=30)


def test_no_wait_asks_helm_to_wait_for_nothing(programs: Standins, deploy: Path) -> None:
    assert programs.run(deploy, "--no-wait", HELM_TIMEOUT="3m").returncode == 0
    calls = programs.words("helm upgrade")
    assert len(calls) == len(RELEASES)
    assert not any("--wait" in call for call in calls)
    assert sum("--timeout 3m" in call for call in calls) == len(RELEASES) - 1  # metrics has its own


def test_words_for_helm_come_from_the_environment(programs: Standins, deploy: Path) -> None:
    env = {
        "DRY_RUN_FLAG": "--dry-run=server",
        "KUBECONFIG_FLAG": "--kubeconfig /some/file",
        "HELM_DEBUG_FLAG": "--debug",
        "COMPONENT_WAIT_ARGS": "--wait=legacy",
        "KUBE_CONTEXT": "a context",
        "HELM_NAMESPACE": "elsewhere",
    }
    assert programs.run(deploy, **env).returncode == 0
    for call in programs.words("helm upgrade"):
        assert call.endswith(
            "-f cluster-values.yaml --wait=legacy --kube-context a context "
            "--kubeconfig /some/file --dry-run=server --debug"
        )
        assert "--timeout" not in call
        assert "elsewhere" not in call
    assert all("--context a context --kubeconfig /some/file" in call for call in programs.words("kubectl"))


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v3.14.0+gffffff0", ""),
        ("v4.0.0+gffffff0", " --server-side=true --force-conflicts"),
        ("v10.1.0", " --server-side=true --force-conflicts"),
    ],
)
def test_helm_4_and_later_take_over_fields_of_others(
    programs: Standins, deploy: Path, version: str, words: str
) -> None:
    programs.set("version", version)
    programs.run(deploy)
    assert all(f"-f cluster-values.yaml{words} --" in call for call in programs.words("helm upgrade"))


def test_a_relative_kubeconfig_means_the_same_file_in_every_folder(programs: Standins, deploy: Path) -> None:
    real = programs.home / "bin" / "helm"
    real.write_text(real.read_text().replace('said="$*"', 'said="$KUBECONFIG $*"'))
    programs.run(deploy, KUBECONFIG="conf/one:/abs/two:three")
    here = programs.home
    assert programs.words("helm")
    assert all(f"helm {here}/conf/one:/abs/two:{here}/three " in call for call in programs.words("helm"))
    programs.forget()
    programs.run(deploy.parent / "003-operator" / "install.sh", KUBECONFIG="conf/one")
    assert programs.words("helm")[0].startswith(f"helm {here}/conf/one ")


def test_a_folder_called_like_a_chart_does_not_shadow_it(programs: Standins, deploy: Path) -> None:
    (programs.home / "crds").mkdir()
    real = programs.home / "bin" / "helm"
    real.write_text(real.read_text().replace('cd "$STANDIN"', '[ ! -e crds ] || exit 98\ncd "$STANDIN"'))
    done = programs.run(deploy)  # runs where the folder lies
    assert done.returncode == 0, done.stdout
    assert programs.run(deploy.parent / "001-crds" / "install.sh").returncode == 0


def test_one_folder_can_be_installed_alone(programs: Standins, deploy: Path) -> None:
    assert programs.run(deploy.parent / "003-operator" / "install.sh").returncode == 0
    (call,) = programs.words("helm upgrade")
    assert call == (
        "helm upgrade --install operator oci://registry.example/charts/gpu --version v26.3.2 --namespace gpu "
        "--create-namespace --labels clusterbook.dev/recipe=h100-eks,clusterbook.dev/order=003,"
        f"clusterbook.dev/bundle={bundle_name(deploy.parent)} -f values.yaml "
        "-f cluster-values.yaml --wait --timeout 600s"
    )


def test_a_folder_that_is_not_listed_is_never_run(programs: Standins, deploy: Path) -> None:
    evil = deploy.parent / "007-evil"
    evil.mkdir()
    (evil / "install.sh").write_text(f"touch {programs.home}/evil\n")
    assert programs.run(deploy).returncode == 0
    assert not (programs.home / "evil").exists()


def test_a_folder_that_is_listed_and_missing_stops_all(programs: Standins, deploy: Path) -> None:
    shutil.rmtree(deploy.parent / "006-settings")
    done = programs.run(deploy)
    assert done.returncode == 1
    assert "006-settings/install.sh is missing" in done.stderr
    assert programs.order() == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--retry"], "deploy.sh: --retry is not a flag of it\n  hint: ./deploy.sh --help lists them\n"),
        (["--retries"], "deploy.sh: --retries '' is not a number\n  hint: write --retries 3, say\n"),
        (["--retries=-1"], "deploy.sh: --retries '-1' is not a number\n  hint: write --retries 3, say\n"),
        (["now"], "deploy.sh: now is not a flag of it\n  hint: ./deploy.sh --help lists them\n"),
    ],
)
def test_wrong_flags_are_refused_before_anything_happens(
    programs: Standins, deploy: Path, flags: list[str], said: str
) -> None:
    done = programs.run(deploy, *flags)
    assert (done.returncode, done.stderr) == (2, said)
    assert programs.words() == []


def test_help_lists_every_flag(programs: Standins, deploy: Path) -> None:
    done = programs.run(deploy, "--help")
    assert done.returncode == 0
    flags = set(re.findall(r"^        (--[a-z-]+)\)", deploy.read_text(), re.M))
    assert flags >= {"--no-wait", "--best-effort", "--retries", "--serial"}
    assert all(flag in done.stdout for flag in flags)


def test_without_its_programs_it_says_what_to_install(programs: Standins, deploy: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("bash", "basename", "dirname"):
        (few / name).symlink_to(str(shutil.which(name)))
    done = programs.run(deploy, PATH=str(few))
    assert done.returncode == 1
    assert "deploy.sh: helm is not on PATH" in done.stderr


def test_a_cluster_that_does_not_answer_is_said_so(programs: Standins, deploy: Path) -> None:
    programs.set("unreachable")
    done = programs.run(deploy)
    assert done.returncode == 1
    assert "deploy.sh: the cluster does not answer: connection refused" in done.stderr


def test_nothing_but_bash_helm_kubectl_and_the_usual_tools_is_needed(
    programs: Standins, deploy: Path, tmp_path: Path
) -> None:
    usual = "awk basename bash cat chmod cut date dirname env grep kill ls mkdir mktemp rm sed sh sleep sort tr"
    few = tmp_path / "few"
    few.mkdir()
    for name in usual.split():
        (few / name).symlink_to(str(shutil.which(name)))
    path = f"{programs.home / 'bin'}{os.pathsep}{few}"
    done = subprocess.run(
        [few / "bash", deploy], env={**programs.env, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "command not found" not in done.stderr
