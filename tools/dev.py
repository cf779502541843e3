"""Everything a checkout can do, with only git and Python on the machine.

usage: python3 tools/dev.py COMMAND [ARGUMENT ...]

Arguments are handed on: `test`, `bench`, `fuzz`, `interop` and `browser` give theirs to pytest, `build` to
`clusterbook-build build`, `deploy-all` and `upgrade-all` to the modules of tests/interop that are called so, which say
which there are.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

# Before anything that an older Python cannot run: it must get as far as this message.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "dev.py: Python 3.11 or newer is needed, this is {}.{} ({})\n"
        "  hint: name a newer one, as in `python3.12 tools/dev.py build`".format(*sys.version_info[:2], sys.executable)
    )

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = str(BIN / "python")
STAMP = VENV / "clusterbook-stamp"
# The first two bring in modules from elsewhere; without bytecode every start compiles anew, and measures that.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")


class SetupError(Exception):
    """The environment cannot be set up; the text says why and what to type next."""


def stamp() -> str:
    """Return a digest of all that the environment depends on: Python, where the checkout lies, pyproject.toml."""
    parts = [sys.version.encode(), str(ROOT).encode(), (ROOT / "pyproject.toml").read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Hold a lock on the checkout, so that two calls do not set up the same environment at once."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    checkout = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX)
        yield
    finally:
        os.close(checkout)


def run(*command: str) -> int:
    """Return the exit status of `command`, run at the top of the checkout."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def set_up() -> None:
    """Make .venv fit this checkout; at once when it already does.

    Raises:
        SetupError: when Python lacks a part, or pip fails; the next call starts afresh.
    """
    with only_one_at_a_time():
        wanted = stamp()
        if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
            return
        print("dev.py: setting up .venv (once; a minute or two)")
        STAMP.unlink(missing_ok=True)
        if importlib.util.find_spec("ensurepip") is None:
            raise SetupError(
                "this Python cannot make a virtual environment: it has no ensurepip\n"
                "  hint: on Debian and Ubuntu, `apt-get install python3-venv`"
            )
        # Not sys.executable: that may be the very environment that --clear removes.
        base = str(getattr(sys, "_base_executable", None) or sys.executable)
        if run(base, "-m", "venv", "--clear", str(VENV)):
            raise SetupError("no virtual environment could be made, see above\n  hint: is .venv writable?")
        if run(PYTHON, "-m", "pip", "install", "--quiet", "--editable", ".[build,dev]"):
            raise SetupError(
                "pip could not install what pyproject.toml lists, see above\n"
                "  hint: without a way to PyPI, name a mirror: `export PIP_INDEX_URL=https://…`"
            )
        STAMP.write_text(wanted, encoding="utf-8")


def run_all(steps: Mapping[str, Sequence[str]]) -> int:
    """Return 0 when every step passed; all are run whatever happens, and those that failed are named at the end."""
    failed = []
    for name, command in steps.items():
        print(f"dev.py: {name}")
        if run(*command):
            failed.append(name)
    if failed:
        print(f"dev.py: failed: {', '.join(failed)}", file=sys.stderr)
        if any(name.startswith("ruff") for name in failed):
            print("  hint: `python3 tools/dev.py lint --fix` mends most of style", file=sys.stderr)
    return 1 if failed else 0


LINT: dict[str, Sequence[str]] = {
    "ruff check": (PYTHON, "-m", "ruff", "check", "."),
    "ruff format": (PYTHON, "-m", "ruff", "format", "--check", "."),
    "mypy": (PYTHON, "-m", "mypy"),
}
SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
"""File by file, since the tests of one share a cluster, a registry or a site; each worker has its own."""
TESTS_FAILED = 1
"""Pytest's exit status for that; others say that it could not run them."""
MAY_BE_UNSTEADY = 3
FUZZ = ("tests/bench/test_foreign_text.py", "tests/bench/test_killed.py")
WITH_HELM = ("tests/prove",)
"""Tests outside the interop tier that skip where there is no helm; there is one once the tier's tools are built."""


def build(arguments: Sequence[str]) -> int:
    """Build the catalog into dist/ and show what to do next."""
    set_up()
    return run(str(BIN / "clusterbook-build"), "build", *arguments)


def test(arguments: Sequence[str]) -> int:
    """Check style and types, and run the tests on what the sources say now."""
    set_up()
    fresh: dict[str, Sequence[str]] = {"clusterbook-build": (str(BIN / "clusterbook-build"), "build")}
    return run_all({**fresh, **LINT, "pytest": (PYTHON, "-m", "pytest", "-n", "auto", *arguments)})


def lint(arguments: Sequence[str]) -> int:
    """Check style and types only; `--fix` mends what can be mended."""
    set_up()
    if "--fix" in arguments:
        run(PYTHON, "-m", "ruff", "check", "--fix", "--quiet", ".")
        run(PYTHON, "-m", "ruff", "format", "--quiet", ".")
    return run_all(LINT)


def bench(arguments: Sequence[str]) -> int:
    """Measure the speeds that README states."""
    set_up()
    return run(
        PYTHON,
        "-m",
        "pytest",
        "-p",
        "no:xdist",
        "-s",
        "tests/bench",
        *(f"--ignore={path}" for path in FUZZ),
        *arguments,
    )


def fuzz(arguments: Sequence[str]) -> int:
    """Feed ten thousand texts to every parser of what others send, and kill a load a hundred times; for the night."""
    set_up()
    return run(PYTHON, "-m", "pytest", *SIDE_BY_SIDE[:-1], "load", *FUZZ, *arguments)


def golden(arguments: Sequence[str]) -> int:
    """Make the golden bundles again, for a change of deployers to show; `--recipes` takes their recipes anew."""
    set_up()
    return run(PYTHON, "-m", "tests.support.goldens", *arguments)


def side_by_side(*arguments: str) -> int:
    """Return pytest's exit status for tests on real programs; up to three that fail are tried once more, by themselves.

    Beside one another on a small machine, a wait can be too short without anything being wrong. What passed only the
    second time is named at the end, and its first failure stays in the output: it is to be looked into all the same.
    """
    cache = ROOT / ".pytest_cache" / "side-by-side"
    shutil.rmtree(cache, ignore_errors=True)
    remember = ("-o", f"cache_dir={cache}")
    status = run(PYTHON, "-m", "pytest", *SIDE_BY_SIDE, *remember, *arguments)
    failed = cache / "v" / "cache" / "lastfailed"
    if status != TESTS_FAILED or not failed.is_file():
        return status
    tests = sorted(json.loads(failed.read_text(encoding="utf-8")))
    if len(tests) > MAY_BE_UNSTEADY:
        return status
    print("dev.py: once more, by themselves:", *tests)
    if again := run(PYTHON, "-m", "pytest", *remember, *tests):
        return again
    print("dev.py: passed only the second time:", *tests, file=sys.stderr)
    return 0


def interop(arguments: Sequence[str]) -> int:
    """Test against the real tools, built with Go: Helm, registries, clusters."""
    set_up()
    # Whoever names tests gets the tools that those need, built on the way.
    if arguments:
        return run(PYTHON, "-m", "pytest", "tests/interop", *arguments)
    built = run(PYTHON, "-m", "tests.interop.toolchain")
    return built or side_by_side("tests/interop", *WITH_HELM)


def browser(arguments: Sequence[str]) -> int:
    """Test the catalog site in a real browser; without one the tests skip, in CI they fail."""
    set_up()
    return side_by_side("tests/browser", *arguments)


def package(arguments: Sequence[str]) -> int:
    """Build all that a release of this program consists of into dist/package/; `--help` says what can be left out."""
    set_up()
    return run(PYTHON, "-m", "package", *arguments)


def rename(arguments: Sequence[str]) -> int:
    """Publish under a repository of your own, OWNER/REPOSITORY: its name in the program, in README and in the guide."""
    if len(arguments) != 1 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+", arguments[0]):
        raise SetupError("a repository is named OWNER/REPOSITORY\n  hint: `python3 tools/dev.py rename acme/clusters`")
    [new], names = arguments, "tools/clusterbook/publisher/names.py"
    old = re.findall(r'^REPOSITORY = "(.+)"$', (ROOT / names).read_text(encoding="utf-8"), re.M)[0]
    listed = subprocess.run(["git", "ls-files", "README.md", "site/docs", ".github", names], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()  # fmt: skip
    folders = tuple(f"{each.partition('/')[2]}/tools" for each in (old, new))  # as `git clone` calls them
    renamed = {"github.com/": (old, new), "ghcr.io/": (old.lower(), new.lower()), "--repo ": (old, new),
               '= "': (old, new), "python3 ": folders}  # fmt: skip
    changed = 0
    for path in (ROOT / name for name in listed if name.endswith((".md", ".py"))):
        text = before = path.read_text(encoding="utf-8")
        for at, (was, is_now) in renamed.items():
            text = re.sub(rf"{re.escape(at + was)}(?![\w-])", at + is_now, text)
        if text != before:
            path.write_text(text, encoding="utf-8")
            print(f"dev.py: {path.relative_to(ROOT)}")
            changed += 1
    print(f"dev.py: {changed} files name {new} instead of {old}; read site/docs/guide/fork.md for the rest")
    return 0


def deploy_all(arguments: Sequence[str]) -> int:
    """Deploy every recipe, or those named, on a real control plane, and count those that come up."""
    set_up()
    return run(PYTHON, "-m", "tests.interop.deploy_all", *arguments)


def upgrade_all(arguments: Sequence[str]) -> int:
    """Take every recipe, or those named, from release to release on a real control plane, and count them."""
    set_up()
    return run(PYTHON, "-m", "tests.interop.upgrade_all", *arguments)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "build": build,
    "test": test,
    "lint": lint,
    "bench": bench,
    "fuzz": fuzz,
    "golden": golden,
    "interop": interop,
    "package": package,
    "browser": browser,
    "rename": rename,
    "deploy-all": deploy_all,
    "upgrade-all": upgrade_all,
}


def usage() -> str:
    """Return the help text: the head of this file and the first line of each command."""
    lines = [f"  {name:11} {(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join([(__doc__ or "").strip(), "", "commands:", *lines])


def main(words: Sequence[str]) -> int:
    """Return the exit status of the command named first in `words`."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"dev.py: no command '{words[0]}'\n  hint: one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return COMMANDS[words[0]](words[1:])
    except (SetupError, OSError) as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
