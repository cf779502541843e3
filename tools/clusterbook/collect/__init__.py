"""Collectors: how a machine is read.

Each collector takes a Host, whose root may lie anywhere, and brings home a Seen: readings, and what it could not see.
None of them knows what a recipe demands.
"""
