"""Reports: a plan for reading, for a change request, and as the document `UpgradePlan`.

What needs you comes first, whoever reads.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from clusterbook.documents.api_version import API_VERSION
from clusterbook.records import Any
from clusterbook.upgrade.kinds import KindStep
from clusterbook.upgrade.note import UpgradeNote
from clusterbook.upgrade.plan import ACTIONS, COMES, GOES, STAYS, ReleaseStep, UpgradePlan
from clusterbook.upgrade.requirement import UpgradeRequirement
from clusterbook.upgrade.side import PlacedRelease
from clusterbook.upgrade.values import UNPROVEN, ValueStep

KIND = "UpgradePlan"
_LONGEST = 60


def report(plan: UpgradePlan, form: str) -> str:
    """Return a plan as text, markdown or json, ending in a newline."""
    return FORMS[form](plan)


def headline(plan: UpgradePlan) -> str:
    """Return in one line what becomes of how many releases."""
    counts = Counter(step.action for step in plan.steps)
    parts = [f"{counts[action]} {_WORDS[action]}" for action in ACTIONS if counts[action]]
    needs = len(plan.needs())
    asks = f"; {needs} thing{'' if needs == 1 else 's'} need{'s' if needs == 1 else ''} you" if needs else ""
    return f"{plan.old} → {plan.new}: {len(plan.steps)} releases: {', '.join(parts) or 'none'}{asks}"


_WORDS = {
    "comes": "come", "goes": "go", "renamed": "renamed", "moves": "move", "upgrades": "upgraded",
    "changes": "with other values", "stays": "unchanged",
}  # fmt: skip


def as_data(plan: UpgradePlan) -> dict[str, Any]:
    """Return a plan as the document that `upgrade.schema` describes."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"from": plan.old, "to": plan.new, "deployer": plan.deployer},
        "spec": {
            "needsYou": [{**({"release": name} if name else {}), **_note_data(note)} for name, note in plan.needs()],
            "requirements": [_requirement_data(each) for each in plan.requirements],
            "notes": [_note_data(note) for note in plan.notes],
            "releases": [_step_data(step) for step in plan.steps],
        },
    }


def _requirement_data(requirement: UpgradeRequirement) -> dict[str, Any]:
    return {
        "name": requirement.name,
        **({"before": requirement.before} if requirement.before else {}),
        "after": requirement.after,
        **({"holds": requirement.holds} if requirement.holds is not None else {}),
    }


def _kind_data(kind: KindStep) -> dict[str, Any]:
    lost = {"lost": list(kind.lost)} if kind.lost else {}
    return {"name": kind.name, "change": kind.change, "how": kind.how, **lost}


def _step_data(step: ReleaseStep) -> dict[str, Any]:
    found: dict[str, Any] = {"release": step.release.name, "component": step.release.component, "action": step.action}
    found |= {"before": _release_data(step.before)} if step.before else {}
    found |= {"after": _release_data(step.after)} if step.after else {}
    if step.values:
        found["values"] = [_value_data(each) for each in step.values]
    if step.manifests:
        found["manifests"] = list(step.manifests)
    if step.kinds:
        found["kinds"] = [_kind_data(each) for each in step.kinds]
    if step.verdict is not None:
        steps = [{"id": each.id, "description": each.description} for each in step.verdict.steps]
        found["record"] = {
            "verdict": step.verdict.verdict, "why": step.verdict.why, **({"steps": steps} if steps else {}),
        }  # fmt: skip
    if step.notes:
        found["notes"] = [_note_data(note) for note in step.notes]
    if step.unproven:
        found["unproven"] = list(step.unproven)
    return {**found, "undo": {"possible": step.undo.possible, "why": step.undo.why}}


def _release_data(release: PlacedRelease) -> dict[str, Any]:
    words = {
        "release": release.name, "namespace": release.namespace, "chart": release.chart,
        "repository": release.repository, "version": release.version,
    }  # fmt: skip
    return {key: word for key, word in words.items() if word}


def _value_data(step: ValueStep) -> dict[str, Any]:
    return {
        "pointer": step.pointer,
        **({"before": step.before[0]} if step.before else {}),
        **({"after": step.after[0]} if step.after else {}),
        "effect": step.effect,
        **({"changes": list(step.changes)} if step.changes else {}),
        **({"more": step.more} if step.more else {}),
    }


def _note_data(note: UpgradeNote) -> dict[str, Any]:
    words = {"topic": note.topic, "text": note.text, "do": note.do}
    return {**{key: word for key, word in words.items() if word}, "needsYou": note.needs_you}


def _json(plan: UpgradePlan) -> str:
    return json.dumps(as_data(plan), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


# --- for reading ------------------------------------------------------------------------------------------------------


def _text(plan: UpgradePlan) -> str:
    lines = [headline(plan)]
    if needs := plan.needs():
        lines += ["", "Manual steps"]
        for number, (name, note) in enumerate(needs, 1):
            lines.append(f"  {number}. {f'{name}: ' if name else ''}{note.text}")
            lines += [f"     {note.do}"] if note.do else []
    satisfied = [each for each in plan.requirements if not each.note.needs_you]
    lines += ["", "Already met", *(f"  {each.note.text}" for each in satisfied)] if satisfied else []
    lines += ["", "Releases, in the order in which they are installed"]
    for step in plan.steps:
        if step.action in (STAYS, GOES):
            continue
        lines.append(f"  {_title(step)}")
        lines += [f"      {line}" for line in _details(step)]
    for action, heading in ((GOES, "Releases that are removed, once all others are installed"), (STAYS, "Unchanged")):
        steps = [step for step in plan.steps if step.action == action]
        lines += ["", heading] if steps else []
        if action == STAYS and steps:
            lines.append(f"  {', '.join(step.release.name for step in steps)}")
            continue
        for step in steps:
            lines.append(f"  {_title(step)}")
            lines += [f"      {line}" for line in _details(step)]
    lines += ["", "Besides", *(f"  {note.text}" for note in plan.notes)] if plan.notes else []
    return "\n".join(lines) + "\n"


def _title(step: ReleaseStep) -> str:
    before, after = step.before, step.after
    if before is None or after is None:
        word = "+" if step.action == COMES else "-"
        return f"{word} {step.release.name} {step.release.version}".rstrip() + f" ({step.release.namespace})"
    name = after.name if before.name == after.name else f"{before.name} → {after.name}"
    version = after.version if before.version == after.version else f"{before.version or 'none'} → {after.version}"
    return f"{name} {version}".rstrip()


def _details(step: ReleaseStep) -> Iterator[str]:
    """Yield what there is to say of a step, in a line each."""
    before, after = step.before, step.after
    if before is not None and after is not None:
        for what, one, other in (
            ("namespace", before.namespace, after.namespace),
            ("chart", before.chart, after.chart),
            ("repository", before.repository or after.repository, after.repository),
        ):
            if one != other:
                yield f"{what}: {one or 'none'} → {other or 'none'}"
    dropped = [each for each in step.values if not each.after and each.effect == UNPROVEN]
    for value in step.values:
        if value not in dropped:
            yield f"{value.path}: {_word(value.before)} → {_word(value.after)}  [{_effect(value)}]"
    if dropped:
        paths = ", ".join(f"{each.path} ({_word(each.before)})" for each in dropped)
        yield f"no longer set, effect not proven: {paths}"
    if step.manifests:
        yield f"manifests: {', '.join(step.manifests)}"
    for kind in step.kinds:
        lost = f"; no longer served: {', '.join(kind.lost)}" if kind.lost else ""
        yield f"kind {kind.name} {kind.change}: {kind.how}{lost}"
    if step.verdict is not None:
        yield f"record: {step.verdict.verdict}: {step.verdict.why}"
    for note in step.notes:
        if not note.needs_you:
            yield note.text
    for what in step.unproven:
        yield f"not proven: {what}"
    yield f"undo: {step.undo.possible}: {step.undo.why}"


def _word(value: tuple[Any, ...]) -> str:
    if not value:
        return "not set"
    text = json.dumps(value[0], ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _effect(value: ValueStep) -> str:
    if value.effect == UNPROVEN:
        return "not proven"
    if not value.changes:
        return value.effect
    more = len(value.changes) - 1 + value.more
    return f"{value.effect}: {value.changes[0]}{f' and {more} more' if more else ''}"


def _markdown(plan: UpgradePlan) -> str:
    """Return a plan for a change request: what needs you as a list to tick, then a table, then all of it."""
    lines = [f"# {_escape(headline(plan))}", ""]
    if needs := plan.needs():
        lines += ["## Manual steps", ""]
        for name, note in needs:
            lines.append(f"- [ ] {f'**{_escape(name)}**: ' if name else ''}{_escape(note.text)}")
            lines += [f"  - {_escape(note.do)}"] if note.do else []
        lines.append("")
    lines += ["## Releases", "", "| release | what | before | after | undo |", "|---|---|---|---|---|"]
    for step in plan.steps:
        cells = (
            step.release.name,
            step.action,
            step.before.version if step.before else "",
            step.after.version if step.after else "",
            step.undo.possible,
        )
        lines.append(f"| {' | '.join(_escape(cell).replace('|', '&#124;') for cell in cells)} |")
    for step in plan.steps:
        details = list(_details(step))
        if step.action != STAYS:
            lines += ["", f"### {_escape(_title(step))}", "", *(f"- {_escape(line)}" for line in details)]
    lines += ["", "## Besides", "", *(f"- {_escape(note.text)}" for note in plan.notes)] if plan.notes else []
    return "\n".join(lines) + "\n"


_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\`*_<>[]#"})


def _escape(text: str) -> str:
    """Return text as Markdown that reads like it."""
    return " ".join(text.splitlines()).translate(_SPECIAL)


FORMS: Mapping[str, Callable[[UpgradePlan], str]] = {"text": _text, "markdown": _markdown, "json": _json}
"""How a plan is written."""
