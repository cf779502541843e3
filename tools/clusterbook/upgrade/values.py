"""Values: which of a release's values change in an upgrade, and what each change does to what is deployed.

What a value does is what its chart's proof says; of a value that no proof is about, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterbook.documents.equality import same
from clusterbook.records import Any, NamedTuple

UNPROVEN = "unproven"
_ABSENT = object()
_MOST = 4096


class ValueStep(NamedTuple):
    """One value that changes: its JSON Pointer, before and after in a tuple each, () where it is not set.

    `effect` is that of the value which is set, of the new one where there is one: live, default, dead, own, refused, or
    unproven; `changes` are the objects that read otherwise with it, as a proof tells them.
    """

    pointer: str
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    effect: str = UNPROVEN
    changes: tuple[str, ...] = ()
    more: int = 0

    @property
    def path(self) -> str:
        """Return the dotted path, as registries and `--set` spell it."""
        return ".".join(step.replace("~1", "/").replace("~0", "~") for step in self.pointer.split("/")[1:])


Effects = Mapping[str, Mapping[str, Any]]
"""What values do, by JSON Pointer, as `proofs.Effect.document` writes it."""


def value_steps(
    before: Mapping[str, Any], after: Mapping[str, Any], old_effects: Effects, new_effects: Effects
) -> tuple[ValueStep, ...]:
    """Return the values that change, by pointer; maps are looked into, lists are one value."""
    return tuple(
        _with_effect(each, new_effects if each.after else old_effects) for each in _steps(before, after, "", _MOST)
    )


def _with_effect(step: ValueStep, effects: Effects) -> ValueStep:
    effect = effects.get(step.pointer)
    if effect is None:
        return step
    changes = tuple(map(str, effect.get("changes") or ()))
    return step._replace(effect=str(effect["effect"]), changes=changes, more=int(effect.get("more") or 0))


def _steps(before: Any, after: Any, pointer: str, deep: int) -> Iterator[ValueStep]:
    if isinstance(before, Mapping) and isinstance(after, Mapping) and deep:
        for key in sorted({*map(str, before), *map(str, after)}):
            one, other = before.get(key, _ABSENT), after.get(key, _ABSENT)
            yield from _steps(one, other, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", deep - 1)
        return
    if before is _ABSENT and isinstance(after, Mapping) and after:
        yield from _steps({}, after, pointer, deep)
    elif after is _ABSENT and isinstance(before, Mapping) and before:
        yield from _steps(before, {}, pointer, deep)
    elif not same(before, after):
        yield ValueStep(pointer, _some(before), _some(after))


def _some(value: Any) -> tuple[Any, ...]:
    return () if value is _ABSENT else (value,)
