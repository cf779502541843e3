"""Snapshots: what a cluster shows at one moment, and the paths and constraints that ask about it."""
