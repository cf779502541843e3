"""Criteria: which recipe of a published index answers them, as `recipe` would say of the same catalog."""

from __future__ import annotations

from clusterbook.lookup.find import Question, serve
from clusterbook.lookup.format import Index
from clusterbook.lookup.index import IndexShelf


class PublishedShelf(IndexShelf):
    """Tells which recipe answers criteria, by the head of an opened index; what is in it, artifacts say."""

    def __init__(self, head: Index) -> None:
        """Take the head of an index."""
        self.detected: dict[str, str | int] = {}
        self.unfit: dict[str, str] = {}
        self.unseen: dict[str, str] = {}
        self.remarks: list[str] = []
        self.matcher, self.vocabulary = head.matcher, head.vocabulary


def slug_for(question: Question, head: Index) -> tuple[str, tuple[str, ...]]:
    """Return the recipe that answers criteria, and notes about it. Raises as `answers.serve`."""
    answer, notes = serve(question, PublishedShelf(head), {})
    assert answer.slug is not None, "what is served has a name"
    return answer.slug, notes
