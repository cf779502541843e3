"""Push: one artifact goes into a registry or a layout: blobs, manifest, signature, and the tag last.

So whoever pulls meanwhile by the tag gets the old one or the new one, and never one whose signature is not there yet.
What is there already is not sent again, so that running it once more is how it is resumed.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress

from clusterbook.artifacts.attachment import Attachment
from clusterbook.artifacts.layout import Artifact
from clusterbook.diagnostics.transport import NoArtifact, WrongContent
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG
from clusterbook.oci.store import Store, from_bytes


def push(store: Store, artifact: Artifact, attachments: list[Attachment]) -> str:
    """Send an artifact under its tag, with what is said about it; return the digest that the tag named before, or "".

    Raises:
        WrongContent: what was sent is not what can be read back.
    """
    where, manifest = artifact.repository, artifact.manifest
    before = ""
    with suppress(NoArtifact):
        before = store.manifest(where, artifact.tag).digest
    with store.batch() if isinstance(store, Layout) else nullcontext():
        for blob, data in artifact.blobs:
            store.put_blob(where, blob, from_bytes(data))
        store.put_manifest(where, manifest)
        for each in attachments:
            about = each.manifest(manifest.descriptor)
            store.put_blob(where, EMPTY_CONFIG, from_bytes(EMPTY_BLOB))
            store.put_blob(where, about.layers[0], from_bytes(each.data))
            store.put_manifest(where, about)
        store.put_manifest(where, manifest, tag=artifact.tag)
    if store.manifest(where, artifact.tag).digest != manifest.digest:
        what = f"{store.where}/{where}:{artifact.tag} has other content already: somebody pushed at the same time"
        raise WrongContent(what, hint="push again, under a tag of its own")
    referrers = store.referrer_digests(where, manifest.digest)
    for each in attachments:  # where a tag lists what is attached, two who write it at once may lose an entry
        about = each.manifest(manifest.descriptor)
        if about.digest not in referrers:
            store.put_manifest(where, about)
    return before
