"""Secrets in options: none is repeated in a message, one that would be written down is warned of, and a bundle can say
where one is kept instead.

Attack: "secrets in text" of the review of trust.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.customisation import plan_value_changes
from clusterbook.bundle.options import read_options
from clusterbook.bundle.rederive import prove
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.standins import Standins
from tests.support.whole_recipes import small, written

SECRET = "hunter2-correct-horse"  # noqa: S105


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("set", f"operator.adminPassword={SECRET}"),
        ("set", f"operator:adminPassword..x={SECRET}"),
        ("set", f":adminPassword={SECRET}"),
        ("set", f"operator:adminPassword:{SECRET}"),
        ("set", f"operator:admin Password={SECRET}"),
        ("setJson", f"operator.adminPassword={SECRET}"),
        ("setJson", f'operator:adminPassword="{SECRET}'),
        ("setFile", f"operator:adminPassword={SECRET}"),
        ("setSecret", f"operator:adminPassword={SECRET}"),
        ("setSecret", f"operator:adminPassword={SECRET}/"),
        ("setSecret", f"operator:adminPassword=a/{SECRET} x"),
        ("setSecret", f"operator:adminPassword=~/{SECRET.upper()}/x"),
        ("setSecret", f"operator.adminPassword={SECRET}/key"),
        ("dynamic", f"operator:adminPassword={SECRET}"),
        ("dynamic", f"operator:adminPassword:{SECRET}"),
        ("repo", f"https://ann:{SECRET}@git.example/x y"),
        ("repo", f"https://ann:{SECRET}@git.example/x"),
    ],
)
def test_a_mistyped_option_does_not_repeat_its_value(option: str, word: str) -> None:
    request = {"deployer": "flux", option: word if option == "repo" else [word]}
    with pytest.raises(InvalidRequest) as caught:
        read_options(request)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("word", [f"operator:enabled={SECRET}", f"operator:driver={SECRET}", f"nobody:x={SECRET}"])
def test_an_option_that_does_not_fit_the_recipe_does_not_repeat_its_value(word: str) -> None:
    recipe = small(operator={"values": {"driver": {"version": "1"}}})
    with pytest.raises(InvalidRequest) as caught:
        render(recipe, {"set": [word]}, "1.0")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [
        {"set": [f"operator:adminPassword={SECRET}"]},
        {"set": [f"operator:registry.password={SECRET}"]},
        {"setJson": [f'operator:auth={{"clientSecret": "{SECRET}-X9"}}']},
        {"set": ["operator:env.value=ghp_0123456789abcdefghijABCDEFGHIJ0123456789"]},
        {"setJson": ['operator:env=[{"url": "https://ann:hunter22@h.example/"}]']},
    ],
)
def test_a_value_that_looks_like_a_secret_is_warned_of_and_not_repeated(request_: dict[str, list[str]]) -> None:
    notes = [note for note in render(small(), request_, "1.0").notes if "looks like a secret" in note]
    assert len(notes) == 1
    assert "--set-secret operator:" in notes[0]
    assert not any(secret in notes[0] for secret in (SECRET, "ghp_", "hunter22"))


@pytest.mark.parametrize(
    "word", ["operator:adminPassword=$PASSWORD", "operator:existingSecret=grafana-admin", "operator:image.tag=1.2.3"]
)
def test_the_name_of_a_secret_is_not_warned_of(word: str) -> None:
    assert not any("looks like a secret" in note for note in render(small(), {"set": [word]}, "1.0").notes)


@pytest.mark.parametrize(
    ("deployer", "way"),
    [("helm", "--set-secret"), ("helmfile", "--set-secret"), ("flux", "--set-secret"), ("argocd-helm", "--dynamic"),
     ("argocd", "name a Secret")],
)  # fmt: skip
def test_the_warning_names_a_way_that_the_deployer_has(deployer: str, way: str) -> None:
    notes = render(small(), {"deployer": deployer, "set": [f"operator:password={SECRET}"]}, "1.0").notes
    (note,) = (each for each in notes if "looks like a secret" in each)
    assert way in note
    assert deployer != "argocd" or "--" not in note


KEPT = {"setSecret": ["operator:auth.password=operator-login/the.password", "operator:note=/run/secrets/note"]}
FROM_SECRETS = {"setSecret": ["operator:auth.password=operator-login/the.password"]}


def read(data: bytes) -> Any:
    return YAML(typ="safe").load(data)


def install_sh(folder: Path, **request: Any) -> Path:
    """Return the install.sh of the operator of a Helm bundle."""
    return next(written(folder, **request).glob("*-operator/install.sh"))


def given_by(script: Path) -> None:
    """Have the stand-in for Helm write down what it is given by file, as Helm reads it: once, by the file's name."""
    text = script.read_text()
    reading = """for word; do
    case $word in
        */dev/fd/*) printf '%s %s=<%s>\\n' "$1" "${word%%=*}" "$(cat "${word#*=}" && printf .)" >>given ;;
    esac
done
"""
    script.write_text(text.replace('said="$*"\n', f'{reading}said="$*"\n', 1))


def given(programs: Standins) -> list[str]:
    file = programs.home / "given"
    return file.read_text().split(">\n")[:-1] if file.is_file() else []


def test_helm_is_given_what_is_kept_in_a_secret_and_in_a_file(programs: Standins, tmp_path: Path) -> None:
    given_by(programs.home / "bin" / "helm")
    kept = tmp_path / "note"
    kept.write_text("it's, a {note}\n\n")
    programs.set("objects/gpu.secret", 'h"un$(ter)2')
    words = [FROM_SECRETS["setSecret"][0], f"operator:note={kept}"]
    script = install_sh(tmp_path / "bundle", setSecret=words)
    for _ in range(2):  # the second time the chart is rendered for its CRDs, too
        run = programs.run(script)
        assert run.returncode == 0, run.stderr
    password, note = 'auth.password=<h"un$(ter)2\n.', "note=<it's, a {note}\n\n."
    assert given(programs) == [
        f"{what} {each}" for what in ("upgrade", "template", "upgrade") for each in (password, note)
    ]
    assert not any("ter)2" in line or "{note}" in line for line in programs.words())
    asked = [line for line in programs.words("kubectl get secret") if "operator-login" in line]
    assert all("--namespace gpu" in line and '"the.password"' in line for line in asked)
    assert not any((programs.home / "tmp").iterdir())


@pytest.mark.parametrize("word", ["operator:note=/nonexistent/note", "operator:note=nobody/key"])
def test_helm_is_not_started_without_a_value(programs: Standins, tmp_path: Path, word: str) -> None:
    run = programs.run(install_sh(tmp_path / "bundle", setSecret=[word]))
    assert run.returncode == 1
    assert "operator needs a value from the " in run.stderr
    assert not programs.words("helm")


@pytest.mark.parametrize("request_", [KEPT, FROM_SECRETS])
def test_scripts_with_secrets_are_sound(tmp_path: Path, request_: dict[str, list[str]]) -> None:
    folder = written(tmp_path, **request_)
    for script in folder.rglob("*.sh"):
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0, script
    assert "/dev/fd" not in (folder / "001-crds" / "install.sh").read_text()


def test_flux_takes_a_value_from_a_secret_behind_all_others() -> None:
    request = {"deployer": "flux", "dynamic": ["operator:driver.version"], **FROM_SECRETS}
    recipe = small(operator={"values": {"driver": {"version": "1"}, "auth": {"password": "", "user": "ann"}}})
    spec = read(render(recipe, request, "1.0").files["operator/helmrelease.yaml"])["spec"]
    kept = {"kind": "Secret", "name": "operator-login", "valuesKey": "the.password", "targetPath": "auth.password"}
    assert spec["valuesFrom"][-1] == kept
    assert spec["values"]["auth"] == {"user": "ann"}  # what stands in the release itself would count more


def test_helmfile_looks_up_what_is_kept() -> None:
    made = render(small(), {"deployer": "helmfile", **KEPT}, "1.0")
    (release,) = (
        each
        for path, data in made.files.items()
        if path.startswith("level-")
        for each in read(data)["releases"]
        if each["name"] == "operator"
    )
    assert release["values"][2:] == [
        {
            "auth": {"password": "ref+k8s://v1/Secret/gpu/operator-login/the.password"},
            "note": "ref+file:///run/secrets/note",
        }
    ]


def test_helmfile_does_not_take_secrets_from_another_cluster(programs: Standins, tmp_path: Path) -> None:
    script = tmp_path / "release.sh"
    script.write_bytes(render(small(), {"deployer": "helmfile", **KEPT}, "1.0").files["release.sh"])
    hook = ("before", "operator", "gpu", "chart", "1", "elsewhere", "folder", "any")
    refused = programs.run(script, *hook)
    assert (refused.returncode, "not elsewhere" in refused.stderr) == (1, True)
    assert not programs.words("helm")
    assert programs.run(script, "before", "metrics", *hook[2:]).returncode == 0


def test_an_upgrade_by_helmfile_renders_the_chart_with_text_for_what_it_looks_up(
    programs: Standins, tmp_path: Path
) -> None:
    script = tmp_path / "release.sh"
    script.write_bytes(render(small(), {"deployer": "helmfile", **KEPT}, "1.0").files["release.sh"])
    programs.set("releases/gpu.operator", "deployed")
    assert programs.run(script, "before", "operator", "gpu", "chart", "1", "", "folder", "any").returncode == 0
    (template,) = programs.words("helm template")
    assert "--set-string auth.password=- --set-string note=-" in template


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm"])
def test_argo_cd_takes_no_value_from_a_secret(deployer: str) -> None:
    with pytest.raises(InvalidRequest, match="--set-secret does not apply to the deployer"):
        read_options({"deployer": deployer, **FROM_SECRETS})


@pytest.mark.parametrize(
    "request_",
    [
        {"deployer": "flux", "setSecret": ["operator:note=/run/secrets/note"]},
        {"set": ["operator:auth.password=x"], **FROM_SECRETS},
        {"set": ["operator:auth.password.inner=x"], **FROM_SECRETS},
        {"setJson": ['operator:auth={"password":"x"}'], **FROM_SECRETS},
        {"setFile": ['operator:auth.password="x"'], **FROM_SECRETS},
        {"dynamic": ["operator:auth"], **FROM_SECRETS},
        {"setSecret": ["operator:auth.password=a/b", "operator:auth.password=c/d"]},
        {"setSecret": ["operator:auth.password=a/b", "operator:auth=c/d"]},
        {"setSecret": ["operator:driver=a/b"]},
        {"setSecret": ["operator:driver.version.inner=a/b"]},
        {"setSecret": ["operator:enabled=a/b"]},
        {"setSecret": ["settings:x=a/b"]},
        {"setSecret": ["nobody:x=a/b"]},
        {"set": ["metrics:enabled=false"], "setSecret": ["metrics:x=a/b"]},
    ],
)
def test_a_value_that_cannot_come_from_there_or_has_another_beside_it_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        render(small(), request_, "1.0")
    assert "--set-secret" in str(caught.value) or "--dynamic operator:auth" in str(caught.value)


@pytest.mark.parametrize("deployer", ["helm", "helmfile", "flux"])
def test_where_a_secret_is_kept_is_recorded_shown_and_proved(deployer: str) -> None:
    request = {"deployer": deployer, **FROM_SECRETS}
    made = render(small(), request, "1.0")
    assert read(made.files["options.yaml"])["spec"]["setSecret"] == FROM_SECRETS["setSecret"]
    assert not prove(made.files).differences
    assert b"the key the.password of the Secret operator-login" in made.files["README.md"]
    own = render(small(), {"deployer": deployer}, "1.0")
    (change,) = plan_value_changes(own.plan, made.plan)
    assert (change.path, change.before) == ("auth.password (read at install time)", "")
    assert "Secret operator-login" in change.after
    assert not any("looks like a secret" in note for note in made.notes)
