"""Release: one release of the ledger with the sources it was made from, ready to become artifacts.

Where the sources of a commit and the record of the ledger do not agree, nothing is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import clusterbook
from clusterbook.artifacts import freshness
from clusterbook.artifacts.index import RECIPE_KIND
from clusterbook.artifacts.layout import (
    Artifact,
    NotOfTheLedger,
    ReleaseOrigin,
    ReleaseVersion,
    add_version,
    bundle_artifact,
    recipe_artifact,
)
from clusterbook.artifacts.sbom import ChartDigests, sbom
from clusterbook.bundle.media_types import archive_files, config
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import render
from clusterbook.catalog.images import Image, image_lists
from clusterbook.catalog.load import Catalog, load_catalog
from clusterbook.catalog.read import tree_from_texts, with_registry
from clusterbook.catalog.tree import RECIPES
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.documents.digest import canonical, tree_digest
from clusterbook.files.archive import pack_bytes
from clusterbook.ledger import git
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.version import read_version
from clusterbook.lookup import format as index_format
from clusterbook.lookup.build import catalog_parts, served_recipes
from clusterbook.lookup.format import Index
from clusterbook.lookup.index_files import embedded_texts
from clusterbook.publisher import names
from clusterbook.resolve import matrix
from clusterbook.resolve.content import Gatherer
from clusterbook.resolve.proof import Proofs
from clusterbook.resolve.resolver import Recipe
from clusterbook.trust.statement import PROVENANCE, Material, Subject, provenance, statement

BUILD_TYPE = "https://clusterbook.dev/build-types/publish/v1"
BUILDER = "https://clusterbook.dev/clusterbook-build"
SOURCE = f"git+{names.SOURCE}"


class PublishRequest(NamedTuple):
    """A release to publish: "" is the last one. `as_of` is the commit whose date the index bears; "" the release's own.

    `builder` and `source` are addresses, for the statement: who runs this, and where the commit is.
    """

    name: str
    recipes: Path
    registry: Path
    deployers: tuple[str, ...] = DEPLOYERS
    as_of: str = ""
    builder: str = BUILDER
    source: str = SOURCE


class UnmadeBundle(NamedTuple):
    """A bundle that cannot be made of an old release, and why."""

    slug: str
    version: str
    deployer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Publication:
    """What a release publishes.

    `versions` is what it serves; `history` every version of each recipe that it or a release before served; `served`
    version and digest by slug by release; `parts` what is said of the catalog as a whole,
    by name; `wholes` what bundles are made of, by slug. The one that `is_last` has all its bundles; of older ones, what
    this program can no longer make is told.
    """

    request: PublishRequest
    name: str
    origin: ReleaseOrigin
    catalog: str
    issued: datetime
    versions: tuple[ReleaseVersion, ...]
    history: Mapping[str, tuple[ReleaseVersion, ...]]
    served: Mapping[str, Mapping[str, tuple[str, str]]]
    withdrawn: tuple[freshness.IndexWithdrawal, ...]
    head: bytes
    parts: Mapping[str, bytes]
    wholes: Mapping[str, Mapping[str, Any]]
    images: Mapping[str, tuple[Image, ...]]
    charts: ChartDigests
    ledger: Ledger
    is_last: bool

    @property
    def deployers(self) -> tuple[str, ...]:
        """Whose bundles are published."""
        return self.request.deployers

    @property
    def sequence(self) -> int:
        """The number of the index: how many facts, releases and withdrawals, the ledger knew by then."""
        return len(self.served) + len(self.withdrawn)

    def statement(self, subjects: Iterable[Subject]) -> bytes:
        """Return what is signed: that these artifacts were made from the commit."""
        materials = [
            Material(f"{self.request.source}@{self.origin.commit}", {"gitCommit": self.origin.commit}),
            Material("recipes/", {"sha256": self.catalog.removeprefix("sha256:")}),
        ]
        parameters = {"release": self.name, "clusterbook": clusterbook.__version__}
        predicate = provenance(
            build_type=BUILD_TYPE, builder=self.request.builder, parameters=parameters, materials=materials
        )
        return statement(subjects, PROVENANCE, predicate)


def prepare(request: PublishRequest) -> Publication:
    """Return the release that is asked for, with its sources.

    Raises:
        NotFound: there is no such release, or not the commit it was made from.
        NotOfTheLedger: the sources of the commit are not those that the ledger records.
        SourceErrors: the sources contradict themselves.
    """
    ledger = open_ledger(request.registry)
    names = ledger.releases()
    name = request.name or next(reversed(names), "")
    if not name:
        raise NotFound(f"{request.registry} has no release", hint="make one: clusterbook-build release")
    document = ledger.release(name)
    texts = git.texts(request.recipes, document["commit"])
    if tree_digest(texts) != document["catalog"]:
        what = f"the sources at {document['commit'][:12]} are not those that release {name} records"
        raise NotOfTheLedger(what, hint="fetch the Git history that the ledger refers to")
    tree = with_registry(tree_from_texts(texts, label=RECIPES), embedded_texts)
    built = matrix.whole(load_catalog(tree))
    gatherer = Gatherer(built.catalog)
    upto = [each for each in names if read_version(each) <= read_version(name)]
    history = _history(ledger, upto)
    entries = ledger.entries(name)
    withdrawals = ledger.withdrawals()
    return Publication(
        request,
        name,
        _origin(ledger, name),
        document["catalog"],
        _issue_date(request, document["date"], _withdrawal_dates(ledger)),
        tuple(_find_version(history[slug], str(entry.version)) for slug, entry in entries.items()),
        history,
        {each: {slug: (str(e.version), e.digest) for slug, e in ledger.entries(each).items()} for each in upto},
        tuple(
            freshness.IndexWithdrawal(each.slug, str(each.version), each.reason, each.replacement)
            for each in withdrawals
        ),
        index_format.encode_head(Index(built.matcher, built.catalog.vocabulary)),
        {name.removesuffix(".json"): data for name, data in catalog_parts(built)},
        {
            slug: gatherer.whole(recipe, state=built.answer(recipe.criteria).state)
            for slug, recipe in served_recipes(built)
            if slug in entries
        },
        image_lists(built.catalog.documents),
        _chart_digests(built.catalog, (recipe for slug, recipe in served_recipes(built) if slug in entries)),
        ledger,
        is_last=name == names[-1],
    )


def _chart_digests(catalog: Catalog, recipes: Iterable[Recipe]) -> ChartDigests:
    """Return the digests of the charts that were at hand when the sources were proven, of the very source they name."""
    proofs, digests = Proofs(catalog), dict[tuple[str, str, str], str]()
    for component in (each for recipe in recipes for each in recipe.components):
        chart = (component.name, component.word("chart") or component.name, component.word("version"))
        if chart in digests or not component.word("source"):
            continue
        proof = proofs.of(component)
        if proof is not None and proof.archive.exact and proof.archive.digest:
            digests[chart] = proof.archive.digest
    return digests


def sbom_of(release: Publication, version: ReleaseVersion) -> bytes:
    """Return the SBOM of one version.

    Raises:
        NotOfTheLedger: the sources do not give it.
    """
    recipe = _whole_recipe(release, version)
    document = sbom(recipe, release.images, version=version.version, digest=version.digest, charts=release.charts)
    return canonical(document)


def _whole_recipe(release: Publication, version: ReleaseVersion) -> Mapping[str, Any]:
    if version.slug not in release.wholes:
        raise NotOfTheLedger(f"the sources do not resolve {version.slug}, which release {release.name} serves")
    return release.wholes[version.slug]


def artifacts_of(release: Publication, version: ReleaseVersion) -> Iterator[tuple[str, Artifact | UnmadeBundle]]:
    """Yield (kind, artifact) of one version: the recipe first, then its bundles.

    Raises:
        NotOfTheLedger: the sources give something else than the ledger records.
        InvalidRequest: the last release lacks what a bundle needs. Old ones may: then that is yielded instead.
    """
    recipe = add_version(_whole_recipe(release, version), version)
    origins = release.ledger.origins(version.slug, read_version(version.version))
    yield RECIPE_KIND, recipe_artifact(recipe, origins, version)
    for deployer in release.deployers:
        try:
            files = render(recipe, {"deployer": deployer}, clusterbook.__version__).files
        except InvalidRequest as error:
            if release.is_last:
                hint = f"{error.hint}; or publish recipes alone, with --no-bundles"
                what = f"{version.name} makes no bundle for {deployer}: {error.what}"
                raise InvalidRequest(what, hint=hint) from error
            yield deployer, UnmadeBundle(version.slug, version.version, deployer, error.what)
            continue
        layout = archive_files(deployer, files)
        yield deployer, bundle_artifact(deployer, config(deployer, files), layout, pack_bytes(layout), version)


def _origin(ledger: Ledger, release: str) -> ReleaseOrigin:
    document = ledger.release(release)
    return ReleaseOrigin(release, document["commit"], document["date"])


def _history(ledger: Ledger, releases: Iterable[str]) -> dict[str, tuple[ReleaseVersion, ...]]:
    """Return every version of each recipe that one of `releases` serves, the oldest first."""
    versions: dict[str, dict[str, ReleaseVersion]] = {}
    for release in releases:
        origin = _origin(ledger, release)
        for slug, entry in ledger.entries(release).items():
            version = ReleaseVersion(slug, str(entry.version), entry.digest, origin)
            versions.setdefault(slug, {}).setdefault(version.version, version)
    return {slug: tuple(versions.values()) for slug, versions in versions.items()}


def _find_version(versions: Iterable[ReleaseVersion], name: str) -> ReleaseVersion:
    return next(version for version in versions if version.version == name)


def _withdrawal_dates(ledger: Ledger) -> list[str]:
    return [each.date for each in ledger.withdrawals()]


def _issue_date(request: PublishRequest, date: str, later: Iterable[str]) -> datetime:
    """Return the date of the index: of the commit that is named, else of the last fact in it. Raises NotFound."""
    if request.as_of:
        date = git.commit(request.recipes, request.as_of).date
    return datetime.fromisoformat(max([date, *later]))
