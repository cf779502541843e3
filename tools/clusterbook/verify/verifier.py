"""Who verifies: whom he believes, how he reaches registries, and the world around him."""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.artifacts.root import follow
from clusterbook.files.context import Context
from clusterbook.oci.open import Access, open_source
from clusterbook.trust.choose_policy import PolicyChoice, trust_options
from clusterbook.trust.policy import TrustOptions


class Verifier(NamedTuple):
    """Somebody who verifies.

    `published_in` is a source that says what is published and what of it was withdrawn; with `withdrawn`, that does
    not matter.
    """

    choice: PolicyChoice
    access: Access
    context: Context
    published_in: str | None = None
    withdrawn: bool = False

    def trust_options(self) -> TrustOptions:
        """Return whom he believes; a policy is only read where there is something to hold against it.

        A source that is asked is asked first for later versions of a root of trust.

        Raises:
            InvalidRequest: he names several policies, or one that is none.
            NotFound: a file that he names does not exist.
        """
        trust = trust_options(self.choice, self.context.environment, self.context.home)
        if self.published_in is None or trust.policy is None or not trust.policy.roots:
            return trust
        return follow(open_source(self.published_in, self.access), trust, self.context)[0]
