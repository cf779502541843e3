"""Releases that are read where there is no ledger."""
