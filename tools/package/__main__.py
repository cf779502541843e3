"""Build all that a release of this program consists of, into one folder; the same commit makes the same bytes.

usage: python3 tools/dev.py package [OPTION ...]
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from package import archive, image, sbom
from package.wheels import PYTHONS, ROOT, SYSTEMS, PackageError, Target, build_own, whole_set

EPOCH = 1580601600
"""By which a tree outside of Git is dated: hatchling's own choice, 2 February 2020."""
PINNED = ROOT / "tools" / image.PIN


def read_words(words: Sequence[str]) -> argparse.Namespace:
    """Return what a command line says."""
    parser = argparse.ArgumentParser(prog="dev.py package", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist" / "package", metavar="FOLDER")
    parser.add_argument("--agent-digest", metavar="DIGEST", help="digest of the agent's image, once it is published")
    parser.add_argument("--system", action="append", choices=SYSTEMS, help="make archives for these alone")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="have these alone in archives")
    parser.add_argument("--architecture", action="append", choices=image.ARCHITECTURES, help="images for these alone")
    parser.add_argument("--image-python", default=image.PYTHON, choices=PYTHONS, help="the Python of the base image")
    return parser.parse_args(words)


def commit_date() -> int:
    """Return the second since 1970 by which everything is dated: that of the commit that is built."""
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return EPOCH
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else EPOCH


def package(words: argparse.Namespace) -> None:
    """Build everything.

    Raises:
        PackageError: something cannot be built.
    """
    output: Path = words.output
    if words.agent_digest and not re.fullmatch(r"sha256:[0-9a-f]{64}", words.agent_digest):
        raise PackageError(f"{words.agent_digest} is no digest\n  hint: it is written sha256:… with 64 digits")
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    epoch = commit_date()
    own = own_wheel(output, epoch, digest=words.agent_digest)
    plain = own_wheel(output / "unpinned", epoch, digest=None) if words.agent_digest else own
    used: set[Path] = set()
    for name in words.architecture or image.ARCHITECTURES:
        target = image.target_of(name, words.image_python)
        # The agent is built first, so that the rest can name its digest; it cannot hold that itself.
        for kind, ours in (("agent", plain), ("client", own)):
            wheels = whole_set(ours, target)
            used.update(wheels[1:])
            image.write_root(image.RootFilesystem(kind, name, wheels), output / "image")
    for system in words.system or SYSTEMS:
        sets = {target.tag: whole_set(own, target) for target in (Target(each, system) for each in python_list(words))}
        used.update(wheel for wheels in sets.values() for wheel in wheels[1:])
        archive.write_archive(output / f"clusterbook-{system}.pyz", system, sets)
    shutil.rmtree(output / "unpinned", ignore_errors=True)
    (output / "clusterbook.cdx.json").write_text(sbom.sbom(own, used), encoding="utf-8")
    files = sorted(path for path in output.iterdir() if path.is_file())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (output / "SHA256SUMS").write_text(sums, encoding="utf-8")
    sys.stdout.write(sums)


def python_list(words: argparse.Namespace) -> Sequence[str]:
    """Return the Pythons that archives are for."""
    return words.python or PYTHONS


def own_wheel(folder: Path, epoch: int, *, digest: str | None) -> Path:
    """Return our wheel, built into `folder` beside our source archive; both hold the digest of the agent's image."""
    PINNED.unlink(missing_ok=True)
    try:
        if digest:
            PINNED.write_text(f"{digest}\n", encoding="ascii")
        return build_own(folder, epoch=epoch)[0]
    finally:
        PINNED.unlink(missing_ok=True)


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    try:
        package(read_words(words))
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)  # noqa: T201 (a program, not a module)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
