"""The system: what the operating system and its kernel say about themselves. Source: reference rows S4-S7."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from clusterbook.collect.node.host import Host, gap, read
from clusterbook.snapshot.build import Capture, SubtypeReadings, measurement_part
from clusterbook.snapshot.inventory import DENIED, FAILED, PARTIAL, Gap
from clusterbook.snapshot.systems import normalise_release

Look = Callable[[Host], Capture]
"""A collector."""
RELEASE_FILES = ("/etc/os-release", "/usr/lib/os-release")
_SYSCTL = "/proc/sys"
_NOT_WALKED = ("/proc/sys/net", "/proc/sys/dev/cdrom")
"""Source: reference row S5."""
_SHOWN = 3
"""Most files that one reason names."""


def release(host: Host) -> Capture:
    """Return OS.release: every key of os-release.

    A container's own file is not read: it speaks of an image, and a recipe for that would be one for another cluster.
    """
    part = measurement_part("OS", "release")
    if host.contained:
        reason = "this container's own os-release says nothing about the node; mount its root and name it with --root"
        return Capture(gaps=(Gap(part, FAILED, reason),))
    for name in RELEASE_FILES:
        try:
            found = normalise_release(read_release(host.text(name)))
            if not found.get("ID"):
                return Capture(
                    {"OS": {"release": SubtypeReadings(found)}}, gaps=(Gap(part, FAILED, f"{name} has no ID"),)
                )
            return Capture({"OS": {"release": SubtypeReadings(found)}})
        except OSError as error:
            missing = gap(part, error, name)
            if not isinstance(error, FileNotFoundError):
                break
    return Capture(gaps=(missing,))


def read_release(text: str) -> dict[str, str]:
    """Return what an os-release says; see os-release(5) for its quotes."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key and not key.startswith("#"):
            found[key] = _unquote(value.strip())
    return found


def _unquote(value: str) -> str:
    quote = value[:1]
    if quote not in ("'", '"'):
        return value
    inner = value[1:].removesuffix(quote)
    return inner if quote == "'" else re.sub(r"\\([\"$`\\])", r"\1", inner)


def grub(host: Host) -> Capture:
    """Return OS.grub: the kernel's command line. Source: reference row S4."""
    try:
        found = read_command_line(read(host.kernel / "proc/cmdline"))
    except OSError as error:
        return Capture(gaps=(gap(measurement_part("OS", "grub"), error, "/proc/cmdline"),))
    return Capture({"OS": {"grub": SubtypeReadings(found)}})


def read_command_line(text: str) -> dict[str, str]:
    """Return the parameters of a kernel's command line; a bare word has no value, of several alike the last counts.

    What stands behind `--` is for init. Blanks within quotes belong to a value.
    """
    found = {}
    for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', text):
        if word == "--":
            break
        key, _, value = word.replace('"', "").partition("=")
        if key and key != "root":
            found[key] = value
    return found


def kmod(host: Host) -> Capture:
    """Return OS.kmod: the modules that are loaded. Source: reference row S6."""
    try:
        text = read(host.kernel / "proc/modules")
    except OSError as error:
        return Capture(gaps=(gap(measurement_part("OS", "kmod"), error, "/proc/modules"),))
    return Capture(
        {"OS": {"kmod": SubtypeReadings({line.split()[0]: True for line in text.splitlines() if line.strip()})}}
    )


def sysctl(host: Host) -> Capture:
    """Return OS.sysctl: every setting below /proc/sys that may be read, by its full path. Source: reference row S5."""
    part = measurement_part("OS", "sysctl")
    base = str(host.kernel / "proc/sys")
    found: dict[str, str] = {}
    denied: list[str] = []
    failed: list[str] = []
    try:
        os.listdir(base)  # noqa: PTH208 (only asked whether it can be had)
    except OSError as error:
        return Capture(gaps=(gap(part, error, _SYSCTL),))
    for where in _files(base, base, denied):
        name = _SYSCTL + where[len(base) :]
        try:
            found |= read_setting(name, read(Path(where)))
        except PermissionError:
            denied.append(name)
        except OSError as error:
            failed.append(f"{name}: {error.strerror}")
    gaps = [
        Gap(part, PARTIAL, f"{what}: {', '.join(names[:_SHOWN])}{_more(names)}")
        for what, names in ((DENIED, denied), (FAILED, failed))
        if names
    ]
    return Capture({"OS": {"sysctl": SubtypeReadings(found)}}, gaps=gaps)


def _more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""


def _files(folder: str, base: str, denied: list[str]) -> Iterator[str]:
    """Yield the files below a folder that somebody may read, links left out; note the folders that may not be."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        denied.append(_SYSCTL + folder[len(base) :])
        return
    for entry in entries:
        if entry.is_symlink() or _SYSCTL + entry.path[len(base) :] in _NOT_WALKED:
            continue
        if entry.is_dir():
            yield from _files(entry.path, base, denied)
        elif entry.stat().st_mode & 0o444:  # others are buttons to press
            yield entry.path


def read_setting(name: str, text: str) -> dict[str, str]:
    """Return a setting by its name; one of several lines `key value` becomes one setting a line."""
    value = text.strip("\n\0 \t")
    pairs = [line.split(None, 1) for line in value.splitlines()]
    if len(pairs) > 1 and all(len(pair) == 2 for pair in pairs):
        return {f"{name}/{key.removesuffix(':')}": rest.strip() for key, rest in pairs}
    return {name: value}
