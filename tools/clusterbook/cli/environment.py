"""The environment: which variables of ours there are. One that sets nothing is a mistake, and is not passed over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from clusterbook.cli.flags import VARIABLES, Flag
from clusterbook.diagnostics.errors import InvalidRequest, nearest

OTHERS = (f"{VARIABLES}DEBUG", f"{VARIABLES}LOG_JSON", f"{VARIABLES}KEY_PASSWORD")
"""The variables that are no command's flags: those of `clusterbook` itself, and what no command line should say."""
_OF_A_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
"""What Kubernetes tells pods of a service called clusterbook. Source: Kubernetes, "Accessing the Service"."""


def refuse_unknown(environment: Mapping[str, str], flags: Iterable[Flag]) -> None:
    """Refuse a variable that begins like ours and sets no flag of any command.

    Raises:
        InvalidRequest: naming it, and the nearest one.
    """
    known = {*OTHERS, *(flag.variable for flag in flags)}
    for name in sorted(environment):
        if not name.startswith(VARIABLES) or name in known or not environment[name]:
            continue
        if "KUBERNETES_SERVICE_HOST" in environment and _OF_A_SERVICE.fullmatch(name):
            continue
        near = nearest(name.removeprefix(VARIABLES), [each.removeprefix(VARIABLES) for each in known])
        hint = f"did you mean {VARIABLES}{near}?" if near else f"a flag --some-flag is {VARIABLES}SOME_FLAG"
        raise InvalidRequest(f"the variable {name} sets no flag", hint=f"{hint}; else unset it")
