"""README and guide: every link leads somewhere, on GitHub as on the site, and every command that they show works.

Commands run page by page in one folder, as a reader would type them, on the frozen catalog: published into a layout in
place of oci://HOST/BASE, with a snapshot in place of a cluster. What cannot run here is named with the test that does.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from clusterbook.cli import build_main, main
from clusterbook.inputs.config_example import EXAMPLE
from tests.support import frozen, pictures, sites
from tests.support.publications import Publisher

OURS = Path(__file__).resolve().parents[1]
GUIDE = OURS / "site/docs/guide"
PAGES = [OURS / "README.md", *sorted(GUIDE.glob("*.md"))]
IDS = [page.relative_to(OURS).as_posix() for page in PAGES]

OWN_TESTS = {
    "aicr.md": "tests/contract/test_guide_aicr.py",
    "configure.md": "tests/cli/test_configure_guide.py",
    "customise.md": "tests/test_readme.py",
    "evidence.md": "tests/site/test_evidence.py",
    "keys.md": "tests/artifacts/test_root.py",
}
"""Pages whose commands a test of their own runs."""
ELSEWHERE = {
    r"clusterbook snapshot .*": "tests/interop/test_snapshot_cluster.py",
    r"clusterbook bundle .*--keyless.*": "tests/cli/test_sign_and_push.py",
    r"clusterbook mirror list .*--check": "tests/mirror/test_images.py",
    r"clusterbook-build serve": "tests/site/test_preview.py",
    r"clusterbook-build prove .*": "tests/prove/test_run.py",
    r"clusterbook-build (publish|release|build|site|check) ?.*": "tests/cli/test_build_commands.py",
    r"clusterbook verify oci://HOST/BASE/helm/\S+": "tests/verify/test_verify.py",
    r"clusterbook diff 2026.7.0 2026.11.0": "tests/cli/test_diff_named.py",
}
"""What needs a cluster, a login, helm, or more time than it is worth, and where it runs."""
BEFORE = {"upgrade.md": "clusterbook bundle h100-eks-ubuntu-training -o bundle"}
"""What the reader of a page has typed before."""
DIFFERS = (r"clusterbook mirror list .*",)
"""Commands that end with 10 here, as they say they do."""


class Line(NamedTuple):
    """A command line of a page."""

    page: str
    text: str


def blocks(page: Path) -> Iterator[str]:
    """Yield the text of each block of a page that is for a shell."""
    yield from re.findall(
        r"^```(?:sh|bash)[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def typed(page: Path) -> list[str]:
    """Return the command lines of ours on a page, without their comments."""
    lines = "".join(blocks(page)).replace("\\\n", " ").splitlines()
    plain = [shlex.join(shlex.split(line, comments=True)) for line in lines]
    return [line for line in plain if line.startswith(("clusterbook ", "clusterbook-build "))]


@cache
def commands() -> dict[str, click.Command]:
    """Return every command there is, by what is typed for it."""
    found: dict[str, click.Command] = {}

    def add(path: str, command: click.Command) -> None:
        found[path] = command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for word in command.list_commands(context):
                below = command.get_command(context, word)
                assert below is not None
                add(f"{path} {word}", below)

    for name, program in sites.PROGRAMS.items():
        add(name, program)
    return found


def spoken(page: Path) -> list[str]:
    """Return all that a page calls a command of ours, in blocks and in its sentences."""
    text = page.read_text(encoding="utf-8")
    spans = [span for span in re.findall(r"`(clusterbook(?:-build)? [a-z][^`]*)`", text) if "\n" not in span]
    return [*typed(page), *spans]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_and_flag_that_a_page_names_is_there(page: Path) -> None:
    for line in spoken(page):
        words = shlex.split(line, comments=True)
        path = next((" ".join(words[:size]) for size in (3, 2) if " ".join(words[:size]) in commands()), None)
        assert path, line
        known = {name for param in commands()[path].params for name in (*param.opts, *param.secondary_opts)}
        flags = {word.partition("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
        assert flags <= {*known, "--quiet", "--debug", "--log-json", "--no-color", "--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere_on_github(page: Path) -> None:
    tracked = set(
        subprocess.run(["git", "ls-files"], cwd=OURS, capture_output=True, text=True, check=True).stdout.split()
    )
    folders = {parent.as_posix() for name in tracked for parent in Path(name).parents}
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for target in (one or other for one, other in targets):
        if own := re.match(r"https://github\.com/clusterbook/clusterbook/(?:blob|tree)/main/(.+)", target):
            where = own[1]
        elif "://" in target:
            continue
        else:
            where = (page.parent / target).resolve().relative_to(OURS).as_posix()
        assert where in tracked | folders, target


def test_the_site_has_every_page_of_the_guide() -> None:
    pages = {path for path in sites.whole() if path.startswith("guide/")}
    assert {f"guide/{page.stem}.html" for page in PAGES[1:]} <= pages
    for page in PAGES[1:]:
        assert f"guide/{page.name}" in (OURS / "site/mkdocs.yml").read_text(encoding="utf-8"), page.name


def test_a_page_that_is_generated_is_whole_on_the_site() -> None:
    for name in ("commands", "errors", "findings"):
        assert "this page is complete on the catalog" in (GUIDE / f"{name}.md").read_text(encoding="utf-8")
        assert b"this page is complete on the catalog" not in sites.whole()[f"guide/{name}.html"]


def test_what_runs_elsewhere_has_a_test() -> None:
    assert [path for path in (*OWN_TESTS.values(), *ELSEWHERE.values()) if not (OURS / path).is_file()] == []
    lines = [line for page in PAGES for line in typed(page)]
    assert [
        pattern for pattern in (*ELSEWHERE, *DIFFERS) if not any(re.fullmatch(pattern, each) for each in lines)
    ] == []


class Desk(NamedTuple):
    """Where a reader types: a checkout with an index, a published catalog and its key, and a cluster's snapshot."""

    folder: Path

    def translate(self, line: str) -> list[str]:
        """Return a line with what is there in place of what it stands for."""
        text = line.replace("oci://HOST/BASE", "oci-layout:published").replace(
            "oci://registry.corp/clusterbook", "oci-layout:far"
        )
        text = re.sub(r"oci://registry\.corp/stacks/(\w+):", r"oci-layout:stacks-\1:", text)
        words = shlex.split(text.replace(" SLUG", " h100-eks-training"))
        if words[1:3] == ["mirror", "save"]:
            words += ["--no-charts", "--no-images"]
        if words[1:3] == ["mirror", "load"]:
            words = [word for word in words if word not in ("--relocation", "moved.yaml", "--containerd", "certs.d")]
        return words

    def type(self, line: str) -> int:
        """Return the exit status of a line."""
        program, *words = self.translate(line)
        here = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        if program == "clusterbook-build":
            return build_main.run(words)
        path = next(name for name in (" ".join(words[:2]), words[0]) if f"clusterbook {name}" in commands())
        takes = {param.name for param in commands()[f"clusterbook {path}"].params}
        return main.run(words, {**here, **({"CLUSTERBOOK_SOURCE": "index"} if "source" in takes else {})})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Give a checkout of the frozen catalog with two releases, published into the layout beside it."""
    folder = tmp_path_factory.mktemp("desk")
    found = frozen.publisher(folder)
    words = ["--from", f"oci-layout:{folder / 'published'}", "--key", str(found.key), "-o", str(folder / "mirror.tar")]
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    assert main.run(["mirror", "save", "h100-eks-ubuntu-training", "--no-charts", "--no-images", *words], home) == 0
    return found


@pytest.fixture
def desk(published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(published.checkout, tmp_path, dirs_exist_ok=True)
    shutil.copytree(published.checkout.parent / "published", tmp_path / "published")
    shutil.copy(published.checkout.parent / "mirror.tar", tmp_path)
    shutil.copy(published.key, tmp_path / "cosign.pub")
    for name in ("our", "cosign"):
        shutil.copy(published.key.with_suffix(".key"), tmp_path / f"{name}.key")
    shutil.copy(published.key, tmp_path / "our.pub")
    shutil.copy(frozen.SNAPSHOT, tmp_path / "cluster.yaml")
    shutil.copy(frozen.SNAPSHOT, tmp_path / "cluster-monday.yaml")
    (tmp_path / ".config/clusterbook").mkdir(parents=True)
    (tmp_path / ".config/clusterbook/trust.yaml").write_text(
        "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: ours}\nspec:\n  signers:\n"
        f"    - key: {published.key}\n"
    )
    (tmp_path / "cluster.config.yaml").write_text(EXAMPLE)
    (tmp_path / "snapshots").mkdir()
    shutil.copy(frozen.SNAPSHOT, tmp_path / "snapshots/one.yaml")
    frozen.write_index(tmp_path / "index", frozen.few())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Desk(tmp_path)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in OWN_TESTS and typed(page)], ids=lambda page: page.name
)
def test_the_commands_of_a_page_work_one_after_the_other(
    page: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in [*([BEFORE[page.name]] if page.name in BEFORE else []), *typed(page)]:
        if any(re.fullmatch(pattern, line) for pattern in ELSEWHERE):
            continue
        status = desk.type(line)
        said = capsys.readouterr()
        assert status == (10 if any(re.fullmatch(each, line) for each in DIFFERS) else 0), (
            line,
            said.out[-2000:],
            said.err,
        )


def test_the_session_in_the_picture_is_what_the_program_says() -> None:
    for name, text in pictures.session_pictures().items():
        shown = (pictures.HOME / name).read_text(encoding="utf-8")
        assert shown == text, "make it again: python -m tests.support.pictures"
