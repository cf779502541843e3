"""Upgrade records: the transitions of one component, as values.

A record is data: it says what is known of a step from one version to another, and decides nothing about a cluster.
Imports next to nothing, since an index carries records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterbook.records import Any, NamedTuple
from clusterbook.transition.version_range import VersionRange, rank, read_range

SAFE, MANUAL, BLOCKED = "safe", "manual", "blocked"


class UpgradeStep(NamedTuple):
    """One step that somebody takes."""

    id: str
    description: str
    reason: str = ""


class StepGroup(NamedTuple):
    """The steps with some deployers; () are those that no other group names."""

    deployers: tuple[str, ...]
    steps: tuple[UpgradeStep, ...]


class AffectedResources(NamedTuple):
    """Objects of a cluster that a transition concerns."""

    group: str
    kinds: tuple[str, ...]


class Transition(NamedTuple):
    """What it takes to come from a version in `start` into `target`; `reversible` is None where nobody says."""

    start: VersionRange
    target: VersionRange
    verdict: str
    summary: str
    verified_by: str = ""
    precondition: str = ""
    reversible: bool | None = None
    reversible_notes: str = ""
    resources: tuple[AffectedResources, ...] = ()
    groups: tuple[StepGroup, ...] = ()
    references: tuple[str, ...] = ()

    def crossed(self, old: str, new: str) -> bool:
        """Return whether a jump from `old` to `new` crosses this transition, wherever it may start from.

        It does when it starts below the versions that the transition leads to, and reaches them.
        """
        return rank(new) is not None and self.target.starts_above(old) and not self.target.starts_above(new)

    def document(self) -> dict[str, Any]:
        """Return the transition as its file says it; what nobody says is absent."""
        said = {
            "from": self.start.text,
            "to": self.target.text,
            "verdict": self.verdict,
            "verifiedBy": self.verified_by,
            "summary": self.summary,
            "precondition": self.precondition,
            "reversible": self.reversible,
            "reversibleNotes": self.reversible_notes,
            "affectedResources": [{"group": each.group, "kinds": list(each.kinds)} for each in self.resources],
            "stepsByDeployer": [
                {
                    **({"deployers": list(group.deployers)} if group.deployers else {}),
                    "steps": [{name: word for name, word in step._asdict().items() if word} for step in group.steps],
                }
                for group in self.groups
            ],
            "references": list(self.references),
        }
        return {key: value for key, value in said.items() if value not in ("", None, [])}

    def steps(self, deployer: str) -> tuple[UpgradeStep, ...]:
        """Return the steps with a deployer: those of the group that names it, else those for the rest."""
        named = [group for group in self.groups if deployer in group.deployers]
        rest = [group for group in self.groups if not group.deployers]
        return next((group.steps for group in (*named, *rest)), ())


class UpgradeRecord(NamedTuple):
    """The transitions of one component, in the order of its file, which is `file`."""

    component: str
    file: str
    transitions: tuple[Transition, ...]

    def crossed(self, old: str, new: str) -> tuple[Transition, ...]:
        """Return the transitions that a jump crosses."""
        return tuple(each for each in self.transitions if each.crossed(old, new))


def read_record(document: Mapping[str, Any], file: str = "") -> UpgradeRecord:
    """Return the record that a document of the right shape is; `file` is where it stands, "" where nobody says."""
    return UpgradeRecord(str(document["component"]), file, tuple(_transitions(document)))


def _boolean(value: object) -> bool | None:
    """Return what somebody says who may have put true or false in quotes."""
    return {"true": True, "false": False}.get(str(value).lower())


def _transitions(document: Mapping[str, Any]) -> Iterator[Transition]:
    for each in document["transitions"]:
        start, target = read_range(str(each["from"])), read_range(str(each["to"]))
        if start is None or target is None:
            continue  # what has the shape has none of them
        yield Transition(
            start=start,
            target=target,
            verdict=str(each["verdict"]),
            summary=str(each["summary"]),
            verified_by=str(each.get("verifiedBy") or ""),
            precondition=str(each.get("precondition") or ""),
            reversible=_boolean(each.get("reversible")),
            reversible_notes=str(each.get("reversibleNotes") or ""),
            resources=tuple(
                AffectedResources(str(found.get("group") or ""), tuple(map(str, found["kinds"])))
                for found in each.get("affectedResources") or ()
            ),
            groups=tuple(
                StepGroup(
                    tuple(map(str, group.get("deployers") or ())),
                    tuple(
                        UpgradeStep(str(step["id"]), str(step["description"]), str(step.get("reason") or ""))
                        for step in group["steps"]
                    ),
                )
                for group in each.get("stepsByDeployer") or ()
            ),
            references=tuple(map(str, each.get("references") or ())),
        )
