"""Words: what a user types to customise a bundle, one word at a time.

The grammar of settings, selectors, taints and tolerations. A word is refused, or means one thing. Source: reference
rows B20, B21, B23, B25, B28.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.records import Any, NamedTuple

Path = tuple[str, ...]
_SEGMENT = r"[a-zA-Z0-9][a-zA-Z0-9_-]*"
_LABEL_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_LABEL_PREFIX = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WHOLE = r"-?(0|[1-9][0-9]{0,17})"
_DEEPEST = 64
"""How deep a value may nest, as in files of YAML."""
_TEXTUAL = ("version", "tag", "digest")
"""Endings of keys whose values are text even where they look like numbers."""
_PLACE_IN_CLUSTER = r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)/([A-Za-z0-9._-]{1,253})"
_FILE = r"(/[A-Za-z0-9._@-]+)+"
"""A path that is one word to a shell, and that Helmfile reads whole. Source: helmfile/vals, pkg/expansion."""


class Setting(NamedTuple):
    """One value for one component: `target` is its name or one of its override keys."""

    flag: str
    target: str
    path: Path
    value: Any

    def dotted(self) -> str:
        """Return the path as it was typed."""
        return ".".join(self.path)


class SecretSource(NamedTuple):
    """Where a value is kept that no bundle records: a key of a Secret in the cluster, else a file of who installs."""

    name: str = ""
    key: str = ""
    file: str = ""

    def __str__(self) -> str:
        """Return it as a sentence says it."""
        return f"the file {self.file}" if self.file else f"the key {self.key} of the Secret {self.name}"


class Taint(NamedTuple):
    """A taint or a toleration of one; empty parts match anything."""

    key: str
    value: str
    effect: str

    def text(self) -> str:
        """Return the taint the way kubectl writes it."""
        return f"{self.key}{'=' if self.value else ''}{self.value}{':' if self.effect else ''}{self.effect}"


def read_set(word: str) -> Setting:
    """Return the setting in `component:path=value`; the value is typed later, when its surroundings are known.

    Raises:
        InvalidRequest: the word is none.
    """
    target, path, value = _split("--set", word, "component:path=value")
    if value == "":
        raise InvalidRequest(
            f"--set {printable_setting(word)} has no value",
            hint="write --set-json component:path='\"\"' for empty text",
        )
    return Setting("--set", target, path, value)


def read_json(word: str, *, flag: str = "--set-json") -> Setting:
    """Return the setting in `component:path=JSON`.

    Raises:
        InvalidRequest: the word is none, or its value is not JSON.
    """
    target, path, value = _split(flag, word, "component:path=JSON")
    try:
        return Setting(flag, target, path, _json(value))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{flag} {target}:{'.'.join(path)} is not JSON: {error}",
            hint="write text in quotes: --set-json 'component:path=\"text\"'",
        ) from error


def _json(text: str) -> Any:
    """Return the value that JSON text says. Raises ValueError where it says none that every reader would agree on."""
    value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_pairs)
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level if isinstance(each, dict | list)
                 for inner in (each.values() if isinstance(each, dict) else each)]  # fmt: skip
        if not level:
            return value
    raise ValueError(f"it nests deeper than {_DEEPEST} levels")


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"{word} is too large a number")
    return number


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises ValueError when a key is given twice: only one of them could count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return found


def read_dynamic(word: str) -> Setting:
    """Return the place in `component:path`.

    Raises:
        InvalidRequest: the word is none.
    """
    target, colon, path = word.partition(":")
    if not colon or "=" in path:
        raise InvalidRequest(
            f"--dynamic {printable_setting(word)} is not component:path",
            hint="leave out the value: it is set at install time",
        )
    return Setting("--dynamic", _target("--dynamic", word, target), _path("--dynamic", word, path), None)


def read_secret(word: str) -> Setting:
    """Return the setting in `component:path=SECRET/KEY` or `component:path=/FILE`; its value is a SecretSource.

    Raises:
        InvalidRequest: the word is none. Its value is not repeated: it may be the secret itself.
    """
    target, path, value = _split("--set-secret", word, "component:path=SECRET/KEY")
    if re.fullmatch(_FILE, value):
        return Setting("--set-secret", target, path, SecretSource(file=value))
    found = re.fullmatch(_PLACE_IN_CLUSTER, value)
    if not found:
        raise InvalidRequest(
            f"--set-secret {printable_setting(word)} names neither a Secret key nor a file",
            hint="write SECRET/KEY, or the whole path of a file, from / on: letters, digits, - _ . and @",
        )
    return Setting("--set-secret", target, path, SecretSource(found[1], found[3]))


def printable_setting(word: str) -> str:
    """Return as much of a setting as may be repeated: where it goes, not its value, which may be a secret."""
    place, equals, _ = word.partition("=")
    if equals:
        return f"{place}=…"
    head = re.match(r"[^:]*(:[^:]*)?", word)
    return word if head is None or head[0] == word else f"{head[0]}…"


def _split(flag: str, word: str, form: str) -> tuple[str, Path, str]:
    head, equals, value = word.partition("=")
    target, colon, path = head.partition(":")
    if not equals or not colon:
        raise InvalidRequest(
            f"{flag} {printable_setting(word)} is not {form}",
            hint=f"write {flag} gpu-operator:driver.version=580.105.08, say",
        )
    return _target(flag, word, target), _path(flag, word, path), value


def _target(flag: str, word: str, target: str) -> str:
    if not target:
        raise InvalidRequest(f"{flag} {printable_setting(word)} names no component", hint="write component:path")
    return target


def _path(flag: str, word: str, path: str) -> Path:
    segments = tuple(path.split("."))
    if len(segments) > _DEEPEST:
        raise InvalidRequest(
            f"{flag} {word[:40]}…: a path of more than {_DEEPEST} steps", hint="charts do not nest that deep"
        )
    for segment in segments:
        if not re.fullmatch(_SEGMENT, segment):
            shown = segment.partition(":")[0]
            raise InvalidRequest(
                f"{flag} {printable_setting(word)}: '{shown}' cannot be part of a path",
                hint="letters, digits, - and _, steps joined by dots; other keys go into a --set-json object",
            )
    return segments


def typed_value(word: str, path: Path, present: Any) -> Any:
    """Return the value that the text of --set means at `path`, where `present` is the value now.

    true and false are booleans and numbers numbers, except where that would lose something: what is text stays text, so
    do keys that hold versions, and so does a number that would be written differently (1.10, 007).
    """
    if isinstance(present, str) or path[-1].lower().endswith(_TEXTUAL):
        return word
    if word in ("true", "false"):
        return word == "true"
    if re.fullmatch(_WHOLE, word) and word != "-0":
        return int(word)
    try:
        number = float(word)
    except ValueError:
        return word
    return number if math.isfinite(number) and repr(number) == word else word


def read_labels(flag: str, words: Iterable[str]) -> dict[str, str]:
    """Return the labels in `key=value` words.

    Raises:
        InvalidRequest: a word is no label, or a key is given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidRequest(f"{flag} {word} is not key=value", hint=f"write {flag} node-group=gpu, say")
        _refuse_label(flag, word, key, value)
        if key in found:
            raise InvalidRequest(f"{flag} {key} is given twice", hint="keep one of them; a label has one value")
        found[key] = value
    return found


def _refuse_label(flag: str, word: str, key: str, value: str) -> None:
    """Raise InvalidRequest unless key and value are those of a label. Source: Kubernetes, labels and selectors."""
    prefix, slash, name = key.rpartition("/")
    if not re.fullmatch(_LABEL_NAME, name) or (
        slash and not (re.fullmatch(_LABEL_PREFIX, prefix) and len(prefix) <= 253)
    ):
        raise InvalidRequest(
            f"{flag} {word}: '{key}' is not a label key",
            hint="up to 63 letters, digits, - _ and ., after an optional domain/",
        )
    if value and not re.fullmatch(_LABEL_NAME, value):
        raise InvalidRequest(
            f"{flag} {word}: '{value}' is not a label value", hint="up to 63 letters, digits, - _ and ."
        )


def read_taint(flag: str, word: str, *, needs_effect: bool = False) -> Taint:
    """Return the taint in `key[=value][:effect]`; a toleration may also be `*`, which tolerates everything.

    Raises:
        InvalidRequest: the word is none.
    """
    if word == "*" and not needs_effect:
        return Taint("", "", "")
    head, colon, effect = word.rpartition(":") if ":" in word else (word, "", "")
    key, equals, value = head.partition("=")
    if not key:
        raise InvalidRequest(f"{flag} {word} has no key", hint=f"write {flag} nvidia.com/gpu=present:NoSchedule, say")
    _refuse_label(flag, word, key, value)
    if equals and not value:
        raise InvalidRequest(f"{flag} {word} has no value", hint=f"leave '=' out: {flag} {key}:NoSchedule")
    if (colon or needs_effect) and effect not in EFFECTS:
        what = f"the effect '{effect}' is unknown" if effect else "the effect is missing"
        raise InvalidRequest(f"{flag} {word}: {what}", hint=did_you_mean(effect, EFFECTS))
    return Taint(key, value, effect)


def toleration(taint: Taint) -> dict[str, str]:
    """Return the toleration of a taint as a pod spells it. Source: Kubernetes, PodSpec.tolerations."""
    found = {"operator": "Equal" if taint.value else "Exists"}
    found |= {name: word for name, word in taint._asdict().items() if word}
    return dict(sorted(found.items()))
