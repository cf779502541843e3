"""Bundle configuration: what a configuration file adds to the command line of `bundle`.

Knows that flags count more than the file, and says where they do. Does not know the fields of the file: `config` does.
Source: reference rows G6, G7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.options import REPEATED, concerns, flag
from clusterbook.cli.config import bundle_options, read_config, recipe_flags, unread_parts

_ELSEWHERE = ("output", "format")
"""Where a recipe goes is not asked of it."""


class Configured(NamedTuple):
    """Options by name, the question by flag key and the output, file and flags together; and what to say about it."""

    request: dict[str, Any]
    asked: dict[str, str]
    output: str
    notes: tuple[str, ...]


def configured(request: Mapping[str, Any], asked: Mapping[str, str], output: str, slug: str) -> Configured:
    """Return what a command line with `--config` asks for.

    Raises:
        ClusterbookError: the file cannot be read, or a field of it is unknown or wrong.
    """
    where = asked["config"]
    config = read_config(where)
    options = bundle_options(config)
    target, recipe = str(options.pop("output", "")), options.pop("recipe", None)
    notes = [f"{where}: {part} is not read when a bundle is made" for part in unread_parts(config)]
    if "deployer" in request and request["deployer"] != options.get("deployer"):
        notes += _without_strangers(options, str(request["deployer"]), where)
    handed_in = {"recipe": str(recipe)} if recipe and not slug else {}
    criteria = {} if handed_in or slug or "recipe" in asked else recipe_flags(config)
    criteria = {key: word for key, word in criteria.items() if key not in _ELSEWHERE}
    notes += _overridden(options, request, where)
    notes += [
        f"--{key.replace('_', '-')} {asked[key]} counts, not {word} of {where}"
        for key, word in {**criteria, **handed_in}.items()
        if asked.get(key, word) != word
    ]
    if output and target and output != target:
        notes.append(f"--output {output} counts, not {target} of {where}")
    return Configured({**options, **request}, {**criteria, **handed_in, **asked}, output or target, tuple(notes))


def _without_strangers(options: dict[str, Any], deployer: str, where: str) -> Iterator[str]:
    """Take out what is meant for the deployer of the file, not for that of the command line; yield notes about it."""
    for option in [option for option in options if not concerns(option, deployer)]:
        del options[option]
        yield f"{where}: {option} means nothing to the deployer {deployer}, and is left out"
    words = options.get("set", [])
    if not deployer.startswith("argocd") and any(word.startswith("deployer:") for word in words):
        options["set"] = [word for word in words if not word.startswith("deployer:")]
        yield f"{where}: settings of the deployer mean nothing to {deployer}, and are left out"


def _overridden(options: Mapping[str, Any], request: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield notes about the options of the file that flags take the place of."""
    for option in options:
        if option not in request or request[option] == options[option]:
            continue
        if option in REPEATED:
            yield f"{flag(option)} of the command line counts, not that of {where}"
        else:
            yield f"{flag(option)} {request[option]} counts, not {options[option]} of {where}"
