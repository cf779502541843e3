"""Schemas: what the shapes of all documents have in common, and whether a parsed document has its shape.

What pydantic finds becomes a finding with a place, in words that a contributor can act on; pydantic's own words reach
nobody.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import did_you_mean, nearest
from clusterbook.diagnostics.findings import Finding, Place, Severity
from clusterbook.documents.yaml_reader import Node

WRONG_TYPE = Code(
    "CB010",
    "wrong kind of value",
    "error",
    "The value does not have the type that is expected in this place.",
    "Write the type that the message names; editors show it when the first line names the schema.",
)
MISSING_KEY = Code(
    "CB011",
    "key missing",
    "error",
    "The document cannot be used without it.",
    "Add the key.",
)
UNKNOWN_KEY = Code(
    "CB012",
    "unknown key",
    "error",
    "An unknown key is silently ignored. In trees of others it is a warning.",
    "Correct the spelling; the hint names the nearest known key.",
)
WRONG_DOCUMENT = Code(
    "CB015",
    "document of another kind",
    "error",
    "The `kind` or `apiVersion` does not match the folder that the file is in.",
    "Correct it, or move the file.",
)

SourceVersion = Literal["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1", "aicr.run/v1beta1"]
"""What a source document says that declares no profile."""
OverlayVersion = Literal[
    "clusterbook.dev/v1alpha1",
    "aicr.run/v1alpha2",
    "aicr.nvidia.com/v1alpha1",
    "aicr.run/v1beta1",
    "aicr.run/v1alpha3",
    "aicr.run/v1beta2",
]
"""What an overlay says."""
SnapshotVersion = Literal["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1", "aicr.run/v1"]
"""What a snapshot says."""
Name = Annotated[str, Field(min_length=1, pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$")]
DnsName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
DefinitionName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$")]
RelativePath = Annotated[str, Field(min_length=1, pattern=r"^[^/\\~\s][^\\]*$")]
CriterionValue = Annotated[str, Field(pattern=r"^\s*([a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?)?\s*$")]
Phase = Literal["readiness", "deployment", "performance", "conformance"]
PHASES: tuple[Phase, ...] = ("readiness", "deployment", "conformance", "performance")


class Shape(BaseModel):
    """A frozen document part; unknown keys are reported."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Metadata(Shape):
    """What a document is called."""

    name: Name = Field(description="Unique among documents of its kind; a source file is named after it.")
    version: str | None = Field(None, description="Version of the document itself; informative.")


class OverlayMetadata(Metadata):
    """What an overlay is called."""

    recipe_version: str | None = Field(
        None,
        alias="recipeVersion",
        pattern=r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$",
        description="The least version of the recipe for exactly these criteria.",
    )


def check_shape(node: Node, file: str, shape: type[BaseModel], findings: list[Finding], *, strict: bool) -> None:
    """Add to `findings` whatever in `node` does not have `shape`; unknown keys only warn unless `strict`."""
    try:
        shape.model_validate(node.text_data())
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            findings.append(_shape_finding(node, file, shape, dict(problem), strict=strict))


def _shape_finding(node: Node, file: str, shape: type[BaseModel], problem: dict[str, Any], *, strict: bool) -> Finding:
    """Return what pydantic found, with its place and in our words."""
    location, kind = list(problem["loc"]), str(problem["type"])
    target, depth = descend(node, location)
    last = location[-1] if location else ""
    if kind == "extra_forbidden":
        place = Place(file, target.key_line, target.key_column)
        keys = _allowed_keys(shape, location[:-1])
        hint = did_you_mean(str(last), keys)
        if "componentRefs" in location and nearest(str(last), ["enabled"]):
            hint = "write 'enabled:' below 'overrides:', where values are switched"
        return UNKNOWN_KEY.finding(place, f"unknown key '{last}'", hint, "error" if strict else "warning")
    if kind == "missing":
        place = Place(file, target.line, target.column)
        severity: Severity = "error" if strict or last != "kind" else "warning"
        return MISSING_KEY.finding(place, f"key '{last}' is missing", f"add '{last}:'", severity)
    place = Place(file, target.line, target.column)
    if kind == "literal_error" and last in ("kind", "apiVersion"):
        expected = str(problem["ctx"]["expected"])
        return WRONG_DOCUMENT.finding(place, f"{last} '{target.text}' is not supported here", f"expected {expected}")
    what = _WHAT.get(kind, str(problem["msg"]))
    path = ".".join(str(part) for part in location[:depth]) or "the document"
    return WRONG_TYPE.finding(place, f"{path}: {what[:1].lower()}{what[1:]}", _shape_hint(kind, problem, target))


_WHAT = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "this must be a map"),
    "list_type": "this must be a list",
    "string_type": "this must be text",
    "string_pattern_mismatch": "this has the wrong format",
}
"""What pydantic says in words of programs, in ours."""


def _shape_hint(kind: str, problem: dict[str, Any], target: Node) -> str:
    """Return what to write instead."""
    if kind == "literal_error":
        expected = str(problem["ctx"]["expected"]).replace(" or ", ", ")
        return did_you_mean(target.text or "", expected.strip("'").split("', '"))
    return {
        "string_type": "write one word or a quoted text",
        "list_type": "write a list: one '- item' per line",
        "dict_type": "write a map: 'key: value' lines",
        "model_type": "write a map: 'key: value' lines",
        "model_attributes_type": "write a map: 'key: value' lines",
        "bool_parsing": "write true or false",
        "int_parsing": "write a whole number",
        "greater_than_equal": "write 0 or more",
        "string_too_short": "write something, or remove the key",
        "string_pattern_mismatch": "use letters, digits, '.', '_', '-'; paths are relative, without a leading '/'",
    }.get(kind, "correct the value; the schema in the first line says what may stand here")


def descend(node: Node, location: list[Any]) -> tuple[Node, int]:
    """Return the deepest node on the way to `location`, and how many steps that was."""
    for depth, step in enumerate(location):
        if isinstance(node.value, dict) and step in node.value:
            node = node.value[step]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return node, depth
    return node, len(location)


def _allowed_keys(shape: type[BaseModel], location: list[Any]) -> list[str]:
    """Return the keys allowed at `location` below `shape`."""
    for step in location:
        if isinstance(step, int):
            continue
        for name, info in shape.model_fields.items():
            if step in (name, info.alias):
                inner = _model_in(info.annotation)
                if inner is None:
                    return []
                shape = inner
                break
    return [info.alias or name for name, info in shape.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the shape inside `X | None`, `list[X]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _model_in(argument)
        if model is not None:
            return model
    return None
