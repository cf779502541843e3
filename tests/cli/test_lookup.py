"""The look-up commands, as whole processes: what they print, where, and with which exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from clusterbook.cli import commands, main, program
from clusterbook.cli.command import Caller, Command, Request, scan
from clusterbook.cli.commands import COMMANDS, click_command
from clusterbook.cli.program import Program
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.api_version import WRITTEN
from clusterbook.resolve.envelopes import recipe_envelope
from tests.support import indexes
from tests.support.hints import nearest
from tests.support.indexes import Said


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return indexes.write_index(tmp_path_factory.mktemp("shelf"))


@pytest.fixture
def ask(index: Path, capsys: pytest.CaptureFixture[str]) -> object:
    """Run a command line in this process, both ways, and hold that they say the same."""

    def call(*words: str, environment: dict[str, str] | None = None) -> Said:
        line = [words[0], "--source", str(index), *words[1:]]
        status = main.run(line, environment or {})
        first = capsys.readouterr()
        return Said(status, first.out, first.err)

    return call


def test_a_query_prints_a_scalar_plain(ask) -> None:
    said = ask("query", "--service", "eks", "--intent", "training", "--selector", "components.a.values.driver.version")
    assert said == Said(0, "2.0\n", "")


def test_a_query_prints_json_when_asked(ask) -> None:
    said = ask("query", "eks", "--selector", "components.a.values.driver", "--format", "json")
    assert json.loads(said.out) == {"version": "2.0", "enabled": True}


def test_a_query_reaches_lists_quoted_keys_and_validation(ask) -> None:
    assert ask("query", "eks", "--selector", "components.b.values.tolerations[1].key").out == "y\n"
    assert ask("query", "eks", "--selector", 'components.b.values."nvidia.com/gpu"').out == "1\n"
    assert ask("query", "eks", "--selector", "validation.conformance.checks[0]").out == "alive\n"
    assert ask("query", "eks", "--selector", "constraints[name=K8s.server.version].value").out == ">= 1.25\n"


def test_a_missing_path_lists_what_there_is_and_exits_3(ask) -> None:
    said = ask("query", "eks", "--selector", "components.gpu")
    assert said.status == 3
    assert "a, b" in said.err
    assert said.out == ""


def test_a_query_without_a_selector_exits_1(ask) -> None:
    said = ask("query", "eks")
    assert (said.status, "--selector is missing" in said.err) == (1, True)


def test_criteria_that_change_nothing_are_refused_with_the_nearest_recipes(ask) -> None:
    said = ask("recipe", "--service", "eks", "--accelerator", "gb200", "--intent", "training")
    assert said.status == 2
    assert "CB103 " in said.err
    assert "accelerator gb200" in said.err
    assert "nearest recipes: eks-training" in said.err
    assert "--allow-inherited" in said.err


def test_an_inherited_recipe_is_served_when_accepted(ask) -> None:
    said = ask("query", "--service", "eks", "--gpu", "gb200", "--allow-inherited", "--selector", "metadata.slug")
    assert (said.status, said.out) == (0, "eks\n")
    assert "accelerator gb200" in said.err


def test_the_environment_accepts_an_inherited_recipe(index: Path) -> None:
    said = indexes.run(
        *("query", "--source", str(index), "--service", "eks", "--gpu", "gb200", "--selector", "metadata.slug"),
        CLUSTERBOOK_ALLOW_INHERITED="1",
    )
    assert (said.status, said.out) == (0, "eks\n")


def test_a_composed_recipe_is_served_with_a_note(ask) -> None:
    said = ask("query", "--service", "eks", "--accelerator", "h100", "--selector", "metadata.state")
    assert (said.status, said.out) == (0, "composed\n")
    assert said.err.startswith("note: h100-eks is composed of")


def test_a_service_that_needs_an_os_is_refused_with_those_it_has(ask) -> None:
    said = ask("recipe", "--service", "gke", "--allow-inherited")
    assert said.status == 2
    assert "CB104 " in said.err
    assert "(valid: cos)" in said.err


def test_a_bad_value_lists_the_allowed_ones_and_the_nearest(ask) -> None:
    said = ask("recipe", "--service", "eksx")
    assert said.status == 2
    assert "there are recipes for: eks, gke, any" in said.err
    assert nearest(said.err) == "eks"


def test_an_alias_means_its_value(ask) -> None:
    assert ask("query", "--service", "Amazon", "--selector", "criteria.service").out == "eks\n"


def test_negative_nodes_are_refused(ask) -> None:
    assert ask("recipe", "--service", "eks", "--nodes=-3").status == 2


def test_a_flag_given_twice_is_refused(ask) -> None:
    said = ask("recipe", "--service", "eks", "--service", "gke")
    assert (said.status, "--service is given twice" in said.err) == (2, True)
    assert ask("recipe", "--gpu", "h100", "--accelerator", "h100").status == 2


def test_an_empty_criterion_is_refused(ask) -> None:
    assert ask("recipe", "--service", "").status == 2


def test_an_empty_list_says_what_is_near(ask) -> None:
    said = ask("list", "--service", "kind")
    assert (said.status, "no curated recipe for service kind" in said.err) == (0, True)


def test_a_query_takes_its_path_as_an_argument(ask) -> None:
    assert ask("query", "EKS", "components.a.values.driver.version").out == "2.0\n"
    assert ask("query", "eks", "a", "--selector", "b").status == 2


def test_a_name_and_criteria_are_not_mixed(ask) -> None:
    assert ask("recipe", "eks", "--intent", "training").status == 2


def test_no_criteria_at_all_are_refused(ask) -> None:
    assert ask("recipe").status == 2


def test_an_unknown_recipe_names_the_nearest(ask) -> None:
    said = ask("recipe", "h100-eks-trainin")
    assert (said.status, nearest(said.err)) == (3, "h100-eks-training")


def test_a_recipe_name_does_not_leave_the_index(ask) -> None:
    assert ask("recipe", "../index").status == 3


def test_an_unknown_flag_exits_1_and_an_unknown_command_3(ask) -> None:
    assert ask("recipe", "--bogus").status == 1
    assert main.run(["recipes"], {}) == 3


def test_a_recipe_is_yaml_with_sorted_keys_and_health_checks(ask) -> None:
    said = ask("recipe", "h100-eks-training")
    document = YAML(typ="safe").load(said.out)
    assert document["kind"] == "RecipeResult"
    assert document["metadata"]["appliedOverlays"] == ["base", "h100", "eks", "eks-training", "h100-eks-training"]
    assert document["componentRefs"][0]["values"] == {"driver": {"version": "2.0", "enabled": True}}
    assert list(document) == sorted(document)


def test_the_reference_envelope_has_nothing_of_ours(ask) -> None:
    said = ask("recipe", "eks", "--format", "json", "--api-version", "aicr.run/v1alpha2")
    document = json.loads(said.out)
    assert document["apiVersion"] == "aicr.run/v1alpha2"
    assert "slug" not in document["metadata"]
    assert all("values" not in component for component in document["componentRefs"])
    assert ask("recipe", "eks", "--api-version", "v2").status == 2


@pytest.mark.parametrize("version", WRITTEN["RecipeResult"])
def test_a_recipe_for_the_reference_carries_its_values_and_is_read_again_without_a_catalog(
    ask, version: str, tmp_path: Path
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(ask("recipe", "eks", "--api-version", version).out)
    document = YAML(typ="safe").load(file)
    assert document["apiVersion"] == version
    assert document["componentRefs"][0]["overrides"] == {"driver": {"version": "2.0", "enabled": True}}
    assert all("valuesFile" not in component for component in document["componentRefs"])
    for selector in ("components.a.values", "components.b.values"):
        ours = ask("query", "eks", "--selector", selector)
        assert ask("query", "-r", str(file), "--selector", selector).out == ours.out


@pytest.mark.parametrize("kind", ["criteria", "config"])
@pytest.mark.parametrize("version", ["", "aicr.run/v1alpha2", "newest"])
def test_criteria_and_configuration_of_an_answer_ask_for_it_again(ask, kind: str, version: str, tmp_path: Path) -> None:
    newest = {"criteria": "aicr.run/v1", "config": "aicr.run/v1beta1"}[kind]
    more = ("--api-version", newest if version == "newest" else version) if version else ()
    file = tmp_path / "x.yaml"
    file.write_text(ask("recipe", "h100-eks-training", "--kind", kind, *more).out)
    again = ask("recipe", "-r" if kind == "criteria" else "--config", str(file))
    assert again.out == ask("recipe", "h100-eks-training").out
    assert YAML(typ="safe").load(file)["apiVersion"] == (more[1] if more else "clusterbook.dev/v1alpha1")


def test_tables_are_for_people(ask) -> None:
    assert ask("recipe", "eks", "-t", "table").out.splitlines()[0].split() == [
        "ORDER",
        "COMPONENT",
        "VERSION",
        "NAMESPACE",
        "SOURCE",
    ]
    assert "driver.version  2.0" in ask("query", "eks", "--selector", "components.a.values", "-t", "table").out


def test_the_list_narrows_by_criteria(ask) -> None:
    names = [line["name"] for line in json.loads(ask("list", "--service", "eks", "-t", "json").out)]
    assert names == ["eks", "eks-training", "h100-eks-training"]
    line = json.loads(ask("list", "--os", "cos", "-t", "json").out)[0]
    assert line["criteria"] == {
        "Service": "gke",
        "OS": "cos",
        "Accelerator": "any",
        "Intent": "any",
        "Platform": "any",
        "Nodes": 0,
    }
    assert line["health"]["coverage"] == {"conformance": 1}
    assert line["is_leaf"] is True


def test_the_list_shows_composed_recipes_when_asked(ask) -> None:
    assert "h100-eks " in ask("list", "--all").out
    assert "h100-eks " not in ask("list").out
    assert "composed recipes are left out; --all lists them, too" in ask("list").err
    assert "COVERAGE" not in ask("list", "--skip-health").out


def test_a_status_says_what_was_looked_at_and_not_that_something_passed(ask) -> None:
    heading, *rows = ask("list", "--all").out.splitlines()
    at = heading.index("STATUS")
    assert {row[at : heading.index("COVERAGE")].strip() for row in rows} == {"sources ok"}
    assert json.loads(ask("list", "-t", "json").out)[0]["health"]["status"] == "pass"  # as the reference writes it
    assert "nothing was installed or tested" in " ".join(ask("list", "--help").out.split())


def test_explain_prints_the_blame_chain_winner_last(ask) -> None:
    said = ask("explain", "eks", "components.a.values.driver.version")
    assert said.out.splitlines() == [
        "/components/a/values/driver/version",
        '    components/a/values.yaml: "1.0"  (components/a/values.yaml:2:12)',
        '  → eks: "2.0"  (overlays/eks.yaml:6:59)',
        "    unproven",
    ]


def test_explain_takes_pointers_and_names_the_registry(ask) -> None:
    assert "→ registry" in ask("explain", "eks", "/components/a/version").out
    assert '"base"' in ask("explain", "eks", "constraints[0]", "-t", "json").out


def test_explain_takes_a_whole_part(ask) -> None:
    said = ask("explain", "eks", "components", "-t", "json")
    assert {"/components/a/name", "/components/b/name"} <= json.loads(said.out).keys()
    assert "/constraints/0" in json.loads(ask("explain", "eks", ".", "-t", "json").out)


def test_explain_says_what_is_computed(ask) -> None:
    assert ask("explain", "eks", "deploymentOrder").status == 3
    assert ask("explain", "eks").status == 1


def test_a_criteria_file_and_an_overlay_stand_for_flags(ask, tmp_path: Path) -> None:
    criteria, overlay = tmp_path / "criteria.yaml", tmp_path / "overlay.yaml"
    criteria.write_text("kind: RecipeCriteria\nspec: {service: eks}\n")
    overlay.write_text("kind: RecipeMetadata\nmetadata: {name: x}\nspec: {criteria: {service: eks}}\n")
    for file in (criteria, overlay):
        assert ask("query", "-r", str(file), "--selector", "metadata.slug").out == "eks\n"
    overlay.write_text("kind: RecipeMetadata\nspec: {}\n")
    assert ask("query", "-r", str(overlay), "--selector", "metadata.slug").status == 2
    overlay.write_text("kind: Snapshot\n")
    assert ask("query", "-r", str(overlay), "--selector", "metadata.slug").status == 2


def test_a_document_may_come_from_standard_input(index: Path) -> None:
    line = ("query", "--source", str(index), "-r", "-", "--selector", "metadata.slug")
    said = indexes.run(*line, stdin='{"kind": "RecipeCriteria", "spec": {"service": "eks"}}')
    assert said == Said(0, "eks\n", "")
    assert indexes.run(*line, stdin='{"kind": "RecipeCriteria", "spec": {"serivce": "eks"}}').status == 2


def test_a_stored_recipe_answers_for_itself(ask, tmp_path: Path) -> None:
    stored = tmp_path / "recipe.yaml"
    stored.write_text(ask("recipe", "eks").out)
    assert ask("query", "-r", str(stored), "--selector", "components.a.values.driver.version").out == "2.0\n"


def test_a_configuration_file_stands_for_flags_and_flags_win(ask, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("kind: AICRConfig\nspec: {recipe: {criteria: {service: eks, intent: training}}}\n")
    line = ("query", "--config", str(config), "--selector", "metadata.slug")
    assert ask(*line).out == "eks-training\n"
    said = ask(*line, "--service", "gke", "--os", "cos", "--intent", "training", "--allow-inherited")
    assert said.out == "gke-cos\n"
    assert [each for each in said.err.splitlines() if "overrides" in each] == [
        f"note: --service gke overrides eks of {config}"
    ]
    section = f"{{criteria: {{service: eks}}, output: {{path: {config}.out}}}}"
    config.write_text(f"kind: AICRConfig\nspec: {{recipe: {section}}}\n")
    assert ask("recipe", "--config", str(config)).out == ""
    assert ask(*line).out == "eks\n"
    config.write_text("kind: AICRConfig\nspec: {recipe: {criteria: {service: eks, intent: training}}}\n")
    assert ask(*line, "--intent", "any").out == "eks\n"
    config.write_text("kind: AICRConfig\nspec: {recipe: {criterai: {}}}\n")
    said = ask(*line)
    assert (said.status, f"{config}:2:17: CB101 unknown key 'criterai'" in said.err) == (2, True)
    assert nearest(said.err) == "criteria"


def test_an_answer_is_written_whole_to_a_file(ask, tmp_path: Path) -> None:
    target = tmp_path / "recipe.yaml"
    assert ask("recipe", "eks", "-o", str(target)).out == ""
    assert target.read_text() == ask("recipe", "eks").out
    assert ask("recipe", "eks", "-o", str(tmp_path / "no" / "x")).status == 8
    assert ask("recipe", "eks", "-o", "oci://x").status == 2


def test_the_archive_answers_like_the_folder(index: Path) -> None:
    line = ("recipe", "h100-eks-training", "--source")
    assert main.run([*line, str(index)], {}) == 0
    assert indexes.run(*line, f"{index}.zip").out == indexes.run(*line, str(index)).out


@pytest.mark.parametrize("where", ["/nowhere", "oci://x", "oci-layout:/nowhere", "https://x"])
def test_a_source_that_is_no_index_is_refused(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["list", "--source", where], {}) in (2, 3)
    assert "hint:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("list.json", "null"),
        ("list.json", '{"format": 99}'),
        ("list.json", "[" * 100_000),
        ("index.json", '{"format": "clusterbook-index/1", "overlays": [], "failures": null, "vocabulary": 1}'),
        ("recipes/eks.json", '{"recipe": [], "checks": {}, "origins": {}}'),
        ("recipes/eks.json", '{"recipe": {"metadata": {}}, "checks": {}, "origins": {}}'),
    ],
)
def test_a_part_with_other_content_is_no_bug(
    part: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = indexes.write_index(tmp_path)
    (where / part).write_text(text)
    status = [main.run([*line, "--source", str(where)], {}) for line in (["list"], ["recipe", "eks"])]
    assert 8 in status
    assert "this is a bug" not in capsys.readouterr().err


def test_a_zip_with_a_flipped_byte_is_no_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Path(f"{indexes.write_index(tmp_path)}.zip")
    data = bytearray(archive.read_bytes())
    data[data.index(b"clusterbook-index/1")] ^= 1
    archive.write_bytes(data)
    assert main.run(["list", "--source", str(archive)], {}) == 8
    assert "CB105" in capsys.readouterr().err


def test_a_damaged_index_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.json").write_text("{")
    assert main.run(["list", "--source", str(tmp_path)], {}) == 8
    (tmp_path / "index.json").write_text('{"format": "other"}')
    assert main.run(["list", "--source", str(tmp_path)], {}) == 8
    assert "index.json" in capsys.readouterr().err


def test_a_private_tree_is_resolved_on_top(ask, tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    (tmp_path / "registry.yaml").write_text("kind: ComponentRegistry\ncomponents: []\n")
    (tmp_path / "overlays" / "new.yaml").write_text(
        "kind: RecipeMetadata\nmetadata: {name: new}\nspec:\n  base: eks\n"
        "  criteria: {service: eks, accelerator: b300}\n"
        "  componentRefs: [{name: a, overrides: {x: 1}}]\n"
    )
    line = ("--service", "eks", "--gpu", "b300", "--data", str(tmp_path))
    assert ask("query", *line, "--selector", "components.a.values.x").out == "1\n"
    assert ask("query", *line, "--criteria-strict", "--selector", "x").status == 2
    assert "new" in ask("list", "--data", str(tmp_path)).out
    assert f"({tmp_path}/overlays/new.yaml:6:" in ask("explain", *line, "components.a.values.x").out
    (tmp_path / "registry.yaml").unlink()
    assert ask("query", *line, "--selector", "x").status == 8


def test_a_snapshot_gives_criteria_and_rules_overlays_out(ask, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.yaml"
    snapshot.write_text(
        "kind: Snapshot\nfingerprint: {service: {value: eks}, accelerator: h100}\n"
        "measurements:\n- type: K8s\n  subtypes:\n  - subtype: server\n    data: {version: v1.28.0}\n"
    )
    refused = ask("query", "-s", str(snapshot), "--intent", "training", "--selector", "criteria")
    assert (refused.status, refused.out) == (2, "")
    assert "CB103 h100-eks-training is not for this cluster (K8s.server.version: " in refused.err
    assert "accept h100 with --allow-inherited" in refused.err
    line = ("query", "-s", str(snapshot), "--intent", "training", "--allow-inherited", "--selector")
    assert ask(*line, "criteria").out.splitlines()[0] == "accelerator: h100"
    found = json.loads(ask(*line, "metadata", "-t", "json").out)
    assert found["excludedOverlays"] == [{"name": "h100-eks-training", "reason": "constraint-failed"}]
    assert found["constraintWarnings"][0]["actual"] == "v1.28.0"
    assert (found["slug"], found["state"]) == ("h100", "inherited")
    assert "note: h100-eks-training is left out: K8s.server.version" in ask(*line, "metadata").err
    assert ask(*line[:-2], "--service", "kind", "--selector", "metadata").status == 2


def test_a_snapshot_says_which_reading_gives_which_criterion(ask, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.yaml"
    snapshot.write_text(
        "kind: Snapshot\nfingerprint: {service: {value: eks, source: K8s.node.provider}, os: {value: plan9}}\n"
        "measurements:\n- type: GPU\n  subtypes:\n  - subtype: hardware\n    data: {model: h100}\n"
        "- type: K8s\n  subtypes:\n  - subtype: server\n    data: {version: v1.33.0}\n"
    )
    line = ("query", "-s", str(snapshot), "--intent", "training", "--selector", "criteria")
    refused = ask(*line)
    assert refused.status == 2
    assert f"{snapshot}: CB101 the snapshot's os plan9 is not in this catalog\n" in refused.err
    said = ask(*line, "--os", "any").err
    assert "note: from the snapshot: service eks (K8s.node.provider), accelerator h100 (GPU.hardware.model)\n" in said
    said = ask(*line, "--os", "any", "--accelerator", "gb200", "--allow-inherited").err
    assert "note: --accelerator gb200 is used, not h100 from the snapshot\n" in said


def test_the_quick_way_and_click_say_the_same(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ("--source", str(index))
    lines = [
        ("query", "eks", "--selector", "components.a"),
        ("query", "--service=eks", "--selector", ".", "-t", "json"),
        ("recipe", "h100-eks-training"),
        ("recipe", "--service", "eks", "--gpu", "gb200"),
        ("recipe", "--service", "eks", "--gpu", "gb200", "--allow-inherited"),
        ("recipe", "--service", "nope"),
        ("recipe", "--service", "gke"),
        ("recipe", "eks", "eks"),
        ("list",),
        ("list", "--all", "-t", "yaml"),
        ("explain", "eks", "components.a.version"),
        ("query", "eks"),
        ("query", "eks", "--selector", "a", "--selector", "b"),
        ("query", "eks", "--selector", "nope"),
    ]
    for line in lines:
        words = [line[0], *source, *line[1:]]
        said = []
        for way in (lambda w: main.run(w, {}), lambda w: main.run(w, {"CLUSTERBOOK_KEY_PASSWORD": "1"})):
            status = way(words)
            said.append((status, *capsys.readouterr()))
        assert said[0] == said[1], line


@pytest.mark.parametrize(
    ("line", "given"),
    [
        (("list",), {"CLUSTERBOOK_SERVICE": "eks"}),
        (("list", "--service", "gke"), {"CLUSTERBOOK_SERVICE": "eks"}),
        (("list",), {"CLUSTERBOOK_SERVICE": ""}),
        (("recipe",), {"CLUSTERBOOK_SERVICE": "eks", "CLUSTERBOOK_INTENT": "training"}),
        (("recipe", "eks"), {"CLUSTERBOOK_SERVICE": "eks"}),
        (("query", "eks"), {"CLUSTERBOOK_SELECTOR": "components.a"}),
        (("query", "eks", "--selector", "components.a"), {"CLUSTERBOOK_FORMAT": "json"}),
        (("recipe", "--service", "eks", "--gpu", "gb200"), {"CLUSTERBOOK_ALLOW_INHERITED": "1"}),
    ],
)
def test_the_environment_is_read_the_same_both_ways(
    line: tuple[str, ...],
    given: dict[str, str],
    index: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    words = [line[0], "--source", str(index), *line[1:]]
    said = []
    for more in ({}, {"CLUSTERBOOK_KEY_PASSWORD": "1"}):
        status = main.run(words, {**given, **more})
        said.append((status, *capsys.readouterr()))
    assert said[0] == said[1]
    assert said[0][0] in (0, 2)


def test_files_are_read_and_written_the_same_both_ways(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "criteria.yaml").write_text("kind: RecipeCriteria\nspec: {service: eks, intent: training}\n")
    (tmp_path / "config.yaml").write_text(
        "kind: ClusterbookConfig\nspec: {recipe: {criteria: {service: eks}, output: {format: json}}}\n"
    )
    target = str(tmp_path / "answer")
    for line in (
        ("recipe", "-r", str(tmp_path / "criteria.yaml"), "-o", target),
        ("recipe", "--config", str(tmp_path / "config.yaml"), "-o", target),
        ("recipe", "--config", str(tmp_path / "config.yaml"), "--service", "gke", "--os", "cos", "-o", target),
        ("query", "--config", str(tmp_path / "config.yaml"), "--selector", "criteria", "-o", target),
    ):
        said = []
        for environment in ({}, {"CLUSTERBOOK_KEY_PASSWORD": "1"}):
            status = main.run([line[0], "--source", str(index), *line[1:]], environment)
            said.append((status, *capsys.readouterr(), Path(target).read_text()))
            Path(target).unlink()
        assert said[0] == said[1], line
        assert said[0][0] == 0, said[0]


def every_word(command: Command) -> list[str]:
    """Return a line that says something to every flag and argument of a command."""
    words = []
    for flag in command.flags:
        value = flag.values[0] if flag.values else "7" if flag.number else f"a {flag.key}"
        one = [flag.names[-1]] if flag.switch else [flag.names[-1], value]
        words += [*one, flag.names[0], f"another {flag.key}"] if flag.repeated else one
    return [*words, *(f"a {argument.name}" for argument in command.arguments)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize("choose", [every_word, lambda command: [a.name for a in command.arguments if a.required]])
def test_the_scanner_and_click_read_the_same_request(command: Command, choose: Callable[[Command], list[str]]) -> None:
    asked: list[Request] = []

    def keep(request: Request, _caller: Caller) -> Reply:
        asked.append(request)
        return Reply("")

    program = Program("clusterbook", params=[click.Option(["--log-json"], is_flag=True)])
    program.add_command(click_command(command._replace(run=keep, rules=())))
    words = choose(command)
    assert program.run([command.name.rpartition(" ")[2], *words], "clusterbook") == 0
    assert asked == [scan(words, command)]
    if choose is every_word:
        names = [each.key for each in command.flags] + [each.name for each in command.arguments]
        assert all(asked[0].says(name) for name in names)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_flag_has_help_and_a_variable_of_its_own(command: Command) -> None:
    assert len({flag.variable for flag in command.flags}) == len(command.flags)
    assert [flag.key for flag in command.flags if not flag.help.endswith(".")] == []


def test_version_and_help_are_commands_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["version"], {}) == 0
    said = capsys.readouterr().out
    assert main.run(["--version"], {}) == 0
    assert capsys.readouterr().out == said
    for words in ([], ["recipe"], ["mirror", "save"]):
        assert main.run(["help", *words], {}) == 0
        said = capsys.readouterr().out
        assert main.run([*words, "--help"], {}) == 0
        assert capsys.readouterr().out == said
    assert main.run(["help", "no-such-command"], {}) == 3


def test_a_bug_shows_no_traceback_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "quick", lambda *_: 1 / 0)
    assert main.run(["list"], {}) == 8
    assert "this is a bug" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        main.run(["--debug", "list"], {})


def test_errors_can_be_json_lines(index: Path) -> None:
    said = indexes.run("--log-json", "recipe", "--source", str(index), "--service", "nope")
    line = json.loads(said.err)
    assert line["level"] == "error"
    assert 0 <= (datetime.now(UTC) - datetime.fromisoformat(line["time"])).total_seconds() < 600


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run_click(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("completion", *(command.name.partition(" ")[0] for command in COMMANDS)))


def test_help_puts_no_flag_or_command_under_a_heading_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    flags = {flag.names[0].removeprefix("--") for command in COMMANDS for flag in command.flags}
    under = [name for names in program._FLAGS.values() for name in names.split()]
    assert set(under) <= flags
    assert len(under) == len(set(under))
    shown = {name for names in program.HEADINGS.values() for name in names.split()}
    assert shown == set(commands.program.commands)
    assert commands.run_click(["bundle", "--help"]) == 0
    text = capsys.readouterr().out
    bundled = next(command for command in COMMANDS if command.name == "bundle")
    assert all(flag.names[0] in text for flag in bundled.flags)
    assert "\nSigning:\n" in text


def test_a_closed_pipe_is_no_error(index: Path) -> None:
    import subprocess
    import sys

    line = f"{sys.executable} -m clusterbook.cli.main recipe eks --source {index} | head -n 1"
    done = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["aicr.run/v1beta2", "aicr.run/v1alpha3"])
def test_a_version_for_chosen_recipes_is_written_of_those_alone(version: str) -> None:
    plain: dict[str, Any] = {"metadata": {"slug": "eks"}, "componentRefs": []}
    with pytest.raises(InvalidRequest) as caught:
        recipe_envelope(plain, version)
    assert caught.value.hint in ("write --api-version aicr.run/v1", "write --api-version aicr.run/v1alpha2")
    assert recipe_envelope({**plain, "configuration": {"x": {"mode": "y"}}}, version)["apiVersion"] == version
