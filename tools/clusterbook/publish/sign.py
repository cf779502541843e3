"""Sign: a release is signed by one statement about its index and one about its artifacts.

The index pins everything by digest, so its signature covers all; the other statement is for those who come across a
single artifact. It is made in parts, since verifiers read no statement about more than MOST_SUBJECTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clusterbook.artifacts.attachment import Attachment, signature_attachment
from clusterbook.artifacts.index import Pin, repository
from clusterbook.publish.index import Listed, Pins, descriptor_of
from clusterbook.publish.release import Publication
from clusterbook.publish.send import Sender
from clusterbook.trust.policy import Policy, Untrusted
from clusterbook.trust.sign import Signer
from clusterbook.trust.statement import PROVENANCE, BrokenBundle, Subject, parse_bundle, split_subjects
from clusterbook.trust.verify import bundles_of, verify


class SignedPart(NamedTuple):
    """What one statement is about, and its signature."""

    subjects: Sequence[Listed]
    attachment: Attachment


def sign_release(
    release: Publication, subjects: Sequence[Listed], signer: Signer, policy: Policy | None, sender: Sender
) -> list[SignedPart]:
    """Return the signatures of a release, made now or found where an earlier run left them.

    Args:
        release: what is signed.
        subjects: its index, then its artifacts in an order that is always the same.
        signer: who signs.
        policy: who is believed, both now and when signatures of an earlier run are found.
        sender: brings each signature to the first that it is about, so that a run after a break finds it there.

    Raises:
        Untrusted: the policy does not believe whoever signs; clients with the same policy would not either.
    """
    signatures = []
    for part in [subjects[:1], *split_subjects(subjects[1:])]:
        statement = release.statement(Subject(name, pin.digest) for name, pin in part)
        bundle = _existing_signature(statement, part[0], signer.hint, policy, sender) or _sign(
            statement, part[0], signer, policy
        )
        signed = SignedPart(part, signature_attachment(bundle, PROVENANCE, created=release.origin.date))
        _attach(sender, part[0], signed)
        signatures.append(signed)
    return signatures


def attach_all(signed: Sequence[SignedPart], sender: Sender) -> None:
    """Attach each signature to all that it is about."""
    todo = [(each, one) for one in signed for each in one.subjects]
    sender.run_all("signatures", todo, lambda each: _attach(sender, *each))


def tag_all(pins: Pins, sender: Sender) -> None:
    """Call each artifact by its version, now that whatever speaks for it is there."""
    todo = [
        (repository(kind, version.slug), pin, version.version)
        for version, kinds in pins.items()
        for kind, pin in kinds.items()
    ]

    def tag(each: tuple[str, Pin, str]) -> None:
        where, pin, name = each
        sender.tag(where, sender.manifest(where, pin.digest), name)

    sender.run_all("tags", todo, tag)


def _attach(sender: Sender, about: Listed, signed: SignedPart) -> None:
    sender.attach(about[0], descriptor_of(about[1]), signed.attachment)


def _sign(statement: bytes, about: Listed, signer: Signer, policy: Policy | None) -> bytes:
    bundle = signer.sign(statement)
    if policy is not None:
        try:
            verify(bundle, about[1].digest, policy)
        except Untrusted as error:
            hint = f"{error.hint}; name a policy that trusts the signer with --policy"
            raise type(error)(f"clients would not trust what is published: {error.what}", hint=hint) from error
    return bundle


def _existing_signature(statement: bytes, about: Listed, hint: str, policy: Policy | None, sender: Sender) -> bytes:
    """Return the signature that this very statement has already, b"" when it has none that counts.

    One of another key does not: whoever changes keys wants everything signed anew, before the old one is given up.
    """
    repository, pin = about
    if policy is None:
        return b""
    for raw in bundles_of(sender.base.store, sender.base.repository(repository), pin.digest):
        try:
            verify(raw, pin.digest, policy)
            bundle = parse_bundle(raw)
            if (bundle.payload, bundle.hint) == (statement, hint):
                return raw
        except (Untrusted, BrokenBundle):
            continue
    return b""
