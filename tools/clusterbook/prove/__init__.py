"""Proving: what each value of a recipe does, found out by rendering its chart with and without it."""
