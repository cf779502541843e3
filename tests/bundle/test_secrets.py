"""Secrets in options: none is repeated in a message, and one that would be written down is warned of.

Attack: "secrets in text" of the review of trust.
"""

from __future__ import annotations

import pytest

from clusterbook.bundle.options import read_options
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.whole_recipes import small

SECRET = "hunter2-correct-horse"  # noqa: S105


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("set", f"operator.adminPassword={SECRET}"),
        ("set", f"operator:adminPassword..x={SECRET}"),
        ("set", f":adminPassword={SECRET}"),
        ("set", f"operator:adminPassword:{SECRET}"),
        ("set", f"operator:admin Password={SECRET}"),
        ("setJson", f"operator.adminPassword={SECRET}"),
        ("setJson", f'operator:adminPassword="{SECRET}'),
        ("setFile", f"operator:adminPassword={SECRET}"),
        ("dynamic", f"operator:adminPassword={SECRET}"),
        ("dynamic", f"operator:adminPassword:{SECRET}"),
        ("repo", f"https://ann:{SECRET}@git.example/x y"),
        ("repo", f"https://ann:{SECRET}@git.example/x"),
    ],
)
def test_a_mistyped_option_does_not_repeat_its_value(option: str, word: str) -> None:
    request = {"deployer": "flux", option: word if option == "repo" else [word]}
    with pytest.raises(InvalidRequest) as caught:
        read_options(request)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("word", [f"operator:enabled={SECRET}", f"operator:driver={SECRET}", f"nobody:x={SECRET}"])
def test_an_option_that_does_not_fit_the_recipe_does_not_repeat_its_value(word: str) -> None:
    recipe = small(operator={"values": {"driver": {"version": "1"}}})
    with pytest.raises(InvalidRequest) as caught:
        render(recipe, {"set": [word]}, "1.0")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [
        {"set": [f"operator:adminPassword={SECRET}"]},
        {"set": [f"operator:registry.password={SECRET}"]},
        {"setJson": [f'operator:auth={{"clientSecret": "{SECRET}-X9"}}']},
        {"set": ["operator:env.value=ghp_0123456789abcdefghijABCDEFGHIJ0123456789"]},
        {"setJson": ['operator:env=[{"url": "https://ann:hunter22@h.example/"}]']},
    ],
)
def test_a_value_that_looks_like_a_secret_is_warned_of_and_not_repeated(request_: dict[str, list[str]]) -> None:
    notes = [note for note in render(small(), request_, "1.0").notes if "looks like a secret" in note]
    assert len(notes) == 1
    assert "--dynamic operator:" in notes[0]
    assert not any(secret in notes[0] for secret in (SECRET, "ghp_", "hunter22"))


@pytest.mark.parametrize(
    "word", ["operator:adminPassword=$PASSWORD", "operator:existingSecret=grafana-admin", "operator:image.tag=1.2.3"]
)
def test_the_name_of_a_secret_is_not_warned_of(word: str) -> None:
    assert not any("looks like a secret" in note for note in render(small(), {"set": [word]}, "1.0").notes)
