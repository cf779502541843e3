"""Replies: which function answers which command.

Knows the commands of flags.COMMANDS. Does not know how an answer is found (`answers`, `judging`) nor how it is printed.
Part of every look-up, so what only some commands need is imported for them.
"""

from __future__ import annotations

from clusterbook.cli.flags import JUDGEMENTS
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.lookup import find as answers
from clusterbook.lookup.find import MissingFlag, Options, Reply


def respond(command: str, options: Options, arguments: list[str]) -> Reply:
    """Return the reply of a command of flags.COMMANDS.

    Raises:
        ClusterbookError: with the exit status that fits.
    """
    if command == "list":
        return answers.listing(options)
    if command in JUDGEMENTS:
        from clusterbook.cli import validate as judging

        return judging.validate(options, *arguments) if command == "validate" else judging.fit(options, *arguments)
    if command == "recipe":
        return answers.recipe(options, *arguments)
    if command == "query":
        slug, path = (*arguments, "", "")[:2]
        if path and "selector" in options:
            raise InvalidRequest("both --selector and a path were given", hint="give one of them")
        if not path and "selector" not in options:
            raise MissingFlag("--selector is missing", hint="type --selector components.gpu-operator.version, say")
        return answers.query({"selector": path, **options}, slug)
    slug, path = (*arguments, "", "")[:2]
    return answers.explain(options, slug, path)
