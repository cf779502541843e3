"""Go templates: manifests as Helm renders them, without Helm.

The language is that of Go's text/template, with those of Helm's functions that manifests need. A bundle is a pure
function of its recipe, so nothing here reads a clock, a machine or a cluster; what Helm has and this has not is named
where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from clusterbook.gotemplate import parser
from clusterbook.gotemplate.budget import Budget
from clusterbook.gotemplate.errors import BrokenTemplate, UnknownFunction
from clusterbook.gotemplate.functions import NAMES
from clusterbook.gotemplate.machine import Template
from clusterbook.records import Any

__all__ = ["NAMES", "BrokenTemplate", "Budget", "Template", "UnknownFunction", "parse", "render"]


@lru_cache(maxsize=512)
def parse(text: str, file: str) -> Template:
    """Return the template in `text`, parsed once however often it is asked for; `file` is its name in messages.

    Raises:
        BrokenTemplate: it is no template; UnknownFunction when it calls what does not exist here.
    """
    return parser.parse(text, file)


def render(text: str, data: Mapping[str, Any], *, file: str, budget: Budget | None = None) -> str:
    """Return what the template in `text` gives for `data`, whose keys are `Values`, `Release` and `Chart`.

    Source: reference row B7; Helm 3.22, pkg/engine. `budget` is what several renderings may make together.

    Raises:
        BrokenTemplate: it is no template, or a value is missing or of a type that it cannot use.
    """
    return parse(text, file).render(data, budget)
