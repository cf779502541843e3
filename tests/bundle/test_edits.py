"""Edits by hand: each is told by its place and by what became of it, never by a digest alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clusterbook.bundle.checksums import read_checksums
from clusterbook.bundle.edits import Edit, file_edits
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.rederive import edits_since
from clusterbook.bundle.render import Bundle, render
from tests.support.whole_recipes import small


def made(deployer: str) -> Bundle:
    return render(small(), {"deployer": deployer}, "1.0", {})


def edit(deployer: str, ending: str, old: str, new: str) -> tuple[Edit, ...]:
    """Return the edits of a bundle once a word was replaced in the one file that ends so and has it."""
    bundle = made(deployer)
    (path,) = [path for path in bundle.files if f"/{path}".endswith(ending) and old in bundle.files[path].decode()]
    files = {**bundle.files, path: bundle.files[path].decode().replace(old, new, 1).encode()}
    found = file_edits(files, bundle.files, bundle.plan)
    assert {each.path for each in found} == {path}
    return found


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_a_bundle_as_it_was_made_has_no_edit(deployer: str) -> None:
    bundle = made(deployer)
    assert file_edits(bundle.files, bundle.files, bundle.plan) == ()
    assert file_edits({**bundle.files, ".git/HEAD": b"ref: main\n"}, bundle.files, bundle.plan) == ()


@pytest.mark.parametrize(
    ("deployer", "ending", "old", "new", "place", "what", "component"),
    [
        ("helm", "-operator/install.sh", " $apply", " --force $apply", "", "--force added", "operator"),
        ("helm", "-operator/install.sh", " --create-namespace", "", "", "--create-namespace removed", "operator"),
        ("helm", "-operator/install.sh", " $apply", " --set a.b=evil $apply", "", "--set a.b=evil added", "operator"),
        ("helm", "-operator/install.sh", "--wait", "--wait=false", "", "ARGS=--wait=false", "operator"),
        ("helm", "-operator/upstream.env", "v26.3.2", "v26.3.3", "", "VERSION=v26.3.3", "operator"),
        ("helm", "/deploy.sh", "set -euo pipefail", "set -uo pipefail", "", "-euo -> -uo", ""),
        ("helmfile", "level-1.yaml", "timeout: 1200", "timeout: 1", "releases[metrics].timeout", "1200 -> 1",
         "metrics"),
        ("argocd", "-operator/application.yaml", "prune: true", "prune: false", "spec.syncPolicy.automated.prune",
         "true -> false", "operator"),
        ("argocd-helm", "templates/operator.yaml", "prune: true", "prune: false", "", "prune: true -> false",
         "operator"),
        ("argocd-helm", "templates/operator.yaml", "targetRevision:", "targetRevision: 9 #", "",
         "targetRevision: 9 # added", "operator"),
        ("flux", "operator/helmrelease.yaml", "spec:", "spec:\n  suspend: true", "spec.suspend", "true added",
         "operator"),
    ],
)  # fmt: skip
def test_what_was_changed_is_told_where_it_stands(
    deployer: str, ending: str, old: str, new: str, place: str, what: str, component: str
) -> None:
    (found,) = edit(deployer, ending, old, new)
    assert found.place == place
    assert (what in found.what, found.component) == (True, component), found
    assert found.line > 0
    assert f":{found.line}" in str(found)
    assert found.reader(deployer).endswith(f"the deployer {deployer} reads it")


def changed(path: str, before: str, after: str) -> list[str]:
    bundle = made("helm")
    old: Mapping[str, bytes] = {path: before.encode()} if before else {}
    new: Mapping[str, bytes] = {path: after.encode()} if after else {}
    return [str(each) for each in file_edits(new, old, bundle.plan)]


ROLE = "kind: ClusterRole\nmetadata:\n  name: a\nrules: []\n"
PODS = (
    "kind: Pod\nmetadata:\n  name: b\nspec:\n  containers:\n  - name: x\n    image: one\n  - name: y\n    image: two\n"
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (f"{ROLE}---\n{PODS}", f"{ROLE}---\n{PODS.replace('two', 'evil')}",
         ['f.yaml:14: Pod/b spec.containers[y].image: "two" -> "evil"']),
        (PODS, PODS.replace("  - name: x\n    image: one\n", ""),
         ['f.yaml: spec.containers[x].name: "x" removed', 'f.yaml: spec.containers[x].image: "one" removed']),
        (ROLE, ROLE.replace("[]", "[{verbs: ['*']}]"),
         ['f.yaml:4: rules[0].verbs[0]: "*" added', "f.yaml: rules: [] removed"]),
        ("a: no\n", 'a: "no"\n', ['f.yaml:1: a: no -> "no"']),
        ("a: 1\n", 'a: "1"\n', ['f.yaml:1: a: 1 -> "1"']),
        ("a: null\n", "b: null\n", ["f.yaml:1: b: null added", "f.yaml: a: null removed"]),
        ("a.b: 1\n", "a:\n  b: 1\n", ["f.yaml:2: a.b: 1 added", 'f.yaml: "a.b": 1 removed']),
        ("a: 1\n", "a: 1 # by hand\n", ["f.yaml:1: a: # by hand added"]),
        ("a: 1\n", "a: [1\n", ["f.yaml:1: a: 1 -> [1"]),
        ("a: 1\n", "a: 1\n\n", ["f.yaml:2:  -> "]),
        ("a: 1\n", "a: !!str 1\n", ['f.yaml:1: a: 1 -> "1"']),
        ("", f"{ROLE}---\n{PODS}", ["f.yaml: objects: brings ClusterRole a, Pod b"]),
        (ROLE, "", ["f.yaml: objects: no longer brings ClusterRole a"]),
        ("a: {{ .Values.a }}\n", "a: {{ .Values.b }}\n", ["f.yaml:1: a: .Values.a -> .Values.b"]),
        ("a: 1\n", "a: \x1b[8m\n", None),
    ],
)  # fmt: skip
def test_yaml_is_compared_value_by_value_and_what_is_none_word_by_word(
    before: str, after: str, expected: list[str] | None
) -> None:
    found = changed("f.yaml", before, after)
    assert found == expected if expected is not None else found and all(line.isprintable() for line in found)


def test_what_is_no_text_or_too_long_is_left_to_digests() -> None:
    bundle = made("helm")
    assert file_edits({"x.tgz": b"\xff\x00"}, {"x.tgz": b"\xff\x01"}, bundle.plan) == ()
    assert file_edits({"x.sh": b"a\n" * 2**20}, {"x.sh": b"a\n"}, bundle.plan) == ()


def test_many_edits_are_counted_and_lines_without_end_are_not_matched() -> None:
    many = changed("f.yaml", "".join(f"k{n}: 1\n" for n in range(90)), "".join(f"k{n}: 2\n" for n in range(90)))
    assert (len(many), many[-1]) == (26, "f.yaml: more: 65 more edits")
    assert changed("f.sh", "x\n" * 9000 + "a\n" * 9000, "x\n" * 9000 + "b\n" * 9001) == [
        "f.sh:9001: 9000 lines -> 9001 lines"
    ]


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_what_was_changed_since_checksums_were_recorded_is_told_unless_the_recipe_was(deployer: str) -> None:
    bundle = made(deployer)
    recorded = read_checksums(bundle.files["checksums.txt"].decode())
    path = next(
        path
        for path in bundle.files
        if path.endswith(("-operator/values.yaml", "static/operator.yaml", "helmrelease.yaml"))
    )
    files = {**bundle.files, path: bundle.files[path] + b"evil: true\n"}
    assert [each.path for each in edits_since(files, recorded)] == [path]
    assert edits_since({**files, "recipe.yaml": files["recipe.yaml"] + b"\n"}, recorded) == ()
    assert edits_since({**files, "options.yaml": b"["}, recorded) == ()
    assert edits_since(files, {**recorded, path: "0" * 64}) == ()  # another version made it otherwise
