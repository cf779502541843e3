"""What a configuration says to `list`, `verify` and `diff`; flags win over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.documents.yaml_writer import dump
from tests.support import indexes
from tests.support.clusters import FILES
from tests.support.indexes import Said
from tests.support.whole_recipes import small

Ask = Callable[..., Said]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)
    index = indexes.write_index(tmp_path)

    def call(spec: str, *words: str) -> Said:
        Path("config.yaml").write_text(f"kind: ClusterbookConfig\nspec: {spec}\n", encoding="utf-8")
        environment = {"CLUSTERBOOK_SOURCE": str(index)} if words[0] in ("list", "bundle") else {}
        config = () if words[0] == "bundle" else ("--config", "config.yaml")
        status = main.run([*words, *config], environment)
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def test_list_is_narrowed_by_its_criteria(ask: Ask) -> None:
    everything = ask("{}", "list", "-t", "json").out
    narrowed = ask("{recipe: {criteria: {service: gke}}}", "list", "-t", "json")
    assert narrowed.status == 0
    assert narrowed.out != everything
    assert ask("{recipe: {criteria: {service: gke}}}", "list", "-t", "json", "--service", "eks").out != narrowed.out
    wrong = ask("{recipe: {criteria: {service: nonsense}}}", "list")
    assert (wrong.status, wrong.out) == (2, "")
    # what one recipe is chosen and written by narrows no list
    of_one = "{recipe: {output: {path: written.json}, allowInherited: true, criteria: {nodes: 3}}}"
    assert ask(of_one, "list", "-t", "json").out == everything
    assert not Path("written.json").exists()


def test_verify_takes_how_much_has_to_be_known_and_whom_to_trust(ask: Ask) -> None:
    Path("recipe.yaml").write_text(dump(small()), encoding="utf-8")
    assert ask("{}", "bundle", "-r", "recipe.yaml", "-o", "b").status == 0
    assert ask("{verify: {minTrustLevel: unverified}}", "verify", "b").status == 0
    assert ask("{}", "verify", "b").status != 0
    assert ask("{verify: {minTrustLevel: unverified}}", "verify", "b", "--min-trust-level", "verified").status != 0
    refused = ask("{verify: {minTrustLevel: unverified, requireCreator: somebody}}", "verify", "b")
    assert refused.status != 0
    for spec in ("{policy: nowhere.yaml}", "{key: [nowhere.pub]}", "{from: nowhere}"):
        missing = ask(f"{{verify: {{minTrustLevel: unverified}}, fetch: {spec}}}", "verify", "b")
        assert missing.status != 0
        assert "nowhere" in missing.err
    wrong = ask("{verify: {minTrustLevel: nonsense}}", "verify", "b")
    assert wrong.status == 2


def test_diff_leaves_out_what_it_is_told_to(ask: Ask) -> None:
    Path("old.yaml").write_text(dump(FILES["h100-eks"]), encoding="utf-8")
    Path("new.yaml").write_text(dump({**FILES["h100-eks"], "fingerprint": {"service": "gke"}}), encoding="utf-8")
    assert ask("{diff: {exitCode: true}}", "diff", "old.yaml", "new.yaml").status == 10
    assert ask("{diff: {exitCode: true, ignore: ['*']}}", "diff", "old.yaml", "new.yaml").status == 0
    # which changes of a cluster are told is no question where two recipes are compared
    Path("a.yaml").write_text(dump(small()), encoding="utf-8")
    Path("b.yaml").write_text(dump(small(crds={"version": "v9"})), encoding="utf-8")
    assert ask("{diff: {exitCode: true, ignore: ['*']}}", "diff", "a.yaml", "b.yaml").status == 10
    assert ask("{}", "diff", "a.yaml", "b.yaml", "--ignore", "*").status == 2
    assert "CB012" not in ask("{diff: {format: json}}", "diff", "a.yaml", "b.yaml").err
    assert ask("{diff: {format: json}}", "diff", "a.yaml", "b.yaml").out.startswith("{")
    assert ask("{diff: {sevurity: info}}", "diff", "a.yaml", "b.yaml").status == 2
