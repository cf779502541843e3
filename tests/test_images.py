"""The images as far as they can be judged without building them: pinned, complete, unprivileged.

Each guard is a function from text to findings, so that it is seen to fire on a made-up offender as well as to pass. The
interop tier builds them, twice.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tools" / "package"
CONTAINERFILES = {name: (PACKAGE / name / "Containerfile").read_text(encoding="utf-8") for name in ("agent", "client")}
LOCK = (PACKAGE / "requirements.txt").read_text(encoding="utf-8")
HANDED = ("${TARGETARCH}/",)
"""What `dev.py package` puts beside a Containerfile."""

_LOOSE = re.compile(r"\b(curl|wget|git clone|apt-get|apk|dnf|microdnf)\b")


def instructions(text: str) -> list[tuple[str, str]]:
    """Return keyword and rest of every instruction, its lines joined."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def loose(text: str) -> list[str]:
    """Return what in a Containerfile may be another thing tomorrow, or runs as more than nobody."""
    found = []
    steps = instructions(text)
    for word, rest in steps:
        if word == "FROM" and not (rest.startswith("${BASE}") or "@sha256:" in rest):
            found.append(f"{rest} is no digest")
        if word == "ARG" and rest.startswith("BASE="):
            found.append("BASE has a default")
        if word == "ADD":
            found.append("ADD fetches and unpacks")
        if word == "RUN":
            found.append("RUN needs a machine of each architecture")
        if word == "RUN" and _LOOSE.search(rest):
            found.append(f"RUN fetches with {_LOOSE.search(rest)[0]}")  # type: ignore[index]
        if word == "RUN" and re.search(r"pip install(?![^;]*(--require-hashes|--no-index))", rest):
            found.append("pip takes what is not listed by digest")
        if word == "COPY" and "--from=" not in rest:
            found += [f"{name} does not lie beside it" for name in rest.split()[:-1] if name not in HANDED]
    users = [rest for word, rest in steps if word == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1]):
        found.append("it runs as root, or as a name that Kubernetes cannot judge")
    return found


def locked(text: str) -> dict[str, tuple[str, int]]:
    """Return version and number of digests of every package in a lock file, by its name."""
    found = {}
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        head = re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry)
        if head:
            found[str(canonicalize_name(head[1]))] = (head[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)))
    return found


def wanted() -> list[Requirement]:
    """Return what pyproject.toml says the client needs, clusters included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["cluster"])]


@pytest.mark.parametrize("name", CONTAINERFILES)
def test_an_image_is_pinned_and_runs_as_nobody(name: str) -> None:
    assert loose(CONTAINERFILES[name]) == []


def test_the_lock_file_fits_what_the_client_needs() -> None:
    known = locked(LOCK)
    unmet = [
        str(each)
        for each in wanted()
        if not each.specifier.contains(known.get(canonicalize_name(each.name), ("0", 0))[0])
    ]
    assert unmet == [], "make tools/package/requirements.txt again; its first lines say how"


def test_every_locked_package_has_its_digests() -> None:
    known = locked(LOCK)
    assert len(known) > 20
    assert [name for name, (_, digests) in known.items() if not digests] == []


def test_the_lock_file_holds_nothing_but_packages_with_digests() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith("#")]
    cpython = r" ; [a-z_]+ != 'PyPy'( and [a-z_]+ != 'PyPy')?"
    entry = rf"([a-z0-9-]+==\S+({cpython})? \\$|    --hash=sha256:[0-9a-f]{{64}}( \\)?$)"
    odd = [line for line in lines if not re.match(entry, line)]
    assert odd == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("FROM python:3.13\nUSER 1", "is no digest"),
        ("ARG BASE=python:3.13\nFROM ${BASE}\nUSER 1", "has a default"),
        ("FROM ${BASE}\nADD https://example.org/x /\nUSER 1", "ADD"),
        ("FROM ${BASE}\nRUN apt-get update && \\\n  apt-get install x\nUSER 1", "apt-get"),
        ("FROM ${BASE}\nRUN pip install kubernetes\nUSER 1", "not listed by digest"),
        ("FROM ${BASE}\nRUN pip install --require-hashes -r r; pip install x\nUSER 1", "not listed by digest"),
        ("FROM ${BASE}\nRUN true\nUSER 1", "machine of each"),
        ("FROM ${BASE}\nCOPY . /app\nUSER 1", "does not lie beside it"),
        ("FROM ${BASE}\n", "root"),
        ("FROM ${BASE}\nUSER 1\nUSER 0", "root"),
        ("FROM ${BASE}\nUSER nobody", "root"),
    ],
)
def test_a_loose_end_is_found(text: str, what: str) -> None:
    assert [each for each in loose(text) if what in each]


def test_a_tight_one_passes() -> None:
    assert loose("FROM docker.io/x@sha256:0123\n# apt-get\nUSER 65532:65532") == []


def test_a_package_without_digests_is_seen() -> None:
    assert locked("a==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\nb==2\n") == {"a": ("1.0", 1), "b": ("2", 0)}
