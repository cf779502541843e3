"""A node, as its files and programs show it."""
