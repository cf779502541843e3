"""The codes of all findings, gathered from the modules that declare them: what the guide and a SARIF report explain.

Every module that declares a code is named here; a test compares the list with the sources.
"""

from __future__ import annotations

from clusterbook.catalog import images as catalog_images
from clusterbook.catalog import load, profiles, unread
from clusterbook.diagnostics.codes import gather
from clusterbook.documents import schema, yaml_reader
from clusterbook.evidence import ledger
from clusterbook.ledger import audit, plan
from clusterbook.lint import (
    booleans,
    bundles,
    chart_values,
    components,
    credentials,
    disagreements,
    images,
    proofs,
    reachability,
    redundancy,
    references,
    rules,
    run,
    silences,
    style,
    version_floors,
    versions,
)
from clusterbook.resolve import component, matrix

_DOCUMENTS = (yaml_reader, schema, catalog_images, load, profiles, unread)
_RULES = (
    booleans,
    bundles,
    chart_values,
    components,
    credentials,
    disagreements,
    images,
    proofs,
    reachability,
    redundancy,
    references,
    rules,
    run,
    silences,
    style,
    version_floors,
    versions,
)

CODES = gather((*_DOCUMENTS, component, matrix, *_RULES, audit, plan, ledger))
"""Every code a finding may have, by code."""
