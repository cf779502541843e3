"""Published: the releases of a source, compared as those of a ledger are."""

from __future__ import annotations

import os

from clusterbook.cli.command import Request
from clusterbook.cli.fetch import read_access, read_choice
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.diff.facts import Side
from clusterbook.fetch.versions import PublishedReleases, open_versions
from clusterbook.files.context import Context
from clusterbook.ledger.model import RecipeVersion
from clusterbook.ledger.version import LedgerVersion, read_version
from clusterbook.resolve.content import content
from clusterbook.resolve.document import winners
from clusterbook.trust.choose_policy import trust_options

_SHORTEST_DIGEST = len("sha256:") + 12


class PublishedStore:
    """The versions of a source, as `ledger.diff.VersionStore` has them."""

    def __init__(self, versions: PublishedReleases) -> None:
        """Read what `versions` has when it is asked for."""
        self.versions = versions

    def releases(self) -> list[str]:
        """Return the names of the releases, the newest last."""
        return self.versions.releases()

    def entries(self, release: str) -> dict[str, RecipeVersion]:
        """Return what a release serves, by slug.

        Raises:
            NotFound: there is no such release.
        """
        names = self.releases()
        if release not in names:
            where = self.versions.source_index.base.store.where
            raise NotFound(f"{where} has no release {release}", hint=f"releases: {', '.join(names) or 'none'}")
        served = self.versions.served(release)
        return {slug: RecipeVersion(slug, read_version(version), said) for slug, (version, said) in served.items()}

    def by_digest(self, digest: str) -> RecipeVersion:
        """Return the recipe with a digest, of which at least twelve digits are given.

        Raises:
            InvalidRequest: too few digits, or several recipes begin so.
            NotFound: none does.
        """
        if len(digest) < _SHORTEST_DIGEST:
            raise InvalidRequest(f"'{digest}' is not a digest", hint="write sha256: and at least 12 hexadecimal digits")
        found = {known: named for known, named in self.versions.digests().items() if known.startswith(digest)}
        if len(found) > 1:
            raise InvalidRequest(f"{len(found)} recipes have a digest that begins so", hint="write more digits")
        if not found:
            raise NotFound(
                f"no recipe is published with the digest {digest}", hint="check that it is the right catalog"
            )
        ((whole, named),) = found.items()
        slug, version = named[0]
        return RecipeVersion(slug, read_version(version), whole)

    def side(self, slug: str, version: LedgerVersion) -> Side:
        """Return one version of a recipe as a side of a diff. Raises as `PublishedReleases.document`."""
        found = self.versions.document(slug, str(version))
        return Side(f"{slug}@{version}", content(found.recipe), winners(found.origins))

    def newest(self, slug: str) -> Side:
        """Return a recipe as the last release serves it.

        Raises:
            NotFound: it does not.
        """
        last = self.releases()[-1]
        served = self.entries(last)
        if slug not in served:
            raise NotFound(f"release {last} has no recipe {slug}", hint=did_you_mean(slug, served))
        return self.side(slug, served[slug].version)


def open_store(request: Request) -> PublishedStore:
    """Return the versions of the source that a command line names, believed as it says. Raises as `open_versions`."""
    context = Context.of(os.environ)
    trust = trust_options(read_choice(request), os.environ, context.home)
    return PublishedStore(open_versions(request.text("source"), trust, read_access(request, context), context))
