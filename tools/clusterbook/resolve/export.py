"""The matrix as lines of JSON: one line a tuple, one line a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from clusterbook.catalog.criteria import Criteria, Vocabulary, read_tuple
from clusterbook.diagnostics.errors import InvalidRequest, unreadable
from clusterbook.diagnostics.findings import Place
from clusterbook.resolve.choices import read_pairs, variants
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED, Answer
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.views import hydrated_view, with_health_checks


class Query(NamedTuple):
    """One line of a file of tuples: criteria, what is chosen besides, by name, and the words that said so.

    `answer` is what becomes of it where somebody asked already.
    """

    criteria: Criteria
    asked: Mapping[str, str] = MappingProxyType({})
    words: str = ""
    answer: Answer | None = None

    def text(self) -> str:
        """Return the words, or without any `service/accelerator/intent/os/platform[?name=value]`."""
        if self.words:
            return self.words
        chosen = "&".join(f"{name}={value}" for name, value in self.asked.items())
        return self.criteria.text() + (f"?{chosen}" if chosen else "")


def every_query(matrix: Matrix) -> Iterator[Query]:
    """Yield every combination of the dimensions' values, and behind it what can be chosen of the recipe it is for."""
    for criteria in matrix.tuples():
        answer = matrix.answer(criteria)
        yield Query(criteria, answer=answer)
        if answer.state in (CURATED, COMPOSED):
            offers = matrix.recipes[str(answer.slug)].offers
            for selection in islice(variants(offers), 1, None):
                yield Query(
                    criteria, {name: value for name, value in selection if not offers[name].is_silent_about(value)}
                )


def lines(matrix: Matrix, queries: Iterable[Query], *, hydrate: bool, api_version: str = "") -> Iterator[str]:
    """Yield the lines about `queries`, then one about every recipe they lead to.

    A line is `{"tuple", "state", "slug", "reason"}` or `{"slug", "result"}`; the result has the shape of reference row
    Q2 when `hydrate`, else that of a stored recipe. Inherited and unsupported tuples also have `nearest` and `lost`.
    """
    slugs: set[str] = set()
    for query in queries:
        answer = query.answer or matrix.answer(query.criteria, query.asked)
        if answer.slug is not None:
            slugs.add(answer.slug)
        yield _tuple(matrix, query, answer)
    for slug in sorted(slugs):
        recipe = matrix.recipes[slug]
        document = recipe_document(recipe, state=matrix.answer(recipe.criteria).state)
        if hydrate:
            document = hydrated_view(document, api_version=api_version)
        else:
            document = with_health_checks(document, health_checks(recipe))
        yield _line({"slug": slug, "result": document})


def _tuple(matrix: Matrix, query: Query, answer: Answer) -> str:
    """Return the line about a tuple, its keys in sorted order; there are tens of thousands, so it is put together."""
    refused = ""
    if answer.state in (INHERITED, UNSUPPORTED):
        nearest = matrix.matcher.nearest(answer.query)
        refused = f'"lost":{_words(answer.lost)},"nearest":{_words(nearest)},'
    slug = "null" if answer.slug is None else _quoted(answer.slug)
    said = f'"reason":{_quoted(answer.reason)},"slug":{slug},"state":{_quoted(answer.state)}'
    return f'{{{refused}{said},"tuple":{_quoted(query.text())}}}\n'


def _words(words: Iterable[str]) -> str:
    return f"[{','.join(map(_quoted, words))}]"


def _line(document: dict[str, Any]) -> str:
    return _ENCODER.encode(document) + "\n"


_quoted = json.encoder.encode_basestring
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_query(text: str, vocabulary: Vocabulary) -> Query:
    """Return what `service/accelerator/intent/os/platform[/nodes][?name=value[&name=value]]` asks for.

    Raises:
        InvalidRequest: it is no tuple, or a value is not allowed.
    """
    words = text.strip()
    criteria, _, chosen = words.partition("?")
    return Query(read_tuple(criteria, vocabulary), read_pairs(chosen.split("&")) if chosen else {}, words)


def read_tuples(path: Path, vocabulary: Vocabulary) -> list[Query]:
    """Return the tuples in a file, one per line; blank lines are left out, and what stands there twice is one.

    Raises:
        NotFound: the file cannot be read.
        InvalidRequest: a line is no tuple; the place is named.
    """
    try:
        lines_ = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise unreadable(path, error, hint="name a file of tuples") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8 text", hint="save it as UTF-8") from error
    found: dict[str, Query] = {}
    for number, line in enumerate(lines_, start=1):
        try:
            if line.strip() and line.strip() not in found:
                found[line.strip()] = read_query(line, vocabulary)
        except InvalidRequest as error:
            raise InvalidRequest(error.what, hint=error.hint, place=Place(str(path), number, 1)) from error
    return list(found.values())


def summary(matrix: Matrix, text: str) -> str:
    """Return how many lines of which kind an export holds."""
    count = text.count('{"result":')
    failed = f"; {len(matrix.findings)} conflicts, see clusterbook-build check" if matrix.findings else ""
    return f"{text.count(chr(10)) - count:,} tuples, {count} recipes{failed}"
