"""Ledger: the record of what was published under registry/: planned, appended, read and audited."""
