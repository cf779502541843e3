"""Requirements: what has to hold before the first step: constraints of the new recipe, and kinds that it needs.

A constraint that no cluster fails which met that of before holds as it did: the rule by which versions are numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from clusterbook.bundle.advice import Need
from clusterbook.records import NamedTuple
from clusterbook.snapshot.tightening import tightens
from clusterbook.upgrade.note import UpgradeNote


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
        if was and not tightens({"value": was}, {"value": value}):
            continue
        known = holds(name, value) if is_cluster else None
        more = f" (before: {was})" if was else ""
        note = UpgradeNote("requires", f"{name} must be {value}{more}", "", needs_you=known is not True)
        if known is True:
            note = note._replace(text=f"{note.text}; the cluster is")
        elif known is False:
            note = note._replace(text=f"{note.text}, and the cluster is not", do="change the cluster first")
        else:
            note = note._replace(do="check it with clusterbook validate and a snapshot")
        yield UpgradeRequirement(name, was, value, known, note)
    for need in needs:
        text = f"{', '.join(need.components)} needs {', '.join(need.kinds)}, which the bundle does not include"
        note = UpgradeNote("kinds", text, need.how, needs_you=True)
        yield UpgradeRequirement(", ".join(need.kinds), "", "is present in the cluster", None, note)
