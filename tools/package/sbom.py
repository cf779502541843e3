"""The SBOM of what is installed with this program: every package of the lock file, with the digests of its wheels.

The same wheels give the same bytes: no date, no tool. What a base image holds is said by whoever publishes that.
Source: CycloneDX 1.6; purl specification, type `pypi`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename

from package.wheels import metadata

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://clusterbook.dev/package")


def sbom(own: Path, wheels: Iterable[Path]) -> str:
    """Return the CycloneDX document of our wheel and of the packages that are installed with it."""
    files = {path.name: path for path in wheels if path.name != own.name}
    packages: dict[str, dict[str, Any]] = {}
    for path in (files[name] for name in sorted(files)):
        component = _component(path)
        known = packages.setdefault(component["purl"], component)
        known["externalReferences"].append(_file(path))
    main = {**_component(own), "externalReferences": [_file(own)]}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, _digest(own) + ''.join(sorted(files)))}",
        "version": 1,
        "metadata": {"component": main},
        "components": [packages[purl] for purl in sorted(packages)],
        "dependencies": [{"ref": main["bom-ref"], "dependsOn": sorted(packages)}],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(wheel: Path) -> dict[str, Any]:
    """Return the package that a wheel is of."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    purl = f"pkg:pypi/{name}@{version}"
    head = metadata(wheel)
    expression = head.get("License-Expression")
    licenses = {"licenses": [{"expression": expression}]} if expression else {}
    return {"type": "library", "bom-ref": purl, "name": name, "version": str(version), "purl": purl, **licenses,
            "externalReferences": []}  # fmt: skip


def _file(wheel: Path) -> dict[str, Any]:
    return {
        "type": "distribution",
        "url": wheel.name,
        "hashes": [{"alg": "SHA-256", "content": _digest(wheel)}],
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
