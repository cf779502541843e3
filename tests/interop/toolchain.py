"""The real tools that bundles are made for: which ones, at which version, and where their programs lie once built.

Each folder of tools/ is a Go module of its own, so that versions never mix; `go.mod` pins what is built and `go.sum`
what may be downloaded. Programs go to the user's cache, in a folder named by all that they depend on, so a second
call finds them without starting Go. Runs on the standard library alone.

usage: python -m tests.interop.toolchain [PROGRAM ...]      builds what is missing; default: all
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = Path(__file__).resolve().parent / "tools"

GO_MISSING = "Go is not on PATH, and the tools of the interop tier are built with it (https://go.dev/dl/)"

SIDE_BY_SIDE = 2  # sets built at once: while one links, which takes one core, the other compiles

# No C compiler needed, no trace of the machine in the programs, nothing fetched that go.sum does not name.
ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false", "GOWORK": "off"}

KUBERNETES = "1.36.3"
_K8S_VERSION = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES}",
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "36",
}
# Without these Helm believes that it renders for Kubernetes 1.20, and charts refuse to.
_HELM_VERSION = {
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": "1",
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": "36",
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": "1",
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": "36",
    "helm.sh/helm/v3/internal/version.version": "v3.22.0",
}


class GoMissingError(Exception):
    """There is no Go on this machine: the interop tier cannot run, which is no fault of the checkout."""


class GoTooOldError(Exception):
    """The Go on this machine is older than a tool's module asks for."""


class BuildError(Exception):
    """A tool does not build; the text ends with what Go said."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: the folder of tools/ that pins it, its package, and the variables that the linker sets.

    `beside` names a module and folders of it that are copied next to the program: what it needs and does not carry.
    """

    name: str
    folder: str
    package: str
    variables: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def ldflags(self) -> str:
        """The argument of `go build` that goes to the linker."""
        return " ".join(["-ldflags=-s", "-w", *(f"-X {name}={value}" for name, value in self.variables.items())])


def _table(*programs: Program) -> dict[str, Program]:
    return {program.name: program for program in programs}


# In the order in which tests need them: a cluster first.
PROGRAMS = _table(
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    *(
        Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", _K8S_VERSION)
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    ),
    Program("helm", "helm", "helm.sh/helm/v3/cmd/helm", _HELM_VERSION),
    Program("helm4", "helm4", "helm.sh/helm/v4/cmd/helm", {"helm.sh/helm/v4/internal/version.version": "v4.3.2"}),
    Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Program("kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    Program("helmfile", "helmfile", "github.com/helmfile/helmfile"),
    Program("crane", "containerregistry", "github.com/google/go-containerregistry/cmd/crane"),
    Program("referrers-registry", "containerregistry", "."),
    Program("registry", "distribution", "github.com/distribution/distribution/v3/cmd/registry"),
    Program("regctl", "regclient", "github.com/regclient/regclient/cmd/regctl"),
    Program("redis", "redis", "."),
    Program(
        "argocd",
        "argocd",
        "github.com/argoproj/argo-cd/v2/cmd",
        beside=("github.com/argoproj/argo-cd/v2", "manifests/crds"),
    ),
    Program("cosign", "cosign", "github.com/sigstore/cosign/v3/cmd/cosign"),
    Program("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
    Program("actionlint", "actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),
)


def cache() -> Path:
    """Return the folder that holds all built tools of this user."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "clusterbook" / "tools"


def home_of(program: Program) -> Path:
    """Return the folder of a program in the cache, named by its sources and its flags."""
    digest = hashlib.sha256(
        repr((program.package, program.ldflags, program.beside, sorted(ENVIRONMENT.items()), sys.platform)).encode()
    )
    for path in sorted((TOOLS / program.folder).iterdir()):
        digest.update(b"\0".join((path.name.encode(), path.read_bytes())))
    return cache() / digest.hexdigest()[:16]


def found(name: str) -> Path | None:
    """Return a program that was built before, or None."""
    path = home_of(PROGRAMS[name]) / name
    return path if path.is_file() else None


def program(name: str) -> Path:
    """Return a program, built first when the cache does not have it; other processes wait meanwhile.

    Raises:
        GoMissingError: it would have to be built, and Go is not on PATH.
        GoTooOldError: it would have to be built by a newer Go.
        BuildError: Go failed.
    """
    wanted = PROGRAMS[name]
    path = home_of(wanted) / name
    if path.is_file():
        return path
    if shutil.which("go") is None:
        raise GoMissingError(GO_MISSING)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_one_at_a_time(path.parent / "lock"):
        if not path.is_file():
            _build(wanted, path)
    return path


@contextlib.contextmanager
def _only_one_at_a_time(lock: Path) -> Iterator[None]:
    import fcntl  # not on Windows, where this tier does not run

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(wanted: Program, path: Path) -> None:
    """Build one program; it appears whole, after what goes beside it, or not at all."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        _go(wanted, "build", wanted.ldflags, "-o", str(unfinished), wanted.package)
        for folder in wanted.beside[1:]:
            module = _go(wanted, "list", "-m", "-f", "{{.Dir}}", wanted.beside[0]).strip()
            # Its owner made the module read-only, folders too: copy what is in the files, and no more.
            shutil.copytree(
                Path(module, folder), path.parent / folder, copy_function=shutil.copyfile, dirs_exist_ok=True
            )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _go(wanted: Program, *words: str) -> str:
    """Return what Go prints in the module of a program."""
    done = subprocess.run(
        ["go", *words], cwd=TOOLS / wanted.folder, env={**os.environ, **ENVIRONMENT},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()
        if "requires go >=" in said:
            raise GoTooOldError(f"{wanted.name}: {said.splitlines()[-1]}")
        raise BuildError(f"{wanted.name} does not build\n{said[-2000:]}")
    return done.stdout


def _build_and_tell(names: Sequence[str]) -> int:
    """Build the programs of one module, one line each; return how many failed."""
    failed = 0
    for name in names:
        start = time.monotonic()
        had = found(name) is not None
        try:
            size = program(name).stat().st_size
        except (GoTooOldError, BuildError) as error:
            failed += 1
            print(f"{name:24} failed after {time.monotonic() - start:.0f} s\n{error}", flush=True)
        else:
            how = "had already" if had else f"built in {time.monotonic() - start:.0f} s"
            print(f"{name:24} {how}, {size / 1e6:.0f} MB", flush=True)
    return failed


def main(names: Sequence[str]) -> int:
    """Build what is missing of `names`, or of all; return an exit status."""
    unknown = set(names) - set(PROGRAMS)
    if unknown:
        print(f"no tool {', '.join(sorted(unknown))}\n  hint: one of {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    folders: dict[str, list[str]] = {}
    for name in names or PROGRAMS:
        folders.setdefault(PROGRAMS[name].folder, []).append(name)
    if shutil.which("go") is None and any(found(name) is None for name in names or PROGRAMS):
        print(f"SKIPPED: {GO_MISSING}", flush=True)
        return 0
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return 1 if sum(pool.map(_build_and_tell, folders.values())) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
