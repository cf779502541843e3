"""Operating systems: one spelling of id and version, whoever was asked.

A node's kubelet says `osImage`, feature discovery copies some of os-release into labels, and an agent reads the file
itself. All three end here, so that one node has one verdict. Source: os-release(5); reference rows R4, S7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clusterbook.records import NamedTuple
from clusterbook.snapshot.recognition import IMAGES, SYSTEMS, VERSION_PARTS

_FIRST_WORD = r"[A-Za-z]+"
_VERSION = r"(?:^|[\s(])v?(\d+(?:\.\d+)*)"
_SERVICE_PACK = r"\bSP(\d+)"
_COREOS = r"(\d)(\d\d)\.(\d)(\d+)\.\d{12}"
"""418.94.202510211307: OpenShift 4.18 on RHEL 9.4."""


class System(NamedTuple):
    """An operating system; `id` and `version` as os-release has them, "" where nobody says."""

    id: str = ""
    version: str = ""

    @property
    def criterion(self) -> str:
        """Return the name that recipes have for it, "" where no recipe is for it."""
        return SYSTEMS.get(self.id, "")

    def __str__(self) -> str:
        return f"{self.id} {self.version}".strip()


def system_of_image(image: str) -> System:
    """Return the system that a node's `osImage` names."""
    lower, word = image.lower(), re.match(_FIRST_WORD, image)
    name = next((name for start, name in IMAGES if lower.startswith(start)), word[0].lower() if word else "")
    version = re.search(_VERSION, image)
    text = version[1] if version else ""
    if name == "sles" and (pack := re.search(_SERVICE_PACK, image)):
        text += f".{pack[1]}"
    return system(name, text)


def system(name: str, version: str, rhel: str = "") -> System:
    """Return the system that os-release, or labels made of it, name: `rhel` is its RHEL_VERSION, if it says one."""
    name = name.strip().lower()
    if name == "rhcos":
        return System("rhel", rhel or _rhel_of_coreos(version))
    if name in VERSION_PARTS:
        return System(name, _parts(version, VERSION_PARTS[name]))
    return System(name, version.removeprefix("v") if name == "talos" else version)


def _rhel_of_coreos(version: str) -> str:
    """Return the RHEL that a CoreOS of Red Hat is made of, "" where its version is that of OpenShift."""
    build = re.search(_COREOS, version)
    if build:
        return f"{build[3]}.{build[4]}"
    major, dot, _ = version.partition(".")
    return _parts(version, 2) if dot and major.isdecimal() and 8 <= int(major) < 100 else ""


def _parts(version: str, count: int) -> str:
    return ".".join(version.split(".")[:count])


def normalise_release(release: Mapping[str, str]) -> dict[str, str]:
    """Return the readings of an os-release with ID and VERSION_ID in the one spelling; the rest as it stands."""
    one = system(release.get("ID", ""), release.get("VERSION_ID", ""), release.get("RHEL_VERSION", ""))
    said = {"ID": one.id, "VERSION_ID": one.version}
    kept = {key: value for key, value in release.items() if key not in said}
    return {**{key: said[key] for key in ("ID", "VERSION_ID") if key in release and said[key]}, **kept}
