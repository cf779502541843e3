"""ConfigMaps: a snapshot kept in the cluster, under `cm://NAMESPACE/NAME`.

An object may have one MiB; a document that has more is packed, and one that is still too large is refused before
anything is written. What the reference wrote is read. Source: reference rows G10, G11, S32; packing is ours.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from clusterbook import __version__
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.kubernetes.api import Api

SCHEME = "cm://"
FORMATS = ("yaml", "json")
MAX_BYTES = 1000 * 1024
"""Most that goes into one ConfigMap: one MiB, less what the object itself takes. Source: Kubernetes, ConfigMaps."""
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_PACKED = ".gz"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class ConfigMapName(NamedTuple):
    """One ConfigMap."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{self.name}"


def parse_where(text: str) -> ConfigMapName:
    """Return the ConfigMap that `cm://NAMESPACE/NAME` means.

    Raises:
        InvalidRequest: it is written otherwise.
    """
    namespace, _, name = text.removeprefix(SCHEME).partition("/")
    if not text.startswith(SCHEME) or not _NAMESPACE.fullmatch(namespace) or not _NAME.fullmatch(name):
        raise InvalidRequest(f"'{text}' is not a ConfigMap reference", hint="write cm://NAMESPACE/NAME, in lower case")
    return ConfigMapName(namespace, name)


def write(
    api: Api, where: ConfigMapName, text: str, *, form: str, timestamp: str, kind: str = "snapshot", owner: str = ""
) -> None:
    """Keep `text` in a ConfigMap, which is made or changed; what others put there stays.

    Args:
        api: the cluster.
        where: the ConfigMap; its namespace has to exist.
        text: the document.
        form: what it is written in, yaml or json.
        timestamp: when it was taken, RFC 3339.
        kind: what it is; its key is `snapshot.yaml`, say.
        owner: the Job with which it goes, as `NAME/UID`; "" for none.

    Raises:
        InvalidRequest: it is too large, even packed, or the owner is written otherwise.
        ClusterbookError: the cluster does not take it.
    """
    configmap = manifest(where, text, form=form, timestamp=timestamp, kind=kind)
    if owner:
        name, _, uid = owner.partition("/")
        if not name or not uid:
            raise InvalidRequest(f"'{owner}' is not a Job reference", hint="write NAME/UID")
        configmap["metadata"]["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}]
    api.apply(where.path, configmap, force=True)


def manifest(where: ConfigMapName, text: str, *, form: str, timestamp: str, kind: str = "snapshot") -> dict[str, Any]:
    """Return the ConfigMap that keeps `text`; see `write`."""
    key, data = f"{kind}.{form}", text.encode()
    content: dict[str, Any] = {"data": {"format": form, "timestamp": timestamp}}
    if len(data) <= MAX_BYTES:
        content["data"][key] = text
    else:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = base64.b64encode(packer.compress(data) + packer.flush()).decode()
        if len(packed) > MAX_BYTES:
            size = f"{len(data) // 1024} KiB, {len(packed) // 1024} KiB packed"
            raise InvalidRequest(
                f"the {kind} is too large for a ConfigMap: {size}, and {MAX_BYTES // 1024} KiB fit",
                hint="write it to a file: -o FILE",
            )
        content["binaryData"] = {f"{key}{_PACKED}": packed}
    labels = {
        "app.kubernetes.io/name": "clusterbook",
        "app.kubernetes.io/component": kind,
        "app.kubernetes.io/version": _label(__version__),
        "app.kubernetes.io/managed-by": "clusterbook",
    }
    metadata = {"name": where.name, "namespace": where.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **content}


def _label(text: str) -> str:
    """Return `text` as a label's value may be."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:63].strip("._-")


def read(api: Api, where: ConfigMapName, *, kinds: Sequence[str] = ("snapshot",)) -> tuple[str, str]:
    """Return the document that a ConfigMap keeps, and what it is written in; the first of `kinds` there is.

    Raises:
        NotFound: there is no such ConfigMap, or it keeps something else.
        InvalidRequest: what it keeps is damaged.
    """
    configmap = api.get(where.path)
    data, packed = configmap.get("data") or {}, configmap.get("binaryData") or {}
    stored_form = str(data.get("format") or FORMATS[0])
    for key, form in ((f"{kind}.{form}", form) for kind in kinds for form in (stored_form, *FORMATS)):
        if key in data:
            return str(data[key]), form
        if f"{key}{_PACKED}" in packed:
            return _unpack(str(packed[f"{key}{_PACKED}"]), where), form
    kind_names, keys = " or ".join(kinds), ", ".join(sorted((*data, *packed))) or "nothing"
    raise NotFound(
        f"{where} has no {kind_names}; its keys are: {keys}", hint=f"the key must be {kinds[0]}.yaml or .json"
    )


def _unpack(packed: str, where: ConfigMapName) -> str:
    """Return packed text, never more of it than a document may have."""
    try:
        unpacker = zlib.decompressobj(31)
        data = unpacker.decompress(base64.b64decode(packed, validate=True), MAX_UNPACKED_BYTES)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise InvalidRequest(f"{where} is cut off, or larger than {MAX_UNPACKED_BYTES // 1024 // 1024} MB")
        return data.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{where} is damaged: {error}") from error
