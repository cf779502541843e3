"""How the house is kept: what is pure, what lies where, how long a module gets, what a quick command may not load.

Each guard is a function from text to findings, so that it is seen to fire on a made-up offender as well as to pass.
The layers and the walls between packages are contracts of import-linter in pyproject.toml.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.publications import Publisher

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"

PACKAGES = frozenset(
    """
    artifacts bundle catalog cli collect diagnostics diff documents evidence fetch files freshness gotemplate impact
    inputs kubernetes ledger lint lookup mirror oci prove publish publisher records resolve scaffold site snapshot
    transition trust upgrade validate verify
    """.split()
)

# What a pure module may import: none reads disk, network, clock, environment or randomness, or prints.
PURE = frozenset(
    """
    __future__ abc array base64 binascii bisect collections contextlib copy dataclasses datetime decimal difflib enum
    fnmatch functools graphlib hashlib heapq html ipaddress itertools json keyword math numbers operator posixpath re
    reprlib shlex string struct textwrap types typing unicodedata urllib.parse zlib
    jmespath markupsafe packaging pydantic pydantic_core rfc8785 ruamel typing_extensions
    clusterbook
    """.split()
)

# The modules that touch the world outside their arguments; all others are pure. It gets shorter in passing, and longer
# only with a reason.
IO = frozenset(
    f"clusterbook.{module}"
    for module in """
    artifacts.memory artifacts.root artifacts.visit
    bundle.disk bundle.make bundle.pull bundle.template
    catalog.chart catalog.read
    cli.build_main cli.builder.check cli.builder.freshness cli.builder.impact cli.builder.index cli.builder.ledger
    cli.builder.new cli.builder.options cli.builder.prove cli.builder.publish cli.builder.recipe cli.builder.schemas
    cli.builder.site cli.check cli.commands cli.comparison
    cli.completion.answer cli.completion.words cli.config_map cli.evidence cli.fleet cli.main cli.manual.pages
    cli.mirror cli.program cli.push cli.question cli.releases.published cli.releases.sources cli.snapshot cli.terminal
    cli.trust cli.validate
    collect.cluster.survey collect.node.host collect.node.nics collect.node.nvidia_smi collect.node.pci
    collect.node.system collect.node.systemd collect.run collect.take
    diagnostics.console diagnostics.progress
    evidence.folder evidence.ledger
    fetch.attestation fetch.fetch fetch.source_tree fetch.unpack
    files.archive files.context files.read files.tar_reader files.write
    impact.run inputs.download inputs.read
    kubernetes.api kubernetes.connection kubernetes.jobs kubernetes.kubeconfig kubernetes.login kubernetes.plugin
    ledger.append ledger.folder ledger.git ledger.release_index ledger.write_releases
    lint.charts lint.run
    lookup.index_files lookup.local lookup.release_folder lookup.write
    mirror.images mirror.save
    oci.blob_file oci.client oci.credentials oci.http oci.layout.folder oci.layout.tar oci.login oci.open oci.oras
    oci.registry oci.store oci.transfer
    prove.archives prove.helm prove.run
    publish.release publish.send
    publisher.agent
    resolve.export
    site.build site.frame site.guide site.json_schemas site.mkdocs site.pages site.preview
    snapshot.template
    trust.choose_policy trust.cosign_key trust.deadline trust.device_login trust.keys trust.kms trust.root_store
    trust.roots trust.sign trust.sigstore trust.tuf_root trust.verify
    validate.run validate.run_jobs
    verify.bundle verify.verify
    """.split()
)
IMPURE_NAMES = frozenset(
    {"CONSOLE", "__import__", "breakpoint", "eval", "exec", "exit", "input", "open", "print", "quit"}
)
IMPURE_METHODS = frozenset(
    {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes", "file_digest", "get_data"}
)

TOP_LEVEL = frozenset(
    "pyproject.toml README.md LICENSE NOTICE .gitignore .ci .github recipes registry schemas site tools tests".split()
)
PACKAGE = frozenset({"__init__.py", "py.typed", *PACKAGES})

LAYERS = "Each package knows those below it; those of one row do not know each other"
CLIENT = "The command of users never reaches what only whoever publishes does"

MOST_MODULES_A_PACKAGE = 33

LONGEST_MODULE_LINES = 400

HEAVY = frozenset(
    "click pydantic pydantic_core ruamel _ruamel_yaml requests urllib3 jinja2 oras sigstore cryptography rfc8785"
    " kubernetes yaml asyncio typing".split()
)

# Where somebody's own machine keeps things. Nodes have such paths as well: GKE's drivers lie in /home/kubernetes.
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:work|root|opt/wheels|home/(?!kubernetes)\w+|Users/\w+)/|\.pyenv\b")


# --- guards: text in, findings out ------------------------------------------------------------------------------------


def imports(source: str, module: str = "clusterbook.diff.x", *, package: bool = False) -> list[tuple[int, str]]:
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


def impurities(source: str, module: str = "clusterbook.diff.x", *, package: bool = False) -> list[str]:
    """Return what in a module touches the world outside its arguments."""
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


def namesakes(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the class names that several modules among `sources` (module → text) define, and in which."""
    modules: dict[str, list[str]] = {}
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                modules.setdefault(node.name, []).append(module)
    return {name: places for name, places in modules.items() if len(places) > 1}


def aliases(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the modules among `sources` (module → text) that go by several other names, and those."""
    names: dict[str, set[str]] = {}
    for source in sources.values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                stem = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    if alias.asname and f"{stem}{alias.name}" in sources:
                        names.setdefault(f"{stem}{alias.name}", set()).add(alias.asname)
    return {module: sorted(found) for module, found in sorted(names.items()) if len(found) > 1}


def strangers(paths: list[str], known: frozenset[str]) -> list[str]:
    """Return the first parts of `paths` that are not in `known`."""
    return sorted({path.split("/")[0] for path in paths} - known)


def crowded(names: list[str]) -> list[str]:
    """Return the packages with more modules among `names` than can be seen at once."""
    counts = Counter(name.rpartition(".")[0] for name in names)
    return [f"{package}: {count} modules" for package, count in counts.items() if count > MOST_MODULES_A_PACKAGE]


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
    """Return what a quick command is too small to import, out of the report of `python -X importtime`."""
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in import_times.splitlines() if "|" in line}
    return names & HEAVY


def broken_contracts(folder: Path) -> list[str]:
    """Return what import-linter says of the contracts that the package in `folder` breaks; [] when it keeps them all.

    `folder` holds the package clusterbook, and the contracts are those of our pyproject.toml.
    """
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [command, str(ROOT / "pyproject.toml"), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    return [line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith(" BROKEN")]


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


def test_modules_form_a_chain() -> None:
    assert cycle({name: text for name, _, text in modules()}) == []


def test_a_class_name_has_one_meaning() -> None:
    assert namesakes({name: text for name, _, text in modules()}) == {}


def test_a_module_has_at_most_one_alias() -> None:
    tests = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted((ROOT / "tests").rglob("*.py"))
    }
    texts = {name: path.read_text(encoding="utf-8") for name, path in tests.items()}
    assert aliases({name: text for name, _, text in modules()} | texts) == {}


def test_the_packages_keep_the_contracts_about_imports() -> None:
    assert broken_contracts(TOOLS) == []


def test_a_module_is_pure_unless_it_is_on_the_list() -> None:
    pure = [module for module in modules() if module[0] not in IO]
    assert [finding for name, package, text in pure for finding in impurities(text, name, package=package)] == []


def test_the_list_of_impure_modules_names_no_pure_one() -> None:
    texts = {name: (package, text) for name, package, text in modules()}
    assert IO - set(texts) == set()
    assert [name for name in sorted(IO) if not impurities(texts[name][1], name, package=texts[name][0])] == []


def test_the_top_level_holds_what_the_design_names() -> None:
    assert strangers(tracked(), TOP_LEVEL) == []


def test_the_package_holds_one_folder_a_word() -> None:
    prefix = "tools/clusterbook/"
    assert strangers([name.removeprefix(prefix) for name in tracked() if name.startswith(prefix)], PACKAGE) == []
    assert {name.split(".")[1] for name, package, _ in modules() if package and name != "clusterbook"} == PACKAGES


def test_the_map_for_contributors_names_the_packages_in_their_rows() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    table = re.findall(
        r"^\|( \d+)? \| `(\w+)` \|", (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M
    )
    rows: list[list[str]] = []
    for number, package in table:
        rows += [[]] if number else []
        rows[-1].append(package)
    assert rows == [layer.split(" | ") for layer in layers]


def test_no_package_is_a_heap() -> None:
    assert crowded([name for name, package, _ in modules() if not package]) == []


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


QUICK = {
    "query": ("query --service eks --accelerator h100 --intent training --os ubuntu --selector criteria", ""),
    "recipe": ("recipe h100-eks-training", ""),
    "bundle": ("bundle h100-eks-training -o {folder}/bundle", ""),
    "fetch": (
        "fetch recipe eks --from {layout} --key {key}",
        "cryptography rfc8785 typing",
    ),  # what a signature is checked with
    "completion": ("__complete zsh 'clusterbook query {recipe} components.'", "typing"),
    "validate": ("validate {recipe} --no-cluster -s tests/snapshots/h100-eks.yaml", ""),
    "help": (
        "--help",
        "click typing",
    ),  # of all commands, so that none reads YAML or speaks to a registry before it is called
}
"""Command line of each quick command, and which of HEAVY it needs."""


@pytest.mark.parametrize("command", QUICK)
def test_a_quick_command_imports_nothing_heavy(
    command: str, july: Path, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    line, needed = QUICK[command]
    recipe = "h100-eks-ubuntu-training-kubeflow"
    words = shlex.split(line.format(folder=tmp_path, layout=july, key=publisher.key, recipe=recipe))
    program = Path(sys.executable).parent / "clusterbook"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(program), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-800:]}"
    assert done.stdout.strip()
    assert "clusterbook.cli.main" in done.stderr
    assert heavy_imports(done.stderr) <= set(needed.split())


# --- the guards fire --------------------------------------------------------------------------------------------------


def test_a_package_resolves_its_own_relative_imports() -> None:
    assert imports("from .x import y", "clusterbook.diff", package=True) == [(1, "clusterbook.diff.x.y")]


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
    ],
)
def test_an_impurity_is_found(source: str) -> None:
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


def test_a_class_name_with_two_meanings_is_found() -> None:
    sources = {"p.a": "class Gap:\n    class Inner:\n        pass\n", "p.b": "def f() -> None:\n    class Gap: ...\n"}
    assert namesakes(sources) == {"Gap": ["p.a", "p.b"]}
    assert namesakes({**sources, "p.b": "from p.a import Gap\n"}) == {}


def test_a_second_alias_is_found() -> None:
    sources = {"p.a": "", "p.b": "from p import a as one\n", "p.c": "def f() -> None:\n    import p.a as two\n"}
    assert aliases(sources) == {"p.a": ["one", "two"]}
    assert aliases({**sources, "p.c": "from p import a\nfrom p.b import x as two\n"}) == {}


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("documents/digest.py", "clusterbook.catalog.criteria", LAYERS),  # from a lower layer up
        ("oci/reference.py", "clusterbook.catalog.criteria", LAYERS),  # from one side of a row to the other
        ("heap/__init__.py", "", LAYERS),  # a package that stands in no layer
        ("cli/terminal.py", "clusterbook.publish.send", CLIENT),
        ("ledger/folder.py", "clusterbook.ledger.append", CLIENT),  # by way of others
    ],
)
def test_a_broken_contract_is_found(tmp_path: Path, module: str, imported: str, contract: str) -> None:
    copy = tmp_path / "clusterbook"
    shutil.copytree(TOOLS / "clusterbook", copy, ignore=shutil.ignore_patterns("__pycache__", "index", "*.json"))
    (copy / module).parent.mkdir(exist_ok=True)
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef late() -> None:\n    import {imported}\n" if imported else "")
    assert broken_contracts(tmp_path) == [contract]


def test_a_stranger_at_the_top_is_found() -> None:
    assert strangers(["README.md", "tools/dev.py", "notes/todo.md", "setup.py"], TOP_LEVEL) == ["notes", "setup.py"]


def test_a_package_with_too_many_modules_is_found() -> None:
    names = [f"clusterbook.heap.m{number}" for number in range(MOST_MODULES_A_PACKAGE + 1)]
    assert crowded(names) == ["clusterbook.heap: 34 modules"]
    assert crowded(names[1:]) == []


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
    assert heavy_imports(report.replace("ruamel.yaml", "json")) == set()


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
