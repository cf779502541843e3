"""Versions as kernels, clouds and Kubernetes write them, and which of two is newer.

    1.33.5            6.6.87.2-microsoft-standard-WSL2     v1.34.0-rc.1       v1.33+
    v1.32.4-gke.1125000     v1.33.5-eks-3025e55     6.8.0-1031-aws     v1.33.1+rke2r1     5.14.0-427.13.1.el9_4.x86_64

Numbers count first, however many there are. A pre-release is below its release. A build counts where it is demanded:
it is compared with one of the same kind, and with another it cannot be. What a reading does not say cannot be told:
1.34 may be below 1.34.2. The reference drops whatever follows the numbers, but GKE's builds, and compares what both
have; trees of the reference are judged so. Source: semver.org 2.0.0, 9-11; reference row V4 for the other reading.
"""

from __future__ import annotations

import re
from decimal import Decimal

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import NamedTuple
from clusterbook.snapshot.recognition import PRE_RELEASE_LEADS, PRE_RELEASES

_LONGEST_PART = 1000
"""More digits are no number of anything; the reference's numbers end at 63 bits, and kernels count in 64."""
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:[-+](.*))?", re.ASCII | re.DOTALL)
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([A-Za-z%][A-Za-z%/]*)?", re.ASCII)
_PRE = re.compile(
    rf"(?:{PRE_RELEASE_LEADS})?({'|'.join(PRE_RELEASES)})[.-]?(\d+(?:\.\d+)*)?(?![a-z])", re.ASCII | re.IGNORECASE
)
_HASHED = r"eks-([0-9a-f]+)"
_NAMED = r"([A-Za-z][A-Za-z0-9_]*?)[.-]?(\d+(?:\.\d+)*)"
_COUNTED = r"(\d+(?:\.\d+)*)(?:[.-]([A-Za-z][\w.+-]*))?"
_ARCHITECTURES = r"\.(?:x86_64|aarch64|amd64|arm64)$"


class Build(NamedTuple):
    """What stands behind the numbers: `kind` says who counts, `numbers` are () where nobody does."""

    kind: str
    numbers: tuple[int, ...]
    text: str


class Version(NamedTuple):
    """A version; `pre` is () for a release, else the rank of its stage and its number."""

    numbers: tuple[int, ...]
    pre: tuple[int, ...] = ()
    build: Build | None = None
    text: str = ""


def read(text: str) -> Version | None:
    """Return the version that `text` is, None where it is none."""
    found = _VERSION.fullmatch(text)
    if not found or any(len(part) > _LONGEST_PART for part in found[1].split(".")):
        return None
    rest = found[2] or ""
    if pre := _PRE.match(rest):
        rank = PRE_RELEASES.index(pre[1].lower())
        return Version(_numbers(found[1]), (rank, *_numbers(pre[2] or "0")), None, text)
    return Version(_numbers(found[1]), (), _build(rest) if rest else None, text)


def _build(rest: str) -> Build:
    """Return what a suffix is."""
    if re.fullmatch(_HASHED, rest, re.ASCII):
        return Build("eks", (), rest)
    if counted := re.fullmatch(_COUNTED, re.sub(_ARCHITECTURES, "", rest), re.ASCII):
        return Build(counted[2] or "", _numbers(counted[1]), rest)
    if named := re.fullmatch(_NAMED, rest, re.ASCII):
        return Build(named[1], _numbers(named[2]), rest)
    return Build(rest, (), rest)


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(len(part) <= _LONGEST_PART for part in parts) else ()


def builds_compare(version: Version) -> bool:
    """Return whether a range over this version has an answer: it has no build, or one that somebody counts."""
    return version.build is None or bool(version.build.numbers)


def meets(op: str, actual: str, demanded: str) -> bool:
    """Return whether `actual op demanded` holds, for the four operators of ranges.

    Raises:
        InvalidRequest: one of them is no version, or the answer cannot be told from what `actual` says.
    """
    quantities = _QUANTITY.fullmatch(actual), _QUANTITY.fullmatch(demanded)
    if all(quantities) and any(each and (each[2] or each[1][0] in "+-") for each in quantities):
        return _holds(op, _order_of_quantities(actual, demanded))
    left, right = _version(actual), _version(demanded)
    both = min(len(left.numbers), len(right.numbers))
    if left.numbers[:both] != right.numbers[:both]:
        return _holds(op, 1 if left.numbers[:both] > right.numbers[:both] else -1)
    if len(left.numbers) < len(right.numbers):
        if not any(right.numbers[both:]) and not right.pre and op in (">=", "<") and not left.pre:
            return op == ">="  # 1.34 is any of 1.34.0 and above
        raise InvalidRequest(f"'{actual}' is not precise enough to compare with {demanded}", hint="")
    return _holds(op, _order_behind(left, right))


def _version(text: str) -> Version:
    version = read(text)
    if version is None:
        raise InvalidRequest(f"'{text}' is not a version", hint="a version is written in numbers: 1.30.2")
    return version


def _order_behind(left: Version, right: Version) -> int:
    """Return how two versions compare whose numbers are the same as far as the right one goes."""
    above = any(left.numbers[len(right.numbers) :])
    if left.pre or right.pre:
        if above:
            return 1 if right.pre else 0
        if left.pre and right.pre:
            return (left.pre > right.pre) - (left.pre < right.pre)
        return -1 if left.pre else 1
    if right.build is None:
        return 0
    if above:
        return 1
    mine, theirs = left.build, right.build
    if mine is not None and mine.text == theirs.text:
        return 0
    alike = mine is not None and (mine.kind == theirs.kind or (not theirs.kind and bool(mine.numbers)))
    if mine is None or not alike or not (mine.numbers and theirs.numbers):
        raise InvalidRequest(f"'{left.text}' and {right.text}: the build is not compared", hint="")
    size = min(len(mine.numbers), len(theirs.numbers))
    one, other = mine.numbers[:size], theirs.numbers[:size]
    return (one > other) - (one < other)


def _order_of_quantities(actual: str, demanded: str) -> int:
    """Return how two numbers with a sign or a unit compare."""
    (one, unit), (other, wanted) = (_QUANTITY.fullmatch(each).groups() for each in (actual, demanded))  # type: ignore[union-attr]
    if (unit or "") != (wanted or ""):
        what = f"'{actual}' is in {unit or 'no unit'}, and {demanded} in {wanted or 'none'}"
        raise InvalidRequest(what, hint=f"write the unit: {other} {unit}" if unit else "")
    left, right = Decimal(one), Decimal(other)
    return (left > right) - (left < right)


def _holds(op: str, order: int) -> bool:
    return {">=": order >= 0, ">": order > 0, "<=": order <= 0, "<": order < 0}[op]


def same(expected: str, actual: str) -> bool:
    """Return whether a reading is the expected version; a missing part is 0, and a build counts where it is named.

    Raises:
        InvalidRequest: the reading says less than what is expected: 1.33 may be 1.33.4 or not.
    """
    right, left = read(expected), read(actual)
    if right is None or left is None:
        return expected == actual
    both = len(left.numbers)
    if left.numbers == right.numbers[:both] and any(right.numbers[both:]) and not left.pre:
        raise InvalidRequest(f"'{actual}' is not precise enough to compare with {expected}", hint="")
    size = max(len(left.numbers), len(right.numbers))
    padded = [(*each.numbers, *[0] * (size - len(each.numbers))) for each in (left, right)]
    if padded[0] != padded[1] or left.pre != right.pre:
        return False
    if right.build is None:
        return True
    if left.build is None or left.build.kind != right.build.kind:
        return False
    counted = bool(left.build.numbers) and left.build.numbers == right.build.numbers
    return counted or left.build.text == right.build.text
