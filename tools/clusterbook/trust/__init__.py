"""Signatures: whom we believe, how somebody signs, and whether a signature counts."""
