"""Flags: none is taken without a word and without an effect, whatever the command and what it is asked about."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import main
from clusterbook.cli.command import POD, Command, FlagRule, Request, refuse_idle
from clusterbook.cli.commands import COMMANDS
from clusterbook.cli.flags import Flag
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump
from tests.support import indexes
from tests.support.clusters import FILES
from tests.support.whole_recipes import small

BY_NAME = {command.name: command for command in COMMANDS}
CRITERIA = ("--service", "eks", "--intent", "training")
INPUTS = {
    "name": ("eks-training",),
    "criteria": CRITERIA,
    "criteria file": ("-r", "criteria.yaml"),
    "recipe file": ("-r", "recipe.yaml"),
    "snapshot": ("-s", "cluster.yaml", "--intent", "training", "--allow-inherited"),
    "private tree": ("eks-training", "--data", "tree"),
}
"""What a recipe is asked for by."""
LOOK_UPS = {
    "recipe": (),
    "query": ("--selector", "components"),
    "explain": ("components.a.values",),
    "bundle": (),
    "mirror list": (),
}
LINES: Mapping[str, tuple[str, ...]] = {
    **{
        f"{command}, {what}": (*command.split(), *words, *more)
        for command, more in LOOK_UPS.items()
        for what, words in INPUTS.items()
        if (command, what) != ("explain", "recipe file")  # refused, whatever stands beside
    },
    "list": ("list",),
    "fit": ("fit", "cluster.yaml"),
    "validate": ("validate", "eks", "-s", "cluster.yaml", "--no-cluster"),
    "validate, recipe file": ("validate", "-r", "recipe.yaml", "-s", "cluster.yaml", "--no-cluster"),
    "diff of recipes": ("diff", "eks", "h100"),
    "diff of files": ("diff", "recipe.yaml", "other.yaml"),
    "diff of bundles": ("diff", "b1", "b2"),
    "diff of snapshots": ("diff", "cluster.yaml", "later.yaml"),
    "plan": ("diff", "b1", "cluster.yaml"),
    "verify": ("verify", "b1", "--min-trust-level", "unverified"),
}
VALUES: Mapping[str, Sequence[str]] = {
    "service": ("gke", "nonsense"), "accelerator": ("h100", "nonsense"), "intent": ("inference", "nonsense"),
    "os": ("cos", "nonsense"), "platform": ("kubeflow", "nonsense"), "nodes": ("4", "x"),
    "recipe": ("criteria.yaml", "nowhere.yaml"), "snapshot": ("cluster.yaml", "nowhere.yaml"),
    "config": ("config.yaml", "nowhere.yaml"), "source": ("other-index", "nowhere"), "data": ("tree", "nowhere"),
    "format": ("json", "nonsense"), "output": ("written",), "api_version": ("aicr.run/v1alpha2", "v9"),
    "selector": ("criteria", "nowhere"), "deployer": ("argocd", "flux"), "set": ("a:x=1", "nowhere:x=1"),
    "set_json": ("a:x={}", "a:x={"), "set_file": ("a:x=note.txt", "a:x=nowhere"), "dynamic": ("a:driver.version",),
    "set_secret": ("a:x=kept/key", "a:x=kept"),
    "system_node_selector": ("role=system", "!"), "system_node_toleration": ("x=y:NoSchedule", "!"),
    "accelerated_node_selector": ("gpu=yes", "!"), "accelerated_node_toleration": ("x=y:NoSchedule", "!"),
    "workload_gate": ("x=y:NoSchedule", "!"), "workload_selector": ("job=x", "!"), "storage_class": ("gp3", "!"),
    "shared_storage_class": ("efs", "!"),
    "app_name": ("stack", "!"), "repo": ("https://git.test/a.git", "!"), "target_revision": ("v1.0", "!"),
    "flux_namespace": ("flux", "!"), "flux_oci_source_name": ("book", "!"), "diff": ("b1", "nowhere"),
    "image_refs": ("refs",), "ca_file": ("ca.pem", "nowhere"), "sign_key": ("nowhere",), "identity_token": ("nowhere",),
    "tuf_root": ("nowhere",), "profile": ("nothing=much", "!"), "slurm_accounting_mode": ("nonsense",),
    "runtime_inventory": ("nonsense",), "inherit_from": ("recipe.yaml", "nowhere"), "interfaces": ("nonsense",),
    "trust_config": ("nowhere",), "pool": ("nowhere",), "node_selector": ("nobody=nowhere", "!"),
    "phase": ("conformance", "nonsense"), "evidence": ("proof",), "key": ("nowhere",), "kubeconfig": ("nowhere",),
    "context": ("nowhere",), "stable_for": ("1s",), "save_snapshot": ("seen.yaml",), "ignore": ("K8s.*", "*"),
    "ignore_from": ("nowhere",), "severity": ("critical", "noise"), "registry": ("ledger", "nowhere"),
    "min_trust_level": ("max",), "require_creator": ("nobody",), "cli_version_constraint": ("< 0.0.1",),
    "published_in": ("nowhere",), "at_least": ("2026.7.0",), "policy": ("nowhere",),
    "certificate_identity": ("nobody",), "certificate_identity_regexp": ("nobody",),
    "certificate_oidc_issuer": ("https://nobody",), "trust_root": ("nowhere",), "namespace": ("there",),
    "image": ("x:1",), "image_pull_secret": ("x",), "job_name": ("x",), "service_account_name": ("x",),
    "release": ("2026.7.0",), "like": ("b1", "nowhere"), "drop": ("a",), "files": ("manifests",),
    "toleration": ("x=y",), "runtime_class": ("x",), "requests": ("cpu=1",), "limits": ("cpu=1",), "timeout": ("1m",),
}  # fmt: skip
"""Values that should make a difference, by the key of a flag; a wrong one does, too, by being refused."""
PERMISSIONS = {"allow_inherited", "allow_withdrawn", "force", "allow_unsigned"}
"""Flags that permit something, which changes nothing where it is not needed."""
ACCESS = {"plain_http", "ca_file"}
"""How registries are spoken to, by whoever does speak to one."""
LOGIN = {"keyless", "browser", "device_flow"}
"""How somebody logs in, which nothing here can."""
ON_SOME_DAYS = {"fail_fast", "fail_on_error", "exit_code", "criteria_strict"}
"""Flags about what happens not to be the case here: nothing fails, nothing differs, every value is known."""
BUNDLES = {key for key, values in VALUES.items() if "a:x=1" in values or "!" in values} | {
    "set_json",
    "set_file",
    "set_secret",
}
QUIET: Mapping[str, set[str]] = {
    **{line: BUNDLES | {"nodes", "readiness_hooks", "dynamic"} for line in LINES if line.startswith("mirror list")},
    "diff of recipes": {"registry"},
    "diff of files": {"registry", "source"},
    "diff of bundles": {"registry", "source"},
    "diff of snapshots": {"registry", "source", "ignore", "severity"},
    "plan": {"registry", "source", "ignore", "severity"},
    "verify": {"trust_root"},
}
"""What else says nothing: options of bundles in lists of images, which no image hangs on, so that the flags of a
bundle can be given to both; places where nothing has to be looked up; and filters that nothing was caught by."""


class Answer(tuple[Any, ...]):
    """Exit status, standard output, standard error and files of a command line."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with all that the lines name."""
    folder = tmp_path_factory.mktemp("flags")
    index = indexes.write_index(folder)
    (folder / "other-index").mkdir()
    texts = {
        "criteria.yaml": "kind: RecipeCriteria\nspec: {service: eks, intent: training}\n",
        "cluster.yaml": dump(FILES["h100-eks"]),
        "later.yaml": dump({**FILES["h100-eks"], "fingerprint": {"service": "gke"}}),
        "recipe.yaml": dump(small()),
        "other.yaml": dump(small(crds={"version": "v9"})),
        "config.yaml": "kind: ClusterbookConfig\nspec: {recipe: {criteria: {service: gke}}}\n",
        "note.txt": "a note\n",
        "ca.pem": "",
        "tree/registry.yaml": "apiVersion: clusterbook.dev/v1alpha1\nkind: ComponentRegistry\ncomponents: []\n",
        "tree/overlays/mine.yaml": (
            "apiVersion: clusterbook.dev/v1alpha1\nkind: RecipeMetadata\nmetadata: {name: mine}\n"
            "spec: {base: eks-training, criteria: {service: eks, intent: training},"
            " componentRefs: [{name: a, overrides: {driver: {note: mine}}}]}\n"
        ),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CLUSTERBOOK_SOURCE", str(index))
        for name, more in (("b1", ()), ("b2", ("--set", "crds:x=1"))):
            assert main.run(["bundle", "-r", "recipe.yaml", *more, "-o", name], dict(os.environ)) == 0
    return folder


def answer(place: Path, words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> Answer:
    """Return what comes of a command line; what it writes is taken away again."""
    before = set(place.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("CLUSTERBOOK_SOURCE", str(place / "index"))
        patch.setenv("HOME", str(place))
        status = main.run([*words], dict(os.environ))
    out, err = capsys.readouterr()
    written = sorted(path for path in place.rglob("*") if path not in before)
    contents = tuple((str(path), path.read_bytes()) for path in written if path.is_file())
    for path in reversed(written):
        path.unlink() if path.is_file() else path.rmdir()
    return Answer((status, out, err, contents))


def spelled(flag: Flag) -> Iterator[tuple[str, ...]]:
    """Yield the ways in which a flag is tried."""
    name = flag.names[0]
    if flag.switch:
        yield (name,)
    for value in flag.values or VALUES[flag.key]:
        yield (name, value)


@pytest.mark.parametrize("line", LINES)
def test_no_flag_is_taken_without_a_word(line: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = LINES[line]
    command = BY_NAME.get(" ".join(words[:2])) or BY_NAME[words[0]]
    usual = answer(place, words, capsys)
    assert usual[0] in (0, 10), usual[2]
    quiet = PERMISSIONS | ACCESS | LOGIN | ON_SOME_DAYS | QUIET.get(line, set())
    idle = [
        flag.names[0]
        for flag in command.flags
        if not set(flag.names) & set(words)
        and flag.key not in quiet
        and all(answer(place, (*words, *said), capsys) == usual for said in spelled(flag) if said[0] not in words)
    ]
    assert idle == []


def request_of(command: Command, keys: Sequence[str], start: str = "") -> Request:
    flags = {flag.key: flag for flag in command.flags}
    switches = {key: True for key in keys if key in flags and flags[key].switch}
    many = {flag.key for flag in command.flags if flag.repeated} | {
        each.name for each in command.arguments if each.many
    }
    words = {key: (f"{start}x",) if key in many else f"{start}x" for key in keys if key not in switches}
    return Request.of({**switches, **words})


RULES = [
    pytest.param(command, rule, key, id=f"{command.name} {key}")
    for command in COMMANDS
    for rule in command.rules
    for key in rule.keys
]


@pytest.mark.parametrize(("command", "rule", "key"), RULES)
def test_a_flag_that_goes_with_another_is_refused_without(command: Command, rule: FlagRule, key: str) -> None:
    alone = request_of(command, [key])
    for other in rule.excludes:
        both = request_of(command, [key, other])
        for typed in (both, alone):
            with pytest.raises(InvalidRequest, match="has no effect beside"):
                refuse_idle(command, typed, both, {})
        refuse_idle(command, request_of(command, [other]), both, {})
    if rule.needs:
        with pytest.raises(InvalidRequest, match="has no effect without"):
            refuse_idle(command, alone, alone, {})
    refuse_idle(command, Request(), alone, {})  # a variable is for many commands
    for other in rule.needs:
        for start in rule.like or ("",):
            refuse_idle(command, alone, request_of(command, [key, other], start), {})
        if rule.like:
            with pytest.raises(InvalidRequest, match="has no effect without"):
                refuse_idle(command, alone, request_of(command, [key, other]), {})
    if rule.outside:
        refuse_idle(command, alone, alone, {POD: "10.0.0.1"})


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (("validate", "eks", "-s", "cluster.yaml", "--no-cluster", "--namespace", "x"), "NAMESPACE"),
        (("bundle", "eks", "--diff", "b1", "--force"), "FORCE"),
        (("snapshot", "--helm-values"), "HELM_VALUES"),
        (("snapshot", "--image", "x"), "IMAGE"),
        (("validate", "eks", "--requests", "cpu=1"), "REQUESTS"),
    ],
)
def test_what_is_typed_is_refused_and_a_variable_is_not(
    words: tuple[str, ...], variable: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = next(flag for flag in BY_NAME[words[0]].flags if flag.variable == f"CLUSTERBOOK_{variable}")
    status, out, err, written = answer(place, words, capsys)
    assert (status, out, written) == (2, "", ())
    assert f"CB101 {flag.names[0]} has no effect" in err
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(flag.variable, "1" if flag.switch else "x")
        at = words.index(flag.names[0])
        rest = (*words[:at], *words[at + (1 if flag.switch else 2) :])
        assert f"{flag.names[0]} has no effect" not in answer(place, rest, capsys)[2]
