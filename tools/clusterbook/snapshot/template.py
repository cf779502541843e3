"""Templates of users: a snapshot written the way somebody wants to read it, with Jinja2.

A template computes text and nothing else: it reads no file and calls nothing but what it is given.
Source: reference row S34, whose Go templates are recognised and refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.diagnostics.printable import one_line
from clusterbook.documents.yaml_writer import dump
from clusterbook.snapshot.constraint import parse_path
from clusterbook.snapshot.model import KIND, Snapshot, read_snapshot
from clusterbook.snapshot.reading import lookup

_GO = re.compile(
    r"\{\{-?\s*(?:(?:if|range|with|template|define|block|printf|len|index|not|and|or|eq|ne|gt|lt)\s+[.$(\"]"
    r"|\.[A-Za-z]|\$\w*\s*:?=|(?:end|else)\s*-?\}\}|/\*)"
)
"""What only a Go template says."""
_NAME = "<template>"


def render_snapshot(template: str, document: Mapping[str, Any], where: str) -> str:
    """Return what a template makes of a snapshot.

    The template has the snapshot's parts by name (`kind`, `metadata`, `measurements`, …), all of it as `snapshot`, and
    `reading("OS.release.ID", default)`, whose path is written as in a constraint. `where` is what messages call it.
    What strangers wrote stays on its line and can be seen; the filters `yaml` and `json` give it is.

    Raises:
        InvalidRequest: the template cannot be read, or asks for something that is not there.
    """
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["yaml"] = lambda value: dump(_raw(value))
    environment.filters["json"] = lambda value: json.dumps(_raw(value), indent=2, sort_keys=True)
    taken, shown = read_snapshot(document), _printable(document)
    parts = {name: shown.get(name) or [] for name in ("measurements", "objects", "releases", "coverage")}
    parts |= {name: shown.get(name) or {} for name in ("metadata", "fingerprint")}
    parts |= {"kind": shown.get("kind") or KIND, "apiVersion": shown.get("apiVersion") or ""}
    try:
        made = environment.from_string(template)
        made.filename = _NAME
        return made.render(**parts, snapshot=shown, reading=lambda path, *default: _reading(taken, path, default))
    except TemplateSyntaxError as error:
        raise _broken(template, where, error.lineno, error.message or "it is not a template") from error
    except Exception as error:
        raise _broken(template, where, _line(error.__traceback__), _error_text(error)) from error


class _ForeignText(str):
    """Text of a stranger as one line of what can be seen; `raw` is what it was, for whoever escapes by himself."""

    raw: str


def _printable(value: Any) -> Any:
    """Return a value as templates see it: strangers' texts stay on their lines, and can be seen."""
    if isinstance(value, str):
        if value.isprintable():
            return value
        foreign = _ForeignText(one_line(value))
        foreign.raw = value
        return foreign
    if isinstance(value, Mapping):
        return {_printable(key): _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list) else value


def _raw(value: Any) -> Any:
    """Return a value as it was, for filters whose form escapes what it has to."""
    if isinstance(value, Mapping):
        return {_raw(key): _raw(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_raw(each) for each in value]
    return value.raw if isinstance(value, _ForeignText) else value


def _reading(snapshot: Snapshot, path: str, default: tuple[Any, ...]) -> Any:
    """Return one reading, or the default where there is one and nothing was measured."""
    try:
        return _printable(lookup(snapshot, parse_path(path)))
    except ClusterbookError:
        if default:
            return default[0]
        raise


def _broken(template: str, where: str, line: int, what: str) -> InvalidRequest:
    """Return the error for a template; a Go template gets told what it is."""
    go = _GO.search(template)
    if go:
        return InvalidRequest(
            f"this is a Go template: {go[0].strip()}",
            place=f"{where}:{template.count(chr(10), 0, go.start()) + 1}",
            hint="convert it to Jinja2: {{ metadata.timestamp }}, {% for m in measurements %} … {% endfor %}",
        )
    return InvalidRequest(what, place=f"{where}:{line}", hint="")


def _error_text(error: Exception) -> str:
    return error.what if isinstance(error, ClusterbookError) else f"{error}" or type(error).__name__


def _line(trace: TracebackType | None) -> int:
    """Return the line of the template in which something went wrong: the innermost that is one of its own."""
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in (_NAME, "<template>"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
