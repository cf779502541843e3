"""`bundle -o oci://HOST/REPOSITORY:TAG`: a bundle goes where its deployer pulls it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusterbook.artifacts.attachment import signature_attachment
from clusterbook.artifacts.own_bundle import OwnBundle, with_location
from clusterbook.artifacts.push import push
from clusterbook.bundle.make import make
from clusterbook.cli.command import Caller, Request
from clusterbook.cli.fetch import read_access
from clusterbook.cli.reply import Reply
from clusterbook.cli.sign import read_signer, sign_notes, verify_flags
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.files.context import Context
from clusterbook.files.write import write_bytes
from clusterbook.oci.open import is_artifact, open_artifact
from clusterbook.oci.reference import SCHEME, is_digest
from clusterbook.trust.statement import PROVENANCE

_FETCH = "clusterbook fetch bundle {exact}{check} -o bundle, then: "
NEXT = {
    "helm": f"{_FETCH}bundle/deploy.sh",
    "helmfile": f"{_FETCH}helmfile -f bundle/helmfile.yaml apply",
    "argocd": f"{_FETCH}kubectl apply -f bundle/app-of-apps.yaml",
    "argocd-helm": "helm install clusterbook-stack {home} --version {tag} --namespace argocd",
    "flux": f"{_FETCH}kubectl apply -f bundle/sync.yaml",
}
"""How a bundle is deployed that was pushed, by deployer."""


def push_bundle(
    where: str,
    recipe: Mapping[str, Any],
    options: Mapping[str, Any],
    notes: tuple[str, ...],
    request: Request,
    caller: Caller,
) -> Reply:
    """Make a bundle and push it, signed if that is asked for.

    Args:
        where: oci://HOST/REPOSITORY:TAG or oci-layout:FOLDER:TAG.
        recipe: the whole recipe.
        options: the options of the bundle.
        notes: what is to be said besides.
        request: who signs, how the registry is spoken to, and what is written.
        caller: who calls.

    Raises:
        ClusterbookError: the tag was not moved.
    """
    home, tag = _parts(where)
    if where.startswith(SCHEME):
        options = with_location(options, recipe, home, tag)
    if "force" in request.switches:
        raise InvalidRequest(
            "--force applies to a folder only", hint="leave it out: pushing moves the tag, and old digests stay"
        )
    signer = read_signer(request, caller.environment)
    made = make(recipe, options)
    own = OwnBundle(recipe, options, made.files)
    place = open_artifact(where, read_access(request, Context.of(caller.environment)), create=True)
    artifact = own.registry_artifact(place.reference.repository, tag)
    attachments = []
    if signer is not None:
        attachments.append(signature_attachment(signer.sign(own.statement(artifact)), PROVENANCE))
        notes = (*notes, *sign_notes(request))
    before, digest = push(place.store, artifact, attachments), artifact.manifest.digest
    if before not in ("", digest):
        notes = (*notes, f"{where} was {before} before")
    exact = f"{home}@{digest}"
    if "image_refs" in request.values:
        write_bytes(Path(request.values["image_refs"]), f"{exact.removeprefix(SCHEME)}\n".encode())
    check = f" {verify_flags(request)}" if signer else " --allow-unsigned"
    words = {"exact": shlex.quote(exact), "check": check, "home": shlex.quote(home), "tag": shlex.quote(tag)}
    document = {
        "output": where,
        "digest": digest,
        "reference": exact,
        "deployer": own.deployer,
        "components": len({folder.component for folder in made.plan.folders}),
        "releases": len(made.plan.folders),
        "files": len(made.files),
        "bytes": sum(len(data) for _, data in artifact.blobs),
        "signed": signer is not None,
        "notes": list(made.notes),
        "next": NEXT[own.deployer].format(**words),
        "verify": f"clusterbook verify {shlex.quote(exact)}"
        f" {verify_flags(request) if signer else '--min-trust-level unverified'}",
    }
    if request.text("format") == "json":
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    else:
        text = (
            f"{exact}: {document['components']} components as {document['releases']} releases in {document['files']}"
            f" files, {sum(len(data) for _, data in artifact.blobs) / 1024:.0f} KiB, tagged {tag}\n"
            f"deploy: {document['next']}\nverify: {document['verify']}\n"
        )
    return Reply(text, (*notes, *made.notes))


def _parts(where: str) -> tuple[str, str]:
    """Return the repository or layout that a target names, and the tag there.

    Raises:
        InvalidRequest: it names no tag, or a digest, which nobody can choose.
        BadReference: it is not written as a target.
    """
    home, _, tag = where.rpartition(":")
    if "@" in where.rpartition("/")[2]:
        raise InvalidRequest(f"{where} names a digest, which a push cannot choose", hint="name a tag instead")
    if not is_artifact(where) or is_digest(tag):
        raise InvalidRequest(f"{where} names no tag", hint=f"write -o {where}:1.0.0, say")
    return home, tag
