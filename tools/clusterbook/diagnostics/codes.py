"""Codes: one for each kind of finding, with what it means and how to mend it.

A code is declared beside the rule that finds it, and gathered for the page on the site and for SARIF, so that a
message, a report and the page say the same. Codes are stable: one that is no longer used is given to nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import NamedTuple

from clusterbook.diagnostics.findings import Finding, Place, Severity


class Code(NamedTuple):
    """One kind of finding: `title` is what is wrong in few words, `why` why it matters, `mend` what to do about it."""

    code: str
    title: str
    severity: Severity
    why: str
    mend: str

    def finding(self, place: Place, what: str, hint: str = "", severity: Severity | None = None) -> Finding:
        """Return a finding of this kind; its severity is that of the code unless it is given."""
        return Finding(self.code, place, what, hint, severity or self.severity)


def gather(modules: Iterable[ModuleType]) -> dict[str, Code]:
    """Return the codes that `modules` declare, by code and sorted by it.

    Raises:
        ValueError: two kinds of finding have the same code, which is a bug of ours.
    """
    codes: dict[str, Code] = {}
    for module in modules:
        for code in vars(module).values():
            if isinstance(code, Code) and codes.setdefault(code.code, code) != code:
                raise ValueError(f"{code.code} is both '{codes[code.code].title}' and '{code.title}'")
    return dict(sorted(codes.items()))
