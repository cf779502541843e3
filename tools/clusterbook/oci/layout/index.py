"""Index: what the index.json of a layout lists, by name, by digest and by subject.

Only what is asked for is taken apart: an index of thousands of entries takes longer than the rest of a fetch. The short
listing holds what a fetch begins with, so that it need not read all of a large layout.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from clusterbook.diagnostics.transport import Malformed
from clusterbook.documents.digest import canonical
from clusterbook.oci.manifest import INDEX, REF_NAME, Descriptor, parse_descriptor

LARGEST_BYTES = 64 << 20
SUBJECT = "dev.clusterbook.subject"
"""Says in an entry what the manifest behind it refers to. A hint: the manifest itself decides."""
LATEST = ":latest"
_OF = "dev.clusterbook.listing"
"""Says in a short listing of which index.json it is a part."""

_NOTHING = b'{"schemaVersion": 2, "manifests": []}'


class Listing:
    """The entries of an index.json, which unlike other indexes may be large. Reading raises Malformed."""

    def __init__(self, raw: bytes, name: str) -> None:
        """Take the bytes of an index.json; `name` is how a message calls it."""
        if len(raw) > LARGEST_BYTES:
            raise Malformed(f"{name} is larger than {LARGEST_BYTES >> 20} MiB")
        self._raw, self._name = raw, name
        self._document: tuple[list[Any], str] | None = None
        self._entries: list[Descriptor] | None = None
        self._referrers: dict[str, set[str]] | None = None

    @classmethod
    def of_entries(cls, entries: list[Descriptor], name: str) -> Listing:
        """Return the listing of entries that are not written down yet."""
        listing = cls(_NOTHING, name)
        listing._document, listing._entries = (list(entries), ""), entries
        return listing

    def entries(self) -> list[Descriptor]:
        """Return all entries."""
        if self._entries is None:
            self._entries = [self._descriptor(each) for each in self._manifests]
        return self._entries

    def find(self, name: str) -> Descriptor | None:
        """Return the entry with a name, the last one where several have it."""
        entries = [each for each in self._manifests if _annotation(each, REF_NAME) == name]
        return self._descriptor(entries[-1]) if entries else None

    def has(self, digest: str) -> bool:
        """Return whether there is an entry with a digest."""
        return any(_digest_of(each) == digest for each in self._manifests)

    def candidates(self, digest: str, artifact_type: str) -> list[Descriptor]:
        """Return the entries that may refer to `digest`; those that do not say to what they refer are among them."""
        return [
            self._descriptor(each)
            for each in self._manifests
            if _annotation(each, SUBJECT) in ("", digest)
            and (not artifact_type or _type_of(each) in ("", artifact_type))
        ]

    def referrers_of(self, digest: str) -> set[str]:
        """Return the digests of the entries that say themselves that they refer to `digest`; looks through all once."""
        if self._referrers is None:
            self._referrers = {}
            for each in self._manifests:
                if subject := _annotation(each, SUBJECT):
                    self._referrers.setdefault(subject, set()).add(str(_digest_of(each)))
        return self._referrers.get(digest, set())

    @property
    def full_digest(self) -> str:
        """The digest of the index.json that a short listing is a part of."""
        return self._read()[1]

    @property
    def _manifests(self) -> list[Any]:
        return self._read()[0]

    def _read(self) -> tuple[list[Any], str]:
        if self._document is None:
            try:
                document = json.loads(self._raw)
                if document["schemaVersion"] != 2 or "layers" in document or "config" in document:
                    raise ValueError("not an index of schema version 2")
                self._document = list(document["manifests"]), str((document.get("annotations") or {}).get(_OF, ""))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise self._damage(error) from error
        return self._document

    def _descriptor(self, entry: Any) -> Descriptor:
        try:
            return entry if isinstance(entry, Descriptor) else parse_descriptor(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise self._damage(error) from error

    def _damage(self, error: Exception) -> Malformed:
        return Malformed(f"{self._name} is damaged: {str(error)[:80]}")


def encode_listing(entries: Iterable[Descriptor]) -> bytes:
    """Return the bytes of an index.json."""
    return canonical(_document(entries))


def encode_short_listing(
    entries: Iterable[Descriptor], raw: bytes, subject_of: Callable[[Descriptor], str]
) -> bytes | None:
    """Return the short listing that goes with an index.json: what is called latest, and what refers to it.

    Args:
        entries: all entries.
        raw: the bytes of index.json.
        subject_of: the digest that an entry's manifest refers to; asked only where the entry does not say.
    """
    entries = list(entries)
    latest = [each for each in entries if _annotation(each, REF_NAME).endswith(LATEST)]
    digests = {each.digest for each in latest}
    referrers = [
        each
        for each in entries
        if each.digest not in digests
        and (_annotation(each, SUBJECT) or ("" if _annotation(each, REF_NAME) else subject_of(each))) in digests
    ]
    return canonical({**_document([*latest, *referrers]), "annotations": {_OF: _digest(raw)}}) if latest else None


def is_part_of(short: Listing, raw: bytes) -> bool:
    """Return whether a short listing goes with the index.json `raw`, which others may have written since."""
    return short.full_digest == _digest(raw)


def _document(entries: Iterable[Descriptor]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry.document() for entry in entries]}


def _digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def _annotation(entry: Any, key: str) -> str:
    """Return an annotation of an entry, which may be anything; "" when there is none."""
    annotations = entry.annotations if isinstance(entry, Descriptor) else _field(entry, "annotations")
    word = annotations.get(key, "") if isinstance(annotations, Mapping) else ""
    return word if isinstance(word, str) else ""


def _digest_of(entry: Any) -> Any:
    return entry.digest if isinstance(entry, Descriptor) else _field(entry, "digest")


def _type_of(entry: Any) -> Any:
    return entry.artifact_type if isinstance(entry, Descriptor) else _field(entry, "artifactType") or ""


def _field(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None
