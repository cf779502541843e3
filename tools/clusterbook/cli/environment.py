"""The environment: which variables of ours there are. One that sets nothing is a mistake, and is not passed over.

Both programs begin their variables alike; those of `clusterbook-build` go on with BUILD.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from clusterbook.cli.flags import ANYWHERE, BUILD, VARIABLES
from clusterbook.diagnostics.errors import InvalidRequest, nearest

OTHERS = (*(flag.variable for flag in ANYWHERE), f"{VARIABLES}KEY_PASSWORD")
"""The variables that are no command's flags: those of the program itself, and what no command line should say."""
_OF_A_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
"""What Kubernetes tells pods of a service called clusterbook. Source: Kubernetes, "Accessing the Service"."""


def refuse_unknown(environment: Mapping[str, str], variables: Iterable[str]) -> None:
    """Refuse a variable that begins like ours and is none of `variables`, those of the flags that there are.

    Raises:
        InvalidRequest: naming it, and the nearest one.
    """
    known = {*OTHERS, *variables}
    for name in sorted(environment):
        if not name.startswith(VARIABLES) or name in known or not environment[name]:
            continue
        if "KUBERNETES_SERVICE_HOST" in environment and _OF_A_SERVICE.fullmatch(name):
            continue
        if name.startswith(BUILD) and not any(each.startswith(BUILD) for each in known):
            continue
        lead = BUILD if name.startswith(BUILD) else VARIABLES
        near = nearest(name.removeprefix(lead), [each.removeprefix(lead) for each in known if each.startswith(lead)])
        hint = f"did you mean {lead}{near}?" if near else f"a flag --some-flag is {lead}SOME_FLAG"
        raise InvalidRequest(f"the variable {name} sets no flag", hint=f"{hint}; else unset it")
