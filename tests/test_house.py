"""How the house is kept: which way imports go, that the core is pure, what lies where, how long a module gets.

Each guard is a function from text to findings, so that it is seen to fire on a made-up offender as well as to pass.
"""

from __future__ import annotations

import ast
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"

LAYERS = ("core", "client", "build")  # each may import itself and what stands before it

# Whoever adds a name here says: it reads no disk, network, clock, environment or randomness, and prints nothing.
PURE = frozenset(
    """
    __future__ abc base64 binascii bisect collections contextlib copy dataclasses datetime decimal difflib enum fnmatch
    functools graphlib hashlib heapq html ipaddress itertools json keyword math numbers operator re reprlib shlex string
    struct textwrap types typing unicodedata urllib.parse zlib
    jmespath packaging pydantic pydantic_core rfc8785 ruamel typing_extensions
    clusterbook.core
    """.split()
)
IMPURE_NAMES = frozenset({"__import__", "breakpoint", "eval", "exec", "exit", "input", "open", "print", "quit"})
IMPURE_METHODS = frozenset(
    {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes", "file_digest"}
)

TOP_LEVEL = frozenset(
    "pyproject.toml README.md LICENSE NOTICE .gitignore .ci .github recipes registry schemas site tools tests".split()
)
PACKAGE = frozenset({"__init__.py", "py.typed", *LAYERS})

LONGEST_MODULE_LINES = 400

HEAVY = frozenset(
    "pydantic pydantic_core ruamel _ruamel_yaml requests urllib3 jinja2 oras sigstore cryptography rfc8785"
    " kubernetes yaml".split()
)

# Where somebody's own machine keeps things. Nodes have such paths as well: GKE's drivers lie in /home/kubernetes.
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:work|root|opt/wheels|home/(?!kubernetes)\w+|Users/\w+)/|\.pyenv\b")


# --- guards: text in, findings out ------------------------------------------------------------------------------------


def imports(source: str, module: str = "clusterbook.core.x", *, package: bool = False) -> list[tuple[int, str]]:
    """Return line and dotted name of every import in `source`, wherever it stands; `from a import b` gives `a.b`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            above = parts[: len(parts) - node.level + package] if node.level else []
            stem = ".".join([*above, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{stem}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            found += [(node.lineno, str(arg.value)) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return sorted(found)


def wrong_way(source: str, module: str, *, package: bool = False) -> list[str]:
    """Return the imports by which `module` reaches into a layer that stands after its own."""
    own = module.split(".")[1:2]
    allowed = LAYERS[: LAYERS.index(own[0]) + 1] if own and own[0] in LAYERS else ()
    return [
        f"{module}:{line} imports {name}"
        for line, name in imports(source, module, package=package)
        if name.startswith("clusterbook.") and (layer := name.split(".")[1]) in LAYERS and layer not in allowed
    ]


def impurities(source: str, module: str = "clusterbook.core.x", *, package: bool = False) -> list[str]:
    """Return what in a module of the core touches the world outside its arguments."""
    found = [
        f"{module}:{line} imports {name}"
        for line, name in imports(source, module, package=package)
        if not any(f"{name}.".startswith(f"{pure}.") for pure in PURE)
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in IMPURE_NAMES:
            found.append(f"{module}:{node.lineno} uses {node.id}")
        elif isinstance(node, ast.Attribute) and node.attr in IMPURE_METHODS:
            found.append(f"{module}:{node.lineno} uses {ast.unparse(node)}")
    return found


def cycle(sources: Mapping[str, str]) -> list[str]:
    """Return the modules of one import cycle among `sources` (module → text), or nothing: they form a chain."""
    graph = {}
    for module, source in sources.items():
        package = any(other.startswith(f"{module}.") for other in sources)
        names = [name for _, name in imports(source, module, package=package)]
        near = {name if name in sources else name.rpartition(".")[0] for name in names}
        graph[module] = near & set(sources) - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def strangers(paths: list[str], known: frozenset[str]) -> list[str]:
    """Return the first parts of `paths` that are not in `known`."""
    return sorted({path.split("/")[0] for path in paths} - known)


def too_long(source: str, name: str) -> list[str]:
    """Return a finding when a module has more lines than anyone should have to read at once."""
    lines = len(source.splitlines())
    return [f"{name}: {lines} lines, split it before {LONGEST_MODULE_LINES}"] if lines > LONGEST_MODULE_LINES else []


def machine_paths(text: str, name: str) -> list[str]:
    """Return the lines of `text` that speak of a path on somebody's own machine."""
    return [
        f"{name}:{number} {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]


def heavy_imports(import_times: str) -> set[str]:
    """Return what a look-up is too small to import, out of the report of `python -X importtime`."""
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in import_times.splitlines() if "|" in line}
    return names & HEAVY


# --- the house itself -------------------------------------------------------------------------------------------------


def modules() -> Iterator[tuple[str, bool, str]]:
    """Yield dotted name, whether it is a package, and text of every module of clusterbook."""
    for path in sorted((TOOLS / "clusterbook").rglob("*.py")):
        package = path.name == "__init__.py"
        parts = (path.parent if package else path.with_suffix("")).relative_to(TOOLS).parts
        yield ".".join(parts), package, path.read_text(encoding="utf-8")


def tracked() -> list[str]:
    """Return the files that git knows, from the top; skips the test where there is no git to ask."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, so nothing says which files belong to the house")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in listing.stdout.split("\0") if name]


def test_imports_go_from_build_to_client_to_core() -> None:
    assert [finding for name, package, text in modules() for finding in wrong_way(text, name, package=package)] == []


def test_modules_form_a_chain() -> None:
    assert cycle({name: text for name, _, text in modules()}) == []


def test_the_core_touches_nothing_outside_its_arguments() -> None:
    core = [each for each in modules() if each[0].startswith("clusterbook.core")]
    assert core
    assert [finding for name, package, text in core for finding in impurities(text, name, package=package)] == []


def test_the_top_level_holds_what_the_design_names() -> None:
    assert strangers(tracked(), TOP_LEVEL) == []


def test_the_package_holds_three_layers() -> None:
    prefix = "tools/clusterbook/"
    assert strangers([name.removeprefix(prefix) for name in tracked() if name.startswith(prefix)], PACKAGE) == []


def test_no_module_is_too_long() -> None:
    paths = sorted(TOOLS.rglob("*.py"))
    assert [
        found for path in paths for found in too_long(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ] == []


def test_no_file_speaks_of_somebodys_machine() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    found = []
    for name in tracked():
        path = ROOT / name
        if name != here and path.is_file() and not path.is_symlink():
            found += machine_paths(path.read_text(encoding="utf-8", errors="replace"), name)
    assert found == []


def test_a_lookup_imports_neither_pydantic_nor_ruamel() -> None:
    command = Path(sys.executable).parent / "clusterbook"
    criteria = ["--service", "eks", "--accelerator", "h100", "--intent", "training", "--os", "ubuntu"]
    arguments = ["query", *criteria, "--selector", "criteria"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(command), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr[-800:]}"
    assert done.stdout.strip()
    assert "clusterbook.client.main" in done.stderr
    assert heavy_imports(done.stderr) == set()


# --- the guards fire --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("clusterbook.core.merge", "from clusterbook.client import main"),
        ("clusterbook.core.merge", "from clusterbook import build"),
        ("clusterbook.core.merge", "from ..client.main import main"),
        ("clusterbook.core.merge", "from .. import client"),
        ("clusterbook.core.merge", "def late():\n    import clusterbook.build.main"),
        ("clusterbook.client.main", "import clusterbook.build"),
        ("clusterbook.client.main", "import importlib\nimportlib.import_module('clusterbook.build.check')"),
        ("clusterbook", "from clusterbook.core import errors"),
    ],
)
def test_an_import_the_wrong_way_is_found(module: str, source: str) -> None:
    assert wrong_way(source, module, package=module == "clusterbook")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("clusterbook.core.merge", "from . import errors\nfrom clusterbook.core.errors import Place"),
        ("clusterbook.client.main", "from clusterbook import __version__\nfrom ..core import errors"),
        ("clusterbook.build.main", "from clusterbook.client import main\nfrom clusterbook.core import errors"),
    ],
)
def test_an_import_the_right_way_passes(module: str, source: str) -> None:
    assert wrong_way(source, module) == []


def test_a_package_resolves_its_own_relative_imports() -> None:
    assert imports("from .x import y", "clusterbook.core", package=True) == [(1, "clusterbook.core.x.y")]


@pytest.mark.parametrize(
    "source",
    [
        *(f"import {name}" for name in "os sys io pathlib subprocess socket time random logging tempfile".split()),
        *(f"import {name}" for name in "urllib.request http.client shutil click importlib secrets builtins".split()),
        "from os import path",
        "from pathlib import Path",
        "def late():\n    from os import environ",
        "open('x')",
        "print('x')",
        "read = open",
        "def f(path):\n    return path.read_text()",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
        "from clusterbook.client import index",
    ],
)
def test_an_impurity_of_the_core_is_found(source: str) -> None:
    assert impurities(source)


def test_a_pure_module_passes() -> None:
    source = (
        "from datetime import date\nfrom . import errors\n\ndef late(today: date) -> bool:\n    return today < LAST\n"
    )
    assert impurities(source) == []


def test_an_import_cycle_is_found() -> None:
    sources = {"p": "", "p.a": "from p import b", "p.b": "from .c import x", "p.c": "from p.a import y"}
    assert set(cycle(sources)) == {"p.a", "p.b", "p.c"}
    assert cycle({**sources, "p.c": ""}) == []


def test_a_stranger_at_the_top_is_found() -> None:
    assert strangers(["README.md", "tools/dev.py", "notes/todo.md", "setup.py"], TOP_LEVEL) == ["notes", "setup.py"]


def test_a_module_that_is_too_long_is_found() -> None:
    assert too_long("x\n" * (LONGEST_MODULE_LINES + 1), "a.py")
    assert too_long("x\n" * LONGEST_MODULE_LINES, "a.py") == []


@pytest.mark.parametrize(
    "line", ["see /" + "work/notes", "(/" + "root/x/y)", "cd /home/ann/src", "/Users/ann/x", "~/.pyenv/bin"]
)
def test_a_path_on_somebodys_machine_is_found(line: str) -> None:
    assert machine_paths(f"fine\n{line}", "a.md") == [f"a.md:2 {line}"]


@pytest.mark.parametrize("line", ["/home/kubernetes/bin/nvidia", "https://example.org/work/x", "the work/life balance"])
def test_other_paths_pass(line: str) -> None:
    assert machine_paths(line, "a.md") == []


def test_a_heavy_import_is_found() -> None:
    report = "import time: self [us] | cumulative | imported package\nimport time:  9 |  99 |   ruamel.yaml.nodes\n"
    assert heavy_imports(report) == {"ruamel"}
    assert heavy_imports(report.replace("ruamel.yaml", "click")) == set()


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: socket.create_connection(("192.0.2.1", 9), timeout=1),
        lambda: socket.getaddrinfo("example.org", 443),
    ],
)
def test_a_connection_to_another_machine_is_refused(reach_out: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError, match="only loopback"):
        reach_out()


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=1):
        pass


@pytest.mark.parametrize(("words", "status"), [(["--help"], 0), ([], 2), (["biuld"], 2)])
def test_the_dev_tool_answers_without_a_traceback(words: list[str], status: int) -> None:
    done = subprocess.run(
        [sys.executable, "tools/dev.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert "build" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
