"""What deploy.sh says beforehand, and what it does with releases that an older bundle had and this one has not."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from clusterbook.bundle.helm.install import recipe_label
from tests.support.standins import Standins
from tests.support.whole_recipes import RELEASES, small, written

LABELLED = "objects/secrets"
"""What kubectl makes of the Secrets in which Helm keeps labelled releases."""
CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.example.com\n"


@pytest.fixture
def old(programs: Standins) -> Standins:
    """Give a cluster with two releases of an older bundle, one of another recipe, and one that is still wanted."""
    rows = [
        "003 dashboards monitoring h100-eks",
        "002 exporter monitoring h100-eks",
        "001 trainer jobs h100-eks-training",
    ]
    programs.set(LABELLED, "\n".join([*rows, "004 operator gpu h100-eks"]))
    for name in ("monitoring.dashboards", "monitoring.exporter", "jobs.trainer"):
        programs.set(f"releases/{name}", "deployed")
    return programs


def removed(programs: Standins) -> list[str]:
    """Return the releases that Helm was asked to remove, in order."""
    return [line.split()[2] for line in programs.words("helm uninstall")]


def test_every_release_is_labelled_with_its_recipe_and_its_place(programs: Standins, deploy: Path) -> None:
    programs.run(deploy)
    calls = programs.words("helm upgrade")
    labels = re.findall(r"--labels clusterbook.dev/recipe=h100-eks,clusterbook.dev/order=(\d+),", "\n".join(calls))
    assert sorted(labels) == [f"{number:03d}" for number in range(1, len(RELEASES) + 1)]


@pytest.mark.parametrize(
    ("slug", "label"), [("h100-eks", "h100-eks"), ("-.-", "base"), ("x" * 70, "x" * 63), ("a" * 62 + "-b", "a" * 62)]
)
def test_a_label_is_one_that_kubernetes_takes(slug: str, label: str) -> None:
    assert recipe_label(slug) == label


def test_what_the_bundle_no_longer_has_is_named_and_stays(old: Standins, deploy: Path) -> None:
    done = old.run(deploy)
    assert done.returncode == 0, done.stderr
    assert removed(old) == []
    for name in ("dashboards in monitoring", "exporter in monitoring"):
        assert (
            f"note: {name} is of an older bundle, and no longer of this one; it stays (--prune removes it)"
            in done.stdout
        )
    assert "--prune-of h100-eks-training removes it" in done.stdout
    assert "note: operator" not in done.stdout


def test_it_goes_after_all_else_is_installed_and_the_last_goes_first(old: Standins, deploy: Path) -> None:
    done = old.run(deploy, "--prune", "--yes")
    assert done.returncode == 0, done.stderr
    assert old.order("end")[-2:] == ["dashboards", "exporter"]
    assert "jobs.trainer" in old.releases()
    assert done.stdout.index("will be removed, once all else is installed: dashboards") < done.stdout.index("level 1")


def test_releases_of_another_recipe_go_when_it_is_named(old: Standins, deploy: Path) -> None:
    old.run(deploy, "--prune-of", "h100-eks-training", "--yes")
    assert removed(old) == ["dashboards", "exporter", "trainer"]


def test_a_release_that_is_taken_over_is_not_one_that_is_left(programs: Standins, tmp_path: Path) -> None:
    programs.set(LABELLED, "002 gpu-operator gpu h100-eks\n002 gpu-operator elsewhere h100-eks")
    deploy = written(tmp_path / "bundle", small(operator={"registry": {"renamedFrom": ["gpu-operator"]}})) / "deploy.sh"
    said = programs.run(deploy, "--prune", "--dry-run").stdout
    assert re.findall(r"will be removed, once all else is installed: (.+)", said) == ["gpu-operator from elsewhere"]


def test_nothing_goes_where_something_was_not_installed(old: Standins, deploy: Path) -> None:
    old.set("fail/settings", 99)
    assert old.run(deploy, "--prune", "--yes", "--retries", "0").returncode == 1
    assert removed(old) == []


def test_nobody_to_ask_means_that_nothing_is_touched(old: Standins, deploy: Path) -> None:
    done = old.run(deploy, "--prune")
    assert done.returncode == 2
    assert (
        done.stderr == "deploy.sh: there is no terminal to confirm on\n  hint: add --yes, or --dry-run to look first\n"
    )
    assert old.order() == []


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("y", 1)])
def test_it_asks_in_a_terminal_before_anything_is_installed(
    old: Standins, deploy: Path, answer: str, status: int
) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", deploy, "--prune"], env={**os.environ, **old.env}, stdin=theirs, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, start_new_session=True,
    ) as running:  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        running.communicate(timeout=30)
    os.close(ours)
    assert running.returncode == status
    assert bool(old.order()) == (status == 0)


def test_with_nothing_to_remove_nobody_is_asked(programs: Standins, deploy: Path) -> None:
    assert programs.run(deploy, "--prune").returncode == 0


def test_releases_that_cannot_be_read_stop_a_removal_and_nothing_else(old: Standins, deploy: Path) -> None:
    old.set(f"{LABELLED}.forbidden")
    done = old.run(deploy, "--prune", "--yes")
    assert (done.returncode, old.order()) == (1, [])
    assert "cannot read secrets" in done.stderr
    done = old.run(deploy)
    assert done.returncode == 0
    assert "note: cannot read secrets, so releases of older bundles are not found" in done.stdout


def test_kinds_and_claims_outlive_a_release_that_has_them_among_its_templates(old: Standins, deploy: Path) -> None:
    old.set("manifests/exporter", f"---\n{CRD}---\nkind: Service\nmetadata:\n  name: web\n  namespace: front\n")
    names = "customresourcedefinition.apiextensions.k8s.io/things.example.com\npersistentvolumeclaim/disk"
    old.set("objects/monitoring.manifest", names)
    old.set("objects/front.manifest", "service/web")
    old.set("objects/front.service/web", "exporter monitoring <no value>")
    done = old.run(deploy, "--prune", "--yes")
    assert done.returncode == 0, done.stderr
    assert removed(old) == ["dashboards"]
    deleted = [line.partition(" --ignore")[0] for line in old.words("kubectl delete")]
    assert deleted == [
        "kubectl delete service/web --namespace front",
        "kubectl delete secret --namespace monitoring --selector owner=helm,name=exporter",
    ]
    assert f"kept: {names.splitlines()[0]} of exporter" in done.stdout
    assert "kept: persistentvolumeclaim/disk of exporter" in done.stdout


@pytest.mark.parametrize("owner", ["metrics monitoring", "exporter elsewhere"])
def test_what_belongs_to_another_release_by_now_is_kept(old: Standins, deploy: Path, owner: str) -> None:
    old.set("manifests/exporter", CRD)
    old.set("objects/monitoring.manifest", "service/web")
    old.set("objects/monitoring.service/web", f"{owner} <no value>")
    assert "kept: service/web of exporter" in old.run(deploy, "--prune", "--yes").stdout


def test_a_removal_that_failed_is_tried_again_by_the_next_run(old: Standins, deploy: Path) -> None:
    old.set("fail/exporter", 1)
    done = old.run(deploy, "--prune", "--yes")
    assert done.returncode == 1
    assert "exporter was not removed from monitoring" in done.stderr
    assert old.run(deploy, "--prune", "--yes").returncode == 0
    assert "monitoring.exporter" not in old.releases()


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(old: Standins, tmp_path: Path) -> None:
    recipe = small(operator={"registry": {"renamedFrom": ["gpu-operator"]}})
    deploy = written(tmp_path / "bundle", recipe) / "deploy.sh"
    for name, version in {"system.crds": "1.10", "gpu.gpu-operator": "v25.0.0", "monitoring.metrics": "1.9.0"}.items():
        old.set(f"releases/{name}", "deployed")
        old.set(f"versions/{name.partition('.')[2]}", version)
    before = old.releases()
    done = old.run(deploy, "--dry-run", "--prune")
    assert done.returncode == 0, done.stderr
    assert "would apply crds 1.10 again, with the values of this bundle" in done.stdout
    assert "would take metrics from 1.9.0 to 2.0.0" in done.stdout
    assert "would install operator v26.3.2 into gpu, taking over what was installed as gpu-operator" in done.stdout
    assert re.search(r"would install settings \S+ into gpu\n", done.stdout)
    assert "will be removed, once all else is installed: exporter from monitoring" in done.stdout
    assert done.stdout.endswith("deploy.sh: nothing was changed\n")
    assert old.releases() == before
    changing = (
        "helm upgrade",
        "helm uninstall",
        "kubectl delete",
        "kubectl apply",
        "kubectl annotate",
        "kubectl label",
    )
    assert [line for start in changing for line in old.words(start)] == []


def test_a_recipe_has_to_be_named_where_one_is_asked(programs: Standins, deploy: Path) -> None:
    done = programs.run(deploy, "--prune-of")
    assert done.returncode == 2
    assert "--prune-of names no recipe" in done.stderr
