"""Diff: what differs between two recipes, two snapshots, or a recipe and what is installed, as facts and as reports."""
