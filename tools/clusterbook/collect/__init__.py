"""Collectors: how a machine and a cluster are captured; what cannot be seen is a gap, never silence."""
