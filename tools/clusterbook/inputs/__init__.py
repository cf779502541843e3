"""Inputs: the documents that a user hands in."""
