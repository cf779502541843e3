"""The catalog: everything under recipes/, loaded, checked for shape, and merged with its origins."""
