"""Name: what an artifact is called by whoever signed it, held against the address it was asked for at."""

from __future__ import annotations

import re

from clusterbook.artifacts.layout import VERSION
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.reference import Reference
from clusterbook.trust.policy import SubjectMismatch
from clusterbook.trust.verify import VerifiedStatement

_VERSION = re.compile(r"v?[0-9]+(\.[0-9]+)+([-+._].*)?")


def check_name(reference: Reference, manifest: Manifest, verified: VerifiedStatement | None) -> str:
    """Return what an artifact is called by whoever signed it, `REPOSITORY:VERSION`, having held it against its address.

    A digest asks for exactly these bytes, whatever they are called.

    Raises:
        SubjectMismatch: it is another artifact or another version than its address says.
    """
    subjects = verified.statement.subjects if verified else ()
    names = sorted({each.name for each in subjects if each.digest == manifest.digest and each.name})
    version = manifest.annotations.get(VERSION, "")
    shown = f"{names[0] if names else ''}{f':{version}' if version else ''}".removeprefix(":")
    if reference.digest:
        return shown
    fits = [each for each in names if f"/{reference.host}/{reference.repository}".endswith(f"/{each}")]
    hint = f"pull it by its digest: @{manifest.digest}"
    if names and not fits and reference.repository:  # a layout has no repositories
        raise SubjectMismatch(f"{reference} is {shown}: it was signed under another name", hint=hint)
    if version and _VERSION.fullmatch(reference.tag) and reference.tag.removeprefix("v") != version.removeprefix("v"):
        raise SubjectMismatch(f"{reference} is {shown}, not {reference.tag}: the tag was moved", hint=hint)
    return shown
