"""All that a release consists of is built from sources, twice, and each part of it runs: wheel, archive, images.

The wheels of others come from PyPI, or from the user's cache, where the lock file's digests allow them.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import clusterbook
from clusterbook.publisher import names
from package.wheels import Target, locked_wheels
from tests.support import packages
from tests.support.packages import ARCHITECTURE, HERE, QUESTION, Image

DIGEST = f"sha256:{'5a' * 32}"

pytestmark = pytest.mark.skipif(not ARCHITECTURE or HERE.startswith("Darwin"), reason="images are of Linux alone")


@functools.cache
def own_answer() -> str:
    """Return what this checkout answers."""
    command = [sys.executable, "-m", "clusterbook.cli.main", *QUESTION]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def need(name: str) -> None:
    if not os.environ.get("CI") and not Path(sys.executable).with_name(name).is_file():
        pytest.skip(f"there is no {name}: `python3 tools/dev.py build` brings it")


class Built(NamedTuple):
    sources: Path
    output: Path

    @property
    def archive(self) -> Path:
        return self.output / f"clusterbook-{HERE}.pyz"

    @property
    def wheel(self) -> Path:
        (path,) = self.output.glob("*.whl")
        return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("package")
    sources = packages.copy_sources(folder / "sources")
    done = packages.package(sources, folder / "output", "--agent-digest", DIGEST)
    assert done.returncode == 0, done.stdout + done.stderr
    return Built(sources, folder / "output")


def clean(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has nothing but a home."""
    home.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(home), "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}


def answer(*command: str | Path, home: Path) -> str:
    """Return what a command prints to somebody who has no network."""
    words = ["unshare", "--net", *map(str, command)]
    return subprocess.run(words, env=clean(home), cwd=home, capture_output=True, text=True, check=True).stdout


def test_the_source_archive_makes_the_same_bytes(built: Built, tmp_path: Path) -> None:
    (archive,) = built.output.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    (sources,) = tmp_path.iterdir()
    done = packages.package(sources, tmp_path / "output", "--agent-digest", DIGEST)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = packages.tree(built.output), packages.tree(tmp_path / "output")
    first.pop(archive.name), second.pop(archive.name), first.pop("SHA256SUMS"), second.pop("SHA256SUMS")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_sums_cover_every_file(built: Built) -> None:
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=built.output, capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == len([path for path in built.output.iterdir() if path.is_file()]) - 1


# --- the single-file archive ------------------------------------------------------------------------------------------


def test_the_archive_answers_at_its_first_start_and_later(built: Built, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(2):
        assert answer(sys.executable, built.archive, *QUESTION, home=home) == own_answer()
    assert [path.name for path in home.rglob("cp*") if path.parent.parent.name == "archive"] == [
        f"cp{packages.PYTHON.replace('.', '')}"
    ]
    assert answer(built.archive, "version", home=home) == f"clusterbook {clusterbook.__version__}\n"


def test_the_archive_does_what_needs_every_dependency(built: Built, tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(sys.executable, built.archive, "bundle", "h100-eks-training", "-o", "bundle", home=home)
    words = ("verify", "bundle", "--min-trust-level", "unverified")
    assert answer(sys.executable, built.archive, *words, home=home)
    assert "TrustPolicy" not in answer(sys.executable, built.archive, "trust", "show", home=home)
    said = answer(sys.executable, built.archive, "snapshot", "--format", "json", home=home)
    assert json.loads(said)["kind"] == "Snapshot"


def test_a_link_to_the_archive_is_the_build_tool(built: Built, tmp_path: Path) -> None:
    link = tmp_path / "clusterbook-build"
    link.symlink_to(built.archive)
    assert answer(sys.executable, link, "--version", home=tmp_path) == f"clusterbook-build {clusterbook.__version__}\n"


def test_many_first_starts_at_once_unpack_one_whole_folder(built: Built, tmp_path: Path) -> None:
    words = [sys.executable, str(built.archive), *QUESTION]
    started = [
        subprocess.Popen(words, env=clean(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate() for process in started] == [(own_answer(), "")] * 3
    (folder,) = (tmp_path / ".cache/clusterbook/archive").iterdir()
    assert [path.name for path in folder.iterdir()] == [f"cp{packages.PYTHON.replace('.', '')}"]


def refused(archive: Path, home: Path, **environment: str) -> str:
    """Return what an archive says that does not start."""
    words = [sys.executable, str(archive), "version"]
    done = subprocess.run(words, env=clean(home) | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def changed(archive: Path, target: Path, **targets: object) -> Path:
    """Return an archive of others' targets."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in ("__main__.py", "unpack.py"):
            new.writestr(name, old.read(name))
        new.writestr("targets.json", json.dumps({**json.loads(old.read("targets.json")), **targets}))
    return target


def test_an_archive_for_another_machine_or_python_says_so(built: Built, tmp_path: Path) -> None:
    other = changed(built.archive, tmp_path / "other.pyz", system="Darwin-arm64")
    assert f"this archive is for Darwin-arm64, and this is {HERE}" in refused(other, tmp_path)
    other = changed(built.archive, tmp_path / "other.pyz", wheels={"cp399": []})
    said = refused(other, tmp_path)
    assert f"this archive is for CPython 3.99, and this is {sys.version.split()[0]}" in said
    assert "hint: name another" in said


def test_an_archive_that_cannot_be_unpacked_says_where_it_could(built: Built, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    said = refused(built.archive, tmp_path, XDG_CACHE_HOME=str(tmp_path / "taken"))
    assert "hint: name a folder that can be written: `export XDG_CACHE_HOME=…`" in said


def test_the_archive_brings_manual_pages(built: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.archive) as opened:
        for name in opened.namelist():
            if name.startswith("share/"):
                opened.extract(name, tmp_path)
    assert len([*(tmp_path / "share/man/man1").glob("clusterbook*.1")]) > 40


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """Give both images as their Containerfiles make them, on the Python of this machine's own system."""
    base = Path("/usr/bin") / f"python{packages.PYTHON}"
    if os.geteuid() != 0 or not base.is_file() or shutil.which("unshare") is None:
        pytest.skip(f"an image is run by root, and with {base}")
    folder = tmp_path_factory.mktemp("images")
    folder.chmod(0o755)
    for above in folder.parents[:2]:
        above.chmod(0o755)
    return {name: Image.build(built.output / "image" / name, folder / name / "root") for name in ("agent", "client")}


def test_the_client_image_answers(images: dict[str, Image]) -> None:
    done = images["client"].run(*QUESTION)
    assert (done.stdout, done.stderr) == (own_answer(), "")
    assert "Usage: clusterbook" in images["client"].run().stdout


def test_the_client_image_runs_the_agent_that_was_released_with_it(images: dict[str, Image]) -> None:
    done = images["client"].run("snapshot", "--print-manifests")
    assert f"image: {names.AGENT_IMAGE}:v{clusterbook.__version__}@{DIGEST}\n" in done.stdout


def test_the_agent_image_captures_a_snapshot_as_nobody(images: dict[str, Image]) -> None:
    assert images["agent"].user == "65532:65532"
    done = images["agent"].run(*images["agent"].command, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {each["type"] for each in json.loads(done.stdout)["measurements"]} >= {"OS"}


def test_the_agent_image_does_not_depend_on_its_own_digest(built: Built, tmp_path: Path) -> None:
    done = packages.package(built.sources, tmp_path, "--agent-digest", f"sha256:{'6b' * 32}")
    assert done.returncode == 0, done.stderr
    assert packages.tree(tmp_path / "image/agent") == packages.tree(built.output / "image/agent")
    assert packages.tree(tmp_path / "image/client") != packages.tree(built.output / "image/client")
    assert not (built.sources / "tools/clusterbook/publisher/agent.digest").exists()


def test_everything_that_is_installed_says_which_agent_it_runs(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        assert wheel.read("clusterbook/publisher/agent.digest").decode() == f"{DIGEST}\n"
    (source,) = built.output.glob("*.tar.gz")
    with tarfile.open(source) as opened:
        (pin,) = (name for name in opened.getnames() if name.endswith("publisher/agent.digest"))
        file = opened.extractfile(pin)
        assert file is not None
        assert file.read().decode() == f"{DIGEST}\n"


def test_a_wrong_digest_is_refused(built: Built, tmp_path: Path) -> None:
    done = packages.package(built.sources, tmp_path, "--agent-digest", "latest")
    assert (done.returncode, "latest is no digest" in done.stderr) == (1, True)


def test_buildah_makes_the_same_image_each_time(built: Built, tmp_path: Path) -> None:
    if shutil.which("buildah") is None or os.geteuid() != 0:
        pytest.skip("an image is built by root, and by buildah")
    places = ["--storage-driver", "vfs", "--root", str(tmp_path / "storage"), "--runroot", str(tmp_path / "run")]

    def buildah(*words: str | Path) -> str:
        command = ["unshare", "--net", "buildah", *places, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    base = tmp_path / "base"
    base.mkdir()
    (base / "Containerfile").write_text("FROM scratch\nCOPY Containerfile /etc/base\n")
    build = ("build", "--quiet", "--isolation", "chroot", "--timestamp", "0")
    buildah(*build, "--tag", "localhost/base", base)
    arguments = {"BASE": "localhost/base", "VERSION": clusterbook.__version__, "SOURCE": names.SOURCE}
    words = [*build, "--no-cache", "--platform", f"linux/{ARCHITECTURE}"]
    words += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    for image in ("agent", "client"):
        context = built.output / "image" / image
        first, second = (buildah(*words, context).splitlines()[-1] for _ in range(2))
        assert first == second
        buildah("push", "--quiet", first, f"oci:{tmp_path / image}")
        config = oci_config(tmp_path / image)
        assert config["User"] == "65532:65532"
        assert config["Entrypoint"] == ["python3", "-m", "clusterbook.cli.main"]
        assert "PYTHONPATH=/opt/clusterbook" in config["Env"]
        assert config["Labels"]["org.opencontainers.image.version"] == clusterbook.__version__
        assert config["Labels"]["org.opencontainers.image.source"] == names.SOURCE


def oci_config(layout: Path) -> dict[str, Any]:
    """Return how the one image of an OCI layout is run."""

    def blob(digest: str) -> Any:
        return json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())

    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    return dict(blob(blob(entry["digest"])["config"]["digest"])["config"])


# --- the lines of README and guide ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheelhouse(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of wheels that stands for PyPI."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    for wheel in (built.wheel, *locked_wheels(Target(packages.PYTHON, HERE))):
        shutil.copy(wheel, folder)
    own = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "pip"]
    subprocess.run(own, check=True)  # which pipx wants newer than what Python brings
    return folder


def line(program: str) -> str:
    """Return the line that installs with a program, without what is said about it."""
    (found,) = (each for each in names.INSTALL if each.startswith(f"{program} "))
    return found.partition("    #")[0]


def installed(*words: str, home: Path, **environment: str) -> Path:
    """Return where a line that installs for somebody without a network puts programs."""
    programs = home / ".local" / "bin"
    said = subprocess.run(
        ["unshare", "--net", *words], env=clean(home) | environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert {path.name for path in programs.iterdir()} == {"clusterbook", "clusterbook-build"}
    assert answer(programs / "clusterbook", *QUESTION, home=home) == own_answer()
    assert answer(programs / "clusterbook-build", "--version", home=home).startswith("clusterbook-build ")
    return programs


def test_pipx_installs_it_with_manual_pages(wheelhouse: Path, tmp_path: Path) -> None:
    need("pipx")
    packages_of = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse), "PIPX_DEFAULT_BACKEND": "pip"}
    installed(*line("pipx").split(), home=tmp_path, **packages_of)
    pages = {path.name for path in (tmp_path / ".local/share/man/man1").iterdir()}
    assert {"clusterbook.1", "clusterbook-build.1", "clusterbook-fetch-bundle.1"} <= pages


def test_uv_installs_it(wheelhouse: Path, tmp_path: Path) -> None:
    need("uv")
    words = names.INSTALL[0].partition("# or: ")[2].split()
    assert words[0] == "uv"
    more = {"UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheelhouse), "UV_PYTHON": sys.executable}
    installed(*words, home=tmp_path, **more)


def test_the_single_file_is_fetched_by_its_name_and_installed_as_the_guide_says(built: Built, tmp_path: Path) -> None:
    address = line("curl").split()[2].removesuffix("-$(uname")
    assert line("curl").endswith(f" {address}-$(uname -s)-$(uname -m).pyz")
    assert address == f"{names.SOURCE}/releases/latest/download/clusterbook"
    served = tmp_path / "served" / address.removeprefix("https://github.com/")
    served.parent.mkdir(parents=True)
    shutil.copy(built.archive, f"{served}-{HERE}.pyz")
    fetched = line("curl").replace("https://github.com", f"file://{tmp_path}/served")
    guide = (packages.ROOT / "site/docs/guide/install.md").read_text(encoding="utf-8")
    (then,) = re.findall(r"```sh\n(install .*?)```", guide, re.DOTALL)
    script = f"set -e; mkdir -p ~/.local/bin\n{fetched}\n{then}"
    home = tmp_path / "home"
    subprocess.run(["sh", "-c", script], cwd=home, env=clean(home), check=True, capture_output=True)
    assert answer(home / ".local/bin/clusterbook", *QUESTION, home=home) == own_answer()
    said = answer(home / ".local/bin/clusterbook-build", "--version", home=home)
    assert said == f"clusterbook-build {clusterbook.__version__}\n"


def test_the_container_does_what_its_line_says(images: dict[str, Image]) -> None:
    words = line("docker").split()
    at = words.index(names.CLIENT_IMAGE)
    assert words[:at] == ["docker", "run", "--rm"]
    done = images["client"].run(*words[at + 1 :])
    assert "h100-eks-training" in done.stdout


def test_a_checkout_is_called_like_its_repository() -> None:
    clone, _, address, _, _, tool, *_ = line("git").split()
    assert (clone, tool) == ("git", f"{address.rpartition('/')[2]}/tools/dev.py")


# --- SBOM -------------------------------------------------------------------------------------------------------------


def test_the_sbom_is_valid_and_names_all_that_is_installed(built: Built) -> None:
    text = (built.output / "clusterbook.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    with zipfile.ZipFile(built.archive) as opened:
        held = {name.removeprefix("wheels/") for name in opened.namelist() if name.startswith("wheels/")}
    described = [*document["components"], document["metadata"]["component"]]
    assert held <= {file["url"] for each in described for file in each["externalReferences"]}
    assert document["metadata"]["component"]["version"] == clusterbook.__version__
