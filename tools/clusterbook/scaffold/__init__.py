"""Scaffold: the first version of a source file, with what its siblings have, for a contributor to go on from."""
