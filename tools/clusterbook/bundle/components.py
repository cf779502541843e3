"""Components: those of a recipe as a bundle sees them, with the values that the options give them.

Options change values in one order (row B24), and no word speaks of a component that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from clusterbook.bundle.locks import Locks
from clusterbook.bundle.options import Options, refuse_repetition
from clusterbook.bundle.settings import Path, Setting, Taint, toleration, typed_value
from clusterbook.bundle.template import fill
from clusterbook.bundle.value_tree import clone, get, merge, put, remove
from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.records import Any, NamedTuple
from clusterbook.resolve.recipe import RecipeResult

PRIVATE_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
"""Source: RFC 1918, section 3."""
VERSION_ANNOTATION = "clusterbook.dev/{}-chart-version"
EVERYTHING = (Taint("", "", ""),)
STANDING = ("renamedFrom", "takesOver", "ownedSecrets")
"""Keys of a registry entry that say what was, and so hold for what is older than they are."""


class BundleComponent(NamedTuple):
    """One component that is deployed: what the recipe says of it, its registry facts and its values.

    `dynamic` are the values that are left to the installation, `secrets` those that it takes from where they are kept;
    `values` no longer holds either.
    """

    reference: Mapping[str, Any]
    facts: Mapping[str, Any]
    values: dict[str, Any]
    dynamic: dict[str, Any]
    secrets: tuple[Setting, ...] = ()

    @property
    def name(self) -> str:
        """Return the component's name."""
        return str(self.reference["name"])

    @property
    def key(self) -> str:
        """Return the key by which installation values speak of the component."""
        keys = self.facts.get("valueOverrideKeys") or [self.name]
        return str(keys[0])

    def all_values(self) -> dict[str, Any]:
        """Return static and dynamic values together."""
        return merge(self.values, self.dynamic)


class ComponentSelection(NamedTuple):
    """The components to deploy, in deployment order, and what a user should hear about them."""

    parts: tuple[BundleComponent, ...]
    notes: tuple[str, ...]


def select(recipe: Mapping[str, Any], options: Options) -> ComponentSelection:
    """Return the components of a whole recipe (`bundle_inputs.complete`) with the values that `options` give them.

    Raises:
        InvalidRequest: an option speaks of a component that the recipe does not have, or contradicts another.
    """
    result = RecipeResult(recipe)
    references = {component.name: component.document for component in result.components}
    names = _names(references)
    settings = [_named_setting(each, names) for each in options.settings]
    later = [_named_setting(each, names) for each in options.typed]
    dynamic = [_named_setting(each, names) for each in options.dynamic]
    kept_elsewhere = [_named_setting(each, names) for each in options.secrets]
    refuse_repetition(settings)  # once more: a component may have been called by two of its names
    refuse_repetition(later)
    enabled = _enabled_names(result.order, references, settings, later)
    locks = Locks(result)
    locks.refuse_switched_off(enabled)
    notes: list[str] = []
    parts = []
    for name in enabled:
        reference = references[name]
        facts = with_standing(name, reference.get("registry") or {}, references)
        mine = [each for each in settings if each.target == name and each.path != ("enabled",)]
        values = clone(reference.get("values") or {})
        for each in mine:
            present = get(values, each.path)
            _refuse_loss(present, each)
            put(values, each.path, typed_value(each.value, each.path, present), each)
        kept = locks.kept(name, values)
        _schedule(values, facts, options)
        _choose_storage(values, facts, options, {each.path for each in mine}, name, notes)
        _synthesise(values, facts, references, enabled, name, notes)
        locks.restore(values, kept)
        for each in sorted(
            (each for each in later if each.target == name and each.path != ("enabled",)),
            key=lambda each: (len(each.path), each.flag == "--set-json", each.path),
        ):
            present = get(values, each.path)
            value = (
                merge(present, each.value) if isinstance(present, dict) and isinstance(each.value, dict) else each.value
            )
            put(values, each.path, clone(value), each)
        _warn_of_allocation(facts, [*mine, *(each for each in later if each.target == name)], name, notes)
        places = [each for each in (*dynamic, *kept_elsewhere) if each.target == name]
        secrets = tuple(each for each in places if each.value is not None)
        locks.refuse_divergence(name, values, places)
        _refuse_two_values(secrets, [*mine, *(each for each in later if each.target == name)])
        left = _pop_dynamic(values, places, facts, reference)
        parts.append(BundleComponent(reference, facts, values, left, secrets))
    off = sorted((each.target, each.flag) for each in (*dynamic, *kept_elsewhere) if each.target not in enabled)
    if off:
        raise InvalidRequest(f"{off[0][1]} names {off[0][0]}, which is disabled", hint="leave it out")
    return ComponentSelection(tuple(parts), tuple(notes))


def with_standing(name: str, facts: Mapping[str, Any], others: Iterable[str]) -> Mapping[str, Any]:
    """Return the registry facts of a component with what holds for each release of it, and they do not say.

    The file has it from the catalog, and a test compares. Source: decision 0029.

    Args:
        name: the component.
        facts: what its recipe says of it.
        others: the components of its recipe; one of them is no former name of another, for both are there.
    """
    standing = _standing().get(name)
    if standing is None:
        return facts
    missing = {key: value for key, value in standing.items() if key not in facts}
    if "renamedFrom" in missing:
        missing["renamedFrom"] = [former for former in missing["renamedFrom"] if former not in others]
    return {**missing, **facts}


@cache
def _standing() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(fill("standing_facts.json", {}))
    return found


def _names(references: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the component by every name that options may call it."""
    found: dict[str, str] = {}
    for name, reference in references.items():
        for key in (reference.get("registry") or {}).get("valueOverrideKeys") or ():
            found.setdefault(key, name)
    return {**found, **{name: name for name in references}}


def _named_setting(setting: Setting, names: Mapping[str, str]) -> Setting:
    """Return the setting with the name of its component.

    Raises:
        InvalidRequest: the recipe has no such component. Source: reference row L4, which we do better.
    """
    name = names.get(setting.target)
    if name is None:
        what = f"{setting.flag} {setting.target}:{setting.dotted()} names a component that the recipe does not have"
        raise InvalidRequest(what, hint=did_you_mean(setting.target, names))
    return setting._replace(target=name)


def _enabled_names(
    published: Sequence[str],
    references: Mapping[str, Mapping[str, Any]],
    settings: Sequence[Setting],
    later: Sequence[Setting],
) -> list[str]:
    """Return the names of the components to deploy, in deployment order.

    Source: reference rows B20, R39: `--set component:enabled=false` leaves one out, true brings back one left out.
    """
    order = list(published)
    for each in (*settings, *later):
        if each.path[0] != "enabled":
            continue
        if len(each.path) > 1 or not (isinstance(each.value, bool) or each.value in ("true", "false")):
            raise InvalidRequest(
                f"{each.flag} {each.target}:{each.dotted()}=… does not enable or disable a component",
                hint=f"write {each.flag} {each.target}:enabled=true or false",
            )
        wanted = each.value in ("true", True)
        if wanted and each.target not in order:
            order.append(each.target)
        elif not wanted and each.target in order:
            order.remove(each.target)
    if not order:
        raise InvalidRequest(
            "all components are disabled, so there is nothing to deploy", hint="remove one of the --set …:enabled=false"
        )
    return order if order == [name for name in published if name in order] else _deployment_order(order, references)


def _deployment_order(names: Sequence[str], references: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return `names` so that each comes after what it needs; alphabetical where that leaves a choice."""
    waiting, done = sorted(names), []
    while waiting:
        ready = [
            name
            for name in waiting
            if not any(need in waiting for need in references[name].get("dependencyRefs") or () if need != name)
        ]
        if not ready:
            raise InvalidRequest(f"{', '.join(waiting)} depend on each other", hint="fix their dependencyRefs")
        done.append(ready[0])
        waiting.remove(ready[0])
    return done


def _refuse_loss(present: Any, setting: Setting) -> None:
    """Raise InvalidRequest when one word would take the place of a map or a list: somebody meant a path below it."""
    if isinstance(present, dict | list):
        what, where = "a map" if isinstance(present, dict) else "a list", f"{setting.target}:{setting.dotted()}"
        raise InvalidRequest(
            f"{setting.flag} {where}=…: {setting.dotted()} is {what}",
            hint=f"name a key in it, or replace it whole: --set-json {where}='…'"
            if isinstance(present, dict)
            else f"replace it whole: --set-json {where}='[…]'",
        )


def _schedule(values: dict[str, Any], facts: Mapping[str, Any], options: Options) -> None:
    """Write selectors, tolerations, taints and the node count where the registry says. Source: rows B24-B28."""
    scheduling = facts.get("nodeScheduling") or {}
    opted_out = {path for group in ("system", "accelerated") for path in _paths(scheduling, group, "tolerationPaths")
                 if get(values, path) == []}  # fmt: skip
    for group, selector, taints in (
        ("system", options.system_selector, options.system_tolerations),
        ("accelerated", options.accelerated_selector, options.accelerated_tolerations),
    ):
        for path in _paths(scheduling, group, "nodeSelectorPaths") if selector else ():
            put(values, path, dict(selector))
        for path in _paths(scheduling, group, "tolerationPaths"):
            if path not in opted_out:
                put(
                    values,
                    path,
                    _join_tolerations(get(values, path), [toleration(taint) for taint in taints or EVERYTHING]),
                )
        for path in _paths(scheduling, group, "taintPaths") if taints else ():
            put(values, path, [{key: word for key, word in taint._asdict().items() if word} for taint in taints])
    workload = (facts.get("podScheduling") or {}).get("workload") or {}
    for dotted in workload.get("workloadSelectorPaths") or () if options.workload_selector else ():
        put(values, tuple(dotted.split(".")), dict(options.workload_selector))
    if options.workload_gate is not None:
        for path in _paths(scheduling, "accelerated", "taintStrPaths"):
            put(values, path, options.workload_gate.text())
    for dotted in scheduling.get("nodeCountPaths") or () if options.nodes else ():
        put(values, tuple(dotted.split(".")), options.nodes)


def _paths(scheduling: Mapping[str, Any], group: str, key: str) -> Iterator[Path]:
    """Yield the paths that the registry lists for one kind of node."""
    for dotted in (scheduling.get(group) or {}).get(key) or ():
        yield tuple(dotted.split("."))


def _join_tolerations(present: Any, more: list[dict[str, str]]) -> list[Any]:
    """Return a list of tolerations with `more` behind what is there, nothing twice."""
    found = list(present) if isinstance(present, list) else []
    return found + [each for each in more if each not in found]


def _choose_storage(
    values: dict[str, Any],
    facts: Mapping[str, Any],
    options: Options,
    said: set[Path],
    name: str,
    notes: list[str],
) -> None:
    """Write the storage class, unless --set said one; remark on volumes that take the default (B27, B30)."""
    for dotted in facts.get("sharedStorageClassPaths") or () if options.shared_storage_class else ():
        if (path := tuple(dotted.split("."))) not in said:
            put(values, path, options.shared_storage_class)
    for dotted in facts.get("storageClassPaths") or ():
        path = tuple(dotted.split("."))
        if path in said:
            continue
        if options.storage_class:
            put(values, path, options.storage_class)
        elif not get(values, path):
            notes.append(f"{name} uses the cluster's default StorageClass; --storage-class names another")


def _synthesise(
    values: dict[str, Any],
    facts: Mapping[str, Any],
    references: Mapping[str, Mapping[str, Any]],
    enabled: Sequence[str],
    name: str,
    notes: list[str],
) -> None:
    """Write what follows from other parts of the recipe. Source: reference row B30."""
    for dotted in facts.get("sourceRangePaths") or ():
        path = tuple(dotted.split("."))
        if not get(values, path):
            put(values, path, list(PRIVATE_NETWORKS))
            notes.append(
                f"{name} accepts clients from private networks only; allow others with --set-json {name}:{dotted}='[…]'"
            )
    restarts = facts.get("restartsWith") or {}
    other = str(restarts.get("component", ""))
    if other in enabled:
        for dotted in restarts.get("annotationPaths") or ():
            path = (*dotted.split("."), VERSION_ANNOTATION.format(other))
            put(values, path, str(references[other].get("version", "")))


def _warn_of_allocation(facts: Mapping[str, Any], settings: Sequence[Setting], name: str, notes: list[str]) -> None:
    """Remark on settings that change how GPUs are given to pods. Source: reference row B23."""
    for each in settings:
        key = policy_key(each.path, facts)
        if key:
            notes.append(
                f"{each.flag} {name}:{each.dotted()} changes how GPUs are given to pods ({key}); do it in an overlay"
            )


def policy_key(path: Path, facts: Mapping[str, Any]) -> str:
    """Return the value deciding about GPU allocation that a path is, holds or lies in; "" when none is."""
    for dotted in facts.get("allocationPaths") or ():
        key = tuple(dotted.split("."))
        length = min(len(key), len(path))
        if key[:length] == path[:length]:
            return str(dotted)
    return ""


def _pop_dynamic(
    values: dict[str, Any], places: Sequence[Setting], facts: Mapping[str, Any], reference: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the dynamic values, taken out of `values` as those of Secrets are; what had no value is left open as "".

    Raises:
        InvalidRequest: the place cannot be left to the installation. Source: reference row B23.
    """
    left: dict[str, Any] = {}
    for each in places:
        where = f"{each.flag} {each.target}:{each.dotted()}"
        key = policy_key(each.path, facts)
        if key or each.path == ("enabled",):
            raise InvalidRequest(
                f"{where} would decide {key or 'the component'} at install time",
                hint="set it in an overlay, or with --set",
            )
        if not reference.get("source"):
            raise InvalidRequest(
                f"{where}: the component has no chart, its manifests are rendered into the bundle",
                hint="give the value now, with --set",
            )
        for other in places:
            length = min(len(each.path), len(other.path))
            if each is not other and each.path[:length] == other.path[:length]:
                raise InvalidRequest(f"{where} and {other.dotted()} overlap", hint="keep one of them")
        present = get(values, each.path)
        if each.value is None:
            put(left, each.path, "" if present is None else present)
        else:
            _refuse_loss(present, each)
            put(values, each.path, "", each)  # which finds a way that leads through no map
        remove(values, each.path)
    return left


def _refuse_two_values(secrets: Sequence[Setting], given: Sequence[Setting]) -> None:
    """Raise InvalidRequest where another setting has a value for what is taken from a Secret: only one could count."""
    for secret in secrets:
        for each in given:
            below = each.path[: len(secret.path)] == secret.path
            above = secret.path[: len(each.path)] == each.path and isinstance(each.value, Mapping)
            if below or (above and get(each.value, secret.path[len(each.path) :]) is not None):
                where = f"--set-secret {secret.target}:{secret.dotted()}"
                raise InvalidRequest(f"{where} and {each.flag} set the same value", hint="keep one of them")
