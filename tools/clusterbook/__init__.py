"""Clusterbook: a Git-backed recipe registry and static catalog for GPU Kubernetes clusters."""

__version__ = "0.1.0"
