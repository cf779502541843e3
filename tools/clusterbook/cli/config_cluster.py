"""Cluster configuration: what a configuration file adds to the command lines of `snapshot` and `validate`.

Knows which of its fields stand for which parameter, that what was typed counts more, and of each field that stands for
nothing here that its user hears of it. Does not know the fields' types: `config` does. Source: reference rows G6, G7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from clusterbook.cli.config import (
    AgentPart,
    EvidencePart,
    ExecutionPart,
    ProofPart,
    RecipePart,
    SnapshotExecutionPart,
    SnapshotOutputPart,
    SnapshotPart,
    ValidateInputPart,
    ValidatePart,
    read_config,
)

_MEANS_NOTHING = {
    "agent.os": "the operating system is seen, and need not be said",
    "evidence.cncf": "evidence for CNCF is not made here; --evidence DIR proves a judgement",
    "evidence.attestation.bom": "the list of images is made from the recipe",
    "evidence.attestation.push": "push what was written: clusterbook evidence publish DIR oci://HOST/REPOSITORY",
    "evidence.attestation.plainHTTP": "it is said when evidence is pushed",
    "evidence.attestation.insecureTLS": "it is said when evidence is pushed",
}
"""Field → why nothing here follows from it."""


class Configured(NamedTuple):
    """The parameters of a command, file and command line together; which of them somebody set; what to say about it."""

    words: dict[str, Any]
    given: frozenset[str]
    notes: tuple[str, ...]


def of_snapshot(where: str, words: Mapping[str, Any], typed: frozenset[str]) -> Configured:
    """Return the parameters of `snapshot`; `typed` are those that the command line or the environment has set.

    Raises:
        ClusterbookError: the file cannot be read, or a field of it is unknown or wrong.
    """
    part = read_config(where).spec.snapshot or SnapshotPart()
    output, execution = part.output or SnapshotOutputPart(), part.execution or SnapshotExecutionPart()
    found = {
        "output": output.path,
        "form": output.format,
        "template": output.template,
        **_agent(part.agent),
        **execution.model_dump(),
    }
    notes = [*_unread(part, "", where, "spec.snapshot")]
    if part.agent is not None and typed & {"root", "no_cluster"}:
        notes.append(f"{where}: spec.snapshot.agent is left out: this machine was asked for")
        del found["agent"]
    return _over(where, found, words, typed, notes)


def of_validate(where: str, words: Mapping[str, Any], typed: frozenset[str]) -> Configured:
    """Return the parameters of `validate`; as `of_snapshot`."""
    spec = read_config(where).spec
    part, recipe = spec.validate_ or ValidatePart(), spec.recipe or RecipePart()
    given, execution = part.input or ValidateInputPart(), part.execution or ExecutionPart()
    proof = (part.evidence or EvidencePart()).attestation or ProofPart()
    how = execution.model_dump()
    if execution.fail_on_error is not None:
        how["fail_on_error"] = str(execution.fail_on_error).lower()
    found = {
        "recipe": given.recipe,
        "snapshot": given.snapshot,
        "data": recipe.data,
        "source": recipe.source,
        "allow_inherited": recipe.allow_inherited,
        "evidence": proof.out,
        "phase": tuple(how.pop("phases") or ()) or None,
        **_agent(part.agent),
        **how,
    }
    notes = [*_unread(part, "", where, "spec.validate")]
    if words.get("slug") and found["recipe"]:
        notes.append(f"{words['slug']} of the command line counts, not {found.pop('recipe')} of {where}")
    if part.agent is not None and "agent" not in typed:
        live = not (found["no_cluster"] or "no_cluster" in typed)
        if not live or found["snapshot"] or "snapshot" in typed:
            why = "a snapshot was handed in" if live else "no cluster is asked"
            notes.append(f"{where}: spec.validate.agent looks into no node: {why}")
            del found["agent"]
    return _over(where, found, words, typed, notes)


def _agent(part: AgentPart | None) -> dict[str, Any]:
    """Return the parameters of an agent, {} for none."""
    if part is None:
        return {}
    found = part.model_dump(exclude={"os"})
    selector = part.node_selector
    found["node_selector"] = selector and tuple(f"{key}={value}" for key, value in selector.items())
    for key in ("toleration", "image_pull_secret"):
        found[key] = found[key] and tuple(found[key])
    return {"agent": True, **found}


def _unread(part: BaseModel, path: str, where: str, root: str) -> Iterator[str]:
    """Yield a note about each field that was set and stands for nothing."""
    for name in sorted(part.model_fields_set):
        at = f"{path}.{type(part).model_fields[name].alias or name}".lstrip(".")
        value = getattr(part, name)
        if at in _MEANS_NOTHING and value not in (None, False):
            yield f"{where}: {root}.{at} is not read: {_MEANS_NOTHING[at]}"
        elif isinstance(value, BaseModel):
            yield from _unread(value, at, where, root)


def _over(
    where: str, found: Mapping[str, Any], words: Mapping[str, Any], typed: frozenset[str], notes: list[str]
) -> Configured:
    """Return parameters of which those typed count more than those found in a file."""
    said = {name: value for name, value in found.items() if value not in (None, ())}
    for name in sorted(said.keys() & set(typed)):
        if words[name] != said[name]:
            flag = "--format" if name == "form" else f"--{name.replace('_', '-')}"
            notes.append(f"{flag} of the command line counts, not that of {where}")
    taken = {name: value for name, value in said.items() if name not in typed}
    return Configured({**words, **taken}, frozenset((*typed, *taken)), tuple(notes))
