"""Mirror archives: what an archive that crosses an air gap holds, where its parts go, and what could not be had.

    recipes, bundles, the index    in the repositories that they have anywhere, with signatures and SBOMs
    charts/…, images/…             charts and images, as `mirror_names` says
    mirror:latest                  this list

The release is signed; charts and images are as their publishers gave
them, and of those that a recipe pins by digest no others are taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle import mirror_names
from clusterbook.diagnostics.transport import BadReference, Malformed
from clusterbook.documents.digest import canonical
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, Descriptor, Manifest, artifact, describe_file
from clusterbook.oci.reference import SCHEME, check_digest, check_repository, check_tag_or_digest, parse_reference
from clusterbook.trust.policy import Tampered

MIRROR = "application/vnd.clusterbook.mirror.v1+json"
REPOSITORY, TAG = "mirror", "latest"
IMAGE, CHART, ARTIFACT = "image", "chart", "artifact"
LARGEST_LIST_BYTES = 16 << 20


class ArchivePart(NamedTuple):
    """One artifact of an archive: what it is called where it comes from, and where it is below the base."""

    kind: str
    name: str
    repository: str
    tag: str
    digest: str


class MissingPart(NamedTuple):
    """Something that could not be had, and why."""

    kind: str
    name: str
    why: str


class ArchiveContents(NamedTuple):
    """What an archive holds: which release, which recipes (`SLUG@VERSION`), and what is no part of a release.

    `missing` could not be had; of what is `unknown` no list has the names. `deployers` are those whose bundles were
    saved, None in archives that do not say so.
    """

    release: str
    recipes: tuple[str, ...]
    held: tuple[ArchivePart, ...]
    missing: tuple[MissingPart, ...]
    unknown: tuple[MissingPart, ...] = ()
    deployers: tuple[str, ...] | None = None


def manifest(contents: ArchiveContents) -> tuple[Manifest, list[tuple[Descriptor, bytes]]]:
    """Return the artifact that carries the list, and its blobs."""
    data = canonical(
        {
            "release": contents.release,
            "recipes": sorted(contents.recipes),
            "held": [each._asdict() for each in sorted(contents.held)],
            "missing": [each._asdict() for each in sorted(contents.missing)],
            **({"deployers": sorted(contents.deployers)} if contents.deployers is not None else {}),
            **({"unknown": [each._asdict() for each in sorted(contents.unknown)]} if contents.unknown else {}),
        }
    )
    layer = describe_file(MIRROR, data, "mirror.json")
    return artifact(MIRROR, [layer]), [(EMPTY_CONFIG, EMPTY_BLOB), (layer, data)]


def parse(raw: bytes, name: str) -> ArchiveContents:
    """Return the list that an archive called `name` carries.

    Raises:
        Malformed: it is none.
        Tampered: it puts something where something else belongs.
    """
    try:
        document = json.loads(raw)
        parts = tuple(ArchivePart(**each) for each in document["held"])
        for each in parts:
            _check(each)
        return ArchiveContents(
            str(document["release"]),
            tuple(map(str, document["recipes"])),
            parts,
            tuple(MissingPart(**each) for each in document["missing"]),
            tuple(MissingPart(**each) for each in document.get("unknown", ())),
            tuple(map(str, document["deployers"])) if "deployers" in document else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError, BadReference) as error:
        raise Malformed(f"{name}: its contents list is damaged", hint="save the archive again") from error


def _check(part: ArchivePart) -> None:
    """Make sure that a part goes where such a part goes: nobody signs the list, and recipes stand beside charts.

    Raises:
        ClusterbookError: its name is none, or its home is that of something else.
    """
    if not all(map(str.isprintable, part)):  # which raises TypeError for what is no text
        raise ValueError("a part is told in words")
    check_digest(part.digest)
    check_repository(part.repository)
    check_tag_or_digest(part.tag)
    if part.kind == IMAGE:
        parse_reference(SCHEME + part.name)
        image = mirror_names.image(part.name)
        right = image.home == (part.repository, part.tag) and image.digest in ("", part.digest)
    else:
        right = part.kind == CHART and part.repository.startswith(mirror_names.CHARTS)
    if not right:
        what = f"the contents list puts {part.kind} {part.name} to {part.repository}:{part.tag}"
        raise Tampered(f"{what}, where it does not belong", hint="do not load it: save the archive again")


def relocation(contents: ArchiveContents, base: str) -> dict[str, Any]:
    """Return where each chart and image is once an archive was loaded to `base` (`HOST/BASE`), by its own name."""

    def locations(kind: str) -> Mapping[str, str]:
        return {each.name: f"{base}/{each.repository}" for each in sorted(contents.held) if each.kind == kind}

    return {
        "charts": {name: f"oci://{where}" for name, where in locations(CHART).items()},
        "images": {each.name: f"{base}/{each.repository}@{each.digest}" for each in sorted(contents.held)
                   if each.kind == IMAGE},
    }  # fmt: skip


def hosts_files(contents: ArchiveContents, host: str, base: str, *, plain_http: bool = False) -> dict[str, str]:
    """Return the files by which containerd pulls images from a mirror under their own names: text by path.

    They go below the folder that `config_path` names, usually /etc/containerd/certs.d, on every node. Source:
    containerd, "Registry Configuration": with override_path, nothing is put into the mirror's address.
    """
    registries = sorted({(each.name.partition("/")[0], each.repository.split("/")[1])
                         for each in contents.held if each.kind == IMAGE})  # fmt: skip
    scheme = "http" if plain_http else "https"
    prefix = f"{base}/" if base else ""
    return {
        f"{registry}/hosts.toml": (
            f'server = "https://{"registry-1.docker.io" if registry == "docker.io" else registry}"\n\n'
            f'[host."{scheme}://{host}/v2/{prefix}images/{folder}"]\n'
            '  capabilities = ["pull", "resolve"]\n  override_path = true\n'
        )
        for registry, folder in registries
    }
