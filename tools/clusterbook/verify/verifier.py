"""Who verifies: whom he believes, how he reaches registries, and the world around him."""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.files.context import Context
from clusterbook.oci.open import Access
from clusterbook.trust.choose_policy import PolicyChoice, trusting
from clusterbook.trust.policy import Trusting


class Verifier(NamedTuple):
    """Somebody who verifies.

    `published_in` is a source that says what is published and what of it was withdrawn; with `withdrawn`, that does
    not matter.
    """

    choice: PolicyChoice
    access: Access
    around: Context
    published_in: str | None = None
    withdrawn: bool = False

    def trusting(self) -> Trusting:
        """Return whom he believes; a policy is only read where there is something to hold against it.

        Raises:
            InvalidRequest: he names several policies, or one that is none.
            NotFound: a file that he names does not exist.
        """
        return trusting(self.choice, self.around.environment, self.around.home)
