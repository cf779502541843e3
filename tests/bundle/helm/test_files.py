"""What a Helm bundle holds: folders, scripts, where charts come from, and that the shell of it is sound."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook import bundle
from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.local_chart import keep_on_uninstall
from clusterbook.bundle.render import render
from tests.support.template_cases import documents
from tests.support.whole_recipes import small, wholes

SHELLCHECK = Path(sys.executable).parent / "shellcheck"
TEMPLATES = Path(bundle.__file__).parent / "helm" / "templates"

# What bash 3.2 does not have: https://git.savannah.gnu.org/cgit/bash.git/tree/CHANGES
_NEWER_THAN_3_2 = re.compile(
    r"""wait\ -n | \b(declare|local|typeset)\ -[a-zA-Z]*[Angu] | \b(mapfile|readarray|coproc)\b | \|& | &>> | ;&
    | \$\{[A-Za-z_]\w*(\^|,|@) | \bprintf\ '%\( | BASHPID | EPOCH(SECONDS|REALTIME) | \bread\ [^|]*-t\ ?0\. | \bshopt\b
    | \[\[\ -v | \$\{[A-Za-z_]\w*\[@\] | \{fd\} | \$\((?!\()[^()]*\bcase\b""",
    re.VERBOSE,
)


def made(
    recipe: dict[str, Any] | None = None, charts: dict[str, VendoredChart] | None = None, **request: Any
) -> dict[str, str]:
    """Return the files of a Helm bundle as text."""
    files = render(recipe or small(), {"deployer": "helm", **request}, "1.0", charts).files
    return {path: data.decode(errors="replace") for path, data in files.items()}


def namespace_recipe(name: str) -> dict[str, Any]:
    """Return a recipe whose first release holds the namespace `name`."""
    recipe = small()
    recipe["files"]["components/operator/manifests/before.yaml"] = (
        f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{a: b}}\n"
    )
    return recipe


def test_a_bundle_has_a_folder_for_each_release_and_three_scripts_for_all() -> None:
    upstream = ["cluster-values.yaml", "install.sh", "upstream.env", "values.yaml"]
    local = ["Chart.yaml", "cluster-values.yaml", "install.sh"]
    expected = {
        "README.md", "checksums.txt", "labels.env", "options.yaml", "recipe.yaml",
        "deploy.sh", "rollback.sh", "undeploy.sh",
        *(f"{path}/{name}" for path in ("001-crds", "003-operator", "005-metrics") for name in upstream),
        *(f"{path}/{name}" for path in ("002-operator-pre", "004-operator-post", "006-settings") for name in local),
        *(f"{path}/values.yaml" for path in ("002-operator-pre", "004-operator-post", "006-settings")),
        "002-operator-pre/templates/before.yaml",
        "004-operator-post/templates/after.yaml",
        "006-settings/templates/settings.yaml",
    }  # fmt: skip
    assert set(made()) == expected


def test_where_a_chart_comes_from_is_said_in_words_of_the_shell() -> None:
    files = made()
    assert words(files["001-crds/upstream.env"]) == {
        "CHART": "crds",
        "REPO": "https://charts.example/stable",
        "VERSION": "1.10",
    }
    assert words(files["003-operator/upstream.env"]) == {
        "CHART": "oci://registry.example/charts/gpu",
        "REPO": "",
        "VERSION": "v26.3.2",
    }
    assert words(files["005-metrics/upstream.env"])["REPO"] == "https://charts.example/stable"


def words(text: str) -> dict[str, str]:
    """Return what the shell makes of an .env file."""
    script = 'set -euo pipefail; . /dev/stdin; printf "%s\\n" "$CHART" "$REPO" "$VERSION"'
    said = subprocess.run(["bash", "-c", script], input=text, capture_output=True, text=True, check=True).stdout
    return dict(zip(("CHART", "REPO", "VERSION"), said.split("\n"), strict=False))


def test_words_of_a_recipe_never_become_commands() -> None:
    evil = "https://charts.example/$(id>x);`y`&\\#"
    recipe = small(crds={"source": evil})
    recipe["metadata"]["slug"] = "x\n rm -rf /"
    files = made(recipe)
    assert words(files["001-crds/upstream.env"])["REPO"] == evil
    for path, text in files.items():
        if path.endswith((".sh", ".env")):
            assert not re.search(r"^ *rm -rf /", text, re.M)


def test_a_chart_that_travels_along_is_installed_from_its_archive() -> None:
    charts = {
        name: VendoredChart(f"{chart}-1.tgz", b"archive", "helm v3.22.0")
        for name, chart in (("crds", "crds"), ("operator", "gpu"), ("metrics", "metrics"))
    }
    files = made(charts=charts, vendorCharts=True)
    assert files["003-operator/charts/gpu-1.tgz"] == "archive"
    found = words(files["003-operator/upstream.env"])
    assert (found["CHART"], found["REPO"]) == ("charts/gpu-1.tgz", "")
    assert "https://" not in files["003-operator/upstream.env"] + files["001-crds/upstream.env"]


def test_charts_come_from_a_mirror_where_one_is_named(tmp_path: Path) -> None:
    files = made()
    helm = tmp_path / "helm"
    helm.write_text('#!/bin/sh\necho "$@"\n')
    helm.chmod(0o755)
    (tmp_path / "labels.env").write_text(files["labels.env"])
    for path in ("001-crds", "003-operator"):
        (tmp_path / path).mkdir()
        for name in ("install.sh", "upstream.env"):
            (tmp_path / path / name).write_text(files[f"{path}/{name}"])
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CHART_MIRROR": "oci://r.corp/base/", "HELM_VERSION": "v3.18"}

    def asked(path: str) -> str:
        run = subprocess.run(["bash", tmp_path / path / "install.sh"], env=environment, capture_output=True, check=True)
        return run.stdout.decode()

    assert "crds oci://r.corp/base/charts/charts.example/stable/crds --version 1.10 " in asked("001-crds")
    assert "operator oci://r.corp/base/charts/registry.example/charts/gpu --version v26.3.2 " in asked("003-operator")
    del environment["CHART_MIRROR"]
    assert "crds crds --repo https://charts.example/stable --version 1.10 " in asked("001-crds")


def test_templates_of_our_own_come_out_of_helm_as_they_went_in() -> None:
    files = made()
    assert files["004-operator-post/templates/after.yaml"].count('{{ "{{" }}') == 1
    assert documents(files["004-operator-post/Chart.yaml"]) == [
        {
            "apiVersion": "v2",
            "name": "operator-post",
            "description": "Resources that belong to operator",
            "type": "application",
            "version": "0.1.0",
        }
    ]


def test_values_that_are_given_later_stand_in_a_file_of_their_own() -> None:
    files = made(dynamic=["operator:driver.version"])
    assert documents(files["003-operator/values.yaml"]) == [{"driver": {"enabled": True}, "tolerations": []}]
    assert documents(files["003-operator/cluster-values.yaml"]) == [{"driver": {"version": "580.1"}}]
    assert "`003-operator/cluster-values.yaml`" in files["README.md"]
    assert documents(files["001-crds/cluster-values.yaml"]) == [{}]


def test_a_release_waits_as_its_component_asks_for() -> None:
    files = made()
    assert '"${COMPONENT_WAIT_ARGS=--wait --timeout 600s}"' in files["003-operator/install.sh"]
    assert '"${COMPONENT_WAIT_ARGS=--timeout 1200s}"' in files["005-metrics/install.sh"]
    (row,) = re.findall(r"^005-metrics .*$", files["deploy.sh"], re.M)
    assert row.split() == ["005-metrics", "metrics", "monitoring", "1", "metrics", "nothing", "1200s", "1"]


def test_a_readiness_release_runs_its_job_again_and_waits_for_it() -> None:
    files = made(wholes()["h100-eks-ubuntu-training"], readinessHooks=True)
    (text,) = [text for path, text in files.items() if path.endswith("gpu-operator-readiness/install.sh")]
    assert "kube delete job gpu-operator-readiness --namespace gpu-operator" in text
    assert "--wait --wait-for-jobs --timeout 5700s" in text
    (row,) = re.findall(r"^\d+-gpu-operator-readiness .*$", files["deploy.sh"], re.M)
    assert row.split()[-3:] == ["jobs", "5700s", "-"]


def test_a_release_takes_over_the_namespace_that_it_lies_in() -> None:
    files = made(namespace_recipe("gpu"))
    assert "meta.helm.sh/release-name=operator-pre" in files["002-operator-pre/install.sh"]
    assert "meta.helm.sh" not in made(namespace_recipe("other"))["002-operator-pre/install.sh"]
    assert "meta.helm.sh" not in files["003-operator/install.sh"]


def test_namespaces_volume_claims_and_kinds_outlive_their_release() -> None:
    (namespace,) = documents(made(namespace_recipe("gpu"))["002-operator-pre/templates/before.yaml"])
    assert namespace["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert namespace["metadata"]["labels"] == {"a": "b"}
    several = "kind: ConfigMap\nmetadata: {name: a}\n--- # next\nkind: PersistentVolumeClaim\nmetadata: {name: b}\n"
    config, claim = documents(keep_on_uninstall(several))
    assert config == {"kind": "ConfigMap", "metadata": {"name": "a"}}
    assert claim["metadata"] == {"name": "b", "annotations": {"helm.sh/resource-policy": "keep"}}
    plain = "# kind: Namespace\nkind: RoleBinding\nsubjects:\n- kind: Namespace\n"
    assert keep_on_uninstall(plain) == plain


def test_the_readme_shows_how_to_install_change_and_remove() -> None:
    text = made()["README.md"]
    for word in (
        "./deploy.sh",
        "./undeploy.sh",
        "clusterbook verify .",
        "cluster-values.yaml",
        "| 003 | 1 | operator |",
    ):
        assert word in text


def scripts() -> Iterator[tuple[str, str]]:
    """Yield every script that a bundle of any of our recipes has; those that differ in names or tables alone, once."""
    seen = set()
    for slug, recipe in wholes().items():
        for path, text in made(recipe, readinessHooks=True).items():
            if not path.endswith(".sh"):
                continue
            release = path.partition("/")[0].partition("-")[2] or slug
            key = re.sub(rf"\b({re.escape(slug)}|{re.escape(release)})\b", "", text)  # a recipe is called kind
            key = re.sub(
                r"(--namespace|(?:create|get|label) namespace|labels of|LEVELS=|secrets=|--labels) ?\S+"
                r"|^read -r -d .*?^END$",
                r"\1",
                key,
                flags=re.M | re.S,
            )
            if key not in seen:
                seen.add(key)
                yield f"{slug}/{path}", text


@pytest.fixture(scope="module")
def all_scripts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give files of all scripts."""
    folder = tmp_path_factory.mktemp("scripts")
    recipes = [
        *scripts(),
        *((path, text) for path, text in made(namespace_recipe("gpu")).items() if path.endswith(".sh")),
    ]
    found = []
    for name, text in recipes:
        file = folder / name.replace("/", "_")
        file.write_text(text, encoding="utf-8")
        found.append(file)
    return found


def test_every_script_of_every_recipe_is_sound_to_bash_and_shellcheck(all_scripts: list[Path]) -> None:
    assert 8 <= len(all_scripts) <= 60, len(all_scripts)
    for file in all_scripts:
        subprocess.run(["bash", "-n", file], check=True)
    done = subprocess.run([SHELLCHECK, "--format=gcc", *all_scripts], capture_output=True, text=True, check=False)
    assert not done.stdout


def test_templates_of_scripts_are_sound_to_shellcheck_where_they_stand() -> None:
    names = sorted(path.name for path in TEMPLATES.glob("*.sh"))
    assert names == [
        "adopt.sh",
        "common.sh",
        "deploy.sh",
        "head.sh",
        "install.sh",
        "objects.sh",
        "preflight.sh",
        "prune.sh",
        "rollback.sh",
        "secrets.sh",
        "undeploy.sh",
        "webhooks.sh",
    ]
    command = [SHELLCHECK, "--external-sources", "--check-sourced", "--format=gcc", *names]
    done = subprocess.run(command, cwd=TEMPLATES, capture_output=True, text=True, check=False)
    assert not done.stdout


def test_no_script_uses_what_the_bash_of_macos_does_not_have(all_scripts: list[Path]) -> None:
    for file in all_scripts:
        assert not _NEWER_THAN_3_2.search(file.read_text(encoding="utf-8")), file.name


@pytest.mark.parametrize(
    "line",
    [
        "wait -n",
        "declare -A x",
        "local -n y=z",
        "mapfile -t a",
        "a |& b",
        "${x^^}",
        'for i in "${a[@]}"',
        "echo $BASHPID",
    ],
)
def test_the_guard_for_old_bash_fires(line: str) -> None:
    assert _NEWER_THAN_3_2.search(line)


def test_a_script_installs_what_is_listed_and_never_what_matches() -> None:
    text = made()["deploy.sh"]
    assert "set -f" in text
    assert not re.search(r"for \w+ in [^\n]*[*?]", text)
