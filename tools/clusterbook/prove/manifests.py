"""Our own manifests of a component, rendered as a bundle renders them: with the same values that the chart gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.catalog.proofs import ProofSubject
from clusterbook.gotemplate import BrokenTemplate
from clusterbook.gotemplate import render as render_template
from clusterbook.prove.objects import Rendering, split


def render(subject: ProofSubject, values: Mapping[str, Any]) -> Rendering:
    """Return what a component's own manifests say with these values. Source: reference row B7."""
    data = {
        "Values": {subject.component: values},
        "Release": {"Name": subject.component, "Namespace": subject.namespace, "Service": "Helm"},
        "Chart": {"Name": subject.component, "Version": subject.version},
    }
    documents: list[str] = []
    for path, text in subject.manifests.items():
        try:
            documents += split(render_template(text, data, file=path))
        except BrokenTemplate as error:
            return Rendering((), f"{path}: {error.what}")
    return Rendering(tuple(documents))
