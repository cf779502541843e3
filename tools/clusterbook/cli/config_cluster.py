"""What a configuration file adds to the command lines of `snapshot` and `validate`.

What was typed counts more, and a field that stands for nothing here is refused.
Source: reference rows G6, G7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from clusterbook.cli.command import Request
from clusterbook.cli.config import read_config
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.inputs.config_schema import (
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
)

_MEANS_NOTHING = {
    "agent.os": "the operating system is detected",
    "evidence.cncf": "CNCF evidence is not supported; --evidence DIR writes evidence of the validation",
    "evidence.attestation.bom": "the list of images is made from the recipe",
    "evidence.attestation.push": "publish it afterwards: clusterbook evidence publish DIR oci://HOST/REPOSITORY",
    "evidence.attestation.plainHTTP": "give it when you publish evidence",
    "evidence.attestation.insecureTLS": "give it when you publish evidence",
}
"""Field → why nothing here follows from it."""


def of_snapshot(where: str, request: Request) -> tuple[Request, tuple[str, ...]]:
    """Return what `snapshot` is asked, file and command line together, and what to say about it.

    Raises:
        ClusterbookError: the file cannot be read, or a field of it is unknown or wrong.
    """
    part = read_config(where).spec.snapshot or SnapshotPart()
    output, execution = part.output or SnapshotOutputPart(), part.execution or SnapshotExecutionPart()
    fields = {
        "output": output.path,
        "format": output.format,
        "template": output.template,
        **_agent(part.agent),
        **execution.model_dump(),
    }
    _refuse_unread(part, "", where, "spec.snapshot")
    notes: list[str] = []
    if part.agent is not None and (request.says("root") or request.says("no_cluster")):
        notes.append(f"{where}: spec.snapshot.agent is ignored: this machine is captured")
        del fields["agent"]
    return _over(where, fields, request, notes)


def of_validate(where: str, request: Request) -> tuple[Request, tuple[str, ...]]:
    """Return what `validate` is asked; as `of_snapshot`."""
    spec = read_config(where).spec
    part, recipe = spec.validate_ or ValidatePart(), spec.recipe or RecipePart()
    given, execution = part.input or ValidateInputPart(), part.execution or ExecutionPart()
    proof = (part.evidence or EvidencePart()).attestation or ProofPart()
    how = execution.model_dump()
    if execution.fail_on_error is not None:
        how["fail_on_error"] = str(execution.fail_on_error).lower()
    fields = {
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
    _refuse_unread(part, "", where, "spec.validate")
    notes: list[str] = []
    if request.text("slug") and fields["recipe"]:
        notes.append(f"{request.values['slug']} on the command line overrides {fields.pop('recipe')} of {where}")
    if part.agent is not None and not request.says("agent"):
        live = not (fields["no_cluster"] or request.says("no_cluster"))
        if not live or fields["snapshot"] or request.says("snapshot"):
            why = "a snapshot was given" if live else "no cluster is contacted"
            notes.append(f"{where}: spec.validate.agent is ignored: {why}")
            del fields["agent"]
    return _over(where, fields, request, notes)


def _agent(part: AgentPart | None) -> dict[str, Any]:
    """Return what stands for the flags of an agent, {} for none."""
    if part is None:
        return {}
    fields = part.model_dump(exclude={"os"})
    selector = part.node_selector
    fields["node_selector"] = selector and tuple(f"{key}={value}" for key, value in selector.items())
    for key in ("toleration", "image_pull_secret"):
        fields[key] = fields[key] and tuple(fields[key])
    return {"agent": True, **fields}


def _refuse_unread(part: BaseModel, path: str, where: str, root: str) -> None:
    """Refuse a field that was set and stands for nothing: whoever wrote it would wait for it in vain.

    Raises:
        InvalidRequest: naming the field, and what to do instead.
    """
    for name in sorted(part.model_fields_set):
        at = f"{path}.{type(part).model_fields[name].alias or name}".lstrip(".")
        value = getattr(part, name)
        if at in _MEANS_NOTHING and value not in (None, False):
            hint = f"remove it: {_MEANS_NOTHING[at]}"
            raise InvalidRequest(f"{root}.{at} is not supported", place=where, hint=hint)
        if name == "toleration" and value == []:
            what = f"{root}.{at} is an empty list, and a Job without tolerations of its own tolerates every taint"
            raise InvalidRequest(
                what, place=where, hint="remove it, or name what is tolerated: [dedicated=gpu:NoSchedule]"
            )
        if isinstance(value, BaseModel):
            _refuse_unread(value, at, where, root)


def _over(where: str, fields: Mapping[str, Any], request: Request, notes: list[str]) -> tuple[Request, tuple[str, ...]]:
    """Return a request over the fields of a file, with a note about each field that it takes the place of."""
    file = Request.of({name: str(value) if type(value) is int else value for name, value in fields.items()})
    for name in sorted(name for name, value in fields.items() if value not in (None, ()) and request.says(name)):
        same = (
            request.values.get(name) == file.values.get(name)
            and request.lists.get(name) == file.lists.get(name)
            and (name in request.switches) == (name in file.switches)
        )
        if not same:
            notes.append(f"--{name.replace('_', '-')} on the command line overrides that of {where}")
    return request.over(file), tuple(notes)
