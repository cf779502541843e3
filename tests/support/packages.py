"""What a release consists of, built from a copy of the sources; and images run without a container runtime."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (".gitignore", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "recipes", "schemas", "tools")
HERE = f"{os.uname().sysname}-{os.uname().machine}"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "")
QUESTION = "query --service eks --accelerator h100 --intent training --selector components.gpu-operator.version".split()


def copy_sources(folder: Path) -> Path:
    """Return a copy of what a release is built from, without anything that a build writes."""
    ignored = shutil.ignore_patterns("__pycache__", "index", "man1", "words.json")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def package(sources: Path, output: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Build a release out of sources, for this machine alone, as `dev.py package` does."""
    only = ["--system", HERE, "--python", PYTHON, "--architecture", ARCHITECTURE, "--image-python", PYTHON]
    code = f"import runpy, sys; sys.path.insert(0, {str(sources / 'tools')!r})"
    code += "; runpy.run_module('package', run_name='__main__')"
    command = [sys.executable, "-c", code, "-o", str(output), *only, *words]
    return subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and bytes of every file below a folder, by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes()) for path in files}


@dataclass
class Image:
    """What a Containerfile says of an image, as far as ours say anything; `root` is its root file system."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    @classmethod
    def build(cls, context: Path, root: Path) -> Image:
        """Return the image of a Containerfile, whose files are laid below `root`.

        Raises:
            AssertionError: it holds an instruction that is not followed here.
        """
        text = (context / "Containerfile").read_text(encoding="utf-8")
        joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
        image = cls(root)
        for line in filter(None, joined.splitlines()):
            word, _, rest = line.partition(" ")
            rest = rest.replace("${TARGETARCH}", ARCHITECTURE)
            if word == "COPY":
                source, target = rest.split()
                shutil.copytree(context / source, root / target.lstrip("/"), dirs_exist_ok=True)
            elif word == "ENV":
                image.environment |= dict(each.split("=", 1) for each in shlex.split(rest))
            elif word == "USER":
                image.user = rest
            elif word == "WORKDIR":
                image.folder = rest
                (root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif word == "ENTRYPOINT":
                image.entrypoint = eval(rest)  # noqa: S307 (our own file: a list of words)
            elif word == "CMD":
                image.command = eval(rest)  # noqa: S307
            else:
                assert word in ("ARG", "FROM", "LABEL"), line
        return image

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the image's program as a container would: its own root, user, folder and environment, and no network.

        The machine's own Python stands in for that of the base image.
        """
        mounts = "".join(
            f"mkdir -p {self.root}/{name}; mount --rbind /{name} {self.root}/{name}\n"
            for name in ("usr/bin", "usr/lib", "usr/lib64", "proc", "dev")
            if Path("/", name).is_dir()
        )
        links = "".join(f"ln -sfn usr/{name} {self.root}/{name}\n" for name in ("bin", "lib", "lib64"))
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", **self.environment}
        inside = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        inside += ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.folder, *self.entrypoint, *(words or self.command)]
        script = f"set -e\n{mounts}{links}exec chroot --userspec={self.user} {self.root} {shlex.join(inside)}\n"
        return subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-c", script], capture_output=True, text=True, check=False
        )
