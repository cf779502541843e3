"""Validation: a recipe held against a snapshot of a cluster."""
