"""Registries and image layouts: one store, read and written by digest."""
