"""Lint: what merging hides in the sources, as findings with stable codes."""
