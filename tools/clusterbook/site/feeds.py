"""Feeds: what changed, for those who do not come by; and llms.txt, for programs that read.

Atom feeds. Dates are those of releases, so that same ledger gives same bytes. Source: RFC 4287.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from clusterbook.site import upgrades
from clusterbook.site.model import RecipeSummary, ReleaseView, SiteData, VersionView

_NEVER = "1970-01-01T00:00:00Z"
_MOST_NEEDS = 12
"""How many things that need somebody an entry says; its page has all."""
FeedEntry = tuple[str, str, str, str, str]
"""Identifier, title, address, date, summary."""


def files(data: SiteData, url: str) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of the feeds of the site, of each recipe and of each component, and of llms.txt.

    Addresses are relative to the feed unless `url` says where the site stands.
    """
    top = f"{url.rstrip('/')}/" if url else ""
    releases = [
        (f"release:{each.name}", f"Release {each.name}", f"{top}changes/{each.name}.html", each.date,
         _summary(f"{each.count} recipes, {len(each.moves)} of them new, changed or gone", _release_needs(data, each)))
        for each in data.releases
    ]  # fmt: skip
    yield "changes/feed.atom", _feed("site", "Clusterbook releases", _deeper(releases, top))
    for summary in data.recipes:
        yield (
            f"recipes/{summary.slug}.atom",
            _feed(summary.slug, summary.title, _deeper(_versions(data, summary, top), top)),
        )
    dates = {
        summary.slug: max((version.date for version in summary.versions), default=_NEVER) for summary in data.recipes
    }
    needs = upgrades.needs_by_version(data)
    for component in data.components:
        entries = [
            (
                f"{component.name}:{version}",
                f"{component.title} {version}",
                f"{top}components/{component.name}.html",
                max(dates[slug] for slug in slugs),
                _summary(f"in {len(slugs)} recipes", needs.get((component.name, version), ())),
            )
            for version, slugs in component.used.items()
        ]
        yield f"components/{component.name}.atom", _feed(component.name, component.title, _deeper(entries, top))
    yield "llms.txt", _for_programs(data).encode()


def _summary(text: str, needs: Sequence[str]) -> str:
    """Return what an entry says, what needs somebody first."""
    more = f"; and {len(needs) - _MOST_NEEDS} more" if len(needs) > _MOST_NEEDS else ""
    return f"needs you: {'; '.join(needs[:_MOST_NEEDS])}{more} | {text}" if needs else text


def _release_needs(data: SiteData, release: ReleaseView) -> list[str]:
    found = upgrades.release_step_view(data, release).needs
    return [f"{upgrades.sentence(need)} (in {count} recipes)" for count, need in found]


def _version_needs(data: SiteData, slug: str, version: VersionView) -> list[str]:
    plan = data.upgrades.plan(f"{slug}@{version.before}", f"{slug}@{version.number}") if version.before else None
    return list(map(upgrades.sentence, upgrades.needs_of(plan)))


def _versions(data: SiteData, summary: RecipeSummary, top: str) -> list[FeedEntry]:
    return [
        (
            f"{summary.slug}:{version.digest}",
            f"{summary.slug} {version.number}",
            f"{top}recipes/{summary.slug}/{version.number}.html",
            version.date,
            version.withdrawn
            or _summary(
                "; ".join(version.summary[:20]) or version.because, _version_needs(data, summary.slug, version)
            ),
        )
        for version in reversed(summary.versions)
    ]


def _deeper(entries: Sequence[FeedEntry], top: str) -> list[FeedEntry]:
    """Return entries as a feed one folder down addresses them."""
    return [(name, title, where if top else f"../{where}", date, text) for name, title, where, date, text in entries]


def _feed(name: str, title: str, entries: Sequence[FeedEntry]) -> bytes:
    updated = max((date for _, _, _, date, _ in entries), default=_NEVER)
    items = "".join(
        f"<entry><id>tag:clusterbook.dev,2026:{escape(ident)}</id><title>{escape(called)}</title>"
        f'<link href="{escape(where)}"/><updated>{date}</updated><summary>{escape(text)}</summary></entry>'
        for ident, called, where, date, text in entries
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>tag:clusterbook.dev,2026:feed:{escape(name)}</id><title>{escape(title)}</title>"
        f"<author><name>Clusterbook</name></author><updated>{updated}</updated>{items}</feed>\n"
    ).encode()


def _for_programs(data: SiteData) -> str:
    lines = [
        "# Clusterbook",
        "",
        "> Recipes for GPU Kubernetes clusters, every combination of criteria resolved beforehand.",
        "",
        "## API",
        "",
        "- [index](api/v1/index.json): every recipe, and what each combination of criteria leads to",
        "- [description](api/openapi.json): OpenAPI 3.1",
        "",
        "## Recipes",
        "",
    ]
    lines += [f"- [{each.slug}](api/v1/recipes/{each.slug}.json): {each.title}, {each.state}" for each in data.recipes]
    return "\n".join(lines) + "\n"
