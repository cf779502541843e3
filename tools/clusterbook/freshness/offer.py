"""Offers: which versions of a chart there are, as the index of a Helm repository or the tags of a registry say it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.transport import Malformed, NoArtifact
from clusterbook.documents.yaml_reader import parse
from clusterbook.transition.version_range import rank

_ENTRIES = re.compile(r"^\ufeff?entries:[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_KEY = re.compile(r"^(?P<indent> *)(?P<quote>[\"']?)(?P<name>[^\s\"':#-][^\"':]*)(?P=quote):[ \t]*\r?$")


class ChartOffer(NamedTuple):
    """One version of a chart; `created` is when it was made, "" where nobody says."""

    version: str
    created: str = ""


def in_index(text: str, chart: str, *, where: str) -> list[ChartOffer]:
    """Return the versions of a chart in the text of an `index.yaml`.

    Indexes have megabytes, so only the part about the chart is read as YAML.

    Raises:
        NoArtifact: the chart is not in it.
        Malformed: it is no index.
    """
    entries = _entry(text, chart, where)
    if not entries:
        raise NoArtifact(f"{where} has no chart {chart}", hint="correct the name, or the repository")
    offers = (each for each in entries if isinstance(each, Mapping) and isinstance(each.get("version"), str))
    return [ChartOffer(each["version"], str(each.get("created") or "")) for each in offers]


def _entry(text: str, chart: str, where: str) -> list[Any]:
    """Return what an index says of one chart. Raises Malformed."""
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)["entries"].get(chart) or []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Malformed(f"{where} is not a chart repository index") from error
        return found if isinstance(found, list) else []
    start = _ENTRIES.search(text)
    if start is None:
        raise Malformed(f"{where} is not a chart repository index")
    lines: list[str] = []
    indent = None
    for line in text[start.end() :].splitlines()[1:]:
        if line and not line[0].isspace():
            break
        key = _KEY.match(line)
        if key and (indent is None or len(key["indent"]) == indent):
            indent = len(key["indent"])
            if lines:
                break
            if key["name"] == chart:
                lines.append("found:")
        elif lines:
            lines.append(line)
    node = parse("\n".join(lines), where) if lines else None
    found = node.text_data() if node else {}
    return found.get("found") or [] if isinstance(found, dict) else []


def in_tags(tags: Iterable[str]) -> list[ChartOffer]:
    """Return the versions that tags of a registry are; Helm writes `_` for the `+` of a version."""
    return [ChartOffer(tag.replace("_", "+")) for tag in tags]


def newer(offers: Iterable[ChartOffer], version: str) -> list[ChartOffer]:
    """Return the offers above a version, the oldest first, one for each version.

    Pre-releases count only where the version is one itself, and a candidate for one of them no longer once that is
    there: in the order of versions `alpha.13-rc1` stands above `alpha.13`.
    """
    pinned = rank(version)
    if pinned is None:
        return []
    offered = list(offers)
    there = {where for offer in offered if (where := rank(offer.version)) is not None}
    found = {
        where: offer
        for offer in offered
        if (where := rank(offer.version)) is not None and where > pinned and (_is_release(where) or "-" in version)
        if _candidate_for(offer.version) not in there
    }
    return [found[where] for where in sorted(found)]


def _candidate_for(version: str) -> tuple[Any, ...] | None:
    """Return the rank of the pre-release that a version is a candidate for, None where it is for none."""
    release, _, last = version.rpartition("-")
    return rank(release) if "-" in release and last else None


def _is_release(where: tuple[Any, ...]) -> bool:
    """Return whether a rank is that of a release."""
    return bool(where[3])
