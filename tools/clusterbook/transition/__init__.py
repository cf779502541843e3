"""Transitions: what it takes to bring one component from one version to another, as its record says."""
