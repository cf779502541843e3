"""Commands about what was published: run exactly as printed, against releases that were published and signed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.site import commands
from clusterbook.site.commands import Instruction
from tests.support import publications, sites
from tests.support.publications import Publisher

SLUG, VERSION, SOURCE = "eks", "1.1.0", "published"


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Return whoever has published July to the layout `published` in its folder."""
    found = publications.publisher(tmp_path_factory.mktemp("site-published"))
    found.publish(publications.layout(found.key.parent / SOURCE))
    return found


def believe(publisher: Publisher, folder: Path) -> None:
    """Write down that the publisher is believed, where a user does."""
    folder.mkdir(parents=True)
    head = "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: ours}\nspec:\n"
    (folder / "trust.yaml").write_text(f"{head}  signers:\n    - key: {publisher.key}\n", encoding="utf-8")


@pytest.mark.parametrize("step", commands.version_instructions(SLUG, VERSION, SOURCE), ids=lambda step: step.title)
def test_what_was_published_is_used_as_printed(
    step: Instruction,
    publisher: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / SOURCE).symlink_to(publisher.key.parent / SOURCE)
    monkeypatch.chdir(tmp_path)
    believe(publisher, tmp_path / "config" / "clusterbook")
    environment = {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "CLUSTERBOOK_NO_CHARTS": "1",  # they lie elsewhere
        "CLUSTERBOOK_NO_IMAGES": "1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for line in step.lines:
        program, *words = shlex.split(line)
        assert program == "clusterbook"
        assert main.run(words, environment) == 0, capsys.readouterr().err


def test_who_does_not_believe_the_signer_gets_nothing(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SOURCE).symlink_to(publisher.key.parent / SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    _, *words = shlex.split(commands.version_instructions(SLUG, VERSION, SOURCE)[0].lines[0])
    assert main.run(words, {"HOME": str(tmp_path)}) != 0
    assert not (tmp_path / "bundle").exists()


def test_a_registry_is_also_pulled_from_with_oras() -> None:
    steps = {step.title: step for step in commands.version_instructions(SLUG, VERSION, "oci://registry.example/book")}
    assert steps["oras"].lines == ("oras pull registry.example/book/recipes/eks:1.1.0",)


def test_pages_print_them_for_the_version_they_show_and_say_who_signs() -> None:
    old = sites.whole()["recipes/eks/1.0.0.html"].decode()
    assert "clusterbook fetch bundle eks@1.0.0 --deployer helm --from oci://registry.example/book -o bundle" in old
    assert "https://token.actions.githubusercontent.com" in old
    assert "release\\.yml@refs" in old
    unreleased = sites.whole()["recipes/eks.html"].decode()
    assert "clusterbook fetch bundle eks@1.1.0" in unreleased  # what was released, by its version
