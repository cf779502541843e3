"""What a configuration file adds to the command line of `bundle`, and where flags count more.

Source: reference rows G6, G7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.bundle.options import REPEATED, concerns, flag
from clusterbook.cli.command import Request
from clusterbook.cli.config import bundle_options, bundle_target, read_config, recipe_request, refuse_unread
from clusterbook.diagnostics.errors import InvalidRequest

SIGNING = ("sign_key", "keyless", "device_flow", "trust_config")
PUSHING = {
    "plain_http": "spec.bundle.registry.plainHTTP",
    "ca_file": "spec.bundle.registry.caFile",
    "image_refs": "spec.bundle.output.imageRefs",
}
"""Flags by which a bundle is signed and pushed; the latter with the fields that stand for them."""
_REGISTRIES = ("oci://", "oci-layout:")
"""How a place begins that bundles are pushed to."""
_ELSEWHERE = ("output", "format")
"""Where a recipe goes is not asked of it."""


def over_config(flags: Mapping[str, Any], request: Request) -> tuple[dict[str, Any], Request, tuple[str, ...]]:
    """Return the options by name, the request, file and command line together, and what to say about it.

    Args:
        flags: the options of the bundle that its flags say, by name.
        request: all that it says of the recipe, and where the bundle goes.

    Raises:
        ClusterbookError: the file cannot be read, or a field of it is unknown or wrong.
    """
    where, slug = request.values["config"], request.text("slug")
    config = read_config(where)
    options = bundle_options(config)
    target, recipe = str(options.pop("output", "")), options.pop("recipe", None)
    refuse_unread(config, where)
    notes: list[str] = []
    if "deployer" in flags and flags["deployer"] != options.get("deployer"):
        notes += _without_strangers(options, str(flags["deployer"]), where)
    named = slug or request.text("recipe")
    file = Request.of({"recipe": str(recipe)}) if recipe else recipe_request(config).without(*_ELSEWHERE)
    if named and (slug or not recipe):
        if file.values:
            said = recipe or ", ".join(f"{key} {word}" for key, word in file.values.items())
            notes.append(f"{named} on the command line overrides {said} of {where}")
        file = Request()
    notes += _overridden(options, flags, where)
    notes += [
        f"--{key.replace('_', '-')} {request.values[key]} overrides {word} of {where}"
        for key, word in file.values.items()
        if request.values.get(key, word) != word
    ]
    output = request.text("output")
    if output and target and output != target:
        notes.append(f"--output {output} overrides {target} of {where}")
    place, kept = output or target, bundle_target(config)
    if request.says("sign_key") or request.says("keyless"):
        kept = kept.without(*SIGNING)
    if not place.startswith(_REGISTRIES):
        idle = [f"{PUSHING[key]} has no effect for a bundle that is not pushed" for key in PUSHING if kept.says(key)]
        if idle and not target.startswith(_REGISTRIES):
            hint = "leave it out, or name the registry to push to: output: {target: oci://HOST/REPOSITORY:TAG}"
            raise InvalidRequest(idle[0], place=where, hint=hint)
        notes += [f"{where}: {each}" for each in idle]
        kept = kept.without(*PUSHING)
    whole = request.over(kept).over(file)
    whole = whole._replace(values={**whole.values, "output": place})
    return {**options, **flags}, whole, tuple(notes)


def _without_strangers(options: dict[str, Any], deployer: str, where: str) -> Iterator[str]:
    """Take out what is meant for the deployer of the file, not for that of the command line; yield notes about it."""
    for option in [option for option in options if not concerns(option, deployer)]:
        del options[option]
        yield f"{where}: {option} does not apply to the deployer {deployer} and is ignored"
    words = options.get("set", [])
    if not deployer.startswith("argocd") and any(word.startswith("deployer:") for word in words):
        options["set"] = [word for word in words if not word.startswith("deployer:")]
        yield f"{where}: deployer settings do not apply to {deployer} and are ignored"


def _overridden(options: Mapping[str, Any], flags: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield notes about the options of the file that flags take the place of."""
    for option in options:
        if option not in flags or flags[option] == options[option]:
            continue
        if option in REPEATED:
            yield f"{flag(option)} on the command line overrides that of {where}"
        else:
            yield f"{flag(option)} {flags[option]} overrides {options[option]} of {where}"
