"""The codes of all findings, gathered from the modules that declare them: what the guide and a SARIF report explain.

Every module that declares a code is named here; a test compares the list with the sources.
"""

from __future__ import annotations

from clusterbook.catalog import images, load, profiles, unread
from clusterbook.diagnostics.codes import gather
from clusterbook.documents import schema, yaml_reader
from clusterbook.evidence import ledger
from clusterbook.ledger import audit, plan
from clusterbook.lint import rules, run
from clusterbook.resolve import component, matrix

_DOCUMENTS = (yaml_reader, schema, images, load, profiles, unread)
CODES = gather((*_DOCUMENTS, component, matrix, *rules.SUBJECTS, rules, run, audit, plan, ledger))
"""Every code a finding may have, by code."""
