"""Lookup: an index of every answer, how it is built, and how a request finds its recipe in it."""
