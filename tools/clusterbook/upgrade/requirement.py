"""Requirements: what has to hold before the first step: constraints of the new recipe, and kinds that it needs.

Of a constraint that both sides have nothing is asked anew. One that asks for no more than before, holds as it did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from clusterbook.bundle.advice import Need
from clusterbook.records import NamedTuple
from clusterbook.upgrade.note import UpgradeNote

_FLOOR = re.compile(r">=\s*v?(\d+(?:\.\d+)*)")


class UpgradeRequirement(NamedTuple):
    """One requirement: what it is about, before and after, whether it is known to hold, and what there is to do."""

    name: str
    before: str
    after: str
    holds: bool | None
    note: UpgradeNote


def requirements(
    before: Mapping[str, str],
    after: Mapping[str, str],
    is_cluster: bool,
    holds: Callable[[str, str], bool | None],
    needs: Iterable[Need],
) -> Iterator[UpgradeRequirement]:
    """Yield what has to hold before an upgrade and did not have to before.

    Args:
        before: the constraints of what is installed; none where that is a cluster.
        after: those of what is meant to be.
        is_cluster: whether a cluster was asked, so that `holds` can tell.
        holds: whether a constraint holds on that cluster; None where nobody can tell.
        needs: kinds that nothing in the bundle brings.
    """
    for name, value in after.items():
        was = before.get(name, "")
        if was == value or (was and _asks_no_more(was, value)):
            continue
        known = holds(name, value) if is_cluster else None
        more = f" (before: {was})" if was else ""
        note = UpgradeNote("requires", f"{name} has to be {value}{more}", "", needs_you=known is not True)
        if known is True:
            note = note._replace(text=f"{note.text}; the cluster is")
        elif known is False:
            note = note._replace(text=f"{note.text}, and the cluster is not", do="bring the cluster there first")
        else:
            note = note._replace(do="clusterbook validate, with a snapshot, says whether it holds")
        yield UpgradeRequirement(name, was, value, known, note)
    for need in needs:
        text = f"{', '.join(need.components)} needs {', '.join(need.kinds)}, which nothing in the bundle brings"
        note = UpgradeNote("kinds", text, need.how, needs_you=True)
        yield UpgradeRequirement(", ".join(need.kinds), "", "is known to the cluster", None, note)


def _asks_no_more(before: str, after: str) -> bool:
    """Return whether whoever meets the old floor meets the new one; of anything but two floors nobody says so."""
    one, other = _FLOOR.fullmatch(before.strip()), _FLOOR.fullmatch(after.strip())
    if one is None or other is None:
        return False
    low, high = ([int(part) for part in each[1].split(".")] for each in (other, one))
    return low <= high
