"""The commands `clusterbook check` and `config`: what is wrong or doubtful in a document, or in a tree of one's own.

Whoever only installed the client writes overlays, too; the rules are those of `clusterbook-build check`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.cli.command import OF_ACCESS, OF_CLUSTERS, OF_TRUST, Argument, Caller, Command, Request, read_choices
from clusterbook.cli.flags import FILE, KUBECONFIG, WHERE, Flag
from clusterbook.cli.question import read_where
from clusterbook.cli.reply import DIFFER, MissingFlag, Reply
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest

if TYPE_CHECKING:
    from clusterbook.diagnostics.findings import Finding, Severity
    from clusterbook.documents.yaml_reader import Node
    from clusterbook.lookup.index_files import IndexFiles

CONFIGS = ("ClusterbookConfig", "AICRConfig")
"""Kinds of configuration files."""


def check(request: Request, _caller: Caller) -> Reply:
    """Check a document, a tree, or a private tree over the catalog; exit 10 when something was found."""
    from clusterbook.diagnostics.report import report

    path = request.text("path")
    if bool(path) == request.says("data"):
        hint = "type clusterbook check overlay.yaml, say"
        raise MissingFlag("check takes one document or tree, or --data DIR", hint=hint)
    found = _of_path(path, request.text("kubeconfig")) if path else _of_data(*read_where(request))
    text = report(found, request.text("format", "text"), dict)
    return Reply(text, status=DIFFER if found else 0, output=request.text("output"))


def _of_path(path: str, kubeconfig: str) -> list[Finding]:
    """Return what is wrong with a document, or with a tree."""
    from pathlib import Path

    from clusterbook.lint.run import check_tree

    if Path(path).is_dir():
        return check_tree(Path(path), strict=None)
    from clusterbook.catalog.layers import read_layer
    from clusterbook.catalog.profiles import profile_findings, version_findings
    from clusterbook.catalog.schema import SHAPES
    from clusterbook.documents.schema import check_shape
    from clusterbook.inputs.read import read_node
    from clusterbook.resolve.recipe import COMPONENTS

    findings: list[Finding] = []
    node = read_node(path, kubeconfig=kubeconfig)
    kind = node.get("kind")
    name = kind.string() if kind else ""
    if name in _HANDED_IN:
        return [*_HANDED_IN[name](node, path), *_misread_words(node.get(COMPONENTS), path)]
    shapes = {shape.__name__.removesuffix("Shape"): shape for shape in SHAPES.values()}
    if name not in shapes:
        known = ", ".join(sorted((*shapes, *_HANDED_IN)))
        raise InvalidRequest(f"{path} has the kind '{name}', which cannot be checked", hint=f"known: {known}")
    check_shape(node, path, shapes[name], findings, strict=True)
    if name == "RecipeMetadata":
        findings += version_findings(node, path)
        profile = None if findings else read_layer(node, path).profile
        findings += profile_findings(profile) if profile else ()
    findings += _misread_words(node.get("spec", COMPONENTS), path)
    return sorted(findings, key=lambda finding: (finding.place, finding.code))


def print_example(request: Request, _caller: Caller) -> Reply:
    """Print an example configuration file."""
    from clusterbook.inputs.config_example import EXAMPLE

    return Reply(EXAMPLE, output=request.text("output"))


def check_config(request: Request, caller: Caller) -> Reply:
    """Check a configuration, and nothing else; exit 10 when something was found."""
    from clusterbook.inputs.read import read_node

    path = request.text("path")
    kind = read_node(path).get("kind")
    if kind is None or kind.string() not in CONFIGS:
        found = f"has the kind '{kind.string()}'" if kind else "has no kind"
        raise InvalidRequest(f"{path} {found}", hint=f"a configuration is {' or '.join(CONFIGS)}; see config example")
    return check(request, caller)


def _of_config(node: Node, path: str) -> list[Finding]:
    """Return what is wrong with a configuration: what each command that reads it would refuse of it."""
    from clusterbook.bundle.options import read_options
    from clusterbook.catalog.criteria import read_criteria
    from clusterbook.cli import agent_flags, config, config_cluster
    from clusterbook.documents.scalars import duration_s
    from clusterbook.lookup.find import open_shelf
    from clusterbook.validate.judge import chosen_phases

    shape, findings = config.shape_of(node, path)
    if shape is None:
        return findings

    def of_recipe() -> None:
        asked = config.recipe_request(shape)
        if not asked.says("data") and not asked.says("source"):  # else its words are those of another catalog
            read_criteria(
                {name: asked.values[name] for name in DIMENSIONS if name in asked.values}, open_shelf().vocabulary
            )
        read_choices(asked)

    def of_bundle() -> None:
        config.refuse_unread(shape, path)
        config.bundle_target(shape)
        elsewhere = ("recipe", "output", "setFile")
        read_options({name: word for name, word in config.bundle_options(shape).items() if name not in elsewhere})

    def of_cluster(of: Callable[[str, Request], tuple[Request, tuple[str, ...]]]) -> None:
        asked, _ = of(path, Request())
        if asked.says("agent"):
            agent_flags.read_agent(asked)
        elif asked.says("timeout"):
            duration_s(asked.text("timeout"))
        chosen_phases(tuple(name for name in asked.lists.get("phase", ()) if name != "all"))

    readers: tuple[Callable[[], object], ...] = (
        of_recipe,
        of_bundle,
        lambda: of_cluster(config_cluster.of_snapshot),
        lambda: of_cluster(config_cluster.of_validate),
        lambda: config.verify_request(shape),
    )
    return [finding for read in readers for finding in _refused(read, path)]


def _of_recipe(node: Node, path: str) -> list[Finding]:
    """Return what is wrong with a recipe: what `bundle` would refuse, and keys of which nothing comes."""
    from clusterbook.diagnostics.findings import Place
    from clusterbook.documents.schema import UNKNOWN_KEY, descend
    from clusterbook.documents.selector import parse
    from clusterbook.inputs.read import recipe_in
    from clusterbook.resolve.recipe_schema import is_strict, read_deployable, unknown_keys

    document = node.data()
    severity: Severity = "error" if is_strict(document) else "warning"
    findings = []
    for where, hint in unknown_keys(document):
        steps = list(parse(where))
        at, _ = descend(node, steps)
        place = Place(path, at.key_line, at.key_column)
        findings.append(UNKNOWN_KEY.finding(place, f"unknown key '{steps[-1]}'", hint, severity))
    if not any(finding.severity == "error" for finding in findings):
        findings += _refused(lambda: read_deployable(recipe_in(document)), path)
    return findings


def _of_criteria(node: Node, path: str) -> list[Finding]:
    """Return what is wrong with criteria: what a look-up would refuse before it looks anything up."""
    from clusterbook.catalog.criteria import read_criteria
    from clusterbook.inputs.read import criteria_in, unread_keys
    from clusterbook.lookup.find import open_shelf

    def read() -> None:
        document = node.data()
        unread_keys(document)
        read_criteria(criteria_in(document), open_shelf().vocabulary)

    return _refused(read, path)


def _of_snapshot(node: Node, path: str) -> list[Finding]:
    """Return what is wrong with a snapshot: what everybody who reads one would refuse."""
    from clusterbook.snapshot.model import read_measured_snapshot

    return _refused(lambda: read_measured_snapshot(node.data()), path)


def _refused(read: Callable[[], object], path: str) -> list[Finding]:
    """Return a finding about what reading refuses, if anything."""
    from clusterbook.diagnostics.findings import Finding, Place

    try:
        read()
    except ClusterbookError as error:
        place = error.place if isinstance(error.place, Place) else Place(str(error.place or path))
        return [Finding(error.code, place, error.what, error.hint)]
    return []


_HANDED_IN: Mapping[str, Callable[[Node, str], list[Finding]]] = {
    "RecipeResult": _of_recipe,
    "RecipeCriteria": _of_criteria,
    "Snapshot": _of_snapshot,
    **dict.fromkeys(CONFIGS, _of_config),
}
"""Documents that are no sources of a catalog, by kind, and what is wrong with one."""


def _misread_words(components: Node | None, path: str) -> list[Finding]:
    """Return a finding about each word among the values of components that Helm takes for a boolean."""
    from clusterbook.inputs.read import VALUES
    from clusterbook.lint.booleans import words_in

    values = (component.get(key) for component in (components.elements() if components else ()) for key in VALUES)
    return [finding for node in values if node for finding in words_in(node, path)]


def _of_data(alone: str | IndexFiles, data: str) -> list[Finding]:
    """Return what is wrong with a private tree, with one that stands alone, or with one over the built-in catalog."""
    from pathlib import Path

    from clusterbook.lint.run import check_tree

    if not data:
        return check_tree(Path(str(alone)), strict=None)
    from clusterbook.catalog.load import survey_catalog
    from clusterbook.catalog.read import overlay_tree, tree_from_texts
    from clusterbook.lint import rules
    from clusterbook.lookup.index_files import embedded_texts
    from clusterbook.resolve import matrix

    catalog = survey_catalog(overlay_tree(tree_from_texts(embedded_texts(), label="recipes"), Path(data)))
    found = rules.check(catalog, matrix.build(catalog), {})
    mine = {source.file for source in catalog.tree.files.values() if source.external}
    return [finding for finding in found if finding.place.file in mine]


_FORM = Flag("format", ("--format", "-t"), "Output format.", values=("text", "json"))
_FLAGS = (
    *(flag for flag in WHERE if flag.key not in ("source", "at_least")),
    KUBECONFIG,
    _FORM,
    FILE,
)
COMMANDS: Mapping[str, Command] = {
    "check": Command(
        "check",
        _FLAGS,
        (Argument("path", "[FILE|DIR]"),),
        check,
        "Check an overlay, a mixin, a registry, a recipe, criteria, a snapshot, a configuration or a whole tree;"
        " exit 10 on findings.",
        "clusterbook check overlays/h100-eks-training.yaml\n  clusterbook check --data ./private",
        rules=(OF_CLUSTERS._replace(needs=("path",)), OF_TRUST, OF_ACCESS),
    ),
    "config example": Command(
        "config example",
        (FILE,),
        (),
        print_example,
        "Print an example configuration file.\n\nOne file holds the flags of recipe, list, bundle,"
        " verify, validate, fetch and diff; each of them reads it with --config. The guide has every key.",
        "clusterbook config example -o cluster.config.yaml",
    ),
    "config check": Command(
        "config check",
        (_FORM, FILE),
        (Argument("path", "FILE", required=True),),
        check_config,
        "Check a configuration file; exit 10 on findings.",
        "clusterbook config check cluster.config.yaml",
    ),
}
"""The commands by name."""
